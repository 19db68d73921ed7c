"""What an event loop costs by itself, without remctl: an answer that is waited for in it.

    python -m benchmarks.awaiting [rounds]
    python -m benchmarks.awaiting --instructions

A peer answers each byte after a millisecond, as remctld does a command that prints nothing. It
prints the time of one answer, by `recv()` and in a loop that watches the socket, and the
difference: so much of what `await r.run()` is slower than `r.run()` is the loop's own. Or it counts
the instructions of such an answer, as `benchmarks.instructions` does those of calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from benchmarks.instructions import ENVIRONMENT, FEW, MANY, profiled

ANSWERS = 50  # a round
DELAY = 0.001


@contextlib.contextmanager
def peer() -> Iterator[socket.socket]:
    """A socket whose other end, in another process, answers."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        try:
            while theirs.recv(1):
                time.sleep(DELAY)
                theirs.send(b"x")
        finally:
            os._exit(0)
    theirs.close()
    with ours:
        yield ours
    os.waitpid(child, 0)


def by_receiving(sock: socket.socket) -> float:
    """Seconds of an answer that is received in a blocking call."""
    sock.setblocking(True)  # uvloop has changed that
    taken = []
    for _ in range(ANSWERS):
        start = time.perf_counter()
        sock.send(b"x")
        sock.recv(1)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


async def by_itself(count: int) -> None:
    """So many that have come when they are awaited, without another process."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        loop = asyncio.get_running_loop()
        waiting: list[asyncio.Future[bytes]] = []
        loop.add_reader(ours, lambda: waiting.pop().set_result(ours.recv(1)))
        for _ in range(count):
            answer: asyncio.Future[bytes] = loop.create_future()
            waiting.append(answer)
            theirs.send(b"x")
            await answer
        loop.remove_reader(ours)


def instructions() -> int:
    """Those of one answer in asyncio's loop."""

    def run(command: Sequence[str]) -> None:
        subprocess.run(command, env={**os.environ, **ENVIRONMENT}, check=True)

    def count(answers: int) -> int:
        program = "import asyncio; from benchmarks import awaiting; "
        program += f"asyncio.run(awaiting.by_itself({answers}))"
        return profiled([sys.executable, "-c", program], run)

    return round((count(MANY) - count(FEW)) / (MANY - FEW))


async def in_the_loop(sock: socket.socket) -> float:
    """Seconds of one that is awaited."""
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[bytes]] = []
    loop.add_reader(sock, lambda: waiting.pop().set_result(sock.recv(1)))
    taken = []
    for _ in range(ANSWERS):
        start = time.perf_counter()
        answer: asyncio.Future[bytes] = loop.create_future()
        waiting.append(answer)
        sock.send(b"x")
        await answer
        taken.append(time.perf_counter() - start)
    loop.remove_reader(sock)
    return statistics.median(taken)


def loops() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loops there are here."""
    found: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    with contextlib.suppress(ImportError):
        found["uvloop"] = importlib.import_module("uvloop").new_event_loop
    return found


def main(rounds: int = 20) -> None:
    """Measure in turns, and print."""
    blocking: list[float] = []
    awaited: dict[str, list[float]] = {name: [] for name in loops()}
    with peer() as sock:
        for _ in range(rounds):
            blocking.append(by_receiving(sock))
            for name, make in loops().items():
                with contextlib.closing(make()) as loop:
                    awaited[name].append(loop.run_until_complete(in_the_loop(sock)))
    print(f"recv(): {statistics.median(blocking) * 1e6:,.0f} µs")
    for name, taken in awaited.items():
        more = statistics.median(two - one for one, two in zip(blocking, taken, strict=True))
        print(f"{name}: {statistics.median(taken) * 1e6:,.0f} µs, {more * 1e6:.0f} µs more")


if __name__ == "__main__":
    if sys.argv[1:] == ["--instructions"]:
        print(f"asyncio: {instructions():,} instructions")
    else:
        main(*map(int, sys.argv[1:]))
