"""Event loops: what calls need of asyncio (uvloop too) and trio, and which one is running.

A `Loop` runs a reactor, which has one descriptor for any number of calls. Neither library is
imported unless it is in use.
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
from remctl._errors import make
from remctl._waiting.callers import Callers

if TYPE_CHECKING:
    import asyncio
    from asyncio import AbstractEventLoop


#: The longest time that calls may use in a loop at a time, in seconds. The current step is
#: finished after that; in total it stays below 5 ms.
BUDGET = 0.003


class Bound(Protocol):
    """An object that belongs to a loop until it is closed."""

    def _left_open(self) -> None:
        """Close it because the loop has ended; a ResourceWarning if it was open."""


class Loop(Protocol):
    """A running loop, as calls use it."""

    reactor: _remctl.Reactor
    pid: int
    clients: WeakSet[Bound]

    def caller(self) -> int:
        """The number of the current task."""

    def lend(self, session: _remctl.Session, maker: int | None) -> None:
        """Return a stream to its creator when the task that reads it ends.

        Before Python 3.12 `asyncio.wait_for(anext(stream), 1)` reads in a new task.
        """

    def move_here(self) -> None:
        """Make this thread, which runs the loop now, the owner of the reactor."""

    async def checkpoint_if_cancelled(self) -> None:
        """Before a call starts: raise if the caller is already cancelled, and the loop can tell."""

    async def finish(self, operation: _remctl.Operation) -> Any:
        """Wait for the end of a call, and return its result or raise its error.

        If the wait is cancelled, the call is ended, or undone.
        """

    def give_up(self, operation: _remctl.Operation) -> None:
        """Cancel a call that a task waits for: the task gets None. Does nothing if it has ended."""

    async def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""


async def give_way(seconds: float) -> None:
    """After a step that cannot wait, and took this long: let other tasks run if such steps add up.

    Does nothing if no loop with calls of ours is running.
    """
    try:
        found = _loops.get(running()[1])
    except RuntimeError:
        return
    loop = None if found is None else found()
    if loop is None:
        return
    loop.used += seconds
    if loop.used > BUDGET:
        loop.used = 0.0
        await loop.breathe()


def running_loop() -> Loop:
    """The loop that the caller runs in; RuntimeError if there is none."""
    module, key = running()
    found = _loops.get(key)
    loop = None if found is None else found()
    # A loop from before a fork belongs to the parent.
    if loop is None or loop.pid != os.getpid():
        is_trio = module.__name__ == "trio"
        loop = TrioLoop(module) if is_trio else AsyncioLoop(module, key)
        _loops[key] = ref(loop)
    loop.move_here()
    return loop


def running() -> tuple[Any, Any]:
    """The library whose loop is running, and the loop itself (for trio its token)."""
    # trio may be a guest of another loop in the same thread; it knows its own tasks.
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        return trio, trio.lowlevel.current_trio_token()
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        raise RuntimeError("no running event loop")
    return asyncio, asyncio.get_running_loop()


def close_left_open(clients: WeakSet[Bound]) -> None:
    """Close connections and pools that are open when a loop ends; a ResourceWarning for each.

    If warnings are errors, all are closed before the first one is raised.
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
        warned = None  # it refers to this frame, and so to the loop's reactor


# Keyed weakly by the libraries' own loop objects: each of these keeps its Loop alive.
_loops: WeakKeyDictionary[Any, ref[AsyncioLoop | TrioLoop]] = WeakKeyDictionary()


