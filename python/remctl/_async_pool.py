"""A pool of connections to one server, for event loops."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, NoReturn, SupportsIndex, cast

from remctl import _own_types, _remctl, _types
from remctl._arguments import Command, Seconds
from remctl._async_client import AsyncRemctl
from remctl._client_base import documented_as, end_after, left
from remctl._errors import RemctlError, RemctlSimpleResult, make
from remctl._pool import ConnectionPool
from remctl._pool_core import PoolBase, refused_on_pooled
from remctl._waiting.loops import Loop, running_loop, warn_left_open


class AsyncConnectionPool(PoolBase):
    """Connections to one server that tasks share, each for a block at a time.

        async with remctl.AsyncConnectionPool("host.example.com", max_size=4) as pool:
            async with pool.connection() as r:
                await r.run(["test", "hello"])
            await pool.run(["test", "hello"])

    Like `ConnectionPool`, for asyncio (also with uvloop) and trio. A task of the event loop opens
    and replaces the connections. The pool belongs to the event loop of its first use until it is
    closed.
    """

    __module__ = "remctl"
    _in_threads = False

    async def __aenter__(self) -> _types.Self:
        self._pool.require_open()
        # A service may start before its server. Each use raises the error then.
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
        loop = self._bind()
        await loop.checkpoint_if_cancelled()
        try:
            await loop.finish(self._pool.open_in(loop.reactor, self._limit(timeout)))
        except RemctlError as error:
            raise self._located(error) from None

    async def close(self) -> None:
        """Close idle connections now, and lent ones when they are returned. It never waits.

        Callers that wait for a connection get RemctlNotOpenedError, even while one is being
        opened. A closed pool stays closed; closing it again does nothing.
        """
        self._pool.close()
        self._unbind()

    aclose = close

    def connection(
        self, timeout: Seconds | None = None
    ) -> AbstractAsyncContextManager[AsyncRemctl]:
        """Lend a connection for the length of an ``async with`` block.

        ``timeout`` replaces the pool's, in seconds; 0 or less raises RemctlTimeoutError
        immediately.

        Do not use the connection after the block. In the block it is an `AsyncRemctl` whose
        server, tickets and source address cannot be changed: `open()` and the like raise
        RemctlError. `set_timeout()` applies to this block only. The connection is closed and
        replaced if the block ends with output pending, in the middle of a stream, or is
        cancelled. After an `Exception` it is kept.

        Returning it never waits. Raises RemctlTimeoutError if no connection was free in time,
        RemctlError if a new one cannot be opened, and RemctlNotOpenedError if the pool is
        closed.
        """
        lending = self._pool.lend_async(self._pooled, self._limit(timeout), self._wait)
        # Its __aexit__ returns an awaitable that has already completed, not a coroutine.
        return cast("AbstractAsyncContextManager[AsyncRemctl]", lending)

    @documented_as(ConnectionPool.run)
    async def run(
        self,
        command: Command,
        *,
        timeout: Seconds | None = None,
        stdout: _own_types.BinaryFile | None = None,
        stderr: _own_types.BinaryFile | None = None,
        max_output: SupportsIndex | None = None,
    ) -> RemctlSimpleResult:
        end = end_after(timeout)
        async with self.connection(self._wait_limit(timeout)) as remctl:
            return await remctl.run(
                command,
                timeout=left(end),
                stdout=stdout,
                stderr=stderr,
                max_output=max_output,
            )

    async def _wait(self, lending: _remctl.AsyncLending) -> AsyncRemctl:
        loop = self._bind()
        await loop.checkpoint_if_cancelled()
        operation = lending.ask(loop.reactor, loop.caller())
        try:
            pooled: AsyncRemctl = await loop.finish(operation)
            return pooled
        except RemctlError as error:
            raise self._located(error) from None
        except BaseException:
            lending.give_up()  # a connection that was lent at this very moment
            raise

    def _pooled(self, connection: _remctl.Connection) -> AsyncRemctl:
        return AsyncPooledRemctl(connection, self._host, self._port)

    # The event loop.

    def _bind(self) -> Loop:
        now = running_loop()
        if self._loop is not None and self._loop.pid != now.pid:
            self._loop = None  # it was created before a fork
        if self._loop is None:
            self._pool.require_open()
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
        """See `remctl._waiting.loops.Bound`."""
        self._loop = None
        if self._pool.start_over():
            warn_left_open(self, self._host)


class AsyncPooledRemctl(AsyncRemctl):
    """A connection that a pool lends for the length of a block."""

    __module__ = "remctl"
    __qualname__ = "AsyncRemctl"

    def __init__(self, connection: _remctl.Connection, host: str, port: int) -> None:
        super().__init__()
        self._use(connection, host, port)

    async def open(self, *arguments: Any, **keywords: Any) -> NoReturn:
        """Not allowed on a pooled connection: raises RemctlError."""
        raise refused_on_pooled("open()")

    async def open_socket(self, *arguments: Any, **keywords: Any) -> NoReturn:
        """Not allowed on a pooled connection: raises RemctlError."""
        raise refused_on_pooled("open_socket()")

    def set_ccache(self, ccache: object) -> NoReturn:
        """Not allowed on a pooled connection: raises RemctlError."""
        raise refused_on_pooled("set_ccache()")

    def set_source_ip(self, source: object) -> NoReturn:
        """Not allowed on a pooled connection: raises RemctlError."""
        raise refused_on_pooled("set_source_ip()")
