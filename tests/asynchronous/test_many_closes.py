"""`close()` waits for nothing, but many of them in a row do not stop the event loop."""

import asyncio

import anyio
import pytest
from remctl import AsyncRemctl
from remctl._waiting import loops
from remctl.testing import Server

CLOSES = 5


@pytest.fixture(autouse=True)
def _no_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each close had used what calls may use at a time."""
    monkeypatch.setattr(loops, "BUDGET", 0.0)


@pytest.mark.anyio
async def test_other_tasks_run_between_them(server: Server) -> None:
    clients = [AsyncRemctl() for _ in range(CLOSES)]
    for client in clients:
        await client.open("localhost", server.port)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await anyio.sleep(0)
            turns += 1

    async with anyio.create_task_group() as group:
        group.start_soon(count)
        await anyio.sleep(0)
        before = turns
        for client in clients:
            await client.close()
        assert turns - before >= CLOSES - 1  # in trio, the last one may be first in its turn
        group.cancel_scope.cancel()


@pytest.mark.anyio
async def test_one_in_a_cancelled_scope_closes(server: Server) -> None:
    with anyio.CancelScope() as scope:
        async with AsyncRemctl("localhost", server.port) as client:
            scope.cancel()
    assert scope.cancel_called
    with pytest.raises(Exception, match="no currently open connection"):
        await client.command(["test", "hello"])


def test_one_after_the_end_of_its_loop_does_not_wait(server: Server) -> None:
    async def opened() -> AsyncRemctl:
        client = AsyncRemctl()
        await client.open("localhost", server.port)
        return client

    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(opened())
    with pytest.raises(StopIteration):
        client.close().send(None)
    loop.close()
