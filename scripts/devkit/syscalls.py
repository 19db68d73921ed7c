"""Count the system calls of a bulk transfer: this package, the old binding, the C client.

scripts/dev syscalls [MEBIBYTES] > docs/maintainers/system-calls.md
"""

import os

from devkit import prepare, usage


def main() -> None:
    """Make the environment of the benchmarks, and go on in it."""
    usage(__doc__)
    here = prepare(
        "benchmark",
        "benchmark",
        more_packages=["strace", "remctl-client", "python3-pyremctl"],
        install=["--config-settings=build-dir=build/benchmark"],
        python=os.environ.get("PYTHON") or "/usr/bin/python3",
    )
    here.go_on("benchmarks.syscalls")
