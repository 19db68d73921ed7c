"""The clients that are measured, each a process that runs one scenario on request."""

from __future__ import annotations

import compileall
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
SYSTEM_PYTHON = "/usr/bin/python3"

# With a process's inverted number it makes the clock of its processor time: clock_getcpuclockid(3).
_CPUCLOCK_SCHED = 2


class ClientFailed(Exception):
    """A client ended too early; it has said why on standard error."""


@dataclass(frozen=True)
class Client:
    """One way to speak remctl: `command` runs it, `prefix` goes before a scenario's name."""

    key: str
    title: str
    command: tuple[str, ...]
    prefix: str = ""
    env: Mapping[str, str] = field(default_factory=dict)


def all_clients(build: Path, bundled: Path | None = None) -> dict[str, Client]:
    """The clients by key; the harness in C is compiled into the folder `build`.

    `bundled` is a self-contained wheel, which is unpacked there; without one nobody has that name.
    """
    harness = compile_c(build / "c_client", "c_client.c", "-lremctl", "-pthread")
    worker = str(HERE / "worker.py")
    loop_worker = str(HERE / "loop_worker.py")
    clients = [
        Client("c", "C", (str(harness),)),
        Client("old", "old binding", (SYSTEM_PYTHON, worker)),
        Client("ours", "pyremctl", (sys.executable, worker)),
        Client("loop", "pyremctl in an event loop", (sys.executable, loop_worker)),
        Client("program", "program", (sys.executable, worker), "program-"),
    ]
    if bundled is not None:
        folder = build / "bundled"
        with zipfile.ZipFile(bundled) as wheel:
            wheel.extractall(folder)
        compileall.compile_dir(folder, quiet=1)  # as pip does
        # Before what is installed.
        env = {"PYTHONPATH": str(folder)}
        clients.append(
            Client("bundled", "the self-contained wheel", (sys.executable, worker), env=env)
        )
    return {client.key: client for client in clients}


def compile_c(target: Path, source: str, *arguments: str) -> Path:
    """Compile a file of this folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    warnings = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
    command = ["cc", "-O2", *warnings, "-o", str(target), str(HERE / source), *arguments]
    subprocess.run(command, check=True)
    return target


@dataclass(frozen=True)
class Place:
    """A server as clients see it."""

    host: str
    port: int
    principal: str


class Worker:
    """A client at work on one scenario, until its `with` block is left.

    `before` are words to put before its command, such as those of strace.
    """

    def __init__(
        self,
        client: Client,
        place: Place,
        scenario: str,
        argument: object = "hello",
        *,
        before: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        words = [place.host, str(place.port), place.principal, client.prefix + scenario]
        self._process = subprocess.Popen(
            [*before, *client.command, *words, str(argument)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **client.env, **(env or {})},
        )
        self.pid = self._process.pid
        self._scenario = f"{client.title} {scenario} {argument}"
        self._read()

    def _read(self) -> list[float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ClientFailed(f"a client failed in {self._scenario}")
        return [nanoseconds * 1e-9 for nanoseconds in json.loads(line)]

    def run(self, count: int) -> list[float]:
        """Run the scenario so many times; the seconds that each took."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"%d\n" % count)
        self._process.stdin.flush()
        return self._read()

    def memory(self, name: str) -> int:
        """A line of /proc/PID/status that tells kilobytes, such as VmHWM; in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise KeyError(name)

    def threads(self) -> int:
        """How many threads it has."""
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def busy(self) -> float:
        """Seconds of processor time so far, to the nanosecond, without those of its children."""
        return time.clock_gettime((~self.pid << 3) | _CPUCLOCK_SCHED)

    def processor(self) -> float:
        """Seconds of processor time so far, its ended children's included, to 0.01 s."""
        # What stands before is the name, which may have anything in it.
        stat = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, stat[11:15])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        """How many descriptors it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
