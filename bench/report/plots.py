"""The plots of docs/benchmarks.md, drawn from the series that the benchmarks note."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes

from bench.report.runs import Line

OURS = "this router"
OTHERS = "(measured earlier)"
"""How names of bars begin and names of lines end; what others did is drawn apart."""


class Plot(NamedTuple):
    """What a plot says about its axes.

    `kind`: "line"; "cdf", whose ys are shares; or "bars", which shows the first y of each line, sideways.
    """

    title: str
    x: str
    y: str
    log_x: bool = True
    log_y: bool = False
    kind: str = "line"


PLOTS: dict[str, Plot] = {
    "decisions-agents": Plot("A decision, by the number of idle agents", "agents", "µs"),
    "decisions-waiting": Plot("A decision, by the number of waiting calls", "waiting calls", "µs"),
    "decisions-variety": Plot(
        "A decision, by how many profiles and requirements differ, 10,000 agents", "profiles and requirements", "µs"
    ),
    "decisions-cdf": Plot("Decisions taken in at most so long", "µs", "share of decisions", kind="cdf"),
    "decisions-baselines": Plot("Median decision, beside other ways to make it", "agents", "µs", log_y=True),
    "wire-latency-cdf": Plot("Calls offered within so long of being due", "ms", "share of calls", kind="cdf"),
    "peers-offers": Plot("From joining a queue to the offer, agents idle", "calls per second", "ms", log_y=True),
    "peers-rates": Plot("Calls, requests or commands per second", "per second", "", kind="bars"),
    "peers-agents": Plot("Agents of one installation", "agents", "", kind="bars"),
}


def draw(plot: Plot, lines: dict[str, Line], path: Path) -> None:
    """Draw the lines, each with the range over the runs where there are several."""
    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    if plot.kind == "bars":
        _draw_bars(axes, lines)
    else:
        for name, line in lines.items():
            _draw_line(axes, plot, name, line)
        axes.legend(fontsize="small", frameon=False)
    if plot.log_x:
        axes.set_xscale("log")
    if plot.log_y:
        axes.set_yscale("log")
    elif plot.kind == "line":
        axes.set_ylim(bottom=0)
    axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110, metadata={"Software": ""})
    pyplot.close(figure)


def _draw_line(axes: Axes, plot: Plot, name: str, line: Line) -> None:
    if plot.kind == "cdf":  # the shares are the same in every run, the values differ
        axes.plot(line.x, line.y, label=name)
        return
    style = "-" if OTHERS not in name else "--"
    (drawn,) = axes.plot(line.x, line.y, style, marker="o", markersize=4, label=name)
    if line.low != line.high:
        axes.fill_between(line.x, line.low, line.high, color=drawn.get_color(), alpha=0.2, linewidth=0)


def _draw_bars(axes: Axes, lines: dict[str, Line]) -> None:
    names = list(lines)
    values = [line.y[0] for line in lines.values()]
    errors = [
        [line.y[0] - line.low[0] for line in lines.values()],
        [line.high[0] - line.y[0] for line in lines.values()],
    ]
    colors = ["tab:blue" if name.startswith(OURS) else "tab:gray" for name in names]
    axes.barh(names, values, xerr=errors, color=colors, alpha=0.8)
    axes.invert_yaxis()
