"""A job on many hosts at once, in an event loop."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Iterable
from typing import SupportsIndex

from remctl import _own_types, _types
from remctl._arguments import Port, Seconds
from remctl._client_base import documented_as
from remctl._many.asynchronous import Outcomes, abegin
from remctl._many.each import for_each
from remctl._many.job import Job, JobPlan
from remctl._many.limits import Portion
from remctl._many.outcome import Target


@documented_as(for_each)
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
    return abegin(hosts, plan, limit, batch, max_failures, executor)


afor_each.__module__ = "remctl"
