"""AsyncRemctl and aremctl: the same results and errors as the blocking ones."""

import inspect
import io
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import remctl
from remctl import AsyncRemctl, Remctl, RemctlError, RemctlNotOpenedError, RemctlTimeoutError
from remctl.testing import Server

from tests.fix_hostile import Connection, MakeHostile
from tests.support.tasks import asked
from tests.support.tokens import Flag, token

pytestmark = pytest.mark.anyio

COMMANDS: list[list[Any]] = [
    ["test", "hello"],
    ["test", "hello", "ä", b"\xff", 17],
    ["test", "sleep", "0"],
    ["test", "stream", "5", "0"],
    ["no", "such"],
    [b"x" * 3_000_000],
]


def outcome_of(error: RemctlError) -> tuple[object, ...]:
    """What an error says of itself."""
    return (
        type(error),
        str(error),
        error.host,
        error.port,
        error.command,
        error.may_have_run,
        error.partial,
        getattr(error, "code", None),
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: repr(command)[:30])
async def test_run_is_as_the_blocking_one(server: Server, command: list[Any]) -> None:
    def blocking() -> object:
        with Remctl("localhost", server.port) as client:
            try:
                return client.run(command)
            except RemctlError as error:
                return outcome_of(error)

    async def asynchronous() -> object:
        async with AsyncRemctl("localhost", server.port) as client:
            try:
                return await client.run(command)
            except RemctlError as error:
                return outcome_of(error)

    assert await asynchronous() == blocking()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: repr(command)[:30])
async def test_tokens_are_as_the_blocking_ones(server: Server, command: list[Any]) -> None:
    def joined(tokens: list[remctl.RemctlOutput]) -> object:
        # Where output is cut is the kernel's business.
        output = b"".join(token.output or b"" for token in tokens)
        return output, tokens[-1][2:]

    with Remctl("localhost", server.port) as blocking:
        expected = joined(list(blocking.stream(command, raise_errors=False)))
    async with AsyncRemctl("localhost", server.port) as client:
        async with client.stream(command, raise_errors=False) as stream:
            assert joined([token async for token in stream]) == expected
        assert (
            joined([token async for token in client.stream(command, raise_errors=False)])
            == expected
        )
        await client.command(command)
        assert joined([token async for token in client]) == expected
        assert (await client.output()).type == "done"


async def test_the_simple_call(server: Server) -> None:
    result = await remctl.aremctl("localhost", server.port, None, ["test", "hello"])
    assert result == remctl.remctl("localhost", server.port, None, ["test", "hello"])
    for arguments in (
        ("localhost", server.port, None, ["no", "such"]),
        ("localhost", 1, None, ["test"]),
        ("no-such-host.invalid", server.port, None, ["test"]),
        ("localhost", server.port, "host/no.such", ["test"]),
    ):
        with pytest.raises(RemctlError) as blocking:
            remctl.remctl(*arguments)
        with pytest.raises(RemctlError) as asynchronous:
            await remctl.aremctl(*arguments)
        assert outcome_of(asynchronous.value) == outcome_of(blocking.value)


async def test_noop(server: Server) -> None:
    async with AsyncRemctl("localhost", server.port) as client:
        assert await client.noop() is True
        assert await client.noop(timeout=5) is True


@pytest.mark.parametrize("verb", ["command", "output", "run", "stream", "noop"])
async def test_a_verb_before_opening(verb: str) -> None:
    client = AsyncRemctl("localhost", 4373)
    arguments = [["test"]] if verb in ("command", "run", "stream") else []
    with pytest.raises(RemctlNotOpenedError, match="no currently open connection"):
        answer = getattr(client, verb)(*arguments)
        if inspect.isawaitable(answer):
            await answer


async def test_opening_by_hand_and_again(server: Server) -> None:
    client = AsyncRemctl()
    await client.open("localhost", server.port)
    assert client.opened
    await client.open("localhost", server.port)
    assert (await client.run(["test", "hello"])).status == 0
    await client.close()
    assert not client.opened
    await client.aclose()
    async with client:  # no host was given: nothing is opened
        assert not client.opened


async def test_constructor_checks_its_arguments() -> None:
    bads: list[Callable[[], object]] = [
        lambda: AsyncRemctl(1),  # type: ignore[arg-type]
        lambda: AsyncRemctl("localhost", "no"),
        lambda: AsyncRemctl("localhost", principal=7),  # type: ignore[arg-type]
        lambda: AsyncRemctl(timeout="1"),  # type: ignore[arg-type]
    ]
    for bad in bads:
        with pytest.raises(TypeError, match=r"host|port|principal|timeout"):
            bad()
    with pytest.raises(ValueError, match="host"):
        AsyncRemctl("")


