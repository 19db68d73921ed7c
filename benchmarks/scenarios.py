"""What is measured."""

from __future__ import annotations

import contextlib
import os
import re
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.backends import starting
from benchmarks.clients import Place, Worker
from benchmarks.command_line import command_line
from benchmarks.lab import BINDINGS, SMOKE, Lab, Samples, serve
from benchmarks.rows import Goal, Row, microseconds, milliseconds, processor_of, timed_row
from benchmarks.scale import scale

MEBIBYTE = 2**20
EVERYBODY = (*BINDINGS, "program")
BATCH = 250  # lines that are waiting when the reading of them is timed

Scenario = Callable[[Lab], Iterator[Row]]


def one_shot(lab: Lab) -> Iterator[Row]:
    """Connect, run a command, close."""
    samples = lab.interleaved("oneshot", rounds=50, count=10, clients=EVERYBODY)
    title = "one-shot call, loopback"
    yield timed_row("one-shot", title, "ms", samples, milliseconds, goal=Goal("ratio", 1.03))
    busy: Samples = {}
    samples = lab.interleaved(
        "oneshot", "nothing", rounds=50, count=10, clients=EVERYBODY, processor=busy
    )
    busy.pop("program")  # it is another process
    title = "one-shot call that prints nothing, loopback"
    yield timed_row("one-shot-silent", title, "ms", samples, milliseconds, goal=Goal("ratio", 1.1))
    yield processor_of("one-shot-silent", title, "ms", busy, milliseconds)


def one_shot_far(lab: Lab) -> Iterator[Row]:
    """The same over a link with a round trip of 40 ms."""
    place = lab.far()
    assert lab.wan is not None
    trip = lab.wan.round_trip
    samples = lab.interleaved("oneshot", rounds=20, count=2, clients=EVERYBODY, place=place)
    title = "one-shot call, 40 ms link"
    yield timed_row("one-shot-far", title, "ms", samples, milliseconds, goal=Goal("ratio", 0.77))
    yield timed_row("round-trips", f"{title}, in round trips", "trips", samples, lambda s: s / trip)


def opening(lab: Lab) -> Iterator[Row]:
    """Connect and authenticate."""
    busy: Samples = {}
    samples = lab.interleaved("open", rounds=50, count=10, processor=busy)
    yield timed_row("open", "open", "ms", samples, milliseconds, goal=Goal("ratio", 1.2))
    yield processor_of("open", "open and close", "ms", busy, milliseconds)


def round_trip(lab: Lab) -> Iterator[Row]:
    """A command and its answer on an open connection."""
    samples = lab.interleaved("roundtrip", rounds=50, count=50)
    title = "command and answer"
    yield timed_row("round-trip", title, "µs", samples, microseconds, goal=Goal("ratio", 1.03))
    busy: Samples = {}
    samples = lab.interleaved("roundtrip", "nothing", rounds=50, count=50, processor=busy)
    title = "command that prints nothing, and its answer"
    yield timed_row(
        "round-trip-silent", title, "µs", samples, microseconds, goal=Goal("ratio", 1.03)
    )
    yield processor_of("round-trip-silent", title, "µs", busy, microseconds)


def noop(lab: Lab) -> Iterator[Row]:
    """The smallest question there is."""
    busy: Samples = {}
    samples = lab.interleaved("noop", rounds=50, count=100, processor=busy)
    yield timed_row("noop", "noop", "µs", samples, microseconds, goal=Goal("ratio", 2))
    yield processor_of("noop", "noop", "µs", busy, microseconds)


def bulk_size(lab: Lab) -> int:
    """How many bytes of output."""
    return MEBIBYTE if lab.effort == SMOKE else 200 * MEBIBYTE


def bulk(lab: Lab) -> Iterator[Row]:
    """200 MiB of output, token by token."""
    size = bulk_size(lab)
    samples = lab.interleaved("bulk", size, rounds=25)
    title = "200 MiB of output"
    yield timed_row("bulk", title, "MB/s", samples, lambda s: size / s / 1e6, goal=Goal("least", 1))
    yield Row(
        "bulk-memory",
        f"{title}, peak memory over an open connection",
        "MiB",
        peak_memory(lab, "bulk", size),
    )
    yield Row(
        "bulk-calls",
        f"{title}, system calls",
        "per MiB",
        system_calls(lab, min(size, 50 * MEBIBYTE)),
        goal=Goal("ratio", 1),
        note="counted with strace, which slows the client down",
    )


def bulk_kept(lab: Lab) -> Iterator[Row]:
    """200 MiB of output as the result of one simple call."""
    size = bulk_size(lab)
    title = "one-shot call with 200 MiB of output"
    samples = lab.interleaved("kept", size, rounds=10)
    goal = Goal("least", 0.98)
    yield timed_row("kept", title, "MB/s", samples, lambda s: size / s / 1e6, goal=goal)
    peaks = peak_memory(lab, "kept", size)
    yield Row("kept-memory", f"{title}, peak memory", "MiB", peaks, goal=Goal("ratio", 1.1))
    yield processor_row(lab)


