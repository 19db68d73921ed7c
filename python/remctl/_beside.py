"""What an event loop does for a crew: wait for its reactor, and for what is not the reactor's."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio

#: Takes what an awaitable gave, or the exception that it raised.
Taker = Callable[[Any, Exception | None], None]


class Beside(Protocol):
    """The event loop that runs, for one iterator."""

    async def checkpoint(self) -> None:
        """Let others have their turn, and a cancellation its chance."""

    async def wait(self, descriptor: int | None, seconds: float | None = None) -> None:
        """Wait until the descriptor is readable, or for `wake()`, which may have been before.

        It ends after so many seconds, where they are given, too.
        """

    def wake(self) -> None:
        """End a wait; from the loop's thread."""

    def wake_from_anywhere(self) -> None:
        """End a wait; from any thread."""

    def spawn(self, awaitable: Awaitable[Any], taker: Taker) -> Callable[[], object]:
        """Wait for something in a task of its own. Returns what cancels it."""


def beside() -> Beside:
    """The loop that the caller runs in; RuntimeError where there is none."""
    # trio first: as the guest of another loop both would answer.
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return _Trio(trio)
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        raise RuntimeError("no running event loop")
    return _Asyncio(asyncio)


class _Asyncio:
    def __init__(self, module: Any) -> None:
        self._sleep = module.sleep
        self._loop: asyncio.AbstractEventLoop = module.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._woken = False
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself does not keep them

    async def checkpoint(self) -> None:
        await self._sleep(0)

    async def wait(self, descriptor: int | None, seconds: float | None = None) -> None:
        if not self._woken:
            self._waiter = self._loop.create_future()
            timer = None if seconds is None else self._loop.call_later(seconds, self.wake)
            if descriptor is not None:
                self._loop.add_reader(descriptor, self.wake)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
                if descriptor is not None:
                    self._loop.remove_reader(descriptor)
        self._woken = False

    def wake(self) -> None:
        self._woken = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def wake_from_anywhere(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.wake)

    def spawn(self, awaitable: Awaitable[Any], taker: Taker) -> Callable[[], object]:
        task = self._loop.create_task(_into(awaitable, taker, self.wake))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task.cancel


class _Trio:
    def __init__(self, trio: Any) -> None:
        self._trio = trio
        self._token = trio.lowlevel.current_trio_token()
        self._scope: Any = None
        self._woken = False

    async def checkpoint(self) -> None:
        await self._trio.lowlevel.checkpoint()

    async def wait(self, descriptor: int | None, seconds: float | None = None) -> None:
        if not self._woken:
            end = inf if seconds is None else self._trio.current_time() + seconds
            with self._trio.CancelScope(deadline=end) as self._scope:
                if descriptor is None:
                    await self._trio.sleep_forever()
                await self._trio.lowlevel.wait_readable(descriptor)
            self._scope = None
        self._woken = False

    def wake(self) -> None:
        self._woken = True
        if self._scope is not None:
            self._scope.cancel()

    def wake_from_anywhere(self) -> None:
        with suppress(self._trio.RunFinishedError):
            self._token.run_sync_soon(self.wake)

    def spawn(self, awaitable: Awaitable[Any], taker: Taker) -> Callable[[], object]:
        scope = self._trio.CancelScope()

        async def run() -> None:
            with scope:
                await _into(awaitable, taker, self.wake)

        # It is cancelled by whoever closes the iterator, which no nursery could be left with.
        self._trio.lowlevel.spawn_system_task(run, context=copy_context())
        cancel: Callable[[], object] = scope.cancel
        return cancel


async def _into(awaitable: Awaitable[Any], taker: Taker, wake: Callable[[], None]) -> None:
    value, failure = None, None
    try:
        value = await awaitable
    except Exception as error:
        failure = error
    taker(value, failure)
    wake()
