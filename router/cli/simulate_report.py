"""What `skill-router simulate` tells its user about one scenario: tables by subject, or one JSON object."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.markup import escape

from router.cli.fairness_verdict import fairness_data, print_fairness
from router.cli.simulate_format import align, label, new_table, show, unit_symbol
from router.config.durations import format_duration
from router.fairness import Report
from router.simulation.metrics import METRICS
from router.simulation.results import Replication
from router.simulation.scenario.model import Scenario
from router.simulation.student import Estimate
from router.simulation.summary import Estimates, Scope, Summary

SUBJECTS_SHOWN_MAX: Final = 40
GROWTH_MAX: Final = 0.05  # of the calls that came to wait, by which queues may grow unsaid

Columns = tuple[tuple[str, str], ...]  # metric and its heading

CALL_TABLES: Final[tuple[tuple[str, Columns], ...]] = (
    ("Calls", tuple((name, name) for name in ("offered", "answered", "abandoned", "blocked", "refused", "unfinished"))),
    (
        "Service",
        (
            ("service_level", "in target"),
            ("delayed_share", "P(wait)"),
            ("abandoned_share", "P(abandon)"),
        ),
    ),
    ("Calls waiting", (("length_mean", "mean"), ("length_max", "most"))),
    (
        "Wait of the answered",
        (
            ("wait_served_mean_us", "mean"),
            ("wait_served_p50_us", "p50"),
            ("wait_served_p80_us", "p80"),
            ("wait_served_p95_us", "p95"),
        ),
    ),
    (
        "Wait of all",
        (
            ("wait_all_mean_us", "mean"),
            ("wait_all_p50_us", "p50"),
            ("wait_all_p80_us", "p80"),
            ("wait_all_p95_us", "p95"),
        ),
    ),
    (
        "Outcome",
        (
            ("talk_mean_us", "mean talk"),
            ("resolution", "resolved"),
            ("first_call_resolution", "at first call"),
            ("redial_share", "redials"),
            ("satisfaction", "satisfaction"),
        ),
    ),
    (
        "Overtaking",
        (("slips", "slips"), ("skips", "skips"), ("kin_slips", "kin slips"), ("overtaken_share", "overtaken")),
    ),
)
GROUP_COLUMNS: Final[Columns] = (
    ("present_mean", "present"),
    ("utilisation", "utilisation"),
    ("occupancy", "occupancy"),
    ("jain", "Jain's index"),
)
OFFER_COLUMNS: Final[Columns] = (
    ("agent_answered", "answered"),
    ("agent_rejected", "rejected"),
    ("agent_not_answered", "no answer"),
)
AGENT_COLUMNS: Final[Columns] = (
    ("utilisation", "utilisation"),
    ("occupancy", "occupancy"),
    *OFFER_COLUMNS,
)
HIDDEN_WHERE_ZERO: Final = frozenset({"refused", "unfinished", "redial_share", "agent_rejected", "agent_not_answered"})


class SimulationReport(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario and what its runs found. `preset` is the one given in place of the scenario's weights."""

    scenario: Scenario
    preset: str | None
    runs: tuple[Replication, ...]
    summary: Summary
    fairness: Report | None = None

    @property
    def balanced(self) -> bool:
        """Say whether Little's law and the flow of calls hold exactly in every run."""
        return all(is_balanced(run) for run in self.runs)

    @property
    def sound(self) -> bool:
        """Say whether everything that was checked holds."""
        return self.balanced and (self.fairness is None or self.fairness.ok)

    @property
    def event_hash(self) -> str:
        """Return a hash over the events of all runs."""
        text = "".join(f"{run.number} {run.event_hash:016x}\n" for run in self.runs)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints; docs/simulation.md describes it."""
        scenario = self.scenario
        return {
            "scenario": scenario.source,
            "preset": self.preset,
            "hunting": scenario.hunting is not None,
            "seed": scenario.seed,
            "replications": scenario.replications,
            "warm_up_us": scenario.warm_up_us,
            "length_us": scenario.length_us,
            "ending": scenario.ending.value,
            **summary_data(self.summary),
            "runs": [_run_data(run) for run in self.runs],
            "event_hash": self.event_hash,
            "fairness": None if self.fairness is None else fairness_data(self.fairness),
        }


def growth_note(runs: Sequence[Replication]) -> str | None:
    """Return a warning if queues grew over the measured time by a good part of those who came; None if not."""
    at_start, at_end, entered = (
        sum(getattr(run.balance, field) for run in runs) for field in ("waiting_at_start", "waiting_at_end", "entered")
    )
    if at_end - at_start <= GROWTH_MAX * entered:
        return None
    return (
        f"Queues grew: {at_start / len(runs):,.1f} calls waited when the measured time began, "
        f"{at_end / len(runs):,.1f} when it ended.\nMore come than are served, and waits hang on the length of the run."
    )


def is_balanced(run: Replication) -> bool:
    """Say whether two independent counts agree to the microsecond: time in queue, calls in and out, ends of calls."""
    balance, calls = run.balance, run.calls
    ended = calls.answered + calls.abandoned + calls.blocked + calls.refused + calls.unfinished
    return (
        balance.length_integral_us == balance.waited_us
        and balance.waiting_at_start + balance.entered == balance.left + balance.waiting_at_end
        and calls.offered == ended
    )


def units_data() -> dict[str, str]:
    """Return the unit of every metric."""
    return {name: metric.unit.value for name, metric in METRICS.items()}


def estimate_data(found: Estimate) -> dict[str, Any]:
    """Return an estimate as JSON has it."""
    return {"mean": found.mean, "low": found.low, "high": found.high, "values": found.values}


def summary_data(summary: Summary) -> dict[str, Any]:
    """Return all estimates, overall and by subject."""
    data: dict[str, Any] = {"overall": _estimates_data(summary.overall)}
    for scope in Scope:
        data[scope.value] = {name: _estimates_data(found) for name, found in summary.subjects(scope).items()}
    return data


def _estimates_data(estimates: Estimates) -> dict[str, Any]:
    return {name: estimate_data(found) for name, found in estimates.items()}


def _run_data(run: Replication) -> dict[str, Any]:
    return {
        "number": run.number,
        "commands": run.commands,
        "events": run.events,
        "customers": run.customers,
        "balance": run.balance,
        "balanced": is_balanced(run),
        "event_hash": f"{run.event_hash:016x}",
    }


def describe(report: SimulationReport) -> str:
    """Return the line that says what was run."""
    scenario = report.scenario
    count = scenario.replications
    parts = [
        f"{count} replication{'' if count == 1 else 's'} of {format_duration(scenario.length_us)}",
        f"after a warm-up of {format_duration(scenario.warm_up_us)}" if scenario.warm_up_us else "without warm-up",
        f"seed {scenario.seed}",
    ]
    if scenario.hunting is not None:
        parts.append("any free agent hunted for")
    if report.preset is not None:
        parts.append(f"preset {report.preset}")
    return ", ".join(parts)


def interval_note(replications: int) -> str:
    """Return what the reader has to know of the ± in the tables."""
    if replications == 1:
        return "One replication: no intervals. They need two or more, better ten: --replications 10"
    return "Means over the replications; ± is half of a 95 % confidence interval (Student's t)"


def print_report(report: SimulationReport, console: Console) -> None:
    """Print the report as tables."""
    console.print(f"[bold]{escape(report.scenario.source)}[/bold]: {describe(report)}")
    console.print(interval_note(report.scenario.replications), style="dim")
    subjects = call_subjects(report.summary)
    for title, columns in CALL_TABLES:
        _print_subjects(console, title, columns, subjects)
    summary = report.summary
    groups = list(summary.groups.items()) if 1 < len(summary.groups) <= SUBJECTS_SHOWN_MAX else []
    _print_subjects(console, "Agents", GROUP_COLUMNS, [("all", summary.overall), *groups])
    _print_subjects(console, "Offers to agents", OFFER_COLUMNS, [("all", summary.overall), *groups])
    _print_agents(console, summary)
    console.print()
    _print_whole(console, report)


def call_subjects(summary: Summary) -> list[tuple[str, Estimates]]:
    """Return whom the tables of calls have in their rows: all, queues, and callers that are not just one queue's."""
    queues = [(f"queue {name}", found) for name, found in summary.queues.items()]
    callers = [
        (f"callers {name}", found)
        for name, found in summary.callers.items()
        if not any(all(queue[metric] == value for metric, value in found.items()) for queue in summary.queues.values())
    ]
    return [("all", summary.overall), *(queues if len(queues) > 1 else []), *callers]


