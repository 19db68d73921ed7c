"""One command on many hosts at once, in an event loop: asyncio's (uvloop too) or trio's."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from functools import partial
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, SupportsIndex

from remctl import _own_types, _types
from remctl._arguments import Port, Seconds, count
from remctl._client_base import documented_as
from remctl._many.async_crew import AsyncCrew
from remctl._many.blocking import run_chunk, run_many
from remctl._many.command import CommandFor, CommandPlan, FileFor
from remctl._many.limits import Limits, Portion
from remctl._many.outcome import Outcome, Target
from remctl._many.run import Run
from remctl._many.source import AsyncIterableSource, IterableSource
from remctl._waiting.waiters import TaskWaiter, task_waiter

if TYPE_CHECKING:
    from remctl._many.chunks import Chunks
    from remctl._many.plan import Plan


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
    """Start a plan and return its outcomes. TypeError or ValueError for an invalid argument."""
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


class Outcomes(AsyncIterator[Outcome]):
    """The outcomes of `arun_many()` or `afor_each()`, in the order of completion.

    An asynchronous context manager, which stops the run at its end, like `aclose()`. (``break``
    in a loop stops the run only if nothing else refers to the iterator, and does not wait until
    the jobs have ended.)
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
        try:
            self._running = True
            outcome = await self._next()
            self._running = False
        except GeneratorExit:
            self._running = False
            self._close()
            raise
        except BaseException:
            await self._end()
            raise
        self._since = monotonic()
        return outcome

    async def aclose(self) -> None:
        """Stop the run.

        It cancels the jobs of `afor_each()` and waits until they have ended; otherwise it never
        waits.
        """
        if self._running:
            self._close()
        elif not self._closed:
            self._running = True
            await self._end()

    async def __aenter__(self) -> _types.Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: _types.TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self._close()

    async def _end(self) -> None:
        """Stop the run; called by one task only."""
        self._closed = True
        try:
            if self._run is not None and isinstance(self._runner, AsyncCrew):
                await self._runner.end_tasks()
        finally:
            self._running = False
            self._close()

    def _close(self) -> None:
        self._closed = True
        if self._running:
            # Another task is waiting; it closes the run itself, before the descriptor is
            # closed.
            if self._run is not None:
                self._task_waiter.wake()
        elif self._run is not None:
            self._task_waiter.stop_watching()
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
