"""A pool of connections to one server, for threads."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from typing import NoReturn, SupportsIndex

from remctl import _own_types, _remctl, _types
from remctl._arguments import Command, Seconds
from remctl._client import Remctl
from remctl._client_base import end_after, left
from remctl._errors import RemctlError, RemctlSimpleResult
from remctl._pool_core import PoolBase, refused_on_pooled
from remctl._waiting.greenlets import blocking, greenlets


class ConnectionPool(PoolBase):
    """Connections to one server that threads share, each for a block at a time.

        with remctl.ConnectionPool("host.example.com", max_size=4) as pool:
            with pool.connection() as r:
                r.run(["test", "hello"])
            pool.run(["test", "hello"])

    ``host``, ``port`` and ``principal`` are as for `Remctl.open()`, ``ccache``, ``keytab``,
    ``source_ip``, ``keepalive`` and ``connect_timeout`` as for `Remctl`. The pool keeps
    ``min_size`` connections open, and opens more while callers wait, up to ``max_size``.
    ``timeout`` is the longest wait for a connection, in seconds; None means no limit. Waiters
    are served first come, first served.

    A connection that was idle for ``max_idle`` seconds is closed (remctld closes connections
    after an hour). So is a connection that is ``max_lifetime`` seconds old, or whose ticket has
    expired, when it is returned. Idle connections are checked before they are lent, and
    replaced if they do not respond.

    Nothing is connected before ``with``, `open()` or the first use. If a server cannot be
    reached, `open()` and each use raise the error; ``with`` does not. The pool opens and
    replaces its connections in the background, in a thread of the extension: no caller waits for
    anything but a free connection, and returning one never waits. The child of a fork starts
    with an empty pool.

    Raises TypeError or ValueError for an invalid argument.
    """

    __module__ = "remctl"
    _in_threads = True

    def __enter__(self) -> _types.Self:
        self._pool.require_open()
        # A service may start before its server. Each use raises the error then.
        with suppress(RemctlError):
            self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: _types.TracebackType | None,
    ) -> None:
        self.close()

    def open(self, *, timeout: Seconds | None = None) -> None:
        """Wait until there are ``min_size`` connections.

        ``timeout`` replaces the pool's. Opening an open pool opens only the missing
        connections. Raises RemctlTimeoutError, RemctlError if a connection cannot be opened,
        and RemctlNotOpenedError if the pool was closed.
        """
        limit, gevent = self._limit(timeout), greenlets()
        try:
            if gevent is None:
                self._pool.open(limit)
            else:
                gevent.open_pool(self._pool, limit)
        except RemctlError as error:
            raise self._located(error) from None

    def close(self) -> None:
        """Close idle connections now, and lent ones when they are returned.

        Callers that wait for a connection get RemctlNotOpenedError, even while one is being
        opened. A closed pool stays closed; closing it again does nothing.
        """
        self._pool.close()

    def connection(self, timeout: Seconds | None = None) -> AbstractContextManager[Remctl]:
        """Lend a connection for the length of a ``with`` block.

        ``timeout`` replaces the pool's, in seconds; 0 or less raises RemctlTimeoutError
        immediately.

        Do not use the connection after the block. In the block it is a `Remctl` whose server,
        tickets and source address cannot be changed: `open()` and the like raise RemctlError.
        `set_timeout()` applies to this block only. The connection is closed and replaced if the
        block ends with output pending, in the middle of a stream, or with an exception that is
        not an `Exception` (Ctrl-C). After other exceptions it is kept.

        Returning it never waits. Raises RemctlTimeoutError if no connection was free in time,
        RemctlError if a new one cannot be opened, and RemctlNotOpenedError if the pool is
        closed.
        """
        limit, gevent = self._limit(timeout), greenlets()
        if gevent is None:
            return self._pool.lend(self._pooled, limit)
        lending: AbstractContextManager[Remctl] = gevent.Lending(
            self._pool, self._pooled, limit, self._located
        )
        return lending

    def run(
        self,
        command: Command,
        *,
        timeout: Seconds | None = None,
        stdout: _own_types.BinaryFile | None = None,
        stderr: _own_types.BinaryFile | None = None,
        max_output: SupportsIndex | None = None,
    ) -> RemctlSimpleResult:
        """Run a command on one of the connections: `connection()` and `Remctl.run()`.

        ``timeout`` is the longest time for both together.
        """
        end = end_after(timeout)
        with self.connection(self._wait_limit(timeout)) as remctl:
            return remctl.run(
                command,
                timeout=left(end),
                stdout=stdout,
                stderr=stderr,
                max_output=max_output,
            )

    def _pooled(self, connection: _remctl.Connection) -> Remctl:
        return PooledRemctl(connection, self._host, self._port)


class PooledRemctl(Remctl):
    """A connection that a pool lends for the length of a block."""

    __module__ = "remctl"
    __qualname__ = "Remctl"

    def __init__(self, connection: _remctl.Connection, host: str, port: int) -> None:
        super().__init__()
        self._use(blocking(connection), host, port)

    def open(self, *arguments: object, **keywords: object) -> NoReturn:
        """Not allowed on a pooled connection: raises RemctlError."""
        raise refused_on_pooled("open()")

    def open_socket(self, *arguments: object, **keywords: object) -> NoReturn:
        """Not allowed on a pooled connection: raises RemctlError."""
        raise refused_on_pooled("open_socket()")

    def set_ccache(self, ccache: object) -> NoReturn:
        """Not allowed on a pooled connection: raises RemctlError."""
        raise refused_on_pooled("set_ccache()")

    def set_source_ip(self, source: object) -> NoReturn:
        """Not allowed on a pooled connection: raises RemctlError."""
        raise refused_on_pooled("set_source_ip()")