class AsyncioLoop:
    """A loop of asyncio, or a compatible one.

    The loop keeps this object alive until it is closed, as the reader of the reactor's
    descriptor. This object does not keep the loop alive.
    """

    def __init__(self, module: Any, loop: AbstractEventLoop) -> None:
        self.reactor = _remctl.Reactor()
        self.pid = os.getpid()
        self.clients: WeakSet[Bound] = WeakSet()
        self._thread = get_ident()
        self._current_task = module.current_task
        self._callers = Callers()
        self.used = 0.0  # seconds, see give_way()
        self.sleep = module.sleep
        self._loop = ref(loop)
        loop.add_reader(self.reactor.fileno(), _Reader(self))

    def move_here(self) -> None:
        """See `Loop`."""
        if self._thread != get_ident():
            self.reactor.move_here()
            self._thread = get_ident()

    def end(self) -> None:
        """The loop was closed or destroyed: end its calls and close its connections."""
        if self.pid == os.getpid():
            self.move_here()
            try:
                close_left_open(self.clients)
            finally:
                self.reactor.close()

    async def checkpoint_if_cancelled(self) -> None:
        """Do nothing: an asyncio task is cancelled when it waits."""

    async def breathe(self) -> None:
        """Let other tasks run."""
        if self._current_task() is not None:  # and not code that runs a coroutine by hand
            await self.sleep(0)

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
        """Advance the calls that are ready, and wake the tasks of those that have ended."""
        self.move_here()
        self.reactor.dispatch(BUDGET, self._wake)

    def _wake(self, operation: _remctl.Operation) -> None:
        # After an exception in here, this is called again for the same operation.
        waiter = operation.waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        operation.waiter = None


class _Reader:
    """The callback of an asyncio loop when the reactor is readable.

    Only the loop refers to it, so it is destroyed with the loop.
    """

    def __init__(self, loop: AsyncioLoop) -> None:
        self._loop = loop

    def __call__(self) -> None:
        self._loop.dispatch()

    def __del__(self) -> None:
        self._loop.end()


class TrioLoop:
    """A run of trio."""

    def __init__(self, trio: Any) -> None:
        self.reactor = _remctl.Reactor()
        self.pid = os.getpid()
        self.clients: WeakSet[Bound] = WeakSet()
        self._trio = trio
        self._lowlevel = trio.lowlevel
        self._error = sys.modules["outcome"].Error  # trio has loaded it
        self._raised: BaseException | None = None
        self.sleep = trio.sleep
        self.breathe = trio.lowlevel.cancel_shielded_checkpoint
        self.used = 0.0
        self._callers = Callers()
        self._served = True
        try:
            trio.lowlevel.spawn_system_task(self._serve, name="remctl")
        except RuntimeError:  # the run is ending: only async generators are being finalized
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
        """Do nothing: no trio task reads on behalf of another one."""

    async def finish(self, operation: _remctl.Operation) -> Any:
        """See `Loop`."""
        if operation.done:
            # Let other tasks run. Cancellation takes effect at the next checkpoint.
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
            # Also an exception of a signal handler before the wait: then nobody may wake this
            # task.
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
        if task is None:
            return
        if self._raised is None:
            self._lowlevel.reschedule(task)
        else:
            raised, self._raised = self._raised, None
            self._lowlevel.reschedule(task, self._error(raised))

    async def _serve(self) -> None:
        try:
            while True:
                await self._dispatch()
        finally:
            self._served = False
            with suppress(Warning):  # it would end the whole run with a TrioInternalError
                close_left_open(self.clients)
            self.reactor.close()

    async def _dispatch(self) -> None:
        await self._lowlevel.wait_readable(self.reactor.fileno())
        try:
            self.reactor.dispatch(BUDGET, self._wake)
        except Exception:
            raise
        except BaseException as error:
            # Raised by a log handler. It ends the next call, and not the run with a
            # TrioInternalError.
            self._raised = error

    async def _finish_alone(self, operation: _remctl.Operation) -> Any:
        """Wait for a call after the run has ended its system tasks.

        Only the finalizers of async generators run then, one after another.
        """
        try:
            while not operation.done:
                await self._dispatch()
                if self._raised is not None:
                    raise self._raised
        except BaseException:
            self.reactor.cancel(operation)
            raise
        return operation.result()


def another_loop() -> Exception:
    """The error for an object that is used in another loop."""
    return make(
        "misuse",
        "the connection belongs to another event loop: close() it there first",
        may_have_run=False,
    )


def warn_left_open(client: object, host: str | None) -> None:
    """Warn that a connection was never closed."""
    warnings.warn(
        f"unclosed connection to {host or 'a socket'}: {client!r}",
        ResourceWarning,
        source=client,
        stacklevel=2,
    )
