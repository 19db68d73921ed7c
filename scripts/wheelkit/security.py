"""Say which published vulnerabilities the libraries in the wheel have, and fail if one is open.

    scripts/wheel security

What is known comes from Debian, whose changelogs name CVEs: those of all suites and of their
security updates are read, through apt with a configuration of its own. Each CVE must be
answered for, by the release that cmake/deps.toml pins or by what is said there:

    fixes         a patch of ours mends it
    not-affected  the hole is in a part that the wheel does not hold or use
    accepted      the wheel has it, and may go out all the same

What answers for none is open. pybind11 (headers) and zig's libc++ are not looked up.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from . import debian, pins, vulnerabilities


def main() -> None:
    """Print a table; the exit status says whether anything is open."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirror", help="the Debian mirror (default: the one apt is set up with)")
    args = parser.parse_args()
    unanswered = []
    with tempfile.TemporaryDirectory(prefix="pyremctl-apt.") as folder:
        archive = debian.Archive(Path(folder), args.mirror)
        for pin in pins.bundled():
            logs = archive.changelogs(pin.debian)
            print(f"{pin.name} {pin.version} (Debian: {', '.join(log.version for log in logs)})")
            for one in vulnerabilities.assess(pin, logs):
                print(f"  {one.state:12}  {one.cve:15}  {one.reason}")
                if one.state == vulnerabilities.OPEN:
                    unanswered.append(one.cve)
    if unanswered:
        sys.exit(f"open: {', '.join(unanswered)}; see docs/howto/security-releases.md")
