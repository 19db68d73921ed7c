"""Coroutines over one reactor, advanced by the caller that waits for it.

They only await calls of the reactor, so no event loop is needed; if there is one, it watches
the reactor's descriptor. They only run inside `start()` and `dispatch()`.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager, suppress
from math import inf
from time import monotonic
from types import coroutine
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from weakref import ref

from remctl import _remctl
from remctl._errors import RemctlError, make
from remctl._many.outcome import Outcome, Target
from remctl._waiting.greenlets import greenlets

if TYPE_CHECKING:
    from remctl._files import Sinks
    from remctl._many.plan import Plan
    from remctl._output import RemctlOutput

#: The longest time that `dispatch()` runs without letting signal handlers and other tasks run,
#: in seconds.
BUDGET = 0.005

# A shorter time is not worth moving the deadlines for.
_SHORTEST_EXCUSE = 0.005

_Result = TypeVar("_Result")


class Awaited(Protocol):
    """Something that a coroutine can await: an operation, or an awaitable of the event loop."""

    waiter: Any

    @property
    def done(self) -> bool:
        """Whether it has ended."""


class Crew(Generic[_Result]):
    """Running coroutines, and the results of those that have ended.

    An exception of one of them is raised to the caller that advances it.

    Attributes:
        ended: the results.
        excused: how many seconds were excused in all.
    """

    def __init__(self) -> None:
        self.reactor: _remctl.Reactor = _remctl.Reactor()
        self._pid = os.getpid()
        self.ended: deque[_Result] = deque()
        # Each coroutine with the object that it awaits; None while it runs.
        self._at_work: dict[Coroutine[Any, None, _Result], Awaited | None] = {}
        self.excused: float = 0.0
        self._owed = 0.0

    def __len__(self) -> int:
        """How many have not ended."""
        return len(self._at_work)

    def start(self, work: Coroutine[Any, None, _Result]) -> None:
        """Run a coroutine until its first wait or its end."""
        self.advance(work)

    @property
    def descriptor(self) -> int:
        """Readable when `dispatch()` has something to do."""
        return self.reactor.fileno()

    def wait(self, seconds: float = inf) -> None:
        """Wait until `dispatch()` may have something to do, but at most for this many seconds."""
        timer = None if seconds == inf else self.reactor.pause(seconds)
        try:
            gevent = greenlets()
            if gevent is None:
                self.reactor.wait()
            else:
                gevent.wait_readable(self.reactor.fileno())
        finally:
            if timer is not None and not timer.done:
                self.reactor.cancel(timer)

    def dispatch(self) -> None:
        """Advance the coroutines whose calls have ended, without waiting."""
        self.reactor.dispatch(BUDGET, self._wake)

    def _wake(self, operation: _remctl.Operation) -> None:
        waiter = operation.waiter
        operation.waiter = None
        del operation  # an exception may keep this frame alive
        work = None if waiter is None else waiter()
        if work is not None:
            self.advance(work)

    def advance(self, work: Coroutine[Any, None, _Result]) -> None:
        """Continue a coroutine whose awaited object has ended."""
        self._at_work[work] = None
        try:
            awaited: Awaited = work.send(None)
        except StopIteration as end:
            self._at_work.pop(work, None)
            self.ended.append(end.value)
        except BaseException:
            # If a signal handler has raised it, the coroutine may be waiting already.
            work.close()
            self._at_work.pop(work, None)
            raise
        else:
            self._at_work[work] = awaited
            # A weak reference, because the garbage collector does not traverse operations.
            awaited.waiter = ref(work)

    def move_here(self) -> None:
        """Make the calling thread the owner. RemctlError in the child of a fork."""
        if self._pid != os.getpid():
            raise make("misuse", "these calls are the parent process's", may_have_run=False)
        self.reactor.move_here()

    def close(self) -> None:
        """Close all coroutines, and the descriptors.

        If one of them raises an exception, it is raised after all have ended.
        """
        if self._at_work and self._pid == os.getpid():
            self.move_here()
        try:
            while self._at_work:
                self._close_one()
        finally:
            # Now, and not when this object is destroyed: the frames of an exception may keep it
            # alive.
            if not self._at_work:
                self.__dict__.pop("reactor", None)

    def _close_one(self) -> None:
        work = next(reversed(self._at_work))
        try:
            # In the child of a fork the calls end with the reactor.
            with suppress(RemctlError):
                work.close()
            del self._at_work[work]
        except BaseException:
            while self._at_work:
                with suppress(BaseException):
                    self._at_work.popitem()[0].close()
            raise

    # Time.

    def now(self) -> float:
        """The time for the calls' deadlines, which does not include excused time."""
        return monotonic() - self.excused

    def excuse(self, since: float) -> None:
        """Do not count the time since this value of the monotonic clock.

        The crew could not run in that time, because the caller did something else.
        """
        self.move_here()
        time = monotonic() - since
        self.excused += time
        self._owed += time
        if self._owed >= _SHORTEST_EXCUSE:
            self.reactor.excuse(self._owed)
            self._owed = 0.0

    # For the coroutines.

    async def finish(self, operation: _remctl.Operation) -> Any:
        """Wait for the end of a call, and return its result or raise its error."""
        if not operation.done:
            try:
                await suspended(operation)
            except BaseException:  # closed
                self._cancel(operation)
                raise
        return operation.result()

    def _cancel(self, operation: _remctl.Operation) -> None:
        """End a call; after `close()` it has ended with its reactor."""
        reactor = self.__dict__.get("reactor")
        if reactor is not None:
            reactor.cancel(operation)

    async def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""
        await self.finish(self.reactor.pause(seconds))


