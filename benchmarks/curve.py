"""A curve: what one kind of work costs at growing sizes, and how it is measured."""

from __future__ import annotations

import contextlib
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.clients import Place, Worker
from benchmarks.lab import FULL, SMOKE, Effort, Lab

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


def timed(
    lab: Lab,
    scenario: str,
    sizes: Sequence[int],
    budget: float,
    clients: Sequence[str] = CLIENTS,
    place: Place | None = None,
) -> dict[str, list[float]]:
    """The median time of a scenario, in seconds, for each size as its argument.

    The clients take turns at each size, until each had some `budget` seconds; at least three times
    and at most 60.
    """
    found: dict[str, list[float]] = {client: [] for client in clients}
    for size in sizes:
        with contextlib.ExitStack() as stack:
            workers = {
                client: stack.enter_context(
                    Worker(lab.clients[client], place or lab.near, scenario, size)
                )
                for client in clients
            }
            taken = {client: worker.run(1) for client, worker in workers.items()}
            turn = max(1, min(20, int(budget / 3 / taken[clients[0]][0])))
            for _ in range(lab.effort.times(3)):
                for client, worker in workers.items():
                    taken[client] += worker.run(lab.effort.times(turn))
        for client in clients:
            found[client].append(statistics.median(taken[client]))
    return found
