"""An executor of Dask's that misbehaves, with a scheduler in this process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import distributed

from tests.support.misbehaving import Misbehaving

_ClientExecutor: Any = distributed.cfexecutor.ClientExecutor  # which is not typed


class OfDask(Misbehaving, _ClientExecutor):  # type: ignore[misc]
    """Dask's executor by its bases: its chunks run here, with the fences of its scheduler."""


@contextlib.contextmanager
def of_dask() -> Iterator[tuple[tuple[Callable[[], OfDask], bool], Callable[[], bool]]]:
    """How one is made, and that it has a fence; and whether no fence is left."""
    cluster_of: Any = distributed.LocalCluster
    client_of: Any = distributed.Client
    with (
        cluster_of(
            n_workers=0, processes=False, dashboard_address=None, silence_logs=50
        ) as cluster,
        client_of(cluster) as client,
    ):
        queues = cluster.scheduler.extensions["queues"].queues
        yield (lambda: OfDask(client), True), lambda: not queues
