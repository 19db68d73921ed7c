"""Lets a task of an event loop wait for something that is not a call of the reactor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context
from math import inf
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol

from remctl._loops import running

if TYPE_CHECKING:
    import asyncio
    from asyncio import AbstractEventLoop

#: Receives the result of an awaitable, or its exception.
Receiver = Callable[[Any, BaseException | None], None]


class Cancelled(Exception):
    """Passed to the receiver if the task was cancelled by the function that `spawn()` returned."""


class TaskWaiter(Protocol):
    """Lets one task wait for a descriptor or for a call of `wake()`."""

    async def checkpoint(self) -> None:
        """Let other tasks run, and cancellation take effect."""

    async def wait(self, descriptor: int | None, seconds: float | None = None) -> None:
        """Wait until the descriptor is readable or `wake()` is called, now or before.

        With ``seconds`` it waits at most that long.
        """

    async def join(self, ended: Callable[[], bool]) -> None:
        """Wait until `ended()`, checked at each `wake()`; a cancellation is raised after that."""

    def is_here(self) -> bool:
        """Whether the caller runs in this waiter's event loop."""

    def wake(self) -> None:
        """End the wait; call it in the loop's thread."""

    def wake_from_anywhere(self) -> None:
        """End the wait; call it in any thread."""

    def spawn(self, awaitable: Awaitable[Any], receiver: Receiver) -> Callable[[], object]:
        """Await something in a new task. Returns a function that cancels it, in any thread.

        With eager tasks the receiver may be called before this returns. It gets `Cancelled` if
        the task was ended by that function.
        """


def task_waiter() -> TaskWaiter:
    """A `TaskWaiter` for the caller's task; RuntimeError if no loop is running."""
    module, key = running()
    is_trio = module.__name__ == "trio"
    return TrioWaiter(module, key) if is_trio else AsyncioWaiter(module, key)


class AsyncioWaiter:
    """See `TaskWaiter`."""

    def __init__(self, module: Any, loop: AbstractEventLoop) -> None:
        self._sleep = module.sleep
        self._cancelled: type[BaseException] = module.CancelledError
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._woken = False
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself does not keep tasks alive
        self._thread = get_ident()

    async def checkpoint(self) -> None:
        """See `TaskWaiter`."""
        await self._sleep(0)

    async def wait(self, descriptor: int | None, seconds: float | None = None) -> None:
        """See `TaskWaiter`."""
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

    async def join(self, ended: Callable[[], bool]) -> None:
        """See `TaskWaiter`."""
        cancelled = None
        while not ended():
            try:
                await self.wait(None)
            except self._cancelled as error:
                cancelled = error
        try:
            if cancelled is not None:
                raise cancelled
        finally:
            cancelled = None  # it refers to this frame

    def wake(self) -> None:
        """See `TaskWaiter`."""
        self._woken = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def wake_from_anywhere(self) -> None:
        """See `TaskWaiter`."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.wake)

    def spawn(self, awaitable: Awaitable[Any], receiver: Receiver) -> Callable[[], object]:
        """See `TaskWaiter`."""
        ended_here = told = False

        def tell(value: Any, error: BaseException | None) -> None:
            nonlocal told
            told = True
            receiver(value, error)
            self.wake()

        async def run() -> None:
            try:
                value = await awaitable
            except GeneratorExit:
                raise
            except self._cancelled as error:
                # One of its own is told as it is.
                tell(None, Cancelled() if ended_here else error)
            except BaseException as error:
                tell(None, error)
            else:
                tell(value, None)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not told:  # cancelled before its first step
                tell(None, Cancelled())

        task = self._loop.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(ended)

        def cancel() -> None:
            nonlocal ended_here
            ended_here = True
            if get_ident() == self._thread:
                task.cancel()
            elif not self._loop.is_closed():  # the garbage collector runs in any thread
                self._loop.call_soon_threadsafe(task.cancel)

        return cancel

    def is_here(self) -> bool:
        """See `TaskWaiter`."""
        try:
            return running()[1] is self._loop
        except RuntimeError:
            return False


class TrioWaiter:
    """See `TaskWaiter`."""

    def __init__(self, trio: Any, token: Any) -> None:
        self._trio = trio
        self._token = token
        self._thread = get_ident()
        self._scope: Any = None
        self._woken = False

    async def checkpoint(self) -> None:
        """See `TaskWaiter`."""
        await self._trio.lowlevel.checkpoint()

    async def wait(self, descriptor: int | None, seconds: float | None = None) -> None:
        """See `TaskWaiter`."""
        if not self._woken:
            end = inf if seconds is None else self._trio.current_time() + seconds
            with self._trio.CancelScope(deadline=end) as self._scope:
                if descriptor is None:
                    await self._trio.sleep_forever()
                await self._trio.lowlevel.wait_readable(descriptor)
            self._scope = None
        self._woken = False

    async def join(self, ended: Callable[[], bool]) -> None:
        """See `TaskWaiter`."""
        with self._trio.CancelScope(shield=True):
            while not ended():
                await self.wait(None)

    def wake(self) -> None:
        """See `TaskWaiter`."""
        self._woken = True
        if self._scope is not None:
            self._scope.cancel()

    def wake_from_anywhere(self) -> None:
        """See `TaskWaiter`."""
        with suppress(self._trio.RunFinishedError):
            self._token.run_sync_soon(self.wake)

    def spawn(self, awaitable: Awaitable[Any], receiver: Receiver) -> Callable[[], object]:
        """See `TaskWaiter`."""
        scope = self._trio.CancelScope()

        async def run() -> None:
            value, raised = None, None
            try:
                with scope:
                    value = await awaitable
            except (GeneratorExit, self._trio.Cancelled):  # the whole run is ending
                raise
            except BaseException as error:
                raised = error
            try:
                receiver(value, Cancelled() if scope.cancelled_caught else raised)
            finally:
                raised = None  # it refers to this frame
            self.wake()

        # Closing the iterator cancels it. (A nursery cannot be kept open for that long.)
        self._trio.lowlevel.spawn_system_task(run, context=copy_context())

        def cancel() -> None:
            if get_ident() == self._thread:
                scope.cancel()
            else:  # the garbage collector runs in any thread
                with suppress(self._trio.RunFinishedError):
                    self._token.run_sync_soon(scope.cancel)

        return cancel

    def is_here(self) -> bool:
        """See `TaskWaiter`."""
        try:
            return running()[1] is self._token
        except RuntimeError:
            return False
