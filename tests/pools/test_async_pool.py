"""A pool of connections that tasks share, in each event loop."""

import asyncio
import gc
import inspect
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing
from remctl import (
    AsyncConnectionPool,
    AsyncRemctl,
    ConnectionPool,
    RemctlError,
    RemctlNotOpenedError,
    RemctlTimeoutError,
)
from remctl.testing import Server

from tests.fix_pools import InLoop
from tests.support.proxy import Proxy
from tests.support.traces import nothing_left


async def sleep(seconds: float) -> None:
    """In whichever loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        await trio.sleep(seconds)
    else:
        await asyncio.sleep(seconds)


async def gather(*calls: Callable[[], Awaitable[Any]]) -> None:
    """Tasks at the same time, in whichever loop, begun in order."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        async with trio.open_nursery() as nursery:
            for call in calls:
                nursery.start_soon(call)
                await trio.testing.wait_all_tasks_blocked(0.01)
    else:
        await asyncio.gather(*(call() for call in calls))


class TestLending:
    def test_runs_commands(self, server: Server, in_loop: InLoop) -> None:
        async def main() -> None:
            async with AsyncConnectionPool("localhost", server.port, min_size=2) as pool:
                assert pool.stats()["pool_available"] == 2
                async with pool.connection() as r:
                    assert isinstance(r, AsyncRemctl)
                    assert (await r.run(["test", "hello"])).stdout == b"hello world\n"
                for _ in range(5):
                    assert (await pool.run(["test", "hello"])).status == 0
                assert pool.stats()["connections_num"] == 2

        with nothing_left():
            in_loop(main)

    def test_a_lease_is_dead_after_its_block(self, server: Server, in_loop: InLoop) -> None:
        async def main() -> None:
            async with AsyncConnectionPool("localhost", server.port) as pool:
                async with pool.connection() as r:
                    r.set_timeout(5)
                    for call in (r.set_ccache, r.set_source_ip):
                        with pytest.raises(RemctlError, match="pool"):
                            call("127.0.0.1")
                    with pytest.raises(RemctlError, match=r"open\(\)"):
                        await r.open("localhost")
                    with (
                        socket.socket() as sock,
                        pytest.raises(RemctlError, match="open_socket"),
                    ):
                        await r.open_socket(sock)
                with pytest.raises(RemctlNotOpenedError):
                    await r.run(["test", "hello"])
                with pytest.raises(RemctlNotOpenedError):
                    await r.output()
                assert (await pool.run(["test", "hello"])).status == 0
                assert pool.stats()["returns_bad"] == 0

        in_loop(main)

    def test_many_tasks_share_a_few_connections(self, server: Server, in_loop: InLoop) -> None:
        async def main() -> None:
            async def work() -> None:
                for _ in range(5):
                    done.append((await pool.run(["test", "hello"])).status)

            done: list[int | None] = []
            async with AsyncConnectionPool("localhost", server.port, max_size=3) as pool:
                await gather(*[work] * 20)
                assert done == [0] * 100
                assert pool.stats()["connections_num"] <= 3
                assert pool.stats()["requests_errors"] == 0

        in_loop(main)

    def test_is_served_in_order(self, server: Server, in_loop: InLoop) -> None:
        async def main() -> None:
            log: list[int] = []

            def worker(number: int) -> Callable[[], Awaitable[None]]:
                async def work() -> None:
                    async with pool.connection() as r:
                        log.append(number)
                        await r.run(["test", "sleep", "0.1"])

                return work

            async with AsyncConnectionPool("localhost", server.port, max_size=1) as pool:
                await gather(*map(worker, range(5)))
            assert log == list(range(5))

        in_loop(main)

    def test_waiting_ends_with_a_timeout(self, server: Server, in_loop: InLoop) -> None:
        async def main() -> None:
            async with (
                AsyncConnectionPool("localhost", server.port, max_size=1, timeout=0.5) as pool,
                pool.connection(),
            ):
                begin = time.monotonic()
                for timeout in (None, 0.1, 0, -1):
                    with pytest.raises(RemctlTimeoutError) as caught:
                        async with pool.connection(timeout):
                            raise AssertionError
                    assert caught.value.may_have_run is False
                assert 0.5 < time.monotonic() - begin < 3
                assert pool.stats()["requests_waiting"] == 0

        in_loop(main)


