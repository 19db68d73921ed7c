"""What a peer does out of step, and what must not come of it."""

import contextlib
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator

import gssapi
import pytest
from remctl import Remctl, RemctlError, RemctlTimeoutError, remctl
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_protocol1 import Protocol1Server
from tests.fix_waits import LARGE
from tests.support.tokens import Flag, receive_token, token
from tests.support.traces import nothing_left


def honest(connection: Connection) -> None:
    while True:
        connection.recv_command()
        connection.send_output(1, b"honest")
        connection.send_status(0)


@pytest.mark.parametrize(
    "rest", [b"\x44", b"\x44\0\0", b"\x44\0\0\0\x20", b"\x44\0\0\0\x20abc"], ids=len
)
@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
def test_part_of_a_token_behind_an_answer(hostile: MakeHostile, rest: bytes, late: bool) -> None:
    """The next command makes a new connection: what began cannot be its answer."""
    go_on = threading.Event()

    def script(connection: Connection) -> None:
        if server.connections > 1:
            honest(connection)
        connection.recv_command()
        answer = connection.wrap(b"\2\4\7")
        if late:
            connection.send_raw(answer)
            go_on.wait(10)
            connection.send_raw(rest)
        else:
            connection.send_raw(answer + rest)
        sent.set()
        connection.wait_closed()

    sent = threading.Event()
    server = hostile(script)
    client = Remctl(server.host, server.port, server.principal)
    client.set_timeout(10)
    assert client.run(["first"]).status == 7
    go_on.set()
    assert sent.wait(10)
    time.sleep(0.05)
    assert client.run(["second"]).stdout == b"honest"
    assert server.connections == 2
    client.close()


def test_a_downgrade_in_the_only_token_of_the_handshake(hostile: MakeHostile) -> None:
    """A true GSS token, whose flags say nothing of protocol 2, and more than protocol 1 would."""

    def handshake(connection: Connection) -> None:
        receive_token(connection.sock)
        _, data = receive_token(connection.sock)
        credentials = gssapi.Credentials(
            usage="accept", store={"keytab": str(connection.realm.keytab)}
        )
        context = gssapi.SecurityContext(creds=credentials, usage="accept")
        answer = context.step(data) or b""
        assert context.complete
        connection.send_raw(token(Flag.CONTEXT | Flag.CONTEXT_NEXT, answer))
        connection.context = context

    server = hostile(Connection.wait_closed, handshake=handshake)
    client = Remctl()
    client.set_timeout(5)
    with nothing_left():
        with pytest.raises(RemctlError) as caught:
            client.open(server.host, server.port, server.principal)
        assert not isinstance(caught.value, RemctlTimeoutError)
        assert not client.opened
        assert server.connections == 1
        server.close()


def test_to_a_modern_server_after_one_of_protocol_1(
    protocol1: Protocol1Server, server: Server, hostile: MakeHostile
) -> None:
    """The same object goes to the new server and port, and speaks protocol 2 with it."""
    modern = hostile(honest)
    client = Remctl()
    for _ in range(2):
        client.open(protocol1.host, protocol1.port, protocol1.principal)
        assert client.run(["old"]).stdout == b"old\n"
        client.open(modern.host, modern.port, modern.principal)
        assert client.run(["new"]).stdout == b"honest"
        client.open("localhost", server.port)
        assert client.run(["test", "hello"]).stdout == b"hello world\n"
        assert client.noop()
    assert len(protocol1.commands) == 2
    client.close()


def test_protocol_1_after_protocol_2_at_the_same_place(hostile: MakeHostile) -> None:
    """A server that was exchanged for an old one, and back, while the object was in use."""
    old = threading.Event()
    hung_up = threading.Event()

    def handshake(connection: Connection) -> None:
        connection.accept(Flag(0) if old.is_set() else Flag.PROTOCOL)

    def script(connection: Connection) -> None:
        if not old.is_set():
            connection.recv_command()
            connection.send_status(2)
            connection.close()
            hung_up.set()
            return
        context = connection.context
        assert context is not None
        _, data = receive_token(connection.sock)
        plain = context.unwrap(data).message
        connection.send_raw(token(Flag.MIC, context.get_signature(plain)))
        answer = struct.pack("!iI", 1, 0)
        connection.send_raw(token(Flag.DATA, context.wrap(answer, encrypt=True).message))

    server = hostile(script, handshake=handshake)
    client = Remctl(server.host, server.port, server.principal)
    client.set_timeout(5)
    assert client.run(["test"]).status == 2
    assert hung_up.wait(5)
    old.set()
    assert client.run(["test"]).status == 1
    assert client.run(["test"]).status == 1
    old.clear()
    client.open(server.host, server.port, server.principal)
    assert client.run(["test"]).status == 2
    client.close()


