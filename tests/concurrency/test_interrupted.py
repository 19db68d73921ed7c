"""A signal handler that raises, at any moment of any call: the object serves on afterwards."""

import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import pytest
from remctl import Remctl, RemctlError, RemctlNotOpenedError
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_waits import Wait
from tests.support.traces import nothing_left, wait_until

AT_ONCE = 0.1  # seconds
TRIES = 3  # this machine may be busy: the middle one of so many counts


class Interrupted(Exception):
    """What the handler raises."""


class Alarm:
    """Interrupts a call of the main thread after a while, with an exception."""

    def __init__(self) -> None:
        self.armed = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        if self.armed:
            self.armed = False
            raise Interrupted

    def interrupts(self, call: Callable[[], object], delay: float) -> bool:
        """Whether the call was still on its way after `delay` seconds."""
        try:
            try:
                self.armed = True
                signal.setitimer(signal.ITIMER_REAL, delay)
                call()
            finally:
                self.armed = False
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupted:
            return True
        return False


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    one = Alarm()
    before = signal.signal(signal.SIGALRM, one.handle)
    yield one
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def serves(remctl: Remctl, server: Server) -> None:
    """The object does all that it can do, reopened if necessary."""
    if not remctl.opened:
        remctl.open("localhost", server.port)
    for word in ("a", "b"):
        assert remctl.run(["test", "hello", word]).stdout == f"hello {word}\n".encode()
    assert remctl.noop()
    remctl.close()
    with pytest.raises(RemctlNotOpenedError):
        remctl.run(["test", "hello"])
    remctl.open("localhost", server.port)
    with remctl.stream(["test", "lines", "3"]) as stream:
        assert list(stream)[-1].status == 0
    assert remctl.run(["test", "hello"]).stdout == b"hello world\n"


def test_every_wait(wait: Wait, alarm: Alarm) -> None:
    """No `close()` comes between the interruption and the next use."""
    for _ in range(2):
        wait.prepare()
        assert alarm.interrupts(wait.call, 0.15)
    if wait.timed_out is None:
        wait.remctl.close()  # the other thread, whose turn it is, has a long wait of its own
    wait.remctl.set_timeout(0)
    if wait.opens:
        assert not wait.remctl.opened
    else:
        wait.remctl.open("localhost", wait.server.port)
    serves(wait.remctl, wait.server)


def test_close_that_waits_for_the_running_call(server: Server, alarm: Alarm) -> None:
    """A call in another thread takes its time over letting go, for the interpreter is busy."""
    remctl = Remctl("localhost", server.port)

    def read() -> None:
        with contextlib.suppress(RemctlError):
            remctl.run(["test", "bytes", "9" * 12])

    start = time.perf_counter()
    sum(range(500_000))
    for_a_tenth_of_a_second = int(50_000 / (time.perf_counter() - start))

    def compute() -> None:
        for _ in range(3):
            sum(range(for_a_tenth_of_a_second))  # in one go, with the lock held

    interrupted_before_it_was_closed = 0
    for _ in range(10):
        threads = [threading.Thread(target=target) for target in (read, compute)]
        threads[0].start()
        assert wait_until(lambda: remctl._connection.pending)
        threads[1].start()
        alarm.interrupts(remctl.close, 0.05)
        interrupted_before_it_was_closed += remctl.opened
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        serves(remctl, server)
        if interrupted_before_it_was_closed == 2:
            break


# What a handler raises in the middle of a destructor goes nowhere: Python tells of it, and goes on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("no_log")
@pytest.mark.parametrize("others", [0, 2], ids=["alone", "beside others"])
def test_any_moment_of_any_call(server: Server, alarm: Alarm, others: int) -> None:
    """After each interruption the next answer belongs to the next question."""
    remctl = Remctl("localhost", server.port)
    source = random.Random(others)
    end = threading.Event()
    failures: list[str] = []

    def stream() -> None:
        remctl.open("localhost", server.port)
        with remctl.stream(["test", "lines", "200"]) as tokens:
            for _ in tokens:
                pass

    def tokens() -> None:
        remctl.close()
        remctl.open("localhost", server.port)
        remctl.command(["test", "lines", "20"])
        for _ in remctl:
            pass

    def reopen() -> None:
        remctl.open("localhost", server.port)
        remctl.close()

    def large() -> None:
        remctl.open("localhost", server.port)
        remctl.run([b"test", b"stdin", bytes(3_000_000)])

    calls: list[Callable[[], object]] = [stream, tokens, reopen, large, remctl.noop, remctl.close]
    calls.append(lambda: remctl.run(["test", "sleep", "0.02"]))

    def beside() -> None:
        """What another thread does on the same object: it is served, or told why not."""
        number = 0
        while not end.is_set():
            number += 1
            try:
                got = remctl.run(["test", "hello", str(number)]).stdout
                if got != b"hello %d\n" % number:
                    failures.append(f"{number}: {got!r}")
            except RemctlError:
                end.wait(0.001)

    with nothing_left():
        threads = [threading.Thread(target=beside) for _ in range(others)]
        for thread in threads:
            thread.start()
        interrupted = 0
        until = time.monotonic() + 6
        try:
            while time.monotonic() < until:
                call = source.choice(calls)
                with contextlib.suppress(RemctlError):
                    interrupted += alarm.interrupts(call, source.choice([0.0003, 0.002, 0.02]))
                if not others:
                    if not remctl.opened:
                        remctl.open("localhost", server.port)
                    with contextlib.suppress(RemctlError):  # of what tokens() left pending
                        remctl.command(["test", "hello"])
                    remctl.close()
                    serves(remctl, server)
        finally:
            end.set()
            for thread in threads:
                thread.join()
        assert interrupted > 10
        assert not failures
        serves(remctl, server)
        remctl.close()


