"""Holding what is known of vulnerabilities against what is pinned."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from devkit.wheel import knowledge, pins, vulnerabilities
from devkit.wheel.debian import Changelog
from devkit.wheel.knowledge import Known, Mended

ENTRY = """krb5 ({version}) unstable; urgency=medium

  * {text}

 -- Somebody <somebody@example.org>  {date}

"""
OLD, THEN, NOW = (
    "Mon, 01 Jan 2024 12:00:00 +0000",
    "Wed, 01 Jan 2025 12:00:00 +0000",
    "Thu, 01 Jan 2026 12:00:00 +0000",
)

KNOWN: Known = {
    "CVE-2026-10": Mended("1.22.1", itself=False, source="Debian 1.22.1-2"),
    "CVE-2026-9": Mended("1.22.1"),
    "CVE-2025-1": Mended(),
}
SOME: Known = {"CVE-2026-1": Mended("1.22.1", itself=False), "CVE-2025-1": Mended("1.22")}


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
    """The state of each CVE, by what changelogs say."""
    known = knowledge.from_changelogs(logs)
    return {one.cve: one.state for one in vulnerabilities.assess(pin, known)}


class TestChangelogs:
    """What Debian's changelogs say."""

    def test_mended_before_the_release_is_in_it(self, pin: pins.Pin) -> None:
        log = changelog(("1.22.1-1", "New release", NOW), ("1.21.3-5", "Fix CVE-2025-1", THEN))
        assert states(pin, log) == {"CVE-2025-1": "in release"}

    def test_mended_by_the_release_is_in_it(self, pin: pins.Pin) -> None:
        log = changelog(("1.22.1-1", "New release, fixes CVE-2025-1", NOW), ("1.21.3-5", "-", THEN))
        assert states(pin, log) == {"CVE-2025-1": "in release"}

    def test_mended_by_a_patch_upon_the_release_is_open(self, pin: pins.Pin) -> None:
        log = changelog(("1.22.1-2", "Fix CVE-2026-1", NOW), ("1.22.1-1", "New release", THEN))
        assert states(pin, log) == {"CVE-2026-1": "OPEN"}

    def test_so_is_one_where_the_changelog_is_cut_off_behind_it(self, pin: pins.Pin) -> None:
        log = changelog(("1.22.1-3", "-", NOW), ("1.22.1-2", "Fix CVE-2026-1", THEN))
        assert states(pin, log) == {"CVE-2026-1": "OPEN"}

    def test_mended_by_a_newer_release_is_open(self, pin: pins.Pin) -> None:
        log = changelog(("1.22.3-1", "Fixes CVE-2026-1", NOW), ("1.22.1-1", "New release", THEN))
        assert states(pin, log) == {"CVE-2026-1": "OPEN"}

    def test_mended_in_an_older_branch_alone_is_open(self, pin: pins.Pin) -> None:
        """The newest package may still have it: its changelog does not say."""
        newest = changelog(("1.22.1-1", "New release", THEN), ("1.21.3-1", "-", OLD))
        security = changelog(("1.21.3-1+deb13u1", "Fix CVE-2026-1", NOW), ("1.21.3-1", "-", OLD))
        assert states(pin, security, newest) == {"CVE-2026-1": "OPEN"}

    def test_what_branches_share_may_be_cut_off_the_newest(self, pin: pins.Pin) -> None:
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
    def test_the_pin_answers(self, pin: pins.Pin, answer: dict[str, object], state: str) -> None:
        log = changelog(("1.22.1-2", "Fix CVE-2026-1", NOW), ("1.22.1-1", "New release", THEN))
        answered = dataclasses.replace(pin, **answer)  # type: ignore[arg-type]
        assert states(answered, log) == {"CVE-2026-1": state}


