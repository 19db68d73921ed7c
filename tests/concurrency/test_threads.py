"""Threads run side by side, and any number of connections and descriptors is served."""

import gc
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from remctl import Remctl, RemctlError, RemctlTimeoutError, remctl
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile
from tests.support.traces import nothing_left

THREADS = 64


def side_by_side(count: int, action: Callable[[], object]) -> float:
    """Run an action in so many threads; the time from the first's start to the last's end."""
    ready = threading.Barrier(count + 1)
    errors: list[BaseException] = []

    def run() -> None:
        ready.wait()
        try:
            action()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    ready.wait()
    start = time.monotonic()
    for thread in threads:
        thread.join()
    taken = time.monotonic() - start
    if errors:
        raise errors[0]
    return taken


@pytest.mark.measures
def test_64_threads_and_a_slow_server(hostile: MakeHostile) -> None:
    """64 connections, opened before; the answer takes 0.2 s, and no thread waits for another."""

    def script(connection: Connection) -> None:
        while True:
            connection.recv_command()
            time.sleep(0.2)
            connection.send_status(0)

    server = hostile(script)
    clients = [Remctl(server.host, server.port, server.principal) for _ in range(THREADS)]
    assert best_of_three(clients, ["test"]) < 0.5


@pytest.mark.measures
def test_64_threads_and_the_real_server(server: Server) -> None:
    """The same with remctld, a process for each command of which takes its part of the time."""
    clients = [Remctl("localhost", server.port) for _ in range(THREADS)]
    assert best_of_three(clients, ["test", "sleep", "0.2"]) < 0.5


def best_of_three(clients: list[Remctl], command: list[str]) -> float:
    """The time of a command on all connections at once, each in a thread; closes them."""

    def once() -> float:
        waiting = iter(clients)
        return side_by_side(len(clients), lambda: next(waiting).run(command))

    best = min(once() for _ in range(3))
    for client in clients:
        client.close()
    return best


def test_threads_with_connections_of_their_own(server: Server) -> None:
    def work() -> None:
        for _ in range(3):
            assert remctl("localhost", server.port, None, ["test", "hello"]).status == 0
            with Remctl("localhost", server.port) as client:
                assert client.noop()
                assert len(client.run(["test", "bytes", "100000"]).stdout or b"") == 100_000

    with nothing_left():
        side_by_side(12, work)
        gc.collect()


@pytest.fixture
def many_files() -> Iterator[None]:
    """5,000 open descriptors, and room for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    opened: list[int] = []
    try:
        opened.extend(os.open("/dev/null", os.O_RDONLY) for _ in range(5000))
        yield
    finally:
        for number in opened:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.alone
@pytest.mark.usefixtures("many_files")
def test_5000_descriptors_and_a_timeout(server: Server) -> None:
    with Remctl() as client:
        client.set_timeout(0.5)
        client.open("localhost", server.port)
        assert client.fileno() > 5000
        assert client.run(["test", "hello"]).stdout == b"hello world\n"
        assert client.noop()
        assert len(client.run(["test", "bytes", "1000000"]).stdout or b"") == 1_000_000
        with pytest.raises(RemctlTimeoutError):
            client.run(["test", "sleep", "20"])
        assert client.run([b"test", b"stdin", bytes(300_000)]).status == 0
    assert remctl("localhost", server.port, None, ["test", "hello"], timeout=5).status == 0


@pytest.mark.alone
def test_1000_connections(server: Server) -> None:
    """In a process of their own; the server has a process for each."""
    code = (
        "import resource, sys\n"
        "from remctl import Remctl\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 10000), hard))\n"
        f"clients = [Remctl('localhost', {server.port}) for _ in range(1000)]\n"
        "for client in clients[::50]:\n"
        "    client.set_timeout(30)\n"
        "    assert client.run(['test', 'hello']).stdout == b'hello world\\n'\n"
        "assert all(client.noop() for client in clients)\n"
        "assert max(client.fileno() for client in clients) > 1024\n"
        "print('served')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=110
    )
    assert (result.stdout, result.stderr) == ("served\n", "")


def test_no_descriptors_left(server: Server) -> None:
    """Without room for another descriptor a call fails, and only the call."""
    client = Remctl("localhost", server.port)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    numbers = map(int, os.listdir("/proc/self/fd"))
    highest = max(number for number in numbers if number < soft)  # valgrind's own are beyond
    with nothing_left():
        for room in range(8):
            other = Remctl()
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + room, hard))
            try:
                other.open("localhost", server.port)
            except (RemctlError, OSError):
                pass
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            other.open("localhost", server.port)
            assert other.run(["test", "hello"]).status == 0
            other.close()
    assert client.run(["test", "hello"]).stdout == b"hello world\n"
