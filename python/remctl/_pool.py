"""A pool of connections to one server, for threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event
from time import monotonic
from typing import NoReturn

from remctl import _own_types, _remctl, _types
from remctl._arguments import Command, Seconds
from remctl._client import Remctl
from remctl._client_base import end_after, left
from remctl._errors import RemctlError, RemctlSimpleResult
from remctl._pool_core import (
    Checkout,
    Member,
    PoolBase,
    check_limit,
    is_readable,
    refused_on_pooled,
)


class ConnectionPool(PoolBase):
    """Connections to one server that threads share, each for a block at a time.

        with remctl.ConnectionPool("host.example.com", max_size=4) as pool:
            with pool.connection() as r:
                r.run(["test", "hello"])
            pool.run(["test", "hello"])

    ``host``, ``port`` and ``principal`` are as for `Remctl.open()`, ``ccache``, ``keytab``,
    ``source_ip``, ``keepalive`` and ``connect_timeout`` as for `Remctl`.

    The pool has ``min_size`` connections, and makes more while
    they are needed, up to ``max_size``. ``timeout`` is the longest that a connection is waited
    for, in seconds; None is no limit. One that has rested for ``max_idle`` seconds is closed
    (remctld hangs up after an hour), and one that is ``max_lifetime`` seconds old, or whose
    ticket has ended, when it comes back. One that has rested is asked for a sign of life before
    it is given out, and replaced where it gives none.

    Nothing is connected before ``with``, `open()` or the first use. Where a server cannot be
    reached `open()` says so, and so does each use; ``with`` does not. No thread looks after the
    pool: what is missing or too old is seen to when connections are taken and given back. Whoever
    has to wait is served in order. The child of a fork starts with an empty pool.

    Raises TypeError or ValueError for an invalid argument.
    """

    __module__ = "remctl"

    def __enter__(self) -> _types.Self:
        self._ledger.require_open()
        # A service may be up before its server is: whoever needs a connection is told.
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
        """Make ``min_size`` connections. Opening an open pool does no more than what is missing.

        ``timeout`` is in place of the pool's. Raises RemctlError where a connection cannot be
        made, or the pool was closed, and RemctlTimeoutError.
        """
        self._ledger.require_open()
        self._fill(self._deadline(timeout))
        self._filled = True

    def close(self) -> None:
        """Close what rests, and what is lent when it comes back.

        Who waits for a connection gets a RemctlError. A closed pool stays closed; closing it
        again does nothing.
        """
        self._close()

    @contextmanager
    def connection(self, timeout: Seconds | None = None) -> Iterator[Remctl]:
        """Lend a connection for the length of a ``with`` block.

        ``timeout`` is in place of the pool's, in seconds; 0 or less is too late at once.

        After the block what it gave is of no use. In the block it is a `Remctl` that cannot be
        opened, and whose ticket cache and source address cannot be changed: that is a
        RemctlError. What `set_timeout()` sets is for the block. A block that is left with output
        pending, in the middle of a stream, or by an exception that is not an `Exception` (Ctrl-C)
        costs the connection; other exceptions do not.

        Raises RemctlTimeoutError when none was free in time, and RemctlError where a new one
        cannot be made, or the pool is closed.
        """
        checkout = self._borrow(timeout)
        assert checkout.member is not None
        pooled = PooledRemctl(checkout.member.connection, self._host, self._port)
        cut_short = True
        try:
            yield pooled
            cut_short = False
        except Exception:
            cut_short = False
            raise
        finally:
            pooled._release()
            if self._return(checkout, cut_short=cut_short):
                self._maintain()

    def run(
        self,
        command: Command,
        *,
        timeout: Seconds | None = None,
        stdout: _own_types.BinaryFile | None = None,
        stderr: _own_types.BinaryFile | None = None,
    ) -> RemctlSimpleResult:
        """Run a command on one of the connections: `connection()` and `Remctl.run()`.

        ``timeout`` is the longest that both may take together.
        """
        end = end_after(timeout)
        with self.connection(self._wait_limit(timeout)) as remctl:
            return remctl.run(command, timeout=left(end), stdout=stdout, stderr=stderr)

    def _borrow(self, timeout: Seconds | None) -> Checkout:
        ledger = self._ledger
        begin = monotonic()
        ledger.require_open()
        end = self._deadline(timeout)
        checkout = None
        try:
            if not self._filled:
                self._fill(end)
                self._filled = True
            checkout = self._check_out(Event)
            if isinstance(checkout.bell, Event):
                checkout.bell.wait(left(end))
            self._require_granted(checkout, begin)
            if checkout.member is not None and not self._is_alive(checkout, end):
                self._drop_dead(checkout)
            if checkout.member is None:
                checkout.member = self._make(end)
        except BaseException:
            ledger.count("requests_errors")
            if checkout is not None:
                ledger.check_in(checkout, None)
            raise
        self._served(checkout, begin)
        return checkout

    def _make(self, end: float | None) -> Member:
        connection = self._settings.connection()
        try:
            connection.open(self._host, self._port, self._principal, left(end))
        except RemctlError as error:
            raise self._connect_error(error) from None
        return self._made(connection)

    def _is_alive(self, checkout: Checkout, end: float | None) -> bool:
        member = checkout.member
        assert member is not None
        limit = check_limit(member, end)
        if limit is None:
            return is_readable(member.connection) is False
        try:
            member.connection.noop(limit)
        except RemctlError:
            return False
        self._checked(checkout)
        return True

    def _fill(self, end: float | None) -> None:
        """Make what is missing; RemctlError where it cannot be made."""
        ledger = self._ledger
        while (checkout := ledger.missing()) is not None:
            try:
                checkout.member = self._make(end)
            finally:
                ledger.check_in(checkout, checkout.member)

    def _maintain(self) -> None:
        """Close what is too old and make what is missing, where that can be done."""
        self._prune()
        # stats() tells; whoever needs a connection will be told why there is none.
        with suppress(RemctlError):
            self._fill(self._deadline(None))


class PooledRemctl(Remctl):
    """A connection that a pool lends for the length of a block."""

    __module__ = "remctl"
    __qualname__ = "Remctl"

    def __init__(self, connection: _remctl.Connection, host: str, port: int) -> None:
        super().__init__()
        self._where = host, port
        self._own = self._use(connection, host, port)  # which is never open

    def _release(self) -> None:
        """Give the pool's connection up: the block is over."""
        self._use(self._own, *self._where)

    def open(self, *arguments: object, **keywords: object) -> NoReturn:
        """Refuse it: RemctlError."""
        raise refused_on_pooled("open()")

    def open_socket(self, *arguments: object, **keywords: object) -> NoReturn:
        """Refuse it: RemctlError."""
        raise refused_on_pooled("open_socket()")

    def set_ccache(self, ccache: object) -> NoReturn:
        """Refuse it: RemctlError."""
        raise refused_on_pooled("set_ccache()")

    def set_source_ip(self, source: object) -> NoReturn:
        """Refuse it: RemctlError."""
        raise refused_on_pooled("set_source_ip()")
