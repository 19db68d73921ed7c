"""The command lines that `tests.programs.silence` runs."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

from remctl._errors import make

from tests.programs.silence_calls import ANSWERED, OPENING, Begin, Call
from tests.programs.silence_ground import Ground, Kind, Place
from tests.programs.silence_world import LIMIT, Act, World
from tests.support.programs import PYREMCTL

LONG = 1000  # bytes: a longer argument comes from standard input


def _program(*options: str, host: bool, command: bool) -> Begin:
    """`pyremctl`: the host is an operand, or one of `-H`; the error is that of `--json`."""

    async def begin(_: World, __: Ground, place: Place) -> Act:
        words = [*PYREMCTL, "--json", "--timeout", str(LIMIT)]
        words += ["-p", str(place.port), "-s", place.principal, *options]
        words += [word for name, value in place.tickets.items() for word in _tickets(name, value)]
        given = b""
        if command and len(place.command[-1]) > LONG:
            words.append("--stdin")
            given = place.command[-1]
        words += [place.host] if host else ["--no-config", "-H", place.host]
        if command:
            words += [word.decode() for word in place.command if len(word) <= LONG]

        def act() -> None:
            done = subprocess.run(words, input=given, capture_output=True, timeout=60)
            assert done.stdout, done.stderr
            outcome: Any = json.loads(done.stdout)
            if outcome["error"] is not None:
                ran = outcome["may_have_run"]
                raise make(outcome["kind"], outcome["error"], may_have_run=ran)

        return act

    return begin


def _tickets(name: str, value: object) -> list[str]:
    return [f"--{name}", str(value)]


def starting(ground: Ground) -> float:
    """How many seconds the program takes just now, where everything answers at once."""
    place = ground.place(Kind.QUIET)
    words = [*PYREMCTL, "--json", "-p", str(place.port), "-s", place.principal]
    words += ["--no-config", "-H", place.host, *(word.decode() for word in place.command)]
    begin = time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.monotonic() - begin


_WORLD = ("command line",)

COMMANDS = [
    Call(
        "pyremctl HOST",
        _program(host=True, command=True),
        OPENING | ANSWERED,
        sends=True,
        worlds=_WORLD,
    ),
    Call(
        "pyremctl -H",
        _program(host=False, command=True),
        OPENING | ANSWERED,
        sends=True,
        worlds=_WORLD,
    ),
    Call(
        "pyremctl --check", _program("--check", host=False, command=False), OPENING, worlds=_WORLD
    ),
]
