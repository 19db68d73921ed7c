"""Every wait there is, one after another, for the tests of what ends a wait."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from remctl import Remctl, RemctlError
from remctl.testing import Realm, Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_network import DeafServer, MuteKdc
from tests.support.tokens import Flag, Message, token

LARGE = b"x" * 16_000_000  # more than the kernel's buffers on both sides hold


@dataclass
class Wait:
    """A call that waits for ever.

    Attributes:
        remctl: the object that the call is made on.
        server: a server that answers, to use the object again.
        prepare: what has to be done before each call.
        call: the call.
        timed_out: the error text when its timeout has run out, None where no timeout applies.
        opens: whether the call connects; else it is made on an open connection.
        held: whether a helper thread stays until someone else lets it go (the KDC).
        sends: whether bytes move first, before the wait begins.
    """

    remctl: Remctl
    server: Server
    prepare: Callable[[], object]
    call: Callable[[], object]
    timed_out: str | None
    opens: bool = False
    held: bool = False
    sends: bool = False

    def works_again(self) -> None:
        """The object can be opened again, and serves."""
        self.remctl.close()
        self.remctl.set_timeout(0)
        self.remctl.open("localhost", self.server.port)
        assert self.remctl.run(["test", "hello"]).stdout == b"hello world\n"
        self.remctl.close()


def half_a_token(length: int) -> Callable[[Connection], None]:
    """A script that answers with half a token of so many bytes."""

    def script(connection: Connection) -> None:
        connection.recv_command()
        data = token(Flag.DATA | Flag.PROTOCOL, bytes(length))
        connection.send_raw(data[: len(data) // 2])
        connection.wait_closed()

    return script


Make = Callable[[pytest.FixtureRequest, Server], contextlib.AbstractContextManager[Wait]]
RECEIVING = "error receiving token: timed out"
SENDING = "error sending token: timed out"


@contextlib.contextmanager
def connecting(request: pytest.FixtureRequest, server: Server) -> Iterator[Wait]:
    """TCP connect to a host from which nothing comes back."""
    host: str = request.getfixturevalue("black_hole")
    remctl = Remctl()
    text = f"cannot connect to {host} (port 4373): Connection timed out"
    # A port, for without one the other port has as long again.
    yield Wait(remctl, server, remctl.close, lambda: remctl.open(host, 4373), text, opens=True)


@contextlib.contextmanager
def shaking_hands(request: pytest.FixtureRequest, server: Server) -> Iterator[Wait]:
    """The handshake with a server that accepts and says nothing."""
    deaf: DeafServer = request.getfixturevalue("deaf")
    remctl = Remctl()

    def call() -> None:
        remctl.open(deaf.host, deaf.port, server.principal)

    yield Wait(remctl, server, remctl.close, call, RECEIVING, opens=True)


@contextlib.contextmanager
def asking_the_kdc(request: pytest.FixtureRequest, server: Server) -> Iterator[Wait]:
    """A ticket from a KDC that does not answer."""
    kdc: MuteKdc = request.getfixturevalue("mute_kdc")
    remctl = Remctl()

    def call() -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in kdc.env.items():
                patch.setenv(name, value)
            remctl.open("localhost", server.port)

    text = "GSS-API error initializing context: timed out"
    yield Wait(remctl, server, remctl.close, call, text, opens=True, held=True)


def of_a_sleeping_command(method: Callable[[Remctl], object]) -> Make:
    """The answer to a command that sleeps, waited for in one way or another."""

    @contextlib.contextmanager
    def make(request: pytest.FixtureRequest, server: Server) -> Iterator[Wait]:
        remctl = Remctl()

        def prepare() -> None:
            remctl.open("localhost", server.port)
            if method == Remctl.output:
                remctl.command(["test", "sleep", "30"])

        yield Wait(remctl, server, prepare, lambda: method(remctl), RECEIVING)

    return make


def on_hostile(
    script: Callable[[Connection], None],
    method: Callable[[Remctl], object],
    text: str,
    sends: bool = False,
) -> Make:
    """A call on a server with a script."""

    @contextlib.contextmanager
    def make(request: pytest.FixtureRequest, server: Server) -> Iterator[Wait]:
        factory: MakeHostile = request.getfixturevalue("hostile")
        hostile = factory(script, receive_buffer=4096)
        remctl = Remctl()

        def prepare() -> None:
            remctl.open(hostile.host, hostile.port, hostile.principal)
            if method == Remctl.output:
                remctl.command(["test"])

        yield Wait(remctl, server, prepare, lambda: method(remctl), text, sends=sends)

    return make


def read_late(connection: Connection) -> None:
    """Read nothing while the test lasts.

    After that everything, for else the end of it would never come by.
    """
    time.sleep(1)
    connection.wait_closed()


def never_answer(connection: Connection) -> None:
    """Read a message and say nothing."""
    assert connection.recv_message()[1] in (Message.NOOP, Message.COMMAND)
    connection.wait_closed()


@contextlib.contextmanager
def taking_turns(request: pytest.FixtureRequest, server: Server) -> Iterator[Wait]:
    """One's turn, while another thread's command sleeps."""
    remctl = Remctl()
    others: list[threading.Thread] = []

    def sleep() -> None:
        with contextlib.suppress(RemctlError):
            remctl.run(["test", "sleep", "30"])

    def stop() -> None:
        remctl.close()
        for other in others:
            other.join()
        others.clear()

    def prepare() -> None:
        stop()
        remctl.open("localhost", server.port)
        others.append(threading.Thread(target=sleep))
        others[0].start()
        while not remctl._connection.pending:
            os.sched_yield()

    def call() -> None:
        remctl.run(["test", "hello"])

    yield Wait(remctl, server, prepare, call, None)
    stop()


WAITS: dict[str, Make] = {
    "connect": connecting,
    "handshake": shaking_hands,
    "KDC": asking_the_kdc,
    "output": of_a_sleeping_command(Remctl.output),
    "run": of_a_sleeping_command(lambda remctl: remctl.run(["test", "sleep", "30"])),
    "stream": of_a_sleeping_command(lambda remctl: next(remctl.stream(["test", "sleep", "30"]))),
    "half a token": on_hostile(half_a_token(1000), Remctl.output, RECEIVING),
    "half a large token": on_hostile(half_a_token(1_048_576), Remctl.output, RECEIVING),
    "noop": on_hostile(never_answer, Remctl.noop, RECEIVING),
    "large command": on_hostile(
        read_late, lambda remctl: remctl.command([LARGE]), SENDING, sends=True
    ),
    "turn": taking_turns,
}


@pytest.fixture(params=WAITS.values(), ids=list(WAITS))
def wait(request: pytest.FixtureRequest, server: Server, realm: Realm) -> Iterator[Wait]:
    """Each wait in turn."""
    with request.param(request, server) as one:
        yield one
        one.remctl.close()
