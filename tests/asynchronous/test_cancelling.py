"""A call that is cancelled ends at once, wherever it is, and leaves nothing behind."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import ClassVar

import anyio
import pytest
from remctl import AsyncRemctl, RemctlError, _remctl, aremctl
from remctl._waiting.loops import running_loop
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile
from tests.fix_network import DeafServer, MuteKdc
from tests.fix_waits import LARGE, half_a_token, never_answer, read_late
from tests.support.tasks import asked
from tests.support.traces import nothing_left

Call = Callable[[AsyncRemctl], Awaitable[object]]


async def first_token(client: AsyncRemctl, command: list[str]) -> object:
    async for token in client.stream(command):
        return token
    return None


async def output(client: AsyncRemctl) -> object:
    await client.command(["test"])
    return await client.output()


OPEN: dict[str, Call] = {
    "run": lambda client: client.run(["test", "sleep", "30"]),
    "stream": lambda client: first_token(client, ["test", "sleep", "30"]),
}

HOSTILE: dict[str, tuple[Callable[[Connection], None], Call]] = {
    "half a token": (half_a_token(1000), output),
    "half a large token": (half_a_token(1_048_576), output),
    "noop": (never_answer, lambda client: client.noop()),
    "large command": (read_late, lambda client: client.command([LARGE])),
}


async def cut_short(call: Awaitable[object], after: float = 0.15) -> None:
    """Cancel a call after a while; it ends at once."""
    with anyio.move_on_after(after) as scope:
        await call
    assert scope.cancelled_caught
    assert anyio.current_time() - scope.deadline < 0.1


@pytest.mark.anyio
@pytest.mark.parametrize("call", OPEN.values(), ids=list(OPEN))
async def test_on_an_open_connection(server: Server, call: Call) -> None:
    async with AsyncRemctl("localhost", server.port) as client:
        with nothing_left():
            await cut_short(call(client))
            assert (await client.run(["test", "hello"])).stdout == b"hello world\n"


@pytest.mark.anyio
@pytest.mark.parametrize(("script", "call"), HOSTILE.values(), ids=list(HOSTILE))
async def test_on_a_peer_that_stops(
    server: Server, hostile: MakeHostile, script: Callable[[Connection], None], call: Call
) -> None:
    peer = hostile(script, receive_buffer=4096)
    client = AsyncRemctl()
    await client.open(peer.host, peer.port, peer.principal)
    await cut_short(call(client))
    await client.open("localhost", server.port)
    assert (await client.run(["test", "hello"])).stdout == b"hello world\n"
    await client.close()


@pytest.mark.anyio
async def test_while_shaking_hands(server: Server, deaf: DeafServer) -> None:
    client = AsyncRemctl()
    running_loop()  # has its descriptors from now on
    with nothing_left():
        await cut_short(client.open(deaf.host, deaf.port, server.principal))
    assert not client.opened
    await cut_short(aremctl(deaf.host, deaf.port, server.principal, ["test"]))


@pytest.mark.anyio
async def test_while_connecting(black_hole: str) -> None:
    running_loop()  # has its descriptors from now on
    with nothing_left():
        await cut_short(AsyncRemctl().open(black_hole))


@pytest.mark.anyio
async def test_while_the_kdc_is_asked(
    server: Server, mute_kdc: MuteKdc, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = AsyncRemctl()
    with monkeypatch.context() as patch:
        for name, value in mute_kdc.env.items():
            patch.setenv(name, value)
        await cut_short(client.open("localhost", server.port), 0.4)
    await client.open("localhost", server.port)
    assert (await client.run(["test", "hello"])).status == 0
    await client.close()


@pytest.mark.anyio
async def test_while_waiting_for_ones_turn(server: Server) -> None:
    async with AsyncRemctl("localhost", server.port) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.run, ["test", "sleep", "0.6"])
            await asked(client)
            await cut_short(client.run(["test", "hello"]))
        assert (await client.run(["test", "hello"])).status == 0


@pytest.mark.anyio
async def test_a_task_group_that_fails_ends_its_calls(server: Server) -> None:
    class Failed(Exception):
        pass

    async with AsyncRemctl("localhost", server.port) as client:
        start = anyio.current_time()
        with pytest.raises(Exception, match=r"Failed|unhandled|nursery"):
            async with anyio.create_task_group() as group:
                group.start_soon(client.run, ["test", "sleep", "30"])
                await asked(client)
                raise Failed("Failed")
        assert anyio.current_time() - start < 1
        assert (await client.run(["test", "hello"])).status == 0


@pytest.mark.anyio
async def test_at_any_moment(server: Server) -> None:
    """Answers belong to their questions afterwards, whenever the cancellation came."""
    async with AsyncRemctl("localhost", server.port) as client:
        for number in range(150):
            with anyio.move_on_after(number % 50 * 0.0002):
                word = f"lost{number}"
                answer = await client.run(["test", "hello", word])
                assert answer.stdout == f"hello {word}\n".encode()
            word = f"kept{number}"
            assert (await client.run(["test", "hello", word])).stdout == f"hello {word}\n".encode()


class TestAsyncioAlone:
    """The ways of asyncio itself."""

    def test_cancel_wait_for_and_the_error_itself(self, server: Server) -> None:
        async def main() -> None:
            async with AsyncRemctl("localhost", server.port) as client:
                task = asyncio.create_task(client.run(["test", "sleep", "30"]))
                await asked(client)
                task.cancel("why")
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert task.cancelled()
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(client.run(["test", "sleep", "30"]), 0.1)
                assert (await client.run(["test", "hello"])).status == 0
                assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(main(), debug=True)

    def test_in_the_same_moment_as_the_result(self, server: Server) -> None:
        """Either the result is returned, or the connection is dropped."""

        async def main() -> None:
            async with AsyncRemctl("localhost", server.port) as client:
                descriptor = client.fileno()
                task = asyncio.create_task(client.run(["test", "hello"]))
                await asyncio.sleep(0)
                loop = asyncio.get_running_loop()
                reactor = client._loop.reactor  # type: ignore[union-attr]
                while len(reactor):
                    await asyncio.sleep(0)
                task.cancel()  # the result is there, and the task has not seen it
                with contextlib.suppress(asyncio.CancelledError):
                    assert (await task).stdout == b"hello world\n"
                if task.cancelled():
                    with pytest.raises(RemctlError):
                        client.fileno()
                else:
                    assert client.fileno() == descriptor
                assert (await client.run(["test", "hello"])).status == 0
                assert loop.is_running()

        asyncio.run(main())

    def test_the_loop_is_never_held_up(self, server: Server) -> None:
        """A call that is cancelled does not wait for its thread or its peer."""

        async def main() -> None:
            async with AsyncRemctl("localhost", server.port) as client:
                task = asyncio.create_task(client.command([LARGE]))
                await asyncio.sleep(0.05)
                start = time.monotonic()
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                assert time.monotonic() - start < 0.1

        asyncio.run(main())


def test_an_operation_that_has_failed_has_nothing_to_undo(server: Server) -> None:
    """Where the task that waited for it was cancelled in the same moment."""
    connection, reactor = _remctl.Connection(), _remctl.Reactor()
    host, command = ("localhost", server.port, None), [b"test", b"hello"]
    failed = [
        reactor.stream(connection, 1, command, None),
        reactor.run(connection, 1, command, None),
        reactor.outputs(connection, 1, None, 0, None),
        reactor.noop(connection, 1, None),
        reactor.open(connection, 1, "localhost", 1, None, None),
    ]
    while len(reactor):
        reactor.wait()
        reactor.dispatch(0.01, lambda _: None)
    connection.open(*host, None)  # by another task, meanwhile
    descriptor = connection.fileno()
    for operation in failed:
        assert operation.done
        reactor.cancel(operation)
    assert connection.opened
    assert connection.fileno() == descriptor
    assert connection.run(command, None)[2] == 0
    for operation in failed:
        with pytest.raises(RemctlError):
            operation.result()
    connection.close()


def test_an_operation_that_was_cancelled_gives_nothing(server: Server) -> None:
    """And has nothing to undo, however often it is cancelled."""
    connection, reactor = _remctl.Connection(), _remctl.Reactor()
    connection.open("localhost", server.port)
    session = connection.stream([b"test", b"sleep", b"10"])
    for operation in (
        reactor.stream(connection, _remctl.new_caller(), [b"test", b"hello"], None),
        reactor.run(connection, _remctl.new_caller(), [b"test", b"hello"], None),
        reactor.noop(connection, _remctl.new_caller(), None),
        reactor.pause(10),
    ):
        assert not operation.done
        reactor.cancel(operation)
        reactor.cancel(operation)
        assert operation.done
        assert operation.result() is None
        reactor.cancel(operation)
    connection.leave(session)
    connection.close()


class TestAResultThatNobodyTook:
    """Its task was cancelled in the same moment; another one's call has come behind it since."""

    HELLO: ClassVar = [b"test", b"hello"]

    @pytest.fixture
    def reactor(self) -> _remctl.Reactor:
        return _remctl.Reactor()

    @pytest.fixture
    def connection(self, server: Server) -> Iterator[_remctl.Connection]:
        connection = _remctl.Connection()
        connection.open("localhost", server.port)
        yield connection
        connection.close()

    def end(self, reactor: _remctl.Reactor, *operations: _remctl.Operation) -> None:
        while not all(operation.done for operation in operations):
            reactor.wait()
            reactor.dispatch(0.01, lambda _: None)

    def lose(
        self, reactor: _remctl.Reactor, lost: _remctl.Operation, behind: _remctl.Operation
    ) -> None:
        """Both end, and then the first is cancelled."""
        self.end(reactor, lost, behind)
        reactor.cancel(lost)

    def test_it_drops_no_stream(
        self, reactor: _remctl.Reactor, connection: _remctl.Connection
    ) -> None:
        lost = reactor.run(connection, 1, self.HELLO, None)
        stream = reactor.stream(connection, 2, self.HELLO, None)
        self.lose(reactor, lost, stream)
        session = stream.result()
        read = reactor.outputs(connection, 2, session, 1000, None)
        self.end(reactor, read)
        assert read.result()[0][1] == b"hello world\n"

    def test_it_drops_no_answer(
        self, reactor: _remctl.Reactor, connection: _remctl.Connection
    ) -> None:
        lost = reactor.run(connection, 1, self.HELLO, None)
        command = reactor.command(connection, 2, self.HELLO, None)
        self.lose(reactor, lost, command)
        assert command.result() is None
        assert connection.output()[1] == b"hello world\n"

    @pytest.mark.parametrize("both_ended", [True, False])
    def test_a_connection_that_it_opened_is_not_taken_away(
        self,
        server: Server,
        reactor: _remctl.Reactor,
        connection: _remctl.Connection,
        both_ended: bool,
    ) -> None:
        lost = reactor.open(connection, 1, "localhost", server.port, None, None)
        words = [b"test", b"stream", b"2", b"0.05"]
        run = reactor.run(connection, 2, words, None)
        self.end(reactor, lost)
        while not connection.pending:
            reactor.wait()
            reactor.dispatch(0.01, lambda _: None)
        if both_ended:
            self.end(reactor, run)
        reactor.cancel(lost)
        self.end(reactor, run)
        assert run.result()[0] == b"line 1\nline 2\n"
        assert connection.opened

    def test_else_it_is_taken_away(
        self, server: Server, reactor: _remctl.Reactor, connection: _remctl.Connection
    ) -> None:
        lost = reactor.open(connection, 1, "localhost", server.port, None, None)
        self.end(reactor, lost)
        reactor.cancel(lost)
        assert not connection.opened

    def test_a_stream_that_lost_its_turn_by_it_has_not_ended(
        self, reactor: _remctl.Reactor, connection: _remctl.Connection
    ) -> None:
        """A token of it was read outside of it, and lost."""
        words = [b"test", b"stream", b"2", b"0.1"]
        stream = reactor.stream(connection, 1, words, None)
        self.end(reactor, stream)
        session = stream.result()
        lost = reactor.outputs(connection, 1, None, 0, None)
        read = reactor.outputs(connection, 2, session, 0, None)
        while not lost.done:
            reactor.wait()
            reactor.dispatch(0, lambda _: None)
        assert not read.done  # it has the turn, and has not seen it
        reactor.cancel(lost)
        self.end(reactor, read)
        with pytest.raises(RemctlError):
            read.result()

    def test_a_lost_token_leaves_no_gap(
        self, reactor: _remctl.Reactor, connection: _remctl.Connection
    ) -> None:
        """Not even for a call that waits for the next one already."""
        connection.command([b"test", b"stream", b"2", b"0.1"])
        lost = reactor.outputs(connection, 1, None, 0, None)
        next_one = reactor.outputs(connection, 2, None, 0, None)
        self.end(reactor, lost)
        reactor.cancel(lost)
        self.end(reactor, next_one)
        with pytest.raises(RemctlError):
            next_one.result()
        with pytest.raises(RemctlError):
            connection.output()
