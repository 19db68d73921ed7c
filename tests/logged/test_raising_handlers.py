"""A log handler that raises while calls end: none of them is lost.

An `Exception` goes to `sys.unraisablehook`. Any other exception (`KeyboardInterrupt`, for example)
ends a call in a thread, or in trio, like that of a signal handler; in asyncio the loop gets it.
"""

import asyncio
import contextlib
import logging
import select
import threading
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest
import trio
import uvloop
from remctl import AsyncRemctl, Remctl, _remctl
from remctl.testing import Server

from tests.logged.conftest import Log

HELLO = ["test", "hello"]
CALLS = 6


class Stop(BaseException):
    """Like KeyboardInterrupt."""


class Raising(logging.Filter):
    """Raises as commands end: once, or each time.

    Attributes:
        error: what it raises.
        often: whether it does that again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.error: BaseException | None = None
        self.often = True

    def filter(self, record: logging.LogRecord) -> bool:
        """Look at a record."""
        error = self.error
        if error is None or not record.getMessage().split(": ")[1].startswith("status"):
            return True
        if not self.often:
            self.error = None
        raise error


@pytest.fixture
def raising(log: Log) -> Iterator[Raising]:
    """A filter of the package's logger, which raises nothing yet."""
    logger, one = logging.getLogger("remctl"), Raising()
    logger.addFilter(one)
    yield one
    logger.removeFilter(one)


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What went to `sys.unraisablehook`."""
    seen: list[BaseException] = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: seen.append(args.exc_value))
    return seen


Answers = list[bytes | BaseException | None]


def in_threads(server: Server, calls: int, told: list[Any]) -> Answers:
    """Make so many calls at once; what each has given."""
    answers: Answers = []

    def call() -> None:
        with Remctl("127.0.0.1", server.port, server.principal) as client:
            try:
                answers.append(client.run(HELLO, timeout=20).stdout)
            except BaseException as error:
                answers.append(error)
            assert client.run(HELLO, timeout=20).status == 0

    threads = [threading.Thread(target=call) for _ in range(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


async def _all(server: Server, calls: int) -> Answers:
    answers: Answers = []

    async def call(client: AsyncRemctl) -> None:
        try:
            answers.append((await client.run(HELLO)).stdout)
        except BaseException as error:
            answers.append(error)

    with anyio.fail_after(20):
        async with contextlib.AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(
                    AsyncRemctl("127.0.0.1", server.port, server.principal)
                )
                for _ in range(calls)
            ]
            async with anyio.create_task_group() as group:
                for client in clients:
                    group.start_soon(call, client)
            for client in clients:
                assert (await client.run(HELLO)).status == 0
    return answers


def _in_asyncio(make_loop: Callable[[], asyncio.AbstractEventLoop]) -> Callable[..., Answers]:
    def run(server: Server, calls: int, told: list[Any]) -> Answers:
        with asyncio.Runner(loop_factory=make_loop) as runner:
            runner.get_loop().set_exception_handler(
                lambda _, context: told.append(context["exception"])
            )
            return runner.run(_all(server, calls))

    return run


def in_trio(server: Server, calls: int, told: list[Any]) -> Answers:
    """The same in tasks of trio's."""
    return trio.run(_all, server, calls)


WORLDS = {
    "threads": in_threads,
    "asyncio": _in_asyncio(asyncio.new_event_loop),
    "uvloop": _in_asyncio(uvloop.new_event_loop),
    "trio": in_trio,
}


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("calls", [1, CALLS])
def test_an_exception_loses_no_call(
    server: Server, raising: Raising, unraisable: list[BaseException], world: str, calls: int
) -> None:
    raising.error = ValueError("of the handler's")
    assert WORLDS[world](server, calls, []) == [b"hello world\n"] * calls
    assert unraisable == [raising.error] * (2 * calls)


@pytest.mark.parametrize("world", ["asyncio", "uvloop"])
@pytest.mark.parametrize("calls", [1, CALLS])
def test_another_one_is_given_to_the_loop(
    server: Server, raising: Raising, world: str, calls: int
) -> None:
    raising.error, raising.often = Stop(), False
    told: list[Any] = []
    assert WORLDS[world](server, calls, told) == [b"hello world\n"] * calls
    assert [type(one) for one in told] == [Stop]


@pytest.mark.parametrize("world", ["threads", "trio"])
@pytest.mark.parametrize("calls", [1, CALLS])
def test_another_one_ends_one_call(
    server: Server, raising: Raising, world: str, calls: int
) -> None:
    raising.error, raising.often = Stop(), False
    answers = WORLDS[world](server, calls, [])
    assert len(answers) == calls
    assert [type(one) for one in answers if one != b"hello world\n"] == [Stop]


def test_the_reactor_is_readable_at_once_for_the_calls_that_have_ended(
    server: Server, raising: Raising
) -> None:
    """In a loop another call, or a timer, may hide that it is not."""
    connection, reactor = _remctl.Connection(), _remctl.Reactor()
    connection.open("127.0.0.1", server.port, server.principal)
    operation = reactor.run(connection, 1, [b"test", b"hello"], None)
    raising.error, raising.often = Stop(), False
    with pytest.raises(Stop):
        while True:
            reactor.wait()
            reactor.dispatch(1, lambda _: None)
    assert operation.done
    assert select.select([reactor], [], [], 0)[0]
    woken: list[_remctl.Operation] = []
    reactor.dispatch(1, woken.append)
    assert woken == [operation]
    assert operation.result()[0] == b"hello world\n"
