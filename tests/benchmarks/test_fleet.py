"""The comparison with the programs for many hosts, on very few."""

import pytest

from benchmarks import fleet


def test_each_program_asks_all_hosts(capsys: pytest.CaptureFixture[str]) -> None:
    fleet.main(3, 1)
    _, _, ours, *others = capsys.readouterr().out.splitlines()
    assert ours.startswith("pyremctl -H ")
    assert [line.split()[0] for line in others] == ["clush", "xargs"]
    assert all("pyremctl's share: " in line for line in others)
