"""A pool of connections that threads share."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import remctl
from remctl import (
    ConnectionPool,
    Remctl,
    RemctlError,
    RemctlNotOpenedError,
    RemctlTimeoutError,
)
from remctl.testing import Server

from tests.support.proxy import Proxy
from tests.support.traces import nothing_left, wait_until


@pytest.fixture
def pool(server: Server) -> Iterator[ConnectionPool]:
    """A pool of two at most, that waits a second."""
    with ConnectionPool("localhost", server.port, max_size=2, timeout=1) as pool:
        yield pool


class Waiter(threading.Thread):
    """A thread that takes a connection and gives it back when it is told to."""

    def __init__(self, pool: ConnectionPool, log: list[int], number: int) -> None:
        super().__init__(daemon=True)
        self.pool, self.log, self.number = pool, log, number
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            with self.pool.connection(timeout=20):
                self.log.append(self.number)
        except BaseException as error:
            self.error = error


class TestLending:
    def test_runs_commands(self, pool: ConnectionPool) -> None:
        with pool.connection() as r:
            assert isinstance(r, Remctl)
            assert r.run(["test", "hello"]).stdout == b"hello world\n"
        assert pool.run(["test", "hello"]).stdout == b"hello world\n"

    def test_the_same_connection_is_lent_again(self, pool: ConnectionPool) -> None:
        for _ in range(10):
            pool.run(["test", "hello"])
        stats = pool.stats()
        assert stats["connections_num"] == 1
        assert stats["requests_num"] == 10
        assert stats["pool_size"] == stats["pool_available"] == 1

    def test_makes_more_while_they_are_needed(self, pool: ConnectionPool) -> None:
        with pool.connection() as one, pool.connection() as two:
            assert one.fileno() != two.fileno()
            assert pool.stats()["pool_size"] == 2
            assert pool.stats()["pool_available"] == 0

    def test_the_constructor_connects_nothing(self, server: Server) -> None:
        with Proxy(("127.0.0.1", server.port)) as proxy:
            host = "localhost"
            pool = ConnectionPool(host, proxy.port, min_size=3, max_size=5)
            assert proxy.connections == 0
            pool.run(["test", "hello"])
            assert proxy.connections == 3
            pool.close()

    def test_with_makes_what_there_is_to_be_at_least(self, server: Server) -> None:
        with ConnectionPool("localhost", server.port, min_size=3) as pool:
            assert pool.stats()["pool_available"] == 3

    def test_run_takes_files(self, pool: ConnectionPool) -> None:
        import io

        out = io.BytesIO()
        assert pool.run(["test", "hello"], stdout=out).stdout is None
        assert out.getvalue() == b"hello world\n"

    def test_run_is_limited_as_a_whole(self, pool: ConnectionPool) -> None:
        begin = time.monotonic()
        with pytest.raises(RemctlTimeoutError) as caught:
            pool.run(["test", "sleep", "30"], timeout=0.5)
        assert caught.value.may_have_run
        with (
            pool.connection(),
            pool.connection(),
            pytest.raises(RemctlTimeoutError) as caught,
        ):
            pool.run(["test", "hello"], timeout=0.3)
        assert not caught.value.may_have_run
        assert time.monotonic() - begin < 5


class TestLease:
    def test_is_dead_after_its_block(self, pool: ConnectionPool) -> None:
        with pool.connection() as r:
            stream = r.stream(["test", "hello"])
            list(stream)
        for call in (
            lambda: r.run(["test", "hello"]),
            lambda: r.command(["test", "hello"]),
            r.output,
            r.noop,
            lambda: r.stream(["test"]),
        ):
            with pytest.raises(RemctlNotOpenedError):
                call()
        assert not r.opened
        r.close()
        assert pool.run(["test", "hello"]).status == 0
        assert pool.stats()["connections_num"] == 1

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("open", ("localhost",)),
            ("open_socket", (None,)),
            ("set_ccache", ("cc",)),
            ("set_source_ip", ("127.0.0.1",)),
        ],
    )
    def test_what_is_the_pool_s_is_refused(
        self, pool: ConnectionPool, name: str, arguments: tuple[Any, ...]
    ) -> None:
        with pool.connection() as r:
            for _ in range(2):
                with pytest.raises(RemctlError, match=name):
                    getattr(r, name)(*arguments)
            assert r.run(["test", "hello"]).status == 0
        with pytest.raises(RemctlError, match=name):
            getattr(r, name)(*arguments)

    def test_a_timeout_is_taken_back(self, pool: ConnectionPool) -> None:
        with pool.connection() as r:
            r.set_timeout(0.2)
            assert r.run(["test", "hello"]).status == 0
        with pool.connection() as r:
            assert r.run(["test", "sleep", "0.6"]).status == 0
        assert pool.stats()["connections_num"] == 1

    def test_says_where_errors_are_of(self, pool: ConnectionPool) -> None:
        with pool.connection() as r, pytest.raises(RemctlError) as caught:
            r.run(["test", "denied"])
        assert caught.value.host == "localhost"
        assert caught.value.command == "test denied"


class TestReturns:
    def lost(self, pool: ConnectionPool) -> int:
        """How many connections have come back unusable."""
        assert wait_until(lambda: pool.stats()["pool_size"] == pool.stats()["pool_available"] == 1)
        assert pool.run(["test", "hello"]).status == 0
        return pool.stats()["returns_bad"]

    def test_an_exception_in_the_body_keeps_it(self, pool: ConnectionPool) -> None:
        with pytest.raises(LookupError), pool.connection():
            raise LookupError
        with pytest.raises(RemctlError), pool.connection() as r:
            r.run(["test", "denied"])
        assert self.lost(pool) == 0

    @pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_an_end_from_outside_drops_it(
        self, pool: ConnectionPool, exception: type[BaseException]
    ) -> None:
        with pytest.raises(exception), pool.connection():
            raise exception
        assert pool.stats()["returns_bad"] == 1
        assert pool.run(["test", "hello"]).status == 0

    def test_pending_output_drops_it(self, pool: ConnectionPool) -> None:
        with pool.connection() as r:
            r.command(["test", "hello"])
        assert self.lost(pool) == 1

    def test_an_open_stream_drops_it(self, pool: ConnectionPool) -> None:
        with pool.connection() as r:
            stream = r.stream(["test", "stream", "3", "0.1"])
            next(stream)
        assert self.lost(pool) == 1

    def test_one_that_was_closed_is_replaced(self, pool: ConnectionPool) -> None:
        with pool.connection() as r:
            r.close()
        assert self.lost(pool) == 1

    def test_one_that_failed_is_replaced(self, pool: ConnectionPool) -> None:
        with pool.connection() as r, pytest.raises(RemctlTimeoutError):
            r.run(["test", "sleep", "10"], timeout=0.2)
        assert self.lost(pool) == 1


class TestWaiting:
    def test_ends_with_a_timeout(self, pool: ConnectionPool) -> None:
        with pool.connection(), pool.connection():
            begin = time.monotonic()
            with (
                pytest.raises(RemctlTimeoutError, match="was free in 1") as caught,
                pool.connection(),
            ):
                raise AssertionError
            assert 0.9 < time.monotonic() - begin < 5
            assert caught.value.may_have_run is False
            assert caught.value.host == "localhost"
            with pytest.raises(RemctlTimeoutError), pool.connection(timeout=0.1):
                raise AssertionError
        assert pool.stats()["pool_size"] == pool.stats()["pool_available"] == 2

    @pytest.mark.parametrize("timeout", [0, -3])
    def test_that_is_over_is_too_late_at_once(self, pool: ConnectionPool, timeout: int) -> None:
        with pytest.raises(RemctlTimeoutError) as caught, pool.connection(timeout=timeout):
            raise AssertionError
        assert caught.value.may_have_run is False
        with pytest.raises(RemctlTimeoutError):
            pool.run(["test", "hello"], timeout=timeout)

    def test_is_served_in_order(self, server: Server) -> None:
        log: list[int] = []
        waiters: list[Waiter] = []
        pool = ConnectionPool("localhost", server.port, max_size=1)
        with pool.connection():
            for number in range(6):
                waiters.append(Waiter(pool, log, number))
                assert wait_until(lambda: pool.stats()["requests_waiting"] == len(waiters))
        for waiter in waiters:
            waiter.join(10)
        assert log == list(range(6))
        assert pool.stats()["pool_size"] == pool.stats()["pool_available"] == 1

    def test_that_ends_by_a_timeout_loses_no_slot(self, pool: ConnectionPool) -> None:
        for _ in range(5):
            with pool.connection(), pool.connection():
                for _ in range(3):
                    with pytest.raises(RemctlTimeoutError), pool.connection(timeout=0.01):
                        raise AssertionError
        with pool.connection(), pool.connection():
            pass
        assert pool.stats()["pool_size"] == pool.stats()["pool_available"] == 2

    def test_that_ends_by_ctrl_c_loses_no_slot(self, pool: ConnectionPool) -> None:
        with pool.connection(), pool.connection():
            timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            with pytest.raises(KeyboardInterrupt), pool.connection(timeout=10):
                raise AssertionError
            timer.join()
            assert pool.stats()["requests_waiting"] == 0
        with pool.connection(), pool.connection():
            pass
        assert pool.stats()["pool_size"] == pool.stats()["pool_available"] == 2

    def test_ends_when_the_pool_is_closed(self, server: Server) -> None:
        pool = ConnectionPool("localhost", server.port, max_size=1)
        with pool.connection():
            waiter = Waiter(pool, [], 0)
            assert wait_until(lambda: pool.stats()["requests_waiting"] == 1)
            pool.close()
            waiter.join(10)
            assert isinstance(waiter.error, RemctlError)
            assert "closed" in str(waiter.error)
        assert pool.stats()["pool_size"] == 0

    def test_goes_on_with_a_slot_that_was_lost(self, pool: ConnectionPool) -> None:
        log: list[int] = []
        with pool.connection() as one, pool.connection():
            waiter = Waiter(pool, log, 7)
            assert wait_until(lambda: pool.stats()["requests_waiting"] == 1)
            one.close()
        waiter.join(10)
        assert log == [7]
        assert pool.stats()["pool_size"] == pool.stats()["pool_available"] <= 2

    def test_many_threads_share_a_few_connections(self, pool: ConnectionPool) -> None:
        def work() -> None:
            for _ in range(10):
                done.append(pool.run(["test", "hello"], timeout=60).status)

        done: list[int | None] = []
        with ConnectionPool("localhost", pool._port, max_size=3, timeout=60) as pool:
            threads = [threading.Thread(target=work) for _ in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert done == [0] * 120
            assert pool.stats()["connections_num"] <= 3
            assert pool.stats()["pool_available"] == pool.stats()["pool_size"]
            assert pool.stats()["requests_errors"] == 0


class TestCare:
    def test_one_that_died_at_rest_is_replaced(self, own_server: Server) -> None:
        with ConnectionPool("localhost", own_server.port, min_size=2, timeout=10) as pool:
            own_server.restart()
            with pool.connection() as one, pool.connection() as two:
                assert one.run(["test", "hello"]).status == 0
                assert two.run(["test", "hello"]).status == 0
            assert pool.stats()["connections_lost"] == 2
            assert pool.stats()["pool_available"] == 2

    def test_one_that_rested_is_asked_for_a_sign_of_life(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The network swallows everything, without a word."""
        monkeypatch.setattr("remctl._pool_core.TRUSTED", 0.0)
        monkeypatch.setattr("remctl._pool_core.CHECK_LIMIT", 0.3)
        with (
            Proxy(("127.0.0.1", server.port)) as proxy,
            ConnectionPool("localhost", proxy.port, timeout=10) as pool,
        ):
            proxy.pause()
            resume = threading.Timer(1, proxy.resume)
            resume.start()
            assert pool.run(["test", "hello"]).status == 0
            resume.join()
            assert pool.stats()["connections_lost"] == 1
            assert pool.stats()["connections_num"] == 2

    def test_a_server_that_is_not_there_yet_is_no_reason_not_to_begin(
        self, own_server: Server
    ) -> None:
        own_server.stop()
        with ConnectionPool("localhost", own_server.port, min_size=2, timeout=5) as pool:
            with pytest.raises(RemctlError, match="cannot connect"):
                pool.open()
            with pytest.raises(RemctlError, match="cannot connect"):
                pool.run(["test", "hello"])
            own_server.start()
            assert pool.run(["test", "hello"]).status == 0
            assert wait_until(lambda: pool.stats()["pool_available"] == 2)

    def test_a_server_that_is_gone_is_an_error_each_time(self, own_server: Server) -> None:
        """And not a check that never ends."""
        with ConnectionPool("localhost", own_server.port, min_size=2, timeout=5) as pool:
            own_server.stop()
            for _ in range(3):
                with pytest.raises(RemctlError, match="cannot connect") as caught:
                    pool.run(["test", "hello"])
                assert caught.value.may_have_run is False
            assert pool.stats()["connections_errors"] >= 3
            own_server.start()
            assert pool.run(["test", "hello"]).status == 0
            assert wait_until(lambda: pool.stats()["pool_available"] == 2)

    def test_min_size_is_upheld_when_one_is_given_back(self, pool: ConnectionPool) -> None:
        with pool.connection() as r:
            r.close()
        assert wait_until(lambda: pool.stats()["pool_available"] == 1)

    def test_one_that_rested_too_long_is_closed(self, server: Server) -> None:
        with ConnectionPool("localhost", server.port, max_size=3, max_idle=0.2) as pool:
            with pool.connection(), pool.connection(), pool.connection():
                pass
            assert pool.stats()["pool_size"] == 3
            time.sleep(0.3)
            with pool.connection():
                assert pool.stats()["pool_size"] == 1
            assert pool.stats()["connections_num"] == 4

    def test_one_that_is_too_old_is_closed_when_it_comes_back(self, server: Server) -> None:
        with ConnectionPool("localhost", server.port, max_lifetime=0.3) as pool:
            with pool.connection() as r:
                time.sleep(0.4)
                assert r.run(["test", "hello"]).status == 0
            assert pool.stats()["returns_bad"] == 1
            assert wait_until(lambda: pool.stats()["pool_available"] == 1)


