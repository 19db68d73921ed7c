"""The helper thread that opens the connections of a `ConnectionPool`."""

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from remctl import ConnectionPool, RemctlError, RemctlTimeoutError
from remctl.testing import Server

from tests.fix_network import DeafServer
from tests.support.forks import in_child
from tests.support.proxy import Proxy
from tests.support.traces import nothing_left, threads, wait_until

HELLO = ["test", "hello"]

End = Callable[[ConnectionPool], None]


def close(pool: ConnectionPool) -> None:
    pool.close()


def forget(pool: ConnectionPool) -> None:
    """The caller lets go of it."""


class TestItsEnd:
    def test_comes_when_nothing_is_missing(self, server: Server) -> None:
        pool = ConnectionPool("localhost", server.port, min_size=2)
        before = threads()
        pool.open()
        with pool.connection(), pool.connection(), pool.connection():
            pass
        assert wait_until(lambda: threads() <= before)
        pool.close()

    @pytest.mark.parametrize("end", [close, forget])
    def test_comes_with_the_pool_s_while_an_opening_is_stuck(
        self, deaf: DeafServer, end: End
    ) -> None:
        with nothing_left():
            pool = ConnectionPool("localhost", deaf.port, min_size=3)
            with pytest.raises(RemctlTimeoutError, match="3 being opened"):
                pool.run(HELLO, timeout=0.2)
            end(pool)
            del pool
            gc.collect()

    @pytest.mark.parametrize("end", [close, forget])
    def test_comes_with_the_pool_s_between_two_tries(self, end: End) -> None:
        with nothing_left():
            pool = ConnectionPool("127.0.0.1", 1)
            for _ in range(4):  # the next try would be in eight seconds
                with pytest.raises(RemctlError, match="cannot connect"):
                    pool.run(HELLO)
            end(pool)
            del pool
            gc.collect()

    def test_is_not_waited_for_by_python_whose_thread_it_is_not(self, deaf: DeafServer) -> None:
        program = (
            "import remctl, threading\n"
            f"pool = remctl.ConnectionPool('localhost', {deaf.port}, min_size=2, timeout=None)\n"
            "try: pool.run(['test', 'hello'], timeout=0.2)\n"
            "except remctl.RemctlTimeoutError: print(threading.active_count())\n"
        )
        begin = time.monotonic()
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
        assert time.monotonic() - begin < 15
        assert (done.returncode, done.stdout, done.stderr) == (0, b"1\n", b"")


@pytest.mark.forks
def test_a_fork_beside_it_finds_an_empty_pool_that_serves(server: Server) -> None:
    with Proxy(("127.0.0.1", server.port)) as proxy:
        pool = ConnectionPool("localhost", proxy.port, min_size=2, timeout=20)
        proxy.pause()
        with pytest.raises(RemctlTimeoutError):
            pool.run(HELLO, timeout=0.1)
        timer = threading.Timer(0.1, proxy.resume)
        timer.start()

        def use() -> str:
            sizes = [pool.stats()[name] for name in ("pool_size", "requests_waiting")]
            return f"{sizes} {pool.run(HELLO).stdout!r}"

        assert in_child(use) == "[0, 0] b'hello world\\n'"
        timer.join()
        assert pool.run(HELLO).status == 0
        assert wait_until(lambda: pool.stats()["pool_available"] == 2)
        pool.close()


@pytest.mark.forks
def test_a_fork_beside_one_that_waits_leaves_it_waiting(server: Server) -> None:
    pool = ConnectionPool("localhost", server.port, max_size=1, timeout=20)
    lending = pool.connection()
    served: list[object] = []
    with lending as r:
        thread = threading.Thread(target=lambda: served.append(pool.run(HELLO).status))
        thread.start()
        assert wait_until(lambda: pool.stats()["requests_waiting"] == 1)

        def leave_and_use() -> str:
            lending.__exit__(None, None, None)  # it is the parent's, and stays lent there
            before = pool.stats()["pool_size"]
            return f"{before} {pool.run(HELLO).status} {pool.stats()['pool_available']}"

        assert in_child(leave_and_use) == "0 0 1"
        assert r.run(HELLO).status == 0
    thread.join()
    assert served == [0]
    assert pool.stats()["pool_available"] == 1
    pool.close()
