"""What `tests.programs.interrupts` interrupts: calls of every kind, in every world."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from remctl import (
    AsyncConnectionPool,
    AsyncRemctl,
    ConnectionPool,
    Credentials,
    Remctl,
    RemctlTimeoutError,
    Target,
    afor_each,
    aremctl,
    arun_many,
    for_each,
    remctl,
    run_many,
)

HELLO = ["test", "hello"]
WORLDS = ("blocking", "asyncio", "uvloop", "trio")


@dataclass(frozen=True)
class Scenario:
    """What is done with an object (a connection, or a pool) and its server's host and port.

    What `act` returns is awaited if it is awaitable.
    """

    act: Callable[[Any, Target], Any]
    world: str = "blocking"
    of_a_pool: bool = False

    @property
    def opens(self) -> bool:
        """Whether it opens the connection, and may leave it closed."""
        return self.act is _open


# Where command() has returned its caller knows of the answer, and may have to read on.
sent: list[bool] = []


def _stream(r: Remctl, _: Target) -> None:
    with r.stream(HELLO) as stream:
        for _token in stream:
            pass


async def _astream(r: AsyncRemctl, _: Target) -> None:
    async with r.stream(HELLO) as stream:
        async for _token in stream:
            pass


def _command(r: Remctl, _: Target) -> None:
    r.command(HELLO)
    sent.append(True)
    while r.output().type != "done":
        pass


async def _acommand(r: AsyncRemctl, _: Target) -> None:
    await r.command(HELLO)
    sent.append(True)
    while (await r.output()).type != "done":
        pass


def _simple(_: Remctl, target: Target) -> None:
    remctl(target.host, target.port, None, HELLO)


async def _asimple(_: AsyncRemctl, target: Target) -> None:
    await aremctl(target.host, target.port, None, HELLO)


def _run_many(_: Remctl, target: Target) -> None:
    for outcome in run_many([target, target], HELLO):
        outcome.check()


async def _arun_many(_: AsyncRemctl, target: Target) -> None:
    async for outcome in arun_many([target, target], HELLO):
        outcome.check()


async def _arun_many_of_a_generator(_: AsyncRemctl, target: Target) -> None:
    async def hosts() -> AsyncIterator[Target]:
        yield target
        yield target

    async for outcome in arun_many(hosts(), HELLO):
        outcome.check()


def _some_of_run_many(_: Remctl, target: Target) -> None:
    outcomes = run_many([target] * 3, HELLO)
    next(outcomes).check()
    outcomes.close()


async def _some_of_arun_many(_: AsyncRemctl, target: Target) -> None:
    async with arun_many([target] * 3, HELLO) as outcomes:
        (await anext(outcomes)).check()


def _run_many_into_files(_: Remctl, target: Target) -> None:
    for outcome in run_many([target], HELLO, stdout=lambda _: BytesIO()):
        outcome.check()


async def _arun_many_into_files(_: AsyncRemctl, target: Target) -> None:
    async for outcome in arun_many([target], HELLO, stdout=lambda _: BytesIO()):
        outcome.check()


async def _job(r: AsyncRemctl) -> int | None:
    async with r.stream(HELLO) as stream:
        async for _token in stream:
            pass
    return (await r.run(HELLO)).status


def _for_each(_: Remctl, target: Target) -> None:
    for outcome in for_each([target, target], _job):
        outcome.check()


async def _afor_each(_: AsyncRemctl, target: Target) -> None:
    async for outcome in afor_each([target, target], _job):
        outcome.check()


def _block(pool: ConnectionPool, _: Target) -> None:
    with pool.connection() as r:
        r.run(HELLO)


async def _ablock(pool: AsyncConnectionPool, _: Target) -> None:
    async with pool.connection() as r:
        await r.run(HELLO)


def _pool_stream(pool: ConnectionPool, target: Target) -> None:
    with pool.connection(timeout=10) as r:
        _stream(r, target)


async def _apool_stream(pool: AsyncConnectionPool, target: Target) -> None:
    async with pool.connection(timeout=10) as r:
        await _astream(r, target)


def _error(pool: ConnectionPool, _: Target) -> None:
    with suppress(LookupError), pool.connection():
        raise LookupError


async def _aerror(pool: AsyncConnectionPool, _: Target) -> None:
    with suppress(LookupError):
        async with pool.connection():
            raise LookupError


def _lost(pool: ConnectionPool, _: Target) -> None:
    with pool.connection() as r:
        r.close()


async def _alost(pool: AsyncConnectionPool, _: Target) -> None:
    async with pool.connection() as r:
        await r.close()


def _busy(pool: ConnectionPool, _: Target) -> None:
    with (
        pool.connection(),
        pool.connection(),
        suppress(RemctlTimeoutError),
        pool.connection(timeout=0.001),
    ):
        pass


async def _abusy(pool: AsyncConnectionPool, _: Target) -> None:
    async with pool.connection(), pool.connection():
        with suppress(RemctlTimeoutError):
            async with pool.connection(timeout=0.001):
                pass


def _run(r: Any, _: Target) -> Any:
    return r.run(HELLO, timeout=10)


def _run_into_a_file(r: Any, _: Target) -> Any:
    return r.run(HELLO, stdout=BytesIO())


def _noop(r: Any, _: Target) -> Any:
    return r.noop()


def _open(r: Any, target: Target) -> Any:
    return r.open(target.host, target.port)


def _credentials() -> Credentials:
    """Those of the realm's keytab."""
    return Credentials.from_keytab(os.environ["KRB5_KTNAME"])


