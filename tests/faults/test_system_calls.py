"""What the hot path costs: large receives, and no thread for output and ordinary commands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from remctl.testing import Server

CODE = """
import sys
from remctl import Remctl
client = Remctl("localhost", int(sys.argv[1]))
for _ in range(100):
    client.run(["test", "status", "0"])
client.command(["test", "bytes", "16000000"])
assert sum(len(token.output or b"") for token in client) == 16000000
"""


@pytest.fixture
def calls(server: Server, tmp_path: Path) -> dict[str, int]:
    """How often each system call was made by 100 commands and 16 MB of output."""
    if shutil.which("strace") is None:
        pytest.skip("it takes strace")
    counts = tmp_path / "counts"
    command = [sys.executable, "-c", CODE, str(server.port)]
    strace = ["strace", "-f", "-c", "-U", "calls,name", "-o", str(counts)]
    subprocess.run([*strace, *command], check=True, timeout=60)
    found = re.findall(r"^\s*(\d+)\s+(\w+)$", counts.read_text(), re.MULTILINE)
    return {name: int(number) for number, name in found}


def test_no_thread_but_for_the_handshake(calls: dict[str, int]) -> None:
    assert calls.get("clone", 0) + calls.get("clone3", 0) <= 3


@pytest.mark.measures
def test_large_receives(calls: dict[str, int]) -> None:
    """256 KiB at once where so much is there; libremctl alone reads a header, then its data."""
    assert calls["recvfrom"] < 1500
