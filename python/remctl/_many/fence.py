"""A fence around chunks in Dask's hands: each is run once.

Dask computes a task again when its worker was lost, also after the task had ended. So each chunk
has a `distributed.Queue` with one item, kept by the scheduler. The worker that takes it may run the
chunk; taking it is atomic and never waits.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from remctl._errors import make
from remctl._many.outcome import Outcome, Target

if TYPE_CHECKING:
    from remctl._many.chunks import ChunkResult


class Fence:
    """The chunks' items, on the side that hands the chunks out."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._queues: dict[str, Any] = {}

    def put_up(self, token: str) -> None:
        """Let a chunk run, once."""
        queue = sys.modules["distributed"].Queue(token, client=self._client)
        queue.put(True)
        self._queues[token] = queue

    def take_down(self, token: str) -> None:
        """Forget a chunk whose outcomes are known. It cannot run any more."""
        self._queues.pop(token).close()


def fence_of(executor: object) -> Fence | None:
    """The fence that an executor needs; None if it runs nothing twice by itself."""
    distributed: Any = sys.modules.get("distributed")
    if distributed is None:
        return None
    if isinstance(executor, distributed.Client):
        return Fence(executor)
    if isinstance(executor, distributed.cfexecutor.ClientExecutor):
        return Fence(executor._client)
    return None


def run_fenced(
    token: str, chunk: list[Target], arguments: dict[str, Any], limit: int
) -> ChunkResult:
    """Run a chunk of hosts in one of Dask's workers, unless that was done before."""
    from remctl._many.blocking import run_chunk

    distributed: Any = import_module("distributed")
    client = distributed.get_client()
    if distributed.Queue(token, client=client).get(batch=True):
        return run_chunk(token, chunk, arguments, limit)
    text = "Dask lost the outcome and started the command again, which was refused"
    return [
        Outcome(target, None, make("lost", text, host=target.host, port=target.port))
        for target in chunk
    ], None
