"""What the logger `remctl.pool` says, in both worlds."""

import contextlib
import threading

import pytest
from remctl import (
    AsyncConnectionPool,
    ConnectionPool,
    RemctlError,
    RemctlTimeoutError,
)
from remctl.testing import Server

from tests.fix_pools import InLoop
from tests.logged.conftest import Log
from tests.support.traces import wait_until

POOL = "remctl.pool"

#: What the pool says of its first connection, lent and given back.
FIRST = [
    "connection made",
    "lent after N ms, 1 of 2 open, 0 idle, 0 waiting",
    "returned, 1 of 2 open, 1 idle, 0 waiting",
]


def test_a_connection_is_made_lent_and_given_back(server: Server, log: Log) -> None:
    with ConnectionPool("localhost", server.port, max_size=2) as pool:
        pool.run(["test", "hello"])
        assert log.lines(POOL) == FIRST
        pool.run(["test", "hello"])
        assert log.lines(POOL) == FIRST[1:]
    assert log.lines(POOL) == ["closed, 1 of 2 open, 1 idle, 0 waiting"]


def test_the_same_in_an_event_loop(server: Server, log: Log, in_loop: InLoop) -> None:
    async def main() -> None:
        async with AsyncConnectionPool("localhost", server.port, max_size=2) as pool:
            await pool.run(["test", "hello"])
            assert log.lines(POOL) == FIRST
        assert log.lines(POOL) == ["closed, 1 of 2 open, 1 idle, 0 waiting"]

    in_loop(main)


def test_an_idle_connection_is_checked(
    own_server: Server, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remctl._pool_core.TRUSTED", 0.0)
    with ConnectionPool("localhost", own_server.port) as pool:
        log.lines(POOL)
        pool.run(["test", "hello"])
        assert log.lines(POOL)[0] == "checked, the connection is alive"
        own_server.stop()
        own_server.start()
        pool.run(["test", "hello"])
        assert log.lines(POOL)[:2] == [
            "checked and dropped: the server has closed it",
            "connection made",
        ]


def test_somebody_waits(server: Server, log: Log) -> None:
    with ConnectionPool("localhost", server.port, max_size=1) as pool:
        with pool.connection():
            thread = threading.Thread(target=pool.run, args=(["test", "hello"],))
            log.lines(POOL)
            thread.start()
            said: list[str] = []

            def heard() -> bool:
                said.extend(log.lines(POOL))
                return bool(said)

            assert wait_until(heard)
            with pytest.raises(RemctlTimeoutError), pool.connection(timeout=0.05):
                pass
            said += log.lines(POOL)
            assert said[0] == "waiting, 1 of 1 open, 0 idle, 1 waiting"
            assert said[-1] == "waited for N s and got none, 1 of 1 open, 0 idle, 2 waiting"
        thread.join()
        assert any(line.startswith("lent after") for line in log.lines(POOL))


def test_what_comes_back_is_dropped(server: Server, log: Log) -> None:
    # Without a minimum nobody opens another one in its place, which would be counted.
    with ConnectionPool("localhost", server.port, min_size=0) as pool:
        with pool.connection() as r:
            r.command(["test", "hello"])
        assert "returned and dropped: output is pending, 0 of 8 open, 0 idle, 0 waiting" in (
            log.lines(POOL)
        )
        with contextlib.suppress(KeyboardInterrupt), pool.connection():
            raise KeyboardInterrupt
        assert any("dropped: its block was cut short" in line for line in log.lines(POOL))
        with pool.connection() as r:
            r.close()
        assert any("dropped: it is no longer connected" in line for line in log.lines(POOL))


def test_what_is_too_old(server: Server, log: Log) -> None:
    with ConnectionPool("localhost", server.port, max_lifetime=0.01) as pool:
        with pool.connection() as r:
            r.run(["test", "sleep", "0.05"])
        assert any("dropped: it is too old" in line for line in log.lines(POOL))


def test_no_connection_can_be_made(log: Log) -> None:
    with pytest.raises(RemctlError) as caught, ConnectionPool("localhost", 1).connection():
        pass
    assert log.lines(POOL)[-1] == f"no connection made: {caught.value}"
