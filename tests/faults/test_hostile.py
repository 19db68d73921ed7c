"""Servers that lie: always a RemctlError, and the next command starts clean."""

import random
import struct
import time
from collections.abc import Callable

import gssapi
import pytest
from remctl import ErrorCode, Remctl, RemctlError, RemctlProtocolError

from tests.fix_hostile import Connection, HostileServer, MakeHostile, Script
from tests.support.tokens import Flag, Message, receive_token, token
from tests.support.traces import nothing_left

DATA = Flag.DATA | Flag.PROTOCOL
MEBIBYTE = 1024 * 1024


def open_to(server: HostileServer, timeout: float = 5) -> Remctl:
    remctl = Remctl()
    remctl.set_timeout(timeout)
    remctl.open(server.host, server.port, server.principal)
    return remctl


def honest_after_the_first(lie: Script) -> Script:
    """A script that lies on the first connection only."""
    lied = False

    def script(connection: Connection) -> None:
        nonlocal lied
        if not lied:
            lied = True
            lie(connection)
            return
        connection.recv_command()
        connection.send_output(1, b"honest")
        connection.send_status(0)
        connection.wait_closed()

    return script


def then(*steps: Callable[[Connection], object], hang_up: bool = True) -> Script:
    """A script that takes a command, does some things, and hangs up or not."""

    def script(connection: Connection) -> None:
        connection.recv_command()
        for step in steps:
            step(connection)
        if not hang_up:
            connection.wait_closed()

    return script


def raw(data: bytes) -> Callable[[Connection], None]:
    return lambda connection: connection.send_raw(data)


def message(kind: int, rest: bytes = b"", version: int = 2) -> Callable[[Connection], None]:
    return lambda connection: connection.send_message(kind, rest, version)


def plain(data: bytes, flags: int = DATA) -> Callable[[Connection], None]:
    return lambda connection: connection.send_token(flags, data)


def repeated(connection: Connection) -> None:
    """The same token twice: the second is out of sequence."""
    data = connection.wrap(b"\2\3\1" + struct.pack("!I", 1) + b"x")
    connection.send_raw(data + data)


def altered(connection: Connection) -> None:
    """A token with one bit changed on its way."""
    data = bytearray(connection.wrap(b"\2\4\0"))
    data[-1] ^= 1
    connection.send_raw(bytes(data))


END = "unexpected end of file"
LIES: dict[str, tuple[Callable[[Connection], object], str]] = {
    "nothing": (Connection.close, END),
    "reset": (Connection.reset, END),
    "part of a header": (raw(b"\x44\0\0"), END),
    "header alone": (raw(b"\x44\0\0\0\x10"), END),
    "half a token": (raw(b"\x44\0\0\0\x10abcdefgh"), END),
    "half a large token": (raw(b"\x44\0\x0f\xff\xff" + bytes(500_000)), END),
    "1 MiB and a byte": (raw(b"\x44\0\x10\0\x01"), "too large"),
    "2**31": (raw(b"\x44\x80\0\0\0"), "too large"),
    "2**32 - 1": (raw(b"\x44\xff\xff\xff\xff"), "too large"),
    "2**32 - 1 and data": (raw(b"\x44\xff\xff\xff\xff" + bytes(400_000)), "too large"),
    "no data": (raw(token(DATA, b"")), "GSS-API error"),
    "nonsense": (raw(token(DATA, b"nonsense" * 20)), "GSS-API error"),
    "1 MiB of nonsense": (raw(token(DATA, bytes(MEBIBYTE))), "GSS-API error"),
    "altered": (altered, "GSS-API error"),
    "repeated": (repeated, "GSS-API error"),
    "no flags": (plain(b"\2\4\0", 0), "token"),
    "all flags": (plain(b"\2\4\0", 0xFF), "token"),
    "without PROTOCOL": (plain(b"\2\4\0", Flag.DATA), "token"),
    "CONTEXT": (plain(b"\2\4\0", Flag.CONTEXT | Flag.PROTOCOL), "token"),
    "empty message": (plain(b""), "malformed"),
    "version alone": (plain(b"\2"), "malformed"),
    "version 0": (message(Message.STATUS, b"\0", 0), "unexpected protocol"),
    "version 1": (message(Message.STATUS, b"\0", 1), "unexpected protocol"),
    "version 255": (message(Message.STATUS, b"\0", 255), "unexpected protocol"),
    "message 0": (message(0), "unknown message type 0"),
    "message 99": (message(99), "unknown message type 99"),
    "COMMAND": (message(Message.COMMAND, b"\1\0\0\0\0\0"), "unknown message type 1"),
    "QUIT": (message(Message.QUIT), "unknown message type 2"),
    "status without a status": (message(Message.STATUS), "malformed"),
    "status of two bytes": (message(Message.STATUS, b"\0\0"), "malformed"),
    "output without a length": (message(Message.OUTPUT, b"\1"), "malformed"),
    "output of stream 0": (message(Message.OUTPUT, b"\0\0\0\0\1x"), "unexpected stream"),
    "output of stream 3": (message(Message.OUTPUT, b"\3\0\0\0\1x"), "unexpected stream"),
    "output too short": (message(Message.OUTPUT, b"\1\0\0\0\5x"), "malformed"),
    "output too long": (message(Message.OUTPUT, b"\1\0\0\0\1xx"), "malformed"),
    "output of 2**32 - 1": (message(Message.OUTPUT, b"\1\xff\xff\xff\xffx"), "malformed"),
    "error without a code": (message(Message.ERROR, b"\0\0"), "malformed"),
    "error too short": (message(Message.ERROR, b"\0\0\0\1\0\0\0\5x"), "malformed"),
    "error of 2**32 - 1": (message(Message.ERROR, b"\0\0\0\1\xff\xff\xff\xffx"), "malformed"),
}


