"""Say which published vulnerabilities the libraries in the wheel have, and fail if one is open.

    scripts/dev wheel security              what Debian knows now, and what the table has
    scripts/dev wheel security --write      the same, and put it into the table
    scripts/dev wheel security --offline    what the table has; asks nobody

The table is cmake/vulnerabilities.toml: each CVE, and which release of the library mends it. Debian
is asked by its changelogs, which name CVEs: those of all suites and of their security updates are
read, through apt with a configuration of its own. Where Debian's security tracker can be reached it
is read too: it also names what is mended nowhere yet. Each CVE must be answered for, by the release
that cmake/deps.toml pins or by what is said there:

    fixes         a patch of ours mends it, and its head says so
    not-affected  the hole is in a part that the wheel does not hold or use
    accepted      the wheel has it, and may go out all the same

What answers for none is open. An answer that nobody asks for is a fault as well: one for a CVE that
is not known, or that the pinned release mends. pybind11 (headers) and zig's libc++ are not looked
up.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import debian, knowledge, pins, vulnerabilities

TRACKER = "https://security-tracker.debian.org/tracker/data/json"
TIMEOUT = 60


def tracker(address: str) -> Mapping[str, Any]:
    """The data of Debian's security tracker, or nothing where it cannot be reached."""
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as response:
            data: Mapping[str, Any] = json.load(response)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        print(f"not asked: {address}: {error}", file=sys.stderr)
        return {}
    return data


def asked(bundled: list[pins.Pin], mirror: str | None, address: str) -> dict[str, knowledge.Known]:
    """What Debian knows of the libraries."""
    found = {}
    data = tracker(address)
    with tempfile.TemporaryDirectory(prefix="pyremctl-apt.") as folder:
        archive = debian.Archive(Path(folder), mirror)
        for pin in bundled:
            logs = archive.changelogs(pin.debian)
            print(f"{pin.name} in Debian: {', '.join(log.version for log in logs)}")
            found[pin.name] = knowledge.merged(
                knowledge.from_tracker(data, pin.name), knowledge.from_changelogs(logs)
            )
    return found


def main() -> None:
    """Print a table; the exit status says whether anything is open, or wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirror", help="the Debian mirror (default: the one apt is set up with)")
    parser.add_argument("--tracker", default=TRACKER, help="the address of its tracker's data")
    parser.add_argument("--offline", action="store_true", help="ask nobody")
    parser.add_argument("--write", action="store_true", help="put what is known into the table")
    args = parser.parse_args()
    bundled = pins.bundled()
    known = table = knowledge.load()
    wrong = []
    if not args.offline:
        news = asked(bundled, args.mirror, args.tracker)
        known = {name: knowledge.merged(table.get(name, {}), news[name]) for name in news}
        if args.write:
            knowledge.write(known)
        elif any(not knowledge.same(known[name], table.get(name, {})) for name in known):
            wrong.append("cmake/vulnerabilities.toml lacks some of this: --write puts it there")
    for pin in bundled:
        print(f"\n{pin.name} {pin.version}")
        for one in vulnerabilities.assess(pin, known.get(pin.name, {})):
            print(f"  {one.state:12}  {one.cve:15}  {one.reason}")
            if one.state == vulnerabilities.OPEN:
                wrong.append(f"{one.cve} is open; see docs/maintainers/security-releases.md")
        wrong += vulnerabilities.faults(pin, known.get(pin.name, {}))
    if wrong:
        sys.exit("\n".join(["", *wrong]))
