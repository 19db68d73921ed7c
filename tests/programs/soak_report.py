"""What a soak has shown, as a table, and the page of docs/ with it."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.programs.soak_record import Findings, tenths

if TYPE_CHECKING:
    from tests.programs.soak import Soak

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "soak.md"
MARK = "<!-- What follows is written by scripts/dev soak --write-docs. -->\n"

# What was done, in the words of the page; the others are the acts of the clients.
OTHERS = {
    "signal": "signals handled in the middle of calls",
    "a cancel": "tasks cancelled",
    "a fork": "children forked",
    "a server killed": "servers killed and started again",
    "a server stopped for a while": "servers stopped for a while (SIGSTOP)",
    "the KDC killed": "KDC killed and started again",
    "the KDC stopped for a while": "KDC stopped for a while (SIGSTOP)",
}


def report(soak: Soak, found: Findings) -> str:
    """The figures."""
    options = soak.options
    rows: list[tuple[str, object]] = [
        ("seed", f"`{options.seed}`"),
        ("Python", platform.python_version()),
        ("client processes, of four threads", options.processes),
        ("seconds", round(soak.seconds)),
        ("commands", found.commands),
        ("… answered, each rightly and run once", found.answered),
        ("… failed or left, may have run", found.perhaps),
        ("… failed, and not run, as the error says", found.never),
        ("commands that the servers ran", found.ran),
        ("connections that they ran on", found.connections),
        *((words, found.done[name]) for name, words in OTHERS.items()),
    ]
    rests = found.rests.values()
    for number, one in enumerate(rests, 1):
        begin, end = tenths(one, "memory")
        before, after = tenths(one, "in_use")
        first, last = one[0], one[-1]
        rows += [
            (
                f"memory of client {number}, first and last tenth (MiB)",
                f"{begin / 1024:.1f}, {end / 1024:.1f}",
            ),
            (
                "of that the heap in use (MiB)",
                f"{before / 1024:.2f}, {after / 1024:.2f}",
            ),
            (
                "its descriptors, after the warm-up and at the end",
                f"{first.descriptors}, {last.descriptors}",
            ),
            ("its threads", f"{first.threads}, {last.threads}"),
        ]
    rows.append(("faults", len(found.faults)))
    text = "| | |\n| --- | ---: |\n"
    text += "".join(
        f"| {name} | {value:,} |\n" if isinstance(value, int) else f"| {name} | {value} |\n"
        for name, value in rows
    )
    text += "\n| how commands without an answer ended | |\n| --- | ---: |\n"
    for name, times in sorted(found.endings.items()):
        shown = re.sub("^(Remctl[A-Za-z]+)", r"`\1`", name)
        text += f"| {shown} | {times:,} |\n"
    return text


def write_docs(soak: Soak, found: Findings) -> None:
    """Put the figures where the page has those of the soak before."""
    before = PAGE.read_text().partition(MARK)[0]
    PAGE.write_text(f"{before}{MARK}\n{report(soak, found)}")
