"""Count the instructions of output() and command(), and fail where they have grown.

    scripts/dev instructions [--write] [--strict]

More than 5 % over benchmarks/instructions.json is a failure. --write writes the figures of today
there; --strict fails where there are none for this environment. It builds the package as
scripts/benchmark does, for the system's Python.
"""

import os

from devkit import prepare, usage


def main() -> None:
    """Make the environment of the benchmarks, and go on in it."""
    usage(__doc__)
    here = prepare(
        "benchmark",
        "benchmark",
        more_packages=["gcc", "libc6-dev", "valgrind"],
        install=["--config-settings=build-dir=build/benchmark"],
        python=os.environ.get("PYTHON") or "/usr/bin/python3",
    )
    here.go_on("benchmarks.instructions")