@pytest.mark.parametrize("verb", ["open", "command", "output", "run", "noop"])
@pytest.mark.parametrize("timeout", [0, -1.5])
async def test_too_late_at_once(server: Server, verb: str, timeout: float) -> None:
    async with AsyncRemctl("localhost", server.port) as client:
        if verb == "output":
            await client.command(["test", "sleep", "5"])
        arguments: list[Any] = [["test", "hello"]] if verb in ("command", "run") else []
        if verb == "open":
            arguments = ["localhost", server.port]
        with pytest.raises(RemctlTimeoutError) as caught:
            await getattr(client, verb)(*arguments, timeout=timeout)
        assert caught.value.may_have_run is (verb == "output")


@pytest.mark.parametrize("verb", ["run", "stream", "output"])
async def test_limits(server: Server, verb: str) -> None:
    async with AsyncRemctl("localhost", server.port) as client:
        command = ["test", "stream", "100", "0.05"]
        start = anyio.current_time()
        with pytest.raises(RemctlTimeoutError, match="receiving token: timed out"):
            if verb == "run":
                await client.run(command, timeout=0.3)
            elif verb == "stream":
                async for _ in client.stream(command, timeout=0.3):
                    pass
            else:
                await client.command(["test", "sleep", "5"])
                await client.output(timeout=0.3)
        assert 0.25 <= anyio.current_time() - start < 1
        assert (await client.run(["test", "hello"])).status == 0


async def test_partial_output_of_a_run_that_fails(server: Server) -> None:
    async with AsyncRemctl("localhost", server.port) as client:
        with pytest.raises(RemctlTimeoutError) as caught:
            await client.run(["test", "stream", "100", "0.1"], timeout=0.5)
    partial = caught.value.partial
    assert partial is not None
    assert (partial.stdout or b"").startswith(b"line 1\n")
    assert partial.status is None


@pytest.mark.parametrize("why", ["unexpected end of file", "GSS-API error"])
async def test_a_failure_behind_tokens_that_lie_ready(hostile: MakeHostile, why: str) -> None:
    """They come first, then the error."""
    failed = threading.Event()

    def script(connection: Connection) -> None:
        connection.recv_command()
        connection.send_output(1, b"one")
        connection.send_output(1, b"two")
        if why == "GSS-API error":
            connection.send_raw(token(Flag.DATA, b"nonsense" * 20))
        else:
            connection.close()
        failed.set()

    server = hostile(script)
    async with (
        AsyncRemctl(server.host, server.port, server.principal) as client,
        client.stream(["test"]) as stream,
    ):
        assert failed.wait(10)  # the loop does not run meanwhile: all of it is there at once
        got = []
        with pytest.raises(RemctlError, match=why):
            async for one in stream:
                got.append(one.output)
        assert got == [b"one", b"two"]


async def test_calls_of_several_tasks_are_made_in_order(server: Server) -> None:
    order: list[int] = []
    async with AsyncRemctl("localhost", server.port) as client:

        async def one(number: int) -> None:
            word = str(number)
            assert (await client.run(["test", "hello", word])).stdout == f"hello {word}\n".encode()
            order.append(number)

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(one, number)
                await anyio.lowlevel.checkpoint()
    assert sorted(order) == list(range(20))


async def test_a_command_inside_ones_own_stream(server: Server) -> None:
    async with AsyncRemctl("localhost", server.port) as client:
        async with client.stream(["test", "stream", "3", "0.05"]) as stream:
            await stream.__anext__()
            with pytest.raises(RemctlError, match="output of the previous command is pending"):
                await client.run(["test", "hello"])
            assert [token.output async for token in stream] == [b"line 2\n", b"line 3\n", None]
        assert (await client.run(["test", "hello"])).status == 0


async def test_closing_under_a_call(server: Server) -> None:
    async with AsyncRemctl("localhost", server.port) as client:

        async def run() -> None:
            with pytest.raises(RemctlError, match="closed during the call"):
                await client.run(["test", "sleep", "10"])

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            await asked(client)
            await client.close()


async def test_leaving_a_stream_under_a_task_that_waits_for_it(server: Server) -> None:
    async with AsyncRemctl("localhost", server.port) as client:
        stream = client.stream(["test", "sleep", "10"])

        async def read() -> None:
            assert [token async for token in stream] == []

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await asked(client)
            await stream.close()
        assert (await client.run(["test", "hello"])).status == 0


