"""Makes the system fail at every call of every verb; see `scripts/dev faults`."""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from remctl.testing import Realm

from tests.fix_realm import make_server
from tests.support.faults import build_shim, inject
from tests.support.faulty import ERRORS, SCENES

EVERY = 1_000_000
PATIENCE = 24 * 3600.0  # seconds, for a scene


def main() -> int:
    """Play the scenes asked for, and print the results."""
    parser = argparse.ArgumentParser(prog="scripts/dev faults")
    parser.add_argument("--most", type=int, default=EVERY)
    parser.add_argument("--from-then-on", type=int, default=3)
    parser.add_argument("--function", action="append", choices=ERRORS)
    parser.add_argument("scene", nargs="*", choices=[*SCENES, []], help=", ".join(SCENES))
    options = parser.parse_args()
    wrong: list[str] = []
    total = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        Realm() as realm,
        realm.environ(),
        make_server(realm) as server,
    ):
        shim = build_shim(Path(folder))
        print("| verb | faults | exceptions | right all the same |\n| --- | ---: | ---: | ---: |")
        for scene in options.scene or SCENES:
            report = inject(
                shim,
                server,
                [scene],
                options.function or (),
                (options.most, options.from_then_on),
                timeout=PATIENCE,
            )
            tried = sum(outcome.tried for outcome in report.outcomes)
            raised: Counter[str] = Counter()
            for outcome in report.outcomes:
                raised.update(outcome.raised)
            failed = raised.total() + len(report.wrong)
            print(f"| {scene} | {tried} | {raised.total()} | {tried - failed} |", flush=True)
            total += tried
            wrong += report.wrong
    print(f"| all | {total} | | |\n\nwrong: {len(wrong)}", *wrong, sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
