"""One command on many hosts at once, without an event loop."""

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

    ``hosts`` is any iterable, also an endless one, of hosts' names or `Target`.
    It is read only as fast as ``limit`` allows: no more than so many hosts are
    connected to, or have outcomes that were not taken yet. (At most five
    connections are opened at a time to one address and port, which is what a
    remctld that listens by itself has room for.) ``command`` is a command, or a
    function of the `Target` that returns one.

    ``timeout`` is the longest that one host may take, over all its tries and
    the pauses between them, in seconds: None is no limit, 0 or less is too late
    at once. ``port`` and ``principal`` are for the hosts that have none of
    their own; ``ccache``, ``keytab``, ``source_ip``, ``keepalive`` and
    ``connect_timeout`` are as for `Remctl`. The limit of ``connect_timeout`` is each
    try's; waiting for its turn to connect is not counted.

    ``retries`` is how many more times a host is tried, after growing pauses,
    whose error is ``retryable``: it could not be resolved or connected to, no KDC
    answered, it took too long, or it was lost; never where the command may have
    run, and never after another failure to authenticate or a refusal.

    ``stdout`` and ``stderr`` are functions of the `Target` that return a binary
    file: what comes for one is written to it as it arrives, and the result's
    member is None then. Close it when the host's outcome has come.

    With ``batch`` hosts are taken in groups of so many: the next group starts when
    all hosts of the one before are done. With ``max_failures`` no further host
    starts once more than so many are not ``ok``. Those under way go on, and each of
    the others has an outcome with an error of the kind ``not_started`` (so there are
    outcomes for all of ``hosts``). Both are an int, or a percentage such as ``"10%"``,
    rounded down, if ``len(hosts)`` is known.

    ``max_output`` is the most that one host may send, in bytes of output of both
    kinds, also into files; None is no limit. A host that sends more has an outcome
    with an error of the kind ``too_large``, whose ``partial`` is what came before.

    ``executor`` is a `concurrent.futures.Executor` to which hosts are handed
    in chunks, for what one process cannot do; ``limit`` is each chunk's then,
    and outcomes come as chunks end.

    A host that fails never stops another: its outcome has the error. What the
    caller's iterable, functions and files raise is raised here, and ends all,
    as closing the iterator does. While nobody asks for the next outcome nothing
    moves, and no time passes for ``timeout``. A slow file makes no host late either.
    Any thread may ask for the next outcome, one at a time.

    Asking for an outcome reads hosts in between. A slow iterable gets half of the
    time, and the hosts under way get the other half.

    Raises TypeError or ValueError for an invalid argument before anything is
    sent, and for an invalid host when it is read.
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
    """The outcomes of a plan. TypeError or ValueError for an invalid argument."""
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
    """Run a chunk of hosts, in a worker; the token tells it from others like it."""
    outcomes: list[Outcome] = []
    try:
        if "job" in arguments:
            from remctl._many.each import for_each

            outcomes.extend(for_each(chunk, limit=limit, **arguments))
        else:
            outcomes.extend(run_many(chunk, limit=limit, **arguments))
    except Exception as error:
        return outcomes, error
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
    """Carry out a run to its end. It is the caller's to close."""
    while (step := run.step()) is not None:
        if isinstance(step, Outcome):
            since = monotonic()
            yield step
            runner.excuse(since)
        else:
            runner.wait(step)
            runner.dispatch()
