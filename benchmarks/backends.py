"""Commands of a remctld in Python and in Perl: what a process costs before it does its work."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.clients import HERE
from benchmarks.lab import Lab, LeftOut
from benchmarks.rows import Goal, Row, milliseconds, timed_row

PYTHON = (sys.executable, "-I")
PERL = ("perl",)

EMPTY: dict[str, tuple[str, ...]] = {
    "ours": (*PYTHON, "-c", "pass"),
    "perl": (*PERL, "-e", "1"),
}
LOADED: dict[str, tuple[str, ...]] = {
    "ours": (*PYTHON, "-c", "import remctl.backend"),
    "perl": (*PERL, "-e", "use Net::Remctl::Backend; 1"),
}


def starting(lab: Lab) -> Iterator[Row]:
    """Processor time of new processes: the module loaded, and a whole command that says hello."""
    command: dict[str, tuple[str, ...]] = {
        "c": (str(lab.program), "hello"),
        "ours": (*PYTHON, str(HERE / "backend_hello.py"), "hello"),
        "perl": (*PERL, str(HERE / "backend_hello.pl"), "hello"),
    }
    try:
        processor_time(LOADED["perl"])
    except (OSError, subprocess.CalledProcessError) as error:
        raise LeftOut(f"no Net::Remctl::Backend (libnet-remctl-perl): {error}") from error
    rounds = max(2, lab.effort.times(100))
    empty, loaded, whole = interleaved([EMPTY, LOADED, command], rounds)
    more = {
        client: [[with_it - without] for with_it, without in zip(loaded[client], base, strict=True)]
        for client, base in empty.items()
    }
    yield timed_row(
        "backend-import",
        "loading remctl.backend, or Net::Remctl::Backend, into an empty program",
        "ms",
        more,
        milliseconds,
        goal=Goal("figure", 5),
        note="processor time",
    )
    yield timed_row(
        "backend-command",
        "a command that says hello, its whole process",
        "ms",
        {client: [[seconds] for seconds in each] for client, each in whole.items()},
        milliseconds,
        note="processor time; an empty program takes "
        + f"{statistics.median(empty['ours']) * 1e3:.1f} ms in Python"
        + f" and {statistics.median(empty['perl']) * 1e3:.1f} ms in Perl",
    )


def interleaved(
    programs: Sequence[Mapping[str, Sequence[str]]], rounds: int
) -> list[dict[str, list[float]]]:
    """The seconds of each program in each round; what is compared runs one after another."""
    times: list[dict[str, list[float]]] = [{client: [] for client in each} for each in programs]
    for _ in range(rounds):
        for found, each in zip(times, programs, strict=True):
            for client, command in each.items():
                found[client].append(processor_time(command))
    return times


def processor_time(command: Sequence[str]) -> float:
    """The seconds of processor time that a process takes; a busy machine does not change them."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime + usage.ru_stime
