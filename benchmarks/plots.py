"""Pictures of the recorded figures: `python -m benchmarks.plots` draws them into docs/plots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullFormatter

from benchmarks import curves, history
from benchmarks.curve import Curve
from benchmarks.report import CLIENTS

FOLDER = Path(__file__).parents[1] / "docs" / "plots"

# The rows whose course is drawn, with the names that the plot has for them.
COURSES = {
    "one-shot-silent": "one-shot call",
    "open": "open",
    "round-trip-silent": "command and answer",
    "noop": "noop",
    "bulk": "200 MiB of output (higher is better)",
    "output": "output()",
}

# Read on a light page and on a dark one. The same figures give the same bytes.
STYLE: dict[Any, Any] = {
    "axes.edgecolor": "#888888",
    "axes.labelcolor": "#888888",
    "axes.prop_cycle": cycler(
        color=["#d1663c", "#3c8dd1", "#4fa35a", "#a069c4", "#c49a2a", "#3fa7a3"]
    ),
    "axes.titlecolor": "#888888",
    "figure.figsize": (7.2, 4.2),
    "font.size": 10,
    "grid.color": "#88888840",
    "legend.frameon": False,
    "legend.labelcolor": "#888888",
    "savefig.transparent": True,
    "svg.fonttype": "path",
    "svg.hashsalt": "pyremctl",
    "xtick.color": "#888888",
    "ytick.color": "#888888",
}


def draw_curve(curve: Curve) -> Figure:
    """The cost of one kind of work, with logarithmic axes."""
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    for client, values in curve.values.items():
        axes.plot(curve.sizes, values, marker="o", markersize=4, label=CLIENTS[client])
    axes.set(xscale="log", yscale="log", xlabel=curve.across, title=curve.title)
    # Whole decades: noise is not to look like growth.
    low, high = axes.get_ylim()
    axes.set_ylim(10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high)))
    axes.xaxis.set_major_formatter(EngFormatter(sep="\N{THIN SPACE}"))
    axes.yaxis.set_major_formatter(EngFormatter(curve.unit, sep="\N{THIN SPACE}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True)
    axes.legend()
    return figure


def draw_history(entries: Sequence[Mapping[str, Any]]) -> Figure:
    """The ratio to C of some rows, from commit to commit."""
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    names = [entry["commit"] for entry in entries]
    for key, label in COURSES.items():
        ratios = [entry["rows"].get(key, {}).get("ratio") for entry in entries]
        points = [(at, ratio) for at, ratio in enumerate(ratios) if ratio is not None]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=label)
    axes.axhline(1, color="#888888", linewidth=0.8, linestyle="--")
    axes.set_xticks(range(len(names)), names, rotation=45)
    axes.set(ylabel="times the cost in C", title="From commit to commit")
    axes.grid(visible=True, axis="y")
    axes.legend()
    return figure


def draw(folder: Path = FOLDER) -> list[Path]:
    """Draw all that is recorded; the files."""
    folder.mkdir(exist_ok=True)
    files = []
    with mpl.rc_context(STYLE):
        figures = {"history": draw_history(history.read())} if history.FILE.exists() else {}
        if curves.FILE.exists():
            figures |= {curve.key: draw_curve(curve) for curve in curves.read()[1]}
        for name, figure in figures.items():
            files.append(folder / f"{name}.svg")
            figure.savefig(files[-1], metadata={"Date": None, "Creator": None})
    return files


if __name__ == "__main__":
    for file in draw():
        print(file)
