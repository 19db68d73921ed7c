"""Put small mistakes into the code, one at a time, and see whether the tests notice.

    scripts/dev mutate [--sample N] [--seed S] [--most N] [--units] cpp | python
    scripts/dev mutate --by-hand [--times N] [--layer FOLDER] [--list] [WORD...]

N mistakes (40) are drawn from all that devkit/mutants.py can make in
src/{transport,handle,connection,drivers}, or in python/remctl; the seed says which. They are made
in a copy, build/mutate/LANGUAGE/tree. One in C++ has to get past the unit tests, and then past
tests in Python; one in Python past the tests that fit its file. Tests are run without a mistake
first: they have to pass, and must not take three times as long with one. What was tried is
remembered in build/mutate: the same command goes on where it was. --most N tries no more than so
many now; --units leaves out the tests in Python behind the unit tests.

Printed are all survivors, and how many were killed; the survivors are in build/mutate too.

--by-hand makes those of devkit/mistakes, each N times (1): all of them, those of the layer, or
those with the words in their names. It prints what has noticed each. If a run does not notice a
mistake, a test is missing.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TypeVar

from devkit import PACKAGES, ROOT, prepare, usage
from devkit.mutants import Mutant, mutants_of

RESULTS = ROOT / "build" / "mutate"

# Tests that take so many times as long as they do without a mistake, and some seconds, hang.
HANGING = 3
AT_LEAST = 60
UNITS_LONGEST = 45  # seconds; the unit tests
RACES = "threads that pause at random"  # what CTest calls them

# Where mistakes are made.
SOURCES = {
    "cpp": [f"src/{layer}/*.[ch]pp" for layer in ("transport", "handle", "connection", "drivers")],
    "python": ["python/remctl/**/*.py"],
}
PAST_UNITS = "past the unit tests"
# What a mistake in C++ has to get past after the unit tests, one after another.
BEHIND_UNITS = [
    ["interface", "asynchronous"],
    ["concurrency", "connection", "faults", "pools", "trust/test_may_have_run.py"],
]
# The tests that fit a file in Python: the first that its name begins with.
FITTING = {
    "_cli/": ["cli"],
    "backend/": ["backend"],
    "testing/": ["testing"],
    "_async_pool": ["pools"],
    "_pool": ["pools", "logged"],
    "_async": ["asynchronous", "interface", "typing"],
    "_waiting/": ["asynchronous", "many", "pools", "testing"],
    "_many/": ["many", "logged", "interface"],
    "_files": ["many"],
    "_client_base": ["interface", "asynchronous", "pools", "many"],
    "_credentials": ["credentials"],
    "_logging": ["logged"],
    "": ["interface", "asynchronous"],
}


class Unsound(Exception):
    """The tree does not pass as it is."""


class Change(Protocol):
    """A mistake in one file."""

    @property
    def path(self) -> str:
        """The file, from the top of the tree."""

    def applied(self, text: str) -> str:
        """Its text with the mistake."""


_Change = TypeVar("_Change", bound=Change)


class Copy:
    """A copy of the tree, what is built of it, and what tests make of it."""

    def __init__(self, folder: Path, seconds: dict[str, float]) -> None:
        self._folder = folder
        self._tree = folder / "tree"
        self._native = folder / "native"
        self._extension = folder / "extension"
        self._seconds = seconds  # that tests take without a mistake

    def refresh(self) -> None:
        """Make it like the tree: files that are the same keep their times."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        for name in filter(None, listed.split("\0")):
            source, copy = ROOT / name, self._tree / name
            if not source.is_file():
                continue
            if not copy.exists() or copy.read_bytes() != source.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, copy)

    def attempt(self, mutant: _Change, judge: Callable[[_Change], str]) -> str:
        """Make a mistake, judge it, and take it back."""
        path = self._tree / mutant.path
        sound = path.read_text()
        path.write_text(mutant.applied(sound))
        try:
            return judge(mutant)
        finally:
            path.write_text(sound)

    def _run(self, command: Sequence[str | Path], longest: float | None, **more: str) -> bool:
        """Whether it succeeds in time. Nothing that it starts stays behind."""
        apart: list[str | Path] = []
        if os.geteuid() == 0:
            # With numbers of processes of its own: a mistake cannot end anybody else's.
            apart = ["unshare", "--fork", "--pid", "--kill-child", "--mount-proc"]
        with subprocess.Popen(
            [*apart, *command],
            cwd=self._tree,
            env=os.environ | more,
            stdin=subprocess.DEVNULL,
            stdout=(self._folder / "last.log").open("w"),
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

    def units(self, longest: float = UNITS_LONGEST) -> bool:
        """Whether the unit tests pass."""
        return self._run([self._native / "native", "--minimal"], longest)

    def races(self) -> bool:
        """Whether those of threads pass where threads pause at random."""
        tests: list[str | Path] = [
            self._native / "native",
            "--minimal",
            "--source-file=*test_races.cpp",
        ]
        return self._run(tests, UNITS_LONGEST, PAUSES="1")

    def _pytest(self, folders: Sequence[str], longest: float | None) -> bool:
        options = ["-x", "-v", "-p", "no:cacheprovider", "-m", "not measures"]
        tests = [f"tests/{folder}" for folder in folders]
        package = self._tree / "python" / "remctl"
        command: list[str | Path] = [sys.executable, "-m", "pytest", *options, *tests]
        installed = Path(sysconfig.get_path("platlib")) / "remctl"
        if os.geteuid() == 0 and installed.is_dir():
            # Where it is installed, for these processes alone: `python -I` looks nowhere else.
            mount = 'mount --bind "$0" "$1" && shift && exec "$@"'
            command = ["sh", "-c", mount, package, installed, *command]
        return self._run(command, longest, PYTHONPATH=str(self._tree / "python"))

    def prove(self, folders: Sequence[str]) -> None:
        """See that the tests in these folders pass as it is, and how long they take."""
        name = " ".join(folders)
        if name not in self._seconds:
            begin = time.monotonic()
            if not self._pytest(folders, None):
                raise Unsound(f"the tests in {name} fail as it is")
            self._seconds[name] = time.monotonic() - begin

    def tests(self, folders: Sequence[str]) -> bool:
        """Whether the tests in these folders pass, in about the time that they take."""
        return self._pytest(folders, AT_LEAST + HANGING * self._seconds[" ".join(folders)])

    def _build(self, folder: Path, source: str, *options: str) -> bool:
        """Build a project of CMake's."""
        made = (folder / "build.ninja").exists()
        configure: list[str | Path] = ["cmake", "-S", source, "-B", folder, "-G", "Ninja", *options]
        if not made and not self._run([*configure, "-DCMAKE_BUILD_TYPE=Debug"], None):
            return False
        return self._run(["cmake", "--build", folder], None)

    def build_native(self) -> bool:
        """The unit tests."""
        return self._build(self._native, "tests/native")

    def build_extension(self) -> bool:
        """The extension, where the package in the copy has it."""
        if not self._build(self._extension, ".", f"-DPython_EXECUTABLE={sys.executable}"):
            return False
        for extension in self._extension.glob("_remctl*.so"):
            shutil.copy(extension, self._tree / "python" / "remctl")
        return True

    def fails(self, noticed: str) -> bool:
        """Whether the test that `noticed()` has named fails alone, too."""
        if noticed == RACES:
            return not self.races()
        if noticed.startswith("tests/"):
            passed = self._pytest([noticed.removeprefix("tests/")], AT_LEAST)
        else:
            case = noticed.replace(",", "\\,")
            passed = self._run([self._native / "native", "--test-case", case], UNITS_LONGEST)
        return not passed and self.noticed() == noticed

    def noticed(self) -> str:
        """The test that failed last, or what else there is to say of what was run last."""
        log = (self._folder / "last.log").read_text(errors="replace")
        failed = re.findall(
            r"^(?:FAILED|ERROR) (tests/.+?)(?: - .*)?$|^TEST CASE: +(.+)$", log, re.MULTILINE
        )
        begun = re.search(r"^(tests/\S+::.+) $\Z", log, re.MULTILINE)
        if not failed and begun:  # the last that has begun has hung
            return begun[1]
        return next((name or case for name, case in failed), "it ended, or hung")

    # What is made of a mistake.

    def try_units(self, mutant: Mutant) -> str:
        """By the unit tests, of one in C++."""
        if not self.build_native():
            return "not compiled"
        return PAST_UNITS if self.units() else "killed by the unit tests"

    def try_cpp(self, mutant: Mutant) -> str:
        """By the tests in Python, of one that the unit tests have not noticed."""
        if not self.build_extension():
            return "not compiled"
        noticed = not all(self.tests(folders) for folders in BEHIND_UNITS)
        return "killed by the tests in Python" if noticed else "survived"

    def try_python(self, mutant: Mutant) -> str:
        """Of one in Python."""
        return "survived" if self.tests(fitting(mutant)) else "killed"


def fitting(mutant: Mutant) -> list[str]:
    """The tests that fit a mistake in Python."""
    name = mutant.path.removeprefix("python/remctl/")
    return next(tests for prefix, tests in FITTING.items() if name.startswith(prefix))


class Sample:
    """The mistakes that were drawn, and what has become of those that were tried."""

    def __init__(self, language: str, seed: str, size: int) -> None:
        self.every = [
            mutant
            for pattern in SOURCES[language]
            for path in sorted(ROOT.glob(pattern))
            for mutant in mutants_of(path, ROOT)
        ]
        self.drawn = random.Random(seed).sample(self.every, min(size, len(self.every)))
        self._notes = RESULTS / f"{language}-{seed}.json"
        notes = json.loads(self._notes.read_text()) if self._notes.exists() else {}
        self._outcomes: dict[str, str] = notes.get("outcomes", {})
        self.seconds: dict[str, float] = notes.get("seconds", {})

    def outcome(self, mutant: Mutant) -> str | None:
        """What has become of it; None where it was not tried."""
        return self._outcomes.get(json.dumps(asdict(mutant)))

    def note(self, mutant: Mutant, outcome: str) -> None:
        """It was tried."""
        self._outcomes[json.dumps(asdict(mutant))] = outcome
        self.keep()

    def keep(self) -> None:
        """For the next time."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        notes = {"seconds": self.seconds, "outcomes": self._outcomes}
        self._notes.write_text(json.dumps(notes, indent=1))


def try_all(sample: Sample, copy: Copy, language: str, most: int, units: bool) -> None:
    """Try no more of the sample than so many."""

    def prove(*several: Sequence[str]) -> None:
        for folders in several:
            copy.prove(folders)
            sample.keep()

    def judge(judgement: Callable[[Mutant], str], before: str | None = None) -> None:
        nonlocal most
        for mutant in sample.drawn:
            if most <= 0 or sample.outcome(mutant) != before:
                continue
            if judgement == copy.try_python:
                prove(fitting(mutant))
            elif judgement == copy.try_cpp:
                prove(*BEHIND_UNITS)
            most -= 1
            outcome = copy.attempt(mutant, judgement)
            by = f" ({copy.noticed()})" if outcome.startswith("killed") else ""
            print(f"{mutant}: {outcome}{by}", flush=True)
            sample.note(mutant, outcome)

    if language == "python":
        judge(copy.try_python)
        return
    if not copy.build_native() or not copy.units():
        raise Unsound("the unit tests are not built, or fail, as it is")
    judge(copy.try_units)
    if not units:
        if most > 0 and not copy.build_extension():
            raise Unsound("the extension is not built as it is")
        judge(copy.try_cpp, PAST_UNITS)


def report(sample: Sample, language: str, seed: str) -> None:
    """Print what has become of the sample."""
    outcomes = {mutant: sample.outcome(mutant) for mutant in sample.drawn}
    print(f"\n{len(sample.every)} mistakes can be made, {len(outcomes)} were drawn (seed {seed})")
    for outcome, count in Counter(filter(None, outcomes.values())).most_common():
        print(f"| {outcome} | {count} |")
    survivors = [
        str(mutant) for mutant, outcome in outcomes.items() if outcome in ("survived", PAST_UNITS)
    ]
    (RESULTS / f"{language}-survivors").write_text("".join(f"{line}\n" for line in survivors))
    print("\nsurvivors:", *(survivors or ["none"]), sep="\n")


def run() -> int:
    """Draw, try, and report."""
    parser = argparse.ArgumentParser(prog="scripts/dev mutate")
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--units", action="store_true")
    parser.add_argument("language", choices=SOURCES)
    options = parser.parse_args()
    # A shell has what runs in the background ignore it, and tests of Ctrl-C inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sample = Sample(options.language, options.seed, options.sample)
    # One for each language, so that both can be tried at once.
    folder = RESULTS / options.language
    copy = Copy(folder, sample.seconds)
    copy.refresh()
    try:
        if options.language == "python" and not copy.build_extension():
            raise Unsound("the extension is not built as it is")
        try_all(sample, copy, options.language, options.most, options.units)
    except Unsound as unsound:
        print(f"{unsound}: see {folder.relative_to(ROOT)}/last.log", file=sys.stderr)
        return 2
    report(sample, options.language, options.seed)
    return 0


def main() -> None:
    """Make the environment of the tests, and go on in it."""
    usage(__doc__)
    packages = [*PACKAGES, "doctest-dev", "util-linux"]
    module = "devkit.by_hand" if "--by-hand" in sys.argv else "devkit.mutate"
    # Over what is installed the copy of the package is mounted.
    install = ["--config-settings=build-dir=build/test"]
    groups = ("test", "lint", "types")
    here = prepare("test", *groups, packages=packages, install=install, if_missing=True)
    here.go_on(module)


if __name__ == "__main__":
    sys.exit(run())
