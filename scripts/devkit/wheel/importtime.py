"""How long `from remctl import remctl` takes, from a wheel, in a fresh interpreter each time."""

from __future__ import annotations

import subprocess
import tempfile
import zipfile
from pathlib import Path

PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[1])
started = time.process_time()
from remctl import remctl
print((time.process_time() - started) * 1000)
"""
RUNS = 9


def measure(python: Path, wheel: Path, runs: int = RUNS) -> float:
    """Processor time, the shortest of some runs, in milliseconds; the files are in memory."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        command = [str(python), "-I", "-c", PROGRAM, folder]
        times = []
        # The first run also compiles the modules; it does not count.
        for _ in range(runs + 1):
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            times.append(float(done.stdout))
    return min(times[1:])
