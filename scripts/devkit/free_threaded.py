"""Run the tests on a Python without the global interpreter lock.

    scripts/dev free-threaded [ARGUMENT OF PYTEST...]

The Python is $PYTHON, or one that is built for the purpose (`scripts/dev wheel python`). Without
arguments the tests of the engine run, and of the interface; others may need packages that such
a Python does not have.
"""

import os
import sys

from devkit import PACKAGES, prepare, usage

# What measures is left to the plain run. And CPython leaves the locks of objects in the child of a
# fork as they were: it waits for ever for a dict that a thread of the parent's was looking into.
MARKS = "not measures and not forks_in_a_crowd"
TESTS = ["tests/concurrency", "tests/interface", "tests/faults"]
OF_PYTHON = "import sys; sys.exit(getattr(sys, '_is_gil_enabled', lambda: True)())"
OF_EXTENSION = "import sys; from remctl import _remctl; sys.exit(sys._is_gil_enabled())"


def interpreter() -> str:
    """$PYTHON, or one that is built now."""
    named = os.environ.get("PYTHON")
    if named:
        return named
    tools = ["make", "zlib1g-dev", "libssl-dev", "libffi-dev"]
    here = prepare("compile", more_packages=tools)
    built = here.output("python", "scripts/dev", "wheel", "python", "--free-threaded")
    return built.splitlines()[-1]


def main() -> None:
    """Make an environment for such a Python, and run pytest in it."""
    usage(__doc__)
    here = prepare(
        "free-threaded",
        "test-engine",
        packages=[*PACKAGES, "iproute2"],
        install=["-C", "build-dir=build/free-threaded"],
        python=interpreter(),
    )
    here.run("python", "-c", OF_PYTHON)
    here.run("python", "-c", OF_EXTENSION)
    tests = sys.argv[1:] or TESTS
    pytest = ["python", "-m", "pytest", "-p", "no:cacheprovider", "-m", MARKS, *tests]
    # The package gssapi, which the made-up servers use, does not say that it can do without the
    # lock, and would turn it on.
    here.run(*pytest, PYTHON_GIL="0")