class TestEnd:
    def test_closing_leaves_nothing(self, server: Server) -> None:
        with nothing_left():
            with ConnectionPool("localhost", server.port, min_size=3) as pool:
                pool.run(["test", "hello"])
            pool.close()
        with pytest.raises(RemctlError, match="closed"):
            pool.run(["test", "hello"])
        with pytest.raises(RemctlError, match="closed"):
            pool.open()
        assert "closed" in repr(pool)

    def test_one_that_nobody_holds_leaves_nothing(self, server: Server) -> None:
        with nothing_left():
            ConnectionPool("localhost", server.port).run(["test", "hello"])

    def test_what_is_lent_is_closed_when_it_comes_back(self, server: Server) -> None:
        with nothing_left():
            pool = ConnectionPool("localhost", server.port)
            with pool.connection() as r:
                pool.close()
                assert r.run(["test", "hello"]).status == 0
            assert pool.stats()["pool_size"] == 0

    @pytest.mark.forks
    def test_the_child_of_a_fork_starts_empty(self, pool: ConnectionPool) -> None:
        from tests.support.forks import in_child

        with pool.connection() as r:

            def child() -> None:
                assert pool.stats()["pool_size"] == 0
                assert pool.run(["test", "hello"]).status == 0
                with pool.connection(), pool.connection():
                    pass
                assert pool.stats()["pool_size"] == 2

            in_child(child)
            assert r.run(["test", "hello"]).status == 0
        assert pool.run(["test", "hello"]).status == 0
        assert pool.stats()["connections_num"] == 1

    @pytest.mark.forks
    def test_a_lease_that_went_through_a_fork_is_nobody_s(self, pool: ConnectionPool) -> None:
        from tests.support.forks import in_child

        lending = pool.connection()
        r = lending.__enter__()

        def child() -> None:
            lending.__exit__(None, None, None)
            assert pool.stats()["pool_size"] == 0

        in_child(child)
        assert r.run(["test", "hello"]).status == 0
        lending.__exit__(None, None, None)
        assert pool.stats()["pool_available"] == 1


class TestArguments:
    @pytest.mark.parametrize(
        ("name", "value", "kind"),
        [
            ("min_size", -1, ValueError),
            ("min_size", 1.0, TypeError),
            ("max_size", 0, ValueError),
            ("max_idle", 0, ValueError),
            ("max_idle", 3600, ValueError),
            ("max_idle", "1", TypeError),
            ("max_lifetime", -1, ValueError),
            ("timeout", "1", TypeError),
            ("port", -1, ValueError),
            ("principal", 1, TypeError),
            ("source_ip", "nowhere", ValueError),
        ],
    )
    def test_what_is_wrong_is_named(self, name: str, value: Any, kind: type[Exception]) -> None:
        arguments: dict[str, Any] = {name: value}
        for pool in (ConnectionPool, remctl.AsyncConnectionPool):
            with pytest.raises(kind, match=name.partition("_")[0]):
                pool("localhost", **arguments)

    def test_at_most_is_no_less_than_at_least(self) -> None:
        with pytest.raises(ValueError, match="max_size must be at least min_size"):
            ConnectionPool("localhost", min_size=3, max_size=2)

    def test_a_host_that_is_none(self) -> None:
        with pytest.raises(ValueError, match="host"):
            ConnectionPool("")
