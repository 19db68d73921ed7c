"""Nobody but the pool pays for its upkeep: opening, checking and replacing connections."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

import anyio
import pytest
from remctl import RemctlError, RemctlNotOpenedError, RemctlTimeoutError
from remctl.testing import Server

from tests.fix_network import DeafServer
from tests.pools.conftest import MakePool
from tests.pools.networks import Firewall, SlowStart
from tests.support.proxy import Proxy

pytestmark = pytest.mark.anyio

HELLO = ["test", "hello"]

#: Far less than what the upkeep of these tests takes: for ever.
SOON = 5


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it is true."""
    with anyio.fail_after(20):
        while not condition():
            await anyio.sleep(0.005)


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A proxy to the server, which can fall silent."""
    with Proxy(("127.0.0.1", server.port)) as proxy:
        yield proxy


@pytest.fixture
def firewall(server: Server) -> Iterator[Firewall]:
    """A firewall before the server."""
    firewall = Firewall(server)
    with firewall:
        yield firewall


class TestASilentServer:
    """The pool opens another connection for one that was lost, which has no end here."""

    async def test_a_run_ends_with_its_own_limit(self, make_pool: MakePool, proxy: Proxy) -> None:
        async with make_pool("localhost", proxy.port, timeout=None) as pool:
            await pool.run(HELLO)
            proxy.pause()
            with anyio.fail_after(SOON), pytest.raises(RemctlTimeoutError) as caught:
                await pool.run(HELLO, timeout=0.3)
            assert caught.value.may_have_run
            proxy.resume()
            await until(lambda: pool.stats()["pool_available"] == 1)
            assert (await pool.run(HELLO)).status == 0

    @pytest.mark.parametrize("leave", ["returns", "raises"])
    async def test_a_block_ends_at_once(
        self, make_pool: MakePool, proxy: Proxy, leave: str
    ) -> None:
        async with make_pool("localhost", proxy.port, timeout=None) as pool:
            with anyio.fail_after(SOON):
                try:
                    async with pool.connection() as r:
                        await r.run(HELLO)
                        proxy.pause()
                        await r.close()
                        if leave == "raises":
                            raise LookupError
                except LookupError:
                    pass
            proxy.resume()
            await until(lambda: pool.stats()["pool_available"] == 1)

    async def test_a_connection_that_is_too_old_costs_no_time(
        self, make_pool: MakePool, proxy: Proxy
    ) -> None:
        async with make_pool(
            "localhost", proxy.port, timeout=None, max_lifetime=0.001, min_size=2
        ) as pool:
            with anyio.fail_after(SOON):
                async with pool.connection() as r:
                    assert (await r.run(HELLO)).status == 0
                    proxy.pause()
            assert pool.stats()["returns_bad"] == 1
            proxy.resume()

    async def test_closing_takes_no_time(self, make_pool: MakePool, proxy: Proxy) -> None:
        async with make_pool("localhost", proxy.port, timeout=None) as pool:
            proxy.pause()
            async with pool.connection() as r:
                await r.close()
            with anyio.fail_after(SOON):
                await pool.close()


class TestMinSize:
    async def test_the_first_caller_waits_for_the_first_connection(
        self, make_pool: MakePool, server: Server, deaf: DeafServer
    ) -> None:
        with SlowStart(server, ("127.0.0.1", deaf.port), 3) as proxy:
            pool = make_pool("localhost", proxy.port, min_size=6)
            with anyio.fail_after(SOON):
                assert (await pool.run(HELLO)).status == 0
            await until(lambda: pool.stats()["pool_available"] == 3)
            await pool.close()

    async def test_the_pool_restores_it_by_itself(
        self, make_pool: MakePool, own_server: Server
    ) -> None:
        async with make_pool("localhost", own_server.port, min_size=2) as pool:
            own_server.stop()
            with pytest.raises(RemctlError, match="cannot connect"):
                await pool.run(HELLO)
            own_server.start()
            await until(lambda: pool.stats()["pool_available"] == 2)

    async def test_a_caller_does_not_count_on_an_opening_that_is_stuck(
        self, make_pool: MakePool, server: Server, deaf: DeafServer
    ) -> None:
        with SlowStart(server, ("127.0.0.1", deaf.port), 1) as proxy:
            pool = make_pool("localhost", proxy.port, min_size=0, max_size=2)
            late = 0
            with anyio.fail_after(SOON * 2):
                while pool.stats()["connections_num"] == 0:
                    with suppress(RemctlTimeoutError):
                        await pool.run(HELLO, timeout=0.4)
                    late += pool.stats()["connections_num"] == 0
            assert 0 < late <= 4
            await pool.close()


class TestAFirewallThatForgets:
    """Idle connections whose traffic is lost, while new ones work."""

    @pytest.fixture(autouse=True)
    def _idle_for_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("remctl._pool_core.TRUSTED", 0.0)

    async def test_one_check_tells_of_all(self, make_pool: MakePool, firewall: Firewall) -> None:
        async with make_pool("localhost", firewall.port, min_size=4) as pool:
            firewall.forget()
            before = firewall.connections
            assert (await pool.run(HELLO, timeout=10)).status == 0
            assert pool.stats()["connections_lost"] == 4
            assert firewall.connections > before

    async def test_a_check_takes_a_part_of_the_caller_s_time(
        self, make_pool: MakePool, firewall: Firewall, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("remctl._pool_core.CHECK_LIMIT", 60.0)
        async with make_pool("localhost", firewall.port, min_size=2) as pool:
            firewall.forget()
            assert (await pool.run(HELLO, timeout=4)).status == 0

    async def test_a_check_has_a_limit_where_the_caller_has_none(
        self, make_pool: MakePool, firewall: Firewall
    ) -> None:
        async with make_pool("localhost", firewall.port, timeout=None) as pool:
            firewall.forget()
            with anyio.fail_after(SOON):
                assert (await pool.run(HELLO)).status == 0

    async def test_a_connection_that_answers_is_lent_again(
        self, make_pool: MakePool, server: Server
    ) -> None:
        async with make_pool("localhost", server.port) as pool:
            for _ in range(3):
                assert (await pool.run(HELLO)).status == 0
            assert pool.stats()["connections_num"] == 1


class TestClosing:
    """close() ends all that waits, wherever it is."""

    async def ends(
        self, pool: Any, call: Callable[[], Awaitable[object]], begun: Callable[[], bool]
    ) -> None:
        """Close while a call waits; it ends at once."""
        errors: list[RemctlError] = []

        async def wait() -> None:
            with pytest.raises(RemctlError) as caught:
                await call()
            errors.append(caught.value)

        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                group.start_soon(wait)
                await until(begun)
                closed = anyio.current_time()
                await pool.close()
        assert anyio.current_time() - closed < SOON
        assert type(errors[0]) is RemctlNotOpenedError
        assert "the pool is closed" in str(errors[0])
        assert errors[0].may_have_run is False

    @pytest.mark.parametrize("limit", [None, 30])
    async def test_while_a_connection_is_opened(
        self, make_pool: MakePool, proxy: Proxy, limit: float | None
    ) -> None:
        proxy.pause()
        pool = make_pool("localhost", proxy.port, timeout=limit)
        await self.ends(
            pool, lambda: pool.run(HELLO), lambda: pool.stats()["requests_waiting"] == 1
        )

    async def test_while_min_size_are_opened(
        self, make_pool: MakePool, server: Server, deaf: DeafServer
    ) -> None:
        with SlowStart(server, ("127.0.0.1", deaf.port), 99) as proxy:
            pool = make_pool("localhost", proxy.port, timeout=None)
            await self.ends(pool, pool.open, lambda: proxy.connections == 1)

    async def test_while_an_idle_connection_is_checked(
        self, make_pool: MakePool, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("remctl._pool_core.TRUSTED", 0.0)
        monkeypatch.setattr("remctl._pool_core.CHECK_LIMIT", 60.0)
        pool = make_pool("localhost", proxy.port, timeout=None)
        await pool.open()
        proxy.pause()
        await self.ends(pool, lambda: pool.run(HELLO), lambda: pool.stats()["pool_available"] == 0)

    async def test_while_all_are_lent(self, make_pool: MakePool, server: Server) -> None:
        pool = make_pool("localhost", server.port, max_size=1, timeout=None)
        async with pool.connection() as r:
            await self.ends(
                pool, lambda: pool.run(HELLO), lambda: pool.stats()["requests_waiting"] == 1
            )
            assert (await r.run(HELLO)).status == 0
        assert pool.stats()["pool_size"] == 0
