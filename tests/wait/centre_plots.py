"""Plots of what `centre_report` has found, as SVG: what came of estimates, and how far percentiles hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from tests.wait.centre_runs import Doubles, Watched

QUANTILES: Final = ((0.1, "p10_us"), (0.5, "p50_us"), (0.8, "p80_us"), (0.9, "p90_us"))
PARTS: Final = 12
SIZE: Final = (9.0, 2.8)


def save_plots(found: dict[str, Watched], titles: dict[str, str], folder: Path) -> list[Path]:
    """Write both plots into a folder, which is made if need be; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    plots = {"centre-waits.svg": plot_waits(found, titles), "centre-calibration.svg": plot_calibration(found, titles)}
    with matplotlib.rc_context({"svg.hashsalt": "centres", "svg.fonttype": "none"}):
        for name, figure in plots.items():
            figure.savefig(folder / name, metadata={"Date": None})
    return [folder / name for name in plots]


def plot_waits(found: dict[str, Watched], titles: dict[str, str]) -> Figure:
    """Show the mean wait of calls that were told about the same, by us and by LES."""
    figure = Figure(figsize=SIZE, layout="constrained")
    for axes, (name, one) in zip(figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True):
        top_s = float(np.quantile(one.waits, 0.97))
        for title, said in (("ours", one.means), ("LES", one.baselines()["LES"])):
            told, came = in_parts(said, one.waits)
            axes.plot(told, came, marker=".", label=title)
        axes.plot([0, top_s], [0, top_s], color="grey", linewidth=0.8)
        _finish(axes, titles[name], "told, s", (0, top_s))
        axes.set_ylim(0, top_s)
    axes.legend(frameon=False)
    figure.supylabel("mean wait that came, s", fontsize="medium")
    return figure


def plot_calibration(found: dict[str, Watched], titles: dict[str, str]) -> Figure:
    """Show how often waits lay below each stated percentile, by the level of the mean that was said."""
    figure = Figure(figsize=SIZE, layout="constrained")
    for axes, (name, one) in zip(figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True):
        order = np.argsort(one.means, kind="stable")
        for level, field in QUANTILES:
            below = 100 * (one.waits <= one.quantile(field))
            parts = np.array_split(order, PARTS)
            axes.plot([one.means[part].mean() for part in parts], [below[part].mean() for part in parts])
            axes.axhline(100 * level, color="grey", linewidth=0.8)
        _finish(axes, titles[name], "mean that was said, s", (0, None))
        axes.set_ylim(0, 100)
    figure.supylabel("% of waits below p10, p50, p80, p90", fontsize="medium")
    return figure


def in_parts(said: Doubles, waits: Doubles) -> tuple[list[float], list[float]]:
    """Return the means of both over calls that were told about the same, in parts of equal number."""
    parts = np.array_split(np.argsort(said, kind="stable"), PARTS)
    return [float(said[part].mean()) for part in parts], [float(waits[part].mean()) for part in parts]


def _finish(axes: Any, title: str, label: str, limits: tuple[float, float | None]) -> None:
    axes.set_title(title, fontsize="medium")
    axes.set_xlabel(label)
    axes.set_xlim(*limits)
    axes.spines[["top", "right"]].set_visible(False)
