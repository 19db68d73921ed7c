"""A realm and a real remctld for the session, with a command for every need of the tests.

The commands are the scripts in `data/commands`, each called as `test <name> ...`; their
first comment says what they do.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from remctl.testing import Command, Realm, Server
from remctl.testing.commands import Program

from tests.support.network import has_ipv6

FOLDER = Path(__file__).parent / "data" / "commands"

PROGRAMS: dict[str, Program] = {program.name: program for program in FOLDER.iterdir()}
PROGRAMS["stdin"] = Command(FOLDER / "stdin", stdin="last")
PROGRAMS["denied"] = Command(FOLDER / "hello", acl=("deny:ANYUSER",))

# The scripts in Python are to run with the Python that runs the tests.
ENVIRONMENT = {
    "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
}


def netstrings(output: bytes) -> list[bytes]:
    """The arguments that the command `args` has printed."""
    count, _, rest = output.partition(b"\n")
    arguments = []
    while rest:
        length, _, rest = rest.partition(b":")
        end = int(length)
        assert rest[end : end + 2] == b",\n"
        arguments.append(rest[:end])
        rest = rest[end + 2 :]
    assert len(arguments) == int(count)
    return arguments


def make_server(realm: Realm) -> Server:
    """A server with all the commands, on every loopback address there is."""
    addresses = ["127.0.0.1", *(["::1"] if has_ipv6() else [])]
    return realm.server({"test": PROGRAMS}, addresses=addresses, env=ENVIRONMENT)


@pytest.fixture(scope="session")
def realm() -> Iterator[Realm]:
    """A realm whose user has a ticket, its variables in the environment."""
    with Realm() as realm, realm.environ():
        yield realm


@pytest.fixture(scope="session")
def server(realm: Realm) -> Iterator[Server]:
    """The remctld that tests share: not to be stopped."""
    with make_server(realm) as server:
        yield server


@pytest.fixture
def own_server(realm: Realm) -> Iterator[Server]:
    """A remctld for one test, which may stop and start it."""
    with make_server(realm) as server:
        yield server
