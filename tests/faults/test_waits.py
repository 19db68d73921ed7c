"""Waits that wait: counted, for on a busy machine a loop takes little of the processor, too."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from remctl.testing import Server

SETUP = """
import contextlib, os, sys
from remctl import Remctl, RemctlTimeoutError
"""

LAST_ADDRESS = """
client = Remctl()
client.set_timeout(1)
with contextlib.suppress(RemctlTimeoutError):
    client.open(sys.argv[1], 4373)
"""

CHILD = """
client = Remctl("localhost", int(sys.argv[1]))
client.run(["test", "hello"])
if (pid := os.fork()) == 0:
    # The numbers of the parent's descriptors are those of files that are always readable.
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(8)]
    client.run(["test", "sleep", "1"])
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""


def waits(tmp_path: Path, code: str, *words: str) -> int:
    """How often a program asks the system what there is to do."""
    if shutil.which("strace") is None:
        pytest.skip("it takes strace")
    counts = tmp_path / "counts"
    strace = ["strace", "-f", "-c", "-U", "calls,name", "-e", "trace=poll,ppoll", "-o", str(counts)]
    program = [sys.executable, "-W", "ignore", "-c", SETUP + code, *words]
    subprocess.run([*strace, *program], check=True, timeout=60)
    found = re.findall(r"^\s*(\d+)\s+p?poll$", counts.read_text(), re.MULTILINE)
    return sum(map(int, found))


def test_for_the_last_silent_address(black_hole: str, tmp_path: Path) -> None:
    assert waits(tmp_path, LAST_ADDRESS, black_hole) < 150


@pytest.mark.forks
def test_in_the_child_of_a_fork(server: Server, tmp_path: Path) -> None:
    assert waits(tmp_path, CHILD, str(server.port)) < 150
