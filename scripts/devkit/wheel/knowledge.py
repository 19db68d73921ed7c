"""What is known of published vulnerabilities: which release of a library mends each.

It is asked of Debian, and kept in cmake/vulnerabilities.toml, so that pins can be held against it
where there is no network, and that a reader can look each one up.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from devkit import ROOT

from .debian import Changelog

TABLE = ROOT / "cmake" / "vulnerabilities.toml"
HEAD = """\
# Published vulnerabilities of what a wheel carries, and which release of the library mends each:
#
#     "in 1.21.3"       that release, and those after it
#     "after 1.22.1"    not that one itself: there is a patch upon it, or a later release
#     "not known"       nobody says
#
# Written by `scripts/dev wheel security --write` from what Debian knows; what is pinned is held
# against it by `scripts/dev wheel security --offline`, and by the tests. What answers for those
# that the pinned release does not mend is in deps.toml.
"""

Upstream = tuple[int, ...]


@dataclass(frozen=True)
class Mended:
    """Which release of a library mends a vulnerability; an empty one where nobody says."""

    release: str = ""
    itself: bool = True  # or only those after it
    source: str = ""  # who says so

    def by(self, version: str) -> bool:
        """Whether it is mended in this release of the library."""
        mine, first = upstream(version), upstream(self.release)
        return bool(first) and (mine >= first if self.itself else mine > first)

    def __str__(self) -> str:
        if not self.release:
            return "not known"
        return f"{'in' if self.itself else 'after'} {self.release}"

    @classmethod
    def parse(cls, text: str) -> Mended:
        """What `str()` gives."""
        if text == "not known":
            return cls()
        where, release = text.split()
        return cls(release, {"in": True, "after": False}[where])


#: By their names.
Known = Mapping[str, Mended]
NOT_KNOWN = Mended()


@dataclass(frozen=True)
class Entry:
    """One version in a changelog, and the CVEs that it says it mends."""

    version: str
    when: datetime
    cves: list[str]

    @property
    def release(self) -> str:
        """The library's release, without Debian's epoch and revision."""
        return re.sub(r"^\d+:|-[^-]*$", "", self.version)

    @property
    def first(self) -> bool:
        """Whether it is Debian's first of that release: what it mends is mended there."""
        return re.search(r"-1([+~]|$)", self.version) is not None


def upstream(version: str) -> Upstream:
    """The numbers of a version, with or without Debian's epoch and revision."""
    numbers = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in numbers[1].split(".")) if numbers else ()


def entries(log: Changelog) -> list[Entry]:
    """All versions, newest first."""
    found = []
    parts = re.split(r"^[\w.+-]+ \(([^)]+)\) .*$", log.text, flags=re.MULTILINE)
    for version, text in zip(parts[1::2], parts[2::2], strict=True):
        signed = re.search(r"^ -- .*>  (.*)$", text, flags=re.MULTILINE)
        if signed:
            cves = list(dict.fromkeys(re.findall(r"CVE-\d+-\d+", text)))
            found.append(Entry(version, parsedate_to_datetime(signed[1]), cves))
    return found


def from_changelogs(changelogs: Sequence[Changelog]) -> Known:
    """What the changelogs of a package's versions say, of which the newest says most."""
    logs = sorted(map(entries, changelogs), key=lambda log: upstream(log[0].version), reverse=True)
    names = {cve for log in logs for entry in log for cve in entry.cves}
    return {cve: _mended(cve, logs) for cve in names}


def _mended(cve: str, logs: list[list[Entry]]) -> Mended:
    newest = logs[0]
    log, entry = next((log, entry) for log in logs for entry in log if cve in entry.cves)
    # A branch of its own says nothing of other releases, but for the time before the newest
    # changelog begins: all branches have it from there.
    if log is not newest and entry.when >= newest[-1].when:
        return Mended(source=f"Debian {entry.version}")
    return Mended(entry.release, itself=entry.first, source=f"Debian {entry.version}")


def from_tracker(data: Mapping[str, Any], package: str) -> Known:
    """What Debian's security tracker has of a source package; its data are one JSON for all.

    It names what is mended nowhere yet too, which no changelog does.
    """
    found = {}
    for name, one in data.get(package, {}).items():
        if name.startswith("CVE-"):
            found[name] = _of_unstable(one.get("releases", {}).get("sid", {}))
    return found


def _of_unstable(suite: Mapping[str, Any]) -> Mended:
    source = "Debian's tracker"
    version = suite.get("fixed_version", "")
    if suite.get("status") != "resolved" or not version:
        return Mended(source=source)
    release, _, revision = version.rpartition("-")
    # "0" is the tracker's word for: never was in Debian.
    return Mended(release or version, itself=revision in ("0", "1"), source=source)


def merged(*sources: Known) -> Known:
    """All that is known; what comes later knows better, if it knows anything."""
    every: dict[str, Mended] = {}
    for known in sources:
        for cve, mended in known.items():
            if mended.release or cve not in every:
                every[cve] = mended
    return every


def same(one: Known, other: Known) -> bool:
    """Whether they say the same, from whatever source."""
    return {cve: str(mended) for cve, mended in one.items()} == {
        cve: str(mended) for cve, mended in other.items()
    }


def number(cve: str) -> tuple[int, ...]:
    """Its place among all."""
    return tuple(int(part) for part in cve.split("-")[1:])


def load(path: Path = TABLE) -> dict[str, Known]:
    """The table, by libraries."""
    with path.open("rb") as stream:
        tables = tomllib.load(stream)
    return {
        library: {cve: Mended.parse(text) for cve, text in table.items()}
        for library, table in tables.items()
    }


def _rows(libraries: Mapping[str, Known]) -> Iterator[str]:
    yield HEAD
    for library, known in libraries.items():
        yield f"\n[{library}]\n"
        for cve in sorted(known, key=number, reverse=True):
            source = known[cve].source
            yield f'{cve} = "{known[cve]}"{f"  # {source}" if source else ""}\n'


def write(libraries: Mapping[str, Known], path: Path = TABLE) -> None:
    """Write the table."""
    path.write_text("".join(_rows(libraries)))
