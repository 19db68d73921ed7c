"""This package's client in one event loop; worker.py does the same with threads.

    loop_worker.py HOST PORT PRINCIPAL SCENARIO [ARGUMENT]

It is asked and answers as worker.py, but that where the loop's own tick is watched the
nanoseconds by which it was late, at the latest, follow those that an iteration took.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterable

import remctl

HOST, PORT, PRINCIPAL, SCENARIO, ARGUMENT = (*sys.argv[1:], "nothing")[:5]

AT_ONCE = 64
TICK = 0.005


class Ticks:
    """A task that wakes up every 5 ms, as others in the loop would; in its `with` block."""

    def __init__(self) -> None:
        self.latest = 0.0

    async def _tick(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            due = max(due + TICK, clock())
            await asyncio.sleep(due - clock())
            self.latest = max(self.latest, clock() - due)

    async def __aenter__(self) -> "Ticks":
        self._task = asyncio.create_task(self._tick())
        await asyncio.sleep(2 * TICK)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(2 * TICK)  # the one that is late now
        self._task.cancel()


async def timed(call: Awaitable[object]) -> list[float]:
    """The nanoseconds that a call takes."""
    start = time.perf_counter_ns()
    await call
    return [time.perf_counter_ns() - start]


async def watched(call: Awaitable[object]) -> list[float]:
    """The same, and by how many nanoseconds the loop's tick was late meanwhile, at the latest."""
    async with Ticks() as ticks:
        taken = await timed(call)
    return [*taken, ticks.latest * 1e9]


async def by_tasks(call: Callable[[int], Awaitable[object]]) -> None:
    """ARGUMENT calls, 64 at a time."""
    numbers = iter(range(int(ARGUMENT)))

    async def work() -> None:
        for number in numbers:
            await call(number)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def shot(_: int) -> None:
    """One simple call."""
    result = await remctl.aremctl(HOST, PORT, PRINCIPAL, ["bench", "nothing"])
    if result.status != 0:
        raise AssertionError(result)


async def connect(_: int = 0) -> None:
    """Open a connection, which is held open."""
    connection = remctl.AsyncRemctl(HOST, PORT, PRINCIPAL)
    await connection.__aenter__()
    kept.append(connection)


async def crowd() -> list[float]:
    """ARGUMENT connections: opened the first time; the second each runs a command, all at once."""
    if len(kept) == 1:
        return await watched(by_tasks(connect))
    runs = [connection.run(["bench", "sleep", "1"]) for connection in kept[1:]]
    return await watched(asyncio.gather(*runs))


async def stream() -> list[float]:
    """ARGUMENT bytes of output, as they arrive."""

    async def read() -> None:
        async with kept[0].stream(["bench", "bytes", ARGUMENT]) as tokens:
            async for _ in tokens:
                pass

    return await timed(read())


async def result() -> list[float]:
    """A command and all of its output, ARGUMENT bytes, as one result."""
    return await watched(kept[0].run(["bench", "bytes", ARGUMENT]))


async def closes() -> list[float]:
    """ARGUMENT connections that are closed one after the other."""
    await by_tasks(connect)

    async def close() -> None:
        while len(kept) > 1:
            await kept.pop().close()

    return await watched(close())


async def streams() -> list[float]:
    """ARGUMENT connections, which are opened the first time, with a stream each at once."""
    if len(kept) == 1:
        await by_tasks(connect)

    async def read(connection: remctl.AsyncRemctl) -> None:
        async with connection.stream(["bench", "bytes", "4096"]) as tokens:
            async for _ in tokens:
                pass

    return await timed(asyncio.gather(*map(read, kept[1:])))


async def waiters(end: Callable[[list[asyncio.Task[None]]], None] | None) -> list[float]:
    """ARGUMENT waiters for the one connection of a pool: until all of them are over.

    They are cancelled by `end`, or get the connection one after the other.
    """

    async def wait() -> None:
        async with pool.connection():
            pass

    async with remctl.AsyncConnectionPool(HOST, PORT, PRINCIPAL, max_size=1, timeout=None) as pool:
        async with pool.connection():
            tasks = [asyncio.create_task(wait()) for _ in range(int(ARGUMENT))]
            while pool.stats()["requests_waiting"] < len(tasks):
                await asyncio.sleep(0)
            start = time.perf_counter_ns()
            if end is not None:
                end(tasks)
                await asyncio.wait(tasks)
        await asyncio.wait(tasks)
        return [time.perf_counter_ns() - start]


def cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel them in this order."""
    for task in tasks:
        task.cancel()


kept: list[remctl.AsyncRemctl] = []

SCENARIOS: dict[str, Callable[[], Awaitable[list[float]]]] = {
    "shots": lambda: timed(by_tasks(shot)),
    "crowd": crowd,
    "stream": stream,
    "run": lambda: timed(kept[0].run(["bench", ARGUMENT])),
    "result": result,
    "closes": closes,
    "streams": streams,
    "waiters": lambda: waiters(None),
    "cancelled": lambda: waiters(cancel),
    "cancelled-reversed": lambda: waiters(lambda tasks: cancel(reversed(tasks))),
}


async def main() -> None:
    """Measure as often as it is asked to."""
    await connect()  # so that every first time is over
    print("[]", flush=True)
    run = SCENARIOS[SCENARIO]
    for line in sys.stdin:
        taken: list[float] = []
        for _ in range(int(line)):
            taken += await run()
        print(json.dumps(taken), flush=True)
    for connection in kept:
        await connection.close()


hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
asyncio.run(main())
