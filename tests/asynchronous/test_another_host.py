"""A call's errors name the host that it ran on, whatever host others ask to open meanwhile."""

import anyio
import pytest
from remctl import AsyncRemctl, RemctlError, RemctlProtocolError, RemctlTimeoutError
from remctl.testing import Server

from tests.support.proxy import Proxy

pytestmark = pytest.mark.anyio


async def test_a_call_under_way_fails_on_the_host_that_it_was_for(server: Server) -> None:
    """Another task waits for its turn to open another host, and gives up."""
    failed: list[RemctlError] = []

    async def run() -> None:
        with pytest.raises(RemctlError) as caught:
            await client.run(["test", "sleep", "30"])
        failed.append(caught.value)

    with Proxy((server.host, server.port)) as proxy:
        async with AsyncRemctl(proxy.host, proxy.port, server.principal) as client:
            async with anyio.create_task_group() as group:
                group.start_soon(run)
                await anyio.wait_all_tasks_blocked()
                with pytest.raises(RemctlTimeoutError) as caught:
                    await client.open("localhost", server.port, timeout=0.1)
                proxy.cut()
    where = {(error.host, error.port) for error in failed}
    assert where == {(proxy.host, proxy.port)}
    assert (caught.value.host, caught.value.port) == ("localhost", server.port)


async def test_each_is_refused_on_its_own(server: Server) -> None:
    """One before another host was opened, and one behind it."""
    hosts: list[str | None] = []

    async def ask() -> None:
        with pytest.raises(RemctlProtocolError) as caught:
            await client.run(["no", "such"])
        hosts.append(caught.value.host)

    async with AsyncRemctl("127.0.0.1", server.port, server.principal) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(client.open, "localhost", server.port)
        await ask()
    assert hosts == ["127.0.0.1", "localhost"]


async def test_a_failed_open_names_the_host_that_it_was_for(server: Server) -> None:
    async with AsyncRemctl("localhost", server.port) as client:
        with pytest.raises(RemctlError) as caught:
            await client.open("127.0.0.1", 1)
        assert (caught.value.host, caught.value.port) == ("127.0.0.1", 1)
        with pytest.raises(RemctlError) as caught:
            await client.run(["test", "hello"])
        assert (caught.value.host, caught.value.port) == ("127.0.0.1", 1)