class TestCancelling:
    def test_one_that_waits_loses_no_slot_on_asyncio(self, server: Server) -> None:
        async def main() -> None:
            async def take() -> None:
                async with pool.connection():
                    pass

            async with AsyncConnectionPool("localhost", server.port, max_size=2) as pool:
                for _ in range(10):
                    async with pool.connection(), pool.connection():
                        waiting = [asyncio.create_task(take()) for _ in range(3)]
                        await asyncio.sleep(0.01)
                    # Two of them have just been served, and do not know it.
                    for task in waiting:
                        task.cancel()
                    await asyncio.gather(*waiting, return_exceptions=True)
                stats = pool.stats()
                assert stats["requests_waiting"] == 0
                async with pool.connection(timeout=2), pool.connection(timeout=2):
                    assert pool.stats()["pool_size"] == 2

        with nothing_left():
            asyncio.run(main())

    def test_one_that_waits_loses_no_slot_on_trio(self, server: Server) -> None:
        async def main() -> None:
            async def take() -> None:
                async with pool.connection():
                    pass

            async with AsyncConnectionPool("localhost", server.port, max_size=2) as pool:
                for _ in range(10):
                    async with trio.open_nursery() as nursery:
                        async with pool.connection(), pool.connection():
                            for _ in range(3):
                                nursery.start_soon(take)
                            await trio.testing.wait_all_tasks_blocked()
                        nursery.cancel_scope.cancel()
                assert pool.stats()["requests_waiting"] == 0
                async with pool.connection(timeout=2), pool.connection(timeout=2):
                    assert pool.stats()["pool_size"] == 2

        with nothing_left():
            trio.run(main)
            gc.collect()

    def test_in_the_block_drops_the_connection(self, server: Server) -> None:
        async def main() -> None:
            async with AsyncConnectionPool("localhost", server.port) as pool:
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(pool.run(["test", "sleep", "30"]), 0.3)
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(self.idle(pool), 0.2)
                assert pool.stats()["returns_bad"] == 2
                assert (await pool.run(["test", "hello"])).status == 0

        with nothing_left():
            asyncio.run(main())

    @staticmethod
    async def idle(pool: AsyncConnectionPool) -> None:
        async with pool.connection():
            await asyncio.sleep(30)

    def test_while_it_connects_loses_no_slot(self, server: Server, in_loop: InLoop) -> None:
        async def main() -> None:
            with Proxy(("127.0.0.1", server.port)) as proxy:
                pool = AsyncConnectionPool("localhost", proxy.port, min_size=0, max_size=1)
                proxy.pause()
                for _ in range(3):
                    with pytest.raises(RemctlTimeoutError):
                        await pool.run(["test", "hello"], timeout=0.1)
                proxy.resume()
                assert (await pool.run(["test", "hello"], timeout=10)).status == 0
                await pool.close()

        in_loop(main)


class TestCare:
    def test_one_that_died_at_rest_is_replaced(self, own_server: Server, in_loop: InLoop) -> None:
        async def main() -> None:
            async with AsyncConnectionPool("localhost", own_server.port, min_size=2) as pool:
                own_server.restart()
                async with pool.connection() as one, pool.connection() as two:
                    assert (await one.run(["test", "hello"])).status == 0
                    assert (await two.run(["test", "hello"])).status == 0
                assert pool.stats()["connections_lost"] == 2
                own_server.stop()
                async with AsyncConnectionPool("localhost", own_server.port) as other:
                    with pytest.raises(RemctlError, match="cannot connect"):
                        await other.open()
                for _ in range(3):
                    with pytest.raises(RemctlError, match="cannot connect"):
                        await pool.run(["test", "hello"], timeout=5)
                own_server.start()
                assert (await pool.run(["test", "hello"], timeout=5)).status == 0
                while pool.stats()["pool_available"] < 2:  # the pool sees to that by itself
                    await sleep(0.01)

        in_loop(main)

    def test_one_that_rested_gives_a_sign_of_life(
        self, server: Server, in_loop: InLoop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("remctl._pool_core.TRUSTED", 0.0)

        async def main() -> None:
            async with AsyncConnectionPool("localhost", server.port) as pool:
                for _ in range(3):
                    assert (await pool.run(["test", "hello"])).status == 0
                assert pool.stats()["connections_num"] == 1

        in_loop(main)


class TestLoops:
    def test_another_loop_s_pool_is_refused(self, server: Server) -> None:
        async def use() -> None:
            await pool.run(["test", "hello"])

        async def main() -> None:
            await use()
            error = await asyncio.get_running_loop().run_in_executor(None, elsewhere)
            assert "another event loop" in str(error)
            await pool.close()

        def elsewhere() -> RemctlError:
            with pytest.raises(RemctlError) as caught:
                asyncio.run(use())
            return caught.value

        pool = AsyncConnectionPool("localhost", server.port)
        asyncio.run(main())

    @pytest.mark.parametrize("runner", [asyncio.run, lambda main: trio.run(lambda: main)])
    def test_one_that_is_left_open_is_closed_with_its_loop(
        self, server: Server, runner: Any
    ) -> None:
        pool = AsyncConnectionPool("localhost", server.port)

        async def use() -> None:
            await pool.run(["test", "hello"])

        def run() -> None:
            runner(use())
            gc.collect()

        with nothing_left():
            for _ in range(2):
                with pytest.warns(ResourceWarning, match="unclosed"):
                    run()

    def test_a_closed_pool_stays_closed(self, server: Server, in_loop: InLoop) -> None:
        async def main() -> None:
            pool = AsyncConnectionPool("localhost", server.port)
            await pool.open()
            await pool.aclose()
            await pool.close()
            with pytest.raises(RemctlError, match="closed"):
                await pool.run(["test", "hello"])
            with pytest.raises(RemctlError, match="closed"):
                await pool.open()

        with nothing_left():
            in_loop(main)


def test_both_pools_have_the_same_calls() -> None:
    names = [name for name in dir(ConnectionPool) if not name.startswith("_")]
    for name in names:
        one, two = getattr(ConnectionPool, name), getattr(AsyncConnectionPool, name)
        assert list(inspect.signature(one).parameters.values()) == list(
            inspect.signature(two).parameters.values()
        )
    assert inspect.signature(ConnectionPool) == inspect.signature(AsyncConnectionPool)
    extra = {name for name in dir(AsyncConnectionPool) if not name.startswith("_")} - set(names)
    assert extra == {"aclose"}
