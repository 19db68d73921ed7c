"""Instructions of the verbs and of loading the package, counted with callgrind: they do not depend
on how busy the machine is, so that a commit that makes them grow can be told from a bad day.

    scripts/dev instructions [--write]

compares with the figures in `instructions.json` and fails where one has grown by more than 5 %
(one host of many: 15 %). `--write` writes the figures of today there: a commit that has a reason to
grow does so.

Counted is what happens from the Python statement on, without what libremctl and Kerberos do
below it: in the interpreter, in the extension, in libc for both. A run of few calls and one of many
are compared, so that starting and connecting cancel out; the lines of an answer lie ready when
they are read, so that waiting does not count.

Figures hold for one environment: its versions are beside them. Where there are none for this one
nothing can be compared; that is said, and with --strict (continuous integration) it is a failure
that `--write` mends.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import remctl

from benchmarks.clients import Place, Worker
from benchmarks.lab import SMOKE, Lab, laboratory, serve
from benchmarks.machine import cpu

FIGURES = Path(__file__).with_name("instructions.json")
ALLOWED_GROWTH = 1.05
# How many hosts are being opened at the same moment differs from run to run.
HOST_GROWTH = 1.15
AGAIN = 2  # times that what has grown is measured once more
LINES = 200
# Times that a scenario is run. Two starts of one client differ by 30,000 instructions or so: spread
# over 50 calls that is 4 % of a noop, over 200 it is 1 %.
FEW, MANY = 10, 210
# More than are under way at once, so that what they share cancels out too.
FEW_HOSTS, MANY_HOSTS = 128, 384

ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}

LIBRARY = "libremctl.so"
Figures = dict[str, float]


def environment() -> dict[str, str]:
    """What the figures depend on. The CPU is told, but callgrind runs all alike."""
    info = remctl.build_info()
    return {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "compiler": info.compiler,
        "pybind11": info.pybind11,
        "libc": " ".join(platform.libc_ver()),
        "flavour": info.flavour,
    }


def own_cost(profile: Iterable[str]) -> int:
    """The instructions in a callgrind profile that are not spent in or below libremctl.

    A profile tells for each function what it costs itself, and after each `calls=` line what
    that call has cost with all below it.
    """
    names: dict[str, str] = {}

    def name(text: str) -> str:
        number, _, rest = text.partition(" ")
        return names.setdefault(number, rest) if rest else names[number]

    total = below = 0
    here = there = ""
    of_call = False
    for line in profile:
        if line.startswith("ob="):
            here = name(line[3:].rstrip())
        elif line.startswith("cob="):
            there = name(line[4:].rstrip())
        elif line.startswith("fn="):
            there = here
        elif line.startswith("calls="):
            of_call = True
        elif line[:1] in "+-*0123456789" and (numbers := line.split())[1:]:
            cost = int(numbers[1])
            if not of_call:
                total += cost
            elif LIBRARY in there and LIBRARY not in here:
                below += cost
            if of_call:
                there = here  # a call without cob= stays in its object
            of_call = False
    return total - below


def profiled(command: Sequence[str], run: Callable[[Sequence[str]], None]) -> int:
    """The instructions of a process, which `run` starts with these words in front."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        profile = Path(folder) / "callgrind"
        run(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={profile}", *command])
        with profile.open() as file:
            return own_cost(file)


def count(
    lab: Lab, client: str, scenario: str, argument: object, times: int, place: Place | None = None
) -> int:
    """The instructions of a client that runs a scenario so often."""

    def run(before: Sequence[str]) -> None:
        with Worker(
            lab.clients[client],
            place or lab.near,
            scenario,
            argument,
            before=before,
            env=ENVIRONMENT,
        ) as worker:
            worker.run(times)

    return profiled([], run)


def count_hosts(lab: Lab) -> float:
    """The instructions of `run_many()` for one host of many."""
    with serve(lab.realm, lab.program, addresses=["0.0.0.0"]) as server:
        place = Place("127.0.0.1", server.port, lab.near.principal)
        few, many = (
            count(lab, "ours", "many", hosts, 1, place) for hosts in (FEW_HOSTS, MANY_HOSTS)
        )
    return (many - few) / (MANY_HOSTS - FEW_HOSTS)


def program(text: str) -> int:
    """The instructions of Python with a program of one line.

    Without the garbage collector: one object more may mean one collection more, of 1.5 million
    instructions.
    """

    def run(command: Sequence[str]) -> None:
        subprocess.run(command, env={**os.environ, **ENVIRONMENT}, check=True)

    return profiled([sys.executable, "-c", f"import gc; gc.disable(); {text}"], run)


def measure(lab: Lab) -> Figures:
    """Instructions for each call.

    `command`: a command and its answer of one line; `output`: one more line of an answer;
    `open`, `run`, `noop`: what they are called; `dispatch`: an awaited `run()`, the event loop's
    part included; `host`: one host of many in `run_many()`; `import`: loading `remctl` and what
    it needs, beyond Python's own start.
    """

    def each(scenario: str, argument: object = "nothing", client: str = "ours") -> float:
        few, many = (count(lab, client, scenario, argument, times) for times in (FEW, MANY))
        return (many - few) / (MANY - FEW)

    small, large = each("lines", 1), each("lines", 1 + LINES)
    return {
        "command": round(small),
        "output": round((large - small) / LINES),
        "open": round(each("open")),
        "run": round(each("run")),
        "noop": round(each("noop")),
        "dispatch": round(each("run", client="loop")),
        "host": round(count_hosts(lab)),
        "import": program("from remctl import remctl") - program("pass"),
    }


def known(environment: dict[str, str]) -> Figures | None:
    """The committed figures for an environment."""
    for entry in json.loads(FIGURES.read_text()) if FIGURES.exists() else []:
        if entry["environment"] == environment:
            figures: Figures = entry["instructions"]
            return figures
    return None


def write(environment: dict[str, str], figures: Figures) -> None:
    """Put the figures for an environment into the file."""
    entries = json.loads(FIGURES.read_text()) if FIGURES.exists() else []
    entries = [entry for entry in entries if entry["environment"] != environment]
    entries.append({"environment": environment, "cpu": cpu(), "instructions": figures})
    FIGURES.write_text(json.dumps(entries, indent=2) + "\n")


def grown(before: Figures, after: Figures) -> list[str]:
    """What has grown by more than is allowed, in words."""
    return [
        f"{name}: {before[name]:,.0f} instructions before, {after[name]:,.0f} now"
        for name in before
        if after[name] > before[name] * (HOST_GROWTH if name == "host" else ALLOWED_GROWTH)
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="scripts/dev instructions")
    parser.add_argument("--write", action="store_true", help="write the figures of today")
    parser.add_argument("--strict", action="store_true", help="fail where none can be compared")
    options = parser.parse_args(arguments)
    here = environment()
    before = known(here)
    with laboratory(SMOKE) as lab:
        figures = measure(lab)
        # How often a thread is woken differs a little from run to run; growth does not.
        again = 0 if options.write else AGAIN
        while before and again and grown(before, figures):
            again -= 1
            figures = {name: min(figures[name], one) for name, one in measure(lab).items()}
    for name, figure in figures.items():
        committed = f", {before[name]:,.0f} committed" if before and name in before else ""
        print(f"{name}: {figure:,.0f} instructions{committed}")
    if options.write:
        write(here, figures)
    elif before is None:
        print(f"{FIGURES.name} has no figures for this environment: {here}")
        if options.strict:
            sys.exit("write them with: scripts/dev instructions --write")
    elif too_much := grown(before, figures):
        sys.exit(
            "\n".join(
                [
                    *too_much,
                    "If there is a reason for it: scripts/dev instructions --write, and commit.",
                ]
            )
        )


if __name__ == "__main__":
    main()
