"""A long output becomes Python's bytes in several dispatches, and holds up nobody meanwhile."""

from collections.abc import Iterator

import pytest
from remctl import _remctl
from remctl.testing import Server

LENGTH = 20_000_000
LONG = [b"test", b"bytes", b"%d" % LENGTH]
HELLO = [b"test", b"hello"]


class Loop:
    """An event loop of the smallest kind: a reactor, and what it has reported."""

    def __init__(self, server: Server) -> None:
        self.reactor = _remctl.Reactor()
        self.port = server.port
        self.reported: list[_remctl.Operation] = []

    def connection(self) -> _remctl.Connection:
        connection = _remctl.Connection()
        connection.open("localhost", self.port)
        return connection

    def start(self, command: list[bytes]) -> _remctl.Operation:
        return self.reactor.run(self.connection(), 1, command, None)

    def turn(self) -> None:
        self.reactor.wait()
        self.reactor.dispatch(1, self.reported.append)

    def ended(self, operation: _remctl.Operation) -> None:
        """Turn until it has ended; it is not reported yet."""
        while not operation.done:
            self.turn()
        assert operation not in self.reported


@pytest.fixture
def loop(server: Server) -> Iterator[Loop]:
    loop = Loop(server)
    yield loop
    loop.reactor.close()


@pytest.fixture(scope="module")
def expected(server: Server) -> bytes:
    connection = _remctl.Connection()
    connection.open("localhost", server.port)
    output = connection.run(LONG)[0]
    assert output is not None
    assert len(output) == LENGTH
    return output


def test_it_comes_step_by_step(loop: Loop, expected: bytes) -> None:
    operation = loop.start(LONG)
    loop.ended(operation)
    turns = 0
    while operation not in loop.reported:
        loop.turn()
        turns += 1
    assert turns > 5
    assert operation.result()[0] == expected


def test_a_short_one_is_reported_meanwhile(loop: Loop) -> None:
    long = loop.start(LONG)
    loop.ended(long)
    short = loop.reactor.pause(0.0001)
    while short not in loop.reported:
        loop.turn()
    assert long not in loop.reported


def test_who_asks_before_it_is_reported_gets_all(loop: Loop, expected: bytes) -> None:
    operation = loop.start(LONG)
    loop.ended(operation)
    loop.turn()
    assert operation.result()[0] == expected


def test_one_that_is_cancelled_meanwhile_is_not_reported(loop: Loop) -> None:
    operation = loop.start(LONG)
    loop.ended(operation)
    loop.turn()
    loop.reactor.cancel(operation)
    short = loop.start(HELLO)
    while short not in loop.reported:
        loop.turn()
    assert operation not in loop.reported


def test_one_that_is_forgotten_meanwhile_is_none_for_others(loop: Loop) -> None:
    operation = loop.start(LONG)
    loop.ended(operation)
    loop.turn()
    del operation
    short = loop.start(HELLO)
    while short not in loop.reported:
        loop.turn()
    assert loop.reported == [short]
