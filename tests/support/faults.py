"""Runs `faulty.py` with `shim.c` under it, and reads its results."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from remctl.testing import Server

from tests.support.compiled import compile_program
from tests.support.faulty import Outcome

HERE = Path(__file__).parent
EXTENSION = "_remctl."


def build_shim(folder: Path) -> Path:
    """Compile the layer that makes calls fail."""
    return compile_program(folder, "shim.so", "-shared", "-fPIC", "-ldl")


@dataclass
class Report:
    """What a process said, and how it ended."""

    outcomes: list[Outcome]
    wrong: list[str]


def inject(
    shim: Path,
    server: Server,
    scenes: Sequence[str] = (),
    functions: Sequence[str] = (),
    most: tuple[int, int] = (1_000_000, 1_000_000),
    libraries: str = EXTENSION,
    timeout: float = 100.0,
) -> Report:
    """Play scenes (all of them) with failing functions (all).

    `most` limits how many calls fail in turn: where one fails, and where all do from then on.
    """
    options = {
        "port": server.port,
        "principal": server.principal,
        "libraries": libraries,
        "scenes": list(scenes),
        "functions": list(functions),
        "most": list(most),
    }
    command = [sys.executable, "-m", "tests.support.faulty", str(shim), json.dumps(options)]
    wrong: list[str] = []
    try:
        done = subprocess.run(
            command,
            cwd=HERE.parents[1],
            env=os.environ | {"LD_PRELOAD": str(shim), "PYTHONFAULTHANDLER": "1"},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        said, status, errors = done.stdout, done.returncode, done.stderr
    except subprocess.TimeoutExpired as expired:
        said = expired.stdout.decode() if expired.stdout else ""
        status, errors = None, "it hangs"
    outcomes: list[Outcome] = []
    where = last = "at the beginning"
    for line in said.splitlines():
        kind, what = json.loads(line)
        if kind == "try":
            last = f"{where}, call {what}"
            continue
        outcome = Outcome(**what)
        where = f"{outcome.scene}, {outcome.function}, {outcome.error}, {outcome.go_on}"
        if kind == "end":
            outcomes.append(outcome)
            wrong += [f"{where}: {text}" for text in outcome.wrong]
    if status != 0:
        wrong.append(f"{last}: it ended with {status}: {errors[-3000:]}")
    elif errors:
        wrong.append(errors[-3000:])
    return Report(outcomes, wrong)
