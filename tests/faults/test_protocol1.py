"""Servers of protocol 1: recognised by their first token, spoken to through remctl_open."""

import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from remctl import Remctl, RemctlError, RemctlTimeoutError, remctl

from tests.fix_protocol1 import Protocol1Server
from tests.support.forks import in_child
from tests.support.traces import nothing_left, wait_until


@pytest.fixture
def client(protocol1: Protocol1Server) -> Iterator[Remctl]:
    with Remctl(protocol1.host, protocol1.port, protocol1.principal) as client:
        yield client


def test_two_commands_in_a_row(protocol1: Protocol1Server, client: Remctl) -> None:
    statuses = iter([7, 255])
    protocol1.answer = lambda command: (b"+".join(command), next(statuses))
    assert client.opened
    first = client.run(["test", b"one"])
    assert (first.stdout, first.stderr, first.status) == (b"test+one", None, 7)
    client.command(["test", "two"])
    output, status = client
    assert (output.output, output.stream, status.status) == (b"test+two", 1, 255)
    assert client.output().type == "done"
    assert protocol1.commands == [[b"test", b"one"], [b"test", b"two"]]
    assert client.opened


def test_simple_call(protocol1: Protocol1Server) -> None:
    result = remctl(protocol1.host, protocol1.port, protocol1.principal, ["a", "b"])
    assert (result.stdout, result.status) == (b"a b\n", 0)


def test_arguments_of_any_bytes(protocol1: Protocol1Server, client: Remctl) -> None:
    arguments = [b"", b"a\0b", bytes(range(256)), b"x" * 40_000]
    client.run(arguments)
    assert protocol1.commands == [arguments]


def test_noop_is_not_known(client: Remctl) -> None:
    assert client.noop() is False
    assert client.run(["test"]).stdout == b"test\n"


def test_pending_output(client: Remctl) -> None:
    client.command(["one"])
    for call in (lambda: client.command(["two"]), client.noop):
        with pytest.raises(RemctlError, match="pending"):
            call()
    assert [token.output for token in client] == [b"one\n", None]


def slowly(protocol1: Protocol1Server) -> threading.Event:
    """Have the server answer when told to."""
    go = threading.Event()

    def answer(command: list[bytes]) -> tuple[bytes, int]:
        if command != [b"quick"]:
            go.wait(20)
        return b"done", 0

    protocol1.answer = answer
    return go


def test_timeout(protocol1: Protocol1Server, client: Remctl) -> None:
    go = slowly(protocol1)
    client.run(["quick"])
    with nothing_left():
        client.set_timeout(0.2)
        client.command(["slow"])
        start = time.monotonic()
        with pytest.raises(RemctlTimeoutError, match="error receiving token: timed out"):
            client.output()
        assert 0.2 <= time.monotonic() - start < 0.3
        client.set_timeout(5)
        assert client.run(["quick"]).stdout == b"done"
        go.set()  # lets the helper thread end that libremctl waits in
    assert client.run(["quick"]).stdout == b"done"


def test_close_from_another_thread(protocol1: Protocol1Server, client: Remctl) -> None:
    go = slowly(protocol1)
    client.command(["slow"])
    closer = threading.Timer(0.1, client.close)
    closer.start()
    start = time.monotonic()
    with pytest.raises(RemctlError, match="closed during the call"):
        client.output()
    assert time.monotonic() - start < 0.3
    closer.join()
    go.set()


def test_ctrl_c(protocol1: Protocol1Server, client: Remctl) -> None:
    go = slowly(protocol1)
    client.command(["slow"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    killer = threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT))
    killer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        client.output()
    assert time.monotonic() - start < 0.3
    killer.join()
    go.set()
    assert client.run(["quick"]).stdout == b"done"


@pytest.mark.forks
def test_fork(protocol1: Protocol1Server, client: Remctl) -> None:
    client.command(["one"])

    def child() -> object:
        with pytest.raises(RemctlError, match="belongs to the parent"):
            client.output()
        client.close()
        return "done"

    assert in_child(child) == "done"
    assert client.output().output == b"one\n"


def test_over_a_socket_of_the_callers(protocol1: Protocol1Server) -> None:
    """Nothing can be read of a status there, so it is refused."""
    with socket.create_connection((protocol1.host, protocol1.port)) as sock:
        client = Remctl()
        with pytest.raises(RemctlError, match="protocol 1"):
            client.open_socket(sock, principal=protocol1.principal)
        assert not client.opened


def test_server_that_hangs_up(protocol1: Protocol1Server, client: Remctl) -> None:
    def answer(command: list[bytes]) -> tuple[bytes, int]:
        if command == [b"fail"]:
            raise EOFError
        return b"fine", 0

    protocol1.answer = answer
    with pytest.raises(RemctlError, match="error receiving token: unexpected end of file"):
        client.run(["fail"])
    assert client.run(["test"]).stdout == b"fine"


def test_nothing_is_left(protocol1: Protocol1Server) -> None:
    with nothing_left():
        for _ in range(3):
            with Remctl(protocol1.host, protocol1.port, protocol1.principal) as client:
                client.run(["a"])
                client.run(["b"])
    assert wait_until(lambda: len(protocol1.commands) == 6)


@pytest.mark.parametrize("status", [256, 0x1_0000, -256, -(2**31)])
def test_no_status_but_0_is_success(
    protocol1: Protocol1Server, client: Remctl, status: int
) -> None:
    """Protocol 1 has 32 bits for it."""
    protocol1.answer = lambda command: (b"", status)
    assert client.run(["test"]).status == 255


def test_status_is_eight_bits_without_a_sign(protocol1: Protocol1Server, client: Remctl) -> None:
    protocol1.answer = lambda command: (b"", struct.unpack("!b", b"\xff")[0])
    assert client.run(["test"]).status == 255
