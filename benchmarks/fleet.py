"""One command on many hosts: pyremctl -H beside clush's exec worker and xargs, 64 at a time.

    python -m benchmarks.fleet [hosts [rounds]]

prints what each of the three takes for 1,000 hosts, and pyremctl's share of what the others take:
time, processor time and peak memory, of the program with all the processes that it starts. They
take turns, on one remctld that is all of the hosts; figures are medians, and a ratio is the median
of the rounds' ratios. clush and xargs start Debian's C program remctl once for each host.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from remctl.testing import Realm

from benchmarks import machine
from benchmarks.clients import compile_c
from benchmarks.lab import serve

AT_ONCE = 64
SAMPLE = 0.02  # seconds from one look at the memory to the next


@dataclass(frozen=True)
class Cost:
    """What a run takes: seconds, seconds of the processor, and MiB at its peak."""

    wall: float
    processor: float
    memory: float

    def __str__(self) -> str:
        return f"{self.wall:7.2f} s {self.processor:7.2f} s {self.memory:8.1f} MiB"


class Peak(threading.Thread):
    """The most memory that a process and its descendants have at once.

    It is what they have for themselves, and their share of what they share.
    """

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.mebibytes = 0.0
        self._pid = pid
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        """Look, until the end."""
        while not self._over.wait(SAMPLE):
            self.mebibytes = max(self.mebibytes, sum(map(_share, _family(self._pid))) / 1024)

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


def _family(pid: int) -> list[int]:
    """A process and its descendants, as far as they are still there."""
    found = [pid]
    for one in found:
        try:
            for children in Path(f"/proc/{one}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        except OSError:  # it has ended
            pass
    return found


def _share(pid: int) -> int:
    """The KiB of a process: those that it shares are counted in parts."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def measure(command: Sequence[str], hosts: Path, number: int) -> Cost:
    """Run a program with the hosts on its standard input, and see that each has answered."""
    with hosts.open("rb") as stdin, tempfile.TemporaryFile() as output:
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=stdin, stdout=output)
        peak = Peak(process.pid)
        # wait4() has the processor time of all that have been waited for below it, too.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        peak.stop()
        output.seek(0)
        answers = output.read().count(b"hello\n")
    if process.returncode or answers != number:
        raise RuntimeError(f"{command[0]}: status {process.returncode}, {answers} answers")
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak.mebibytes)


def compare(number: int, rounds: int) -> dict[str, list[Cost]]:
    """The costs of each program, round by round."""
    costs: dict[str, list[Cost]] = {"pyremctl -H": [], "clush -R exec": [], "xargs -P": []}
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Realm() as realm,
        realm.environ(),
        serve(
            realm,
            compile_c(Path(folder, "c_commands"), "c_commands.c", "-static"),
            addresses=["0.0.0.0"],
        ) as server,
    ):
        hosts = Path(folder, "hosts")
        hosts.write_text("".join(f"127.1.{i // 250}.{i % 250 + 1}\n" for i in range(number)))
        place = ["-p", str(server.port), "-s", server.principal]
        words = ["bench", "hello"]
        at_once = str(AT_ONCE)
        scripts = Path(sys.executable).parent
        commands = {
            "pyremctl -H": [
                *(str(scripts / "pyremctl"), "--hosts", "-", "--limit", at_once),
                *place,
                *words,
            ],
            "clush -R exec": [
                *(str(scripts / "clush"), "-R", "exec", "-f", at_once, "--hostfile", str(hosts)),
                *("remctl", *place, "%h", *words),
            ],
            "xargs -P": ["xargs", "-P", at_once, "-I{}", "remctl", *place, "{}", *words],
        }
        for turn in range(rounds):
            names = list(commands)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                costs[name].append(measure(commands[name], hosts, number))
    return costs


def main(number: int = 1_000, rounds: int = 5) -> None:
    """Measure, and print."""
    load = machine.load()
    costs = compare(number, rounds)
    print(f"a command on {number:,} hosts, {AT_ONCE} at a time; load average {load} before")
    print(f"{'':16}{'time':>9}{'processor':>12}{'memory':>11}")
    ours = costs["pyremctl -H"]
    for name, theirs in costs.items():
        middle = Cost(*map(statistics.median, zip(*map(astuple, theirs), strict=True)))
        shares = "" if theirs is ours else f"   pyremctl's share: {_shares(ours, theirs)}"
        print(f"{name:16}{middle}{shares}")


def _shares(ours: list[Cost], theirs: list[Cost]) -> str:
    rounds = zip(map(astuple, ours), map(astuple, theirs), strict=True)
    ratios = [[one / other for one, other in zip(*costs, strict=True)] for costs in rounds]
    return ", ".join(f"{statistics.median(column):.2f}" for column in zip(*ratios, strict=True))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
