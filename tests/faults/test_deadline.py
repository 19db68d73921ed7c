"""The timeout of the simple call is one deadline; set_timeout limits each silence."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from remctl import Remctl, RemctlProtocolError, RemctlTimeoutError, aremctl, remctl
from remctl.testing import Server

from tests.fix_hostile import Connection, HostileServer, MakeHostile
from tests.fix_network import DeafServer, MuteKdc
from tests.fix_protocol1 import Protocol1Server
from tests.fix_waits import LARGE, RECEIVING, half_a_token, read_late
from tests.support.traces import nothing_left

DEADLINE = 0.25


@pytest.fixture(
    params=["connect", "handshake", "KDC", "sleeping", "half a token", "large command", "drip"]
)
def call(request: pytest.FixtureRequest, server: Server) -> Callable[[], object]:
    """A simple call that would not end, with a timeout."""
    get = request.getfixturevalue

    def to(host: str, port: int, command: list[str | bytes]) -> Callable[[], object]:
        return lambda: remctl(host, port, server.principal, command, timeout=DEADLINE)

    def to_hostile(
        script: Callable[[Connection], None], word: bytes = b"x"
    ) -> Callable[[], object]:
        factory: MakeHostile = get("hostile")
        hostile = factory(script, receive_buffer=4096)
        return to(hostile.host, hostile.port, [word])

    def drip(connection: Connection) -> None:
        """A byte now and then, so that there is never a silence."""
        connection.recv_command()
        connection.send_slowly(b"\x44\0\0\xff\xff" + bytes(200), 1, 0.02)

    match request.param:
        case "connect":
            host: str = get("black_hole")
            return lambda: remctl(host, command=["x"], timeout=DEADLINE)
        case "handshake":
            deaf: DeafServer = get("deaf")
            return to(deaf.host, deaf.port, ["x"])
        case "KDC":
            kdc: MuteKdc = get("mute_kdc")
            patch: pytest.MonkeyPatch = get("monkeypatch")
            for name, value in kdc.env.items():
                patch.setenv(name, value)
            return to("localhost", server.port, ["x"])
        case "sleeping":
            return to("localhost", server.port, ["test", "sleep", "20"])
        case "half a token":
            return to_hostile(half_a_token(1000))
        case "large command":
            return to_hostile(read_late, LARGE)
        case _:
            return to_hostile(drip)


def test_the_whole_call_ends_at_its_deadline(call: Callable[[], object]) -> None:
    taken: list[float] = []
    for _ in range(3):
        start = time.monotonic()
        with pytest.raises(RemctlTimeoutError):
            call()
        taken.append(time.monotonic() - start)
        if taken[-1] < DEADLINE + 0.02:
            break
    assert DEADLINE <= min(taken) < DEADLINE + 0.02, taken


def test_connecting_takes_of_the_time_of_the_command(hostile: MakeHostile) -> None:
    """The simple call's timeout does not start again once it is connected."""

    def handshake(connection: Connection) -> None:
        time.sleep(0.5)
        connection.accept()

    server = hostile(Connection.wait_closed, handshake=handshake)
    taken: list[float] = []
    for _ in range(3):
        start = time.monotonic()
        with pytest.raises(RemctlTimeoutError):
            remctl(server.host, server.port, server.principal, ["x"], timeout=0.8)
        taken.append(time.monotonic() - start)
        if taken[-1] < 1.2:
            break
    assert 0.8 <= min(taken) < 1.2, taken


@pytest.mark.parametrize("verb", ["command", "run", "noop"])
def test_a_verb_that_is_too_late_sends_nothing_and_loses_nothing(server: Server, verb: str) -> None:
    with Remctl("localhost", server.port) as client:
        descriptor = client.fileno()
        with pytest.raises(RemctlTimeoutError, match="before anything was sent") as raised:
            match verb:
                case "command":
                    client.command(["test", "hello"], timeout=0)
                case "run":
                    client.run(["test", "hello"], timeout=0)
                case _:
                    client.noop(timeout=0)
        assert not raised.value.may_have_run
        assert client.run(["test", "hello"]).stdout == b"hello world\n"
        assert client.fileno() == descriptor


