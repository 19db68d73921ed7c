"""A world of `tests.programs.silence`: what a call is made with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
from remctl import AsyncConnectionPool, AsyncRemctl, ConnectionPool, Remctl, RemctlError

from tests.programs.interrupts import done
from tests.programs.silence_ground import Ground, Kind, Place

LIMIT = 0.5  # seconds: the `timeout=` of each call
FIRST_LOOK = 0.2  # how long from_ccache() and from_keytab() may take
SLOW = 0.8  # how long the caller's own code takes

#: What is measured. What it returns is awaited if it is awaitable.
Act = Callable[[], Any]


@dataclass
class World:
    """The interface for threads or for event loops, for one call.

    Attributes:
        stack: what was made for the call, to be closed after it.
        tasks: where other tasks run, in an event loop.
    """

    name: str
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    tasks: anyio.abc.TaskGroup | None = None

    @property
    def blocking(self) -> bool:
        """Whether there is no event loop."""
        return self.name in ("blocking", "command line")

    def later(self, close: Act) -> None:
        """Do this when the call has ended."""

        async def end() -> None:
            await done(close())

        self.stack.push_async_callback(end)

    def client(self, place: Place, **keywords: Any) -> Any:
        """A client that is not open."""
        kind: Any = Remctl if self.blocking else AsyncRemctl
        client = kind(**place.tickets, **keywords)
        self.later(client.close)
        return client

    async def opened(self, place: Place, **keywords: Any) -> Any:
        """A client that is open."""
        client = self.client(place, **keywords)
        await done(client.open(place.host, place.port, place.principal))
        return client

    async def lost(self, ground: Ground, place: Place) -> Any:
        """A client whose connection has just been lost: its next call makes a new one."""
        client = await self.opened(place)
        with suppress(RemctlError):
            await done(client.run(ground.place(Kind.HANG_UP).command))
        return client

    def pool(self, place: Place, **keywords: Any) -> Any:
        """A pool that has connected to nobody."""
        kind: Any = ConnectionPool if self.blocking else AsyncConnectionPool
        where = place.host, place.port, place.principal
        pool = kind(*where, max_size=1, **place.tickets, **keywords)
        self.later(pool.close)
        return pool

    async def enter(self, manager: Any) -> tuple[Any, Act]:
        """What a block gives, and what ends it."""
        if self.blocking:
            return manager.__enter__(), lambda: manager.__exit__(None, None, None)
        return await manager.__aenter__(), lambda: manager.__aexit__(None, None, None)

    async def all(self, source: Any) -> list[Any]:
        """All that an iterator of either kind gives."""
        if self.blocking:
            return list(source)
        return [one async for one in source]

    def meanwhile(self, call: Act) -> None:
        """Have another thread, or another task, make a call; it ends when all is closed."""
        if self.tasks is not None:

            async def task() -> None:
                with suppress(RemctlError):
                    await done(call())

            self.tasks.start_soon(task)
            return

        def work() -> None:
            with suppress(RemctlError):
                call()

        thread = threading.Thread(target=work)
        self.stack.callback(thread.join)
        thread.start()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end, "waited too long"
            if self.blocking:
                time.sleep(0.001)
            else:
                await anyio.sleep(0.001)

    def slow_file(self) -> Any:
        """A file of which each write takes its time."""
        return _SlowFile() if self.blocking else _SlowAsyncFile()


class _SlowFile:
    def write(self, data: bytes) -> int:
        time.sleep(SLOW)
        return len(data)


class _SlowAsyncFile:
    async def write(self, data: bytes) -> int:
        await anyio.sleep(SLOW)
        return len(data)
