"""`keepalive=`: a server's machine that vanishes in the middle of a command."""

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import remctl
import trio
from remctl import RemctlError, Target
from remctl.testing import Server

from tests.fix_protocol1 import Protocol1Server
from tests.fix_wan import FarServer
from tests.support.processes import wait_until

HELLO = ["test", "hello"]
SLEEP = ["test", "sleep", "60"]
TOTAL = 5  # seconds for keepalive=1: one, and four times a third of one, rounded up

NAMES = {
    "TCP_KEEPIDLE": socket.TCP_KEEPIDLE,
    "TCP_KEEPINTVL": socket.TCP_KEEPINTVL,
    "TCP_KEEPCNT": socket.TCP_KEEPCNT,
    "TCP_USER_TIMEOUT": socket.TCP_USER_TIMEOUT,
}


def options(number: int) -> dict[str, int] | None:
    """The options of a connection's socket; None where it has no keepalive."""
    with contextlib.closing(socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM)) as sock:
        values = {name: sock.getsockopt(socket.IPPROTO_TCP, NAMES[name]) for name in NAMES}
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE):
            return values
        assert values["TCP_USER_TIMEOUT"] == 0
        return None


def expected(idle: float) -> dict[str, int]:
    """The options for so many seconds."""
    first, interval = ceil(idle), ceil(idle / 3)
    total = (first + 4 * interval) * 1000
    return dict(zip(NAMES, (first, interval, 4, total), strict=True))


def _client(server: Server, **keywords: Any) -> dict[str, int] | None:
    with remctl.Remctl(server.host, server.port, **keywords) as client:
        return options(client.fileno())


def _pool(server: Server, **keywords: Any) -> dict[str, int] | None:
    with (
        remctl.ConnectionPool(server.host, server.port, **keywords) as pool,
        pool.connection() as client,
    ):
        return options(client.fileno())


async def _aclient(server: Server, keywords: dict[str, Any]) -> dict[str, int] | None:
    async with remctl.AsyncRemctl(server.host, server.port, **keywords) as client:
        return options(client.fileno())


async def _apool(server: Server, keywords: dict[str, Any]) -> dict[str, int] | None:
    async with (
        remctl.AsyncConnectionPool(server.host, server.port, **keywords) as pool,
        pool.connection() as client,
    ):
        return options(client.fileno())


Open = Callable[..., dict[str, int] | None]
OPENS: dict[str, Open] = {
    "Remctl": _client,
    "pool": _pool,
    "AsyncRemctl": lambda server, **keywords: asyncio.run(_aclient(server, keywords)),
    "asynchronous pool": lambda server, **keywords: asyncio.run(_apool(server, keywords)),
    "AsyncRemctl in trio": lambda server, **keywords: trio.run(_aclient, server, keywords),
}


@pytest.fixture(params=list(OPENS.values()), ids=list(OPENS))
def opened(request: pytest.FixtureRequest) -> Open:
    """Each way to make a connection; the options of its socket."""
    chosen: Open = request.param
    return chosen


class TestTheSocketsOptions:
    def test_a_minute_by_default(self, opened: Open, server: Server) -> None:
        assert opened(server) == expected(60)
        assert expected(60)["TCP_USER_TIMEOUT"] == 140_000

    @pytest.mark.parametrize("idle", [1, 0.2, 10, 7.5, 40_000, 10**400])
    def test_as_they_are_asked_for(self, server: Server, idle: float) -> None:
        assert _client(server, keepalive=idle) == expected(min(idle, 32767))

    def test_by_each_object(self, opened: Open, server: Server) -> None:
        assert opened(server, keepalive=10) == expected(10)

    @pytest.mark.parametrize("off", [0, None])
    def test_none_where_it_is_off(self, opened: Open, server: Server, off: int | None) -> None:
        assert opened(server, keepalive=off) is None

    def test_by_a_connection_that_a_command_makes_anew(self, own_server: Server) -> None:
        with remctl.Remctl(own_server.host, own_server.port, keepalive=10) as client:
            own_server.restart()
            client.run(HELLO)
            assert options(client.fileno()) == expected(10)

    def test_not_by_a_socket_of_the_caller_s(self, server: Server) -> None:
        with (
            socket.create_connection((server.host, server.port)) as sock,
            remctl.Remctl(keepalive=10) as client,
        ):
            client.open_socket(sock, server.host)
            assert options(client.fileno()) is None

    def test_protocol_1_works_with_them_too(self, protocol1: Protocol1Server) -> None:
        """The connections that libremctl makes by itself have none."""
        with remctl.Remctl(
            protocol1.host, protocol1.port, protocol1.principal, keepalive=1
        ) as client:
            assert client.run(HELLO).status == 0


def _many(far: FarServer) -> None:
    where = Target(far.server.host, far.server.port)
    (outcome,) = remctl.run_many([where], SLEEP, keepalive=1)
    outcome.check()