class TestTracker:
    """What Debian's security tracker has."""

    @pytest.mark.parametrize(
        ("suites", "state"),
        [
            ({"sid": {"status": "resolved", "fixed_version": "1.22.1-1"}}, "in release"),
            ({"sid": {"status": "resolved", "fixed_version": "1.22.1-2"}}, "OPEN"),
            ({"sid": {"status": "resolved", "fixed_version": "1.22.3-1"}}, "OPEN"),
            ({"sid": {"status": "resolved", "fixed_version": "1.21.3-5"}}, "in release"),
            ({"sid": {"status": "resolved", "fixed_version": "0"}}, "in release"),
            ({"sid": {"status": "open"}}, "OPEN"),
            ({"sid": {"status": "undetermined"}}, "OPEN"),
            ({"bookworm": {"status": "resolved", "fixed_version": "1.20.1-2"}}, "OPEN"),
            ({}, "OPEN"),
        ],
    )
    def test_a_release_is_known_by_the_unstable_suite(
        self, pin: pins.Pin, suites: dict[str, Any], state: str
    ) -> None:
        data = {"krb5": {"CVE-2026-1": {"releases": suites}, "TEMP-1-2": {"releases": suites}}}
        known = knowledge.from_tracker(data, "krb5")
        assert [one.state for one in vulnerabilities.assess(pin, known)] == [state]

    def test_a_package_without_any_is_well(self) -> None:
        assert knowledge.from_tracker({}, "krb5") == {}


class TestTable:
    """What is kept in the tree."""

    def test_it_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        path = tmp_path / "table"
        knowledge.write({"krb5": KNOWN, "remctl": {}}, path)
        assert knowledge.same(knowledge.load(path)["krb5"], KNOWN)
        assert path.read_text().endswith(
            "\n[krb5]\n"
            'CVE-2026-10 = "after 1.22.1"  # Debian 1.22.1-2\n'
            'CVE-2026-9 = "in 1.22.1"\n'
            'CVE-2025-1 = "not known"\n'
            "\n[remctl]\n"
        )

    def test_what_is_asked_now_knows_better_unless_it_knows_nothing(self) -> None:
        news = {"CVE-2026-9": Mended(), "CVE-2025-1": Mended("1.21"), "CVE-2026-11": Mended()}
        known = knowledge.merged(KNOWN, news)
        assert {cve: str(mended) for cve, mended in known.items()} == {
            "CVE-2026-11": "not known",
            "CVE-2026-10": "after 1.22.1",
            "CVE-2026-9": "in 1.22.1",
            "CVE-2025-1": "in 1.21",
        }
        assert not knowledge.same(known, KNOWN)

    @pytest.mark.parametrize("pin", pins.bundled(), ids=lambda pin: pin.name)
    def test_every_one_is_answered_for_by_what_is_pinned(self, pin: pins.Pin) -> None:
        """As `scripts/dev wheel security --offline` finds it."""
        known = knowledge.load()[pin.name]
        states = {one.cve: one.state for one in vulnerabilities.assess(pin, known)}
        assert [cve for cve, state in states.items() if state == vulnerabilities.OPEN] == []
        assert list(vulnerabilities.faults(pin, known)) == []


class TestAnswers:
    """What the pins say must be true."""

    @pytest.mark.parametrize(
        ("answer", "fault"),
        [
            ({"fixes": ["CVE-2026-1"]}, "CVE-2026-1: no patch of krb5 says that it mends it"),
            (
                {"accepted": {"CVE-2026-7": "small"}},
                "CVE-2026-7: answered for, but nobody has published it",
            ),
            (
                {"not_affected": {"CVE-2025-1": "not ours"}},
                "CVE-2025-1: answered for, but krb5 1.22.1 mends it by itself",
            ),
            (
                {"not_affected": {"CVE-2026-1": "no"}, "accepted": {"CVE-2026-1": "small"}},
                "CVE-2026-1: answered for twice",
            ),
        ],
    )
    def test_one_that_is_not_so_is_a_fault(
        self, pin: pins.Pin, answer: dict[str, object], fault: str
    ) -> None:
        assert list(vulnerabilities.faults(pin, SOME)) == []
        answered = dataclasses.replace(pin, **answer)  # type: ignore[arg-type]
        assert list(vulnerabilities.faults(answered, SOME)) == [fault]

    def test_a_patch_says_in_its_head_what_it_mends(
        self, pin: pins.Pin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pins, "PATCHES", tmp_path)
        answered = dataclasses.replace(pin, fixes=["CVE-2026-1"], patches=["a.patch"])
        patch = tmp_path / "a.patch"
        patch.write_text("Mends CVE-2026-1.\n\ndiff --git a/x b/x\n+nothing\n")
        assert list(vulnerabilities.faults(answered, SOME)) == []
        patch.write_text("Mends something.\n\ndiff --git a/x b/x\n+CVE-2026-1\n")
        assert len(list(vulnerabilities.faults(answered, SOME))) == 1
