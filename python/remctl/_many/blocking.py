"""One command on many hosts at once, without an event loop."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from operator import length_hint
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, SupportsIndex

from remctl._arguments import Port, Seconds, count
from remctl._many.crew import HostCrew
from remctl._many.outcome import Outcome, Target
from remctl._many.plan import CommandFor, FileFor, Plan, targets

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from remctl._credentials import Credentials
    from remctl._files import Sinks
    from remctl._many.chunks import ChunkResult
    from remctl._output import RemctlOutput
else:
    Credentials = Executor = ChunkResult = Sinks = RemctlOutput = object


def run_many(
    hosts: Iterable[str | Target],
    command: CommandFor,
    *,
    limit: SupportsIndex = 64,
    timeout: Seconds | None = None,
    port: Port = None,
    principal: str | None = None,
    ccache: str | os.PathLike[str] | Credentials | None = None,
    keytab: str | os.PathLike[str] | None = None,
    source_ip: str | None = None,
    retries: SupportsIndex = 0,
    stdout: FileFor | None = None,
    stderr: FileFor | None = None,
    executor: Executor | None = None,
) -> Generator[Outcome, None, None]:
    """Run a command on many hosts at once; an `Outcome` for each, as soon as it is known.

    ``hosts`` is any iterable, also an endless one, of hosts' names or `Target`.
    It is read only as fast as ``limit`` allows: no more than so many hosts are
    connected to, or have outcomes that were not taken yet. (At most five
    connections are opened at a time to one address and port, which is what a
    remctld that listens by itself has room for.) ``command`` is a command, or a
    function of the `Target` that returns one.

    ``timeout`` is the longest that one host may take, over all its tries and
    the pauses between them, in seconds: None is no limit, 0 or less is too late
    at once. ``port`` and ``principal`` are for the hosts that have none of
    their own; ``ccache``, ``keytab`` and ``source_ip`` are as for `Remctl`.

    ``retries`` is how many more times a host is tried, after growing pauses,
    whose error is ``retryable``: it could not be resolved or connected to, no KDC
    answered, it took too long, or it was lost; never where the command may have
    run, and never after another failure to authenticate or a refusal.

    ``stdout`` and ``stderr`` are functions of the `Target` that return a binary
    file: what comes for one is written to it as it arrives, and the result's
    member is None then. Close it when the host's outcome has come.

    ``executor`` is a `concurrent.futures.Executor` to which hosts are handed
    in chunks, for what one process cannot do; ``limit`` is each chunk's then,
    and outcomes come as chunks end.

    A host that fails never stops another: its outcome has the error. What the
    caller's iterable, functions and files raise is raised here, and ends all,
    as closing the iterator does. While nobody asks for the next outcome nothing
    moves, and no time passes for ``timeout``. The iterator is for one thread.

    Raises TypeError or ValueError for an invalid argument before anything is
    sent; for a host that is none when it is read.
    """
    number = count(limit, "limit", 1)
    plan = Plan(
        command,
        timeout=timeout,
        port=port,
        principal=principal,
        ccache=ccache,
        keytab=keytab,
        source_ip=source_ip,
        retries=retries,
        stdout=stdout,
        stderr=stderr,
    )
    if executor is None:
        return run_plan(plan, hosts, number)
    from remctl._many.chunks import Chunks, arguments_for

    given = targets(hosts)
    sent = arguments_for(executor, plan)
    return _run(given, partial(Chunks, run_chunk, sent, number, executor, length_hint(hosts)))


def run_plan(
    plan: Plan, hosts: Iterable[str | Target], limit: int
) -> Generator[Outcome, None, None]:
    """Carry out a plan on many hosts, as `run_many` does in this process."""
    return _run(targets(hosts), partial(HostCrew, plan, limit))


run_many.__module__ = "remctl"


def run_chunk(
    token: str, chunk: list[Target], arguments: dict[str, Any], limit: int
) -> ChunkResult:
    """Run a chunk of hosts, in a worker; the token tells it from others like it."""
    outcomes: list[Outcome] = []
    try:
        outcomes.extend(run_many(chunk, limit=limit, **arguments))
    except Exception as error:
        return outcomes, error
    return outcomes, None


class Runner(Protocol):
    """Hosts under way, wherever that is."""

    ended: deque[Outcome]

    def __len__(self) -> int:
        """How many have no outcome yet."""

    def room(self) -> bool:
        """Whether there is room for another."""

    def add(self, target: Target) -> None:
        """Begin on a host."""

    def complete(self) -> None:
        """There are no more to come."""

    def excuse(self, since: float) -> None:
        """Do not count the time since that moment."""

    def wait(self) -> None:
        """Wait until `dispatch()` may have something to do."""

    def dispatch(self) -> None:
        """Take in what there is to be known."""

    def close(self) -> None:
        """End all."""


def _run(given: Iterator[Target], begin: Callable[[], Runner]) -> Generator[Outcome, None, None]:
    hosts = begin()
    more = True
    try:
        while True:
            while more and hosts.room():
                since = monotonic()
                target = next(given, None)
                hosts.excuse(since)
                if target is None:
                    more = False
                    hosts.complete()
                else:
                    hosts.add(target)
            if hosts.ended:
                since = monotonic()
                yield hosts.ended.popleft()
                hosts.excuse(since)
            elif hosts:
                hosts.wait()
                hosts.dispatch()
            else:
                return
    finally:
        hosts.close()
