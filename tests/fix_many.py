"""Many hosts: a remctld on every address of 127.0.0.0/8, and the ways to run a command there."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import trio
from remctl import Outcome, Target, afor_each, arun_many, for_each, run_many
from remctl.testing import Realm, Server

from tests.fix_realm import ENVIRONMENT, PROGRAMS


@dataclass
class Many:
    """A server that is any number of hosts.

    Attributes:
        server: the remctld.
        principal: who each of the hosts is.
    """

    server: Server
    principal: str

    def hosts(self, number: int) -> list[str]:
        """So many hosts, by their addresses."""
        return [f"127.1.{i // 250}.{i % 250 + 1}" for i in range(number)]

    def targets(self, number: int) -> list[Target]:
        """The same, with port and principal."""
        return [self.target(host) for host in self.hosts(number)]

    def target(self, host: str = "127.0.0.1") -> Target:
        """One host, with port and principal."""
        return Target(host, self.server.port, self.principal)


def make_server(realm: Realm) -> Server:
    """A server on all addresses."""
    return realm.server({"test": PROGRAMS}, addresses=["0.0.0.0"], env=ENVIRONMENT)


@pytest.fixture(scope="session")
def many(realm: Realm) -> Iterator[Many]:
    """The hosts that tests share: not to be stopped."""
    with make_server(realm) as server:
        yield Many(server, f"host/localhost@{realm.name}")


#: Calls run_many() or its twin with its arguments, and gives all outcomes.
Runs = Callable[..., list[Outcome]]


def _blocking(*arguments: Any, **keywords: Any) -> list[Outcome]:
    return list(run_many(*arguments, **keywords))


async def _all(*arguments: Any, **keywords: Any) -> list[Outcome]:
    return [outcome async for outcome in arun_many(*arguments, **keywords)]


def _on_asyncio(*arguments: Any, **keywords: Any) -> list[Outcome]:
    return asyncio.run(_all(*arguments, **keywords))


def _on_trio(*arguments: Any, **keywords: Any) -> list[Outcome]:
    async def main() -> list[Outcome]:
        return await _all(*arguments, **keywords)

    return trio.run(main)


@pytest.fixture(params=[_blocking, _on_asyncio, _on_trio], ids=["blocking", "asyncio", "trio"])
def runs(request: pytest.FixtureRequest) -> Runs:
    """`run_many()`, and `arun_many()` in each event loop."""
    chosen: Runs = request.param
    if chosen is _each_on_uvloop:
        import uvloop

        uvloop.new_event_loop().close()  # the first one makes what all have, and keeps it
    return chosen


def _each_blocking(*arguments: Any, **keywords: Any) -> list[Outcome]:
    return list(for_each(*arguments, **keywords))


async def _each(*arguments: Any, **keywords: Any) -> list[Outcome]:
    return [outcome async for outcome in afor_each(*arguments, **keywords)]


def _each_on_asyncio(*arguments: Any, **keywords: Any) -> list[Outcome]:
    return asyncio.run(_each(*arguments, **keywords))


def _each_on_uvloop(*arguments: Any, **keywords: Any) -> list[Outcome]:
    import uvloop  # which not every environment of the tests has

    loop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(_each(*arguments, **keywords))
    finally:
        loop.close()


def _each_on_trio(*arguments: Any, **keywords: Any) -> list[Outcome]:
    async def main() -> list[Outcome]:
        return await _each(*arguments, **keywords)

    return trio.run(main)


@pytest.fixture(
    params=[_each_blocking, _each_on_asyncio, _each_on_uvloop, _each_on_trio],
    ids=["blocking", "asyncio", "uvloop", "trio"],
)
def each(request: pytest.FixtureRequest) -> Runs:
    """`for_each()`, and `afor_each()` in each event loop."""
    chosen: Runs = request.param
    if chosen is _each_on_uvloop:
        import uvloop

        uvloop.new_event_loop().close()  # the first one makes what all have, and keeps it
    return chosen