def processor_row(lab: Lab) -> Row:
    """The client's processor time for 100 MB of output in one simple call."""
    size = MEBIBYTE if lab.effort == SMOKE else 100_000_000
    found: dict[str, list[float]] = {client: [] for client in lab.present(BINDINGS)}
    with contextlib.ExitStack() as stack:
        workers = {
            client: stack.enter_context(Worker(lab.clients[client], lab.near, "kept", size))
            for client in found
        }
        for _ in range(max(2, lab.effort.times(10))):
            for client, worker in workers.items():
                before = worker.processor()
                worker.run(1)
                found[client].append(worker.processor() - before)
    return Row(
        "kept-processor",
        "one-shot call with 100 MB of output, client's processor time",
        "s",
        {client: statistics.median(times) for client, times in found.items()},
        found,
        Goal("figure", 0.5, of="bundled") if "bundled" in found else None,
    )


def peak_memory(lab: Lab, scenario: str, size: int) -> dict[str, float]:
    """What the clients need at most, beyond what they need before they begin; in MiB."""
    peaks = {}
    for client in lab.present(BINDINGS):
        with Worker(lab.clients[client], lab.near, scenario, size) as worker:
            before = worker.memory("VmRSS")
            worker.run(1)
            peaks[client] = (worker.memory("VmHWM") - before) / MEBIBYTE
    return peaks


def system_calls(lab: Lab, size: int) -> dict[str, float]:
    """System calls of the clients for each MiB of output."""
    calls = {}
    for client in lab.present(BINDINGS):
        totals = [_strace(lab, client, size, count) for count in (1, 2)]
        calls[client] = (totals[1] - totals[0]) / (size / MEBIBYTE)
    return calls


def _strace(lab: Lab, client: str, size: int, count: int) -> int:
    """All system calls of a client that reads the output so many times."""
    with tempfile.NamedTemporaryFile(prefix="bench-", mode="r") as file:
        before = ["strace", "-f", "-c", "-o", file.name]
        with Worker(lab.clients[client], lab.near, "bulk", size, before=before) as worker:
            worker.run(count)
        total = re.search(r"^100\.00 +\S+ +(?:\S+ +)?(\d+) +(?:\d+ +)?total$", file.read(), re.M)
        assert total is not None
        return int(total[1])


def small_tokens(lab: Lab) -> Iterator[Row]:
    """10⁵ lines, each a token; the time for those that lie ready when the reading begins."""
    samples = lab.interleaved("lines", BATCH, rounds=50, count=8)
    yield timed_row(
        "output",
        "output(), a line that lies ready",
        "µs",
        samples,
        lambda seconds: seconds / BATCH * 1e6,
        goal=Goal("over", 1),
    )
    allocations = {c: _allocations(lab, c) for c in lab.present(BINDINGS)}
    title = "output(), memory allocated and freed"
    yield Row("output-bytes", title, "bytes", {c: each[1] for c, each in allocations.items()})
    title = "output(), allocations"
    counts = {c: each[0] for c, each in allocations.items()}
    yield Row("output-allocations", title, "", counts, goal=Goal("over", 2))


def _allocations(lab: Lab, client: str) -> tuple[float, float]:
    """Allocations, and bytes of them, for each line of output."""
    found = []
    for lines in (BATCH, 2 * BATCH):
        with tempfile.NamedTemporaryFile(prefix="bench-", mode="r") as file:
            env = {
                "LD_PRELOAD": str(lab.malloc),
                "MALLOC_COUNTS": file.name,
                "PYTHONMALLOC": "malloc",
            }
            with Worker(lab.clients[client], lab.near, "lines", lines, env=env) as worker:
                worker.run(2)
            calls, size = file.read().split()
        found.append((int(calls), int(size)))
    (few_calls, few_bytes), (many_calls, many_bytes) = found
    return (many_calls - few_calls) / (2 * BATCH), (many_bytes - few_bytes) / (2 * BATCH)


def large_command(lab: Lab) -> Iterator[Row]:
    """A command with an argument of 50 MiB, which its program reads from standard input."""
    size = MEBIBYTE if lab.effort == SMOKE else 50 * MEBIBYTE
    samples = lab.interleaved("input", size, rounds=25)
    title = "50 MiB of input (stdin=last)"
    yield timed_row("input", title, "MB/s", samples, lambda s: size / s / 1e6)


def threads(lab: Lab) -> Iterator[Row]:
    """Threads that each run a command of 0.2 s by the simple call."""
    numbers = (1, 2) if lab.effort == SMOKE else (1, 16, 64)
    for number in numbers:
        samples = lab.interleaved(
            "threads", number, rounds=15, clients=EVERYBODY, once=["old"] if number > 1 else []
        )
        plural = "thread" if number == 1 else "threads"
        yield timed_row(
            f"threads-{number}",
            f"{number} {plural}, each a command of 0.2 s",
            "s",
            samples,
            lambda seconds: seconds,
            goal=Goal("figure", 0.3) if number == 64 else None,
        )


