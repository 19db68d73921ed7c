"""Tasks share a connection, and some are cancelled at any moment: the others notice nothing."""

import random

import anyio
import pytest
from remctl import AsyncRemctl
from remctl.testing import Server

CALLERS = 4
CALLS = 25


class Callers:
    """What they ask is different each time, so that no answer can be taken for another's."""

    def __init__(self, client: AsyncRemctl) -> None:
        self.client = client
        self.random = random.Random(5)
        self.number = 0
        self.answers = self.cut = 0
        self.over = False

    async def call(self) -> None:
        self.number += 1
        word = f"caller{self.number}"
        command = ["test", "hello", word]
        answer = b""
        kind = self.random.choice(["run", "stream", "left"])
        if kind == "run":
            answer = (await self.client.run(command)).stdout or b""
        else:
            async with self.client.stream(command) as stream:
                async for token in stream:
                    answer += token.output or b""
                    if kind == "left":
                        break
        assert answer == f"hello {word}\n".encode()

    async def undisturbed(self) -> None:
        for _ in range(CALLS):
            await self.call()
            self.answers += 1

    async def disturbed(self) -> None:
        while not self.over:
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(self.call)
                    # A call waits for its turn for most of the time.
                    for _ in range(self.random.choice([0, 1, 2, 5, 13, 34])):
                        await anyio.lowlevel.checkpoint()
                    await anyio.sleep(self.random.choice([0, 0, self.random.uniform(0, 0.03)]))
                    scope.cancel()
            self.cut += scope.cancelled_caught


@pytest.mark.anyio
async def test_who_is_not_cancelled_has_the_right_answer(server: Server) -> None:
    async with AsyncRemctl("localhost", server.port) as client:
        callers = Callers(client)
        async with anyio.create_task_group() as disturbed:
            for _ in range(CALLERS):
                disturbed.start_soon(callers.disturbed)
            async with anyio.create_task_group() as undisturbed:
                for _ in range(CALLERS):
                    undisturbed.start_soon(callers.undisturbed)
            callers.over = True
        assert callers.answers == CALLERS * CALLS
        assert callers.cut > 100
