"""The end of a process in which a daemon thread is parked with the turn in its hand.

The interpreter stops such a thread for good where it would take the lock back. Whatever it
holds then it holds for ever, and destructors that run later must not wait for it.
"""

import subprocess
import sys

import pytest
from remctl.testing import Server

SETUP = """
import os, sys, threading, time, types
from remctl import Remctl, RemctlError
client = Remctl("localhost", {port})
class Late:
    def __init__(self, action): self.action = action
    def __del__(self, now=time.monotonic, sleep=time.sleep, write=os.write):
        start = now()
        while now() - start < 0.4: sleep(0.05)  # tokens come meanwhile, and the daemon parks
        write(1, b"begin\\n")
        try: self.action()
        except Exception as error: write(1, type(error).__name__.encode() + b"\\n")
        write(1, b"end\\n")
thread = threading.Thread(target=lambda: read(), daemon=True)
"""

READS = {
    "output": (
        'client.command(["test", "stream", "50", "0.05"])\n'
        "def read():\n"
        "    while True: client.output()\n"
    ),
    "run": (
        "def read():\n"
        "    while True:\n"
        '        client.run(["test", "stream", "2", "0.05"])\n'
    ),
    "stream": (
        "def read():\n"
        "    while True:\n"
        '        for _ in client.stream(["test", "stream", "9", "0.05"]): pass\n'
    ),
    "open": (
        "def read():\n"
        '    while True: client.open("localhost", {port})\n'
    ),
    "noop": "def read():\n    while True: client.noop()\n",
}  # fmt: skip

PLACES = {
    "sys": "sys.late = Late({action})",
    "a module": (
        "module = types.ModuleType('m'); sys.modules['m'] = module\n"
        "module.late = Late({action}); del module"
    ),
}

ACTIONS = {
    "close": "client.close",
    "run": 'lambda: client.run(["test", "hello"])',
    "open": 'lambda: client.open("localhost", {port})',
    "nothing": "lambda: None",
}


@pytest.mark.parametrize(
    ("place", "action"),
    [
        ("sys", "close"),
        ("sys", "run"),
        ("sys", "nothing"),
        ("a module", "close"),
        ("a module", "open"),
    ],
)
@pytest.mark.parametrize("read", READS)
def test_a_late_destructor(server: Server, read: str, place: str, action: str) -> None:
    """It comes to its end, with an error where the turn cannot be had, and so does the process."""
    code = SETUP + READS[read] + "thread.start()\ntime.sleep(0.2)\n"
    code += (
        PLACES[place].replace("{action}", ACTIONS[action]) + "\nprint('main ends', flush=True)\n"
    )
    code = code.replace("{port}", str(server.port))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    said = done.stdout.splitlines()
    assert done.returncode == 0
    assert said[:2] == ["main ends", "begin"]
    assert said[-1] == "end"
    assert done.stderr == ""
