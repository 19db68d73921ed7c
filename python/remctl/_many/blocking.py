"""`run_many()`: one command on many hosts at once, without an event loop."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, SupportsIndex

from remctl import _own_types, _types
from remctl._arguments import Port, Seconds, count
from remctl._many.command import CommandFor, CommandPlan, FileFor
from remctl._many.crew import HostCrew
from remctl._many.limits import Limits, Portion
from remctl._many.outcome import Outcome, Target
from remctl._many.run import Run
from remctl._many.source import IterableSource, Source

if TYPE_CHECKING:
    from remctl._many.chunks import ChunkResult, Chunks
    from remctl._many.plan import Plan


def run_many(
    hosts: Iterable[str | Target],
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
) -> Generator[Outcome, None, None]:
    """Run a command on many hosts at once; an `Outcome` for each, as soon as it is known.

    ``hosts`` is any iterable, also an endless one, of hosts' names or `Target`. It is read only
    as fast as ``limit`` allows: at most this many hosts are connected to, or have outcomes that
    you have not taken yet. (At most five connections are opened at a time to one address and
    port, which is the listen queue of a standalone remctld.) ``command`` is a command, or a
    function of the `Target` that returns one.

    ``timeout`` is the longest time that one host may take, with all its attempts and the pauses
    between them, in seconds. None means no limit; 0 or less times out immediately. ``port`` and
    ``principal`` are for hosts that do not have their own; ``ccache``, ``keytab``,
    ``source_ip``, ``keepalive`` and ``connect_timeout`` are as for `Remctl`.
    ``connect_timeout`` applies to each attempt; the time spent waiting for a turn to connect
    does not count.

    ``retries`` is how many more times a host is tried, after growing pauses, if its error is
    ``retryable``: it could not be resolved or connected to, no KDC answered, it took too long,
    or the connection was lost. A host is not tried again if the command may have run, after any
    other authentication failure, or if the server has refused.

    ``stdout`` and ``stderr`` are functions of the `Target` that return a binary file. The
    host's output is written to it as it arrives, and the result's attribute is None. Close the
    file when you have the host's outcome.

    With ``batch``, hosts run in groups of this size: the next group starts when all hosts of
    the previous one are done. With ``max_failures``, no more hosts are started once more than
    this many are not ``ok``. Hosts in progress continue, and each remaining host gets an
    outcome with an error of the kind ``not_started`` (so there is an outcome for every host).
    Both are an int, or, if ``len(hosts)`` is known, a percentage such as ``"10%"``, rounded
    down.

    ``max_output`` limits the output of one host, in bytes of both kinds together, also of
    output that goes to files; None means no limit. A host with more output gets an error of the
    kind ``too_large``, whose ``partial`` has the output so far.

    ``executor`` is a `concurrent.futures.Executor` that runs chunks of hosts, if one process is
    not enough. Then ``limit`` applies to each chunk, and outcomes arrive when a chunk ends.

    A host that fails does not stop the others: its outcome has the error. An exception from
    your iterable, functions or files stops the whole run and is raised here; closing the
    iterator also stops the run. While your code handles an outcome, no I/O happens and the
    ``timeout`` clock is stopped. Time spent in your files does not count either. Any thread may
    ask for the next outcome, one at a time.

    Hosts are read while you wait for outcomes. If the iterable is slow, reading gets half of
    the time, and the hosts in progress get the other half.

    Raises TypeError or ValueError for an invalid argument before anything is sent, and for an
    invalid host when it is taken from ``hosts``.
    """
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
    return begin(hosts, plan, limit, batch, max_failures, executor)


run_many.__module__ = "remctl"


def begin(
    hosts: Iterable[str | Target],
    plan: Plan,
    limit: SupportsIndex,
    batch: Portion | None,
    max_failures: Portion | None,
    executor: _types.Executor | None,
) -> Generator[Outcome, None, None]:
    """Start a plan and return its outcomes. TypeError or ValueError for an invalid argument."""
    number = count(limit, "limit", 1)
    source, limits = IterableSource(hosts), Limits(hosts, batch, max_failures)
    if executor is None:
        return _run(source, partial(HostCrew, plan, number), limits)
    from remctl._many.chunks import Chunks, arguments_for

    sent = arguments_for(executor, plan)
    return _run(source, partial(Chunks, run_chunk, sent, number, executor, source.hint), limits)


def run_chunk(
    token: str, chunk: list[Target], arguments: dict[str, Any], limit: int
) -> ChunkResult:
    """Run a chunk of hosts in a worker; the token makes the call unique."""
    from remctl._many.raised import Raised

    outcomes: list[Outcome] = []
    try:
        if "job" in arguments:
            from remctl._many.each import for_each

            outcomes.extend(for_each(chunk, limit=limit, **arguments))
        else:
            outcomes.extend(run_many(chunk, limit=limit, **arguments))
    except Exception as error:
        return outcomes, Raised(error)
    return outcomes, None


def _run(
    source: Source, begin: Callable[[], HostCrew | Chunks], limits: Limits
) -> Generator[Outcome, None, None]:
    runner = begin()
    run = Run(source, runner, limits)
    try:
        yield from outcomes_of(run, runner)
    finally:
        run.close()


def outcomes_of(run: Run, runner: HostCrew | Chunks) -> Generator[Outcome, None, None]:
    """Yield the outcomes of a run. The caller must close the run."""
    while (step := run.step()) is not None:
        if isinstance(step, Outcome):
            since = monotonic()
            yield step
            runner.excuse(since)
        else:
            runner.wait(step)
            runner.dispatch()