def held(lab: Lab) -> Iterator[Row]:
    """Connections held open."""
    number = 2 if lab.effort == SMOKE else 1000
    memory, descriptors = {}, {}
    for client in lab.present(BINDINGS):
        with Worker(lab.clients[client], lab.near, "held") as worker:
            before, files = worker.memory("VmRSS"), worker.descriptors()
            for _ in range(number):
                worker.run(1)
            memory[client] = (worker.memory("VmRSS") - before) / number / 1024
            descriptors[client] = (worker.descriptors() - files) / number
    title = "1,000 connections held open"
    yield Row("held", f"{title}, memory of each", "KiB", memory, goal=Goal("over", 2))
    yield Row("held-descriptors", f"{title}, descriptors of each", "", descriptors)


def many_hosts(lab: Lab) -> Iterator[Row]:
    """A command on many hosts, 64 at a time: run_many, 64 threads in C, xargs -P 64 remctl."""
    with serve(lab.realm, lab.program, addresses=["0.0.0.0"]) as server:
        place = Place("127.0.0.1", server.port, lab.near.principal)
        for number, rounds in ((10, 1),) if lab.effort == SMOKE else ((1_000, 5), (10_000, 1)):
            yield from on_hosts(lab, place, number, lab.effort.times(rounds))


def on_hosts(lab: Lab, place: Place, number: int, rounds: int) -> Iterator[Row]:
    """The same on so many hosts; each round has clients of its own, for their memory."""
    clients = lab.present(["c", "ours", "bundled", "program"])
    wall: dict[str, list[float]] = {client: [] for client in clients}
    processor: dict[str, list[float]] = {client: [] for client in clients}
    memory: dict[str, list[float]] = {client: [] for client in clients}
    for turn in range(rounds):
        for client in clients[turn % len(clients) :] + clients[: turn % len(clients)]:
            with Worker(lab.clients[client], place, "many", number) as worker:
                before, busy = worker.memory("VmRSS"), worker.processor()
                wall[client] += worker.run(1)
                processor[client].append(worker.processor() - busy)
                memory[client].append((worker.memory("VmHWM") - before) / MEBIBYTE)
    del memory["program"]  # it is in other processes
    title = f"a command on {number:,} hosts"
    yield of_rounds(f"many-{number}", title, "s", wall, Goal("ratio", 1.05))
    yield of_rounds(
        f"many-{number}-processor",
        f"{title}, client's processor time",
        "s",
        processor,
        Goal("ratio", 1.5),
    )
    yield of_rounds(f"many-{number}-memory", f"{title}, peak memory", "MiB", memory)


def of_rounds(
    key: str, title: str, unit: str, rounds: dict[str, list[float]], goal: Goal | None = None
) -> Row:
    """A row of medians, of one figure a round."""
    medians = {client: statistics.median(figures) for client, figures in rounds.items()}
    return Row(key, title, unit, medians, rounds, goal)


def importing(lab: Lab) -> Iterator[Row]:
    """`from remctl import remctl` in a new interpreter: with the extension and what it loads."""
    script = (
        "import time; t = time.perf_counter(); from remctl import remctl\n"
        "print(time.perf_counter() - t)"
    )
    clients = [client for client in lab.present(BINDINGS) if client != "c"]
    samples: dict[str, list[list[float]]] = {client: [] for client in clients}
    for _ in range(max(2, lab.effort.times(100))):
        for client in clients:
            found = lab.clients[client]
            printed = subprocess.check_output(
                [found.command[0], "-c", script], env={**os.environ, **found.env}
            )
            samples[client].append([float(printed)])
    goal = Goal("ratio", 1, beside="old")
    yield timed_row("import", "from remctl import remctl", "ms", samples, milliseconds, goal=goal)


def sizes(lab: Lab) -> Iterator[Row]:
    """Size of the extension, and of the wheel as built here."""
    script = "import {0}; print({0}.__file__)"
    values = {}
    for client in lab.present(BINDINGS):
        if client == "c":
            continue
        found = lab.clients[client]
        module = "_remctl" if client == "old" else "remctl._remctl"
        path = subprocess.check_output(
            [found.command[0], "-c", script.format(module)],
            text=True,
            env={**os.environ, **found.env},
        )
        values[client] = Path(path.strip()).stat().st_size / 1024
    yield Row("extension", "size of the extension", "KiB", values)
    built = sorted(lab.wheels.glob("pyremctl-*.whl"))[-1:] if lab.wheels else []
    wheels = {"ours": built[0] if built else None, "bundled": lab.bundled}
    in_kib = {client: file.stat().st_size / 1024 for client, file in wheels.items() if file}
    if in_kib:
        yield Row("wheel", "size of the wheel", "KiB", in_kib)


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        one_shot,
        one_shot_far,
        opening,
        round_trip,
        noop,
        bulk,
        bulk_kept,
        small_tokens,
        large_command,
        threads,
        held,
        many_hosts,
        scale,
        importing,
        starting,
        command_line,
        sizes,
    )
}
