"""Runs a job step by step, and measures the time in which its own code runs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remctl._many.crew import HostCrew
    from remctl._many.job import Job, JobRemctl

_ONLY = (
    "a job may await only the methods of its connection and the connection's sleep(): "
    "no event loop runs it"
)

# The error texts of asyncio and trio if their loop is not running.
_NO_LOOP = ("no running event loop", "must be called from async context")


class OwnCode:
    """The time in which a job's own code runs, which does not count against any host."""

    def __init__(self, crew: HostCrew) -> None:
        self._crew: HostCrew | None = crew
        self._since: float | None = None
        self._excused = 0.0

    def begin(self) -> None:
        """A step starts."""
        if self._crew is not None:
            self._since, self._excused = monotonic(), self._crew.excused

    def excuse(self) -> None:
        """Excuse the step until now, except what was already excused for a file."""
        if self._crew is not None and self._since is not None:
            self._crew.excuse(self._since + self._crew.excused - self._excused)
            self.begin()

    def end(self) -> None:
        """The step ends."""
        self.excuse()
        self._since = None

    def close(self) -> None:
        """Excuse no more time, because the crew is ending."""
        self._crew = None


class Steps:
    """Runs a job step by step. Whatever awaits this object awaits the job's awaitables."""

    def __init__(self, job: Job, remctl: JobRemctl) -> None:
        self._job, self._remctl = job, remctl

    def __await__(self) -> Generator[Any, Any, Any]:
        own_code = self._remctl._own_code
        work = _called(self._job, self._remctl)
        step: Callable[[], Any] = partial(work.send, None)
        try:
            while True:
                own_code.begin()
                try:
                    awaited = step()
                except StopIteration as end:
                    return end.value
                finally:
                    own_code.end()
                try:
                    step = partial(work.send, (yield self._admitted(awaited)))
                except GeneratorExit:
                    raise
                except BaseException as error:
                    step = partial(work.throw, error)
                # An exception of the job keeps this frame alive, and an operation keeps its
                # reactor.
                del awaited
        finally:
            del step
            self._remctl._end()
            work.close()

    def _admitted(self, awaited: Any) -> Any:
        return awaited


class CrewSteps(Steps):
    """The same with a crew instead of an event loop: it can only await the crew's objects."""

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            return (yield from super().__await__())
        except RuntimeError as error:
            if str(error) in _NO_LOOP:
                raise RuntimeError(_ONLY) from error
            raise

    def _admitted(self, awaited: Any) -> Any:
        if not hasattr(awaited, "waiter"):  # all objects that a crew can await have one
            raise RuntimeError(_ONLY)
        return awaited


async def _called(job: Job, remctl: JobRemctl) -> Any:
    awaitable = job(remctl)
    if not hasattr(type(awaitable), "__await__"):
        raise TypeError(f"job must be an async function: it returned {type(awaitable).__name__}")
    return await awaitable