@pytest.mark.parametrize("way", ["simple", "run", "output", "protocol 1"])
def test_an_answer_that_is_there_comes_too_late_all_the_same(
    hostile: MakeHostile, protocol1: Protocol1Server, way: str
) -> None:
    """A handler has kept the call from reading it until after its deadline."""
    handling, answered = threading.Event(), threading.Event()

    def script(connection: Connection) -> None:
        connection.recv_command()
        assert handling.wait(10)
        connection.send_output(1, b"late")
        connection.send_status(0)
        answered.set()
        connection.wait_closed()

    def answer(command: list[bytes]) -> tuple[bytes, int]:
        assert handling.wait(10)
        answered.set()
        return b"late", 0

    def handler(number: int, frame: object) -> None:
        handling.set()
        assert answered.wait(10)
        time.sleep(max(0.0, end - time.monotonic()) + 0.1)

    server = hostile(script)
    protocol1.answer = answer
    where = server.host, server.port, server.principal
    client = Remctl()
    before = signal.signal(signal.SIGALRM, handler)
    try:
        if way in {"run", "output"}:
            client.open(*where)
        if way == "output":
            client.command(["x"])
        end = time.monotonic() + 0.5
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(RemctlTimeoutError, match=RECEIVING):
            match way:
                case "simple":
                    remctl(*where, ["x"], timeout=0.5)
                case "run":
                    client._connection.run([b"x"], 0.5)
                case "protocol 1":
                    where = protocol1.host, protocol1.port, protocol1.principal
                    remctl(*where, ["x"], timeout=0.5)
                case _:
                    client._connection.output(None, 0.5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        client.close()


@contextlib.contextmanager
def impatient_system(server: HostileServer) -> Iterator[None]:
    """Within the block this process's kernel waits 100 ms for a server, and no longer."""
    over = threading.Event()

    def impose() -> None:
        # Again and again: the client sets a patience of its own once it is connected.
        while not over.wait(0.005):
            for name in os.listdir("/proc/self/fd"):
                # Others come and go meanwhile. Of what is no socket fromfd() would keep a copy.
                with contextlib.suppress(OSError):
                    if not stat.S_ISSOCK(os.stat(f"/proc/self/fd/{name}").st_mode):
                        continue
                    with socket.fromfd(int(name), socket.AF_INET, socket.SOCK_STREAM) as sock:
                        if sock.getpeername() == (server.host, server.port):
                            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 100)

    thread = threading.Thread(target=impose)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("way", ["blocking", "asyncio"])
@pytest.mark.parametrize("timeout", [None, 20.0])
def test_the_patience_of_the_system(hostile: MakeHostile, timeout: float | None, way: str) -> None:
    """A lost connection, whatever timeout was given: the limit of the call had not passed."""
    server = hostile(read_late, receive_buffer=4096)
    where = server.host, server.port, server.principal
    lost = pytest.raises(RemctlProtocolError, match="token: Connection timed out")
    with impatient_system(server), lost as raised:
        if way == "blocking":
            remctl(*where, [LARGE], timeout=timeout)
        else:
            asyncio.run(aremctl(*where, [LARGE], timeout=timeout))
    assert not isinstance(raised.value, RemctlTimeoutError)
    assert raised.value.kind == "lost"


def flood(connection: Connection) -> None:
    """Output without end, as fast as it goes."""
    connection.recv_command()
    plain = b"\2\3\1" + struct.pack("!I", 8) + b"8 bytes."
    while True:
        connection.send_raw(b"".join(connection.wrap(plain) for _ in range(500)))


