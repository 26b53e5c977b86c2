"""`skill-router replay` over several days, or under two policies: the runs, and their progress.

Invariant: standard output is the same for the same arguments, whatever the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import MofNCompleteColumn, TextColumn, TimeRemainingColumn

from router.cli.progress import DelayedBar
from router.cli.replay_days_report import DaysReport, print_days
from router.cli.replay_order import Order, refuse
from router.engine import InvalidCommand
from router.simulation import (
    READERS,
    DayPlanner,
    Log,
    NothingToReplay,
    RecordedDay,
    RecordingError,
    ReplayedDay,
    ReplayError,
    UnknownDay,
    read_log,
    replay_days,
    sort_types,
)

WIDTH_MIN: Final = 100  # of the tables, whose numbers are never broken


def report_days(order: Order) -> DaysReport:
    """Replay the days of an order, file by file, and return what there is to tell."""
    days: list[ReplayedDay] = []
    sources: list[str] = []
    bars: set[int] = set()
    known: list[str] = []
    columns = (MofNCompleteColumn(), TextColumn("days"), TimeRemainingColumn())
    with DelayedBar("replaying", *columns) as bar:
        for file in order.files:
            log = _read(file, order.format_name)
            known += [day.day for day in log.days]
            if file is order.files[-1]:
                _check_found(order, known)
            chosen = _choose(log, order)
            if not chosen:
                continue
            planner = _learn(log, chosen, order)
            bars.add(planner.skill_calls_min)
            bar.begin(file.name, len(chosen))
            for number, day in enumerate(_replay(planner, chosen, order), 1):
                bar.update(number)
                days.append(day)
                sources.append(str(file))
    return DaysReport(
        files=tuple(str(file) for file in order.files),
        seed=order.seed,
        ring_us=order.ring_us,
        skill_calls_min=tuple(sorted(bars)),
        policies=tuple((policy.config, policy.preset) for policy in order.policies),
        days=tuple(days),
        sources=tuple(sources),
    )


def show_days(report: DaysReport, *, as_json: bool) -> None:
    """Print a report, and its warnings on standard error."""
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report.as_json()), indent=2).decode())
    else:
        print_days(report, Console(width=max(Console().width, WIDTH_MIN)))
    for warning in report.warnings:
        click.echo(f"Warning: {warning}", err=True)


def _read(file: Path, format_name: str) -> Log:
    try:
        return read_log(file, READERS[format_name])
    except RecordingError as error:
        refuse(str(error))


def _choose(log: Log, order: Order) -> list[RecordedDay]:
    if order.days:
        return [day for day in log.days if day.day in order.days]
    try:
        return list(log.days) if order.all_days else [log.day()]
    except UnknownDay as error:
        raise click.BadParameter(f"{error}, or --all-days", param_hint="--day") from error


def _learn(log: Log, days: Sequence[RecordedDay], order: Order) -> DayPlanner:
    for day in days:
        types = sort_types(call.type for call in day.calls)
        for policy in order.policies:
            policy.check(day.day, types)
    try:
        return DayPlanner(log, skill_calls_min=order.skill_calls_min)
    except NothingToReplay as error:
        refuse(str(error))


def _replay(planner: DayPlanner, days: Sequence[RecordedDay], order: Order) -> Iterator[ReplayedDay]:
    policies = [policy.settings_for for policy in order.policies]
    try:
        yield from replay_days(
            planner,
            days,
            policies,
            seed=order.seed,
            ring_us=order.ring_us,
            check=order.check is True,
            threads=order.threads,
        )
    except (InvalidCommand, ReplayError) as error:
        refuse(f"the settings do not fit the day: {error}")


def _check_found(order: Order, known: Sequence[str]) -> None:
    unknown = [day for day in order.days if day not in known]
    if unknown:
        names = sorted(known) if len(known) <= 12 else [*sorted(known)[:6], "…", *sorted(known)[-5:]]
        raise click.BadParameter(
            f"{', '.join(unknown)} not in the log; choose one of {', '.join(names)}", param_hint="--day"
        )
