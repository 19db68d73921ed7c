"""The caller's own coroutine on each of many hosts: what it gets, and what it may wait for."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from time import monotonic
from typing import Any, SupportsIndex
from weakref import WeakSet

from remctl import _remctl, _types
from remctl._arguments import Seconds, output_limit, seconds
from remctl._async_client import AsyncRemctl
from remctl._errors import (
    RemctlCommandError,
    RemctlError,
    locate,
    make,
)
from remctl._files import Sinks
from remctl._loops import Bound
from remctl._many.attempt import Attempt, Clock
from remctl._many.crew import Awaited, HostCrew
from remctl._many.outcome import Target
from remctl._many.plan import Plan
from remctl._output import RemctlOutput

_ONLY = (
    "a job may await only the methods of its connection and the connection's sleep(): "
    "no event loop runs it"
)

# What asyncio and trio say where their own loop does not run.
_NO_LOOP = ("no running event loop", "must be called from async context")


class JobRemctl(AsyncRemctl):
    """The open connection to a host that a job of `for_each()` or `afor_each()` gets.

    It has the methods of `AsyncRemctl`. It cannot be opened again, and its ticket cache and
    source address cannot be changed: that is a RemctlError. If the connection is lost, the next
    command makes a new one. Do not use it after the job.

    Only these methods and `sleep()` may be awaited in a job: no event loop runs it.
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
        self._own = self._use(connection, host, port)  # which is never open
        self._crew = crew
        self._clock = clock
        self._commands = _Commands()
        self._errors: WeakSet[RemctlError] = WeakSet()
        self._ended = False
        self._step_begins()
        self._job_loop = _JobLoop(self)

    async def sleep(self, delay: Seconds) -> None:
        """Wait for ``delay`` seconds, while the jobs of other hosts go on.

        Raises RemctlTimeoutError when the time of the host is over before that, TypeError or
        ValueError for an invalid argument.
        """
        delay = max(0.0, seconds(delay))
        self._bind()
        left = self._clock.left()
        self._commands.pause()
        await self._crew.rest(delay if left is None else max(0.0, min(delay, left)))
        if self._crew.given_up:
            raise self._located(make("lost", "given up", may_have_run=False), None)
        if left is not None and left < delay:
            raise self._located(make("timeout", "timed out", may_have_run=False), None)

    async def open(self, *arguments: Any, **keywords: Any) -> _types.NoReturn:
        """Refuse it: RemctlError."""
        raise _refused("open()")

    async def open_socket(self, *arguments: Any, **keywords: Any) -> _types.NoReturn:
        """Refuse it: RemctlError."""
        raise _refused("open_socket()")

    def set_ccache(self, ccache: object) -> _types.NoReturn:
        """Refuse it: RemctlError."""
        raise _refused("set_ccache()")

    def set_source_ip(self, source: object) -> _types.NoReturn:
        """Refuse it: RemctlError."""
        raise _refused("set_source_ip()")

    def _raised(self, error: RemctlError) -> RemctlError:
        self._errors.add(error)
        if not error.may_have_run:
            self._commands.refused()
        return error

    def _is_own(self, error: RemctlError) -> bool:
        """Whether an error is the host's: of this connection, or of a result's `check()`."""
        return error in self._errors or isinstance(error, RemctlCommandError)

    def _bind(self) -> _JobLoop:
        if self._ended:  # and what the job does to clean up cannot wait
            raise self._located(make("lost", "the run has ended", may_have_run=False), None)
        self._excuse()
        return self._job_loop

    def _step_begins(self) -> None:
        """The job's own code runs from now on, and its time is no host's."""
        self._since, self._excused = monotonic(), self._crew.excused

    def _excuse(self) -> None:
        """Excuse the time until now; but not again what was excused in between, a file's."""
        self._crew.excuse(self._since + self._crew.excused - self._excused)
        self._step_begins()

    def _end(self) -> None:
        """Let nothing of the job wait any more: it is closed where it is."""
        self._ended = True

    def _unbind(self) -> None:
        pass

    def _output_limit(self, max_output: SupportsIndex | None) -> int | None:
        return self._max_output if max_output is None else output_limit(max_output)

    async def _write(self, sinks: Sinks, token: RemctlOutput) -> None:
        self._clock.stop()
        try:
            await self._crew.write(sinks, token)
        finally:
            self._clock.go_on()

    def _release(self) -> None:
        """Give the connection up: the job is over."""
        self._use(self._own, *self._where)


#: What is done on each host.
Job = Callable[[JobRemctl], Awaitable[Any]]


class JobPlan(Plan):
    """Which job is done on each host; see `for_each`."""

    def __init__(self, job: Job, **connecting: Any) -> None:
        if not callable(job):
            raise TypeError(f"job must be an async function, not {type(job).__name__}")
        self.job = job
        super().__init__(**connecting)

    def sent(self) -> dict[str, Any]:
        """See `Plan`."""
        return {"job": self.job}

    def _work(self, target: Target, crew: HostCrew) -> _JobWork:
        return _JobWork(self, target, crew)


