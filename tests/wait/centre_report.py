"""Prints the tables of docs/wait-prediction.md that are about simulated centres.

`python -m tests.wait.centre_report [CENTRE …] [--futures 200] [--days 20] [--plot DIR]` writes Markdown to standard
output; `hundred_agents` is M/M/100, and only printed if it is named.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from tests.wait.centre_plots import save_plots
from tests.wait.centre_runs import BAND_EDGES_S, Doubles, Watched, coverage, lead, mae, pinball, rmse
from tests.wait.test_centres import CENTRES, watched
from tests.wait.test_hundred_agents import HOL_RATIO, LES_RATIO, LONG_SERVICES, errors, ratio_and_error

TITLES: Final = {
    "n_model": "N-model",
    "w_model": "W-model",
    "six_types": "six types, relaxing",
    "priorities": "urgencies and priorities",
}
HUNDRED: Final = "hundred_agents"
LEVELS: Final = ((0.1, "p10_us"), (0.5, "p50_us"), (0.9, "p90_us"))


def main() -> None:
    """Run the centres that were asked for and print their tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("centres", nargs="*", default=CENTRES, metavar="CENTRE", help=", ".join(CENTRES))
    parser.add_argument("--futures", type=int, default=200)
    parser.add_argument("--days", type=float, default=20.0)
    parser.add_argument("--plot", type=Path, metavar="DIR", help="write plots of the centres into this folder")
    asked = parser.parse_args()
    if unknown := set(asked.centres) - {*CENTRES, HUNDRED}:
        parser.error(f"there is no centre {', '.join(sorted(unknown))}; there are {', '.join(CENTRES)} and {HUNDRED}")
    if HUNDRED in asked.centres:
        print(hundred(), end="\n\n")
    found = {name: watched(name, asked.days, asked.futures) for name in asked.centres if name != HUNDRED}
    if found:
        print(points(found), calibration(found), bands(found), sep="\n\n")
        if asked.plot is not None:
            save_plots(found, TITLES, asked.plot)


def hundred() -> str:
    """Return the table of squared errors in M/M/100."""
    found = errors(LONG_SERVICES)
    said = {"QL": (found.exact, "1"), "`qlm`, speed learned": (found.qlm, "")}
    said |= {"LES": (found.les, f"{LES_RATIO}"), "HOL": (found.hol, f"{HOL_RATIO}")}
    rows = []
    for title, (off, theory) in said.items():
        plain = ratio_and_error(off**2, found)
        apart = ratio_and_error((off - found.exact) ** 2, found)
        by_distance = f"{1 + apart[0]:.3f} ±{apart[1]:.3f}" if apart[0] else ""
        rows.append([title, theory, f"{plain[0]:.3f} ±{plain[1]:.3f}", by_distance])
    rows.append(["callers who waited", "", f"{len(found.exact):,}", ""])
    return table(["squared error ÷ that of QL", "theory", "measured, ± s.e.", "by distance from QL"], rows)


def points(found: dict[str, Watched]) -> str:
    """Return the table of errors: RMSE of the mean in % of the mean wait, and MAE of the median in seconds."""
    said = {
        "**futures and correction**": {name: (one.means, one.medians) for name, one in found.items()},
        "without futures (`learned`)": {name: (one.quick_means, one.quick_medians) for name, one in found.items()},
    }
    for baseline in next(iter(found.values())).baselines():
        said[baseline] = {name: (one.baselines()[baseline], one.baselines()[baseline]) for name, one in found.items()}
    rows = [[title, *(_errors(found[name], *by_centre[name]) for name in found)] for title, by_centre in said.items()]
    counts = [f"{len(one.scored):,} · {one.waits.mean():.0f}" for one in found.values()]
    head = ["RMSE % · MAE s", *(TITLES[name] for name in found)]
    return table(head, [*rows, ["calls scored · mean wait, s", *counts]])


def _errors(one: Watched, means: Doubles, medians: Doubles) -> str:
    return f"{100 * rmse(means, one.waits) / one.waits.mean():.1f} · {mae(medians, one.waits):.1f}"


def calibration(found: dict[str, Watched]) -> str:
    """Return the table of intervals: coverage, width, pinball losses, and the least lead over a baseline."""
    rows = []
    for name, one in found.items():
        held, error = coverage(one.intervals, one.waits)
        width_s = float(np.mean(one.intervals[:, 1] - one.intervals[:, 0]))
        losses = [f"{pinball(one.quantile(field), one.waits, level):.2f}" for level, field in LEVELS]
        ahead = min(lead((one.means - one.waits) ** 2, (said - one.waits) ** 2) for said in one.baselines().values())
        rows.append([TITLES[name], f"{100 * held:.1f} ±{100 * error:.1f}", f"{width_s:.0f}", *losses, f"{ahead:.1f}"])
    head = ["", "80 % interval holds, % (± s.e.)", "width, s", "pinball 10", "50", "90", "least lead, s.e."]
    return table(head, rows)


def bands(found: dict[str, Watched]) -> str:
    """Return how often the interval holds by level of the mean that was said."""
    edges = [0.0, *BAND_EDGES_S, np.inf]
    rows = []
    for name, one in found.items():
        held = (one.intervals[:, 0] <= one.waits) & (one.waits <= one.intervals[:, 1])
        cells = []
        for low, high in pairwise(edges):
            chosen = (one.means >= low) & (one.means < high)
            cells.append(f"{100 * held[chosen].mean():.0f} ({chosen.sum():,})" if chosen.sum() >= 50 else "–")
        rows.append([TITLES[name], *cells])
    return table(["holds, % (calls), at a mean of", *(f"{edge:.0f} s and more" for edge in edges[:-1])], rows)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


if __name__ == "__main__":
    main()
