"""Fixtures for pytest: `pytest_plugins = ["remctl.testing.pytest_plugin"]`.

`remctl_realm` and `remctl_server` are created once per session, at their first use; from then
on the test process has the realm's environment, until the session ends. Override the fixture
`remctl_commands` (with scope session) to define the server's commands. `remctl_connection` is
open, and new for each test; `aremctl_connection` is its twin for event loops, which the test
opens with `async with`.

`remctl_fake` needs neither a KDC nor a server: see `remctl.testing.fake`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from remctl.testing.commands import EXAMPLES, Commands
from remctl.testing.realm import Realm
from remctl.testing.server import Server

if TYPE_CHECKING:
    from remctl import AsyncRemctl, Remctl
    from remctl.testing.fake import FakeCommands, FakeServer


@pytest.fixture(scope="session")
def remctl_realm() -> Iterator[Realm]:
    """A realm whose user has a ticket, with its variables in the environment."""
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


@pytest.fixture
def remctl_connection(remctl_server: Server) -> Iterator[Remctl]:
    """A `Remctl` connected to `remctl_server`."""
    from remctl import Remctl

    with Remctl(remctl_server.host, remctl_server.port) as connection:
        yield connection


@pytest.fixture
def aremctl_connection(remctl_server: Server) -> AsyncRemctl:
    """An `AsyncRemctl` for `remctl_server`, for any event loop.

    `async with aremctl_connection as connection:` opens and closes it.
    """
    from remctl import AsyncRemctl

    return AsyncRemctl(remctl_server.host, remctl_server.port)


@pytest.fixture
def remctl_fake() -> Iterator[Callable[..., FakeServer]]:
    """A function like `remctl.testing.fake_remctl`, which applies until the test ends.

    It takes the same arguments and returns the FakeServer.
    """
    from remctl.testing.fake import fake_remctl

    with ExitStack() as stack:

        def put(commands: FakeCommands, *, unreachable: Collection[str] = ()) -> FakeServer:
            return stack.enter_context(fake_remctl(commands, unreachable=unreachable))

        yield put
