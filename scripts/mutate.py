"""Puts mistakes into a copy of the tree and runs tests; see `scripts/mutate`."""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from mutants import Mutant, mutants_of

TOP = Path(__file__).parents[1]
FOLDER = TOP / "build" / "mutate"
TREE = FOLDER / "tree"
NATIVE = FOLDER / "native"
EXTENSION = FOLDER / "extension"

LONGEST = 300  # seconds; tests that take longer hang
UNITS_LONGEST = 45  # the unit tests

# Where mistakes are made.
SOURCES = {
    "cpp": [f"src/{layer}/*.[ch]pp" for layer in ("transport", "handle", "connection", "drivers")],
    "python": ["python/remctl/**/*.py"],
}
PAST_UNITS = "past the unit tests"
# What a mistake in C++ has to get past after the unit tests.
BEHIND_NATIVE = ["interface", "asynchronous"]
# The tests that fit a file in Python: the first that its name begins with.
FITTING = {
    "_cli/": ["cli"],
    "backend/": ["backend"],
    "testing/": ["testing"],
    "_async_many": ["many"],
    "_async_pool": ["pools"],
    "_pool": ["pools", "logged"],
    "_async": ["asynchronous", "interface", "typing"],
    "_beside": ["asynchronous", "many", "pools"],
    "_loops": ["asynchronous", "testing"],
    "_many": ["many"],
    "_chunks": ["many"],
    "_crew": ["many"],
    "_files": ["many"],
    "_on_host": ["many", "logged"],
    "_outcomes": ["many", "interface"],
    "_credentials": ["credentials"],
    "_logging": ["logged"],
    "_topics": ["logged"],
    "": ["interface", "asynchronous"],
}


def run(command: Sequence[str | Path], longest: float | None = LONGEST, **more: str) -> bool:
    """Run it in the copy; whether it succeeds in time. Nothing that it starts stays behind."""
    apart: list[str | Path] = []
    if os.geteuid() == 0:
        # With numbers of processes of its own: a mistake cannot end anybody else's.
        apart = ["unshare", "--fork", "--pid", "--kill-child", "--mount-proc"]
    with subprocess.Popen(
        [*apart, *command],
        cwd=TREE,
        env=os.environ | more,
        stdin=subprocess.DEVNULL,
        stdout=(FOLDER / "last.log").open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            return process.wait(longest) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def pytest(folders: Sequence[str]) -> bool:
    """Whether the tests in these folders pass."""
    options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not measures"]
    tests = [f"tests/{folder}" for folder in folders]
    package = TREE / "python" / "remctl"
    command: list[str | Path] = [sys.executable, "-m", "pytest", *options, *tests]
    installed = Path(sysconfig.get_path("platlib")) / "remctl"
    if os.geteuid() == 0 and installed.is_dir():
        # Where it is installed, for these processes alone: `python -I` looks nowhere else.
        mount = 'mount --bind "$0" "$1" && shift && exec "$@"'
        command = ["sh", "-c", mount, package, installed, *command]
    return run(command, PYTHONPATH=str(TREE / "python"))


def build(folder: Path, source: str, *options: str) -> bool:
    """Build a project of CMake's in the copy."""
    if not (folder / "build.ninja").exists() and not run(
        ["cmake", "-S", source, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", *options],
        None,
    ):
        return False
    return run(["cmake", "--build", folder], None)


def build_native() -> bool:
    """The unit tests."""
    return build(NATIVE, "tests/native")


def build_extension() -> bool:
    """The extension, where the package in the copy has it."""
    if not build(EXTENSION, ".", f"-DPython_EXECUTABLE={sys.executable}"):
        return False
    for extension in EXTENSION.glob("_remctl*.so"):
        shutil.copy(extension, TREE / "python" / "remctl")
    return True


def try_units(mutant: Mutant) -> str:
    """What the unit tests make of a mistake in C++."""
    if not build_native():
        return "not compiled"
    noticed = not run([NATIVE / "native", "--minimal"], UNITS_LONGEST)
    return "killed by the unit tests" if noticed else PAST_UNITS


def try_cpp(mutant: Mutant) -> str:
    """What the tests in Python make of one that the unit tests have not noticed."""
    if not build_extension():
        return "not compiled"
    return "survived" if pytest(BEHIND_NATIVE) else "killed by the tests in Python"


def try_python(mutant: Mutant) -> str:
    """What becomes of a mistake in Python."""
    name = mutant.path.removeprefix("python/remctl/")
    folders = next(tests for prefix, tests in FITTING.items() if name.startswith(prefix))
    return "survived" if pytest(folders) else "killed"


def copy_tree() -> None:
    """Make the copy like the tree: files that are the same keep their times."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TOP,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source, copy = TOP / name, TREE / name
        if not source.is_file():
            continue
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)


def attempt(mutant: Mutant, judge: Callable[[Mutant], str]) -> str:
    """Make a mistake, judge it, and take it back."""
    path = TREE / mutant.path
    sound = path.read_text()
    path.write_text(mutant.applied(sound))
    try:
        return judge(mutant)
    finally:
        path.write_text(sound)


def main() -> int:
    """Draw, try, and report."""
    parser = argparse.ArgumentParser(prog="scripts/mutate")
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--units", action="store_true")
    parser.add_argument("language", choices=SOURCES)
    options = parser.parse_args()
    language: str = options.language
    every = [
        mutant
        for pattern in SOURCES[language]
        for path in sorted(TOP.glob(pattern))
        for mutant in mutants_of(path, TOP)
    ]
    sample = random.Random(options.seed).sample(every, min(options.sample, len(every)))
    copy_tree()
    units: bool = options.units
    if not (units or build_extension()) or (language == "cpp" and not build_native()):
        print("the tree as it is does not build: see build/mutate/last.log", file=sys.stderr)
        return 2
    if language == "cpp" and not run([NATIVE / "native", "--minimal"]):
        print("the unit tests fail as it is: see build/mutate/last.log", file=sys.stderr)
        return 2
    notes = FOLDER / f"{language}-{options.seed}.json"
    outcomes: dict[str, str] = json.loads(notes.read_text()) if notes.exists() else {}
    most: int = options.most

    def judge(judgement: Callable[[Mutant], str], before: str | None = None) -> None:
        nonlocal most
        for mutant in sample:
            key = json.dumps(asdict(mutant))
            if most > 0 and outcomes.get(key) == before:
                most -= 1
                outcomes[key] = outcome = attempt(mutant, judgement)
                print(f"{mutant}: {outcome}", flush=True)
                notes.write_text(json.dumps(outcomes, indent=1))

    if language == "python":
        judge(try_python)
    else:
        judge(try_units)
        if not units:
            judge(try_cpp, PAST_UNITS)
    tried = {mutant: outcomes.get(json.dumps(asdict(mutant))) for mutant in sample}
    print(f"\n{len(every)} mistakes can be made, {len(sample)} were drawn (seed {options.seed})")
    for outcome, count in Counter(filter(None, tried.values())).most_common():
        print(f"| {outcome} | {count} |")
    survivors = [
        str(mutant) for mutant, outcome in tried.items() if outcome in ("survived", PAST_UNITS)
    ]
    (FOLDER / f"{language}-survivors").write_text("".join(f"{line}\n" for line in survivors))
    print("\nsurvivors:", *(survivors or ["none"]), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