@pytest.mark.measures
@pytest.mark.parametrize("gap", [0.5, 0.002])
def test_ctrl_c_while_waiting_for_a_turn(hostile: MakeHostile, gap: float) -> None:
    """However busy the stream of the other thread is."""

    def script(connection: Connection) -> None:
        connection.recv_command()
        while True:
            connection.send_output(1, b"x")
            time.sleep(gap)

    server = hostile(script)

    def measure() -> float:
        remctl = Remctl(server.host, server.port, server.principal)
        started = threading.Event()
        sent: list[float] = []

        def stream() -> None:
            with contextlib.suppress(RemctlError):
                for _ in remctl.stream(["test"]):
                    started.set()

        def interrupt() -> None:
            time.sleep(0.2)
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        threads = [threading.Thread(target=target) for target in (stream, interrupt)]
        threads[0].start()
        assert started.wait(20)
        threads[1].start()
        with pytest.raises(KeyboardInterrupt):
            remctl.run(["test", "hello"])
        taken = time.monotonic() - sent[0]
        assert threads[0].is_alive()  # the stream goes on
        remctl.close()
        for thread in threads:
            thread.join()
        return taken

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    # Should it not be seen at all, then the end of the stream is.
    ending = threading.Timer(20, server.close)
    ending.start()
    try:
        assert statistics.median(measure() for _ in range(TRIES)) < AT_ONCE
    finally:
        ending.cancel()
        signal.signal(signal.SIGINT, before)


def test_closed_in_a_handler_again_and_again(server: Server) -> None:
    """Each time the call ends with the reason, and the object can be opened again and serves."""
    remctl = Remctl("localhost", server.port)

    def close(number: int, frame: FrameType | None) -> None:
        remctl.close()

    before = signal.signal(signal.SIGALRM, close)
    try:
        for _ in range(4):
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(RemctlError, match="connection closed during the call"):
                remctl.run(["test", "sleep", "20"])
            assert not remctl.opened
            with pytest.raises(RemctlNotOpenedError):
                remctl.run(["test", "hello"])
            remctl.open("localhost", server.port)
            for word in ("a", "b"):
                assert remctl.run(["test", "hello", word]).stdout == f"hello {word}\n".encode()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    serves(remctl, server)


# The first call is of a thread that no module of Python's knows of. A signal that such a thread
# gets ends the main thread's wait all the same.
AFTER_A_STRANGE_THREAD = """
import _thread, signal, socket, time, remctl

def call():
    try:
        remctl.remctl("127.0.0.1", 1, command=["test"])
    except remctl.RemctlError:
        ended.release()

def get_signal():
    time.sleep(0.1)
    signal.pthread_kill(_thread.get_ident(), signal.SIGALRM)
    time.sleep(60)

def handle(number, frame):
    raise InterruptedError

ended = _thread.allocate_lock()
ended.acquire()
_thread.start_new_thread(call, ())
ended.acquire()
signal.signal(signal.SIGALRM, handle)
_thread.start_new_thread(get_signal, ())
with socket.create_server(("127.0.0.1", 0)) as mute:
    try:
        remctl.Remctl().open(*mute.getsockname())
    except InterruptedError:
        print("interrupted")
"""


def test_the_main_thread_s_call_although_another_thread_called_first(server: Server) -> None:
    command = [sys.executable, "-I", "-c", AFTER_A_STRANGE_THREAD]
    assert subprocess.check_output(command, text=True, timeout=20) == "interrupted\n"
