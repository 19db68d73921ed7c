"""How cost grows: with the size of the output, with arguments, threads, connections and crowds."""

from __future__ import annotations

import json
import resource
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import crowds, machine
from benchmarks.clients import Worker
from benchmarks.curve import CLIENTS, Curve, sizes_up_to, timed
from benchmarks.lab import FULL, Effort, Lab, laboratory

FILE = Path(__file__).parent / "records" / "curves.jsonl"


def output(lab: Lab) -> Iterator[Curve]:
    """A command and all of its output, of 1 byte to 1 GiB."""
    sizes = sizes_up_to(lab.effort, full=2**30, quick=2**24, step=16)
    values = timed(lab, "bulk", sizes, budget=2.0)
    yield Curve("output", "A command and its output", "bytes of output", "s", sizes, values)


def arguments(lab: Lab) -> Iterator[Curve]:
    """A command with up to 4,096 words, the server's limit, its own two among them."""
    sizes = sizes_up_to(lab.effort, full=4094, quick=1024)
    values = timed(lab, "arguments", sizes, budget=1.0)
    yield Curve("arguments", "A command with many arguments", "arguments", "s", sizes, values)


def threads(lab: Lab) -> Iterator[Curve]:
    """1 to 256 threads, each with a command of 0.2 s."""
    sizes = sizes_up_to(lab.effort, full=256, quick=64, step=2)
    values = timed(lab, "threads", sizes, budget=2.0)
    title = "Threads, each with a command of 0.2 s"
    yield Curve("threads", title, "threads", "s", sizes, values)


def connections(lab: Lab) -> Iterator[Curve]:
    """Opening one more connection beside 1 to 10,000 that are held open.

    Or beside as many as the limit of this process's descriptors, which clients have too, allows.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = 10_000 if limit == resource.RLIM_INFINITY else min(10_000, (limit - 200) // 3)
    sizes = sizes_up_to(lab.effort, full=most, quick=500)
    values: dict[str, list[float]] = {}
    for client in CLIENTS:
        if lab.effort == FULL and values:
            machine.settle()  # the server is still taking the last one's connections down
        with Worker(lab.clients[client], lab.near, "held") as worker:
            values[client] = []
            held = 0
            for size in sizes:
                taken = worker.run(size - held)
                held = size
                values[client].append(statistics.median(taken[-20:]))
    title = "One more connection beside those that are open"
    yield Curve("connections", title, "connections", "s", sizes, values)


MEASURES: tuple[Callable[[Lab], Iterator[Curve]], ...] = (
    output,
    arguments,
    threads,
    connections,
    crowds.hosts,
    crowds.waiters,
    crowds.streams,
    crowds.gather,
)


def measure(effort: Effort) -> list[Curve]:
    """All curves; on standard error which one it is."""
    found: list[Curve] = []
    with laboratory(effort) as lab:
        for measure_one in MEASURES:
            print(f"{measure_one.__name__} ...", file=sys.stderr, flush=True)
            found += measure_one(lab)
    return found


def write(curves: Sequence[Curve], effort: Effort, load: str, file: Path = FILE) -> None:
    """Write the curves to a file: a line about the run, then a line of JSON for each."""
    about = {
        "effort": effort.name,
        "cpu": machine.cpu(),
        "load": load,
        "versions": machine.versions(),
    }
    lines = [json.dumps(about), *(json.dumps(asdict(curve)) for curve in curves)]
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines))


def read(file: Path = FILE) -> tuple[dict[str, object], list[Curve]]:
    """What `write` has written: about the run, and the curves."""

    def lines() -> Iterator[dict[str, object]]:
        return (json.loads(line) for line in file.read_text().splitlines())

    about, *rest = lines()
    return about, [Curve(**fields) for fields in rest]  # type: ignore[arg-type]
