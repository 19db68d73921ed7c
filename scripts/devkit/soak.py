"""Soak the package: everything at once, at random, while servers and the KDC come and go.

    scripts/dev soak [--seconds N] [--commands N] [--seed S] [--processes N] [--write-docs]

Ten minutes where neither is given. The goal of the long form is

    scripts/dev soak --commands 1000000

whose servers are killed often enough for some ten thousand reconnects and more. --write-docs puts
the figures into docs/explanation/soak.md. PYTHON=... takes another Python, in a virtual environment
of its own. The exit status is 1 when anything was found that must not be.
"""

from devkit import prepare, usage


def main() -> None:
    """Make an environment for that Python, and go on in it."""
    usage(__doc__)
    name = "soak-$version"
    prepare(name, "test", install=["-C", f"build-dir=build/{name}"]).go_on("tests.programs.soak")
