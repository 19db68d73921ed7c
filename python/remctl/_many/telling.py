"""Makes sure that Dask tells what has become of each chunk.

Its own executor says nothing, for ever, of a call that is cancelled while its result is fetched
from the worker: the exception of that is only logged.
"""

from __future__ import annotations

from concurrent.futures import CancelledError, Future
from typing import Any


def telling(executor: Any) -> Any:
    """The same executor of Dask's, which tells the end of every call.

    Calls of both count for its `shutdown()`.
    """
    same = object.__new__(_class_of(type(executor)))
    same.__dict__ = executor.__dict__
    return same


def _class_of(base: type[Any]) -> type[Any]:
    def wrap_future(self: Any, future: Any) -> Future[Any]:
        told: Future[Any] = Future()
        told.add_done_callback(lambda _: future.cancel() if told.cancelled() else None)
        self._client.loop.add_callback(_pass_on, future, told)
        return told

    return type("TellingExecutor", (base,), {"_wrap_future": wrap_future})


async def _pass_on(future: Any, told: Future[Any]) -> None:
    result, error = None, None
    try:
        result = await future._result()
    except BaseException as caught:
        error = CancelledError() if future.cancelled() else caught
    if not told.set_running_or_notify_cancel():
        return  # cancelled by us
    if error is None:
        told.set_result(result)
    else:
        told.set_exception(error)
