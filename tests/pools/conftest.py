"""The pools of every world: for threads, and for the tasks of each event loop."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio.to_thread
import pytest
from remctl import AsyncConnectionPool, ConnectionPool

from tests.asynchronous.conftest import LOOPS

T = TypeVar("T")


async def in_thread(call: Callable[..., T], *arguments: Any, **keywords: Any) -> T:
    """Call a function in a thread, which goes on by itself when this is cancelled."""
    bound = functools.partial(call, *arguments, **keywords)
    return await anyio.to_thread.run_sync(bound, abandon_on_cancel=True)


class InThreads:
    """An object whose calls are made in threads, so that they are awaited as its twin's are."""

    def __init__(self, blocking: Any) -> None:
        self._blocking = blocking

    def __getattr__(self, name: str) -> Any:
        return functools.partial(in_thread, getattr(self._blocking, name))


class PoolInThreads(InThreads):
    """A `ConnectionPool` whose every call is made in a thread; see `AsyncConnectionPool`."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(ConnectionPool(*arguments, **keywords))
        self.stats: Callable[[], dict[str, int]] = self._blocking.stats

    async def __aenter__(self) -> PoolInThreads:
        await in_thread(self._blocking.__enter__)
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await in_thread(self._blocking.__exit__, *raised)

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[InThreads]:
        """Lend a connection for a block."""
        lending = self._blocking.connection(timeout)
        lent = await in_thread(lending.__enter__)
        try:
            yield InThreads(lent)
        except BaseException as error:
            await in_thread(lending.__exit__, type(error), error, error.__traceback__)
            raise
        else:
            await in_thread(lending.__exit__, None, None, None)


#: Makes a pool of the world that the test runs in; called as the pools' classes are.
MakePool = Callable[..., Any]

WORLDS = {"threads": LOOPS["asyncio"], **LOOPS}


@pytest.fixture(params=list(WORLDS))
def world(request: pytest.FixtureRequest) -> str:
    """Each world in turn, for `make_pool`; a test that asks for it is asynchronous."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """The loop of the test: that of its world."""
    return WORLDS[request.getfixturevalue("world")]


@pytest.fixture
def make_pool(world: str) -> MakePool:
    """Makes a pool of this world."""
    return PoolInThreads if world == "threads" else AsyncConnectionPool
