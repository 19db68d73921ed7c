"""A pool of connections to one server, for event loops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn

from remctl import _remctl
from remctl._arguments import Command, Seconds
from remctl._async_client import AsyncRemctl, like
from remctl._beside import Beside, beside
from remctl._errors import RemctlError, RemctlSimpleResult, make
from remctl._loops import Loop, running_loop, warn_left_open
from remctl._pool import ConnectionPool
from remctl._pool_base import PoolBase, quick_look, readable, the_pool_s
from remctl._pooling import Member, Place
from remctl._verbs import end_after, left

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from remctl._files import BinaryFile
else:
    TracebackType = Self = BinaryFile = object


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

    async def __aenter__(self) -> Self:
        self._ledger.require_open()
        # A service may be up before its server is: whoever needs a connection is told.
        with suppress(RemctlError):
            await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @like(ConnectionPool.open)
    async def open(self, *, timeout: Seconds | None = None) -> None:
        self._ledger.require_open()
        await self._fill(self._bind(), self._end(timeout))
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
        place = await self._obtain(loop, timeout)
        lease = AsyncLease(place, self._host, self._port)
        cut_short = True
        try:
            yield lease
            cut_short = False
        except Exception:
            cut_short = False
            raise
        finally:
            lease._give_up()
            if self._take_back(place, cut_short=cut_short) and not self._ledger.closed:
                await self._look_after(loop)

    @like(ConnectionPool.run)
    async def run(
        self,
        command: Command,
        *,
        timeout: Seconds | None = None,
        stdout: BinaryFile | None = None,
        stderr: BinaryFile | None = None,
    ) -> RemctlSimpleResult:
        end = end_after(timeout)
        async with self.connection(self._within(timeout)) as remctl:
            return await remctl.run(command, timeout=left(end), stdout=stdout, stderr=stderr)

    async def _obtain(self, loop: Loop, timeout: Seconds | None) -> Place:
        ledger = self._ledger
        begin = monotonic()
        ledger.require_open()
        end = self._end(timeout)
        place = None
        try:
            if not self._filled:
                await self._fill(loop, end)
                self._filled = True
            place = self._ask(_Bell)
            if isinstance(place.bell, _Bell):
                await place.bell.wait(left(end))
            self._require_grant(place, begin)
            if place.member is not None and not await self._lives(loop, place, end):
                self._lost(place)
            if place.member is None:
                place.member = await self._make(loop, end)
        except BaseException:
            ledger.count("requests_errors")
            if place is not None:
                # A member that it has is whole only where nothing was asked of it yet.
                ledger.give_back(place, None)
            raise
        self._served(place, begin)
        return place

    async def _make(self, loop: Loop, end: float | None) -> Member:
        connection = self._settings.connection()
        try:
            await loop.finish(
                loop.reactor.open(
                    connection, loop.caller(), self._host, self._port, self._principal, left(end)
                )
            )
        except RemctlError as error:
            raise self._not_made(error) from None
        return self._new_member(connection)

    async def _lives(self, loop: Loop, place: Place, end: float | None) -> bool:
        member = place.member
        assert member is not None
        limit = quick_look(member, end)
        if limit is None:
            return readable(member.connection) is False
        try:
            await loop.finish(loop.reactor.noop(member.connection, loop.caller(), limit))
        except RemctlError:
            return False
        self._checked(place)
        return True

    async def _fill(self, loop: Loop, end: float | None) -> None:
        ledger = self._ledger
        while (place := ledger.missing()) is not None:
            try:
                place.member = await self._make(loop, end)
            finally:
                ledger.give_back(place, place.member)

    async def _look_after(self, loop: Loop) -> None:
        self._prune()
        # stats() tells; whoever needs a connection will be told why there is none.
        with suppress(RemctlError):
            await self._fill(loop, self._end(None))

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
                "general",
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
        resting = self._ledger.start_over()
        self._filled = False
        if resting:
            warn_left_open(self, self._host)
        for member in resting:
            member.connection.close()


class AsyncLease(AsyncRemctl):
    """A pool's connection, for the length of a block."""

    __module__ = "remctl"
    __qualname__ = "AsyncRemctl"

    def __init__(self, place: Place, host: str, port: int) -> None:
        assert place.member is not None
        self._loop = None
        self._given = None
        self._connection = place.member.connection
        self._aim(host, port)

    def _give_up(self) -> None:
        """The block is over."""
        self._unbind()
        self._connection = _remctl.Connection()

    async def open(self, *arguments: Any, **keywords: Any) -> NoReturn:
        """Refuse it: RemctlError."""
        raise the_pool_s("open()")

    async def open_socket(self, *arguments: Any, **keywords: Any) -> NoReturn:
        """Refuse it: RemctlError."""
        raise the_pool_s("open_socket()")

    def set_ccache(self, ccache: object) -> NoReturn:
        """Refuse it: RemctlError."""
        raise the_pool_s("set_ccache()")

    def set_source_ip(self, source: object) -> NoReturn:
        """Refuse it: RemctlError."""
        raise the_pool_s("set_source_ip()")


class _Bell:
    """What a task waits for that waits for a connection."""

    def __init__(self) -> None:
        self._beside: Beside = beside()

    def set(self) -> None:
        """See `remctl._pooling.Bell`."""
        self._beside.wake()

    async def wait(self, seconds: float | None) -> None:
        """Wait until it is rung, or so long."""
        await self._beside.wait(None, seconds)
