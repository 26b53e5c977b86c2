"""What a replay of several days, or under two policies, tells its user: one struct, printed as tables or as JSON."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from router.cli.fairness_verdict import fairness_data, print_fairness
from router.cli.replay_report import (
    day_table,
    main_cells,
    name_policy,
    percent,
    seconds,
    type_table,
    warn_of_unanswered,
)
from router.cli.simulate_format import NONE, OUTSIDE
from router.simulation import DAY_METRICS, DayEstimates, DayFigures, ReplayedDay, compare_days, pool_log, pool_runs
from router.simulation.metrics import Unit
from router.simulation.student import Estimate

HIDDEN_WHERE_ZERO: Final = frozenset({"refused", "waiting"})


class DaysReport(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Some days under one policy or two (config and preset of each). Durations in microseconds, shares from 0 to 1."""

    files: tuple[str, ...]
    seed: int
    ring_us: int
    skill_calls_min: tuple[int, ...]  # the bars there were: it depends on the file whether it has one day
    policies: tuple[tuple[str | None, str | None], ...]
    days: tuple[ReplayedDay, ...]
    sources: tuple[str, ...]  # the file of each day

    @cached_property
    def log(self) -> DayFigures:
        """Return the log's figures over all days."""
        return pool_log(self.days)

    @cached_property
    def pooled(self) -> tuple[DayFigures, ...]:
        """Return each policy's figures over all days."""
        return tuple(pool_runs(self.days, policy) for policy in range(len(self.policies)))

    @cached_property
    def figures(self) -> dict[str, DayEstimates]:
        """Return the comparison of two policies."""
        return compare_days(self.days)

    @property
    def compared(self) -> bool:
        """Say whether there are two policies."""
        return len(self.policies) == 2

    @property
    def checked(self) -> bool:
        """Say whether the fairness contract was checked."""
        return all(run.fairness is not None for day in self.days for run in day.runs)

    @property
    def fair(self) -> bool:
        """Say whether no day broke the fairness contract, as far as it was checked."""
        return all(run.fairness is None or run.fairness.ok for day in self.days for run in day.runs)

    @property
    def names(self) -> tuple[str, ...]:
        """Return how the policies are called in text."""
        return tuple(name_policy(*policy) for policy in self.policies)

    @property
    def warnings(self) -> list[str]:
        """Return what a reader should not miss: types that the log's agents answered and ours never did."""
        sides = [" under A", " under B"] if self.compared else [""]
        return [
            warning
            for figures, side in zip(self.pooled, sides, strict=True)
            for warning in warn_of_unanswered(figures, self.log, side)
        ]

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints; docs/replay.md describes it."""
        sides = ("a", "b") if self.compared else ("policy",)
        content: dict[str, Any] = {
            "files": self.files,
            "seed": self.seed,
            "ring_us": self.ring_us,
            "skill_calls_min": self.skill_calls_min,
            "policies": {
                side: {"config": config, "preset": preset}
                for side, (config, preset) in zip(sides, self.policies, strict=True)
            },
            "days": [self._day_data(day, source, sides) for day, source in zip(self.days, self.sources, strict=True)],
            "pooled": {**dict(zip(sides, self.pooled, strict=True)), "log": self.log},
        }
        if self.compared:
            content["figures"] = {name: _estimates_data(name, found) for name, found in self.figures.items()}
        content["warnings"] = self.warnings
        return content

    @staticmethod
    def _day_data(day: ReplayedDay, source: str, sides: tuple[str, ...]) -> dict[str, Any]:
        content: dict[str, Any] = {"file": source, "day": day.day}
        for side, run in zip(sides, day.runs, strict=True):
            content[side] = {
                "figures": run.figures,
                "commands": run.commands,
                "events": run.events,
                "engine": run.engine,
                "fairness": None if run.fairness is None else fairness_data(run.fairness),
            }
        content["log"] = day.log
        return content


def _estimates_data(name: str, found: DayEstimates) -> dict[str, Any]:
    sides = {"a": found.a, "b": found.b, "difference": found.difference, "log": found.log}
    return {
        "unit": DAY_METRICS[name].unit.value,
        **{
            side: {"mean": one.mean, "low": one.low, "high": one.high, "values": one.values}
            for side, one in sides.items()
        },
    }


def print_days(report: DaysReport, console: Console) -> None:
    """Print the report as tables."""
    if report.compared:
        _print_comparison(report, console)
    else:
        _print_one_policy(report, console)
    _print_fairness(report, console)
    commands = sum(run.commands for day in report.days for run in day.runs)
    events = sum(run.events for day in report.days for run in day.runs)
    console.print(f"Engine: {commands:,} commands, {events:,} events", highlight=False, soft_wrap=True)
    console.print(_FOOTNOTE, style="dim", highlight=False)


def _print_one_policy(report: DaysReport, console: Console) -> None:
    title = f"[bold]{_count_days(report)}[/bold], under {report.names[0]}, seed {report.seed}"
    console.print(title, highlight=False, soft_wrap=True)
    table = _new_table("day")
    headings = ("offered", "abandoned\nours", "\nlog", "in 20 s\nours", "\nlog", "mean wait\nours", "\nlog")
    for heading in (*headings, "occupancy\nours", "\nlog"):
        table.add_column(heading, justify="right", no_wrap=True)
    for day in report.days:
        ours = day.runs[0].figures
        table.add_row(
            day.day,
            f"{ours.calls.offered:,}",
            *main_cells(ours.calls, day.log.calls),
            percent(ours.occupancy, 1),
            percent(day.log.occupancy, 1),
        )
    console.print(table)
    console.print("[bold]All days together[/bold]; every call counts alike", highlight=False)
    console.print(day_table(report.pooled[0], report.log))
    console.print(type_table(report.pooled[0], report.log))


def _print_comparison(report: DaysReport, console: Console) -> None:
    console.print(f"[bold]{_count_days(report)}[/bold], the same callers for both, seed {report.seed}", highlight=False)
    for side, name in zip("AB", report.names, strict=True):
        console.print(f"[bold]{side}[/bold]  {name}", highlight=False, soft_wrap=True)
    if len(report.days) > 1:
        note = (
            "Means over days, each day one observation; ± is half of a 95 % confidence interval of B − A in pairs of "
            f"days (Student's t); {OUTSIDE} it does not contain 0"
        )
    else:
        note = "One day: no intervals. They need several, see --all-days."
    console.print(note, style="dim", highlight=False, soft_wrap=True)
    _print_figures(report, console)
    if len(report.days) > 1:
        _print_each_day(report, console)
    console.print("[bold]By type of call[/bold]", highlight=False)
    console.print(type_table(report.pooled[0], report.pooled[1], names=("A", "B")))


def _print_figures(report: DaysReport, console: Console) -> None:
    table = _new_table("")
    for heading in ("A", "B", "B − A"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("the log", justify="right", no_wrap=True)
    for name, metric in DAY_METRICS.items():
        found = report.figures[name]
        if name in HIDDEN_WHERE_ZERO and not found.a.mean and not found.b.mean:
            continue
        table.add_row(
            metric.title,
            _show(metric.unit, found.a.mean),
            _show(metric.unit, found.b.mean),
            _show_difference(metric.unit, found.difference),
            OUTSIDE if found.difference.excludes_zero else "",
            _show(metric.unit, found.log.mean),
        )
    console.print(table)


def _print_each_day(report: DaysReport, console: Console) -> None:
    table = _new_table("day")
    headings = ("offered", "abandoned\nA", "\nB", "in 20 s\nA", "\nB", "mean wait\nA", "\nB")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for day in report.days:
        a, b = (run.figures.calls for run in day.runs)
        table.add_row(day.day, f"{a.offered:,}", *main_cells(a, b))
    console.print(table)


def _new_table(title: str) -> Table:
    table = Table(title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.columns[0].no_wrap = True
    return table


def _show(unit: Unit, value: float | None) -> str:
    if value is None:
        return NONE
    if unit is Unit.DURATION:
        return seconds(value)
    if unit is Unit.SHARE:
        return percent(value)
    if unit is Unit.INDEX:
        return f"{value:.4f}"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def _show_difference(unit: Unit, found: Estimate) -> str:
    if found.mean is None:
        return NONE
    text = _show(unit, found.mean)
    text = text if found.mean < 0 else f"+{text}"
    return text if found.half_width is None else f"{text} ±{_show(unit, found.half_width)}"


def _count_days(report: DaysReport) -> str:
    first, last = report.days[0].day, report.days[-1].day
    return first if len(report.days) == 1 else f"{len(report.days)} days, {first} to {last}"


def _print_fairness(report: DaysReport, console: Console) -> None:
    if not report.checked:
        console.print("Fairness contract: not checked (--check does)")
        return
    for day in report.days:
        for side, run in zip("AB", day.runs, strict=False):
            if run.fairness is not None and not run.fairness.ok:
                console.print(f"{day.day}{f' under {side}' if report.compared else ''}:", highlight=False)
                print_fairness(run.fairness, console)
    if report.fair:
        console.print("[green]Fairness contract: holds[/green] on every day", highlight=False)


_FOOTNOTE: Final = (
    "What to compare with care: the log shows no breaks and no wrap-up, and our agents take calls in both, which "
    "flatters our figures beside the log's, not one policy beside another. Skills are inferred, handle times go with "
    "the call and not the agent, and the patience of answered callers is a model: see docs/replay.md."
)