class HostCrew(Crew[Outcome]):
    """Hosts in progress in one reactor, each with the steps of a plan.

    Attributes:
        given_up: whether `give_up()` was called.
    """

    def __init__(self, plan: Plan, limit: int) -> None:
        super().__init__()
        self.given_up: bool = False
        self._plan = plan
        self._limit = limit
        self._connections: set[_remctl.Connection] = set()
        self._pauses: set[_remctl.Operation] = set()

    def room(self, waiting: int) -> bool:
        """See `remctl._many.run.Runner`."""
        return len(self) + waiting < self._limit

    def add(self, target: Target) -> None:
        """See `remctl._many.run.Runner`."""
        begin = monotonic()
        steps = self._plan.steps(target, self)
        self.excuse(begin)
        self.start(steps)

    def stop(self) -> list[Target]:
        """See `remctl._many.run.Runner`."""
        return []

    def complete(self) -> None:
        """See `remctl._many.run.Runner`."""

    def flush(self) -> None:
        """See `remctl._many.run.Runner`."""

    def give_up(self, seconds: float) -> None:
        """Stop all hosts, with outcomes that say where the command may have run.

        A host has no outcome if its files raise an exception now, or if it takes longer than
        ``seconds``.
        """
        self.move_here()
        self.given_up = True
        for connection in tuple(self._connections):
            connection.close()
        for pause in tuple(self._pauses):
            self.reactor.cancel(pause)
        end = monotonic() + seconds
        while self._at_work and (left := end - monotonic()) > 0:
            for work, awaited in tuple(self._at_work.items()):
                if awaited is not None and awaited.done:
                    with suppress(Exception):
                        self.advance(work)
            if self._at_work:
                self.wait(left)
                self.reactor.dispatch(BUDGET, lambda _: None)  # they are advanced above

    @contextmanager
    def connected(self, connection: _remctl.Connection) -> Iterator[None]:
        """Close a connection at the end of the block, or when the run is given up."""
        self._connections.add(connection)
        try:
            yield
        finally:
            self._connections.discard(connection)
            connection.close()

    async def rest(self, seconds: float) -> None:
        """Wait for this many seconds, or until the run is given up."""
        pause = self.reactor.pause(seconds)
        self._pauses.add(pause)
        try:
            await self.finish(pause)
        finally:
            self._pauses.discard(pause)

    async def write(self, sinks: Sinks, token: RemctlOutput) -> None:
        """Write a token to the files; TypeError if one needs an event loop."""
        begin = monotonic()
        sinks.write(token)
        self.excuse(begin)  # the time of a slow file does not count against the hosts


@coroutine
def suspended(awaited: Awaited) -> Generator[Awaited, None, None]:
    """Suspend the coroutine until the crew advances it; `awaited` has it as its waiter."""
    yield awaited
