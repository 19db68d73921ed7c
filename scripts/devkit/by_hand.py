"""Makes the mistakes of devkit/mistakes in a copy of the tree: `scripts/dev mutate --by-hand`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections import Counter

from devkit.mistakes import Mistake, every
from devkit.mutate import RACES, RESULTS, Copy, Unsound

NOTES = RESULTS / "by-hand.json"
NOTICED = "noticed: "


class Judge:
    """Tries mistakes, and remembers what noticed each."""

    def __init__(self) -> None:
        notes = json.loads(NOTES.read_text()) if NOTES.exists() else {}
        self._outcomes: dict[str, list[str]] = notes.get("outcomes", {})
        self._seconds: dict[str, float] = notes.get("seconds", {})
        self._copy = Copy(RESULTS / "by-hand", self._seconds)

    def prepare(self, mistakes: list[Mistake]) -> None:
        """Build the tree as it is; the tests must pass on it."""
        self._copy.refresh()
        in_cpp = any(mistake.path.startswith("src/") for mistake in mistakes)
        if in_cpp and not (self._copy.build_native() and self._copy.units()):
            raise Unsound("the unit tests are not built, or fail, as it is")
        if not self._copy.build_extension():
            raise Unsound("the extension is not built as it is")
        for test in dict.fromkeys(test for mistake in mistakes for test in mistake.tests):
            self._copy.prove([test])
            self._keep()

    def outcomes(self, mistake: Mistake) -> list[str]:
        """What has noticed it, in each run; "survived" where nothing has."""
        return self._outcomes.setdefault(f"{mistake.name}: {mistake.now}", [])

    def attempt(self, mistake: Mistake, times: int) -> str:
        """Make it, and see so often whether it is noticed; what has noticed it."""
        return self._copy.attempt(mistake, lambda made: self._judge(made, times))

    def _judge(self, mistake: Mistake, times: int) -> str:
        outcomes = self.outcomes(mistake)
        built = not mistake.path.startswith("src/") or self._copy.build_native()
        # One run that does not notice it is enough: a test is missing.
        while len(outcomes) < times and "survived" not in outcomes:
            outcomes.append(self._once(mistake, outcomes) if built else "not compiled")
            self._keep()
        return ", ".join(dict.fromkeys(outcomes))

    def _once(self, mistake: Mistake, before: list[str]) -> str:
        # What has noticed it once is asked alone, and all others only where it does not.
        for outcome in dict.fromkeys(before):
            if outcome.startswith(NOTICED) and self._copy.fails(outcome.removeprefix(NOTICED)):
                return outcome
        if mistake.path.startswith("src/"):
            if not self._copy.units():
                return NOTICED + self._copy.noticed()
            if not self._copy.races():
                return NOTICED + RACES
            if not self._copy.build_extension():
                return "not compiled"
        for test in mistake.tests:
            if not self._copy.tests([test]):
                return NOTICED + self._copy.noticed()
        return "survived"

    def _keep(self) -> None:
        RESULTS.mkdir(parents=True, exist_ok=True)
        notes = {"seconds": self._seconds, "outcomes": self._outcomes}
        NOTES.write_text(json.dumps(notes, indent=1))


def report(judge: Judge, mistakes: list[Mistake], times: int) -> bool:
    """Print who notices each; whether all are noticed in every run."""
    counts: Counter[str] = Counter()
    print("\n| mistake | layer | noticed | by |\n| --- | --- | ---: | --- |")
    for mistake in mistakes:
        outcomes = judge.outcomes(mistake)[-times:]
        noticed = [outcome for outcome in outcomes if outcome.startswith(NOTICED)]
        counts["always" if len(noticed) == times else "sometimes" if noticed else "never"] += 1
        by = Counter(outcome.partition(": ")[2] or outcome for outcome in outcomes)
        names = ", ".join(f"`{name}`" for name, _ in by.most_common(2))
        print(f"| {mistake.name} | `{mistake.layer}` | {len(noticed)} of {times} | {names} |")
    print(f"\n{len(mistakes)} mistakes, {times} runs each: {dict(counts)}")
    return counts["always"] == len(mistakes)


def run() -> int:
    """Choose, try, and report."""
    parser = argparse.ArgumentParser(prog="scripts/dev mutate --by-hand")
    parser.add_argument("--by-hand", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, default=1, help="how often each must be noticed (1)")
    parser.add_argument("--layer", help="only those below this folder")
    parser.add_argument("--list", action="store_true", help="print them, and try nothing")
    parser.add_argument("word", nargs="*", help="only those whose names have one of these")
    options = parser.parse_args()
    chosen = [
        mistake
        for mistake in every()
        if mistake.path.startswith(options.layer or "")
        and (not options.word or any(word in mistake.name for word in options.word))
    ]
    if options.list:
        print(*chosen, sep="\n")
        return 0
    # A shell has what runs in the background ignore it, and tests of Ctrl-C inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # What runs is ended, and the mistake taken back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    judge = Judge()
    try:
        judge.prepare(chosen)
        for mistake in chosen:
            if len(judge.outcomes(mistake)) < options.times:
                print(f"{mistake}: {judge.attempt(mistake, options.times)}", flush=True)
    except Unsound as unsound:
        print(f"{unsound}: see build/mutate/by-hand/last.log", file=sys.stderr)
        return 2
    return 0 if report(judge, chosen, options.times) else 1


if __name__ == "__main__":
    sys.exit(run())