def _check(_: Any, __: Target) -> None:
    with _credentials() as credentials:
        credentials.check(timeout=10)
        credentials.renew(timeout=10)


async def _acheck(_: Any, __: Target) -> None:
    with _credentials() as credentials:
        await credentials.acheck(timeout=10)
        await credentials.arenew(timeout=10)


def _environ(_: Any, __: Target) -> None:
    with _credentials() as credentials, credentials.environ(timeout=10) as env:
        assert env["KRB5CCNAME"].startswith("FILE:")


async def _aenviron(_: Any, __: Target) -> None:
    with _credentials() as credentials:
        async with credentials.environ(timeout=10) as env:
            assert env["KRB5CCNAME"].startswith("FILE:")


def _fill(pool: Any, _: Target) -> Any:
    return pool.open()


_Act = Callable[[Any, Target], Any]

# In threads, and in an event loop; None where there is no such call.
_OF_A_CONNECTION: dict[str, tuple[_Act | None, _Act]] = {
    "run": (_run, _run),
    "run into a file": (_run_into_a_file, _run_into_a_file),
    "stream": (_stream, _astream),
    "command and output": (_command, _acommand),
    "noop": (_noop, _noop),
    "open": (_open, _open),
    "remctl": (_simple, _asimple),
    "run_many": (_run_many, _arun_many),
    "run_many, left early": (_some_of_run_many, _some_of_arun_many),
    "run_many into files": (_run_many_into_files, _arun_many_into_files),
    "run_many of a generator": (None, _arun_many_of_a_generator),
    "for_each": (_for_each, _afor_each),
    "Credentials": (_check, _acheck),
    "Credentials' environ": (_environ, _aenviron),
}
_OF_A_POOL: dict[str, tuple[_Act, _Act]] = {
    "pool's run": (_run, _run),
    "pool's run into a file": (_run_into_a_file, _run_into_a_file),
    "pool's connection": (_block, _ablock),
    "pool's connection, stream": (_pool_stream, _apool_stream),
    "pool's connection, error": (_error, _aerror),
    "pool's connection, closed": (_lost, _alost),
    "pool's connection, none free": (_busy, _abusy),
    "pool's open": (_fill, _fill),
}

SCENARIOS = {
    f"{name}, {world}": Scenario(act, world, of_a_pool)
    for of_a_pool, table in ((False, _OF_A_CONNECTION), (True, _OF_A_POOL))
    for name, (in_threads, in_a_loop) in table.items()
    for world in WORLDS
    if (act := in_threads if world == "blocking" else in_a_loop) is not None
}
