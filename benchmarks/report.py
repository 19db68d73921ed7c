"""The results: as a table, as JSON, and as a page of the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.rows import Row

CLIENTS = {
    "c": "C",
    "old": "old binding",
    "ours": "pyremctl",
    "bundled": "wheel",
    "loop": "event loop",
    "program": "program",
    "perl": "Perl",
}
RATIOS = {"÷ C": "c", "÷ old": "old", "÷ program": "program", "÷ Perl": "perl"}

HEADER = ["", "", *CLIENTS.values(), *RATIOS, "goal"]

PAGE = """\
# Benchmarks

This page is for people who want to know how fast the package is: it compares it with plain C, the
old module and the `remctl` program.

`scripts/benchmark --write-docs` generates this page; do not edit it. One run measures all of these
with the same real remctld:

- **C**: a C program that calls libremctl directly, as the baseline;
- **old binding**: the Python module of the remctl distribution (Debian's `python3-pyremctl`);
- **pyremctl**: this package, linked with the system's libremctl and Kerberos;
- **wheel**: the same package with both libraries inside, as `scripts/dev wheel build` builds it;
- **event loop**: this package's asynchronous interface, in one asyncio loop;
- **program**: the C program `remctl`, run through `subprocess` as many scripts do;
- **Perl**: Net::Remctl::Backend, for commands on the server's side.

The clients take turns in each round, and the order changes. Figures are medians. A ratio is the
median of the rounds' ratios, so it differs slightly from the ratio of the two medians. Ratios
compare pyremctl with the client that the column names. The rows of a thousand calls use 64 threads
in C, 64 threads with the blocking interface, and one event loop. `benchmarks/scenarios.py` and the
files beside it describe each row; [the notes](maintainers/benchmarks-notes.md) explain why a goal
is missed.

A {effort} run. Machine: {cpu}; {memory} of memory; load average {load} before, {load_after} after
(the run makes some itself). {versions}.

{table}
{left_out}"""


@dataclass
class Results:
    """All that one run has found. `left_out` has a reason for each scenario that could not be."""

    rows: Sequence[Row]
    left_out: Mapping[str, str]
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    effort: str

    def as_json(self) -> dict[str, Any]:
        """The results as they are written to a file."""
        return {
            "effort": self.effort,
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "rows": [row.as_json() for row in self.rows],
            "left_out": dict(self.left_out),
        }

    def missed(self) -> list[Row]:
        """The rows whose goal was not reached."""
        return [row for row in self.rows if row.goal is not None and not row.goal.met(row)]

    def as_text(self) -> str:
        """A table for a terminal."""
        lines = [HEADER, *(cells(row) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = "".join(
            "  ".join(
                cell.ljust(width) if column in (0, 1) else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            + "\n"
            for line in lines
        )
        return text + "".join(f"left out: {key}: {why}\n" for key, why in self.left_out.items())

    def as_page(self) -> str:
        """A page of the documentation. Each row has an anchor, its key."""
        table = [markdown(HEADER), markdown(["---", "---", *["---:"] * (len(HEADER) - 2)])]
        for row in self.rows:
            first, *rest = cells(row)
            note = f" ({row.note})" if row.note else ""
            table.append(markdown([f'<a id="{row.key}"></a>{first}{note}', *rest]))
        left_out = "".join(f"- left out: {key}: {why}\n" for key, why in self.left_out.items())
        return PAGE.format(
            **self.machine,
            effort=self.effort,
            versions=", ".join(f"{name} {version}" for name, version in self.versions.items()),
            table="\n".join(table),
            left_out=f"\n{left_out}" if left_out else "",
        )


def markdown(row: Sequence[str]) -> str:
    """One line of a table."""
    return "| " + " | ".join(row) + " |"


def number(value: float) -> str:
    """A figure with three digits that count."""
    if value == 0:
        return "0"
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    if abs(value) < 0.995:
        digits = 3
    return f"{value:,.{digits}f}"


def cells(row: Row) -> list[str]:
    """One row of the table, as texts."""
    figures = [number(row.values[client]) if row.has(client) else "" for client in CLIENTS]
    ratios = [
        f"{row.ratio('ours', other):.2f}" if row.has("ours", other) and row.values[other] else ""
        for other in RATIOS.values()
    ]
    goal = ""
    if row.goal is not None:
        goal = f"{row.goal.text(row.unit)}: {'met' if row.goal.met(row) else 'missed'}"
    return [row.title, row.unit, *figures, *ratios, goal]
