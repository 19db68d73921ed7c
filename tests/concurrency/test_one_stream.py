"""Two threads on one stream: each token goes to one of them, and both see the end."""

import gc
import threading
import time

import pytest
from remctl import Remctl, RemctlError, RemctlOutput
from remctl._client import Stream
from remctl.testing import Server

from tests.support.traces import nothing_left

AT_ONCE = 0.2  # seconds
ROUNDS = 30


@pytest.fixture
def remctl(server: Server) -> Remctl:
    return Remctl("localhost", server.port)


class Reader(threading.Thread):
    """Reads a stream to its end.

    Attributes:
        seen: the tokens that it got.
        end: what it ended with, once it has.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream
        self.seen: list[RemctlOutput] = []
        self.end: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            while True:
                self.seen.append(next(self.stream))
        except BaseException as error:
            self.end = error


class Closer(threading.Thread):
    """Closes a stream, and raises in `join` what that raised."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.stream.close()
        except BaseException as error:
            self.error = error

    def join(self, timeout: float | None = None) -> None:
        super().join(timeout)
        if self.error is not None:
            raise self.error


def still_serves(remctl: Remctl) -> None:
    assert remctl.run(["test", "hello"]).stdout == b"hello world\n"


@pytest.mark.parametrize(
    ("command", "count"),
    [
        (["test", "stream", "3", "0.01"], 3),
        (["test", "lines", "50"], 50),
        (["test", "status", "0"], 0),
    ],
    ids=["slow", "quick", "empty"],
)
def test_both_see_the_end(remctl: Remctl, command: list[str], count: int) -> None:
    """And between them every token once."""
    for _ in range(ROUNDS):
        stream = remctl.stream(command)
        readers = [Reader(stream), Reader(stream)]
        for reader in readers:
            reader.join()
        assert [type(reader.end) for reader in readers] == [StopIteration] * 2, readers[0].end
        tokens = [token for reader in readers for token in reader.seen]
        assert [token.status for token in tokens if token.type == "status"] == [0]
        # Output comes in pieces of any length, and two threads take them in turn.
        assert sum(len(token.output or b"") for token in tokens) == sum(
            len(b"line %d\n" % number) for number in range(1, count + 1)
        )
        still_serves(remctl)


def test_left_early_by_both(remctl: Remctl) -> None:
    for _ in range(ROUNDS):
        stream = remctl.stream(["test", "bytes", "9999999999"])
        next(stream)
        closers = [Closer(stream), Closer(stream)]
        for closer in closers:
            closer.join()
        with pytest.raises(StopIteration):
            next(stream)
        still_serves(remctl)


def test_closed_under_the_thread_that_waits(remctl: Remctl) -> None:
    """It returns at once, raises nothing, and ends the wait."""
    taken: list[float] = []
    with nothing_left():
        for _ in range(3):
            stream = remctl.stream(["test", "sleep", "20"])
            reader = Reader(stream)
            time.sleep(0.1)
            start = time.monotonic()
            stream.close()
            reader.join(10)
            assert not reader.is_alive()
            taken.append(time.monotonic() - start)
            assert isinstance(reader.end, StopIteration | RemctlError)
            assert reader.seen == []
            with pytest.raises(StopIteration):
                next(stream)
            still_serves(remctl)
        remctl.close()
    assert min(taken) < AT_ONCE, taken


def test_closed_by_two_while_one_reads_and_one_waits_for_a_turn(remctl: Remctl) -> None:
    for _ in range(ROUNDS):
        stream = remctl.stream(["test", "bytes", "9999999999"])
        answers: list[bytes | None] = []

        def run(answers: list[bytes | None]) -> None:
            answers.append(remctl.run(["test", "hello"]).stdout)

        reader = Reader(stream)
        waiter = threading.Thread(target=run, args=(answers,))
        waiter.start()
        closers = [Closer(stream), Closer(stream)]
        for thread in (waiter, reader, *closers):
            thread.join()
        assert isinstance(reader.end, StopIteration | RemctlError)
        assert answers == [b"hello world\n"]


@pytest.mark.parametrize("leave", ["close", "lose", "read on"])
def test_an_old_stream_leaves_the_new_one_alone(server: Server, remctl: Remctl, leave: str) -> None:
    """The object was closed, and opened again, under the old one."""
    old: list[Stream] = [remctl.stream(["test", "lines", "1000"])]
    next(old[0])
    remctl.close()
    remctl.open("localhost", server.port)
    new = remctl.stream(["test", "stream", "3", "0.01"])
    next(new)
    if leave == "close":
        old[0].close()
    elif leave == "lose":
        old.clear()
        gc.collect()
    else:
        with pytest.raises(RemctlError):
            next(old[0])
        old[0].close()
    tokens = list(new)
    assert tokens[-1].status == 0
    assert b"line 3\n" in b"".join(token.output or b"" for token in tokens)
    still_serves(remctl)
