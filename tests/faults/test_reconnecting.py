"""Any failure drops the connection, and the next command starts a clean one."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from remctl import ErrorCode, Remctl, RemctlError, RemctlProtocolError, RemctlTimeoutError
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile
from tests.support.proxy import UP, Proxy
from tests.support.traces import nothing_left, wait_until


def through(proxy: Proxy, server: Server) -> Remctl:
    return Remctl(proxy.host, proxy.port, server.principal)


@pytest.mark.parametrize("end", [Proxy.cut, Proxy.reset])
def test_a_connection_that_ended_while_it_was_idle(
    proxy: Proxy, server: Server, end: Callable[[Proxy], None]
) -> None:
    """The next command makes a new one: nothing was sent, so nothing can be sent twice."""
    client = through(proxy, server)
    for number in range(3):
        assert client.run(["test", "hello", str(number)]).stdout == b"hello %d\n" % number
        end(proxy)
        time.sleep(0.02)
    assert proxy.connections == 3
    assert client.run([b"test", b"stdin", bytes(1_000_000)]).status == 0  # a large one as well


def test_a_server_that_was_started_again(own_server: Server) -> None:
    client = Remctl("localhost", own_server.port)
    own_server.restart()
    assert client.run(["test", "hello"]).stdout == b"hello world\n"
    own_server.stop()
    with pytest.raises(RemctlError, match=r"cannot connect to localhost .* Connection refused"):
        client.run(["test", "hello"])
    assert client.opened
    own_server.start()
    assert client.run(["test", "hello"]).stdout == b"hello world\n"


def test_a_command_too_large_leaves_no_answers_to_later_ones(server: Server) -> None:
    """remctld refuses the piece that is too much, and then each piece that follows."""
    client = Remctl("localhost", server.port)
    with pytest.raises(RemctlProtocolError) as caught:
        client.run([b"test", b"stdin", bytes(101 << 20)])
    assert caught.value.code is ErrorCode.TOOMUCH_DATA
    assert [client.run(["test", "hello", str(n)]).stdout for n in range(3)] == [
        b"hello %d\n" % n for n in range(3)
    ]


def test_noop_says_that_an_idle_connection_has_ended(proxy: Proxy, server: Server) -> None:
    client = through(proxy, server)
    proxy.cut()
    with pytest.raises(RemctlError, match="unexpected end of file"):
        client.noop()
    with pytest.raises(RemctlError, match="no connection open"):
        client.noop()
    assert client.run(["test", "hello"]).status == 0
    assert client.noop()


@pytest.mark.parametrize("end", [Proxy.cut, Proxy.reset, Proxy.pause])
def test_a_command_cut_half_way_is_not_sent_twice(
    proxy: Proxy, server: Server, tmp_path: Path, end: Callable[[Proxy], None]
) -> None:
    """Whether it ran is not known, so that is left to the caller."""
    runs = tmp_path / "runs"
    client = through(proxy, server)
    client.set_timeout(0.5)
    for share in (1, 50, 100):
        proxy.after(share, UP, end)
        with pytest.raises(RemctlError):
            client.run(["test", "record", str(runs)])
        proxy.cut()  # what a paused network still holds is lost
        proxy.resume()
    time.sleep(0.2)
    assert not runs.exists()
    client.run(["test", "record", str(runs)])
    assert len(runs.read_text().split()) == 1


@pytest.mark.parametrize("end", [Proxy.cut, Proxy.reset])
def test_a_command_whose_answer_is_lost_runs_once(
    proxy: Proxy, server: Server, tmp_path: Path, end: Callable[[Proxy], None]
) -> None:
    runs = tmp_path / "runs"
    client = through(proxy, server)
    client.command(["test", "record", str(runs), "0.3"])
    assert wait_until(lambda: runs.exists() and runs.read_text().endswith("\n"))
    end(proxy)
    with pytest.raises(RemctlError, match="error receiving token: unexpected end of file"):
        client.output()
    time.sleep(0.1)
    assert len(runs.read_text().split()) == 1
    client.run(["test", "record", str(runs)])
    assert len(runs.read_text().split()) == 2


@pytest.mark.parametrize("end", [Proxy.cut, Proxy.reset, Proxy.pause])
@pytest.mark.parametrize("count", [100_000, 1_000_000])
def test_a_large_command_cut_half_way(
    proxy: Proxy, server: Server, end: Callable[[Proxy], None], count: int
) -> None:
    with nothing_left():
        client = through(proxy, server)
        client.set_timeout(0.5)
        proxy.after(count, UP, end)
        with pytest.raises(RemctlError):
            client.run([b"test", b"stdin", bytes(20_000_000)])
        proxy.resume()
        client.set_timeout(10)
        length, _ = (client.run([b"test", b"stdin", bytes(100_000)]).stdout or b"").split()
        assert int(length) == 100_000
        client.close()


@pytest.mark.parametrize("count", [1, 10, 1000, 100_000])
@pytest.mark.parametrize("end", [Proxy.cut, Proxy.reset])
def test_output_cut_half_way(
    proxy: Proxy, server: Server, end: Callable[[Proxy], None], count: int
) -> None:
    client = through(proxy, server)
    proxy.after(count, "down", end)
    with pytest.raises(RemctlError, match="error receiving token: unexpected end of file"):
        client.run(["test", "bytes", "1000000"])
    assert len(client.run(["test", "bytes", "1000000"]).stdout or b"") == 1_000_000


def test_a_network_that_stops_and_goes_on(proxy: Proxy, server: Server) -> None:
    """Nothing is lost by a pause that the timeout allows."""
    client = through(proxy, server)
    client.set_timeout(5)
    proxy.after(200_000, "down", Proxy.pause)
    resume = threading.Timer(0.3, proxy.resume)
    resume.start()
    assert len(client.run(["test", "bytes", "1000000"]).stdout or b"") == 1_000_000
    resume.join()


def test_an_answer_that_comes_after_the_timeout_is_nobodys(server: Server) -> None:
    client = Remctl("localhost", server.port)
    client.set_timeout(0.1)
    for _ in range(3):
        with pytest.raises(RemctlTimeoutError):
            client.run(["test", "sleep", "0.15"])
    client.set_timeout(5)
    assert client.run(["test", "hello", "again"]).stdout == b"hello again\n"


def test_a_connection_that_was_closed_is_not_made_again(server: Server) -> None:
    client = Remctl("localhost", server.port)
    client.close()
    client.close()
    for call in (lambda: client.command(["test", "hello"]), client.output, client.noop):
        with pytest.raises(RemctlError, match="no currently open connection"):
            call()
    client.open("localhost", server.port)
    assert client.run(["test", "hello"]).status == 0


def test_a_failed_open_touches_no_descriptor_of_others(server: Server, tmp_path: Path) -> None:
    """A handle with a stale descriptor number would close whatever has it by then."""
    client = Remctl("localhost", server.port)
    number = client.fileno()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        for _ in range(3):
            with pytest.raises(RemctlError, match="Connection refused"):
                client.open("localhost", nobody.getsockname()[1])
    files = [(tmp_path / str(index)).open("w+") for index in range(10)]
    assert number in [file.fileno() for file in files]
    client.close()
    client.open("localhost", server.port)
    client.close()
    for file in files:
        file.write("still there")
        file.close()


def test_a_failed_credential_cache_spoils_nothing(server: Server) -> None:
    client = Remctl()
    with pytest.raises(RemctlError):
        client.set_ccache("NO-SUCH-TYPE:x")
        client.open("localhost", server.port)
    other = Remctl()
    other.set_ccache(os.environ["KRB5CCNAME"])
    for _ in range(3):
        other.open("localhost", server.port)
        assert other.run(["test", "hello"]).status == 0
    with contextlib.suppress(RemctlError):
        client.open("localhost", server.port)
    client.close()


SIGPIPE_CODE = """
import signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
from remctl import Remctl, RemctlError
host, port, principal = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def left_early():
    with client.stream(["stay"]):
        pass

