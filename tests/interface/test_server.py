"""`host`, `port` and `principal`: the server that an object was opened with."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
import remctl
import trio
from remctl.testing import Server, fake_remctl

from tests.fix_protocol1 import Protocol1Server
from tests.support.forks import in_child

Where = tuple[str | None, int | None, str | None]
NOWHERE: Where = (None, None, None)


def where(client: remctl.Remctl | remctl.AsyncRemctl) -> Where:
    """What an object says of its server."""
    return client.host, client.port, client.principal


def _blocking(*arguments: Any) -> tuple[Where, Where, Where, str]:
    client = remctl.Remctl()
    before = where(client)
    client.open(*arguments)
    opened, shown = where(client), repr(client)
    client.close()
    return before, opened, where(client), shown


async def _asynchronous(*arguments: Any) -> tuple[Where, Where, Where, str]:
    client = remctl.AsyncRemctl()
    before = where(client)
    await client.open(*arguments)
    opened, shown = where(client), repr(client)
    await client.close()
    return before, opened, where(client), shown


async def _main(arguments: tuple[Any, ...]) -> tuple[Where, Where, Where, str]:
    return await _asynchronous(*arguments)


Opens = Callable[..., tuple[Where, Where, Where, str]]


@pytest.fixture(
    params=[
        _blocking,
        lambda *arguments: asyncio.run(_main(arguments)),
        lambda *arguments: trio.run(_main, arguments),
    ],
    ids=["blocking", "asyncio", "trio"],
)
def opens(request: pytest.FixtureRequest) -> Opens:
    """Opens in each world, and says what there is before, meanwhile and after closing."""
    chosen: Opens = request.param
    return chosen


def test_of_an_open_with_all_of_them(opens: Opens, server: Server) -> None:
    given = server.host, server.port, server.principal
    before, opened, after, shown = opens(*given)
    assert before == NOWHERE
    assert opened == after == given
    assert f" {server.host} open>" in shown


def test_of_an_open_without_a_principal(opens: Opens, server: Server) -> None:
    _, opened, _, _ = opens(server.host, server.port)
    assert opened == (server.host, server.port, f"host/{server.host}")


def test_of_a_server_of_protocol_1(opens: Opens, protocol1: Protocol1Server) -> None:
    given = protocol1.host, protocol1.port, protocol1.principal
    _, opened, after, _ = opens(*given)
    assert opened == after == given


@pytest.mark.parametrize("name", ["host", "port", "principal"])
def test_they_are_read_only(name: str) -> None:
    for client in (remctl.Remctl(), remctl.AsyncRemctl()):
        with pytest.raises(AttributeError):
            setattr(client, name, "x")


def test_a_failed_open_leaves_them(server: Server) -> None:
    client = remctl.Remctl()
    with pytest.raises(remctl.RemctlError):
        client.open("127.0.0.1", 1)
    assert where(client) == NOWHERE
    with client:
        client.open(server.host, server.port)
        with pytest.raises(remctl.RemctlError):
            client.open("127.0.0.1", 1)
        assert client.host == server.host


def test_of_a_socket(server: Server) -> None:
    with remctl.Remctl() as client:
        with socket.create_connection((server.host, server.port)) as sock:
            client.open_socket(sock, server.host)
        assert where(client) == (server.host, None, f"host/{server.host}")
        with socket.create_connection((server.host, server.port)) as sock:
            client.open_socket(sock, principal=server.principal)
        assert where(client) == (None, None, server.principal)
        assert repr(client) == "<remctl.Remctl open>"


def test_of_a_connection_that_a_pool_lends(server: Server) -> None:
    given = server.host, server.port, server.principal
    with remctl.ConnectionPool(*given) as pool, pool.connection() as client:
        assert where(client) == given


def test_in_the_child_of_a_fork(server: Server) -> None:
    with remctl.Remctl(server.host, server.port) as client:
        before = where(client)
        assert in_child(lambda: where(client) == before) == "True"


def test_of_a_fake() -> None:
    with fake_remctl({"test": {"hello": "hello\n"}}), remctl.Remctl() as client:
        assert where(client) == NOWHERE
        client.open("host.example.com", 4444, "host/other")
        assert where(client) == ("host.example.com", 4444, "host/other")
        client.open("host.example.com")
        assert where(client) == ("host.example.com", 4373, "host/host.example.com")
