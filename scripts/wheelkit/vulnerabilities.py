"""What Debian's changelogs say of vulnerabilities, held against what is pinned."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from .debian import Changelog
from .pins import Pin

RELEASE, PATCHED, NOT_AFFECTED, ACCEPTED, OPEN = (
    "in release",
    "patched",
    "not affected",
    "accepted",
    "OPEN",
)

Upstream = tuple[int, ...]


@dataclass(frozen=True)
class Assessment:
    """One CVE, and what answers for it."""

    cve: str
    state: str
    reason: str

    @property
    def number(self) -> tuple[int, ...]:
        """Its place among all CVEs."""
        return tuple(int(part) for part in self.cve.split("-")[1:])


@dataclass(frozen=True)
class Entry:
    """One version in a changelog, and the CVEs that it says it mends."""

    version: str
    upstream: Upstream
    when: datetime
    cves: list[str]


def upstream(version: str) -> Upstream:
    """The numbers of an upstream version, with or without Debian's epoch and revision."""
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
            when = parsedate_to_datetime(signed[1])
            found.append(Entry(version, upstream(version), when, cves))
    return found


def _answer(pin: Pin, cve: str, logs: list[list[Entry]]) -> Assessment:
    """The pin's own word on it, then that of the newest package, then that of others."""
    if cve in pin.fixes:
        return Assessment(cve, PATCHED, ", ".join(pin.patches))
    if cve in pin.not_affected:
        return Assessment(cve, NOT_AFFECTED, pin.not_affected[cve])
    if cve in pin.accepted:
        return Assessment(cve, ACCEPTED, pin.accepted[cve])

    ours = upstream(pin.version)
    newest = logs[0]
    places = [(log, entry) for log in logs for entry in log if cve in entry.cves]
    log, entry = places[0]
    mended = f"mended in {entry.version}"
    first = next(one for one in reversed(log) if one.upstream == entry.upstream) is entry
    if log is newest and (entry.upstream < ours or (entry.upstream == ours and first)):
        return Assessment(cve, RELEASE, mended)
    # From the time before the newest changelog begins: all branches have it from there.
    if entry.upstream <= ours and entry.when < newest[-1].when:
        return Assessment(cve, RELEASE, mended)
    return Assessment(cve, OPEN, mended)


def assess(pin: Pin, changelogs: list[Changelog]) -> list[Assessment]:
    """Every CVE that a changelog or the pin names, newest first."""
    logs = sorted(map(entries, changelogs), key=lambda log: log[0].upstream, reverse=True)
    known = {cve for log in logs for entry in log for cve in entry.cves}
    known.update(pin.fixes, pin.not_affected, pin.accepted)
    answers = [_answer(pin, cve, logs) for cve in known]
    return sorted(answers, key=lambda one: one.number, reverse=True)
