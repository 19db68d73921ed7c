"""What the client's processor does for 100 MB of output: in the wheel, and in the system's build.

    scripts/dev wheel profile            # seconds of both, side by side, and where they go

Both run in turn against one realm and remctld, so this needs pyremctl, linked with the system's
libraries, with its extra `testing` in the Python that runs it. Where the time goes is sampled
with perf (Debian: linux-perf); the wheel's extension has its symbols left in for that.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from remctl.testing import Realm

from . import build, deps, interpreters, toolchain

PROGRAM = """
import sys, time
sys.path[:0] = sys.argv[4:]
import remctl
with remctl.Remctl("127.0.0.1", int(sys.argv[1]), sys.argv[2]) as client:
    client.run(["test", "zeros", "1"])
    started = time.process_time()
    output = client.run(["test", "zeros", sys.argv[3]]).stdout
    print(remctl.build_info().flavour, len(output), time.process_time() - started)
"""
ZEROS = '#!/bin/sh\nexec head -c "$2" /dev/zero\n'
MEGABYTE = 1_000_000


def unpack(plan: build.Plan, one: interpreters.Interpreter, folder: Path) -> Path:
    """The package with an extension that has its symbols."""
    wheel = build.compile_wheel(one, plan, folder, "cmake.define.PYREMCTL_SYMBOLS=ON")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def seconds(command: list[str]) -> tuple[str, float]:
    """The flavour that ran, and the processor time of the client."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    flavour, _, taken = done.stdout.split()
    return flavour, float(taken)


def sampled(command: list[str], data: Path, *sort: str) -> list[str]:
    """perf's table of a run, without its empty lines."""
    record = ["perf", "record", "--quiet", "-F", "2000", "-e", "cpu-clock", "-o", str(data)]
    subprocess.run([*record, *command], stdout=subprocess.DEVNULL, check=True)
    report = ["perf", "report", "--quiet", "--stdio", "--no-children", "-i", str(data)]
    done = subprocess.run(
        [*report, "--percent-limit", "1", *sort], stdout=subprocess.PIPE, text=True, check=True
    )
    return [re.sub(r"\s+$", "", line) for line in done.stdout.splitlines() if line.strip()]


def main() -> None:
    """Measure, then sample."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5, help="of which the shortest counts (5)")
    parser.add_argument("--no-isolation", action="store_true", help="as for `wheel build`")
    args = parser.parse_args()
    one = interpreters.ask(Path(sys.executable))
    if one is None:
        raise SystemExit(f"{sys.executable} cannot be built for")
    tools = toolchain.get("zig")
    plan = build.Plan(tools, deps.prefix_of(tools, deps.Origin()), None, not args.no_isolation)
    with (
        tempfile.TemporaryDirectory(prefix="pyremctl-profile.") as temporary,
        Realm() as realm,
        realm.environ(),
        realm.server({"test": {"zeros": ZEROS}}) as server,
    ):
        folder = Path(temporary)
        site = unpack(plan, one, folder)
        asked = str(args.megabytes * MEGABYTE)
        command = [sys.executable, "-c", PROGRAM, str(server.port), server.principal, asked]
        flavours = [command, [*command, str(site)]]
        times: dict[str, list[float]] = {}
        for _ in range(args.runs):
            for flavour, taken in map(seconds, flavours):
                times.setdefault(flavour, []).append(taken)
        load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
        print(f"processor time of the client for {args.megabytes} MB (load: {load}):")
        for flavour, found in times.items():
            print(f"  {flavour}: {min(found):.2f} s, of {len(found)} runs up to {max(found):.2f} s")
        if shutil.which("perf") is None:
            print("where it goes: no perf here")
            return
        for flavour, asked_of in zip(times, flavours, strict=True):
            print(f"where it goes, {flavour}:")
            for sort in ("dso", "symbol"):
                lines = sampled(asked_of, folder / "perf.data", "--sort", sort)
                print("\n".join(f"  {line.strip()}" for line in lines[:12]))
