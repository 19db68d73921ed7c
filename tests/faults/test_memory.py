"""Memory stays flat: over any amount of output, and over any number of connections."""

import subprocess
import sys

import pytest
from remctl.testing import Server

MEBIBYTE = 1024 * 1024

pytestmark = pytest.mark.measures

STREAM = """
def use():
    total = sum(len(token.output or b"") for token in client.stream(["test", "bytes", str(SIZE)]))
    assert total == SIZE, total
"""
OUTPUT = """
def use():
    client.command(["test", "bytes", str(SIZE)])
    assert sum(len(token.output or b"") for token in client) == SIZE
"""


def growth(server: Server, code: str, warm_up: int, rounds: int) -> int:
    """By how many bytes a process grows from some rounds of `use()` after others."""
    lines = [
        "import gc, os, remctl",
        "from remctl import Remctl, RemctlError",
        f"port = {server.port}",
        "client = Remctl('localhost', port)",
        code,
        "def resident():",
        "    gc.collect()",
        "    return int(open('/proc/self/statm').read().split()[1]) * 4096",
        f"for _ in range({warm_up}): use()",
        "before = resident()",
        f"for _ in range({rounds}): use()",
        "print(resident() - before)",
    ]
    environment_code = "\n".join(lines)
    said = subprocess.check_output([sys.executable, "-c", environment_code], text=True, timeout=110)
    return int(said)


@pytest.mark.parametrize("code", [STREAM, OUTPUT], ids=["stream", "output"])
def test_streaming_a_gibibyte(server: Server, code: str) -> None:
    size = 512 * MEBIBYTE
    small = growth(server, f"SIZE = {size // 64}" + code, 1, 1)
    large = growth(server, f"SIZE = {size}" + code, 0, 1)
    assert small < 2 * MEBIBYTE
    assert large < 8 * MEBIBYTE  # the first round's own needs included


USES = {
    "reopen": ("def use(): client.open('localhost', port)", 300),
    "new object": ("def use(): Remctl('localhost', port)", 300),
    "simple call": (
        "def use(): remctl.remctl('localhost', port, None, ['test', 'status', '0'])",
        150,
    ),
    "command": ("def use(): client.run(['test', 'status', '0'])", 300),
    "noop": ("def use(): client.noop()", 3000),
    "large command": ("def use(): client.run([b'test', b'status', b'0', b'x' * 60_000])", 200),
    "failed open": (
        "other = Remctl()\n"
        "def use():\n"
        "    try: other.open('127.0.0.9', 1)\n"
        "    except RemctlError: pass",
        2000,
    ),
    "failed authentication": (
        "other = Remctl()\n"
        "def use():\n"
        "    try: other.open('localhost', port, 'host/nobody')\n"
        "    except RemctlError: pass\n"
        "    else: raise AssertionError",
        150,
    ),
    "stream left early": (
        "def use():\n    with client.stream(['test', 'bytes', '500000']) as s: next(s)",
        150,
    ),
    "timeout": (
        "client.set_timeout(0.001)\n"
        "def use():\n"
        "    client.set_timeout(5)\n"
        "    client.command(['test', 'sleep', '0.05'])\n"
        "    client.set_timeout(0.001)\n"
        "    try: client.output()\n"
        "    except RemctlError: pass",
        150,
    ),
}


@pytest.mark.parametrize("name", USES)
def test_using_it_over_and_over(server: Server, name: str) -> None:
    """libremctl leaks 6 KB with each reopening of a handle: 1.8 MB here."""
    code, rounds = USES[name]
    assert growth(server, code, rounds // 5, rounds) < MEBIBYTE // 2
