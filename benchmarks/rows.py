"""Rows of the table of results: a figure for each client, ratios, and goals."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.lab import Samples

NAMES = {
    "c": "C",
    "old": "the old binding",
    "ours": "pyremctl",
    "bundled": "the wheel",
    "loop": "event loop",
}
"""The clients in the words of a goal."""


@dataclass(frozen=True)
class Goal:
    """What a client, `of`, is to reach: a limit on its figure, or on that beside another's.

    The kinds are a ratio at most, a ratio at least, a figure, and a figure over the other's.
    """

    kind: str
    limit: float
    of: str = "ours"
    beside: str = "c"

    def text(self, unit: str) -> str:
        """The goal in a few words."""
        number, other = f"{self.limit:g}", NAMES[self.beside]
        words = {
            "ratio": f"≤ {number} of {other}",
            "least": f"≥ {number} of {other}",
            "figure": f"≤ {number} {unit}".rstrip(),
            "over": f"≤ {other} + {number} {unit}".rstrip(),
        }[self.kind]
        return words if self.of == "ours" else f"{NAMES[self.of]} {words}"

    def met(self, row: Row) -> bool:
        """Whether it is reached."""
        figure = row.values[self.of]
        return {
            "ratio": lambda: row.ratio(self.of, self.beside) <= self.limit,
            "least": lambda: row.ratio(self.of, self.beside) >= self.limit,
            "figure": lambda: figure <= self.limit,
            "over": lambda: figure - row.values[self.beside] <= self.limit,
        }[self.kind]()


@dataclass
class Row:
    """One figure for each client.

    `rounds` are the figures of each round of interleaved measurements, where there are any:
    a ratio is the median of the ratios of the rounds, so that a machine that is busy for a
    while slows down both sides of it.
    """

    key: str
    title: str
    unit: str
    values: dict[str, float]
    rounds: dict[str, list[float]] = field(default_factory=dict)
    goal: Goal | None = None
    note: str = ""

    def ratio(self, one: str, other: str) -> float:
        """How many times the figure of the other client one's is."""
        pairs = list(zip(self.rounds.get(one, ()), self.rounds.get(other, ()), strict=False))
        if not pairs:
            pairs = [(self.values[one], self.values[other])]
        return statistics.median(a / b if b else float("nan") for a, b in pairs)

    def has(self, *clients: str) -> bool:
        """Whether there is a figure for each of these clients."""
        return all(client in self.values for client in clients)

    def as_json(self) -> dict[str, Any]:
        """The row as it is written to a file."""
        ratios = {
            f"{one}/{other}": round(self.ratio(one, other), 4)
            for one, other in (
                *(("ours", other) for other in ("c", "old", "program", "perl")),
                *(("bundled", other) for other in ("c", "ours")),
                *(("loop", other) for other in ("c", "ours")),
            )
            if self.has(one, other)
        }
        row: dict[str, Any] = {
            "key": self.key,
            "title": self.title,
            "unit": self.unit,
            "values": self.values,
            "ratios": ratios,
        }
        if self.goal is not None:
            row["goal"] = self.goal.text(self.unit)
            row["met"] = self.goal.met(self)
        if self.note:
            row["note"] = self.note
        return row


def timed_row(
    key: str,
    title: str,
    unit: str,
    samples: Samples,
    convert: Callable[[float], float],
    *,
    goal: Goal | None = None,
    note: str = "",
) -> Row:
    """A row of medians; `convert` makes the unit out of seconds."""
    return Row(
        key,
        title,
        unit,
        {
            client: convert(statistics.median(second for turn in rounds for second in turn))
            for client, rounds in samples.items()
        },
        {
            client: [convert(statistics.median(turn)) for turn in rounds]
            for client, rounds in samples.items()
        },
        goal,
        note,
    )


def processor_of(
    key: str, title: str, unit: str, busy: Samples, convert: Callable[[float], float]
) -> Row:
    """The client's processor time beside a row of its wall time."""
    title = f"{title}, client's processor time"
    return timed_row(f"{key}-processor", title, unit, busy, convert)


def milliseconds(seconds: float) -> float:
    """Seconds as milliseconds."""
    return seconds * 1e3


def microseconds(seconds: float) -> float:
    """Seconds as microseconds."""
    return seconds * 1e6