@pytest.mark.parametrize("hang_up", [True, False], ids=["hangs up", "stays"])
@pytest.mark.parametrize("lie", LIES)
def test_instead_of_an_answer(hostile: MakeHostile, lie: str, hang_up: bool) -> None:
    what, text = LIES[lie]
    if not hang_up and text == END and what not in (Connection.close, Connection.reset):
        return  # the wait for the rest is tests/concurrency/test_endings.py's
    with nothing_left():
        server = hostile(honest_after_the_first(then(what, hang_up=hang_up)))
        remctl = open_to(server)
        remctl.command(["test"])
        with pytest.raises(RemctlError) as caught:
            while remctl.output().type == "output":
                pass
        assert text in str(caught.value)
        assert remctl.error() == str(caught.value)
        with pytest.raises(RemctlError, match="no connection open"):
            remctl.output()
        assert remctl.opened
        assert remctl.run(["test"]).stdout == b"honest"
        remctl.close()
        server.close()


# To a noop an error, in whatever state, says that the server does not know it.
@pytest.mark.parametrize("lie", [lie for lie in LIES if not lie.startswith("error ")])
def test_instead_of_an_answer_to_noop(hostile: MakeHostile, lie: str) -> None:
    what, _ = LIES[lie]

    def script(connection: Connection) -> None:
        connection.recv_message()
        what(connection)

    server = hostile(honest_after_the_first(script))
    remctl = open_to(server)
    with pytest.raises(RemctlError):
        remctl.noop()
    with pytest.raises(RemctlError, match="no connection open"):
        remctl.noop()
    assert remctl.run(["test"]).stdout == b"honest"


@pytest.mark.parametrize(
    "answer", [lambda c: c.send_version(2), lambda c: c.send_error(3, b"unknown message")]
)
def test_a_server_that_does_not_know_noop(
    hostile: MakeHostile, answer: Callable[[Connection], None]
) -> None:
    """False, and the connection serves on."""

    def script(connection: Connection) -> None:
        for _ in range(2):
            connection.recv_message()
            answer(connection)
        connection.recv_command()
        connection.send_status(7)
        connection.wait_closed()

    server = hostile(script)
    remctl = open_to(server)
    assert remctl.noop() is False
    assert remctl.noop() is False
    assert remctl.run(["test"]).status == 7
    assert server.connections == 1


def test_an_answer_nobody_asked_for(hostile: MakeHostile) -> None:
    """A connection on which the server spoke out of turn is not used again."""

    def lie(connection: Connection) -> None:
        connection.recv_command()
        connection.send_status(1)
        connection.send_output(1, b"what nobody asked for")
        connection.send_status(2)
        connection.wait_closed()

    server = hostile(honest_after_the_first(lie))
    remctl = open_to(server)
    assert remctl.run(["first"]).status == 1
    time.sleep(0.05)
    assert remctl.run(["second"]).stdout == b"honest"
    assert server.connections == 2


@pytest.mark.parametrize("code", [0, 1, 5, 6, 10, 11, 77, 2**31, 2**32 - 1])
def test_error_codes(hostile: MakeHostile, code: int) -> None:
    """Known and unknown ones, in 32 bits without a sign."""
    server = hostile(then(lambda c: c.send_error(code, b"out of \xff cheese"), hang_up=False))
    with pytest.raises(RemctlProtocolError) as caught:
        open_to(server).run(["test"])
    assert caught.value.code == code
    assert str(caught.value) == "test on 127.0.0.1: out of \\xff cheese"
    assert isinstance(caught.value.code, ErrorCode) == (1 <= code <= 10)


@pytest.mark.parametrize("status", [0, 1, 127, 128, 200, 255])
def test_statuses(hostile: MakeHostile, status: int) -> None:
    server = hostile(then(lambda c: c.send_status(status), hang_up=False))
    assert open_to(server).run(["test"]).status == status


@pytest.mark.parametrize("length", [0, 1, 65_536, 300_000, MEBIBYTE - 100])
def test_large_tokens(hostile: MakeHostile, length: int) -> None:
    """Up to 1 MiB, more than the socket pair holds; one or several at a time."""
    data = random.Random(length).randbytes(length)

    def script(connection: Connection) -> None:
        connection.recv_command()
        connection.send_output(1, data)
        connection.send_raw(
            b"".join(
                connection.wrap(b"\2\3\2" + struct.pack("!I", len(data)) + data) for _ in range(2)
            )
        )
        connection.send_status(0)
        connection.wait_closed()

    with nothing_left():
        server = hostile(script)
        remctl = open_to(server)
        remctl.command(["test"])
        assert [(t.stream, t.output) for t in remctl][:3] == [(1, data), (2, data), (2, data)]
        remctl.close()
        server.close()


