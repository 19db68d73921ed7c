"""How cost grows with crowds: hosts, waiters for a pool, streams in one loop, hosts of --gather."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.clients import Place, Worker
from benchmarks.curve import CLIENTS, Curve, sizes_up_to, timed
from benchmarks.lab import FULL, SMOKE, Lab, place_of, serve
from benchmarks.scale import ELSEWHERE


def hosts(lab: Lab) -> Iterator[Curve]:
    """A command on 1 to 100,000 hosts, 64 at a time: the time and the memory."""
    most = 100_000 if lab.effort == FULL else 10 if lab.effort == SMOKE else 1000
    sizes = sizes_up_to(lab.effort, full=most, quick=most, step=10)
    wall: dict[str, list[float]] = {client: [] for client in CLIENTS}
    memory: dict[str, list[float]] = {client: [] for client in CLIENTS}
    with serve(lab.realm, lab.program, addresses=["0.0.0.0"]) as server:
        place = Place("127.0.0.1", server.port, lab.near.principal)
        for size in sizes:
            for client in CLIENTS:
                with Worker(lab.clients[client], place, "many", size) as worker:
                    wall[client] += worker.run(1)
                    memory[client].append(worker.memory("VmHWM"))
    title = "A command on many hosts, 64 at a time"
    yield Curve("hosts", title, "hosts", "s", sizes, wall)
    yield Curve("hosts-memory", f"{title}: peak memory", "hosts", "B", sizes, memory)


def waiters(lab: Lab) -> Iterator[Curve]:
    """1 to 16,000 waiters for a pool's one connection, which get it one after the other.

    Or which are cancelled, the last one first.
    """
    sizes = sizes_up_to(lab.effort, full=16_000, quick=1000)
    for key, scenario, title in (
        ("waiters", "waiters", "Waiters for a pool's one connection, until each has had it"),
        ("waiters-cancelled", "cancelled-reversed", "Waiters, cancelled in reverse"),
    ):
        values = timed(lab, scenario, sizes, budget=2.0, clients=["loop"])
        yield Curve(key, title, "waiters", "s", sizes, values)


def streams(lab: Lab) -> Iterator[Curve]:
    """1 to 1,000 streams of 4 KiB at once in one loop, each of a connection of its own."""
    sizes = sizes_up_to(lab.effort, full=1000, quick=100)
    with serve(lab.realm, lab.program, launcher=ELSEWHERE) as server:
        place = place_of(server)
        values = timed(lab, "streams", sizes, budget=2.0, clients=["loop"], place=place)
    title = "Streams of 4 KiB at once in one loop"
    yield Curve("streams", title, "streams", "s", sizes, values)


def gather(lab: Lab) -> Iterator[Curve]:
    """`pyremctl --gather` on 1 to 10,000 hosts, its start included."""
    sizes = sizes_up_to(lab.effort, full=10_000, quick=100, step=10)
    taken = []
    with serve(lab.realm, lab.program, addresses=["0.0.0.0"]) as server:
        script = Path(sys.executable).with_name("pyremctl")
        command = [str(script), "--hosts", "-", "--gather", "--limit", "64"]
        command += ["-p", str(server.port), "-s", server.principal, "bench", "hello"]
        for size in sizes:
            names = "".join(f"127.1.{i // 250}.{i % 250 + 1}\n" for i in range(size))
            start = time.perf_counter()
            subprocess.run(command, input=names.encode(), stdout=subprocess.DEVNULL, check=True)
            taken.append(time.perf_counter() - start)
    title = "pyremctl --gather on many hosts"
    yield Curve("gather", title, "hosts", "s", sizes, {"ours": taken})
