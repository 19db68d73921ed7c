"""Holding Debian's changelogs against what is pinned."""

from __future__ import annotations

import dataclasses

import pytest
from wheelkit import pins, vulnerabilities
from wheelkit.debian import Changelog

ENTRY = """krb5 ({version}) unstable; urgency=medium

  * {text}

 -- Somebody <somebody@example.org>  {date}

"""
OLD, THEN, NOW = (
    "Mon, 01 Jan 2024 12:00:00 +0000",
    "Wed, 01 Jan 2025 12:00:00 +0000",
    "Thu, 01 Jan 2026 12:00:00 +0000",
)


def changelog(*entries: tuple[str, str, str]) -> Changelog:
    """Of (version, text, date), newest first."""
    rows = [ENTRY.format(version=version, text=text, date=date) for version, text, date in entries]
    return Changelog(entries[0][0], "".join(rows))


@pytest.fixture
def pin() -> pins.Pin:
    """krb5 1.22.1, of which nothing is said yet."""
    krb5 = pins.load()["krb5"]
    return dataclasses.replace(
        krb5, version="1.22.1", fixes=[], not_affected={}, accepted={}, patches=[]
    )


def states(pin: pins.Pin, *logs: Changelog) -> dict[str, str]:
    """The state of each CVE."""
    return {one.cve: one.state for one in vulnerabilities.assess(pin, list(logs))}


def test_mended_before_the_release_is_in_it(pin: pins.Pin) -> None:
    log = changelog(("1.22.1-1", "New release", NOW), ("1.21.3-5", "Fix CVE-2025-1", THEN))
    assert states(pin, log) == {"CVE-2025-1": "in release"}


def test_mended_by_the_release_is_in_it(pin: pins.Pin) -> None:
    log = changelog(("1.22.1-1", "New release, fixes CVE-2025-1", NOW), ("1.21.3-5", "-", THEN))
    assert states(pin, log) == {"CVE-2025-1": "in release"}


def test_mended_by_a_patch_upon_the_release_is_open(pin: pins.Pin) -> None:
    log = changelog(("1.22.1-2", "Fix CVE-2026-1", NOW), ("1.22.1-1", "New release", THEN))
    assert states(pin, log) == {"CVE-2026-1": "OPEN"}


def test_mended_by_a_newer_release_is_open(pin: pins.Pin) -> None:
    log = changelog(("1.22.3-1", "Fixes CVE-2026-1", NOW), ("1.22.1-1", "New release", THEN))
    assert states(pin, log) == {"CVE-2026-1": "OPEN"}


def test_mended_in_an_older_branch_alone_is_open(pin: pins.Pin) -> None:
    """The newest package may still have it: its changelog does not say."""
    newest = changelog(("1.22.1-1", "New release", THEN), ("1.21.3-1", "-", OLD))
    security = changelog(("1.21.3-1+deb13u1", "Fix CVE-2026-1", NOW), ("1.21.3-1", "-", OLD))
    assert states(pin, security, newest) == {"CVE-2026-1": "OPEN"}


def test_what_branches_share_may_be_cut_off_the_newest(pin: pins.Pin) -> None:
    newest = changelog(("1.22.1-1", "New release", NOW), ("1.21.3-1", "-", THEN))
    old = changelog(("1.20.1-2", "-", THEN), ("1.20.1-1", "Fix CVE-2022-1", OLD))
    assert states(pin, old, newest) == {"CVE-2022-1": "in release"}


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"fixes": ["CVE-2026-1"]}, "patched"),
        ({"not_affected": {"CVE-2026-1": "no such part"}}, "not affected"),
        ({"accepted": {"CVE-2026-1": "small"}}, "accepted"),
    ],
)
def test_the_pin_answers(pin: pins.Pin, answer: dict[str, object], state: str) -> None:
    log = changelog(("1.22.1-2", "Fix CVE-2026-1", NOW), ("1.22.1-1", "New release", THEN))
    answered = dataclasses.replace(pin, **answer)  # type: ignore[arg-type]
    assert states(answered, log) == {"CVE-2026-1": state}
