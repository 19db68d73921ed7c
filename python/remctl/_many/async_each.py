"""`afor_each()`: a job on many hosts at once, in an event loop."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Iterable
from typing import SupportsIndex

from remctl import _own_types, _types
from remctl._arguments import Port, Seconds
from remctl._many.asynchronous import Outcomes, abegin
from remctl._many.job import Job
from remctl._many.job_task import TaskPlan
from remctl._many.limits import Portion
from remctl._many.outcome import Target


def afor_each(
    hosts: Iterable[str | Target] | AsyncIterable[str | Target],
    job: Job,
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
    batch: Portion | None = None,
    max_failures: Portion | None = None,
    max_output: SupportsIndex | None = None,
    executor: _types.Executor | None = None,
) -> Outcomes:
    """Do a job of several commands on many hosts at once; an `Outcome` for each.

        async def restart(r):
            (await r.run(["service", "restart"])).check()
            async with client.stream("GET", f"https://{r.host}/health") as answer: ...

        async for outcome in remctl.afor_each(hosts, restart, limit=5): ...

    Like `for_each`, but each job is a task of the event loop: besides the methods of its
    connection it may await anything in that loop, also objects that other tasks use. Jobs
    continue while the caller handles an outcome.

    ``timeout`` is the longest time that a host may take for connecting and for the whole job,
    in seconds. When it has passed, a call of the connection raises RemctlTimeoutError. If the
    job awaits something else, it is cancelled, and the host's ``outcome.error`` is a
    RemctlTimeoutError. The time in which the job's own code blocks the event loop does not
    count.

    A job that is in progress when the run ends is cancelled, and may still await in its
    ``finally`` blocks: the end of ``async with``, ``aclose()``, and an exception of the loop over
    the outcomes wait until it has ended.

    With ``executor`` there is no event loop in the workers: a job may only await the same as a
    job of `for_each`.
    """
    plan = TaskPlan(
        job,
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
    )
    return abegin(hosts, plan, limit, batch, max_failures, executor)


afor_each.__module__ = "remctl"
