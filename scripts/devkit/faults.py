"""Make every call that the extension makes of the system fail, one after another, in every verb.

    scripts/dev faults [--most N] [--from-then-on N] [--function NAME] [SCENE...]

For each verb (a scene of tests/support/faulty.py), each function and each error that it can have,
the n-th call fails, for every n, or for N of them; and then N times (3) all calls from the n-th on.
Each time there must be the right result or a documented exception, nothing left, and an object
that serves on. The exit status is 1 when anything else has come.
"""

from devkit import prepare, usage


def main() -> None:
    """Make the environment of the tests, and go on in it."""
    usage(__doc__)
    install = ["-C", "build-dir=build/test"]
    here = prepare("test", "test", "lint", "types", install=install, if_missing=True)
    here.go_on("tests.programs.faults")
