"""A fake in event loops: the same tests, on a real server and on the fake, in each loop."""

import anyio
import pytest
import remctl
from remctl import AsyncRemctl, RemctlError, RemctlNotOpenedError, RemctlSimpleResult, aremctl

from tests.asynchronous.conftest import LOOPS
from tests.fix_fake import Target, asked

PENDING = "^output of the previous command is pending"
MUCH = ["test", "lines", "100000"]

pytestmark = pytest.mark.anyio


@pytest.fixture(params=LOOPS.values(), ids=list(LOOPS))
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """The loop that a test runs in: each in turn."""
    return request.param


@pytest.fixture
def client(real_or_fake: Target) -> AsyncRemctl:
    """A client that `async with` opens."""
    return AsyncRemctl("localhost", real_or_fake.port)


async def still_right(client: AsyncRemctl) -> bool:
    """Whether the next answer belongs to the next command."""
    return (await client.run(["test", "args", "again"])).stdout == b"('again',)"


async def test_results(client: AsyncRemctl, real_or_fake: Target) -> None:
    command = ["test", "both", "3"]
    result = RemctlSimpleResult(b"out", b"err\xff", 3)
    assert await aremctl("localhost", real_or_fake.port, command=command) == result
    async with client:
        assert await client.run(command) == result
        assert await client.noop() is True


async def test_tokens(client: AsyncRemctl) -> None:
    async with client:
        await client.command(["no", "such"])
        with pytest.raises(RemctlError, match=PENDING):
            await client.noop()
        assert await client.output() == ("error", b"Unknown command", None, None, 5)
        assert (await client.output()).type == "done"


async def test_a_stream(client: AsyncRemctl) -> None:
    async with client:
        async with client.stream(MUCH) as stream:
            *pieces, status = [token async for token in stream]
        assert b"".join(piece.output or b"" for piece in pieces).count(b"\n") == 100000
        assert status.status == 0
        assert await still_right(client)


async def test_a_stream_that_is_left_early(client: AsyncRemctl) -> None:
    async with client:
        async with client.stream(MUCH) as stream:
            await anext(stream)
            with pytest.raises(RemctlError, match=PENDING):
                await client.run(["test", "args"])
        assert await still_right(client)


async def test_a_stream_that_fails(client: AsyncRemctl) -> None:
    async with client:
        async with client.stream(["test", "drop"]) as stream:
            with pytest.raises(RemctlError, match="unexpected end of file"):
                await anext(stream)
            with pytest.raises(StopAsyncIteration):
                await anext(stream)
        assert await still_right(client)


async def test_failures(client: AsyncRemctl, real_or_fake: Target) -> None:
    with pytest.raises(RemctlNotOpenedError):
        await client.run(["test", "args"])
    async with client:
        with pytest.raises(RemctlError, match="unexpected end of file") as caught:
            await client.run(["test", "drop"])
        assert (caught.value.host, caught.value.command) == ("localhost", "test drop")
        with pytest.raises(remctl.RemctlTimeoutError) as late:
            await client.run(["test", "args"], timeout=0)
        assert not late.value.may_have_run
        assert await still_right(client)


async def test_other_tasks_wait_for_the_end_of_a_stream(client: AsyncRemctl) -> None:
    done: list[bool] = []

    async def patient() -> None:
        done.append(await still_right(client))

    async def impatient() -> None:
        with anyio.move_on_after(0.05) as scope:
            await client.run(["test", "args", "never"])
        done.append(scope.cancelled_caught)

    async with client, anyio.create_task_group() as group:
        async with client.stream(MUCH) as stream:
            await anext(stream)
            group.start_soon(impatient)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(patient)
            await anyio.sleep(0.1)
            assert done == [True]
        while len(done) < 2:
            await anyio.sleep(0.001)
        assert done == [True, True]
        assert await still_right(client)
        assert ("never",) not in asked
