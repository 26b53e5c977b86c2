"""What a replay tells its user: one struct, printed as tables or as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from router.cli.fairness_verdict import fairness_data, print_fairness
from router.cli.simulate_format import NONE
from router.engine import SECOND_US, Statistics
from router.fairness import Report
from router.simulation import SKILL_LEVEL, DayCallFigures, DayFigures, IdleGaps, queue_name


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
        return warn_of_unanswered(self.policy, self.log)

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints; `fairness` is null when it was not checked."""
        content: dict[str, Any] = {name: getattr(self, name) for name in self.__struct_fields__}
        content["warnings"] = self.warnings
        if self.fairness is not None:
            content["fairness"] = fairness_data(self.fairness)
        return content


def warn_of_unanswered(policy: DayFigures, log: DayFigures, whose: str = "") -> list[str]:
    """Name the types that the log's agents answered and ours never did. `whose` says under which policy."""
    return [
        f"no call of type {kind} was answered{whose}, {theirs.answered:,} were in the log; look at the requirement "
        f"of queue {queue_name(kind)}: agents have the skills {queue_name('N')} of the types they serve, "
        f"at level {SKILL_LEVEL}"
        for kind, theirs in log.by_type.items()
        if theirs.answered and not policy.by_type[kind].answered
    ]


def name_policy(config: str | None, preset: str | None) -> str:
    """Return how a policy is called in text."""
    return " with ".join(filter(None, (config, preset and f"preset {preset}")))


def seconds(value_us: float | None) -> str:
    """Return a duration as seconds with one decimal."""
    return NONE if value_us is None else f"{value_us / SECOND_US:,.1f} s"


def percent(share: float | None, decimals: int = 2) -> str:
    """Return a share as per cent."""
    return NONE if share is None else f"{100 * share:.{decimals}f} %"


_CALL_ROWS: Final[tuple[tuple[str, Callable[[DayCallFigures], str]], ...]] = (
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
    policy = name_policy(report.config, report.preset)
    console.print(f"[bold]{report.day}[/bold] under {policy}, seed {report.seed}", highlight=False)
    console.print(day_table(report.policy, report.log))
    console.print(type_table(report.policy, report.log))
    if report.fairness is None:
        console.print("Fairness contract: not checked")
    else:
        print_fairness(report.fairness, console)
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


def day_table(policy: DayFigures, log: DayFigures) -> Table:
    """Return the figures of a policy beside the log's, a row each."""
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


def type_table(left: DayFigures, right: DayFigures, names: tuple[str, str] = ("ours", "log")) -> Table:
    """Return the main figures of two sides by type of call."""
    table = Table("type", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("offered", justify="right", no_wrap=True)
    for label in ("abandoned", "in 20 s", "mean wait"):
        table.add_column(f"{label}\n{names[0]}", justify="right", no_wrap=True)
        table.add_column(f"\n{names[1]}", justify="right", no_wrap=True)
    for kind, ours in left.by_type.items():
        table.add_row(kind, f"{ours.offered:,}", *main_cells(ours, right.by_type[kind]))
    return table


def main_cells(ours: DayCallFigures, theirs: DayCallFigures) -> list[str]:
    """Return the cells of a line for two sides: abandoned, answered within 20 s, mean wait of the answered."""
    return [
        percent(ours.abandoned_share, 1),
        percent(theirs.abandoned_share, 1),
        percent(ours.answered_within_share, 1),
        percent(theirs.answered_within_share, 1),
        seconds(ours.wait_answered_mean_us),
        seconds(theirs.wait_answered_mean_us),
    ]


def _footnote(report: ReplayReport) -> str:
    gaps = report.log_gaps
    return (
        "What to compare with care: the log shows no breaks and no wrap-up. Its agents were between calls for "
        f"{percent(gaps.between_calls_share)} of their presence, and for {percent(gaps.wanted_share)} of it while "
        "a caller waited whom they can serve; ours take calls then, which flatters our figures. Skills are "
        "inferred, handle times go with the call and not the agent, and the patience of answered callers is a "
        "model: see docs/replay.md."
    )
