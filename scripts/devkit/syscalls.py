"""Count the system calls of a bulk transfer: this package, the old binding, the C client.

    scripts/dev syscalls [MEBIBYTES] > docs/maintainers/system-calls.md

prints a page in Markdown; the output is 64 MiB unless another size is given.
"""

from devkit import prepare_benchmarks, usage


def main() -> None:
    """Make the environment of the benchmarks, and go on in it."""
    usage(__doc__)
    here = prepare_benchmarks("strace", "remctl-client", "python3-pyremctl")
    here.go_on("benchmarks.syscalls")
