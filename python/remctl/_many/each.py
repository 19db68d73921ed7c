"""`for_each()`: a job on many hosts at once, without an event loop."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from typing import SupportsIndex

from remctl import _own_types, _types
from remctl._arguments import Port, Seconds
from remctl._many.blocking import begin
from remctl._many.job import Job, JobPlan
from remctl._many.limits import Portion
from remctl._many.outcome import Outcome, Target


def for_each(
    hosts: Iterable[str | Target],
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
) -> Generator[Outcome, None, None]:
    """Do a job of several commands on many hosts at once; an `Outcome` for each.

        async def restart(r):
            (await r.run(["service", "restart"])).check()
            await r.sleep(5)
            return (await r.run(["service", "status"])).check().text

        for outcome in remctl.for_each(hosts, restart, limit=5): ...

    ``job`` is an async function. It gets an open connection to the host, a `JobRemctl`, and its
    return value becomes ``outcome.value``. There is no thread for each host, and no event loop:
    a job may only await methods of this connection, including its ``sleep()``. Awaiting
    anything else raises RuntimeError.

    A RemctlError from this connection or from `RemctlSimpleResult.check()` that the job does
    not catch becomes the host's ``outcome.error``; its ``may_have_run`` is False only if no
    command of the job can have run. Any other exception of the job, also a RemctlError of
    another connection, stops the whole run and is raised here. An outcome is ``ok`` if there is
    no error.

    ``timeout`` is the longest time that a host may take for connecting and for the whole job,
    in seconds; the time of the job's own code does not count. When it has passed, calls of the
    connection raise RemctlTimeoutError. ``retries`` is how often connecting is tried again, as
    for `run_many`. A job that has started is never started again.

    A job that is in progress when the run ends is closed where it waits, like a generator: its
    ``finally`` blocks run, but cannot await anything.

    ``max_output`` is the default for each ``run()`` of the job.

    With ``executor`` the job and its return value must be picklable. Everything else is as for
    `run_many`.
    """
    plan = JobPlan(
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
    return begin(hosts, plan, limit, batch, max_failures, executor)


for_each.__module__ = "remctl"
