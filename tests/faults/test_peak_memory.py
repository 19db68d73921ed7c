"""What a large answer, or a large command, takes of memory while it is on its way."""

import subprocess
import sys

import pytest
from remctl.testing import Server

SIZE = 100_000_000
MEBIBYTE = 1024 * 1024

pytestmark = pytest.mark.measures

MEASURE = """
import sys, remctl
from remctl import Remctl
port, SIZE = int(sys.argv[1]), int(sys.argv[2])
client = Remctl("localhost", port)
def use(size):
    {use}
def high_water():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
data = b"x" * SIZE
use(1000)
open("/proc/self/clear_refs", "w").write("5")  # the high-water mark is now what is used
before = resident()
kept = use(SIZE)
print(high_water() - before)
"""

ANSWER = '["test", "bytes", str(size)]'
USES = {
    "run": (f"return client.run({ANSWER}).stdout", 1.1),
    "simple call": (f'return remctl.remctl("localhost", port, None, {ANSWER}).stdout', 1.1),
    "stream": (f"for token in client.stream({ANSWER}): pass", 0.05),
    # The caller's own argument, which is there before, does not count.
    "command": ("return client.run([b'test', b'stdin', data[:size]]).status", 1.1),
}


@pytest.mark.parametrize("name", USES)
def test_peak(server: Server, name: str) -> None:
    """In shares of the size: an answer is held once, and a stream not at all."""
    use, share = USES[name]
    code = MEASURE.replace("{use}", use)
    done = subprocess.run(
        [sys.executable, "-c", code, str(server.port), str(SIZE)],
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.stderr == ""
    assert int(done.stdout) < share * SIZE + 2 * MEBIBYTE, int(done.stdout) / SIZE
