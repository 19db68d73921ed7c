"""`connect_timeout=`: how long making a connection may take, whatever the call may take."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import remctl
import trio
import uvloop
from remctl import RemctlTimeoutError, Target
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_many import Many, Runs
from tests.fix_network import DeafServer, MuteKdc

LIMIT = 0.3
HELLO = ["test", "hello"]

#: Makes a connection to a server and runs a command on it.
Way = Callable[..., None]


def _client(host: str, port: int | None, principal: str | None = None, **keywords: Any) -> None:
    timeout = keywords.pop("timeout", None)
    with remctl.Remctl(**keywords) as client:
        client.open(host, port, principal, timeout=timeout)
        client.run(HELLO)


def _pool(host: str, port: int | None, principal: str | None = None, **keywords: Any) -> None:
    timeout = keywords.pop("timeout", None)
    pool = remctl.ConnectionPool(host, port, principal, **keywords)
    try:
        pool.run(HELLO, timeout=timeout)
    finally:
        pool.close()


def _many(host: str, port: int | None, principal: str | None = None, **keywords: Any) -> None:
    (outcome,) = remctl.run_many([Target(host, port, principal)], HELLO, **keywords)
    outcome.check()


async def _aclient(
    host: str, port: int | None, principal: str | None = None, **keywords: Any
) -> None:
    timeout = keywords.pop("timeout", None)
    async with remctl.AsyncRemctl(**keywords) as client:
        await client.open(host, port, principal, timeout=timeout)
        await client.run(HELLO)


async def _apool(
    host: str, port: int | None, principal: str | None = None, **keywords: Any
) -> None:
    timeout = keywords.pop("timeout", None)
    pool = remctl.AsyncConnectionPool(host, port, principal, **keywords)
    try:
        await pool.run(HELLO, timeout=timeout)
    finally:
        await pool.close()


async def _amany(
    host: str, port: int | None, principal: str | None = None, **keywords: Any
) -> None:
    async for outcome in remctl.arun_many([Target(host, port, principal)], HELLO, **keywords):
        outcome.check()


def _in(run: Any, way: Callable[..., Awaitable[None]]) -> Way:
    async def main(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        await way(*arguments, **keywords)

    if run is trio.run:
        return lambda *arguments, **keywords: trio.run(main, arguments, keywords)
    return lambda *arguments, **keywords: run(main(arguments, keywords))


WAYS: dict[str, Way] = {"Remctl": _client, "pool": _pool, "run_many": _many}
for _name, _run in {"asyncio": asyncio.run, "uvloop": uvloop.run, "trio": trio.run}.items():
    for _what, _way in {"Remctl": _aclient, "pool": _apool, "run_many": _amany}.items():
        WAYS[f"{_name} {_what}"] = _in(_run, _way)


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def way(request: pytest.FixtureRequest) -> Way:
    """Each way to make a connection."""
    chosen: Way = request.param
    return chosen


@contextmanager
def taking(least: float, most: float) -> Iterator[None]:
    """What is done takes at least and at most so many seconds."""
    begin = time.monotonic()
    yield
    assert least <= time.monotonic() - begin < most


class TestItEnds:
    def test_a_handshake_with_a_server_that_is_silent(
        self, way: Way, many: Many, deaf: DeafServer
    ) -> None:
        with taking(LIMIT, 5), pytest.raises(RemctlTimeoutError) as caught:
            way(deaf.host, deaf.port, many.principal, connect_timeout=LIMIT)
        error = caught.value
        assert (error.kind, error.retryable, error.may_have_run) == ("timeout", True, False)

    @pytest.mark.parametrize("port", [4373, None], ids=["one port", "both ports"])
    def test_a_dial_to_a_host_that_is_silent(
        self, way: Way, black_hole: str, port: int | None
    ) -> None:
        with taking(LIMIT, 5), pytest.raises(RemctlTimeoutError, match="cannot connect") as caught:
            way(black_hole, port, connect_timeout=LIMIT)
        assert caught.value.retryable

    def test_a_handshake_while_the_kdc_is_silent(
        self, server: Server, mute_kdc: MuteKdc, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in mute_kdc.env.items():
            monkeypatch.setenv(name, value)
        with taking(LIMIT, 5), pytest.raises(RemctlTimeoutError) as caught:
            remctl.Remctl(server.host, server.port, connect_timeout=LIMIT)
        assert caught.value.kind == "timeout"

    def test_a_server_that_sends_a_byte_now_and_then(self, hostile: MakeHostile) -> None:
        """It is no limit of a silence."""

        def drip(connection: Connection) -> None:
            connection.send_slowly(b"\x46\0\0\xff\xff" + bytes(200), 1, 0.02)

        server = hostile(Connection.close, handshake=drip)
        with taking(LIMIT, 3), pytest.raises(RemctlTimeoutError):
            remctl.Remctl(server.host, server.port, server.principal, connect_timeout=LIMIT)

    def test_a_second_connection_of_protocol_1(self, hostile: MakeHostile) -> None:
        """With such servers libremctl connects by itself."""
        first = [True]

        def handshake(connection: Connection) -> None:
            if first[0]:
                first[0] = False
                connection.send_raw(b"\x02\0\0\0\5hello")
            connection.wait_closed()

        server = hostile(Connection.wait_closed, handshake=handshake)
        with taking(LIMIT, 3), pytest.raises(RemctlTimeoutError):
            remctl.Remctl(server.host, server.port, server.principal, connect_timeout=LIMIT)

    def test_a_connection_that_a_command_makes_anew(
        self, many: Many, deaf: DeafServer, own_server: Server
    ) -> None:
        with remctl.Remctl(own_server.host, own_server.port, connect_timeout=LIMIT) as client:
            own_server.pause()
            with pytest.raises(RemctlTimeoutError):
                client.run(HELLO, timeout=LIMIT)
            with taking(LIMIT, 5), pytest.raises(RemctlTimeoutError) as caught:
                client.run(HELLO)
            assert not caught.value.may_have_run
            own_server.resume()
            assert client.run(HELLO).stdout == b"hello world\n"

    def test_a_handshake_over_a_socket_of_the_caller_s(self, many: Many, deaf: DeafServer) -> None:
        with (
            socket.create_connection((deaf.host, deaf.port)) as sock,
            remctl.Remctl(connect_timeout=LIMIT) as client,
            taking(LIMIT, 5),
            pytest.raises(RemctlTimeoutError),
        ):
            client.open_socket(sock, principal=many.principal)


class TestItLeaves:
    def test_a_command_alone_that_takes_longer(self, way: Way, server: Server) -> None:
        way(server.host, server.port, connect_timeout=20)

    def test_a_command_s_time_alone(self, server: Server) -> None:
        with remctl.Remctl(server.host, server.port, connect_timeout=LIMIT) as client:
            assert client.run(["test", "sleep", "0.6"]).status == 0

    @pytest.mark.parametrize("limit", [None, 0, 0.0])
    def test_off_for_0_and_none(self, way: Way, server: Server, limit: float | None) -> None:
        way(server.host, server.port, connect_timeout=limit)

    @pytest.mark.parametrize("other", ["timeout", "set_timeout"])
    def test_an_earlier_limit_in_force(self, many: Many, deaf: DeafServer, other: str) -> None:
        client = remctl.Remctl(
            timeout=LIMIT if other == "set_timeout" else None, connect_timeout=30
        )
        limit = LIMIT if other == "timeout" else None
        with taking(LIMIT, 5), pytest.raises(RemctlTimeoutError):
            client.open(deaf.host, deaf.port, many.principal, timeout=limit)


class TestOurOwnQueuesAreNotCounted:
    def test_the_turn_of_a_host_to_be_connected_to(
        self, many: Many, runs: Runs, deaf: DeafServer
    ) -> None:
        """Five connections at a time are opened to one address."""
        targets = [Target(deaf.host, deaf.port, many.principal)] * 15
        with taking(3 * LIMIT, 20):
            outcomes = runs(targets, HELLO, connect_timeout=LIMIT)
        assert {outcome.error.kind for outcome in outcomes if outcome.error} == {"timeout"}
        assert (len(outcomes), deaf.connections) == (15, 15)

    def test_the_turn_to_ask_a_kdc_that_is_silent(
        self, server: Server, mute_kdc: MuteKdc, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in mute_kdc.env.items():
            monkeypatch.setenv(name, value)
        for _ in range(8):  # which wait for it after they were given up
            with pytest.raises(RemctlTimeoutError):
                remctl.Remctl(server.host, server.port, connect_timeout=0.05)
        client = remctl.Remctl(connect_timeout=LIMIT)
        with taking(4 * LIMIT, 10), pytest.raises(RemctlTimeoutError):
            client.open(server.host, server.port, timeout=4 * LIMIT)


@pytest.mark.parametrize(
    ("value", "error"), [(-1, ValueError), (float("nan"), ValueError), ("1", TypeError)]
)
@pytest.mark.parametrize("name", ["connect_timeout", "keepalive"])
def test_an_invalid_value_is_named(name: str, value: Any, error: type[Exception]) -> None:
    makers: list[Callable[..., object]] = [
        remctl.Remctl,
        remctl.AsyncRemctl,
        lambda **keywords: remctl.ConnectionPool("localhost", **keywords),
        lambda **keywords: remctl.AsyncConnectionPool("localhost", **keywords),
        lambda **keywords: remctl.run_many([], HELLO, **keywords),
        lambda **keywords: remctl.arun_many([], HELLO, **keywords),
    ]
    for make in makers:
        with pytest.raises(error, match=f"^{name} must"):
            make(**{name: value})
