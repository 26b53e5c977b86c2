"""The plots of docs/benchmarks.md, drawn from the series that the benchmarks note.

They are readable in grey: what a line is about has a colour and a marker, and which share, rate or variant, a dash.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, NullLocator

from bench.report.runs import Line

OURS: Final = "this router"
"""How names of this router's dots begin."""
COLORS: Final = ("#000000", "#0b5394", "#d55e00", "#e69f00")
"""From dark to light."""
MARKERS: Final = "os^D"
DASHES: Final = ("-", "--", ":", "-.")
DODGE: Final = 1.02
"""Lines of one x are set apart by so much, that their ranges are not drawn over each other."""
PERCENTILES: Final = {0.5: "50 %", 0.1: "90 %", 0.01: "99 %", 0.001: "99.9 %", 0.0001: "99.99 %"}


class Plot(NamedTuple):
    """What a plot says about its axes.

    `kind`: "line"; "cdf", whose ys are shares; or "dots", which shows the first y of each line, sideways.
    """

    title: str
    x: str
    y: str
    log_y: bool = False
    kind: str = "line"


PLOTS: Final[dict[str, Plot]] = {
    "decisions-agents": Plot("A decision, by the number of idle agents", "idle agents", "µs"),
    "decisions-waiting": Plot("A decision, by the number of waiting calls", "waiting calls", "µs"),
    "decisions-variety": Plot(
        "A decision, by how many profiles and requirements there are, 10,000 agents", "profiles and requirements", "µs"
    ),
    "decisions-cdf": Plot("Decisions taken in at most so long", "µs", "share of decisions", kind="cdf"),
    "decisions-baselines": Plot("Median decision, beside other ways to make it", "idle agents", "µs", log_y=True),
    "wire-latency-cdf": Plot("Calls offered within so long of being due", "ms", "share of calls", kind="cdf"),
    "asterisk-freed-cdf": Plot("From a freed agent to its next caller, on Asterisk", "ms", "share", kind="cdf"),
    "peers-offers": Plot("From joining a queue to the offer, agents idle", "calls per second", "ms", log_y=True),
    "peers-rates": Plot("Calls or requests per second", "per second", "", kind="dots"),
    "peers-agents": Plot("Agents of one installation", "agents", "", kind="dots"),
}


def draw(plot: Plot, lines: dict[str, Line], path: Path) -> None:
    """Draw the lines, each with the range over the runs where there are several."""
    height = 1.2 + 0.35 * len(lines) if plot.kind == "dots" else 5.0
    figure, axes = pyplot.subplots(figsize=(8, height), layout="constrained")
    axes.set_xscale("log")
    if plot.kind == "dots":
        _draw_dots(axes, lines)
    else:
        _draw_lines(axes, plot, lines)
    _label(axes.xaxis)
    axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
    axes.grid(alpha=0.3)
    if plot.kind != "dots":
        figure.legend(loc="outside lower center", ncols=2, fontsize="small", frameon=False, handlelength=3.5)
    figure.savefig(path, dpi=110, metadata={"Software": ""})
    pyplot.close(figure)


def _draw_lines(axes: Axes, plot: Plot, lines: dict[str, Line]) -> None:
    parts = [name.rpartition(", ") if ", " in name else (name, "", "") for name in lines]
    subjects = list(dict.fromkeys(subject for subject, _, _ in parts))
    variants = list(dict.fromkeys(variant for _, _, variant in parts))
    for place, (name, line) in enumerate(lines.items()):
        number = subjects.index(parts[place][0])
        dash = DASHES[variants.index(parts[place][2]) % len(DASHES)]
        color = COLORS[number % len(COLORS)]
        if plot.kind == "cdf":  # the shares are the same in every run, the values differ
            slower = [1 - share for share in line.y if share < 1]
            axes.plot(line.x[: len(slower)], slower, dash, color=color, label=name)
            continue
        apart = DODGE ** (place - (len(lines) - 1) / 2)
        axes.errorbar(
            [x * apart for x in line.x],
            line.y,
            yerr=_errors(line),
            color=color,
            linestyle=dash,
            marker=MARKERS[number % len(MARKERS)],
            markersize=5,
            capsize=3,
            elinewidth=1,
            label=name,
        )
    if plot.kind == "cdf":
        axes.set_yscale("log")
        axes.set_yticks(list(PERCENTILES), list(PERCENTILES.values()))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(1, min(1 - share for line in lines.values() for share in line.y if share < 1) / 1.2)
    elif plot.log_y:
        axes.set_yscale("log")
        _label(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)


def _draw_dots(axes: Axes, lines: dict[str, Line]) -> None:
    """Draw a row for each, the least above; what others did or say is hollow."""
    rows = sorted(lines.items(), key=lambda row: row[1].y[0])
    for place, (name, line) in enumerate(rows):
        fill = COLORS[0] if name.startswith(OURS) else "white"
        errors = [[error[0]] for error in _errors(line)]
        axes.errorbar(line.y[:1], [place], xerr=errors, fmt="o", color=COLORS[0], markerfacecolor=fill, capsize=3)
        axes.annotate(f"{line.y[0]:,.0f}", (line.high[0], place), (8, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.margins(x=0.3, y=0.1)
    axes.invert_yaxis()


def _errors(line: Line) -> list[list[float]]:
    """Return how far the range of the runs goes below and above each point."""
    below = [y - low for y, low in zip(line.y, line.low, strict=True)]
    return [below, [high - y for y, high in zip(line.y, line.high, strict=True)]]


def _label(axis: Axis) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
