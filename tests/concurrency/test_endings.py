"""Whatever a call waits for, and whatever ends the wait: it ends at once, and leaves nothing."""

import contextlib
import fcntl
import os
import signal
import socket
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import pytest
from remctl import Remctl, RemctlError, RemctlTimeoutError
from remctl.testing import Realm

from tests.fix_hostile import Connection
from tests.fix_waits import Wait
from tests.support.traces import nothing_left

SO_SNDBUFFORCE = 32  # of Linux, beyond the limit for all
AT_ONCE = 0.1  # seconds; the number
TRIES = 3  # this machine may be busy: the best of so many counts


class Handled(Exception):
    """What a signal handler raises."""


def raise_handled(number: int, frame: FrameType | None) -> None:
    raise Handled


@contextlib.contextmanager
def handler(
    number: int, function: Callable[[int, FrameType | None], object] | int
) -> Iterator[None]:
    """The handler of a signal, for a while."""
    before = signal.signal(number, function)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextlib.contextmanager
def soon(action: Callable[[], object], delay: float = 0.15) -> Iterator[list[float]]:
    """Do something in another thread after a while; the list will have the time of it."""
    when: list[float] = []

    def act() -> None:
        time.sleep(delay)
        when.append(time.monotonic())
        action()

    thread = threading.Thread(target=act)
    thread.start()
    yield when
    thread.join()


def best_of(measure: Callable[[], float], limit: float) -> None:
    """At least one of three measurements is within a limit."""
    measured: list[float] = []
    while not measured or (min(measured) > limit and len(measured) < TRIES):
        measured.append(measure())
    assert min(measured) <= limit, measured


@contextlib.contextmanager
def leaves_nothing(wait: Wait) -> Iterator[None]:
    """The wait leaves no thread and no descriptor, but what the KDC holds."""
    with contextlib.nullcontext() if wait.held else nothing_left():
        yield


def send_to_process(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def send_to_sender(number: int) -> Callable[[], None]:
    """To the thread that sends it, so that it does not interrupt the main thread's wait."""
    return lambda: signal.pthread_kill(threading.get_ident(), number)


@pytest.mark.parametrize("send", [send_to_process, send_to_sender])
@pytest.mark.parametrize(
    ("number", "function", "raised"),
    [
        (signal.SIGINT, signal.default_int_handler, KeyboardInterrupt),
        (signal.SIGUSR1, raise_handled, Handled),
    ],
    ids=["Ctrl-C", "handler"],
)
@pytest.mark.measures
def test_signal_handler_that_raises(
    wait: Wait,
    send: Callable[[int], Callable[[], None]],
    number: int,
    function: Callable[[int, FrameType | None], object],
    raised: type[BaseException],
) -> None:
    def measure() -> float:
        wait.prepare()
        with handler(number, function), soon(send(number)) as when, pytest.raises(raised):
            wait.call()
        return time.monotonic() - when[0] if when else 1e9

    with leaves_nothing(wait):
        best_of(measure, AT_ONCE)
        wait.works_again()


@pytest.mark.measures
def test_close_from_another_thread(wait: Wait) -> None:
    def measure() -> float:
        wait.prepare()
        with soon(wait.remctl.close) as when, pytest.raises(RemctlError) as caught:
            wait.call()
        ended = time.monotonic()
        assert str(caught.value) in (
            "connection closed during the call",
            "no currently open connection",  # the turn came after the close
        )
        assert not wait.remctl.opened
        return ended - when[0]

    with leaves_nothing(wait):
        best_of(measure, AT_ONCE)
        wait.works_again()


@contextlib.contextmanager
def last_move(wait: Wait) -> Iterator[list[float]]:
    """When bytes moved last: the last time in the list, which begins with now."""
    moves = [time.monotonic()]
    end = threading.Event()

    def watch() -> None:
        queued = 0
        while not end.wait(0.001):
            with contextlib.suppress(OSError, RemctlError):
                now = unsent(wait.remctl.fileno())
                if now != queued:
                    moves.append(time.monotonic())
                    queued = now

    thread = threading.Thread(target=watch)
    if wait.sends:
        thread.start()
    yield moves
    end.set()
    if wait.sends:
        thread.join()


def unsent(number: int) -> int:
    """The bytes that the kernel holds of what was written to a socket."""
    answer = fcntl.ioctl(number, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def timed_out(wait: Wait, timeout: float) -> float:
    """How long after the last byte moved the wait took to time out."""
    wait.remctl.set_timeout(0)
    wait.prepare()
    wait.remctl.set_timeout(timeout)
    with last_move(wait) as moves, pytest.raises(RemctlTimeoutError) as caught:
        wait.call()
    ended = time.monotonic()
    assert str(caught.value) == wait.timed_out == wait.remctl.error()
    assert isinstance(caught.value, TimeoutError)
    assert ended - moves[0] >= timeout
    return ended - moves[-1]


def test_a_run_that_never_has_to_wait(realm: Realm) -> None:
    """All of a long answer is there: closing is noticed, and signals are, in spite of it."""
    ours, theirs = socket.socketpair()
    try:
        theirs.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 100_000_000)
    except PermissionError:
        pytest.skip("a socket that holds so much takes root")
    answering = threading.Event()

    def serve() -> None:
        connection = Connection(theirs, realm)
        connection.accept()
        plain = b"\2\3\1" + struct.pack("!I", 1) + b"x"
        answer = b"".join(connection.wrap(plain) for _ in range(60_000))
        answer += connection.wrap(b"\2\4\0")
        connection.recv_command()
        connection.send_raw(answer)
        answering.set()

    def close() -> None:
        answering.wait()
        remctl.close()

    threads = [threading.Thread(target=target) for target in (serve, close)]
    remctl = Remctl()
    with ours, theirs:
        for thread in threads:
            thread.start()
        remctl.open_socket(ours, "localhost")
        with pytest.raises(RemctlError, match="connection closed during the call"):
            remctl.run(["test"])
        for thread in threads:
            thread.join()


@pytest.mark.measures
def test_timeout(wait: Wait) -> None:
    """Within 20 ms of its value."""
    if wait.timed_out is None:
        wait.remctl.close()
        return  # a timeout limits the silence of a server, not the wait for another thread
    with leaves_nothing(wait):
        best_of(lambda: timed_out(wait, 0.25), 0.27)
        wait.works_again()


@pytest.mark.measures
def test_handlers_that_return_let_the_wait_go_on(wait: Wait) -> None:
    """The deadline is kept, however many signals come."""
    if wait.timed_out is None:
        wait.remctl.close()
        return
    handled = 0

    def count(number: int, frame: FrameType | None) -> None:
        nonlocal handled
        handled += 1

    def measure() -> float:
        with handler(signal.SIGALRM, count):
            signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
            try:
                return timed_out(wait, 0.25)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)

    with leaves_nothing(wait):
        best_of(measure, 0.27)
        assert handled > 10
        wait.works_again()


def test_after_a_failure_the_next_command_connects_again(wait: Wait) -> None:
    """On an open connection the failure of a call ends the connection, not the object."""
    if wait.opens or wait.timed_out is None:
        wait.remctl.close()
        return
    wait.prepare()
    wait.remctl.set_timeout(0.1)
    with pytest.raises(RemctlTimeoutError):
        wait.call()
    assert wait.remctl.opened
    with pytest.raises(RemctlError, match="no connection open"):
        wait.remctl.output()
    wait.remctl.set_timeout(5)
    wait.remctl.command(["test", "hello"])  # the hostile servers only take it
