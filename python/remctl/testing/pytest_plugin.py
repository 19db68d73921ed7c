"""Fixtures for pytest: `pytest_plugins = ["remctl.testing.pytest_plugin"]`.

`remctl_realm` and `remctl_server` are made once for the session, when first asked for; the
environment of the test process is the realm's from then on, until the session ends. Give
the fixture `remctl_commands` (of scope session) to say what the server can do.
"""

from collections.abc import Iterator

import pytest

from remctl.testing.commands import EXAMPLES, Commands
from remctl.testing.realm import Realm
from remctl.testing.server import Server


@pytest.fixture(scope="session")
def remctl_realm() -> Iterator[Realm]:
    """A realm whose user has a ticket, its variables in the environment."""
    with Realm() as realm, realm.environ():
        yield realm


@pytest.fixture(scope="session")
def remctl_commands() -> Commands:
    """The commands of `remctl_server`: `test hello`, `test args` and more, unless overridden."""
    return EXAMPLES


@pytest.fixture(scope="session")
def remctl_server(remctl_realm: Realm, remctl_commands: Commands) -> Iterator[Server]:
    """A remctld in `remctl_realm`."""
    with remctl_realm.server(remctl_commands) as server:
        yield server
