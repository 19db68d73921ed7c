"""The event loops: asyncio's (uvloop too) and trio's, each with a reactor behind it.

A reactor is one descriptor for any number of calls; a loop watches it, once for as long as it
runs. Which loop that is is found out; nothing of either is imported unless it is in use.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary, WeakSet, ref

from remctl import _remctl
from remctl._errors import make

if TYPE_CHECKING:
    import asyncio
    from asyncio import AbstractEventLoop


#: The longest that calls may take of a loop's time in one go, in seconds. A step that has begun
#: is finished: with that it stays below 5 ms.
BUDGET = 0.003


class Bound(Protocol):
    """What belongs to a loop until it is closed."""

    def _left_open(self) -> None:
        """Close what is open, for the loop has ended; a ResourceWarning where there is."""


class Loop(Protocol):
    """A loop that runs, as calls see it."""

    reactor: _remctl.Reactor
    pid: int
    clients: WeakSet[Bound]

    def caller(self) -> int:
        """What tells the task that runs from all others."""

    async def finish(self, operation: _remctl.Operation) -> Any:
        """Wait for the end of a call and return or raise what it gives.

        A wait that is cancelled ends the call, or puts right what it has done.
        """

    def give_up(self, operation: _remctl.Operation) -> None:
        """End a call that a task waits for: the task gets None. One that has ended is left."""

    async def sleep(self, seconds: float) -> None:
        """Wait so long."""


def running_loop() -> Loop:
    """The loop that the caller runs in; RuntimeError where there is none."""
    # trio first: as the guest of another loop both would answer.
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        token = trio.lowlevel.current_trio_token()
        return _find(token) or _add(token, TrioLoop(trio))
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        loop = asyncio.get_running_loop()
        return _find(loop) or _add(loop, AsyncioLoop(asyncio, loop))
    raise RuntimeError("no running event loop")


def close_left_open(clients: WeakSet[Bound]) -> None:
    """Close what is open when a loop ends; a ResourceWarning for each."""
    for client in list(clients):
        client._left_open()


# By what the loops are known by; gone with it.
_loops: WeakKeyDictionary[Any, Loop] = WeakKeyDictionary()


def _find(key: Any) -> Loop | None:
    loop = _loops.get(key)
    # One that was made before a fork is the parent's.
    return loop if loop is not None and loop.pid == os.getpid() else None


def _add(key: Any, loop: Loop) -> Loop:
    _loops[key] = loop
    return loop


class AsyncioLoop:
    """asyncio's loop, or one like it."""

    def __init__(self, module: Any, loop: AbstractEventLoop) -> None:
        self.reactor = _remctl.Reactor()
        self.pid = os.getpid()
        self.clients: WeakSet[Bound] = WeakSet()
        self._current_task = module.current_task
        self.sleep = module.sleep
        clients = self.clients
        # The loop has this object, and not the other way round: it ends when it likes.
        self._loop = ref(loop, lambda _: close_left_open(clients))
        loop.add_reader(self.reactor.fileno(), self._dispatch)

    def caller(self) -> int:
        """See `Loop`."""
        return id(self._current_task())

    async def finish(self, operation: _remctl.Operation) -> Any:
        """See `Loop`."""
        if not operation.done:
            loop = self._loop()
            assert loop is not None
            waiter: asyncio.Future[None] = loop.create_future()
            operation.waiter = waiter
            try:
                await waiter
            except BaseException:
                self.reactor.cancel(operation)
                raise
        return operation.result()

    def give_up(self, operation: _remctl.Operation) -> None:
        """See `Loop`."""
        if not operation.done:
            self.reactor.cancel(operation)
            self._wake(operation)

    def _dispatch(self) -> None:
        for operation in self.reactor.dispatch(BUDGET):
            self._wake(operation)

    def _wake(self, operation: _remctl.Operation) -> None:
        waiter = operation.waiter
        operation.waiter = None
        if not waiter.done():
            waiter.set_result(None)


class TrioLoop:
    """A run of trio's."""

    def __init__(self, trio: Any) -> None:
        self.reactor = _remctl.Reactor()
        self.pid = os.getpid()
        self.clients: WeakSet[Bound] = WeakSet()
        self._trio = trio
        self._lowlevel = trio.lowlevel
        self.sleep = trio.sleep
        trio.lowlevel.spawn_system_task(self._serve, name="remctl")

    def caller(self) -> int:
        """See `Loop`."""
        return id(self._lowlevel.current_task())

    async def finish(self, operation: _remctl.Operation) -> Any:
        """See `Loop`."""
        if operation.done:
            # Others shall have their turn, and a cancellation its next chance.
            await self._lowlevel.cancel_shielded_checkpoint()
            return operation.result()

        def abort(_: Any) -> Any:
            self.reactor.cancel(operation)
            operation.waiter = None
            return self._lowlevel.Abort.SUCCEEDED

        operation.waiter = self._lowlevel.current_task()
        await self._lowlevel.wait_task_rescheduled(abort)
        return operation.result()

    def give_up(self, operation: _remctl.Operation) -> None:
        """See `Loop`."""
        if not operation.done:
            self.reactor.cancel(operation)
            self._wake(operation)

    def _wake(self, operation: _remctl.Operation) -> None:
        task = operation.waiter
        operation.waiter = None
        if task is not None:
            self._lowlevel.reschedule(task)

    async def _serve(self) -> None:
        try:
            while True:
                await self._lowlevel.wait_readable(self.reactor.fileno())
                for operation in self.reactor.dispatch(BUDGET):
                    self._wake(operation)
        finally:
            close_left_open(self.clients)
            self.reactor.close()


def another_loop() -> Exception:
    """For an object that is used where it does not belong."""
    return make(
        "general",
        "the connection belongs to another event loop: close() it there first",
        may_have_run=False,
    )


def warn_left_open(client: object, host: str | None) -> None:
    """Say that a connection was never closed."""
    warnings.warn(
        f"unclosed connection to {host or 'a socket'}: {client!r}",
        ResourceWarning,
        source=client,
        stacklevel=2,
    )