def test_a_byte_at_a_time(hostile: MakeHostile) -> None:
    def script(connection: Connection) -> None:
        connection.recv_command()
        whole = connection.wrap(b"\2\3\1" + struct.pack("!I", 5) + b"hello") + connection.wrap(
            b"\2\4\3"
        )
        connection.send_slowly(whole, chunk=1, interval=0.001)
        connection.wait_closed()

    result = open_to(hostile(script)).run(["test"])
    assert (result.stdout, result.status) == (b"hello", 3)


HANDSHAKES: dict[str, Callable[[Connection], object]] = {
    "nothing": Connection.close,
    "reset": Connection.reset,
    "a byte": raw(b"\x42"),
    "header alone": raw(b"\x42\0\0\0\x10"),
    "2**32 - 1": raw(b"\x42\xff\xff\xff\xff"),
    "no data": raw(token(Flag.CONTEXT | Flag.PROTOCOL, b"")),
    "nonsense": raw(token(Flag.CONTEXT | Flag.PROTOCOL, b"nonsense" * 10)),
    "1 MiB of nonsense": raw(token(Flag.CONTEXT | Flag.PROTOCOL, bytes(MEBIBYTE))),
    "wrong flags": raw(token(DATA, b"x")),
    "HTTP": raw(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
    "nonsense of protocol 1": raw(token(Flag.CONTEXT, b"nonsense" * 10)),
    "begins as protocol 2, goes on as 1": raw(
        token(Flag.CONTEXT | Flag.PROTOCOL, b"x") + token(Flag.CONTEXT, b"y")
    ),
}


@pytest.mark.parametrize("lie", HANDSHAKES)
def test_instead_of_a_handshake(hostile: MakeHostile, lie: str) -> None:
    def handshake(connection: Connection) -> None:
        HANDSHAKES[lie](connection)
        connection.sock.shutdown(1)
        connection.wait_closed()

    with nothing_left():
        server = hostile(Connection.wait_closed, handshake=handshake)
        remctl = Remctl()
        remctl.set_timeout(5)
        with pytest.raises(RemctlError) as caught:
            remctl.open(server.host, server.port, server.principal)
        assert not remctl.opened
        assert remctl.error() == str(caught.value)
        server.close()


def test_more_than_a_handshake(hostile: MakeHostile) -> None:
    """Data behind the last token of the handshake is no answer to the first command."""

    def handshake(connection: Connection) -> None:
        receive_token(connection.sock)
        _, data = receive_token(connection.sock)
        credentials = gssapi.Credentials(
            usage="accept", store={"keytab": str(connection.realm.keytab)}
        )
        connection.context = gssapi.SecurityContext(creds=credentials, usage="accept")
        answer = token(Flag.CONTEXT | Flag.PROTOCOL, connection.context.step(data) or b"")
        connection.send_raw(answer + connection.wrap(b"\2\4\0"))

    server = hostile(Connection.wait_closed, handshake=handshake)
    remctl = Remctl()
    try:
        remctl.open(server.host, server.port, server.principal)
    except RemctlError:
        assert "unexpected data" in remctl.error()
    else:  # it came later than the handshake: the connection is not used
        server.script = then(lambda c: c.send_status(9), hang_up=False)
        server.handshake = Connection.accept
        assert remctl.run(["test"]).status == 9


@pytest.mark.parametrize("seed", range(12))
def test_random_bytes(hostile: MakeHostile, seed: int) -> None:
    """At each stage; true tokens with bytes changed among them. Never anything but RemctlError."""
    source = random.Random(seed)

    def garbage(connection: Connection) -> None:
        if source.random() < 0.5:
            connection.send_raw(source.randbytes(source.choice([1, 4, 5, 6, 100, 10_000, 300_000])))
        elif source.random() < 0.5:
            flags, length = source.randrange(256), source.choice([0, 1, 30, 70_000])
            connection.send_raw(token(flags, source.randbytes(length)))
        else:
            connection.send_token(DATA, source.randbytes(source.randrange(1, 12)))

    def script(connection: Connection) -> None:
        stage = source.randrange(3)
        if stage == 0:
            garbage(connection)
            connection.wait_closed()
            return
        connection.recv_message()
        if stage == 1:
            connection.send_output(1, b"x" * source.randrange(100_000))
        for _ in range(source.randrange(1, 4)):
            garbage(connection)

    server = hostile(script)
    remctl = Remctl()
    remctl.set_timeout(0.1)
    for _ in range(25):
        try:
            if not remctl.opened:
                remctl.open(server.host, server.port, server.principal)
            if source.random() < 0.3:
                remctl.noop()
            else:
                remctl.run(["test"])
        except RemctlError:
            pass
