"""Jobs that are tasks of an event loop, and may await anything in that loop."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from remctl import _remctl
from remctl._many.async_crew import AsyncCrew, Elsewhere, write
from remctl._many.job import JobPlan, JobRemctl
from remctl._many.job_loop import Commands, JobReactor
from remctl._many.steps import Steps
from remctl._waiting.loops import Bound, Loop, another_loop, running_loop
from remctl._waiting.waiters import Cancelled

if TYPE_CHECKING:
    from remctl._files import Sinks
    from remctl._many.attempt import Clock
    from remctl._output import RemctlOutput


class TaskPlan(JobPlan):
    """The job for each host; see `afor_each`."""

    async def carry_out(self, remctl: JobRemctl) -> Any:
        """Run the job in a task, which is cancelled when its host's time has passed.

        A call of its connection ends by itself, with a more specific error.
        """
        crew, clock = remctl._crew, remctl._clock
        assert isinstance(crew, AsyncCrew)
        task = Elsewhere(crew)
        remctl._job_loop = loop = TaskLoop(
            running_loop(), crew, clock, remctl._commands, task.look_again
        )
        late = False
        with crew.task(task, Steps(self.job, remctl), remctl._is_own):
            while not task.done:
                left = None if late or loop.busy else clock.left()
                if left is not None and left <= 0:
                    late, left = True, None
                    task.cancel()
                await crew.until(task, left)
        try:
            return task.result()
        except Cancelled:
            raise remctl._too_late() from None


class TaskLoop:
    """The event loop of a job: see `remctl._many.job_loop.JobLoop`.

    Attributes:
        busy: how many calls of the job's connection, which end in time, are in progress.
    """

    def __init__(
        self,
        loop: Loop,
        crew: AsyncCrew,
        clock: Clock,
        commands: Commands,
        when_idle: Callable[[], object],
    ) -> None:
        self.pid = os.getpid()
        self.clients: WeakSet[Bound] = WeakSet()
        self.reactor: Any = JobReactor(loop, clock, commands)
        self.busy = 0
        self._loop, self._crew, self._clock = loop, crew, clock
        self._when_idle = when_idle

    def bind(self) -> None:
        """See `JobLoop`."""
        if running_loop() is not self._loop:
            raise another_loop()

    def close(self) -> None:
        """See `JobLoop`."""
        del self._loop, self.reactor

    def caller(self) -> int:
        """See `Loop`."""
        return self._loop.caller()

    def lend(self, session: _remctl.Session, maker: int | None) -> None:
        """See `Loop`."""
        self._loop.lend(session, maker)

    def give_up(self, operation: _remctl.Operation) -> None:
        """See `Loop`."""
        if not operation.done:
            self._loop.give_up(operation)

    def move_here(self) -> None:
        """See `Loop`."""
        self._loop.move_here()

    async def checkpoint_if_cancelled(self) -> None:
        """See `Loop`."""
        await self._loop.checkpoint_if_cancelled()

    async def finish(self, operation: _remctl.Operation) -> Any:
        """See `Loop`."""
        with self._call():
            return await self._loop.finish(operation)

    async def sleep(self, seconds: float) -> None:
        """See `Loop`."""
        with self._call():
            await self._loop.sleep(seconds)

    async def write(self, sinks: Sinks, token: RemctlOutput) -> None:
        """See `JobLoop`."""
        with self._call():
            await write(self._crew, sinks, token)

    @contextmanager
    def _call(self) -> Iterator[None]:
        left = self._clock.left()
        if left is not None and left <= 0:
            # Let other tasks run: a job that keeps trying might never wait for anything else.
            yield
            return
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1
            if not self.busy and self._clock.limited:
                self._when_idle()
