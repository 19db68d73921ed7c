"""Chunks of hosts, each run by an executor of `concurrent.futures`."""

from __future__ import annotations

import pickle
import sys
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import suppress
from importlib import import_module
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from remctl._errors import make
from remctl._many.fence import fenced, run_fenced
from remctl._many.outcome import Outcome, Target
from remctl._many.plan import Plan
from remctl._many.raised import Raised

if TYPE_CHECKING:
    from remctl._waiting.waiters import TaskWaiter

# How many chunks may be submitted without a result.
_AHEAD = 64

# If the number of hosts is known, there are at least this many chunks, to keep many workers
# busy and to get outcomes early.
_LEAST = 16

# With many hosts, chunks grow beyond `limit`, up to this many times: a chunk runs its hosts
# without pauses, and each chunk costs a message or two.
_MOST = 64
_LARGEST = 16

# The modules of the thread and process pools of the standard library.
_STANDARD = ("concurrent.futures.thread", "concurrent.futures.process")

#: The result of a chunk: its outcomes, and the exception that stopped it.
ChunkResult = tuple[list[Outcome], Raised | None]


class Chunks:
    """Hosts that an executor runs: see `remctl._many.run.Runner`."""

    def __init__(
        self,
        work: Callable[..., ChunkResult],
        arguments: dict[str, Any],
        limit: int,
        executor: Executor,
        hint: int,
    ) -> None:
        self.ended: deque[Outcome] = deque()
        self.task_waiter: TaskWaiter | None = None
        self._executor, self._fence = fenced(executor)
        self._work = work
        self._arguments = (arguments, limit)
        self._size = limit
        if hint:
            few = min(limit, -(-hint // _LEAST))
            self._size = max(1, few, min(_LARGEST * limit, -(-hint // _MOST)))
        self._next: list[Target] = []
        self._running: dict[Future[ChunkResult], tuple[list[Target], float, str]] = {}
        self._hosts = 0
        self._submitted = False
        self._done: SimpleQueue[Future[ChunkResult]] = SimpleQueue()

    def __len__(self) -> int:
        """How many hosts have no outcome yet."""
        return self._hosts

    def room(self, waiting: int) -> bool:
        """See `remctl._many.run.Runner`."""
        return self._hosts + waiting < _AHEAD * self._size

    def add(self, target: Target) -> None:
        """Add a host to the next chunk; submit the chunk when it is full."""
        self._hosts += 1
        self._next.append(target)
        if len(self._next) >= self._size:
            self.complete()

    def complete(self) -> None:
        """Submit an incomplete chunk."""
        chunk, self._next = self._next, []
        if not chunk:
            return
        begin = monotonic()
        # Dask treats calls with equal arguments as the same call, so each gets a unique token.
        token = f"remctl-{uuid4().hex}"
        passed_on = False
        try:
            work = self._work
            if self._fence is not None:
                self._fence.put_up(token)
                work = run_fenced
            passed_on = True
            future = self._executor.submit(work, token, chunk, *self._arguments)
        except Exception as error:
            broken = isinstance(error, BrokenExecutor)
            if self._fence is not None:
                self._fence.take_down(token)
            if not self._submitted and not broken:
                raise  # this executor never worked
            # The standard library raises BrokenExecutor before it takes a chunk. But it has taken
            # the chunk if it cannot start a thread or a process, and others may run it.
            self._fail(
                chunk, begin, error, may_have_run=passed_on and not (broken and self._is_truthful())
            )
            return
        self._submitted = True
        self._running[future] = chunk, begin, token
        future.add_done_callback(self._tell)

    def flush(self) -> None:
        """See `remctl._many.run.Runner`."""
        if not self._running:
            self.complete()

    def stop(self) -> list[Target]:
        """See `remctl._many.run.Runner`."""
        kept, self._next = self._next, []
        for future, (chunk, _, token) in list(self._running.items()):
            if self._recall(future, token):
                del self._running[future]
                kept += chunk
        self._hosts -= len(kept)
        return kept

    def _recall(self, future: Future[ChunkResult], token: str) -> bool:
        """Cancel a chunk if it certainly has not started and never will; whether that is so."""
        if self._fence is None:
            return self._is_truthful() and future.cancel()
        if not self._fence.withdraw(token):
            return False
        self._fence.take_down(token)
        future.cancel()
        return True

    def _is_truthful(self) -> bool:
        """Whether what the executor says is certain: a cancelled future was never started.

        That is so with the standard library's executors. Others also cancel running calls, and so
        may a subclass that submits in its own way.
        """
        return getattr(self._executor.submit, "__module__", None) in _STANDARD

    def excuse(self, since: float) -> None:
        """Do nothing: the clocks of the workers do not stop."""

    @property
    def descriptor(self) -> None:
        """None: `task_waiter` is woken instead."""

    def wait(self, seconds: float = inf) -> None:
        """Wait until a chunk has ended, but at most for this many seconds."""
        with suppress(Empty):
            self._take(self._done.get(timeout=None if seconds == inf else seconds))

    def dispatch(self) -> None:
        """Collect the outcomes of the chunks that have ended."""
        while not self._done.empty():
            self._take(self._done.get())

    def close(self) -> None:
        """Cancel the chunks that were not started."""
        running, self._running = self._running, {}
        for future, (_, _, token) in running.items():
            if self._fence is not None:
                self._fence.take_down(token)
            future.cancel()

    def _tell(self, future: Future[ChunkResult]) -> None:
        self._done.put(future)
        if self.task_waiter is not None:
            self.task_waiter.wake_from_anywhere()

    def _take(self, future: Future[ChunkResult]) -> None:
        if future not in self._running:
            return  # stopped by stop()
        chunk, begin, token = self._running.pop(future)
        if self._fence is not None:
            self._fence.take_down(token)
        try:
            outcomes, raised = future.result()
            found, missing = _matched(chunk, outcomes)
        except CancelledError:
            truly = self._is_truthful() and future.cancelled()
            error = CancelledError("the executor has cancelled it")
            self._fail(chunk, begin, error, may_have_run=not truly)
        except Exception as error:
            self._fail(chunk, begin, error, may_have_run=True)
        else:
            if raised is not None:
                raise raised.error
            self._hosts -= len(found)
            self.ended.extend(found)
            self._fail(missing, begin, LookupError("it is not in the result"), may_have_run=True)

    def _fail(
        self, chunk: list[Target], begin: float, error: BaseException, *, may_have_run: bool
    ) -> None:
        """Create error outcomes for a chunk of which the executor has no outcomes."""
        text = f"the worker ended without an outcome: {str(error) or type(error).__name__}"
        self._hosts -= len(chunk)
        for target in chunk:
            failure = make(
                "lost", text, host=target.host, port=target.port, may_have_run=may_have_run
            )
            self.ended.append(Outcome(target, None, failure, monotonic() - begin, 1))


def _matched(chunk: list[Target], outcomes: list[Outcome]) -> tuple[list[Outcome], list[Target]]:
    """The outcomes of a chunk, one for each host; and the hosts that have none."""
    missing = Counter(chunk)
    found = []
    for outcome in outcomes:
        if missing[outcome.target]:
            missing[outcome.target] -= 1
            found.append(outcome)
    return found, list(missing.elements())


def _is_standard(executor: Executor) -> bool:
    """Whether it is a thread or process pool of the standard library."""
    return any(base.__module__ in _STANDARD for base in type(executor).__mro__)


def _sent(executor: Executor, plan: Plan) -> dict[str, Any]:
    """The run's arguments for a worker; TypeError if one cannot be pickled."""
    arguments = plan.sent()
    for name, value in arguments.items():
        try:
            _check_that_it_pickles(executor, value)
        except Exception as error:
            raise TypeError(f"{name} cannot be sent to a worker: {error}") from error
    settings = {
        "ccache": plan.settings.ccache,
        "keytab": plan.settings.keytab,
        "source_ip": plan.settings.source_ip,
        "keepalive": plan.settings.keepalive,
        "connect_timeout": plan.settings.connect_timeout,
    }
    return (
        arguments
        | settings
        | {
            "timeout": plan.timeout,
            "port": plan.port,
            "principal": plan.principal,
            "retries": plan.retries,
            "max_output": plan.max_output,
        }
    )


def _check_that_it_pickles(executor: Executor, value: object) -> None:
    try:
        pickle.dumps(value)
    except Exception:
        # The standard library's executors use pickle. Others (Dask, Ray, loky) use cloudpickle,
        # which also supports functions that are not at module level.
        if _is_standard(executor):
            raise
        try:
            cloudpickle = import_module("cloudpickle")
        except ImportError:
            cloudpickle = None
        if cloudpickle is None:
            raise
        cloudpickle.dumps(value)


def arguments_for(executor: Executor, plan: Plan) -> dict[str, Any]:
    """The arguments for the workers; TypeError or ValueError if they cannot be used there.

    A worker must not be forked: Kerberos and the engine's threads may be in the middle of
    something at the fork.
    """
    if not callable(getattr(executor, "submit", None)):
        raise TypeError(
            f"executor must be a concurrent.futures.Executor, not {type(executor).__name__}"
        )
    for name, value in (("ccache", plan.settings.ccache), ("keytab", plan.settings.keytab)):
        if value is not None and not isinstance(value, str) and not hasattr(value, "__fspath__"):
            raise TypeError(
                f"{name} must be a name or path for an executor, not {type(value).__name__}: "
                f"tickets are not sent to its workers"
            )
    fenced(executor)  # ValueError if it cannot be used
    processes = sys.modules.get("concurrent.futures.process")
    context = None
    if processes is not None and isinstance(executor, processes.ProcessPoolExecutor):
        context = getattr(executor, "_mp_context", None)
    if context is not None and context.get_start_method() == "fork":
        raise ValueError(
            "executor starts its workers by fork, which is not safe beside threads and open "
            "connections: give it mp_context=multiprocessing.get_context('spawn')"
        )
    return _sent(executor, plan)