@contextlib.contextmanager
def little_processor_time(share: float = 0.3) -> Iterator[None]:
    """The block takes no more of the processor than this share of its time."""
    used, start = time.process_time(), time.monotonic()
    yield
    used, took = time.process_time() - used, time.monotonic() - start
    assert used < share * took, f"{used:.3f} s of the processor in {took:.3f} s"


@pytest.mark.measures
def test_a_flood_while_it_is_sent_to(hostile: MakeHostile) -> None:
    """A server that sends without end and takes nothing makes no busy loop."""
    flooded = threading.Event()

    def script(connection: Connection) -> None:
        plain = b"\2\3\1" + struct.pack("!I", 60_000) + bytes(60_000)
        flood = b"".join(connection.wrap(plain) for _ in range(300))
        flooded.set()
        with contextlib.suppress(OSError):
            connection.send_raw(flood)

    server = hostile(script, receive_buffer=4096)
    client = Remctl(server.host, server.port, server.principal)
    client.set_timeout(1.5)
    assert flooded.wait(10)
    with little_processor_time(), pytest.raises(RemctlTimeoutError, match="sending token"):
        client.command([LARGE])
    client.close()


@pytest.mark.measures
def test_the_wait_for_the_last_silent_address(black_hole: str) -> None:
    """When there is none left to try it takes no part of the processor."""
    client = Remctl()
    client.set_timeout(1.5)
    with little_processor_time(0.1), pytest.raises(RemctlTimeoutError):
        client.open(black_hole, 4373)


@pytest.mark.measures
@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.run(["test", "sleep", "1.2"]),
        lambda client: list(client.stream(["test", "sleep", "1.2"])),
        lambda client: client.run(["test", "stream", "60", "0.01"]),
    ],
    ids=["run", "stream", "many tokens"],
)
def test_the_wait_for_an_answer(server: Server, call: Callable[[Remctl], object]) -> None:
    with Remctl("localhost", server.port) as client, little_processor_time(0.2):
        call(client)


def test_a_silent_server_of_protocol_1(hostile: MakeHostile) -> None:
    """It shows itself on the first connection and says nothing on the second.

    libremctl waits there for ever. Each call leaves at its deadline, and all of them together
    leave no more than one thread.
    """
    first = [True]

    def handshake(connection: Connection) -> None:
        if first[0]:
            first[0] = False
            connection.send_raw(b"\x02\0\0\0\5hello")
        else:
            first[0] = True
        connection.wait_closed()

    server = hostile(Connection.wait_closed, handshake=handshake)
    client = Remctl()
    client.set_timeout(0.1)

    def calls(count: int) -> None:
        for _ in range(count):
            with pytest.raises(RemctlError):
                client.open(server.host, server.port, server.principal)
            with pytest.raises(RemctlError):
                remctl(server.host, server.port, server.principal, ["test"], timeout=0.1)

    calls(1)  # what may be left is left now
    with nothing_left():
        calls(6)


class TestAPendingSigpipe:
    """One of the caller's own, which it has blocked, stays pending."""

    @pytest.fixture
    def pending(self) -> Iterator[None]:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
        signal.pthread_kill(threading.get_ident(), signal.SIGPIPE)
        assert signal.SIGPIPE in signal.sigpending()
        yield
        assert signal.SIGPIPE in signal.sigpending()
        signal.sigwait({signal.SIGPIPE})
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    @pytest.mark.usefixtures("pending")
    def test_of_every_verb(self, server: Server) -> None:
        client = Remctl("localhost", server.port)
        assert client.run(["test", "hello"]).status == 0
        assert client.noop()
        assert client.run([b"test", b"stdin", bytes(3_000_000)]).status == 0
        client.close()

    @pytest.mark.usefixtures("pending")
    @pytest.mark.parametrize("end", [Connection.close, Connection.reset])
    def test_of_a_server_that_has_gone(
        self, hostile: MakeHostile, end: Callable[[Connection], None]
    ) -> None:
        server = hostile(end)
        for action in (
            lambda client: client.run([bytes(3_000_000)]),
            lambda client: client.run(["small"]),
            Remctl.noop,
            Remctl.close,
        ):
            client = Remctl(server.host, server.port, server.principal)
            time.sleep(0.05)
            with contextlib.suppress(RemctlError):
                action(client)

    def test_none_is_left_by_a_server_that_has_gone(self, hostile: MakeHostile) -> None:
        """The other way about: one that the library has caused is not left to the caller."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
        try:
            server = hostile(Connection.reset)
            client = Remctl(server.host, server.port, server.principal)
            time.sleep(0.05)
            with contextlib.suppress(RemctlError):
                client.run([bytes(3_000_000)])
            client.close()
            assert signal.SIGPIPE not in signal.sigpending()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
