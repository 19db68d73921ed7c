"""What is recorded of the benchmarks: how cost grows, and the history; and the plots of both."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from benchmarks import curves, history, plots
from benchmarks.curve import Curve, sizes_up_to
from benchmarks.lab import FULL, QUICK, SMOKE
from benchmarks.report import Results
from benchmarks.rows import Row


def a_curve(values: list[float]) -> Curve:
    return Curve("key", "title", "things", "s", [1, 16, 256, 4096], {"c": values, "ours": values})


CLIENTS_OF_CURVES = {
    "output": {"c", "ours"},
    "arguments": {"c", "ours"},
    "threads": {"c", "ours"},
    "connections": {"c", "ours"},
    "hosts": {"c", "ours"},
    "hosts-memory": {"c", "ours"},
    "waiters": {"loop"},
    "waiters-cancelled": {"loop"},
    "streams": {"loop"},
    "gather": {"ours"},
}


def test_every_curve_is_measured_for_every_client(tmp_path: Path) -> None:
    measured = curves.measure(SMOKE)
    assert {curve.key: set(curve.values) for curve in measured} == CLIENTS_OF_CURVES
    for curve in measured:
        assert {len(values) for values in curve.values.values()} == {len(curve.sizes)}
    file = tmp_path / "curves.jsonl"
    curves.write(measured, SMOKE, "0.1", file)
    about, read = curves.read(file)
    assert about["effort"] == "smoke"
    assert read == measured


def test_sizes_end_at_the_limit() -> None:
    assert sizes_up_to(FULL, full=100, quick=10) == [1, 4, 16, 64, 100]
    assert sizes_up_to(QUICK, full=100, quick=10) == [1, 4, 10]


@pytest.mark.parametrize(
    ("values", "steepest"),
    [
        ([1, 16, 256, 4096], 1),
        ([5, 5, 5, 5], 0),
        ([1, 256, 65536, 2**24], 2),
        ([1, 1, 1, 256], 2),
    ],
)
def test_how_steep_a_curve_is(values: list[float], steepest: float) -> None:
    assert a_curve(values).steepest("ours") == pytest.approx(steepest)


def results(figure: float) -> Results:
    rows = [Row("open", "open", "ms", {"c": 1.0, "ours": figure}), Row("old", "", "", {"old": 1})]
    return Results(rows, {}, {"cpu": "one"}, {"pyremctl": "4"}, "full")


def test_a_commit_has_one_line_in_the_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "history.jsonl"
    for name, figure in (("aaa", 1.0), ("bbb", 2.0), ("bbb", 3.0)):
        monkeypatch.setattr(history, "commit", lambda name=name: (name, "2026-01-01"))
        history.record(results(figure), file)
    entries = history.read(file)
    assert [(entry["commit"], entry["rows"]) for entry in entries] == [
        ("aaa", {"open": {"unit": "ms", "ours": 1.0, "ratio": 1.0}}),
        ("bbb", {"open": {"unit": "ms", "ours": 3.0, "ratio": 3.0}}),
    ]


def test_the_plots_are_drawn_alike_from_the_same_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "FILE", tmp_path / "history.jsonl")
    monkeypatch.setattr(curves, "FILE", tmp_path / "curves.jsonl")
    monkeypatch.setattr(history, "read", lambda: [history.entry(results(1.0), "aaa", "")])
    (tmp_path / "history.jsonl").touch()
    curves.write([a_curve([1, 2, 3, 4])], FULL, "0.1", tmp_path / "curves.jsonl")
    monkeypatch.setattr(curves, "read", lambda: ({}, [a_curve([1, 2, 3, 4])]))
    once = {file.name: file.read_bytes() for file in plots.draw(tmp_path / "once")}
    twice = {file.name: file.read_bytes() for file in plots.draw(tmp_path / "twice")}
    assert set(once) == {"history.svg", "key.svg"}
    assert once == twice
    for picture in once.values():
        assert ElementTree.fromstring(picture).tag.endswith("svg")


def test_no_cost_that_is_recorded_grows_faster_than_its_cause() -> None:
    steepest = {
        curve.key: max(curve.steepest(client) for client in curve.values if client != "c")
        for curve in curves.read()[1]
    }
    assert set(steepest) == set(CLIENTS_OF_CURVES)
    # What is linear may grow somewhat faster: Python's garbage collector sees to that.
    assert {key: found for key, found in steepest.items() if found > 1.3} == {}
