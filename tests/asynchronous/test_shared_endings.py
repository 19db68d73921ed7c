"""All tasks that share a stream are told how it ends, if that is not its end."""

from collections.abc import Awaitable, Callable

import anyio
import pytest
from remctl import AsyncRemctl, RemctlError, RemctlProtocolError
from remctl._async_client import AsyncStream
from remctl.testing import Server

from tests.support.proxy import Proxy

pytestmark = pytest.mark.anyio

READERS = 3


async def read_by_all(
    stream: AsyncStream, cut: Callable[[], Awaitable[None]]
) -> list[BaseException | None]:
    """What each of several tasks has read to; `cut` is called when all of them wait."""
    ends: list[BaseException | None] = []

    async def read() -> None:
        try:
            async for _ in stream:
                pass
            ends.append(None)
        except Exception as error:
            ends.append(error)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            for _ in range(READERS):
                group.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            await cut()
    return ends


async def nothing() -> None:
    """Leave it as it is."""


@pytest.mark.parametrize("how", ["cut", "closed"])
async def test_all_get_the_error(server: Server, how: str) -> None:
    """Also one who asks for the next token afterwards: each once, and then finds the end."""
    with Proxy((server.host, server.port)) as proxy:
        async with AsyncRemctl(proxy.host, proxy.port, server.principal) as client:

            async def cut() -> None:
                proxy.cut()

            async with client.stream(["test", "sleep", "30"]) as stream:
                ends = await read_by_all(stream, cut if how == "cut" else client.close)
                with pytest.raises(RemctlError) as after:
                    await anext(stream)
                assert [token async for token in stream] == []
    assert [type(end) for end in ends] == [RemctlError] * READERS
    if how == "cut":
        assert len({str(end) for end in [*ends, after.value]}) == 1
        assert "end of file" in str(after.value)
    else:
        assert all("closed" in str(end) for end in [*ends, after.value])


async def test_an_error_that_comes_with_the_last_tokens_is_told_to_all(server: Server) -> None:
    """The one who asks for the next tokens is not the one who has read those."""
    with Proxy((server.host, server.port)) as proxy:
        async with AsyncRemctl(proxy.host, proxy.port, server.principal) as client:
            for _ in range(5):
                async with client.stream(["test", "stream", "1000", "0.001"]) as stream:
                    await anext(stream)
                    proxy.after(2000, "down", Proxy.cut)
                    ends = await read_by_all(stream, nothing)
                assert ["end of file" in str(end) for end in ends] == [True] * READERS


async def test_a_task_that_is_cancelled_cuts_the_stream_for_the_others(server: Server) -> None:
    """A token may have gone with it."""
    async with AsyncRemctl("localhost", server.port) as client:
        async with (
            client.stream(["test", "sleep", "30"]) as stream,
            anyio.create_task_group() as group,
        ):
            group.start_soon(anext, stream)
            await anyio.wait_all_tasks_blocked()

            async def cancel() -> None:
                group.cancel_scope.cancel()

            with anyio.CancelScope(shield=True):
                ends = await read_by_all(stream, cancel)
        assert ["cut short" in str(end) for end in ends] == [True] * READERS
        assert (await client.run(["test", "hello"])).stdout == b"hello world\n"


async def test_all_are_told_of_a_refusal(server: Server) -> None:
    """And the connection goes on."""
    async with AsyncRemctl("localhost", server.port) as client:
        async with client.stream(["no", "such"]) as stream:
            ends = await read_by_all(stream, nothing)
            assert [type(end) for end in ends] == [RemctlProtocolError] * READERS
            with pytest.raises(RemctlProtocolError, match="Unknown command"):
                await anext(stream.lines())
            assert [token async for token in stream] == []
        assert (await client.run(["test", "hello"])).stdout == b"hello world\n"
        async with client.stream(["no", "such"], raise_errors=False) as stream:
            assert [token.type async for token in stream] == ["error"]
            assert [token.type async for token in stream] == []


async def test_of_a_stream_that_was_left_all_see_the_end(server: Server) -> None:
    async with AsyncRemctl("localhost", server.port) as client:
        stream = client.stream(["test", "sleep", "30"])
        await stream.__aenter__()
        assert await read_by_all(stream, stream.close) == [None] * READERS
