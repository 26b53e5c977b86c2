"""Plots of an evaluation: calibration, error over the day, waits against estimates.

Needs matplotlib (`pip install 'skill-router[plot]'`). No screen and no global state: the same report gives the same
files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib import rc_context, style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from router.cli.evaluate_wait_report import NAMES
from router.cli.evaluate_wait_run import WaitReport
from router.wait.scoring.report import FORECASTS, OURS
from router.wait.scoring.scored_calls import ScoredCalls
from router.wait.scoring.scores import INTERVAL_SHARE, Floats

DOTS_PER_INCH: Final = 110
PANEL_INCHES: Final = (6.4, 4.4)
HOUR_CALLS_MIN: Final = 50  # hours with fewer are left out
BINS: Final = 20  # of estimates, each with as many calls
DRAWN: Final = ("les", "hol")  # beside ours, in the error over the day


def write_plots(folder: Path, report: WaitReport) -> list[Path]:
    """Write `calibration.png`, `day.png` and `waits.png` and return their paths. Raises `OSError`."""
    drawings: dict[str, Callable[[WaitReport], Figure]] = {
        "calibration.png": draw_calibration,
        "day.png": draw_day,
        "waits.png": draw_waits,
    }
    paths = []
    with style.context("default"), rc_context({"text.parse_math": False}):
        for name, draw in drawings.items():
            path = folder / name
            draw(report).savefig(path, dpi=DOTS_PER_INCH, metadata={"Software": None})
            paths.append(path)
    return paths


def draw_calibration(report: WaitReport) -> Figure:
    """Draw how often waits lay below each stated quantile, and how often intervals held by level of the estimate."""
    figure, (left, right) = _panels(2)
    stated = [100 * each.stated for each in report.scores.stated]
    held = [100 * each.held for each in report.scores.stated]
    left.plot((0, 100), (0, 100), "--", color="0.6", label="as stated")
    left.plot(stated, held, "o-", color="C0", label="as it came")
    left.set(xlabel="stated share of waits below, %", ylabel="share of waits below, %", xlim=(0, 100), ylim=(0, 100))
    parts = [part for part in report.scores.by_level if part.quantiles is not None]
    coverage = [100 * part.quantiles.coverage for part in parts if part.quantiles is not None]
    right.bar(range(len(parts)), coverage, color="C0", width=0.8, label="as it came")
    right.axhline(100 * INTERVAL_SHARE, color="0.3", linestyle="--", label="as stated")
    names = [f"{part.begins:.0f}\n{part.calls:,}" for part in parts]
    right.set_xticks(range(len(parts)), names, fontsize="x-small")
    right.set(xlabel="estimate from so many seconds on; calls", ylabel="80 % intervals that held, %", ylim=(0, 100))
    _finish(left, right)
    return figure


def draw_day(report: WaitReport) -> Figure:
    """Draw mean absolute error and bias by hour of arrival, ours and the simplest ones."""
    figure, (upper, lower) = _panels(2)
    calls = _big_answered(report)
    hours = [hour for hour in range(24) if (calls.hour == hour).sum() >= HOUR_CALLS_MIN]
    for place, name in enumerate((OURS, *DRAWN)):
        errors = [(calls.values[FORECASTS[name]] - calls.waited_s)[calls.hour == hour] for hour in hours]
        upper.plot(hours, [float(np.abs(error).mean()) for error in errors], "o-", color=f"C{place}", label=NAMES[name])
        lower.plot(hours, [float(error.mean()) for error in errors], "o-", color=f"C{place}", label=NAMES[name])
    waits = [float(calls.waited_s[calls.hour == hour].mean()) for hour in hours]
    upper.plot(hours, waits, ":", color="0.4", label="mean wait")
    upper.set(xlabel="hour of arrival", ylabel="mean absolute error, s")
    upper.set_ylim(bottom=0)
    lower.axhline(0, color="0.6", linestyle="--")
    lower.set(xlabel="hour of arrival", ylabel="estimate less wait, on average, s")
    _finish(upper, lower)
    return figure


def draw_waits(report: WaitReport) -> Figure:
    """Draw what came of estimates: quantiles and mean of waits, for calls with about the same estimate."""
    figure, (ours, les) = _panels(2)
    calls = _big_answered(report)
    longest = 0.0
    for axes, name in ((ours, OURS), (les, "les")):
        means, (ten, fifty, ninety), waits = _bins(calls.values[FORECASTS[name]], calls.waited_s)
        axes.fill_between(means, ten, ninety, color="C0", alpha=0.2, linewidth=0, label="10 to 90 % of waits")
        axes.plot(means, fifty, "-", color="C0", label="half of waits")
        axes.plot(means, waits, "o", color="C1", label="mean wait")
        axes.set(xlabel=f"{NAMES[name]}: announced, s", ylabel="waited, s")
        longest = max(longest, *means, *ninety)
    for axes in (ours, les):
        axes.plot((0, longest), (0, longest), "--", color="0.6", label="as announced")
        axes.set(xlim=(0, longest), ylim=(0, longest))
    _finish(ours, les)
    return figure


def _bins(forecast_s: Floats, waited_s: Floats) -> tuple[list[float], tuple[list[float], ...], list[float]]:
    """Split calls by forecast into bins; return mean forecast, quantiles of waits and mean wait of each."""
    order = np.argsort(forecast_s, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    quantiles = tuple([float(np.quantile(waited_s[part], level)) for part in parts] for level in (0.1, 0.5, 0.9))
    return (
        [float(forecast_s[part].mean()) for part in parts],
        quantiles,
        [float(waited_s[part].mean()) for part in parts],
    )


def _big_answered(report: WaitReport) -> ScoredCalls:
    calls = report.evaluation.calls
    return calls.only(
        calls.answered
        & np.isin(calls.kind, [place for place, kind in enumerate(calls.kinds) if kind in report.scores.big_types])
    )


def _panels(columns: int) -> tuple[Figure, list[Axes]]:
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * columns, height), layout="constrained")
    grid = figure.subplots(1, columns, squeeze=False)
    return figure, list(grid[0])


def _finish(*panels: Axes) -> None:
    for axes in panels:
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
