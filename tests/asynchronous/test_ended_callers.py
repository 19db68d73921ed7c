"""A task that has ended is not taken for one that comes after it."""

import asyncio
import gc
import sys

import anyio
import pytest
from remctl import AsyncRemctl, RemctlError
from remctl._async_client import AsyncStream
from remctl.testing import Server

pytestmark = pytest.mark.anyio

HELLO = ["test", "hello"]
ROUNDS = 10


async def test_a_stream_of_a_task_that_has_ended_lets_others_wait(server: Server) -> None:
    """Their calls are made when it is at its end, and not refused as calls of its own task."""
    answers: list[bytes | None] = []
    streams: list[AsyncStream] = []

    async def start(client: AsyncRemctl) -> None:
        streams.append(client.stream(HELLO))
        await streams[-1].__aenter__()

    async def run(client: AsyncRemctl) -> None:
        answers.append((await client.run(HELLO)).stdout)

    async with AsyncRemctl("localhost", server.port) as client:
        for _ in range(ROUNDS):
            async with anyio.create_task_group() as group:
                group.start_soon(start, client)
            gc.collect()
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(run, client)
                await anyio.wait_all_tasks_blocked()
                assert [token.type async for token in streams[-1]] == ["output", "status"]
    assert answers == [b"hello world\n"] * 3 * ROUNDS


@pytest.mark.parametrize("anyio_backend", ["asyncio", ("asyncio", {"use_uvloop": True})])
class TestATaskThatReadsForAnother:
    """`asyncio.wait_for()` makes one before Python 3.12; here it is made in any version."""

    async def test_a_call_of_its_maker_is_refused_and_waits_for_nothing(
        self, server: Server
    ) -> None:
        async with AsyncRemctl("localhost", server.port) as client:
            for _ in range(ROUNDS):
                stream = client.stream(["test", "stream", "1000", "0.01"])
                await asyncio.create_task(stream.__anext__())
                with pytest.raises(RemctlError, match="pending"):
                    await client.run(HELLO, timeout=10)
                assert (await asyncio.wait_for(anext(stream), 10)).type == "output"
                await stream.close()
            assert (await client.run(HELLO)).stdout == b"hello world\n"

    async def test_a_call_of_its_maker_waits_while_it_reads(self, server: Server) -> None:
        """As it does for any other task's stream."""
        async with AsyncRemctl("localhost", server.port) as client:
            stream = client.stream(["test", "stream", "3", "0.05"])

            async def read() -> list[str]:
                return [token.type async for token in stream]

            reader = asyncio.create_task(read())
            await anyio.wait_all_tasks_blocked()
            assert (await client.run(HELLO)).stdout == b"hello world\n"
            assert (await reader)[-1] == "status"

    async def test_a_stream_that_is_left_is_not_kept_by_its_reader(self, server: Server) -> None:
        left = asyncio.Event()

        async def read(stream: AsyncStream) -> None:
            await anext(stream)
            del stream
            await left.wait()

        async with AsyncRemctl("localhost", server.port) as client:
            stream = client.stream(["test", "stream", "1000", "0.01"])
            reader = asyncio.create_task(read(stream))
            while stream._session is None:
                await anyio.wait_all_tasks_blocked()
            del stream
            gc.collect()
            assert (await client.run(HELLO, timeout=10)).stdout == b"hello world\n"
            left.set()
            await reader

    async def test_a_whole_call_in_a_task_of_its_own_waits_for_its_limit(
        self, server: Server
    ) -> None:
        """From Python 3.12 on `wait_for()` makes no task, and the call is refused as any other."""
        refused = sys.version_info >= (3, 12)
        async with AsyncRemctl("localhost", server.port) as client:
            async with client.stream(["test", "stream", "2", "0.01"]) as stream:
                await anext(stream)
                with pytest.raises(RemctlError if refused else TimeoutError) as caught:
                    await asyncio.wait_for(client.run(HELLO), 0.05)
                assert ("pending" in str(caught.value)) == refused
                assert [token.type async for token in stream] == ["output", "status"]
            assert (await client.run(HELLO)).stdout == b"hello world\n"
