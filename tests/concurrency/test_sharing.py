"""Several threads, or several streams, on one object: no answer goes to the wrong question."""

import contextlib
import gc
import signal
import threading
import time
from collections.abc import Callable

import pytest
from remctl import (
    Remctl,
    RemctlCommandError,
    RemctlError,
    RemctlNotOpenedError,
    RemctlSimpleResult,
    RemctlTimeoutError,
)
from remctl._client import Stream
from remctl.testing import Server

from tests.support.traces import nothing_left, wait_until

PENDING = "output of the previous command is pending"


@pytest.fixture
def remctl(server: Server) -> Remctl:
    return Remctl("localhost", server.port)


def run_all(*actions: Callable[[], object]) -> None:
    """Run actions in threads of their own; raise what any of them raised."""
    errors: list[BaseException] = []

    def guarded(action: Callable[[], object]) -> None:
        try:
            action()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_two_threads_hammer_one_object(remctl: Remctl) -> None:
    def run(name: str) -> None:
        for number in range(30):
            word = f"{name}-{number}"
            assert remctl.run(["test", "hello", word]).stdout == f"hello {word}\n".encode()

    def stream() -> None:
        for _ in range(10):
            with remctl.stream(["test", "lines", "20"]) as tokens:
                seen = list(tokens)
            text = b"".join(token.output or b"" for token in seen)
            assert text == b"".join(b"line %d\n" % n for n in range(1, 21))
            assert seen[-1].status == 0

    def noop() -> None:
        for _ in range(30):
            assert remctl.noop()

    run_all(lambda: run("a"), lambda: run("b"), stream, noop)


def test_threads_that_close_and_open_and_use(server: Server, remctl: Remctl) -> None:
    """It always ends in an answer or a RemctlError, and never in another's answer."""
    end = time.monotonic() + 1.5

    def use(name: str) -> None:
        number = 0
        while time.monotonic() < end:
            number += 1
            word = f"{name}-{number}"
            with contextlib.suppress(RemctlError):
                assert remctl.run(["test", "hello", word]).stdout == f"hello {word}\n".encode()

    def stream() -> None:
        while time.monotonic() < end:
            with contextlib.suppress(RemctlError), remctl.stream(["test", "lines", "3"]) as tokens:
                for token in tokens:
                    assert token.type == "status" or (token.output or b"").startswith(b"line")

    def close_and_open() -> None:
        while time.monotonic() < end:
            remctl.close()
            with contextlib.suppress(RemctlError):
                remctl.open("localhost", server.port)

    with nothing_left():
        run_all(lambda: use("a"), lambda: use("b"), stream, close_and_open, close_and_open)
        remctl.close()


@pytest.mark.parametrize(
    "call",
    [
        lambda remctl: remctl.command(["test", "hello", "other"]),
        lambda remctl: remctl.run(["test", "hello", "other"]),
        lambda remctl: remctl.stream(["test", "hello", "other"]),
        lambda remctl: remctl.noop(),
    ],
    ids=["command", "run", "stream", "noop"],
)
def test_output_that_is_pending_stays_intact(
    remctl: Remctl, call: Callable[[Remctl], object]
) -> None:
    """A call that would lose it is refused, and says what to do."""
    remctl.command(["test", "mix", "3"])
    first = remctl.output()
    with pytest.raises(RemctlError, match=PENDING):
        call(remctl)
    tokens = [first, *remctl]
    assert {(token.stream, token.output) for token in tokens if token.type == "output"}
    assert b"".join(t.output or b"" for t in tokens if t.stream == 1) == b"out 1\nout 2\n"
    assert b"".join(t.output or b"" for t in tokens if t.stream == 2) == b"err 1\nerr 2\n"
    assert tokens[-1].status == 3
    assert remctl.run(["test", "hello"]).stdout == b"hello world\n"


def test_in_a_stream_of_the_same_thread_other_calls_are_refused(remctl: Remctl) -> None:
    with remctl.stream(["test", "lines", "3"]) as tokens:
        next(tokens)
        for call in (lambda: remctl.run(["test", "hello"]), remctl.noop):
            with pytest.raises(RemctlError, match=PENDING):
                call()
        assert len(list(tokens)) >= 1
    assert remctl.run(["test", "hello"]).stdout == b"hello world\n"


