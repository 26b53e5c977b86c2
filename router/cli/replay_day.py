"""`skill-router replay` of one day under one policy: command by command, checked, with the hash of its events."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import MofNCompleteColumn, TextColumn, TimeRemainingColumn

from router.cli.progress import DelayedBar
from router.cli.replay_order import Order, refuse
from router.cli.replay_report import ReplayReport, print_report
from router.engine import Enqueue, InvalidCommand
from router.fairness import Checker
from router.simulation import (
    READERS,
    AgentBehaviour,
    DayPlan,
    DaySimulation,
    EventHash,
    Happening,
    Ledger,
    NothingToReplay,
    RecordedDay,
    RecordingError,
    Replay,
    ReplayError,
    UnknownDay,
    figure_recording,
    measure_idle_gaps,
    plan_day,
    read_log,
)


def report_day(order: Order) -> ReplayReport:
    """Replay the day of an order under its first policy and return what there is to tell."""
    recorded, plan = _plan(order)
    (policy,) = order.policies
    policy.check(plan.day, plan.types)
    replay, happenings = _start(order, plan)
    ledger, checker, event_hash = Ledger(plan), None if order.check is False else Checker(), EventHash()
    try:
        for happening in _with_progress(happenings, len(plan.calls)):
            event_hash.update(happening.events)
            ledger.observe(happening.time_us, happening.command, happening.events)
            if checker is not None:
                checker.observe(happening.time_us, happening.command, happening.events)
    except (InvalidCommand, ReplayError) as error:
        refuse(f"the settings do not fit the day: {error}")
    last, commands = max(order.restore_at, default=0), replay.engine.sequence
    if last > commands:
        refuse(f"--restore-at {last}: the day has {commands:,} commands; 1 to that is right")
    return ReplayReport(
        file=str(order.files[0]),
        day=plan.day,
        seed=order.seed,
        config=policy.config,
        preset=policy.preset,
        skill_calls_min=plan.skill_calls_min,
        ring_us=order.ring_us,
        policy=ledger.figures(),
        log=figure_recording(recorded),
        log_gaps=measure_idle_gaps(recorded, plan),
        fairness=None if checker is None else checker.report(),
        event_hash=event_hash.hexdigest(),
        events=event_hash.events,
        engine=replay.statistics(),
    )


def _start(order: Order, plan: DayPlan) -> tuple[Replay | DaySimulation, Iterator[Happening]]:
    """Return the replay and its steps: the native one, or, where the engine is to be restored, the reference."""
    settings = order.policies[0].settings_for(plan)
    if order.restore_at:
        behaviour = AgentBehaviour(seed=order.seed, ring_us=order.ring_us)
        replay = Replay(plan, settings, behaviour=behaviour, restore_at=order.restore_at)
        return replay, replay.run()
    day = DaySimulation(plan, settings, ring_us=order.ring_us, stepwise=True)
    return day, day.steps()


def show_day(report: ReplayReport, *, as_json: bool) -> None:
    """Print a report, and its warnings on standard error."""
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report.as_json()), indent=2).decode())
    else:
        print_report(report, Console())
    for warning in report.warnings:
        click.echo(f"Warning: {warning}", err=True)


def _plan(order: Order) -> tuple[RecordedDay, DayPlan]:
    try:
        log = read_log(order.files[0], READERS[order.format_name])
        recorded = log.day(order.days[0] if order.days else None)
        return recorded, plan_day(log, recorded, seed=order.seed, skill_calls_min=order.skill_calls_min)
    except UnknownDay as error:
        raise click.BadParameter(f"{error}, or --all-days", param_hint="--day") from error
    except (RecordingError, NothingToReplay) as error:
        refuse(str(error))


def _with_progress(happenings: Iterator[Happening], calls: int) -> Iterator[Happening]:
    """Pass happenings on; show a bar on standard error once it takes longer than two seconds."""
    arrived = 0
    columns = (MofNCompleteColumn(), TextColumn("calls"), TimeRemainingColumn())
    with DelayedBar("replaying", *columns, total=calls) as bar:
        for happening in happenings:
            if type(happening.command) is Enqueue:
                arrived += 1
                if arrived % 64 == 0:
                    bar.update(arrived)
            yield happening
