"""The soak: clients that do everything at once, while servers and the KDC come and go.

`scripts/dev soak` runs it; `tests/trust/test_soak.py` runs a short one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from remctl.testing import Command, Realm, Server

from tests.programs.soak_record import Findings, judge, lines
from tests.support.compiled import compile_program

TOP = Path(__file__).parents[2]
SERVERS = 3
# What clients may need after their time, in seconds: their acts end, and they come to rest.
LAST_ACTS = 400.0

# Have the heap give back what is free, whatever was allocated at a time. It would otherwise keep
# more of it, in each of its arenas, the larger the blocks that it has seen.
MALLOC = {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"}

TAKE = """#!PYTHON -IS
# soak take NONCE STATUS: put the nonce on record, and answer the length and the SHA-256 of
# standard input.
import hashlib, os, sys
record = os.open("RECORD", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(record, f"{sys.argv[2]} {os.getppid()}\\n".encode())
data = sys.stdin.buffer.read()
print(sys.argv[2], len(data), hashlib.sha256(data).hexdigest())
sys.exit(int(sys.argv[3]))
"""


@dataclass
class Options:
    """How long, how much, and from which seed."""

    seed: str
    seconds: float = 0  # 0: until the commands are used up
    commands: int = 0  # of all processes; 0: until the time is over
    processes: int = 3
    keep: Path | None = None  # a folder for the record and the clients' notes

    @property
    def round(self) -> float:
        """The seconds of a round: thirty of them, and not long ones."""
        return min(20.0, self.seconds / 30 if self.seconds else 20.0)


@dataclass
class Soak:
    """A soak, from its begin to its findings."""

    options: Options
    done: Counter[str] = field(default_factory=Counter)
    seconds: float = 0

    def run(self) -> Findings:
        """All of it, in a realm of its own."""
        begin = time.monotonic()
        with Realm() as realm, tempfile.TemporaryDirectory() as folder:
            record = realm.folder / "record"
            programs = {
                "note": compile_program(
                    realm.folder, "soak_note", "-static", f'-DRECORD="{record}"'
                ),
                "take": Command(
                    TAKE.replace("RECORD", str(record)).replace("PYTHON", sys.executable),
                    stdin="last",
                ),
            }
            # The server's file of authenticators that were seen is written through to the disk
            # at each handshake: that is slow, and none of ours.
            env = {"KRB5RCACHENAME": "none:"}
            servers = [realm.server({"soak": programs}, env=env) for _ in range(SERVERS)]
            with contextlib.ExitStack() as stack:
                for server in servers:
                    stack.enter_context(server)
                keytab = realm.make_keytab(realm.user)
                clients = [
                    stack.enter_context(Process(self.options, name, realm, servers, keytab, folder))
                    for name in self.names()
                ]
                self.disturb(realm, servers, clients)
            notes = {name: lines(Path(folder, f"{name}.notes")) for name in self.names()}
            found = judge(lines(record), notes)
            if self.options.keep:
                shutil.copytree(folder, self.options.keep, dirs_exist_ok=True)
                shutil.copy(record, self.options.keep)
            for client in clients:
                found.faults += client.faults()
        self.seconds = time.monotonic() - begin
        found.done += self.done
        return found

    def names(self) -> list[str]:
        """The clients'."""
        return [f"{self.options.seed}-{number}" for number in range(self.options.processes)]

    def disturb(self, realm: Realm, servers: list[Server], clients: list[Process]) -> None:
        """Kill, stop and restart, until all clients have ended; nothing stays so."""
        rng = random.Random(self.options.seed)
        # The first tenth of the time is for the warm-up, and as good as the rest.
        while any(client.runs() for client in clients):
            server = rng.choice(servers)
            way = rng.choices(range(4), [6, 5, 1, 1])[0]
            if way == 0:
                server.stop()
                time.sleep(rng.choice([0, 0, rng.uniform(0, 0.5)]))
                server.start()
                self.done["a server killed"] += 1
            elif way == 1:
                self.away(server.pause, server.resume, rng.uniform(0, 1.5))
                self.done["a server stopped for a while"] += 1
            elif way == 2:
                self.away(realm.stop_kdc, realm.start_kdc, rng.uniform(0, 1.0))
                self.done["the KDC killed"] += 1
            else:
                self.away(realm.pause_kdc, realm.resume_kdc, rng.uniform(0, 1.5))
                self.done["the KDC stopped for a while"] += 1
            time.sleep(rng.uniform(0, 0.8))

    @staticmethod
    def away(take: Callable[[], None], give: Callable[[], None], seconds: float) -> None:
        """Take something away for so long."""
        take()
        try:
            time.sleep(seconds)
        finally:
            give()


class Process:
    """A client; ended with the block, whatever happens."""

    def __init__(
        self,
        options: Options,
        name: str,
        realm: Realm,
        servers: list[Server],
        keytab: Path,
        folder: str,
    ) -> None:
        self.name = name
        self.output = Path(folder, f"{name}.output")
        self.deadline = options.seconds and time.monotonic() + options.seconds + LAST_ACTS
        self.hung = False
        arguments = {
            "name": name,
            "seed": options.seed,
            "notes": Path(folder, f"{name}.notes"),
            "ports": ",".join(str(server.port) for server in servers),
            "principal": servers[0].principal,
            "keytab": keytab,
            "seconds": options.seconds,
            "commands": options.commands // options.processes,
            "round": options.round,
        }
        ccache = realm.kinit(ccache=realm.folder / f"ccache-{name}")
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.programs.soaker",
                    *(f"--{key}={value}" for key, value in arguments.items()),
                ],
                cwd=TOP,
                env=os.environ | realm.env | MALLOC | {"KRB5CCNAME": ccache},
                stdout=output,
                stderr=output,
            )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def runs(self) -> bool:
        """Whether it has not ended yet; one that never does shows its stacks."""
        if self.process.poll() is not None:
            return False
        if self.deadline and time.monotonic() > self.deadline and not self.hung:
            self.hung = True
            self.process.send_signal(signal.SIGABRT)
        return True

    def faults(self) -> list[str]:
        """What its end says; anything that it printed is a fault too."""
        faults = []
        text = self.output.read_text(errors="replace")
        if self.process.returncode or text:
            words = "does not end" if self.hung else f"ended with {self.process.returncode}"
            faults.append(f"client {self.name} {words}:\n{text[-20000:]}")
        return faults


def main() -> int:
    """Soak, report, and say by the exit status whether it was right."""
    from tests.programs.soak_report import report, write_docs

    parser = argparse.ArgumentParser(prog="scripts/dev soak")
    parser.add_argument("--seconds", type=float, default=0, help="600, where nothing is given")
    parser.add_argument("--commands", type=int, default=0, help="of all processes together")
    parser.add_argument("--seed", default=f"{random.SystemRandom().randrange(1 << 32):x}")
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="a folder for the record and the notes")
    parser.add_argument("--write-docs", action="store_true", help="add it to docs/")
    options = parser.parse_args()
    seconds = options.seconds if options.seconds or options.commands else 600
    print(f"seed {options.seed}", flush=True)
    soak = Soak(Options(options.seed, seconds, options.commands, options.processes, options.keep))
    found = soak.run()
    print(report(soak, found))
    for fault in found.faults[:50]:
        print(f"\nFAULT: {fault}")
    if options.write_docs and not found.faults:
        write_docs(soak, found)
    return bool(found.faults)


if __name__ == "__main__":
    sys.exit(main())
