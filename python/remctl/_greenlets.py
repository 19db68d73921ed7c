"""Whether blocking calls wait in a greenlet's hub: if gevent has patched `select`."""

from __future__ import annotations

import sys

from remctl import _remctl, _types


def greenlets() -> _types.ModuleType | None:
    """`remctl._gevent` if gevent has patched `select`, or None."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("select"):
        return None
    from remctl import _gevent

    return _gevent


def blocking(connection: _remctl.Connection) -> _remctl.Connection:
    """The connection as blocking calls use it."""
    gevent = greenlets()
    return connection if gevent is None else gevent.Connection(connection)
