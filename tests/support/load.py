"""Both processors busy with something else."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def busy_processors() -> Iterator[None]:
    """Have a process compute on each processor for the length of the block."""
    code = "import sys, threading\nthreading.Thread(target=sys.stdin.read).start()\n"
    code += "while threading.active_count() > 1: sum(range(10000))\n"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
