"""Detects whether blocking calls must wait in gevent's hub, because gevent has patched `select`."""

from __future__ import annotations

import sys

from remctl import _remctl, _types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Result = TypeVar("Result")


def greenlets() -> _types.ModuleType | None:
    """`remctl._waiting.hub` if gevent has patched `select`, or None."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("select"):
        return None
    from remctl._waiting import hub

    return hub


def wait_for(
    wait: _types.Callable[[], Result],
    start: _types.Callable[[_remctl.Reactor], _remctl.Operation],
) -> Result:
    """Make a blocking call: `wait` blocks the thread; `start` uses a hub's reactor."""
    gevent = greenlets()
    if gevent is None:
        return wait()
    hub = gevent.hub_reactor()
    result: Result = hub.finish(start(hub.reactor))
    return result


def blocking(connection: _remctl.Connection) -> _remctl.Connection:
    """The connection object to use for blocking calls."""
    gevent = greenlets()
    return connection if gevent is None else gevent.Connection(connection)