async def _amany(far: FarServer) -> None:
    where = Target(far.server.host, far.server.port)
    async for outcome in remctl.arun_many([where], SLEEP, keepalive=1):
        outcome.check()


def _run(far: FarServer) -> None:
    with remctl.Remctl(far.server.host, far.server.port, keepalive=1) as client:
        client.run(SLEEP)


def _run_in_pool(far: FarServer) -> None:
    remctl.ConnectionPool(far.server.host, far.server.port, min_size=0, keepalive=1).run(SLEEP)


async def _arun(far: FarServer) -> None:
    async with remctl.AsyncRemctl(far.server.host, far.server.port, keepalive=1) as client:
        await client.run(SLEEP)


async def _arun_in_pool(far: FarServer) -> None:
    pool = remctl.AsyncConnectionPool(far.server.host, far.server.port, min_size=0, keepalive=1)
    await pool.run(SLEEP)


VANISHING: dict[str, Callable[[FarServer], object]] = {
    "run": _run,
    "pool": _run_in_pool,
    "run_many": _many,
    "asyncio run": lambda far: asyncio.run(_arun(far)),
    "asyncio pool": lambda far: asyncio.run(_arun_in_pool(far)),
    "asyncio run_many": lambda far: asyncio.run(_amany(far)),
    "trio run": lambda far: trio.run(_arun, far),
    "trio run_many": lambda far: trio.run(_amany, far),
}


class TestAMachineThatVanishes:
    """What is asked of it ends, without a timeout; all at once, for each takes seconds."""

    def test_in_the_middle_of_a_silent_command(self, far: FarServer) -> None:
        failures: dict[str, RemctlError] = {}

        def call(name: str) -> None:
            try:
                VANISHING[name](far)
            except RemctlError as error:
                failures[name] = error

        threads = [threading.Thread(target=call, args=(name,)) for name in VANISHING]
        for thread in threads:
            thread.start()
        wait_for_commands(far, len(threads))
        with far.wan.vanished():
            begin = time.monotonic()
            for thread in threads:
                thread.join(20)
            passed = time.monotonic() - begin
        assert set(failures) == set(VANISHING)
        assert {type(error) for error in failures.values()} == {RemctlError}
        assert {error.kind for error in failures.values()} == {"lost"}
        assert all(error.may_have_run for error in failures.values())
        assert all("timed out" in str(error) for error in failures.values()), failures
        assert TOTAL - 1.5 < passed < TOTAL + 4

    def test_before_a_command_is_acknowledged(self, far: FarServer) -> None:
        """While data are not acknowledged the kernel sends no probes."""
        with remctl.Remctl(far.server.host, far.server.port, keepalive=1) as client:
            client.run(HELLO)
            with far.wan.vanished(), taking_about(TOTAL):
                with pytest.raises(RemctlError) as caught:
                    client.run(HELLO, timeout=TOTAL + 15)
                assert type(caught.value) is RemctlError
                assert caught.value.kind == "lost"

    def test_is_no_timeout_of_the_noop_s(self, far: FarServer) -> None:
        """libremctl calls both "timed out", when it has the server's socket itself."""
        with remctl.Remctl(far.server.host, far.server.port) as client:
            client.run(HELLO)
            with socket.fromfd(client.fileno(), socket.AF_INET, socket.SOCK_STREAM) as same:
                same.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 500)
            with (
                far.wan.vanished(),
                pytest.raises(RemctlError, match="Connection timed out") as caught,
            ):
                client.noop(timeout=TOTAL + 15)
            assert type(caught.value) is RemctlError
            assert caught.value.kind == "lost"

    def test_is_waited_for_while_the_call_has_time_without_it(self, far: FarServer) -> None:
        with remctl.Remctl(far.server.host, far.server.port, keepalive=None) as client:
            client.run(HELLO)
            with far.wan.vanished(), pytest.raises(remctl.RemctlTimeoutError):
                client.run(HELLO, timeout=TOTAL + 2)


@contextlib.contextmanager
def taking_about(seconds: float) -> Iterator[None]:
    """What is done takes about so long."""
    begin = time.monotonic()
    yield
    assert seconds - 1.5 < time.monotonic() - begin < seconds + 4


def wait_for_commands(far: FarServer, number: int) -> None:
    """Wait until so many `sleep` run at the other end."""
    there = os.readlink(far.wan.namespace)
    wait_until(
        lambda: sum(runs_there(process, there) for process in Path("/proc").glob("[0-9]*"))
        >= number
    )


def runs_there(process: Path, there: str) -> bool:
    """Whether it is a `sleep` in that network."""
    try:
        name = (process / "comm").read_text()
        return name == "sleep\n" and os.readlink(process / "ns/net") == there
    except OSError:  # it is gone
        return False
