"""Servers that speak only protocol 1: one command to a connection (LIBREMCTL.md, row 13)."""

import os
import socket
import time
from collections.abc import Iterator

import pytest
import remctl
from remctl import _remctl

from tests.fix_protocol1 import Protocol1Server


@pytest.fixture
def client(protocol1: Protocol1Server) -> Iterator[remctl.Remctl]:
    """A client that is open."""
    with remctl.Remctl(protocol1.host, protocol1.port, protocol1.principal) as client:
        yield client


def test_the_simple_call(protocol1: Protocol1Server) -> None:
    protocol1.answer = lambda command: (b"-".join(command), 7)
    result = remctl.remctl(protocol1.host, protocol1.port, protocol1.principal, ["a", "b"])
    assert result == remctl.RemctlSimpleResult(b"a-b", None, 7)


def test_two_commands_in_a_row_on_one_object(
    client: remctl.Remctl, protocol1: Protocol1Server
) -> None:
    protocol1.answer = lambda command: (command[0] * 2, int(command[1]))
    for word, status in ((b"one", 3), (b"two", 255), (b"three", 0)):
        client.command([word, str(status)])
        assert client.output() == ("output", word * 2, 1, None, None)
        assert client.output() == ("status", None, None, status, None)
        assert client.output() == ("done", None, None, None, None)
        assert client.opened
    assert protocol1.commands == [[b"one", b"3"], [b"two", b"255"], [b"three", b"0"]]


def test_run_and_stream(client: remctl.Remctl, protocol1: Protocol1Server) -> None:
    assert client.run(["a", "b"]).stdout == b"a b\n"
    assert [token.type for token in client.stream(["c"])] == ["output", "status"]
    with client.stream(["d"]) as stream:
        next(stream)  # and no more
    assert client.run(["e"]).stdout == b"e\n"


def test_no_output_at_all(client: remctl.Remctl, protocol1: Protocol1Server) -> None:
    protocol1.answer = lambda command: (b"", 4)
    result = client.run(["silent"])
    assert (result.stdout or b"", result.stderr, result.status) == (b"", None, 4)


@pytest.mark.parametrize("size", [1000, 60_000])
def test_binary_both_ways(client: remctl.Remctl, protocol1: Protocol1Server, size: int) -> None:
    protocol1.answer = lambda command: (b"".join(command), 0)
    data = os.urandom(size) + b"\0"
    assert client.run([data]).stdout == data


def test_noop_is_false_and_harmless(client: remctl.Remctl) -> None:
    assert client.noop() is False
    assert client.run(["a"]).status == 0
    assert client.noop() is False


def test_pending_output_is_guarded_too(client: remctl.Remctl) -> None:
    client.command(["a"])
    with pytest.raises(remctl.RemctlError, match="output of the previous command"):
        client.command(["b"])
    assert [token.output for token in client] == [b"a\n", None]


def test_a_failure_leaves_the_object_usable(
    client: remctl.Remctl, protocol1: Protocol1Server
) -> None:
    def fail(command: list[bytes]) -> tuple[bytes, int]:
        raise EOFError

    protocol1.answer = fail
    with pytest.raises(remctl.RemctlError):
        client.run(["a"])
    protocol1.answer = lambda command: (b"better", 0)
    assert client.run(["b"]).stdout == b"better"


def test_a_deadline_ends_the_wait(client: remctl.Remctl, protocol1: Protocol1Server) -> None:
    def slow(command: list[bytes]) -> tuple[bytes, int]:
        time.sleep(1)
        return b"late", 0

    protocol1.answer = slow
    client.set_timeout(0.2)
    start = time.monotonic()
    with pytest.raises(remctl.RemctlTimeoutError, match=r"^error receiving token: timed out$"):
        client.run(["a"])
    assert time.monotonic() - start < 0.9
    client.set_timeout(10)
    protocol1.answer = lambda command: (b"in time", 0)
    assert client.run(["b"]).stdout == b"in time"


def test_closing_and_opening_again(client: remctl.Remctl, protocol1: Protocol1Server) -> None:
    client.run(["a"])
    client.close()
    assert not client.opened
    client.open(protocol1.host, protocol1.port, protocol1.principal)
    assert client.run(["b"]).stdout == b"b\n"


def test_over_a_socket_of_the_caller_s_it_is_refused(protocol1: Protocol1Server) -> None:
    client = remctl.Remctl()
    with (
        socket.create_connection((protocol1.host, protocol1.port)) as sock,
        pytest.raises(remctl.RemctlError, match="protocol 1"),
    ):
        client.open_socket(sock, None, protocol1.principal)
    assert not client.opened


def test_the_low_level_interface(protocol1: Protocol1Server) -> None:
    protocol1.answer = lambda command: (command[0], 9)
    where = (protocol1.host, protocol1.port, protocol1.principal)
    assert _remctl.remctl(*where, [b"x"]) == (None, b"x", None, 9)
    handle = _remctl.remctl_new()
    assert _remctl.remctl_open(handle, *where)
    for word in (b"y", b"z"):
        assert _remctl.remctl_commandv(handle, [word])
        assert _remctl.remctl_output(handle) == ("output", word, 1, None, None)
        assert _remctl.remctl_output(handle) == ("status", None, None, 9, None)
    assert _remctl.remctl_noop(handle) is False
    _remctl.remctl_close(handle)
