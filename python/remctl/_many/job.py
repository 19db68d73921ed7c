"""The plan to run a job, the caller's coroutine, on each of many hosts; and its connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, SupportsIndex
from weakref import WeakSet

from remctl import _remctl, _types
from remctl._arguments import Seconds, output_limit, seconds
from remctl._async_client import AsyncRemctl
from remctl._errors import RemctlCommandError, RemctlError, locate, make
from remctl._files import Sinks
from remctl._many.attempt import Attempt, Clock
from remctl._many.crew import HostCrew
from remctl._many.job_loop import Commands, CrewLoop, JobLoop
from remctl._many.outcome import Target
from remctl._many.plan import Plan
from remctl._many.steps import CrewSteps, OwnCode
from remctl._output import RemctlOutput
from remctl._waiting.loops import Loop


class JobRemctl(AsyncRemctl):
    """The open connection to a host that a job of `for_each()` or `afor_each()` gets.

    It has the methods of `AsyncRemctl`. Opening it again, or changing its ticket cache or
    source address, raises RemctlError. If the connection is lost, the next command opens a new
    one. Do not use it after the job.

    In a job of `for_each()` only these methods and `sleep()` may be awaited: no event loop runs
    it. A job of `afor_each()` is a task of the event loop.
    """

    __module__ = "remctl"

    def __init__(
        self,
        connection: _remctl.Connection,
        host: str,
        port: int,
        crew: HostCrew,
        clock: Clock,
        max_output: int | None,
    ) -> None:
        super().__init__()
        self._max_output = max_output
        self._where = host, port
        self._own = self._use(connection, host, port)  # a closed one
        self._crew = crew
        self._clock = clock
        self._own_code = OwnCode(crew)
        self._commands = Commands()
        self._errors: WeakSet[RemctlError] = WeakSet()
        self._ended = False
        self._job_loop: JobLoop = CrewLoop(connection, crew, clock, self._commands)

    async def sleep(self, delay: Seconds) -> None:
        """Wait for ``delay`` seconds, while the jobs of other hosts continue.

        Raises RemctlTimeoutError if the host's time runs out before that, TypeError or
        ValueError for an invalid argument.
        """
        delay = max(0.0, seconds(delay))
        loop = self._bind()
        left = self._clock.left()
        self._commands.pause()
        await loop.sleep(delay if left is None else max(0.0, min(delay, left)))
        if self._crew.given_up:
            raise self._located(make("lost", "given up", may_have_run=False), None)
        if left is not None and left < delay:
            raise self._too_late()

    async def open(self, *arguments: Any, **keywords: Any) -> _types.NoReturn:
        """Not allowed in a job: raises RemctlError."""
        raise _refused("open()")

    async def open_socket(self, *arguments: Any, **keywords: Any) -> _types.NoReturn:
        """Not allowed in a job: raises RemctlError."""
        raise _refused("open_socket()")

    def set_ccache(self, ccache: object) -> _types.NoReturn:
        """Not allowed in a job: raises RemctlError."""
        raise _refused("set_ccache()")

    def set_source_ip(self, source: object) -> _types.NoReturn:
        """Not allowed in a job: raises RemctlError."""
        raise _refused("set_source_ip()")

    def _raised(self, error: RemctlError) -> RemctlError:
        self._errors.add(error)
        if not error.may_have_run:
            self._commands.refused()
        return error

    def _too_late(self) -> RemctlError:
        self._commands.pause()  # the error is not the last command's
        return self._located(make("timeout", "timed out", may_have_run=False), None)

    def _is_own(self, error: RemctlError) -> bool:
        """Whether an error is the host's: from this connection, or from a result's `check()`."""
        return error in self._errors or isinstance(error, RemctlCommandError)

    def _bind(self) -> Loop:
        if self._ended:  # the job's cleanup cannot await anything
            raise self._located(make("lost", "the run has ended", may_have_run=False), None)
        self._job_loop.bind()
        self._own_code.excuse()
        return self._job_loop

    def _caller(self) -> int | None:
        try:
            return None if self._ended else self._job_loop.caller()
        except RuntimeError:  # no loop is running in this thread
            return None

    def _end(self) -> None:
        """Refuse further calls of the job, which is being closed."""
        self._ended = True

    def _unbind(self) -> None:
        pass

    def _output_limit(self, max_output: SupportsIndex | None) -> int | None:
        return self._max_output if max_output is None else output_limit(max_output)

    async def _write(self, sinks: Sinks, token: RemctlOutput) -> None:
        self._clock.stop()
        try:
            await self._job_loop.write(sinks, token)
        finally:
            self._clock.go_on()

    def _release(self) -> None:
        """Release the connection: the job has ended."""
        self._end()
        self._own_code.close()
        self._job_loop.close()
        self._use(self._own, *self._where)


#: The type of a job.
Job = Callable[[JobRemctl], Awaitable[Any]]


class JobPlan(Plan):
    """The job for each host; see `for_each`."""

    def __init__(self, job: Job, **connecting: Any) -> None:
        if not callable(job):
            raise TypeError(f"job must be an async function, not {type(job).__name__}")
        self.job = job
        super().__init__(**connecting)

    def sent(self) -> dict[str, Any]:
        """See `Plan`."""
        return {"job": self.job}

    async def carry_out(self, remctl: JobRemctl) -> Any:
        """Run the job on an open connection, and return its result."""
        return await CrewSteps(self.job, remctl)

    def _work(self, target: Target, crew: HostCrew) -> JobWork:
        return JobWork(self, target, crew)


class JobWork:
    """The job on one host: see `remctl._many.tries.Work`."""

    def __init__(self, plan: JobPlan, target: Target, crew: HostCrew) -> None:
        self._plan, self._target, self._crew = plan, target, crew
        self.repeatable = True  # until the job has started

    def locate(self, error: RemctlError) -> None:
        """See `Work`."""
        if self.repeatable:
            locate(error, self._target.host, self._plan.port_of(self._target) or None, None)

    async def attempt(self, connection: _remctl.Connection, clock: Clock) -> dict[str, Any]:
        """See `Work`."""
        crew, plan, target = self._crew, self._plan, self._target
        port = plan.port_of(target)
        await Attempt(target, port, plan.principal, connection, crew, None, clock).open()
        self.repeatable = False
        remctl = JobRemctl(connection, target.host, port, crew, clock, plan.max_output)
        try:
            return {"value": await plan.carry_out(remctl)}
        except RemctlError as error:
            if not remctl._is_own(error):
                clock.stop()
            elif remctl._commands.any_may_have_run:
                error.may_have_run = True  # the job as a whole may have
            raise
        finally:
            remctl._release()


def _refused(what: str) -> RemctlError:
    return make(
        "misuse",
        f"{what} is not allowed on the connection of a job: configure for_each() instead",
        may_have_run=False,
    )
