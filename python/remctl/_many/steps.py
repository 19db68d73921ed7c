"""A job's steps, taken one by one; and the time in which its own code runs."""

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

# What asyncio and trio say where their own loop does not run.
_NO_LOOP = ("no running event loop", "must be called from async context")


class OwnCode:
    """The time in which the own code of a job runs: it is no host's."""

    def __init__(self, crew: HostCrew) -> None:
        self._crew: HostCrew | None = crew
        self._since: float | None = None
        self._excused = 0.0

    def begin(self) -> None:
        """A step begins."""
        if self._crew is not None:
            self._since, self._excused = monotonic(), self._crew.excused

    def excuse(self) -> None:
        """Excuse the step until now; but not again what was excused in between, a file's."""
        if self._crew is not None and self._since is not None:
            self._crew.excuse(self._since + self._crew.excused - self._excused)
            self.begin()

    def end(self) -> None:
        """The step ends."""
        self.excuse()
        self._since = None

    def close(self) -> None:
        """Excuse no more: the crew ends."""
        self._crew = None


class Steps:
    """A job, step by step. What it awaits is awaited by whatever awaits this."""

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
                # An exception of the job keeps this frame, and an operation its reactor.
                del awaited
        finally:
            del step
            self._remctl._end()
            work.close()

    def _admitted(self, awaited: Any) -> Any:
        return awaited


class CrewSteps(Steps):
    """The same where no event loop runs, but a crew: it can wait for nothing else."""

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            return (yield from super().__await__())
        except RuntimeError as error:
            if str(error) in _NO_LOOP:
                raise RuntimeError(_ONLY) from error
            raise

    def _admitted(self, awaited: Any) -> Any:
        if not hasattr(awaited, "waiter"):  # as each thing has that a crew can wait for
            raise RuntimeError(_ONLY)
        return awaited


async def _called(job: Job, remctl: JobRemctl) -> Any:
    awaitable = job(remctl)
    if not hasattr(type(awaitable), "__await__"):
        raise TypeError(f"job must be an async function: it returned {type(awaitable).__name__}")
    return await awaitable