def timed_out():
    client.set_timeout(0.05)
    client.run(["stay"])

for turn in range(6):
    client = Remctl(host, port, principal)
    client.command(["begin"])
    assert client.output().status == 0
    for action in (
        client.close if turn == 0 else client.noop,
        left_early,
        timed_out,
        lambda: client.set_timeout(5),
        lambda: client.run([bytes(3_000_000)]),
        lambda: client.run(["small"]),
        client.close,
    ):
        try:
            action()
        except RemctlError:
            pass
print("alive")
"""


@pytest.mark.parametrize("end", [Connection.close, Connection.reset])
def test_no_sigpipe(hostile: MakeHostile, end: Callable[[Connection], None]) -> None:
    """With its default action, and a server that hangs up in the middle of everything."""

    def script(connection: Connection) -> None:
        # A large command is not read to its end.
        if len(connection.sock.recv(100_000, socket.MSG_PEEK)) > 1000:
            end(connection)
            return
        if connection.recv_command() == [b"stay"]:
            connection.wait_closed()
            return
        connection.send_status(0)
        with contextlib.suppress(EOFError):
            connection.sock.recv(1)
        end(connection)

    server = hostile(script)
    result = subprocess.run(
        [sys.executable, "-c", SIGPIPE_CODE, server.host, str(server.port), server.principal],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode != -signal.SIGPIPE
    assert (result.stdout, result.stderr) == ("alive\n", "")