@pytest.mark.parametrize("make", ["hostile", "real"])
def test_however_busily_the_server_sends(hostile: MakeHostile, server: Server, make: str) -> None:
    where: tuple[str, int, str | None]
    if make == "hostile":
        flooding = hostile(flood)
        where = flooding.host, flooding.port, flooding.principal
    else:
        where = "localhost", server.port, None
    start = time.monotonic()
    with pytest.raises(RemctlTimeoutError, match=RECEIVING):
        host, port, principal = where
        remctl(host, port, principal, ["test", "bytes", "100000000000"], timeout=0.3)
    assert 0.3 <= time.monotonic() - start < 0.5


def test_a_limit_that_has_passed_gives_no_token_that_was_read_ahead(hostile: MakeHostile) -> None:
    sent = threading.Event()

    def script(connection: Connection) -> None:
        connection.recv_command()
        connection.send_output(1, b"one")
        connection.send_output(1, b"two")
        sent.set()
        connection.wait_closed()

    target = hostile(script)
    with Remctl(target.host, target.port, target.principal) as client:
        client.command(["test"])
        assert sent.wait(10)
        assert client.output().output == b"one"
        with pytest.raises(RemctlTimeoutError):
            client.output(timeout=0)


def test_a_stream_ends_at_its_deadline_while_tokens_come(server: Server) -> None:
    begin = time.monotonic()
    with Remctl("localhost", server.port) as client, pytest.raises(RemctlTimeoutError):
        for _ in client.stream(["test", "stream", "40", "0.1"], timeout=0.35):
            assert time.monotonic() < begin + 2
    assert time.monotonic() < begin + 2


def test_set_timeout_limits_each_silence(server: Server) -> None:
    """A command that takes longer than the timeout, but is never silent for so long."""
    with nothing_left(), Remctl("localhost", server.port) as client:
        client.set_timeout(0.35)
        start = time.monotonic()
        result = client.run(["test", "stream", "5", "0.15"])
        assert time.monotonic() - start > 0.7
        assert result.stdout == b"".join(b"line %d\n" % n for n in range(1, 6))


def test_silence_is_measured_from_the_last_byte(hostile: MakeHostile) -> None:
    """Not from the beginning of the call, nor of the token."""
    last: list[float] = []

    def script(connection: Connection) -> None:
        connection.recv_command()
        data = connection.wrap(b"\2\3\1" + struct.pack("!I", 100) + bytes(100))
        for start in range(0, 12, 2):
            time.sleep(0.1)
            connection.send_raw(data[start : start + 2])
            last[:] = [time.monotonic()]
        connection.wait_closed()

    server = hostile(script)
    best = 1.0
    for _ in range(3):
        client = Remctl(server.host, server.port, server.principal)
        client.set_timeout(0.2)
        client.command(["test"])
        with pytest.raises(RemctlTimeoutError, match=RECEIVING):
            client.output()
        best = min(best, time.monotonic() - last[0])
        assert best >= 0.199
        if best <= 0.22:
            break
    assert best <= 0.22


@pytest.mark.parametrize("none", [0, None, 0.0])
def test_no_timeout(server: Server, none: float | None) -> None:
    with Remctl("localhost", server.port) as client:
        client.set_timeout(0.1)
        client.set_timeout(none)
        assert client.run(["test", "sleep", "0.3"]).status == 0
    command = ["test", "sleep", "0.3"]
    assert remctl("localhost", server.port, None, command, timeout=None).status == 0


def test_half_a_second(server: Server) -> None:
    """Seconds may have a fraction; whole ones would round it to none, or to one."""
    with Remctl("localhost", server.port) as client:
        client.set_timeout(0.5)
        assert client.run(["test", "sleep", "0.3"]).status == 0
        start = time.monotonic()
        with pytest.raises(RemctlTimeoutError):
            client.run(["test", "sleep", "5"])
        assert 0.5 <= time.monotonic() - start < 0.6
