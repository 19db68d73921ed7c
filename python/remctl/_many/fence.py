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
from remctl._many.telling import telling

if TYPE_CHECKING:
    from remctl._many.chunks import ChunkResult


class Fence:
    """The queues of the chunks, in the process that submits them."""

    def __init__(self, client: Any) -> None:
        if client.asynchronous:
            raise ValueError(
                "executor must be a Dask client with asynchronous=False; such a client also works "
                "in an event loop"
            )
        self._client = client
        self._queues: dict[str, Any] = {}

    def put_up(self, token: str) -> None:
        """Allow a chunk to run once."""
        queue = sys.modules["distributed"].Queue(token, client=self._client)
        queue.put(True)
        self._queues[token] = queue

    def withdraw(self, token: str) -> bool:
        """Forbid a chunk to run; whether it certainly has not run and never will."""
        try:
            return bool(self._queues[token].get(batch=True))
        except Exception:  # the scheduler is gone
            return False

    def take_down(self, token: str) -> None:
        """Forget a chunk. If it has not run, it never will."""
        if (queue := self._queues.pop(token, None)) is not None:
            queue.close()


def fenced(executor: Any) -> tuple[Any, Fence | None]:
    """The executor to submit to, and its fence; None if there is none for executors of its kind.

    ValueError if the fence cannot be used.
    """
    distributed: Any = sys.modules.get("distributed")
    if distributed is None:
        return executor, None
    if isinstance(executor, distributed.Client):
        # A client's own futures get their results over the network when they are asked for them,
        # which takes long if a worker has died.
        fence = Fence(executor)
        return telling(executor.get_executor()), fence
    if isinstance(executor, distributed.cfexecutor.ClientExecutor):
        return telling(executor), Fence(executor._client)
    return executor, None


def run_fenced(
    token: str, chunk: list[Target], arguments: dict[str, Any], limit: int
) -> ChunkResult:
    """Run a chunk of hosts in a Dask worker, unless it was run before."""
    from remctl._many.blocking import run_chunk

    distributed: Any = import_module("distributed")
    queue = distributed.Queue(token, client=distributed.get_client())
    try:
        allowed = queue.get(batch=True)
    finally:
        queue.close()  # the scheduler keeps a queue until everyone has closed it
    if allowed:
        return run_chunk(token, chunk, arguments, limit)
    text = "Dask lost the outcome and started the command again, which was refused"
    return [
        Outcome(target, None, make("lost", text, host=target.host, port=target.port))
        for target in chunk
    ], None
