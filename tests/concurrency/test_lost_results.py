"""What a call has returned and nobody has got: nothing of it is left behind."""

import logging
import threading
from collections.abc import Iterator

import pytest
from remctl import Remctl, Target, _remctl
from remctl.testing import Server

from tests.programs.interrupts import Lines, interrupted, signalled
from tests.programs.interrupts_table import SCENARIOS

BYTES = [b"test", b"hello"]


@pytest.fixture(scope="module")
def lines() -> Lines:
    """Those at which an exception was raised already."""
    return set()


# An exception between the call of a coroutine function and the await leaves the coroutine.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", [name for name in SCENARIOS if "uvloop" not in name])
def test_an_exception_anywhere_leaves_the_object_whole(
    name: str, server: Server, lines: Lines
) -> None:
    """At each line once: `python -m tests.programs.interrupts` raises at each instruction."""
    _, wrong = interrupted(name, Target("localhost", server.port), lines)
    assert not wrong


@pytest.fixture
def _quiet() -> Iterator[None]:
    """Log nothing: an exception that comes within logging can leave its locks taken for ever."""
    logger = logging.getLogger("remctl")
    before = logger.level
    logger.setLevel(logging.WARNING)
    yield
    logger.setLevel(before)


@pytest.mark.usefixtures("_quiet")
@pytest.mark.parametrize("name", ["stream", "run_many", "pool's run", "pool's connection, stream"])
def test_a_signal_at_any_moment_leaves_the_object_whole(name: str, server: Server) -> None:
    count = 0
    while not count:  # on a busy machine it may be too short for any
        count, wrong = signalled(f"{name}, blocking", Target("localhost", server.port), 0.2)
        assert not wrong


@pytest.fixture
def connection(server: Server) -> _remctl.Connection:
    connection = _remctl.Connection()
    connection.open("localhost", server.port)
    return connection


def test_a_session_that_nobody_has_is_left(connection: _remctl.Connection) -> None:
    connection.stream([b"test", b"sleep", b"30"])
    assert connection.run(BYTES)[0] == b"hello world\n"


def test_a_session_that_was_read_to_its_end_costs_no_connection(
    connection: _remctl.Connection,
) -> None:
    session = connection.stream(BYTES)
    descriptor = connection.fileno()
    while connection.output(session)[0] == "output":
        pass
    del session
    assert connection.fileno() == descriptor
    assert connection.run(BYTES)[0] == b"hello world\n"


class TestACallThatWasInterrupted:
    """When it had ended."""

    def test_its_pending_answer_is_dropped(self, connection: _remctl.Connection) -> None:
        connection.command([b"test", b"sleep", b"30"])
        connection.abandon()
        assert not connection.pending
        assert connection.run(BYTES)[0] == b"hello world\n"

    def test_an_answer_that_another_has_asked_for_stays(
        self, connection: _remctl.Connection
    ) -> None:
        connection.run(BYTES)
        other = threading.Thread(target=connection.command, args=(BYTES,))
        other.start()
        other.join()
        connection.abandon()
        assert connection.pending
        assert connection.output()[1] == b"hello world\n"

    def test_a_stream_stays(self, connection: _remctl.Connection) -> None:
        session = connection.stream(BYTES)
        connection.abandon()
        assert connection.output(session)[1] == b"hello world\n"


class TestOperations:
    """Of a reactor's."""

    @pytest.fixture
    def reactor(self) -> _remctl.Reactor:
        return _remctl.Reactor()

    def end(self, reactor: _remctl.Reactor, operation: _remctl.Operation) -> None:
        while not operation.done:
            reactor.wait()
            reactor.dispatch(0.01, lambda _: None)

    def test_one_that_nobody_has_is_cancelled(
        self, reactor: _remctl.Reactor, connection: _remctl.Connection
    ) -> None:
        reactor.run(connection, 1, [b"test", b"sleep", b"30"], None)
        assert len(reactor) == 0
        assert connection.run(BYTES)[0] == b"hello world\n"

    @pytest.mark.parametrize("verb", ["stream", "command"])
    def test_a_result_that_nobody_took_is_put_right(
        self, reactor: _remctl.Reactor, connection: _remctl.Connection, verb: str
    ) -> None:
        operation = getattr(reactor, verb)(connection, 1, [b"test", b"sleep", b"30"], None)
        self.end(reactor, operation)
        assert connection.pending
        del operation
        assert not connection.pending

    def test_a_result_that_was_taken_stays(
        self, reactor: _remctl.Reactor, connection: _remctl.Connection
    ) -> None:
        operation = reactor.command(connection, 1, BYTES, None)
        self.end(reactor, operation)
        assert operation.result() is None
        del operation
        assert connection.pending
        assert connection.output()[1] == b"hello world\n"

    def test_one_that_is_lost_in_another_thread_is_put_right_when_it_has_ended(
        self, reactor: _remctl.Reactor, connection: _remctl.Connection
    ) -> None:
        lost = [reactor.command(connection, 1, [b"test", b"sleep", b"30"], None)]
        thread = threading.Thread(target=lost.clear)
        thread.start()
        thread.join()
        while len(reactor):
            reactor.wait()
            reactor.dispatch(0.01, lambda _: None)
        assert not connection.pending
        assert connection.run(BYTES)[0] == b"hello world\n"

    def test_one_outlives_its_reactor(self, connection: _remctl.Connection) -> None:
        reactor = _remctl.Reactor()
        operation = reactor.run(connection, 1, [b"test", b"sleep", b"30"], None)
        del reactor
        del operation
        assert connection.run(BYTES)[0] == b"hello world\n"


def test_an_object_serves_when_its_stream_was_lost(server: Server) -> None:
    with Remctl("localhost", server.port) as client:
        for _ in range(5):
            client.stream(["test", "sleep", "30"])
            assert client.run(["test", "hello"]).stdout == b"hello world\n"
