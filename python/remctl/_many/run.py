"""Decides which of many hosts starts when, for all kinds of runs."""

from __future__ import annotations

from collections import deque
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from remctl._errors import make
from remctl._many.outcome import Outcome, Target

if TYPE_CHECKING:
    from remctl._many.limits import Limits
    from remctl._many.source import Source


class Runner(Protocol):
    """Runs hosts: in this process or in an executor."""

    ended: deque[Outcome]

    def __len__(self) -> int:
        """How many hosts have no outcome yet."""

    def room(self, waiting: int) -> bool:
        """Whether there is room for another host while `waiting` outcomes were not taken yet."""

    def add(self, target: Target) -> None:
        """Start a host."""

    def complete(self) -> None:
        """No more hosts are coming for now."""

    def flush(self) -> None:
        """The next host may take a while: start those that were added."""

    def stop(self) -> list[Target]:
        """Start no more of the added hosts. Returns those that will never be started."""

    def excuse(self, since: float) -> None:
        """Do not count the time since this value of the clock."""

    def dispatch(self) -> None:
        """Collect new outcomes."""

    def close(self) -> None:
        """Stop everything."""


class Run:
    """Starts hosts when there is room, batch after batch, and returns their outcomes.

    It never waits: `step()` returns for how long to wait. If a signal handler raises an exception
    before or during `close()`, the destructor closes the run.
    """

    _open = False

    def __init__(self, source: Source, runner: Runner, limits: Limits) -> None:
        self._source = source
        self._runner = runner
        self._limits = limits
        self._outcomes: deque[Outcome] = deque()
        self._in_batch = 0
        self._failures = 0
        self._stopped = False
        self._pause_end = 0.0
        self._open = True

    def __del__(self) -> None:
        if self._open:
            self.close()

    def step(self) -> Outcome | float | None:
        """Return an outcome, how many seconds to wait before the next step, or None at the end.

        Infinity means to wait until something happens to the hosts in progress. Exceptions of
        the caller's iterable and functions are raised here.
        """
        source, runner = self._source, self._runner
        while True:
            self._collect()
            first = self._stopped or source.pause > 0
            if self._outcomes and (first or not self._may_begin()):
                return self._outcomes.popleft()
            pause = self._pause_end - monotonic()
            if runner and pause > 0:
                runner.flush()
                return pause
            if self._may_begin() and source.ready():
                self._begin()
            elif self._outcomes:
                return self._outcomes.popleft()
            elif runner or not source.exhausted:
                return inf
            else:
                return None

    def collected(self) -> list[Outcome]:
        """The outcomes that `step()` has not returned yet."""
        self._collect()
        outcomes = list(self._outcomes)
        self._outcomes.clear()
        return outcomes

    def close(self) -> None:
        """Stop all hosts in progress."""
        self._source.close()
        self._runner.close()
        self._open = False

    def _may_begin(self) -> bool:
        if self._source.exhausted:
            return False
        if self._stopped:
            return True  # to report it as not started
        if self._limits.batch is not None and self._in_batch >= self._limits.batch:
            if self._runner or self._outcomes:
                return False
            self._in_batch = 0
        return self._runner.room(len(self._outcomes))

    def _begin(self) -> None:
        source, runner = self._source, self._runner
        since = monotonic()
        target = source.take()
        runner.excuse(since)
        if target is None:
            runner.complete()
            return
        if self._stopped:
            self._outcomes.append(not_started(target))
            return
        runner.add(target)
        self._in_batch += 1
        if self._in_batch == self._limits.batch:
            runner.complete()
        if source.pause:
            self._pause_end = monotonic() + source.pause

    def _collect(self) -> None:
        """Take new outcomes from the runner, and count the failures."""
        ended = self._runner.ended
        while ended:
            outcome = ended.popleft()
            self._failures += not outcome.ok
            self._outcomes.append(outcome)
        most = self._limits.max_failures
        if most is not None and self._failures > most and not self._stopped:
            self._stopped = True
            self._outcomes.extend(map(not_started, self._runner.stop()))


def not_started(target: Target, why: str = "too many hosts have failed") -> Outcome:
    """The outcome of a host that was not started."""
    text = f"not started: {why}"
    error = make("not_started", text, host=target.host, port=target.port, may_have_run=False)
    return Outcome(target, None, error, 0.0, 0)
