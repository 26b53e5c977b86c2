"""What a replay tells its user: one struct, printed as tables or as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from router.engine import SECOND_US, Statistics
from router.fairness import Report
from router.simulation import SKILL_LEVEL, CallFigures, DayFigures, IdleGaps, queue_name

VIOLATIONS_SHOWN_MAX: Final = 10
NONE: Final = "–"


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one replay. Durations in microseconds, shares from 0 to 1."""

    file: str
    day: str
    seed: int
    config: str | None
    preset: str | None
    skill_calls_min: int
    ring_us: int
    policy: DayFigures
    log: DayFigures
    log_gaps: IdleGaps
    fairness: Report | None
    event_hash: str
    events: int
    engine: Statistics

    @property
    def warnings(self) -> list[str]:
        """Return what a reader should not miss: types that the log's agents answered and ours never did."""
        return [
            f"no call of type {kind} was answered, {theirs.answered:,} were in the log; look at the requirement "
            f"of queue {queue_name(kind)}: agents have the skills {queue_name('N')} of the types they serve, "
            f"at level {SKILL_LEVEL}"
            for kind, theirs in self.log.by_type.items()
            if theirs.answered and not self.policy.by_type[kind].answered
        ]

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints; `fairness` is null when it was not checked."""
        content: dict[str, Any] = {name: getattr(self, name) for name in self.__struct_fields__}
        content["warnings"] = self.warnings
        if self.fairness is not None:
            report = self.fairness
            content["fairness"] = {
                "holds": report.ok,
                "commands": report.commands,
                "events": report.events,
                "violation_counts": {str(int(point)): count for point, count in report.violation_counts.items()},
                "violations": report.violations,
                "slips": report.slips,
                "skips": report.skips,
                "calls_overtaken": report.calls_overtaken,
            }
        return content


def seconds(value_us: float | None) -> str:
    """Return a duration as seconds with one decimal."""
    return NONE if value_us is None else f"{value_us / SECOND_US:,.1f} s"


def percent(share: float | None, decimals: int = 2) -> str:
    """Return a share as per cent."""
    return NONE if share is None else f"{100 * share:.{decimals}f} %"


_CALL_ROWS: Final[tuple[tuple[str, Callable[[CallFigures], str]], ...]] = (
    ("calls offered", lambda calls: f"{calls.offered:,}"),
    ("answered", lambda calls: f"{calls.answered:,}"),
    ("abandoned", lambda calls: f"{calls.abandoned:,}"),
    ("abandoned, of all", lambda calls: percent(calls.abandoned_share)),
    ("answered within 20 s, of all", lambda calls: percent(calls.answered_within_share)),
    ("mean wait of the answered", lambda calls: seconds(calls.wait_answered_mean_us)),
    ("median wait of the answered", lambda calls: seconds(calls.wait_answered_p50_us)),
    ("95th percentile of it", lambda calls: seconds(calls.wait_answered_p95_us)),
    ("mean wait of all", lambda calls: seconds(calls.wait_all_mean_us)),
)


def print_report(report: ReplayReport, console: Console) -> None:
    """Print the report as tables."""
    policy = " with ".join(filter(None, (report.config, report.preset and f"preset {report.preset}")))
    console.print(f"[bold]{report.day}[/bold] under {policy}, seed {report.seed}", highlight=False)
    console.print(_day_table(report.policy, report.log))
    console.print(_type_table(report.policy, report.log))
    _print_fairness(report, console)
    engine = report.engine
    per_decision = engine.candidates / engine.decisions if engine.decisions else 0
    console.print(
        f"Engine: {engine.commands:,} commands, {engine.decisions:,} decisions, "
        f"{engine.candidates:,} candidates examined ({per_decision:.2f} per decision)",
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"Event hash: {report.event_hash} ({report.events:,} events)", highlight=False, soft_wrap=True)
    console.print(_footnote(report), style="dim", highlight=False)


def _day_table(policy: DayFigures, log: DayFigures) -> Table:
    table = Table("", title_justify="left")
    table.add_column("our policy", justify="right")
    table.add_column("the log", justify="right")
    for label, show in _CALL_ROWS:
        table.add_row(label, show(policy.calls), show(log.calls))
    if policy.calls.refused or policy.calls.waiting:
        table.add_row("refused", f"{policy.calls.refused:,}", "0")
        table.add_row("still waiting at the end", f"{policy.calls.waiting:,}", "0")
    table.add_row("agents", f"{policy.agents:,}", f"{log.agents:,}")
    table.add_row("occupancy", percent(policy.occupancy), percent(log.occupancy))
    table.add_row("Jain's index of occupancy", _index(policy.jain_index), _index(log.jain_index))
    return table


def _index(value: float | None) -> str:
    return NONE if value is None else f"{value:.4f}"


def _type_table(policy: DayFigures, log: DayFigures) -> Table:
    table = Table("type", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for label in ("", "abandoned\nours", "\nlog", "in 20 s\nours", "\nlog", "mean wait\nours", "\nlog"):
        table.add_column(label or "offered", justify="right", no_wrap=True)
    for kind, ours in policy.by_type.items():
        theirs = log.by_type[kind]
        table.add_row(
            kind,
            f"{ours.offered:,}",
            percent(ours.abandoned_share, 1),
            percent(theirs.abandoned_share, 1),
            percent(ours.answered_within_share, 1),
            percent(theirs.answered_within_share, 1),
            seconds(ours.wait_answered_mean_us),
            seconds(theirs.wait_answered_mean_us),
        )
    return table


def _print_fairness(report: ReplayReport, console: Console) -> None:
    fairness = report.fairness
    if fairness is None:
        console.print("Fairness contract: not checked")
        return
    if fairness.ok:
        console.print(
            f"[green]Fairness contract: holds[/green] over {fairness.commands:,} commands "
            f"and {fairness.events:,} events; {fairness.slips:,} slips",
            highlight=False,
        )
        return
    found = sum(fairness.violation_counts.values())
    console.print(f"[red]Fairness contract: broken[/red], {found:,} violations", highlight=False)
    for violation in fairness.violations[:VIOLATIONS_SHOWN_MAX]:
        console.print(
            f"  point {int(violation.point)}, command {violation.sequence}: {violation.sentence}",
            highlight=False,
            markup=False,
        )


def _footnote(report: ReplayReport) -> str:
    gaps = report.log_gaps
    return (
        "What to compare with care: the log shows no breaks and no wrap-up. Its agents were between calls for "
        f"{percent(gaps.between_calls_share)} of their presence, and for {percent(gaps.wanted_share)} of it while "
        "a caller waited whom they can serve; ours take calls then, which flatters our figures. Skills are "
        "inferred, handle times go with the call and not the agent, and the patience of answered callers is a "
        "model: see docs/replay.md."
    )
