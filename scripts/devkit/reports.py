"""The reports that a sanitizer or valgrind leaves in files."""

import sys
from collections.abc import Iterable
from pathlib import Path

from devkit import say


def complain(reports: Iterable[Path], status: int, by: str) -> None:
    """Print what was reported; leave where there is anything, or where the tests have failed."""
    for report in sorted(reports):
        if report.stat().st_size:
            say("a report:")
            print(report.read_text(errors="replace"), file=sys.stderr)
            status = 1
    if status:
        sys.exit(f"not clean under {by}")
    say(f"clean under {by}")
