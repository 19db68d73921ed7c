"""Record the picture of `pyremctl` at work that the README shows.

scripts/dev picture docs/pictures/many-hosts.svg
"""

import sys

from devkit import prepare, usage


def main() -> None:
    """Make the environment of the tests, and go on in it."""
    usage(__doc__)
    if len(sys.argv) != 2:
        sys.exit(f"{sys.argv[0]}: it takes the file to write")
    install = ["-C", "build-dir=build/test"]
    here = prepare("test", "test", "lint", "types", more_packages=["iproute2"], install=install)
    here.go_on("devkit.terminal")