def test_a_stream_has_the_connection_to_itself(remctl: Remctl) -> None:
    """Another thread's call waits for the end of the stream."""
    answers: list[bytes | None] = []
    with remctl.stream(["test", "stream", "3", "0.1"]) as tokens:
        next(tokens)
        other = threading.Thread(
            target=lambda: answers.append(remctl.run(["test", "hello"]).stdout)
        )
        other.start()
        time.sleep(0.05)
        assert list(tokens)[-1].status == 0
        assert not answers
    other.join()
    assert answers == [b"hello world\n"]


class TestStreamLeftEarly:
    """It drops the connection, and the next command makes a new one."""

    def leave_with_close(self, remctl: Remctl) -> None:
        stream = remctl.stream(["test", "lines", "1000"])
        next(stream)
        stream.close()

    def leave_the_block(self, remctl: Remctl) -> None:
        with contextlib.suppress(ZeroDivisionError), remctl.stream(["test", "lines", "1000"]) as s:
            next(s)
            raise ZeroDivisionError

    def lose_it(self, remctl: Remctl) -> None:
        for _ in remctl.stream(["test", "lines", "1000"]):
            break
        gc.collect()

    @pytest.mark.parametrize("leave", [leave_with_close, leave_the_block, lose_it])
    def test_next_command(
        self, remctl: Remctl, leave: Callable[["TestStreamLeftEarly", Remctl], None]
    ) -> None:
        leave(self, remctl)
        assert remctl.opened
        assert remctl.run(["test", "hello"]).stdout == b"hello world\n"

    def test_a_stream_that_was_read_to_its_end_drops_nothing(self, remctl: Remctl) -> None:
        number = remctl.fileno()
        stream = remctl.stream(["test", "lines", "3"])
        list(stream)
        stream.close()
        remctl.run(["test", "hello"])
        assert remctl.fileno() == number


class TestStreamWhoseConnectionWasClosed:
    """It has no share in the connection that is opened after it."""

    @pytest.fixture
    def stream(self, server: Server, remctl: Remctl) -> object:
        stream = remctl.stream(["test", "lines", "1000"])
        next(stream)
        remctl.close()
        remctl.open("localhost", server.port)
        remctl.command(["test", "hello"])
        return stream

    def test_reading_on(self, remctl: Remctl, stream: Stream) -> None:
        with pytest.raises(RemctlError):
            next(stream)
        assert remctl.output().output == b"hello world\n"
        assert remctl.output().status == 0

    def test_leaving(self, remctl: Remctl, stream: Stream) -> None:
        stream.close()
        assert remctl.output().output == b"hello world\n"

    def test_other_threads_do_not_wait_for_it(self, server: Server, remctl: Remctl) -> None:
        stream = remctl.stream(["test", "lines", "1000"])
        next(stream)

        def close_and_open() -> None:
            remctl.close()
            remctl.open("localhost", server.port)
            assert remctl.run(["test", "hello"]).stdout == b"hello world\n"

        thread = threading.Thread(target=close_and_open, daemon=True)
        thread.start()
        thread.join(5)
        assert not thread.is_alive()
        with pytest.raises(RemctlError):
            next(stream)
        assert remctl.run(["test", "hello"]).stdout == b"hello world\n"


