"""A pool of connections to one server, for event loops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any, NoReturn

from remctl import _own_types, _remctl, _types
from remctl._arguments import Command, Seconds
from remctl._async_client import AsyncRemctl
from remctl._client_base import documented_as, end_after, left
from remctl._errors import RemctlError, RemctlSimpleResult, make
from remctl._loops import Loop, TaskWaiter, running_loop, task_waiter, warn_left_open
from remctl._pool import ConnectionPool
from remctl._pool_core import (
    Checkout,
    Member,
    PoolBase,
    check_limit,
    is_readable,
    refused_on_pooled,
)


class AsyncConnectionPool(PoolBase):
    """Connections to one server that tasks share, each for a block at a time.

        async with remctl.AsyncConnectionPool("host.example.com", max_size=4) as pool:
            async with pool.connection() as r:
                await r.run(["test", "hello"])
            await pool.run(["test", "hello"])

    As `ConnectionPool`, for asyncio (uvloop too) and trio. It belongs to the event loop of its
    first use until it is closed.
    """

    __module__ = "remctl"

    async def __aenter__(self) -> _types.Self:
        self._ledger.require_open()
        # A service may be up before its server is: whoever needs a connection is told.
        with suppress(RemctlError):
            await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: _types.TracebackType | None,
    ) -> None:
        await self.close()

    @documented_as(ConnectionPool.open)
    async def open(self, *, timeout: Seconds | None = None) -> None:
        self._ledger.require_open()
        await self._fill(self._bind(), self._deadline(timeout))
        self._filled = True

    async def close(self) -> None:
        """Close what rests, and what is lent when it comes back. It never waits.

        Who waits for a connection gets a RemctlError. A closed pool stays closed; closing it
        again does nothing.
        """
        self._close()
        self._unbind()

    aclose = close

    @asynccontextmanager
    async def connection(self, timeout: Seconds | None = None) -> AsyncIterator[AsyncRemctl]:
        """Lend a connection for the length of an ``async with`` block.

        ``timeout`` is in place of the pool's, in seconds; 0 or less is too late at once.

        After the block what it gave is of no use. In the block it is an `AsyncRemctl` that cannot
        be opened, and whose ticket cache and source address cannot be changed: that is a
        RemctlError. What `set_timeout()` sets is for the block. A block that is left with output
        pending, in the middle of a stream, or cancelled costs the connection; an `Exception`
        does not.

        Raises RemctlTimeoutError when none was free in time, and RemctlError where a new one
        cannot be made, or the pool is closed.
        """
        loop = self._bind()
        checkout = await self._borrow(loop, timeout)
        assert checkout.member is not None
        pooled = AsyncPooledRemctl(checkout.member.connection, self._host, self._port)
        cut_short = True
        try:
            yield pooled
            cut_short = False
        except Exception:
            cut_short = False
            raise
        finally:
            pooled._release()
            if self._return(checkout, cut_short=cut_short) and not self._ledger.closed:
                await self._maintain(loop)

    @documented_as(ConnectionPool.run)
    async def run(
        self,
        command: Command,
        *,
        timeout: Seconds | None = None,
        stdout: _own_types.BinaryFile | None = None,
        stderr: _own_types.BinaryFile | None = None,
    ) -> RemctlSimpleResult:
        end = end_after(timeout)
        async with self.connection(self._wait_limit(timeout)) as remctl:
            return await remctl.run(command, timeout=left(end), stdout=stdout, stderr=stderr)

    async def _borrow(self, loop: Loop, timeout: Seconds | None) -> Checkout:
        ledger = self._ledger
        begin = monotonic()
        ledger.require_open()
        end = self._deadline(timeout)
        checkout = None
        try:
            if not self._filled:
                await self._fill(loop, end)
                self._filled = True
            checkout = self._check_out(_Bell)
            if isinstance(checkout.bell, _Bell):
                await checkout.bell.wait(left(end))
            self._require_granted(checkout, begin)
            if checkout.member is not None and not await self._is_alive(loop, checkout, end):
                self._drop_dead(checkout)
            if checkout.member is None:
                checkout.member = await self._make(loop, end)
        except BaseException:
            ledger.count("requests_errors")
            if checkout is not None:
                # A member that it has is whole only where nothing was asked of it yet.
                ledger.check_in(checkout, None)
            raise
        self._served(checkout, begin)
        return checkout

    async def _make(self, loop: Loop, end: float | None) -> Member:
        connection = self._settings.connection()
        try:
            await loop.finish(
                loop.reactor.open(
                    connection, loop.caller(), self._host, self._port, self._principal, left(end)
                )
            )
        except RemctlError as error:
            raise self._connect_error(error) from None
        return self._made(connection)

    async def _is_alive(self, loop: Loop, checkout: Checkout, end: float | None) -> bool:
        member = checkout.member
        assert member is not None
        limit = check_limit(member, end)
        if limit is None:
            return is_readable(member.connection) is False
        try:
            await loop.finish(loop.reactor.noop(member.connection, loop.caller(), limit))
        except RemctlError:
            return False
        self._checked(checkout)
        return True

    async def _fill(self, loop: Loop, end: float | None) -> None:
        ledger = self._ledger
        while (checkout := ledger.missing()) is not None:
            try:
                checkout.member = await self._make(loop, end)
            finally:
                ledger.check_in(checkout, checkout.member)

    async def _maintain(self, loop: Loop) -> None:
        self._prune()
        # stats() tells; whoever needs a connection will be told why there is none.
        with suppress(RemctlError):
            await self._fill(loop, self._deadline(None))

    # The event loop.

    def _bind(self) -> Loop:
        now = running_loop()
        if self._loop is not None and self._loop.pid != now.pid:
            self._loop = None  # it was made before a fork
        if self._loop is None:
            self._ledger.require_open()
            self._loop = now
            now.clients.add(self)
        elif self._loop is not now:
            raise make(
                "misuse",
                "the pool belongs to another event loop: close() it there first",
                may_have_run=False,
            )
        return now

    def _unbind(self) -> None:
        if self._loop is not None:
            self._loop.clients.discard(self)
            self._loop = None

    def _left_open(self) -> None:
        """See `remctl._loops.Bound`."""
        self._loop = None
        idle = self._ledger.reset()
        self._filled = False
        if idle:
            warn_left_open(self, self._host)
        for member in idle:
            member.connection.close()


class AsyncPooledRemctl(AsyncRemctl):
    """A connection that a pool lends for the length of a block."""

    __module__ = "remctl"
    __qualname__ = "AsyncRemctl"

    def __init__(self, connection: _remctl.Connection, host: str, port: int) -> None:
        super().__init__()
        self._where = host, port
        self._own = self._use(connection, host, port)  # which is never open

    def _release(self) -> None:
        """Give the pool's connection up: the block is over."""
        self._unbind()
        self._use(self._own, *self._where)

    async def open(self, *arguments: Any, **keywords: Any) -> NoReturn:
        """Refuse it: RemctlError."""
        raise refused_on_pooled("open()")

    async def open_socket(self, *arguments: Any, **keywords: Any) -> NoReturn:
        """Refuse it: RemctlError."""
        raise refused_on_pooled("open_socket()")

    def set_ccache(self, ccache: object) -> NoReturn:
        """Refuse it: RemctlError."""
        raise refused_on_pooled("set_ccache()")

    def set_source_ip(self, source: object) -> NoReturn:
        """Refuse it: RemctlError."""
        raise refused_on_pooled("set_source_ip()")


class _Bell:
    """What a task waits for that waits for a connection."""

    def __init__(self) -> None:
        self._task_waiter: TaskWaiter = task_waiter()

    def set(self) -> None:
        """See `remctl._pool_core.Bell`."""
        self._task_waiter.wake()

    async def wait(self, seconds: float | None) -> None:
        """Wait until it is rung, or so long."""
        await self._task_waiter.wait(None, seconds)
