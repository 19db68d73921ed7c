"""One command on many hosts at once, in an event loop: asyncio's (uvloop too) or trio's."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
)
from functools import partial
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, SupportsIndex

from remctl import _own_types, _types
from remctl._arguments import Port, Seconds, count
from remctl._client_base import documented_as
from remctl._loops import TaskWaiter, task_waiter
from remctl._many.blocking import run_chunk, run_many
from remctl._many.command import CommandFor, CommandPlan, FileFor
from remctl._many.crew import HostCrew, suspended
from remctl._many.limits import Limits, Portion
from remctl._many.outcome import Outcome, Target
from remctl._many.run import Run
from remctl._many.source import AsyncIterableSource, IterableSource

if TYPE_CHECKING:
    from remctl._files import Sinks
    from remctl._many.chunks import Chunks
    from remctl._many.plan import Plan
    from remctl._output import RemctlOutput


@documented_as(run_many)
def arun_many(
    hosts: Iterable[str | Target] | AsyncIterable[str | Target],
    command: CommandFor,
    *,
    limit: SupportsIndex = 64,
    timeout: Seconds | None = None,
    port: Port = None,
    principal: str | None = None,
    ccache: str | os.PathLike[str] | _own_types.Credentials | None = None,
    keytab: str | os.PathLike[str] | None = None,
    source_ip: str | None = None,
    keepalive: Seconds | None = 60,
    connect_timeout: Seconds | None = None,
    retries: SupportsIndex = 0,
    stdout: FileFor | None = None,
    stderr: FileFor | None = None,
    batch: Portion | None = None,
    max_failures: Portion | None = None,
    max_output: SupportsIndex | None = None,
    executor: _types.Executor | None = None,
) -> Outcomes:
    plan = CommandPlan(
        command,
        timeout=timeout,
        port=port,
        principal=principal,
        ccache=ccache,
        keytab=keytab,
        source_ip=source_ip,
        keepalive=keepalive,
        connect_timeout=connect_timeout,
        retries=retries,
        max_output=max_output,
        stdout=stdout,
        stderr=stderr,
    )
    return abegin(hosts, plan, limit, batch, max_failures, executor)


arun_many.__module__ = "remctl"


def abegin(
    hosts: Iterable[str | Target] | AsyncIterable[str | Target],
    plan: Plan,
    limit: SupportsIndex,
    batch: Portion | None,
    max_failures: Portion | None,
    executor: _types.Executor | None,
) -> Outcomes:
    """The outcomes of a plan. TypeError or ValueError for an invalid argument."""
    number = count(limit, "limit", 1)
    source: IterableSource | AsyncIterator[str | Target]
    limits = Limits(hosts, batch, max_failures)
    source = aiter(hosts) if isinstance(hosts, AsyncIterable) else IterableSource(hosts)
    if executor is not None:
        from remctl._many.chunks import Chunks, arguments_for

        sent = arguments_for(executor, plan)
        hint = source.hint if isinstance(source, IterableSource) else 0
        return Outcomes(source, partial(Chunks, run_chunk, sent, number, executor, hint), limits)
    return Outcomes(source, partial(AsyncCrew, plan, number), limits)


class AsyncCrew(HostCrew):
    """Hosts under way, whose files may be the event loop's."""

    def __init__(self, plan: Plan, limit: int) -> None:
        super().__init__(plan, limit)
        self.task_waiter: TaskWaiter | None = None
        self.come_back: deque[Coroutine[Any, None, Outcome]] = deque()

    async def write(self, sinks: Sinks, token: RemctlOutput) -> None:
        """Hand a token to the files, and wait for what one gives to be awaited."""
        steps = sinks.steps(token)
        value = None
        while True:
            begin = monotonic()
            try:
                awaitable = steps.send(value)
            except StopIteration:
                return
            finally:
                self.excuse(begin)  # a slow file is no host's fault
            value = await self._elsewhere(awaitable)

    async def _elsewhere(self, awaitable: Awaitable[Any]) -> Any:
        """What something gives that the event loop has to wait for."""
        assert self.task_waiter is not None
        place = _Elsewhere(self)
        cancel = self.task_waiter.spawn(awaitable, place.end)
        if not place.done:
            try:
                await suspended(place)
            except BaseException:  # closed
                cancel()
                raise
        return place.result()

    def dispatch(self) -> None:
        """See `remctl._many.run.Runner`."""
        while self.come_back:
            self.advance(self.come_back.popleft())
        super().dispatch()

    def close(self) -> None:
        """See `remctl._many.run.Runner`."""
        self.come_back.clear()
        super().close()


class _Elsewhere:
    """What a coroutine of the crew waits for that is not the reactor's."""

    def __init__(self, crew: AsyncCrew) -> None:
        self.waiter: Any = None
        self.done = False
        self._crew = crew
        self._value: Any = None
        self._error: BaseException | None = None

    def end(self, value: Any, error: BaseException | None) -> None:
        """Take what has come of it."""
        self._value, self._error, self.done = value, error, True
        if self.waiter is not None:
            self._crew.come_back.append(self.waiter)

    def result(self) -> Any:
        """Return or raise that."""
        if self._error is not None:
            raise self._error
        return self._value


class Outcomes(AsyncIterator[Outcome]):
    """The outcomes of `arun_many()` or `afor_each()`, in the order of completion.

    An asynchronous context manager, which ends all when it is left, as `aclose()` does. (Leaving
    a loop by ``break`` is leaving only where nothing else holds the iterator.)
    """

    def __init__(
        self,
        hosts: IterableSource | AsyncIterator[str | Target],
        begin: Callable[[], AsyncCrew | Chunks],
        limits: Limits,
    ) -> None:
        self._arguments: tuple[Any, ...] = hosts, begin, limits
        self._run: Run | None = None
        self._runner: AsyncCrew | Chunks
        self._task_waiter: TaskWaiter
        self._running = False
        self._closed = False
        self._since: float | None = None

    def __aiter__(self) -> _types.Self:
        return self

    async def __anext__(self) -> Outcome:
        if self._running:
            raise RuntimeError("another task is waiting for the next outcome of this run")
        if self._closed:
            raise StopAsyncIteration
        self._running = True
        try:
            outcome = await self._next()
        except BaseException:
            self._running = False
            self._close()
            raise
        self._running = False
        self._since = monotonic()
        return outcome

    async def aclose(self) -> None:
        """End all that is under way. It never waits."""
        self._close()

    async def __aenter__(self) -> _types.Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: _types.TracebackType | None,
    ) -> None:
        self._close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self._close()

    def _close(self) -> None:
        self._closed = True
        if self._running:
            # Another task waits, and does it before its descriptor is closed.
            if self._run is not None:
                self._task_waiter.wake()
        elif self._run is not None:
            self._run.close()

    async def _next(self) -> Outcome:
        run = self._started()
        if self._since is not None:
            self._runner.excuse(self._since)
        await self._task_waiter.checkpoint()
        while not self._closed:
            step = run.step()
            if step is None:
                break
            if isinstance(step, Outcome):
                return step
            await self._task_waiter.wait(self._runner.descriptor, None if step == inf else step)
            if not self._closed:
                self._runner.dispatch()
        raise StopAsyncIteration

    def _started(self) -> Run:
        if self._run is None:
            hosts, begin, limits = self._arguments
            self._task_waiter = waiter = task_waiter()
            self._runner = runner = begin()
            runner.task_waiter = waiter
            if not isinstance(hosts, IterableSource):
                hosts = AsyncIterableSource(hosts, waiter)
            self._run = Run(hosts, runner, limits)
            self._arguments = ()
        return self._run
