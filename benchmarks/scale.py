"""A thousand calls: in one event loop, by 64 threads that block, and by 64 threads in C."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator

from benchmarks.clients import Worker
from benchmarks.lab import SMOKE, Lab, place_of, serve
from benchmarks.rows import Goal, Row, microseconds, timed_row

CLIENTS = ("c", "ours", "loop")
MEBIBYTE = 2**20
TICK = 0.005
PATIENCE = 5.0  # for helper threads that have nothing to do to end

# The server is another machine's in earnest, and a thousand processes of its wake up at once:
# where the loop's time is looked at they are not to keep the client from the two processors here.
ELSEWHERE = ("nice", "-n", "19")


class Idle(threading.Thread):
    """A tick of the same kind that nothing else of its process keeps up: what the machine does."""

    def __init__(self) -> None:
        super().__init__()
        self.latest = 0.0
        self._over = threading.Event()

    def run(self) -> None:
        """Tick until the end."""
        due = time.monotonic()
        while not self._over.is_set():
            due = max(due + TICK, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            self.latest = max(self.latest, time.monotonic() - due)

    def __enter__(self) -> Idle:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


def scale(lab: Lab) -> Iterator[Row]:
    """Connections that are held open, each with a command; simple calls; a stream; one command."""
    yield from crowd(lab, 4 if lab.effort == SMOKE else 1000)
    number = 4 if lab.effort == SMOKE else 1000
    samples = lab.interleaved("shots", number, rounds=15, clients=CLIENTS)
    yield timed_row(
        "scale-one-shots",
        "1,000 simple calls, 64 at a time",
        "s",
        samples,
        lambda seconds: seconds,
        goal=Goal("ratio", 1.05, of="loop"),
    )
    size = MEBIBYTE if lab.effort == SMOKE else 200 * MEBIBYTE
    samples = lab.interleaved("stream", size, rounds=25, clients=("ours", "loop"))
    title = "200 MiB of output by stream()"
    yield timed_row(
        "scale-stream",
        title,
        "MB/s",
        samples,
        lambda seconds: size / seconds / 1e6,
        goal=Goal("least", 0.9, of="loop", beside="ours"),
    )
    memory = {client: grown(lab, client, size) for client in ("ours", "loop")}
    yield Row(
        "scale-stream-memory",
        f"{title}, peak memory over an open connection",
        "MiB",
        memory,
        goal=Goal("figure", 8, of="loop"),
    )
    samples = lab.interleaved("run", "nothing", rounds=50, count=50, clients=("ours", "loop"))
    yield timed_row(
        "scale-run",
        "run() of a command that prints nothing",
        "µs",
        samples,
        microseconds,
        goal=Goal("over", 40, of="loop", beside="ours"),
    )
    yield from one_loop(lab)


def crowd(lab: Lab, number: int) -> Iterator[Row]:
    """Connections that are opened, and then each run a command of a second."""
    opening, running, memory = {}, {}, {}
    late: dict[str, tuple[float, float]] = {}  # the loop's, and the machine's
    threads = 0
    with serve(lab.realm, lab.program, launcher=ELSEWHERE) as server:
        for client in CLIENTS:
            with Worker(lab.clients[client], place_of(server), "crowd", number) as worker:
                before = worker.memory("VmRSS")
                with Idle() as idle:
                    opening[client], *opening_late = worker.run(1)
                if opening_late:
                    late["opening"] = opening_late[0], idle.latest
                    threads = left_over(worker)
                with Idle() as idle:
                    running[client], *running_late = worker.run(1)
                if running_late:
                    late["running"] = running_late[0], idle.latest
                memory[client] = (worker.memory("VmHWM") - before) / number / 1024
    title = "1,000 connections held open"
    yield Row("scale-open", f"{title}: opening them, 64 at a time", "s", opening)
    yield lateness("scale-open-late", f"{title}: opening them", late["opening"], 50)
    yield Row(
        "scale-threads",
        f"{title}: helper threads when all are open",
        "",
        {"loop": threads},
        goal=Goal("figure", 0, of="loop"),
    )
    yield Row("scale-commands", f"{title}: a command of 1 s on each", "s", running)
    yield lateness("scale-commands-late", f"{title}: the commands", late["running"], 20)
    yield Row(
        "scale-memory",
        f"{title}: peak memory of each",
        "KiB",
        memory,
        goal=Goal("figure", 64, of="loop"),
    )


def one_loop(lab: Lab) -> Iterator[Row]:
    """What might keep others in the loop from running, and a pool with many waiters."""
    size = MEBIBYTE if lab.effort == SMOKE else 100_000_000
    late = [in_loop(lab, "result", size)[1] for _ in range(lab.effort.times(5))]
    with Idle() as idle:
        late.append(in_loop(lab, "result", size)[1])
    middle = statistics.median(late), idle.latest
    yield lateness("scale-result-late", "a result of 100 MB by run()", middle, 5)
    number = 4 if lab.effort == SMOKE else 1000
    with Idle() as idle:
        _, latest = in_loop(lab, "closes", number)
    yield lateness("scale-closes-late", "1,000 close() in a row", (latest, idle.latest), 20)
    number = 4 if lab.effort == SMOKE else 16_000
    for how, title in (("cancelled", "in order"), ("cancelled-reversed", "in reverse")):
        (taken,) = in_loop(lab, how, number)
        yield Row(
            f"scale-{how}",
            f"16,000 waiters for a pool's connection, cancelled {title}: each",
            "µs",
            {"loop": microseconds(taken / number)},
            goal=Goal("figure", 20, of="loop"),
        )


def in_loop(lab: Lab, scenario: str, argument: int) -> list[float]:
    """What one run of a scenario of loop_worker.py's finds."""
    with Worker(lab.clients["loop"], lab.near, scenario, argument) as worker:
        return worker.run(1)


def lateness(key: str, title: str, late: tuple[float, float], limit: float) -> Row:
    """By how much the loop's tick was late, and one that had nothing beside it."""
    ours, idle = late
    return Row(
        key,
        f"{title}, a tick of 5 ms in the loop, at its latest",
        "ms late",
        {"loop": ours * 1e3},
        goal=Goal("figure", limit, of="loop"),
        note=f"one in an idle program meanwhile: {idle * 1e3:.1f} ms",
    )


def left_over(worker: Worker) -> int:
    """The threads beside the main one that are still there when idle ones have had time to end."""
    end = time.monotonic() + PATIENCE
    while (left := worker.threads() - 1) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def grown(lab: Lab, client: str, size: int) -> float:
    """The memory, in MiB, that a stream takes at most beyond what was needed before it."""
    with Worker(lab.clients[client], lab.near, "stream", size) as worker:
        before = worker.memory("VmRSS")
        worker.run(1)
        return (worker.memory("VmHWM") - before) / MEBIBYTE