def _print_subjects(console: Console, title: str, columns: Columns, subjects: Sequence[tuple[str, Estimates]]) -> None:
    shown = [(metric, heading) for metric, heading in columns if _is_shown(metric, subjects)]
    if not shown:
        return
    subjects = [subject for subject in subjects if any(metric in subject[1] for metric, _ in shown)]
    table = new_table(title)
    cells = []
    for metric, heading in shown:
        symbol = unit_symbol(metric)
        table.add_column(f"{heading}, {symbol}" if symbol else heading, justify="right", no_wrap=True)
        cells.append(align([show(metric, estimates.get(metric)) for _, estimates in subjects]))
    for (name, _), *row in zip(subjects, *cells, strict=True):
        table.add_row(label(name), *row)
    console.print()
    console.print(table)


def _is_shown(metric: str, subjects: Sequence[tuple[str, Estimates]]) -> bool:
    """Say whether anything is to be told: a figure somewhere, and for some metrics one that is not 0."""
    means = [found.mean for _, estimates in subjects if (found := estimates.get(metric)) and found.mean is not None]
    return any(means) if metric in HIDDEN_WHERE_ZERO else bool(means)


def _print_agents(console: Console, summary: Summary) -> None:
    count = len(summary.agents)
    if count > SUBJECTS_SHOWN_MAX:
        console.print(f"{count} agents: --json and --plot have each of them", style="dim")
    elif count > len(summary.groups):
        _print_subjects(console, "Each agent", AGENT_COLUMNS, list(summary.agents.items()))


def _print_whole(console: Console, report: SimulationReport) -> None:
    runs = report.runs
    variance = " ".join(show("raqfm_variance_s2", report.summary.overall.get("raqfm_variance_s2"))).strip()
    lines = [
        f"RAQFM variance (discrimination between calls): {variance} s²",
        f"Flow of calls and Little's law: {'hold exactly' if report.balanced else 'BROKEN'} in every run",
        f"Events: {sum(run.events for run in runs):,} of {sum(run.commands for run in runs):,} commands; "
        f"hash {report.event_hash}",
    ]
    if any(found.partial for _, _, found in report.summary.all_estimates()):
        lines.insert(0, "* only some of the replications have such calls; the mean is of those")
    for line in lines:
        console.print(line)
    if (note := growth_note(runs)) is not None:
        console.print(note, style="yellow")
    if report.fairness is not None:
        print_fairness(report.fairness, console)
