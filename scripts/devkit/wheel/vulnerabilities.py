"""What is known of vulnerabilities, held against what is pinned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .knowledge import NOT_KNOWN, Known, number
from .pins import Pin

RELEASE, PATCHED, NOT_AFFECTED, ACCEPTED, OPEN = (
    "in release",
    "patched",
    "not affected",
    "accepted",
    "OPEN",
)


@dataclass(frozen=True)
class Assessment:
    """One CVE, and what answers for it."""

    cve: str
    state: str
    reason: str


def _answer(pin: Pin, cve: str, known: Known) -> Assessment:
    """The pin's own word on it, then the release's."""
    if cve in pin.fixes:
        return Assessment(cve, PATCHED, ", ".join(pin.patches))
    if cve in pin.not_affected:
        return Assessment(cve, NOT_AFFECTED, pin.not_affected[cve])
    if cve in pin.accepted:
        return Assessment(cve, ACCEPTED, pin.accepted[cve])
    mended = known.get(cve, NOT_KNOWN)
    state = RELEASE if mended.by(pin.version) else OPEN
    return Assessment(cve, state, f"mended {mended}" if mended.release else "not known where")


def assess(pin: Pin, known: Known) -> list[Assessment]:
    """Every CVE that is known or that the pin names, newest first."""
    names = {*known, *pin.fixes, *pin.not_affected, *pin.accepted}
    return [_answer(pin, cve, known) for cve in sorted(names, key=number, reverse=True)]


def faults(pin: Pin, known: Known) -> Iterator[str]:
    """What is wrong with the pin's own words: answers that nobody asked for, or that lie."""
    named = {cve for path in pin.patch_files for cve in _head(path.read_text())}
    for cve in pin.fixes:
        if cve not in named:
            yield f"{cve}: no patch of {pin.name} says that it mends it"
    answers = [*pin.fixes, *pin.not_affected, *pin.accepted]
    for cve in dict.fromkeys(answers):
        if answers.count(cve) > 1:
            yield f"{cve}: answered for twice"
        if cve not in known:
            yield f"{cve}: answered for, but nobody has published it"
        elif known[cve].by(pin.version):
            yield f"{cve}: answered for, but {pin.name} {pin.version} mends it by itself"


def _head(patch: str) -> list[str]:
    """The CVEs that the words before a patch name."""
    return re.findall(r"CVE-\d+-\d+", re.split(r"^(?:diff|---) ", patch, flags=re.MULTILINE)[0])
