"""Count the instructions of output() and command(), and fail where they have grown.

    scripts/dev instructions [--write] [--strict]

More than 5 % over benchmarks/instructions.json is a failure. --write writes the figures of today
there; --strict fails where there are none for this environment. It builds the package as
scripts/benchmark does, for the system's Python.
"""

from devkit import prepare_benchmarks, usage


def main() -> None:
    """Make the environment of the benchmarks, and go on in it."""
    usage(__doc__)
    prepare_benchmarks("gcc", "libc6-dev", "valgrind").go_on("benchmarks.instructions")
