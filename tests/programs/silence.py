"""Silence everywhere: does each call end in time, say what is true, and leave nothing?

    python -m tests.programs.silence [--calls WORD] [--causes WORD] [--world WORLD]

makes every public call, in each world, while one thing is silent or slow: the server at each
stage, the KDC, DNS, a locked cache or keytab, KCM, the caller's own code. Each call has half a
second. It has to end a quarter of a second later at the latest, with the right kind of error and
a true `may_have_run` (the server's record tells); an event loop is never late by more than 50 ms;
and no descriptor, thread or task is left. What may be the fault of a busy machine is tried three
times. Prints the table as Markdown, and what was wrong. Silent DNS takes root.

`tests.programs.silence_causes` has what is silent, `silence_calls`, `silence_many` and
`silence_commands` the calls, `silence_measure` what is measured.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from remctl.testing import Realm

from tests.programs.silence_calls import CONNECTION, CREDENTIALS, Call
from tests.programs.silence_causes import CAUSES, Cause
from tests.programs.silence_commands import COMMANDS, starting
from tests.programs.silence_ground import Ground, grounds, launcher
from tests.programs.silence_many import MANY, POOLS
from tests.programs.silence_measure import TRIES, Ending, Expected, measure
from tests.support import hosts
from tests.support.ticking import Beside

CALLS: dict[str, list[Call]] = {
    "connection": CONNECTION,
    "pool": POOLS,
    "many hosts": MANY,
    "credentials": CREDENTIALS,
    "command line": COMMANDS,
}


@dataclass(frozen=True)
class Cell:
    """One call in one silence."""

    group: str
    call: Call
    cause: Cause
    world: str

    def __str__(self) -> str:
        return f"{self.world}, {self.group}: {self.call.name}, {self.cause.name}"

    def try_it(self, ground: Ground, beside: Beside) -> Result:
        """Make the call; again where a busy machine may be at fault."""
        program = self.world == "command line"
        for _ in range(TRIES):
            start = starting(ground) if program else 0.0
            ending = measure(self.world, self.call, self.cause, ground, beside)
            start = max(start, starting(ground)) if program else 0.0
            expected = Expected.of(self.call, self.cause, self.world, self.group)
            expected = replace(expected, start=start)
            wrong, late = expected.faults(ending)
            if wrong or not late:
                break
        return Result(self, expected, ending, wrong + late)


@dataclass
class Result:
    """How it went."""

    cell: Cell
    expected: Expected
    ending: Ending
    faults: list[str] = field(default_factory=list)


def cells(names: bool = True) -> Iterator[Cell]:
    """Every cell; those that take names of our own are left out if there are `names` not."""
    for group, calls in CALLS.items():
        for call in calls:
            for cause in CAUSES:
                if cause.step not in call.steps or (call.lost and not cause.lost):
                    continue
                if cause.names and not names:
                    continue
                for world in call.worlds:
                    if world == "command line" and cause.in_process:
                        continue
                    yield Cell(group, call, cause, world)


def table(group: str, results: list[Result]) -> Iterator[str]:
    """The lines of a group's table: rows of calls, a cell has the longest of all worlds."""
    own = [result for result in results if result.cell.group == group]
    causes = [one.name for one in CAUSES if any(one is result.cell.cause for result in own)]
    calls = list(dict.fromkeys(result.cell.call.name for result in own))
    yield f"| {group} | " + " | ".join(calls) + " |"
    yield "| --- |" + " ---: |" * len(calls)
    for cause in causes:
        row = []
        for call in calls:
            here = [
                result
                for result in own
                if (result.cell.call.name, result.cell.cause.name) == (call, cause)
            ]
            text = f"{max(one.ending.seconds for one in here):.2f}" if here else ""
            wrong = [f"{one.cell.world}: {'; '.join(one.faults)}" for one in here if one.faults]
            row.append("<br>".join([text, *wrong]))
        yield f"| {cause} | " + " | ".join(row) + " |"


def folded(results: list[Result]) -> Iterator[str]:
    """The lines of a table of all: how many calls of a group met a cause, and their seconds."""
    groups, dash = list(dict.fromkeys(result.cell.group for result in results)), "\N{EN DASH}"
    yield "| silent or slow | " + " | ".join(groups) + " |"
    yield "| --- |" + " ---: |" * len(groups)
    for cause in CAUSES:
        row = []
        for group in groups:
            taken = [
                one.ending.seconds
                for one in results
                if one.cell.cause is cause and one.cell.group == group
            ]
            if not taken:
                row.append("")
                continue
            spread = dict.fromkeys(f"{seconds:.2f}" for seconds in (min(taken), max(taken)))
            row.append(f"{len(taken)}: {dash.join(spread)}")
        if any(row):
            yield f"| {cause.name} | " + " | ".join(row) + " |"


def summary(results: list[Result]) -> Iterator[str]:
    """The lines of a table of worlds."""
    yield "| world | calls | latest | loop late | beside | wrong |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for world in dict.fromkeys(result.cell.world for result in results):
        own = [result for result in results if result.cell.world == world]
        latest = max(one.ending.seconds - one.expected.seconds - one.expected.start for one in own)
        late = max(one.ending.late for one in own)
        beside = max(one.ending.beside for one in own)
        wrong = sum(bool(one.faults) for one in own)
        late_text = f"{1000 * late:.0f} ms" if late else ""
        yield (
            f"| {world} | {len(own)} | {latest:.2f} s | {late_text} | {1000 * beside:.0f} ms "
            f"| {wrong} |"
        )


def try_all(realm: Realm, chosen: list[Cell], named: Path | None) -> list[Result]:
    """Try them, and tell of those that are wrong."""
    results = []
    with grounds(realm, named) as ground, Beside() as beside:
        for cell in chosen:
            result = cell.try_it(ground, beside)
            results.append(result)
            for fault in result.faults:
                print(f"{cell}: {fault}", file=sys.stderr, flush=True)
    return results


def main() -> bool:
    """Try all or some; whether nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", default="", help="only calls that have this in their name")
    parser.add_argument("--causes", default="", help="only causes that have this in their name")
    parser.add_argument("--world", help="only this world")
    parser.add_argument("--names", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.names is None and hosts.available():
        with tempfile.TemporaryDirectory(prefix="remctl-silence-names-") as folder:
            program = [sys.executable, "-m", "tests.programs.silence", *sys.argv[1:]]
            words = [*launcher(Path(folder)), *program, "--names", f"{folder}/hosts"]
            return os.spawnvp(os.P_WAIT, words[0], words) == 0
    chosen = [
        cell
        for cell in cells(names=arguments.names is not None)
        if arguments.calls in f"{cell.group}: {cell.call.name}"
        and arguments.causes in cell.cause.name
        and arguments.world in (None, cell.world)
    ]
    begin = time.monotonic()
    with Realm() as realm, realm.environ():
        results = try_all(realm, chosen, arguments.names)
    for group in dict.fromkeys(cell.group for cell in chosen):
        print("", *table(group, results), sep="\n")
    print("", *folded(results), "", *summary(results), sep="\n")
    wrong = sum(bool(result.faults) for result in results)
    print(f"\n{len(results)} calls, {wrong} wrong, {time.monotonic() - begin:.0f} s")
    return not wrong


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