async def test_leaving_a_stream_whose_command_waits_for_its_turn(server: Server) -> None:
    ended = []
    async with AsyncRemctl("localhost", server.port) as client:
        late = client.stream(["test", "sleep", "10"])

        async def read() -> None:
            assert [token async for token in late] == []
            ended.append(True)

        async with client.stream(["test", "stream", "2", "0"]) as first:
            async with anyio.create_task_group() as group:
                group.start_soon(read)
                while late._sending is None:
                    await anyio.lowlevel.checkpoint()
                await late.close()
                with anyio.fail_after(5):
                    while not ended:
                        await anyio.lowlevel.checkpoint()
            assert [token.type async for token in first][-1] == "status"
        assert (await client.run(["test", "hello"])).status == 0


async def test_leaving_a_stream_in_the_moment_in_which_its_command_is_sent(server: Server) -> None:
    async with AsyncRemctl("localhost", server.port) as client:
        async with client.stream(["test", "sleep", "10"]):
            pass  # so that the next command takes a new connection, and its time
        stream = client.stream(["test", "sleep", "10"])
        entered = []

        async def enter() -> None:
            async with stream:
                entered.append([token async for token in stream])

        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(enter)
                while stream._sending is None:
                    await anyio.lowlevel.checkpoint()
                operation = stream._sending[1]
                while not operation.done:
                    await anyio.lowlevel.checkpoint()
                # The command is sent, and the task has not seen it; in trio's order it may have.
                await stream.close()
        assert entered == [[]]
        assert (await client.run(["test", "hello"])).status == 0


async def test_a_task_that_starts_a_stream_another_is_starting(server: Server) -> None:
    async with AsyncRemctl("localhost", server.port) as client:
        async with client.stream(["test", "sleep", "10"]):
            pass  # so that the next command takes a new connection, and its time
        stream = client.stream(["test", "hello"])
        types: list[str] = []

        async def read() -> None:
            types.extend([token.type async for token in stream])

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            while stream._sending is None:
                await anyio.lowlevel.checkpoint()
            with pytest.raises(RuntimeError, match="another task is sending the stream's command"):
                await stream.__anext__()
        assert types == ["output", "status"]


class TestFiles:
    async def test_output_goes_where_it_is_told(self, server: Server) -> None:
        out = io.BytesIO()
        async with AsyncRemctl("localhost", server.port) as client:
            result = await client.run(["test", "stream", "3", "0"], stdout=out)
        assert (result.stdout, out.getvalue()) == (None, b"line 1\nline 2\nline 3\n")

    async def test_an_awaitable_of_a_file_is_awaited(self, server: Server) -> None:
        class Slow:
            data = b""

            async def write(self, data: bytes) -> int:
                await anyio.sleep(0.01)
                self.data += data[:3]
                return len(data[:3])

        out = Slow()
        async with AsyncRemctl("localhost", server.port) as client:
            await client.run(["test", "stream", "2", "0"], stdout=out)
        assert out.data == b"line 1\nline 2\n"

    async def test_a_file_that_fails_drops_the_connection(self, server: Server) -> None:
        class Full:
            def write(self, data: bytes) -> int:
                raise OSError("no space")

        async with AsyncRemctl("localhost", server.port) as client:
            with pytest.raises(OSError, match="no space"):
                await client.run(["test", "stream", "9", "0.2"], stdout=Full())
            assert (await client.run(["test", "hello"])).status == 0


def shared_names() -> list[str]:
    """The public names that both worlds have."""
    return [name for name in vars(Remctl) if not name.startswith("_")]


def test_both_worlds_have_the_same_names() -> None:
    of_async = {name for name in dir(AsyncRemctl) if not name.startswith("_")}
    of_blocking = {name for name in dir(Remctl) if not name.startswith("_")}
    assert of_async - of_blocking == {"aclose"}
    assert of_blocking <= of_async


def pairs() -> list[tuple[Callable[..., Any], Callable[..., Any]]]:
    """Each function of the blocking world with its twin."""
    methods = [(getattr(Remctl, name), getattr(AsyncRemctl, name)) for name in shared_names()]
    return [*methods, (Remctl.__init__, AsyncRemctl.__init__), (remctl.remctl, remctl.aremctl)]


@pytest.mark.parametrize(("blocking", "asynchronous"), pairs(), ids=lambda one: one.__qualname__)
def test_both_worlds_are_described_once(
    blocking: Callable[..., Any], asynchronous: Callable[..., Any]
) -> None:
    ours = inspect.signature(blocking, eval_str=True)
    theirs = inspect.signature(asynchronous, eval_str=True)
    assert list(ours.parameters.values()) == list(theirs.parameters.values())
    # close() and stream() are other things here, and say so.
    if asynchronous.__name__ not in ("close", "stream", "__init__"):
        assert ours.return_annotation == theirs.return_annotation
        assert asynchronous.__doc__ == blocking.__doc__