class _JobWork:
    """The job on one host: see `remctl._many.tries.Work`."""

    def __init__(self, plan: JobPlan, target: Target, crew: HostCrew) -> None:
        self._plan, self._target, self._crew = plan, target, crew
        self.repeatable = True  # until the job begins

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
            return {"value": await _Driven(plan.job, remctl)}
        except RemctlError as error:
            if not remctl._is_own(error):
                clock.stop()
            elif remctl._commands.any_may_have_run:
                error.may_have_run = True  # of the job as a whole
            raise
        finally:
            remctl._release()


class _Driven:
    """A job, of which each step is taken when what it waits for has come.

    The time of its own code is no host's.
    """

    def __init__(self, job: Job, remctl: JobRemctl) -> None:
        self._job, self._remctl = job, remctl

    def __await__(self) -> Generator[Awaited, None, Any]:
        work = _called(self._job, self._remctl)
        step: Callable[[], Any] = partial(work.send, None)
        try:
            while True:
                self._remctl._step_begins()
                try:
                    awaited = step()
                except StopIteration as end:
                    return end.value
                except RuntimeError as error:
                    if str(error) in _NO_LOOP:
                        raise RuntimeError(_ONLY) from error
                    raise
                finally:
                    self._remctl._excuse()
                if hasattr(awaited, "waiter"):  # as each thing has that a crew can wait for
                    yield awaited
                    # An exception of the job keeps this frame, and an operation its reactor.
                    del awaited
                    step = partial(work.send, None)
                else:
                    step = partial(work.throw, RuntimeError(_ONLY))
        finally:
            self._remctl._end()
            work.close()


async def _called(job: Job, remctl: JobRemctl) -> Any:
    awaitable = job(remctl)
    if not hasattr(type(awaitable), "__await__"):
        raise TypeError(f"job must be an async function: it returned {type(awaitable).__name__}")
    return await awaitable


class _Commands:
    """Whether any command of a job may have run, beside the one that is under way."""

    def __init__(self) -> None:
        self._before = False
        self._last = False

    @property
    def any_may_have_run(self) -> bool:
        """Whether there is one."""
        return self._before or self._last

    def begin(self) -> None:
        """One is sent now."""
        self.pause()
        self._last = True

    def pause(self) -> None:
        """Something else is done: its result is not the last command's."""
        self._before, self._last = self._before or self._last, False

    def refused(self) -> None:
        """The last one has not run."""
        self._last = False


class _JobLoop:
    """The crew as the methods of a job's connection see it: see `remctl._loops.Loop`."""

    def __init__(self, remctl: JobRemctl) -> None:
        self.pid = os.getpid()
        self.clients: WeakSet[Bound] = WeakSet()
        self._crew = remctl._crew
        self._caller = id(remctl._connection)  # a job is one caller
        self.reactor: Any = _JobReactor(remctl)

    def caller(self) -> int:
        """See `Loop`."""
        return self._caller

    def lend(self, session: _remctl.Session, maker: int | None) -> None:
        """Do nothing: a job has no tasks."""

    def move_here(self) -> None:
        """Do nothing: the caller of the crew has done it."""

    async def checkpoint_if_cancelled(self) -> None:
        """Do nothing: a job is closed where it waits."""

    async def finish(self, operation: _remctl.Operation) -> Any:
        """See `Loop`."""
        return await self._crew.finish(operation)

    async def sleep(self, seconds: float) -> None:
        """See `Loop`."""
        await self._crew.rest(seconds)

    def give_up(self, operation: _remctl.Operation) -> None:
        """See `Loop`."""
        self._crew.reactor.cancel(operation)


class _JobReactor:
    """The calls of a job's connection: none takes longer than what is left for the host.

    The reactor itself is the crew's, which closes it, and is kept by nobody else.
    """

    def __init__(self, remctl: JobRemctl) -> None:
        self._crew, self._clock, self._commands = remctl._crew, remctl._clock, remctl._commands

    def command(self, *arguments: Any) -> _remctl.Operation:
        """See `Reactor`."""
        self._commands.begin()
        return self._crew.reactor.command(*self._limited(arguments))

    def run(self, *arguments: Any) -> _remctl.Operation:
        """See `Reactor`."""
        self._commands.begin()
        return self._crew.reactor.run(*self._limited(arguments))

    def stream(self, *arguments: Any) -> _remctl.Operation:
        """See `Reactor`."""
        self._commands.begin()
        return self._crew.reactor.stream(*self._limited(arguments))

    def noop(self, *arguments: Any) -> _remctl.Operation:
        """See `Reactor`."""
        self._commands.pause()
        return self._crew.reactor.noop(*self._limited(arguments))

    def outputs(self, *arguments: Any) -> _remctl.Operation:
        """See `Reactor`."""
        return self._crew.reactor.outputs(*self._limited(arguments))

    def _limited(self, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """The same arguments; the last of each call is its timeout."""
        *others, timeout = arguments
        return (*others, self._clock.at_most(timeout))


def _refused(what: str) -> RemctlError:
    return make(
        "misuse",
        f"{what} is not allowed on the connection of a job: configure for_each() instead",
        may_have_run=False,
    )
