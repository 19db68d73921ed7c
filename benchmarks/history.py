"""The history of the figures: a line of JSON for each commit that was measured."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import Results

FILE = Path(__file__).parent / "records" / "history.jsonl"


def commit() -> tuple[str, str]:
    """The commit that is checked out and its date; a `+` behind it where files were changed."""

    def git(*words: str) -> str:
        return subprocess.check_output(["git", *words], text=True, cwd=FILE.parents[2]).strip()

    name, date = git("log", "-1", "--format=%h %cs").split()
    changed = git("status", "--porcelain", "--untracked-files=no", "src", "python")
    return name + ("+" if changed else ""), date


def entry(results: Results, name: str, date: str) -> dict[str, Any]:
    """What is kept of a run."""
    rows = {}
    for row in results.rows:
        if row.has("ours"):
            rows[row.key] = {"unit": row.unit, "ours": row.values["ours"]}
            if row.has("c") and row.values["c"]:
                rows[row.key]["ratio"] = round(row.ratio("ours", "c"), 4)
    return {
        "commit": name,
        "date": date,
        "effort": results.effort,
        "machine": dict(results.machine),
        "versions": dict(results.versions),
        "rows": rows,
    }


def record(results: Results, file: Path = FILE) -> None:
    """Add a run; an earlier one of the same commit gives way to it."""
    name, date = commit()
    kept = [line for line in read(file) if line["commit"] != name] if file.exists() else []
    file.parent.mkdir(exist_ok=True)
    lines = [*kept, entry(results, name, date)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def read(file: Path = FILE) -> Sequence[dict[str, Any]]:
    """All entries, in the order in which they were recorded."""
    return [json.loads(line) for line in file.read_text().splitlines()]
