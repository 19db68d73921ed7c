"""The event loops: asyncio's (uvloop too) and trio's.

A `Loop` watches a reactor, which is one descriptor for any number of calls, for as long as it
runs. Which loop runs is detected here; neither library is imported unless it is in use.
"""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary, WeakSet, ref

from remctl import _remctl
from remctl._callers import Callers
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

    def lend(self, session: _remctl.Session, maker: int | None) -> None:
        """Give a stream back to its maker when the task that has started to read it ends.

        `asyncio.wait_for(anext(stream), 1)` reads in a task of its own before Python 3.12.
        """

    def move_here(self) -> None:
        """See that the loop is served in this thread, which runs it now."""

    async def checkpoint_if_cancelled(self) -> None:
        """Raise what cancels the caller already, where the loop can tell: before a call starts."""

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
    module, key = running()
    found = _loops.get(key)
    loop = None if found is None else found()
    # One that was made before a fork is the parent's.
    if loop is None or loop.pid != os.getpid():
        is_trio = module.__name__ == "trio"
        loop = TrioLoop(module) if is_trio else AsyncioLoop(module, key)
        _loops[key] = ref(loop)
    loop.move_here()
    return loop


def running() -> tuple[Any, Any]:
    """The library whose loop runs the caller, and the loop itself (trio: its token)."""
    # trio may be the guest of another loop in the same thread, and knows which tasks are its own.
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        return trio, trio.lowlevel.current_trio_token()
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        raise RuntimeError("no running event loop")
    return asyncio, asyncio.get_running_loop()


def close_left_open(clients: WeakSet[Bound]) -> None:
    """Close what is open when a loop ends; a ResourceWarning for each.

    If warnings are errors all are closed before the first is raised.
    """
    warned: Warning | None = None
    for client in list(clients):
        try:
            client._left_open()
        except Warning as warning:
            warned = warned or warning
    try:
        if warned is not None:
            raise warned
    finally:
        warned = None  # it holds this frame, and with it the loop's reactor


# By the running loops' own objects, which nothing here keeps: a loop keeps its Loop.
_loops: WeakKeyDictionary[Any, ref[Loop]] = WeakKeyDictionary()


class AsyncioLoop:
    """asyncio's loop, or one like it.

    The loop keeps this object, as its reader of the reactor's descriptor, until it is closed.
    Nothing keeps the loop.
    """

    def __init__(self, module: Any, loop: AbstractEventLoop) -> None:
        self.reactor = _remctl.Reactor()
        self.pid = os.getpid()
        self.clients: WeakSet[Bound] = WeakSet()
        self._thread = get_ident()
        self._current_task = module.current_task
        self._callers = Callers()
        self.sleep = module.sleep
        self._loop = ref(loop)
        loop.add_reader(self.reactor.fileno(), _Reader(self))

    def move_here(self) -> None:
        """See `Loop`."""
        if self._thread != get_ident():
            self.reactor.move_here()
            self._thread = get_ident()

    def end(self) -> None:
        """The loop was closed, or is gone: so are its calls and its connections."""
        if self.pid == os.getpid():
            self.move_here()
            try:
                close_left_open(self.clients)
            finally:
                self.reactor.close()

    async def checkpoint_if_cancelled(self) -> None:
        """Do nothing: a task of asyncio's is told when it waits."""

    def caller(self) -> int:
        """See `Loop`."""
        return self._callers.number(self._current_task())

    def lend(self, session: _remctl.Session, maker: int | None) -> None:
        """See `Loop`."""
        task = self._current_task()
        if maker is None or task is None or maker == self._callers.number(task):
            return
        lent = ref(session)

        def give_back(_: object) -> None:
            session = lent()
            if session is not None:
                session.hand_to(maker)

        task.add_done_callback(give_back)

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

    def dispatch(self) -> None:
        """Advance the calls for which something has come, and wake those who wait for them."""
        self.move_here()
        self.reactor.dispatch(BUDGET, self._wake)

    def _wake(self, operation: _remctl.Operation) -> None:
        # Once more for the same one, after an exception in the middle of this.
        waiter = operation.waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        operation.waiter = None


class _Reader:
    """What an asyncio loop calls when the reactor is readable.

    The loop alone keeps it, so that its end is the loop's.
    """

    def __init__(self, loop: AsyncioLoop) -> None:
        self._loop = loop

    def __call__(self) -> None:
        self._loop.dispatch()

    def __del__(self) -> None:
        self._loop.end()


class TrioLoop:
    """A run of trio's."""

    def __init__(self, trio: Any) -> None:
        self.reactor = _remctl.Reactor()
        self.pid = os.getpid()
        self.clients: WeakSet[Bound] = WeakSet()
        self._trio = trio
        self._lowlevel = trio.lowlevel
        self.sleep = trio.sleep
        self._callers = Callers()
        self._served = True
        try:
            trio.lowlevel.spawn_system_task(self._serve, name="remctl")
        except RuntimeError:  # the run ends: what finalizes async generators is left
            self._served = False

    def move_here(self) -> None:
        """Do nothing: a run stays in its thread."""

    async def checkpoint_if_cancelled(self) -> None:
        """See `Loop`."""
        await self._lowlevel.checkpoint_if_cancelled()

    def caller(self) -> int:
        """See `Loop`."""
        return self._callers.number(self._lowlevel.current_task())

    def lend(self, session: _remctl.Session, maker: int | None) -> None:
        """Do nothing: no task of trio's reads for another one."""

    async def finish(self, operation: _remctl.Operation) -> Any:
        """See `Loop`."""
        if operation.done:
            # Others shall have their turn, and a cancellation its next chance.
            await self._lowlevel.cancel_shielded_checkpoint()
            return operation.result()
        if not self._served:
            return await self._finish_alone(operation)

        def abort(_: Any) -> Any:
            self.reactor.cancel(operation)
            operation.waiter = None
            return self._lowlevel.Abort.SUCCEEDED

        operation.waiter = self._lowlevel.current_task()
        try:
            await self._lowlevel.wait_task_rescheduled(abort)
        except BaseException:
            # Also one of a signal handler, before the wait: nobody may wake this task then.
            operation.waiter = None
            if not operation.done:
                self.reactor.cancel(operation)
            raise
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
                await self._dispatch()
        finally:
            self._served = False
            with suppress(Warning):  # it would end the whole run as a fault of trio's
                close_left_open(self.clients)
            self.reactor.close()

    async def _dispatch(self) -> None:
        await self._lowlevel.wait_readable(self.reactor.fileno())
        self.reactor.dispatch(BUDGET, self._wake)

    async def _finish_alone(self, operation: _remctl.Operation) -> Any:
        """Wait for a call where the run has ended its system tasks already.

        Only async generators that are finalized run then, one after another.
        """
        try:
            while not operation.done:
                await self._dispatch()
        except BaseException:
            self.reactor.cancel(operation)
            raise
        return operation.result()


def another_loop() -> Exception:
    """For an object that is used where it does not belong."""
    return make(
        "misuse",
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
