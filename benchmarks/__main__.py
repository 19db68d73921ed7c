"""Run the benchmarks: `scripts/benchmark`, or `python -m benchmarks` with all set up."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import curves, history, machine
from benchmarks.clients import ClientFailed
from benchmarks.lab import FULL, QUICK, Effort, LeftOut, laboratory
from benchmarks.report import Results
from benchmarks.rows import Row
from benchmarks.scenarios import SCENARIOS, Scenario

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def run(
    effort: Effort,
    scenarios: Mapping[str, Scenario] = SCENARIOS,
    wheels: Path | None = None,
    bundled: Path | None = None,
) -> Results:
    """Run scenarios, and say on standard error which one it is."""
    rows: list[Row] = []
    left_out: dict[str, str] = {}
    load = machine.load()
    with laboratory(effort, wheels, bundled) as lab:
        for name, scenario in scenarios.items():
            print(f"{name} ...", file=sys.stderr, flush=True)
            try:
                rows += scenario(lab)
            except (LeftOut, ClientFailed) as why:
                left_out[name] = str(why)
    about = {
        "cpu": machine.cpu(),
        "memory": machine.memory(),
        "load": load,
        "load_after": machine.load(),
    }
    return Results(rows, left_out, about, machine.versions(), effort.name)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="scripts/benchmark", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure for some minutes only")
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, help="these scenarios alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--write-docs", action="store_true", help=f"write docs/{PAGE.name}")
    parser.add_argument(
        "--record", action="store_true", help="add a line on this commit to the history"
    )
    parser.add_argument(
        "--curves", action="store_true", help="measure and record how cost grows, and no more"
    )
    parser.add_argument(
        "--bundled", type=Path, metavar="WHEEL", help="a self-contained wheel, to measure it too"
    )
    parser.add_argument("--wheels", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.only and (options.write_docs or options.record):
        parser.error("--write-docs and --record take all scenarios")
    if not options.quick:
        machine.settle()
    if options.curves:
        effort, load = QUICK if options.quick else FULL, machine.load()
        curves.write(curves.measure(effort), effort, load)
        draw()
        return
    chosen = {name: SCENARIOS[name] for name in options.only or SCENARIOS}
    results = run(QUICK if options.quick else FULL, chosen, options.wheels, options.bundled)
    print(results.as_text(), end="")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results.as_json(), indent=2) + "\n")
    if options.record:
        history.record(results)
        draw()
    if options.write_docs:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(results.as_page())


def draw() -> None:
    """Redraw the plots. Only runs that record something need matplotlib."""
    from benchmarks import plots

    plots.draw()


if __name__ == "__main__":
    main()
