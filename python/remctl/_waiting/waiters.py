"""Lets a task of an event loop wait for something that is not a call of the reactor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context
from math import inf
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol

from remctl._waiting.loops import running

if TYPE_CHECKING:
    import asyncio
    from asyncio import AbstractEventLoop

#: Receives the result of an awaitable, or its exception.
Receiver = Callable[[Any, BaseException | None], None]


class Cancelled(Exception):
    """Passed to the receiver if the task was cancelled by `Helper.cancel()`."""


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

    def stop_watching(self) -> None:
        """Forget the descriptor before it is closed, even if a wait was interrupted."""

    def is_here(self) -> bool:
        """Whether the caller runs in this waiter's event loop."""

    def wake(self) -> None:
        """End the wait; call it in the loop's thread."""

    def wake_from_anywhere(self) -> None:
        """End the wait; call it in any thread."""

    def helper(self, awaitable: Awaitable[Any], receiver: Receiver) -> Helper:
        """Prepare to await something in a new task."""


class Helper(Protocol):
    """A task that awaits something. It is known before it starts, and so is never lost."""

    def start(self) -> None:
        """Start the task. With eager tasks the receiver may be called before this returns."""

    def cancel(self) -> None:
        """Cancel the task, in any thread; the receiver gets `Cancelled`."""


def task_waiter() -> TaskWaiter:
    """A `TaskWaiter` for the caller's task; RuntimeError if no loop is running."""
    module, key = running()
    is_trio = module.__name__ == "trio"
    return TrioWaiter(module, key) if is_trio else AsyncioWaiter(module, key)


class AsyncioWaiter:
    """See `TaskWaiter`."""

    def __init__(self, module: Any, loop: AbstractEventLoop) -> None:
        self._sleep = module.sleep
        self._current_task = module.current_task
        self._cancelled: type[BaseException] = module.CancelledError
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._woken = False
        self._watched: int | None = None
        self._thread = get_ident()

    async def checkpoint(self) -> None:
        """See `TaskWaiter`."""
        await self._sleep(0)

    async def wait(self, descriptor: int | None, seconds: float | None = None) -> None:
        """See `TaskWaiter`."""
        if not self._woken:
            self._waiter = self._loop.create_future()
            timer = None if seconds is None else self._loop.call_later(seconds, self.wake)
            try:
                if descriptor is not None:
                    self._watched = descriptor
                    self._loop.add_reader(descriptor, self.wake)
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
                self.stop_watching()
        self._woken = False

    def stop_watching(self) -> None:
        """See `TaskWaiter`."""
        if self._watched is not None and get_ident() == self._thread:
            if not self._loop.is_closed():
                self._loop.remove_reader(self._watched)
            self._watched = None

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
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self.wake)

    def helper(self, awaitable: Awaitable[Any], receiver: Receiver) -> Helper:
        """See `TaskWaiter`."""
        return AsyncioHelper(
            self._loop, self._current_task, self._cancelled, awaitable, receiver, self.wake
        )

    def is_here(self) -> bool:
        """See `TaskWaiter`."""
        try:
            return running()[1] is self._loop
        except RuntimeError:
            return False


class AsyncioHelper:
    """See `Helper`."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        current_task: Callable[[], asyncio.Task[Any] | None],
        cancelled: type[BaseException],
        awaitable: Awaitable[Any],
        receiver: Receiver,
        wake: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._current_task = current_task
        self._cancelled = cancelled
        self._awaitable = awaitable
        self._receiver = receiver
        self._wake = wake
        self._thread = get_ident()
        self._task: asyncio.Task[Any] | None = None
        self._ended_here = self._told = False

    def start(self) -> None:
        """See `Helper`."""
        task = self._loop.create_task(self._run())
        self._task = task  # the loop itself does not keep tasks alive
        task.add_done_callback(self._end)

    def cancel(self) -> None:
        """See `Helper`."""
        self._ended_here = True
        if self._task is None:
            if not self._told:
                self._tell(None, Cancelled())
        elif get_ident() == self._thread:
            self._task.cancel()
        elif not self._loop.is_closed():  # the garbage collector runs in any thread
            self._loop.call_soon_threadsafe(self._task.cancel)

    async def _run(self) -> None:
        # start() does not know the task if a signal handler raises an exception there.
        self._task = self._task or self._current_task()
        if self._ended_here:
            return
        try:
            value = await self._awaitable
        except GeneratorExit:
            raise
        except self._cancelled as error:
            # A CancelledError of its own is passed on as it is.
            self._tell(None, Cancelled() if self._ended_here else error)
        except BaseException as error:
            self._tell(None, error)
        else:
            self._tell(value, None)

    def _tell(self, value: Any, error: BaseException | None) -> None:
        self._receiver(value, error)
        self._told = True
        self._wake()

    def _end(self, task: asyncio.Future[Any]) -> None:
        """Tell of a task that was cancelled before its first step, or that was interrupted."""
        error = None if task.cancelled() else task.exception()
        if not self._told:
            self._tell(None, error or Cancelled())
        elif error is not None:
            self._wake()


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

    def stop_watching(self) -> None:
        """Do nothing: trio does not keep the descriptor."""

    def helper(self, awaitable: Awaitable[Any], receiver: Receiver) -> Helper:
        """See `TaskWaiter`."""
        return TrioHelper(self._trio, self._token, awaitable, receiver, self.wake)

    def is_here(self) -> bool:
        """See `TaskWaiter`."""
        try:
            return running()[1] is self._token
        except RuntimeError:
            return False


class TrioHelper:
    """See `Helper`."""

    def __init__(
        self,
        trio: Any,
        token: Any,
        awaitable: Awaitable[Any],
        receiver: Receiver,
        wake: Callable[[], None],
    ) -> None:
        self._trio = trio
        self._token = token
        self._awaitable = awaitable
        self._receiver = receiver
        self._wake = wake
        self._thread = get_ident()
        self._scope = trio.CancelScope()
        self._started = False

    def start(self) -> None:
        """See `Helper`."""
        # Closing the iterator cancels it. (A nursery cannot be kept open for that long.)
        self._trio.lowlevel.spawn_system_task(self._run, context=copy_context())
        self._started = True

    def cancel(self) -> None:
        """See `Helper`."""
        if not self._started:
            self._receiver(None, Cancelled())
        if get_ident() == self._thread:
            self._scope.cancel()
        else:  # the garbage collector runs in any thread
            with suppress(self._trio.RunFinishedError):
                self._token.run_sync_soon(self._scope.cancel)

    async def _run(self) -> None:
        value, raised = None, None
        try:
            with self._scope:
                value = await self._awaitable
        except (GeneratorExit, self._trio.Cancelled):  # the whole run is ending
            raise
        except BaseException as error:
            raised = error
        try:
            self._receiver(value, Cancelled() if self._scope.cancelled_caught else raised)
        finally:
            raised = None  # it refers to this frame
        self._wake()
