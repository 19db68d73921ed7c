"""How long one thread takes to wake another here: `python -m benchmarks.wakeups`.

A call that libremctl reads and writes in is carried out on a helper thread, so that this is what
`open()` and `noop()` cost beyond C (docs/maintainers/benchmarks-notes.md).
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from pathlib import Path

from benchmarks.clients import compile_c

RUNS = 9


def main() -> None:
    """Print the microseconds of a byte that goes to another thread and comes back."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        program = compile_c(Path(folder) / "c_wakeups", "c_wakeups.c", "-pthread")
        runs = [subprocess.check_output([program], text=True).split() for _ in range(RUNS)]
    anywhere, together = (
        statistics.median(map(float, figures)) for figures in zip(*runs, strict=True)
    )
    print("a byte to another thread and back:")
    print(f"  where the kernel puts them  {anywhere:5.1f} µs")
    print(f"  both on one processor       {together:5.1f} µs")


if __name__ == "__main__":
    main()
