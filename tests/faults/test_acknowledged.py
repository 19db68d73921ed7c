"""Answers of several packets do not wait for acknowledgements that the kernel delays.

remctld leaves Nagle's algorithm on: it holds the end of an answer back until what went before is
acknowledged. Left to itself Linux takes 40 ms over that.
"""

import statistics
import time

import pytest
from remctl import AsyncRemctl, Remctl
from remctl.testing import Server

DELAY = 0.04


@pytest.mark.measures
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("size", [32_000, 65_536])
async def test_an_answer_is_there_as_soon_as_it_was_sent(server: Server, size: int) -> None:
    command = ["test", "bytes", str(size)]
    times: dict[str, list[float]] = {"blocking": [], "asynchronous": []}
    async with AsyncRemctl("localhost", server.port) as client:
        with Remctl("localhost", server.port) as blocking:
            for _ in range(30):
                start = time.perf_counter()
                assert len(blocking.run(command).stdout or b"") == size
                middle = time.perf_counter()
                assert len((await client.run(command)).stdout or b"") == size
                times["blocking"].append(middle - start)
                times["asynchronous"].append(time.perf_counter() - middle)
    for taken in times.values():
        assert statistics.median(taken) < DELAY * 0.75
