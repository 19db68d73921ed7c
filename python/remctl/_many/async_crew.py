"""Hosts in progress in an event loop, with files and jobs that the loop awaits."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from remctl import _remctl
from remctl._many.crew import HostCrew, suspended
from remctl._waiting.waiters import Cancelled, Helper, TaskWaiter

if TYPE_CHECKING:
    from remctl._files import Sinks
    from remctl._many.plan import Plan
    from remctl._output import RemctlOutput


class AsyncCrew(HostCrew):
    """Hosts in progress, whose files and jobs may use the event loop."""

    def __init__(self, plan: Plan, limit: int) -> None:
        super().__init__(plan, limit)
        self.task_waiter: TaskWaiter | None = None
        # Each with a weak reference to the coroutine that waited for it.
        self.come_back: deque[tuple[Elsewhere, Any]] = deque()
        # Each task with a function that tells whether an error belongs to its host.
        self._tasks: dict[Elsewhere, Callable[[Any], bool]] = {}

    async def write(self, sinks: Sinks, token: RemctlOutput) -> None:
        """Write a token to the files, and await their awaitables."""
        await write(self, sinks, token, self._elsewhere)

    async def _elsewhere(self, awaitable: Awaitable[Any]) -> Any:
        place = Elsewhere(self)
        with place.awaiting(awaitable):
            await self.until(place)
        return place.result()

    @contextmanager
    def task(
        self, place: Elsewhere, awaitable: Awaitable[Any], is_host_s: Callable[[Any], bool]
    ) -> Iterator[None]:
        """Like `Elsewhere.awaiting()`, for a job, which `end_tasks()` waits for."""
        self._tasks[place] = is_host_s
        try:
            with place.awaiting(awaitable):
                yield
        finally:
            del self._tasks[place]

    async def until(self, place: Elsewhere, seconds: float | None = None) -> None:
        """Wait until it has ended or must be checked, but at most for this many seconds."""
        if place.done:
            return
        place.timer = None if seconds is None else self.reactor.pause(seconds)
        try:
            await suspended(place)
        finally:
            timer, place.timer = place.timer, None
            if timer is not None and not timer.done:
                self.reactor.cancel(timer)

    async def end_tasks(self) -> None:
        """Cancel the jobs that are tasks, and wait until they have ended.

        Raises an exception of one of them, unless it is the host's error.
        """
        waiter = self.task_waiter
        tasks = {task: is_host_s for task, is_host_s in self._tasks.items() if not task.done}
        if waiter is None or not tasks or not waiter.is_here():
            return
        for task in tasks:
            task.cancel()
        await waiter.join(lambda: all(task.done for task in tasks))
        for task, is_host_s in tasks.items():
            try:
                task.result()
            except Cancelled:
                pass
            except BaseException as error:
                if not is_host_s(error):
                    raise

    def dispatch(self) -> None:
        """See `remctl._many.run.Runner`."""
        while self.come_back:
            place, waiter = self.come_back.popleft()
            work = waiter()
            if work is not None and self._at_work.get(work) is place:
                self.advance(work)
        super().dispatch()

    def close(self) -> None:
        """See `remctl._many.run.Runner`."""
        self.come_back.clear()
        super().close()


class Elsewhere:
    """Something that a coroutine of the crew awaits in a task of the event loop.

    Attributes:
        done: whether it has ended.
        timer: a pause in the crew's reactor, which the coroutine also waits for.
    """

    def __init__(self, crew: AsyncCrew) -> None:
        self.done = False
        self.timer: _remctl.Operation | None = None
        self._crew = crew
        self._waiter: Any = None
        self._value: Any = None
        self._error: BaseException | None = None
        self._helper: Helper | None = None

    @property
    def waiter(self) -> Any:
        """A weak reference to the coroutine that waits; see `remctl._many.crew.Awaited`."""
        return self._waiter

    @waiter.setter
    def waiter(self, waiter: Any) -> None:
        self._waiter = waiter
        if self.timer is not None:
            self.timer.waiter = waiter

    @contextmanager
    def awaiting(self, awaitable: Awaitable[Any]) -> Iterator[None]:
        """Start awaiting it; at the end of the block it is cancelled, unless it has ended."""
        assert self._crew.task_waiter is not None
        self._helper = self._crew.task_waiter.helper(awaitable, self._end)
        try:
            self._helper.start()
            yield
        finally:
            if not self.done:
                self.cancel()

    def cancel(self) -> None:
        """Cancel it in the event loop."""
        if self._helper is not None:
            self._helper.cancel()
        else:  # a signal handler has raised an exception before there was one
            self._end(None, Cancelled())

    def look_again(self) -> None:
        """Wake the coroutine, unless a timer will do so."""
        if self.timer is None:
            self._wake()

    def result(self) -> Any:
        """Return the result or raise the exception; Cancelled if it was cancelled here."""
        if self._error is not None:
            raise self._error
        return self._value

    def _end(self, value: Any, error: BaseException | None) -> None:
        self._value, self._error, self.done = value, error, True
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._crew.come_back.append((self, waiter))
            self._waiter = None
            if self._crew.task_waiter is not None:
                self._crew.task_waiter.wake()


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


async def write(
    crew: HostCrew,
    sinks: Sinks,
    token: RemctlOutput,
    wait: Callable[[Awaitable[Any]], Awaitable[Any]] = _awaited,
) -> None:
    """Write a token to the files, and await their awaitables."""
    steps = sinks.steps(token)
    value = None
    while True:
        begin = monotonic()
        try:
            awaitable = steps.send(value)
        except StopIteration:
            return
        finally:
            crew.excuse(begin)  # the time of a slow file does not count against the hosts
        value = await wait(awaitable)
