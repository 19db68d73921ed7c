"""The benchmarks run, each of them once, and say what they should. What they find is no matter."""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import remctl

from benchmarks import instructions
from benchmarks.__main__ import run
from benchmarks.lab import SMOKE, Lab, LeftOut
from benchmarks.report import Results
from benchmarks.rows import Goal, Row
from benchmarks.scenarios import opening, sizes

CLIENTS_OF_ROWS = {
    "one-shot": {"c", "old", "ours", "program"},
    "one-shot-silent": {"c", "old", "ours", "program"},
    "one-shot-silent-processor": {"c", "old", "ours"},
    "one-shot-far": {"c", "old", "ours", "program"},
    "round-trips": {"c", "old", "ours", "program"},
    "open": {"c", "old", "ours"},
    "open-processor": {"c", "old", "ours"},
    "round-trip": {"c", "old", "ours"},
    "round-trip-silent": {"c", "old", "ours"},
    "round-trip-silent-processor": {"c", "old", "ours"},
    "noop": {"c", "old", "ours"},
    "noop-processor": {"c", "old", "ours"},
    "bulk": {"c", "old", "ours"},
    "bulk-memory": {"c", "old", "ours"},
    "bulk-calls": {"c", "old", "ours"},
    "kept": {"c", "old", "ours"},
    "kept-memory": {"c", "old", "ours"},
    "kept-processor": {"c", "old", "ours"},
    "output": {"c", "old", "ours"},
    "output-bytes": {"c", "old", "ours"},
    "output-allocations": {"c", "old", "ours"},
    "input": {"c", "old", "ours"},
    "threads-1": {"c", "old", "ours", "program"},
    "threads-2": {"c", "old", "ours", "program"},
    "held": {"c", "old", "ours"},
    "held-descriptors": {"c", "old", "ours"},
    "many-10": {"c", "ours", "program"},
    "many-10-processor": {"c", "ours", "program"},
    "many-10-memory": {"c", "ours"},
    "scale-open": {"c", "ours", "loop"},
    "scale-open-late": {"loop"},
    "scale-threads": {"loop"},
    "scale-commands": {"c", "ours", "loop"},
    "scale-commands-late": {"loop"},
    "scale-memory": {"c", "ours", "loop"},
    "scale-one-shots": {"c", "ours", "loop"},
    "scale-stream": {"ours", "loop"},
    "scale-stream-memory": {"ours", "loop"},
    "scale-run": {"ours", "loop"},
    "scale-result-late": {"loop"},
    "scale-closes-late": {"loop"},
    "scale-cancelled": {"loop"},
    "scale-cancelled-reversed": {"loop"},
    "import": {"old", "ours"},
    "backend-import": {"ours", "perl"},
    "backend-command": {"c", "ours", "perl"},
    "command-line": {"program", "ours"},
    "command-line-own": {"ours"},
    "extension": {"old", "ours"},
}


@pytest.fixture(scope="module")
def results() -> Results:
    return run(SMOKE)


def test_every_row_is_there_with_every_client(results: Results) -> None:
    assert results.left_out == {}
    assert {row.key: set(row.values) for row in results.rows} == CLIENTS_OF_ROWS


def test_the_results_can_be_written(results: Results) -> None:
    written = json.loads(json.dumps(results.as_json()))
    assert [row["key"] for row in written["rows"]] == list(CLIENTS_OF_ROWS)
    assert all(row.title in results.as_text() for row in results.rows)
    assert re.findall(r'<a id="([^"]*)">', results.as_page()) == list(CLIENTS_OF_ROWS)


def test_a_self_contained_wheel_is_measured_beside_the_rest(tmp_path: Path) -> None:
    # Only that its files are taken from it: what is installed serves as one.
    wheel = tmp_path / "pyremctl.whl"
    package = Path(remctl.__path__[0])
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in package.rglob("*"):
            archive.write(file, file.relative_to(package.parent))
    results = run(SMOKE, {"opening": opening, "sizes": sizes}, bundled=wheel)
    assert results.left_out == {}
    assert {row.key: set(row.values) for row in results.rows} == {
        "open": {"c", "old", "ours", "bundled"},
        "open-processor": {"c", "old", "ours", "bundled"},
        "extension": {"old", "ours", "bundled"},
        "wheel": {"bundled"},
    }


def test_what_cannot_be_measured_is_left_out_with_the_reason() -> None:
    def needs_root(lab: Lab) -> Iterator[Row]:
        raise LeftOut("it takes root")
        yield

    results = run(SMOKE, {"far": needs_root})
    assert results.rows == []
    assert "left out: far: it takes root" in results.as_text()
    assert "left out: far: it takes root" in results.as_page()


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (Goal("ratio", 1.1), True),
        (Goal("ratio", 1.0), False),
        (Goal("least", 1.0), True),
        (Goal("least", 1.2), False),
        (Goal("figure", 11), True),
        (Goal("figure", 10), False),
        (Goal("over", 1), True),
        (Goal("over", 0.5), False),
    ],
)
def test_goals(goal: Goal, met: bool) -> None:
    row = Row("key", "title", "ms", {"c": 10, "ours": 11}, goal=goal)
    assert goal.met(row) is met
    assert row.as_json()["met"] is met


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    rounds = {"c": [1.0, 10.0, 2.0], "ours": [2.0, 10.0, 3.0]}
    row = Row("key", "title", "ms", {"c": 2.0, "ours": 3.0}, rounds)
    assert row.ratio("ours", "c") == 1.5


PROFILE = """\
events: Ir

ob=(1) /usr/bin/python3
fl=(1) python.c
fn=(1) eval
16 100
cob=(2) _remctl.so
cfi=(2) bind.cpp
cfn=(2) output
calls=2 10
17 1900

ob=(2)
fl=(2)
fn=(2)
10 200
cob=(3) libremctl.so.1
cfn=(3) remctl_output
calls=2 0
+1 1700

ob=(3)
fn=(3)
0 700
cob=(4) libgssapi_krb5.so.2
cfn=(4) gss_unwrap
calls=2 0
0 1000

ob=(4)
fn=(4)
0 1000
"""


def test_instructions_below_libremctl_do_not_count() -> None:
    assert instructions.own_cost(PROFILE.splitlines()) == 100 + 200


def test_growth_of_more_than_five_percent_is_too_much() -> None:
    before = {"output": 1000.0, "command": 1000.0}
    assert instructions.grown(before, {"output": 1050.0, "command": 900.0}) == []
    (complaint,) = instructions.grown(before, {"output": 1051.0, "command": 900.0})
    assert complaint.startswith("output: 1,000 instructions before, 1,051 now")


def test_committed_figures() -> None:
    for entry in json.loads(instructions.FIGURES.read_text()):
        assert set(entry) == {"environment", "cpu", "instructions"}
        assert set(entry["environment"]) == set(instructions.environment())
        assert set(entry["instructions"]) == {
            "command",
            "output",
            "open",
            "run",
            "noop",
            "dispatch",
            "host",
            "import",
        }
