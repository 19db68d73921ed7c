"""Makes sure that Dask runs each chunk only once.

Dask runs a task again if its worker is lost, even after the task has ended. Therefore each
chunk has a `distributed.Queue` with one item in the scheduler. The worker that takes the item
may run the chunk; taking it is atomic and never waits.
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
    """The queues of the chunks, in the process that submits them."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._queues: dict[str, Any] = {}

    def put_up(self, token: str) -> None:
        """Allow a chunk to run once."""
        queue = sys.modules["distributed"].Queue(token, client=self._client)
        queue.put(True)
        self._queues[token] = queue

    def take_down(self, token: str) -> None:
        """Remove a chunk whose outcomes are known. It cannot run any more."""
        self._queues.pop(token).close()


def fence_of(executor: object) -> Fence | None:
    """The fence for an executor; None if it never runs a call twice."""
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
    """Run a chunk of hosts in a Dask worker, unless it was run before."""
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
