"""The common base of the two pools: arguments and limits.

The pool itself (waiting, idle connections, opening, checking) is `_remctl.Pool`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, SupportsIndex

from remctl import _own_types, _remctl
from remctl._arguments import Port, Seconds, c_string, count, host_name, port_number, seconds
from remctl._client_base import Settings
from remctl._errors import RemctlError, locate, make

if TYPE_CHECKING:
    from remctl._waiting.loops import Loop

#: remctld closes connections after an hour without a command.
_SERVER_LIMIT = 3600.0

#: A connection that was idle for less than the first of these, in seconds, is not pinged before
#: it is lent. For others, a ping may take as long as the second, but at most a quarter of the
#: caller's time.
TRUSTED = 1.0
CHECK_LIMIT = 1.0

#: The longest time for opening one connection, in seconds: the pool's timeout (or the second of
#: these if it has none), but at least connect_timeout and the first of these.
_SHORTEST_OPENING = 30.0
_LONGEST_OPENING = 60.0


class PoolBase:
    """A pool's arguments, limits and numbers."""

    #: True for a pool of threads, False for one of an event loop.
    _in_threads: bool

    def __init__(
        self,
        host: str,
        port: Port = None,
        principal: str | None = None,
        *,
        min_size: SupportsIndex = 1,
        max_size: SupportsIndex = 8,
        timeout: Seconds | None = 30.0,
        max_idle: Seconds = 600.0,
        max_lifetime: Seconds | None = 3600.0,
        ccache: str | os.PathLike[str] | _own_types.Credentials | None = None,
        keytab: str | os.PathLike[str] | None = None,
        source_ip: str | None = None,
        keepalive: Seconds | None = 60,
        connect_timeout: Seconds | None = None,
    ) -> None:
        host_name(host)
        if principal is not None:
            c_string(principal, "principal")
        self._loop: Loop | None = None  # the loop that the pool belongs to
        self._host, self._port = host, port_number(port)
        settings = Settings(ccache, keytab, source_ip, keepalive, connect_timeout)
        least, most = count(min_size, "min_size", 0), count(max_size, "max_size", 1)
        if most < least:
            raise ValueError(f"max_size must be at least min_size: {most} is below {least}")
        idle = _positive(max_idle, "max_idle")
        if idle >= _SERVER_LIMIT:
            raise ValueError(
                f"max_idle must be below {_SERVER_LIMIT:.0f} seconds, after which the server "
                f"hangs up: {max_idle}"
            )
        self._timeout = None if timeout is None else seconds(timeout)
        opening = self._timeout or _LONGEST_OPENING
        self._pool = _remctl.Pool.make(
            settings.connection(),
            host,
            self._port,
            principal,
            min_size=least,
            max_size=most,
            max_idle=idle,
            max_lifetime=None if max_lifetime is None else _positive(max_lifetime, "max_lifetime"),
            opening=max(_SHORTEST_OPENING, opening, settings.connect_timeout or 0.0),
            trusted=TRUSTED,
            checking=CHECK_LIMIT,
            in_threads=self._in_threads,
            offline=False,
        )

    def __repr__(self) -> str:
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        state = "closed" if self._pool.closed else f"{self.stats()['pool_size']} open"
        return f"<{name} {self._host} {state}>"

    def stats(self) -> dict[str, int]:
        """Return numbers about the pool, with the names of psycopg_pool.

        ``pool_min`` and ``pool_max``; ``pool_size``, the open connections, ``pool_available``,
        those that are idle, and ``requests_waiting``. Since the pool was created:
        ``requests_num``, ``requests_queued`` (those that had to wait), ``requests_wait_ms``
        (total milliseconds) and ``requests_errors``; ``connections_num`` (opened),
        ``connections_errors`` (failed to open) and ``connections_lost`` (idle ones that were
        dead); and ``returns_bad`` (returned and not usable again).
        """
        return self._pool.stats()

    def _limit(self, timeout: Seconds | None) -> Seconds | None:
        """How long to wait for a connection: the call's limit, or else the pool's."""
        return self._timeout if timeout is None else seconds(timeout)

    def _wait_limit(self, timeout: Seconds | None) -> Seconds | None:
        """How long `run()` may wait for a connection: the pool's limit or its own if less."""
        if timeout is None or self._timeout is None:
            return timeout
        return min(seconds(timeout), self._timeout)

    def _located(self, error: RemctlError) -> RemctlError:
        return locate(error, self._host, self._port or None, None)


def refused_on_pooled(call: str) -> RemctlError:
    """The error for a call that is not allowed on a pooled connection."""
    text = f"{call} is not allowed on a pooled connection; configure the pool instead"
    return make("misuse", text, may_have_run=False)


def _positive(value: Seconds, name: str) -> float:
    try:
        number = seconds(value)
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("timeout", name, 1)) from None
    if number <= 0:
        raise ValueError(f"{name} must be more than 0: {value}")
    return number
