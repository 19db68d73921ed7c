"""Fuzz the engine, and say what was tried and what of src/ was reached.

    scripts/dev fuzz [--seconds N] [--keep] [--no-coverage] [TARGET...]

The targets, tests/fuzz/fuzz_*.cpp, share N seconds (300) of as many processors as there are.
Corpora are in tests/fuzz/corpus, an archive a target (`scripts/dev corpus` unpacks one); what is
found new is in build/fuzz/found, and with --keep what of it reaches more is added to them. The exit
status is 1 when anything was found that must not be.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from devkit import PACKAGES, ROOT, Prepared, corpus, prepare, say, usage

CLANGS: tuple[int, ...] = (19, *range(20, 30), *range(18, 13, -1))  # the best known one first
BUILT = ROOT / "build" / "fuzz"
COVERAGE = ROOT / "build" / "fuzz-coverage"
CORPUS = BUILT / "corpus"  # as unpacked
LONGEST = 600  # bytes of an input
SLOWEST = 60  # seconds of an execution


@dataclass
class Tried:
    """What a target did."""

    target: str
    executions: int
    seconds: int
    new: int
    failed: bool
    said: str


@cache
def clang() -> int:
    """The clang of this release that is used; the best known one if apt knows none."""

    def known() -> int | None:
        listed = subprocess.run(
            ["apt-cache", "pkgnames", "clang-"], stdout=subprocess.PIPE, text=True
        ).stdout.split()
        return next((version for version in CLANGS if f"clang-{version}" in listed), None)

    if not shutil.which("apt-cache"):
        return CLANGS[0]
    if known() is None and os.geteuid() == 0:
        subprocess.run(["apt-get", "-q", "update"], stdout=sys.stderr)
    return known() or CLANGS[0]


def folders(target: str) -> tuple[Path, Path]:
    """Where a target's inputs are: what was found here, and what is kept."""
    found, kept = BUILT / "found" / target, CORPUS / target
    found.mkdir(parents=True, exist_ok=True)
    corpus.unpack(target, kept)
    return found, kept


def run(
    program: Path, arguments: list[str], env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a target; libFuzzer speaks to standard error."""
    return subprocess.run(
        [program, *arguments], env=env, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def fuzz(target: str, seconds: int, env: dict[str, str]) -> Tried:
    """Run a target for so long."""
    found, kept = folders(target)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-timeout={SLOWEST}",
        "-print_final_stats=1",
        f"-artifact_prefix={BUILT}/{target}-",
    ]
    done = run(BUILT / f"fuzz_{target}", [*options, str(found), str(kept)], env)

    def stat(name: str) -> int:
        match = re.search(rf"stat::{name}:\s+(\d+)", done.stderr)
        return int(match[1]) if match else 0

    return Tried(
        target,
        stat("number_of_executed_units"),
        seconds,
        stat("new_units_added"),
        done.returncode != 0,
        done.stderr[-6000:] if done.returncode else "",
    )


def keep(target: str, env: dict[str, str]) -> None:
    """Add to the corpus what of the findings reaches more."""
    found, kept = folders(target)
    run(BUILT / f"fuzz_{target}", ["-set_cover_merge=1", str(kept), str(found)], env)
    corpus.pack(target, kept)


def reached(targets: list[str], llvm: Path, env: dict[str, str]) -> str:
    """What of src/ all inputs together reach: a table of llvm-cov's."""
    profiles: list[str] = []
    programs: list[str] = []
    for target in targets:
        program = COVERAGE / f"fuzz_{target}"
        profile = COVERAGE / f"{target}.profraw"
        inputs = [str(folder) for folder in folders(target)]
        run(program, ["-runs=0", *inputs], env | {"LLVM_PROFILE_FILE": str(profile)})
        profiles.append(str(profile))
        programs += ["-object", str(program)]
    merged = COVERAGE / "all.profdata"
    subprocess.run([llvm / "llvm-profdata", "merge", "-o", merged, *profiles], check=True)
    command = [str(llvm / "llvm-cov"), "report", f"-instr-profile={merged}", *programs[1:]]
    report = subprocess.run(
        [*command, str(ROOT / "src")], check=True, text=True, stdout=subprocess.PIPE
    ).stdout
    rows = []
    for line in report.splitlines():
        fields = line.split()
        if len(fields) >= 10 and (fields[0].endswith((".cpp", ".hpp")) or fields[0] == "TOTAL"):
            # Name, then regions, functions and lines: their number, those missed, the share.
            rows.append(f"| `{fields[0]}` | {fields[9]} |")
    return "\n".join(["| of `src/` | lines reached |", "| --- | ---: |", *rows])


def run_targets() -> int:
    """Fuzz, keep, and report."""
    from remctl.testing import Realm

    every = sorted(path.stem.removeprefix("fuzz_") for path in (ROOT / "tests/fuzz").glob("fuzz_*"))
    parser = argparse.ArgumentParser(prog="scripts/dev fuzz")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--no-coverage", action="store_true")
    parser.add_argument("target", nargs="*", choices=[*every, []], help=", ".join(every))
    options = parser.parse_args()
    targets = options.target or every
    with Realm() as realm, realm.environ():
        service = f"host/localhost@{realm.name}"
        # The ticket is there before: the KDC is not what is looked at.
        subprocess.run(["kvno", "-q", service], check=True)
        env = os.environ | {
            "KRB5_KTNAME": str(realm.keytab),
            "KRB5RCACHENAME": "none:",
            "FUZZ_PRINCIPAL": service,
        }
        at_once = len(os.sched_getaffinity(0))
        seconds = max(1, options.seconds * at_once // max(at_once, len(targets)))

        def one(target: str) -> Tried:
            tried = fuzz(target, seconds, env)
            if options.keep and not tried.failed:
                keep(target, env)
            return tried

        with ThreadPoolExecutor(at_once) as executor:
            results = list(executor.map(one, targets))
        print("| target | seconds | executions | new inputs | found |")
        print("| --- | ---: | ---: | ---: | --- |")
        for tried in results:
            print(
                f"| {tried.target} | {tried.seconds} | {tried.executions} | {tried.new} "
                f"| {'**see below**' if tried.failed else 'nothing'} |"
            )
        if not options.no_coverage:
            print("\n" + reached(targets, Path(f"/usr/lib/llvm-{clang()}/bin"), env))
        for tried in results:
            if tried.failed:
                print(f"\n{tried.target}:\n{tried.said}")
    return any(tried.failed for tried in results)


def build(here: Prepared, folder: Path, *options: str) -> None:
    """Build the targets."""
    say(f"building {folder.name}")
    compiler = f"-DCMAKE_CXX_COMPILER=clang++-{clang()}"
    here.run("cmake", "-S", "tests/fuzz", "-B", folder, "-G", "Ninja", compiler, *options)
    here.run("cmake", "--build", folder)


def main() -> None:
    """Build what is run, and go on in the environment of the tests."""
    usage(__doc__)
    compiler = [f"clang-{clang()}", f"libclang-rt-{clang()}-dev", f"llvm-{clang()}"]
    install = ["-C", "build-dir=build/test"]
    here = prepare(
        *["test", "test", "lint", "types"],
        packages=[*PACKAGES, *compiler],
        install=install,
        if_missing=True,
    )
    build(here, BUILT)
    if "--no-coverage" not in sys.argv:
        build(here, COVERAGE, "-DCOVERAGE=ON")
    here.go_on("devkit.fuzz")


if __name__ == "__main__":
    sys.exit(run_targets())
