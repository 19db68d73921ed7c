"""What the tests of this folder share: a throwaway realm with a server in it."""

import pytest

pytest_plugins = ["remctl.testing.pytest_plugin"]

LOCK = """#!/bin/sh
[ "$2" != root ] || { echo "root cannot be locked" >&2; exit 1; }
"""
ARCHIVE = """#!/bin/sh
[ "$2" != root ] || echo "root was archived" >&2
echo "/archive/$2.tar"
"""


@pytest.fixture(scope="session")
def remctl_commands():
    """What the server can do: only what the script needs."""
    return {"account": {"lock": LOCK, "archive": ARCHIVE}}
