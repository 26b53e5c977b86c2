"""Plots of a simulation, or of two beside each other: waits, queues over time, agents' load.

Needs matplotlib (`pip install 'skill-router[plot]'`). No screen and no global state: the same runs give the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Literal

from matplotlib import rc_context, style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from router.cli.simulate_report import SimulationReport
from router.engine.settings import HOUR_US, MINUTE_US, SECOND_US
from router.simulation.results import CallFigures, Replication
from router.simulation.student import estimate

LINES_MAX: Final = 10  # more lines than that nobody can tell apart
DOTS_PER_INCH: Final = 110
PANEL_INCHES: Final = (6.4, 4.2)
LETTERS: Final = ("A: ", "B: ")
SHARES: Final = tuple(range(1, 100))

Place = Literal["best", "lower right", "upper left"]


def write_plots(folder: Path, reports: Sequence[SimulationReport]) -> list[Path]:
    """Write `waits.png`, `queues.png` and `load.png` and return their paths; two reports stand side by side."""
    drawings: dict[str, Callable[[Sequence[SimulationReport]], Figure]] = {
        "waits.png": draw_waits,
        "queues.png": draw_queues,
        "load.png": draw_load,
    }
    paths = []
    with style.context("default"), rc_context({"text.parse_math": False}):
        for name, draw in drawings.items():
            path = folder / name
            draw(reports).savefig(path, dpi=DOTS_PER_INCH, metadata={"Software": None})
            paths.append(path)
    return paths


def draw_waits(reports: Sequence[SimulationReport]) -> Figure:
    """Draw how long calls waited, by queue: the share that waited at most so long, of the answered and of all."""
    figure, (row,) = _panels(reports, rows=1)
    found = [_wait_lines(report) for report in reports]
    scale_us, unit = time_scale(max((x for lines in found for _, _, xs in lines for x in xs), default=0))
    for axes, report, lines in zip(row, reports, found, strict=True):
        colours = _colours(list(dict.fromkeys(queue for queue, _, _ in lines)))
        for queue, dashes, xs in lines:
            label = queue if dashes == "-" else f"_{queue}"  # hidden: the legend's title explains the dashes
            axes.plot([x / scale_us for x in xs], SHARES, dashes, color=colours[queue], label=label)
        axes.set(xlabel=f"wait, {unit}", ylim=(0, 100))
        _finish(
            axes,
            legend=bool(lines),
            note="solid: of the answered; dashed: of all" + _lines_note(report),
            place="lower right",
        )
    row[0].set_xlim(left=0)  # for all panels, and once everything is drawn: it ends the automatic scale
    row[0].set_ylabel("calls that waited at most so long, %")
    return figure


def _wait_lines(report: SimulationReport) -> list[tuple[str, str, list[float]]]:
    """Return queue, line style and the 1st to 99th percentile, each the mean over the runs that have it."""
    lines = []
    for queue in _busiest_queues(report):
        calls = [run.queues[queue].calls for run in report.runs if queue in run.queues]
        for dashes, read in (("-", _served), ("--", _all)):
            runs = [found for each in calls if (found := read(each)) is not None]
            if runs:
                lines.append((queue, dashes, [sum(column) / len(runs) for column in zip(*runs, strict=True)]))
    return lines


def _served(calls: CallFigures) -> tuple[float, ...] | None:
    return calls.wait_served_percentiles_us


def _all(calls: CallFigures) -> tuple[float, ...] | None:
    return calls.wait_all_percentiles_us


def draw_queues(reports: Sequence[SimulationReport]) -> Figure:
    """Draw who waits, by queue, and how many agents are there and busy, over the measured time.

    A line is the mean over the runs, the band around it the 95 % confidence interval of that mean.
    """
    figure, (waiting, agents) = _panels(reports, rows=2)
    for upper, lower, report in zip(waiting, agents, reports, strict=True):
        queues = _busiest_queues(report)
        colours = _colours(queues)
        for queue in queues:
            _draw_series(upper, report, queue, colours[queue], "-", partial(_waiting, queue))
        _draw_series(lower, report, "signed in", "black", "--", _present)
        _draw_series(lower, report, "busy", "tab:blue", "-", _busy)
        _finish(upper, legend=bool(queues), note=_lines_note(report))
        _finish(lower, legend=True)
    for first, text in ((waiting[0], "calls that wait"), (agents[0], "agents")):
        first.set_ylabel(text)
        first.set_ylim(bottom=0)
    return figure


def _waiting(queue: str, run: Replication) -> Sequence[float]:
    return () if run.series is None else run.series.waiting[queue]


def _present(run: Replication) -> Sequence[float]:
    return () if run.series is None else [sum(column) for column in zip(*run.series.present.values(), strict=True)]


def _busy(run: Replication) -> Sequence[float]:
    return () if run.series is None else [sum(column) for column in zip(*run.series.busy.values(), strict=True)]


def _draw_series(
    axes: Axes,
    report: SimulationReport,
    name: str,
    colour: str,
    dashes: str,
    read: Callable[[Replication], Sequence[float]],
) -> None:
    runs = [read(run) for run in report.runs]
    found = [estimate(column) for column in zip(*runs, strict=True)]
    slice_us = report.runs[0].series.slice_us if report.runs[0].series is not None else 1
    scale_us, unit = time_scale(report.scenario.length_us)
    times = [(index + 0.5) * slice_us / scale_us for index in range(len(found))]
    means = [each.mean or 0.0 for each in found]
    axes.plot(times, means, dashes, color=colour, label=name)
    if len(runs) > 1:
        lows = [max(each.low or 0.0, 0.0) for each in found]
        axes.fill_between(times, lows, [each.high or 0.0 for each in found], color=colour, alpha=0.2, linewidth=0)
    axes.set(xlabel=f"measured time, {unit}", xlim=(0, report.scenario.length_us / scale_us))


def draw_load(reports: Sequence[SimulationReport]) -> Figure:
    """Draw each agent's occupancy with its interval, by group and within it from the least to the most busy."""
    figure, (row,) = _panels(reports, rows=1)
    for axes, report in zip(row, reports, strict=True):
        groups = _agents_by_group(report)
        colours = _colours(list(groups))
        place = 0
        for group, agents in groups.items():
            found = sorted((report.summary.agents[agent]["occupancy"] for agent in agents), key=lambda e: e.mean or 0)
            heights = [100 * (each.mean or 0.0) for each in found]
            errors = [100 * (each.half_width or 0.0) for each in found]
            places = range(place, place + len(found))
            label = group if len(groups) <= LINES_MAX else "_"
            axes.bar(places, heights, yerr=errors, color=colours[group], ecolor="0.3", width=0.8, label=label)
            place += len(found)
        axes.set(xlabel="agents, from the least to the most busy of each group", xticks=[], ylim=(0, 115))
        _finish(axes, legend=1 < len(groups) <= LINES_MAX, place="upper left", across=5)
    row[0].set_ylabel("occupancy, %")
    return figure