class TestSignalHandlers:
    """A handler that interrupts a call may do what it likes."""

    def during(self, remctl: Remctl, handler: Callable[[], object]) -> object:
        """What a command's run gives when `handler` runs in the middle of it."""
        before = signal.signal(signal.SIGALRM, lambda number, frame: handler() and None)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            return remctl.run(["test", "stream", "2", "0.3"]).stdout
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def test_using_the_same_object_is_refused(self, remctl: Remctl) -> None:
        seen: list[str] = []

        def handler() -> None:
            for call in (lambda: remctl.run(["test", "hello"]), remctl.noop):
                with pytest.raises(RemctlError) as caught:
                    call()
                seen.append(str(caught.value))

        assert self.during(remctl, handler) == b"line 1\nline 2\n"
        busy = (
            "the connection is busy: this call comes from a signal handler that interrupted "
            "another call on it"
        )
        assert seen == [busy] * 2

    def test_a_stream_that_is_begun_while_the_call_waits_for_its_turn(self, remctl: Remctl) -> None:
        """The call is not kept waiting for it, which only its own caller would end."""
        kept: list[Stream] = []
        thread = threading.Thread(target=remctl.run, args=(["test", "stream", "2", "0.3"],))
        before = signal.signal(
            signal.SIGALRM, lambda number, frame: kept.append(remctl.stream(["test", "hello"]))
        )
        try:
            thread.start()
            assert wait_until(lambda: remctl._connection.pending)
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(RemctlError, match="output of the previous command is pending"):
                remctl.run(["test", "hello"], timeout=10)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            thread.join()
        assert [token.output for token in kept[0] if token.type == "output"] == [b"hello world\n"]

    def test_closing_the_object_ends_the_call(self, remctl: Remctl) -> None:
        with pytest.raises(RemctlError, match="closed during the call"):
            self.during(remctl, remctl.close)
        with pytest.raises(RemctlNotOpenedError):
            remctl.run(["test", "hello"])

    def test_using_another_object(self, server: Server, remctl: Remctl) -> None:
        other = Remctl("localhost", server.port)
        assert self.during(remctl, other.noop) == b"line 1\nline 2\n"

    def test_another_object_does_not_take_what_wakes_the_first(
        self, server: Server, remctl: Remctl
    ) -> None:
        """The first is told of its end while the handler waits for the second."""
        other = Remctl("localhost", server.port)
        closers: list[threading.Thread] = []

        def handler() -> None:
            closer = threading.Thread(target=remctl.close)
            closers.append(closer)
            closer.start()
            time.sleep(0.1)  # the waker has been woken by now
            other.run(["test", "sleep", "0.1"])

        before = signal.signal(signal.SIGALRM, lambda number, frame: handler())
        start = time.monotonic()
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(RemctlError, match="closed during the call"):
                remctl.run(["test", "sleep", "5"])
        finally:
            signal.signal(signal.SIGALRM, before)
        assert time.monotonic() - start < 2
        closers[0].join()


def test_output_in_a_thread_and_close_in_another(remctl: Remctl) -> None:
    remctl.command(["test", "sleep", "20"])
    caught: list[BaseException] = []

    def output() -> None:
        try:
            remctl.output()
        except RemctlError as error:
            caught.append(error)

    thread = threading.Thread(target=output)
    thread.start()
    time.sleep(0.1)
    start = time.monotonic()
    remctl.close()
    thread.join()
    assert time.monotonic() - start < 0.1
    assert str(caught[0]) == "connection closed during the call"
    assert wait_until(lambda: not remctl.opened)


def test_each_error_and_result_is_of_its_own_command(remctl: Remctl) -> None:
    """Whatever another thread asks of the same object meanwhile."""
    answers: list[RemctlSimpleResult] = []

    def other() -> None:
        answers.append(remctl.run(["test", "status", "7"]))

    thread = threading.Thread(target=other)
    stream = remctl.stream(["test", "sleep", "20"], timeout=0.5)
    thread.start()  # waits for its turn
    with pytest.raises(RemctlTimeoutError) as caught:
        next(stream)
    thread.join()
    assert caught.value.command == "test sleep"

    slow = threading.Thread(target=lambda: remctl.run(["test", "sleep", "0.3"]))
    slow.start()
    assert wait_until(lambda: remctl._connection.pending)
    thread = threading.Thread(target=other)
    thread.start()
    with pytest.raises(RemctlTimeoutError) as caught:
        remctl.run(["test", "hello"], timeout=0.1)
    assert caught.value.command == "test hello"
    slow.join()
    thread.join()
    for answer in answers:
        with pytest.raises(RemctlCommandError) as told:
            answer.check()
        assert told.value.command == "test status"
    assert len(answers) == 2
