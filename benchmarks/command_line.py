"""What the command line costs, a process for each command."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.lab import Lab
from benchmarks.rows import Goal, Row, milliseconds, timed_row

# The seconds of a call in a new interpreter, without those of the import.
_CALL = """
import sys, time
import remctl
remctl.Remctl
host, port, principal = sys.argv[1:]
start = time.perf_counter()
remctl.remctl(host, port, principal, ["bench", "hello"])
print(time.perf_counter() - start)
"""


def command_line(lab: Lab) -> Iterator[Row]:
    """`pyremctl host true` beside `remctl`, and beside what it cannot do without."""
    place = lab.near
    words = ["-p", str(place.port), "-s", place.principal, place.host, "bench", "hello"]
    script = Path(sys.executable).with_name("pyremctl")
    call = [sys.executable, "-c", _CALL, place.host, str(place.port), place.principal]
    samples: dict[str, list[list[float]]] = {"program": [], "ours": []}
    own: list[list[float]] = []
    for _ in range(max(2, lab.effort.times(100))):
        samples["program"].append([_seconds(["remctl", *words])])
        samples["ours"].append([_seconds([str(script), *words])])
        start = _seconds([sys.executable, "-c", "pass"])
        blocking = float(subprocess.check_output(call))
        own.append([samples["ours"][-1][0] - start - blocking])
    title = "one command from the command line"
    yield timed_row("command-line", title, "ms", samples, milliseconds)
    yield timed_row(
        "command-line-own",
        f"{title}, beyond `python -c pass` and the call",
        "ms",
        {"ours": own},
        milliseconds,
        goal=Goal("figure", 8),
    )


def _seconds(command: Sequence[str]) -> float:
    """How long a process takes."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