def _agents_by_group(report: SimulationReport) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for agent in report.runs[0].agents:
        groups.setdefault(agent.group, []).append(agent.agent)
    return groups


def _panels(reports: Sequence[SimulationReport], rows: int) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with a column for each report, its name above, and one scale for each row."""
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * len(reports), height * rows), layout="constrained")
    grid = figure.subplots(rows, len(reports), squeeze=False, sharey="row", sharex="row")
    panels: list[list[Axes]] = [list(row) for row in grid]
    letters = LETTERS if len(reports) > 1 else ("",)
    for axes, letter, report in zip(panels[0], letters, reports, strict=True):
        preset = f", {report.preset}" if report.preset else ""
        axes.set_title(f"{letter}{Path(report.scenario.source).name}{preset}")
    return figure, panels


def _finish(axes: Axes, *, legend: bool, note: str = "", place: Place = "best", across: int = 1) -> None:
    axes.grid(alpha=0.3)
    if legend:
        title = note.strip() or None
        axes.legend(fontsize="small", title=title, title_fontsize="small", loc=place, ncols=across)


def _colours(names: Sequence[str]) -> dict[str, str]:
    return {name: f"C{index % LINES_MAX}" for index, name in enumerate(names)}


def _busiest_queues(report: SimulationReport) -> list[str]:
    """Return the queues with the most calls, in the order of the scenario."""
    queues = report.summary.queues
    busiest = sorted(queues, key=lambda name: -(queues[name]["offered"].mean or 0.0))[:LINES_MAX]
    return [name for name in queues if name in busiest]


def _lines_note(report: SimulationReport) -> str:
    left_out = len(report.summary.queues) - LINES_MAX
    return f"\nthe {LINES_MAX} busiest queues; {left_out} more" if left_out > 0 else ""


def time_scale(longest_us: float) -> tuple[int, str]:
    """Return the microseconds of the unit that suits times up to this one, and its name."""
    if longest_us > 3 * HOUR_US:
        return HOUR_US, "hours"
    return (MINUTE_US, "minutes") if longest_us > 5 * MINUTE_US else (SECOND_US, "seconds")
