"""How cost grows: with the size of the output, with arguments, threads, and connections."""

from __future__ import annotations

import contextlib
import json
import math
import resource
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import machine
from benchmarks.clients import Worker
from benchmarks.lab import FULL, SMOKE, Effort, Lab, laboratory

FILE = Path(__file__).parent / "records" / "curves.jsonl"

CLIENTS = ("c", "ours")


@dataclass(frozen=True)
class Curve:
    """What one kind of work costs at growing sizes: a figure for each client at each size."""

    key: str
    title: str
    across: str
    unit: str
    sizes: Sequence[int]
    values: Mapping[str, Sequence[float]]

    def steepest(self, client: str) -> float:
        """The largest exponent between two sizes a factor of 16 or more apart; 1 is linear.

        Nearer ones are left out: there the noise of a measurement looks like growth.
        """
        points = list(zip(self.sizes, self.values[client], strict=True))
        return max(
            math.log(y2 / y1) / math.log(x2 / x1)
            for index, (x1, y1) in enumerate(points)
            for x2, y2 in points[index + 1 :]
            if x2 >= 16 * x1
        )


def sizes_up_to(effort: Effort, full: int, quick: int, step: int = 4) -> list[int]:
    """1, `step`, `step`², ... and the limit itself."""
    limit = full if effort == FULL else step if effort == SMOKE else quick
    sizes = [step**power for power in range(64) if step**power < limit]
    return [*sizes, limit]


def timed(lab: Lab, scenario: str, sizes: Sequence[int], budget: float) -> dict[str, list[float]]:
    """The median time of a scenario, in seconds, for each size as its argument.

    The clients take turns at each size, until each had some `budget` seconds; at least three times
    and at most 60.
    """
    found: dict[str, list[float]] = {client: [] for client in CLIENTS}
    for size in sizes:
        with contextlib.ExitStack() as stack:
            workers = {
                client: stack.enter_context(Worker(lab.clients[client], lab.near, scenario, size))
                for client in CLIENTS
            }
            taken = {client: worker.run(1) for client, worker in workers.items()}
            turn = max(1, min(20, int(budget / 3 / taken["c"][0])))
            for _ in range(lab.effort.times(3)):
                for client, worker in workers.items():
                    taken[client] += worker.run(lab.effort.times(turn))
        for client in CLIENTS:
            found[client].append(statistics.median(taken[client]))
    return found


def output(lab: Lab) -> Curve:
    """A command and all of its output, of 1 byte to 1 GiB."""
    sizes = sizes_up_to(lab.effort, full=2**30, quick=2**24, step=16)
    values = timed(lab, "bulk", sizes, budget=2.0)
    return Curve("output", "A command and its output", "bytes of output", "s", sizes, values)


def arguments(lab: Lab) -> Curve:
    """A command with up to 4,096 words, the server's limit, its own two among them."""
    sizes = sizes_up_to(lab.effort, full=4094, quick=1024)
    values = timed(lab, "arguments", sizes, budget=1.0)
    return Curve("arguments", "A command with many arguments", "arguments", "s", sizes, values)


def threads(lab: Lab) -> Curve:
    """1 to 256 threads, each with a command of 0.2 s."""
    sizes = sizes_up_to(lab.effort, full=256, quick=64, step=2)
    values = timed(lab, "threads", sizes, budget=2.0)
    title = "Threads, each with a command of 0.2 s"
    return Curve("threads", title, "threads", "s", sizes, values)


def connections(lab: Lab) -> Curve:
    """Opening one more connection beside 1 to 10,000 that are held open.

    Or beside as many as the limit of this process's descriptors, which clients have too, allows.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = 10_000 if limit == resource.RLIM_INFINITY else min(10_000, (limit - 200) // 3)
    sizes = sizes_up_to(lab.effort, full=most, quick=500)
    values: dict[str, list[float]] = {}
    for client in CLIENTS:
        with Worker(lab.clients[client], lab.near, "held") as worker:
            values[client] = []
            held = 0
            for size in sizes:
                taken = worker.run(size - held)
                held = size
                values[client].append(statistics.median(taken[-20:]))
    title = "One more connection beside those that are open"
    return Curve("connections", title, "connections", "s", sizes, values)


CURVES: dict[str, Callable[[Lab], Curve]] = {
    curve.__name__: curve for curve in (output, arguments, threads, connections)
}


def measure(effort: Effort) -> list[Curve]:
    """All curves; on standard error which one it is."""
    found = []
    with laboratory(effort) as lab:
        for name, curve in CURVES.items():
            print(f"{name} ...", file=sys.stderr, flush=True)
            found.append(curve(lab))
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
