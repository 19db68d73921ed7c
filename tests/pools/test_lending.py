"""How a connection is lent and comes back, in every world."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import anyio
import pytest
import trio
from remctl import AsyncConnectionPool, ConnectionPool
from remctl.testing import Server

from tests.asynchronous.conftest import LOOPS
from tests.pools.conftest import MakePool
from tests.pools.test_upkeep import until
from tests.support.proxy import Proxy

HELLO = ["test", "hello"]

in_a_loop = pytest.mark.parametrize("world", list(LOOPS), indirect=True)


def whole(pool: Any) -> bool:
    """Whether a pool of one has its first connection, and nothing else was made or lost."""
    stats = pool.stats()
    names = ["pool_size", "pool_available", "connections_num", "returns_bad", "requests_waiting"]
    return [stats[name] for name in names] == [1, 1, 1, 0, 0]


@in_a_loop
@pytest.mark.anyio
class TestCancelled:
    """A waiter that is cancelled costs nothing, however far it has come."""

    async def test_just_as_it_is_served(self, make_pool: MakePool, server: Server) -> None:
        async with make_pool("localhost", server.port, max_size=1) as pool:
            for call in (lambda: pool.run(HELLO), lambda: self.block(pool)) * 3:
                async with anyio.create_task_group() as group:
                    async with pool.connection():
                        group.start_soon(call)
                        await until(lambda: pool.stats()["requests_waiting"] == 1)
                    group.cancel_scope.cancel()  # it is served, and does not know it yet
                assert whole(pool)
            assert (await pool.run(HELLO)).status == 0

    @staticmethod
    async def block(pool: AsyncConnectionPool) -> None:
        async with pool.connection() as r:
            await r.run(HELLO)

    async def test_while_it_waits(self, make_pool: MakePool, server: Server) -> None:
        async with make_pool("localhost", server.port, max_size=1) as pool:
            async with pool.connection(), anyio.create_task_group() as group:
                for _ in range(20):
                    group.start_soon(pool.run, HELLO)
                await until(lambda: pool.stats()["requests_waiting"] == 20)
                group.cancel_scope.cancel()
            assert whole(pool)

    async def test_while_a_connection_is_opened(self, make_pool: MakePool, server: Server) -> None:
        with Proxy(("127.0.0.1", server.port)) as proxy:
            pool = make_pool("localhost", proxy.port, min_size=0, max_size=1)
            proxy.pause()
            for _ in range(3):
                with anyio.move_on_after(0.05):
                    await pool.run(HELLO)
            proxy.resume()
            # The opening goes on, for those who come later.
            await until(lambda: whole(pool))
            assert (await pool.run(HELLO)).status == 0
            assert whole(pool)
            await pool.close()


def test_a_scope_of_trio_s_that_is_cancelled_already_asks_for_nothing(server: Server) -> None:
    async def main() -> None:
        with Proxy(("127.0.0.1", server.port)) as proxy:
            pool = AsyncConnectionPool("localhost", proxy.port)
            calls: list[Callable[[], Awaitable[object]]] = [
                pool.open,
                lambda: pool.run(HELLO),
                lambda: TestCancelled.block(pool),
            ]
            for call in calls:
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await call()
            assert pool.stats()["requests_num"] == proxy.connections == 0
            await pool.close()

    trio.run(main)


class TestAnExitStack:
    def test_takes_connections_of_threads(self, server: Server) -> None:
        with ConnectionPool("localhost", server.port, max_size=2) as pool:
            with ExitStack() as stack:
                clients = [stack.enter_context(pool.connection()) for _ in range(2)]
                assert [r.run(HELLO).status for r in clients] == [0, 0]
                assert pool.stats()["pool_available"] == 0
            assert pool.stats()["pool_available"] == 2

    @in_a_loop
    @pytest.mark.anyio
    async def test_takes_connections_of_tasks(self, make_pool: MakePool, server: Server) -> None:
        async with make_pool("localhost", server.port, max_size=2) as pool:
            async with AsyncExitStack() as stack:
                clients = [await stack.enter_async_context(pool.connection()) for _ in range(2)]
                assert [(await r.run(HELLO)).status for r in clients] == [0, 0]
            assert pool.stats()["pool_available"] == 2


class TestEachBlock:
    """needs a connection() of its own."""

    def test_in_threads(self, server: Server) -> None:
        with ConnectionPool("localhost", server.port) as pool:
            lending = pool.connection()
            with lending as r:
                with pytest.raises(ValueError, match="of its own"), lending:
                    raise AssertionError
                assert r.run(HELLO).status == 0
            with pytest.raises(ValueError, match="of its own"), lending:
                raise AssertionError
            assert whole(pool)

    @in_a_loop
    @pytest.mark.anyio
    async def test_in_tasks(self, make_pool: MakePool, server: Server) -> None:
        async with make_pool("localhost", server.port) as pool:
            lending = pool.connection()
            async with lending as r:
                with pytest.raises(ValueError, match="of its own"):
                    await lending.__aenter__()
                assert (await r.run(HELLO)).status == 0
            assert whole(pool)
