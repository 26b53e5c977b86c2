"""What `skill-router simulate --compare` tells: both scenarios beside each other, and the paired difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.markup import escape

from router.cli.fairness_verdict import print_fairness
from router.cli.simulate_format import OUTSIDE, align, label, new_table, show, unit_symbol
from router.cli.simulate_report import (
    HIDDEN_WHERE_ZERO,
    SimulationReport,
    call_subjects,
    describe,
    growth_note,
    interval_note,
    summary_data,
)
from router.simulation.compare import Comparison
from router.simulation.metrics import METRICS
from router.simulation.summary import Estimates

WHOLE_METRICS: Final = tuple(METRICS)
CALL_METRICS_SHOWN: Final = (
    "offered",
    "service_level",
    "abandoned_share",
    "delayed_share",
    "wait_served_mean_us",
    "wait_served_p95_us",
    "wait_all_mean_us",
    "length_mean",
    "first_call_resolution",
    "redial_share",
    "satisfaction",
)
GROUP_METRICS_SHOWN: Final = ("occupancy", "utilisation", "agent_answered", "jain")


class ComparisonReport(msgspec.Struct, frozen=True, kw_only=True):
    """Two reports and their comparison."""

    a: SimulationReport
    b: SimulationReport
    comparison: Comparison

    def as_json(self) -> dict[str, Any]:
        """Return what `--compare --json` prints: `a`, `b`, `difference` (B − A), and which callers both have."""
        return {
            "a": self.a.as_json(),
            "b": self.b.as_json(),
            "difference": summary_data(self.comparison.difference),
            "callers_shared": self.comparison.callers,
        }


def print_comparison(report: ComparisonReport, console: Console) -> None:
    """Print the comparison as tables: everything overall, the main figures of each queue, callers and group."""
    for name, side in (("A", report.a), ("B", report.b)):
        line = f"[bold]{name}[/bold]  {escape(side.scenario.source)}: {describe(side)}"
        console.print(line)
    _print_callers(report.comparison, console)
    console.print(interval_note(report.a.scenario.replications), style="dim")
    if report.a.scenario.replications > 1:
        note = f"B − A is of replications of the same number; {OUTSIDE} its interval does not contain 0"
        console.print(note, style="dim")
    _print_tables(report.comparison, console)
    console.print()
    _print_only(report.comparison, console)
    for name, side in (("A", report.a), ("B", report.b)):
        _print_side(name, side, console)


def _print_tables(found: Comparison, console: Console) -> None:
    _print_difference(console, "All", WHOLE_METRICS, found.a.overall, found.b.overall, found.difference.overall)
    ours, theirs = dict(call_subjects(found.a)), dict(call_subjects(found.b))
    for name, difference in call_subjects(found.difference)[1:]:
        if name in ours and name in theirs:
            _print_difference(console, name, CALL_METRICS_SHOWN, ours[name], theirs[name], difference)
    for name, difference in found.difference.groups.items():
        a, b = found.a.groups[name], found.b.groups[name]
        _print_difference(console, f"group {name}", GROUP_METRICS_SHOWN, a, b, difference)


def _print_difference(
    console: Console, title: str, metrics: Sequence[str], a: Estimates, b: Estimates, difference: Estimates
) -> None:
    shown = [metric for metric in metrics if _is_told(metric, a) or _is_told(metric, b)]
    if not shown:
        return
    table = new_table(label(title).plain)
    for heading in ("A", "B", "B − A"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    cells = [align([show(metric, side.get(metric)) for metric in shown]) for side in (a, b)]
    cells.append(align([show(metric, difference.get(metric), signed=True) for metric in shown]))
    for metric, *row in zip(shown, *cells, strict=True):
        found = difference.get(metric)
        table.add_row(_heading(metric), *row, OUTSIDE if found is not None and found.excludes_zero else "")
    console.print()
    console.print(table)


def _heading(metric: str) -> str:
    symbol = unit_symbol(metric)
    return f"{METRICS[metric].title}, {symbol}" if symbol else METRICS[metric].title


def _is_told(metric: str, estimates: Estimates) -> bool:
    found = estimates.get(metric)
    return found is not None and found.mean is not None and (found.mean != 0 or metric not in HIDDEN_WHERE_ZERO)


def _print_callers(found: Comparison, console: Console) -> None:
    callers = found.callers
    parts = [
        (callers.same, "the same callers in both"),
        (callers.changed, "callers of one name that behave differently"),
        (callers.only_a, "callers in A only"),
        (callers.only_b, "callers in B only"),
    ]
    for names, said in parts:
        if names:
            console.print(f"{said}: {', '.join(names)}", markup=False)
    if not callers.same:
        said = "No callers are the same: the difference is right, but pairing makes its interval no shorter."
        console.print(said, style="yellow")


def _print_only(found: Comparison, console: Console) -> None:
    for kind, ours, theirs in (
        ("queue", found.a.queues, found.b.queues),
        ("group", found.a.groups, found.b.groups),
    ):
        for side, names in (("A", ours.keys() - theirs.keys()), ("B", theirs.keys() - ours.keys())):
            if names:
                said = f"{kind}s in {side} only, not compared: {', '.join(sorted(names))}"
                console.print(said, markup=False)


def _print_side(name: str, side: SimulationReport, console: Console) -> None:
    balance = "hold exactly" if side.balanced else "BROKEN"
    line = f"{name}: flow of calls and Little's law {balance} in every run; event hash {side.event_hash}"
    console.print(line)
    if (note := growth_note(side.runs)) is not None:
        console.print(f"{name}: {note}", style="yellow")
    if side.fairness is not None:
        print_fairness(side.fairness, console)
