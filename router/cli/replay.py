"""`skill-router replay`: a recorded day through the engine in virtual time, its figures beside the log's own.

Invariant: standard output is the same for the same arguments; the clock is only used to decide on a progress bar.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from router.cli.parameters import HELP, FiniteRange, exit_codes
from router.cli.replay_report import ReplayReport, print_report
from router.config import DEFAULT_PRESET, PRESETS, ConfigError, load_config, with_preset
from router.engine import SECOND_US, Enqueue, InvalidCommand, Settings
from router.fairness import Checker
from router.simulation import (
    READERS,
    AgentBehaviour,
    DayPlan,
    Happening,
    Ledger,
    NothingToReplay,
    RecordingError,
    Replay,
    ReplayError,
    UnknownDay,
    figure_recording,
    measure_idle_gaps,
    missing_queues,
    plan_day,
    queue_name,
    read_log,
    replay_settings,
)

PROGRESS_AFTER_S: Final = 2.0


@click.command(
    name="replay",
    context_settings=HELP,
    epilog=exit_codes(
        "all is well",
        "the log or the config is not valid, the day has fewer commands than --restore-at says, "
        "or the fairness contract was broken",
    ),
)
@click.argument("calls", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="CALLS.csv[.gz]")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Router config to replay under. It needs a queue `type-N` for each type N that calls that day.",
)
@click.option(
    "--preset",
    type=click.Choice(sorted(PRESETS)),
    help=f"Weights for every queue, over those of the config. Without a config the default is {DEFAULT_PRESET}.",
)
@click.option("--day", metavar="YYYY-MM-DD", help="Day to replay, where the log has several.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(sorted(READERS)),
    default="vanad",
    show_default=True,
    help="Format of the log.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Seed of what the log does not tell: patience of answered callers, handle times of the others.",
)
@click.option(
    "--ring",
    "ring_s",
    type=FiniteRange(min=0, max=3600),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How long an agent's phone rings before the offer is accepted.",
)
@click.option(
    "--skill-calls-min",
    type=click.IntRange(min=1),
    metavar="N",
    help="Calls of a type that an agent must have answered in the log to have its skill. "
    "Default: 20, or 2 where the log has one day only.",
)
@click.option(
    "--restore-at",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="N",
    help="Put the engine through a snapshot and back after command N. The event hash must not change. "
    "May be given several times.",
)
@click.option("--no-check", is_flag=True, help="Do not check the fairness contract: quicker.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object (durations in microseconds) instead of tables."
)
def command(
    calls: Path,
    config_path: Path | None,
    preset: str | None,
    day: str | None,
    format_name: str,
    seed: int,
    ring_s: float,
    skill_calls_min: int | None,
    restore_at: tuple[int, ...],
    no_check: bool,
    as_json: bool,
) -> None:
    """Replay a recorded day through the engine and compare.

    Reads a call log, infers who worked when and on what, and routes the same callers to the same staff in virtual
    time. Prints the day's figures under our policy beside the log's own, whether the fairness contract held in
    every step, and a hash over all events: the same input gives the same hash, always.

    The log has one call a row, by arrival, with the columns day, t_arr, type, agent, t_ans, t_rel and t_end (the
    VANAD format): times in whole seconds since midnight, -1 for none.

    \b
    Examples, with the invented day of a checkout:
      skill-router replay examples/day.csv
      skill-router replay examples/day.csv --preset fcfs-longest-idle --seed 2
      skill-router replay examples/day.csv --json | jq .policy.calls
    """
    try:
        log = read_log(calls, READERS[format_name])
        recorded = log.day(day)
        plan = plan_day(log, recorded, seed=seed, skill_calls_min=skill_calls_min)
    except UnknownDay as error:
        raise click.BadParameter(str(error), param_hint="--day") from error
    except (RecordingError, NothingToReplay) as error:
        _refuse(str(error))
    settings = _choose_settings(plan, config_path, preset)
    replay = Replay(
        plan, settings, behaviour=AgentBehaviour(seed=seed, ring_us=round(ring_s * SECOND_US)), restore_at=restore_at
    )
    ledger, checker = Ledger(plan), None if no_check else Checker()
    try:
        for happening in _with_progress(replay.run(), len(plan.calls)):
            ledger.observe(happening.time_us, happening.command, happening.events)
            if checker is not None:
                checker.observe(happening.time_us, happening.command, happening.events)
    except (InvalidCommand, ReplayError) as error:
        _refuse(f"the settings do not fit the day: {error}")
    if restore_at and max(restore_at) > replay.engine.sequence:
        _refuse(f"--restore-at {max(restore_at)}: the day has {replay.engine.sequence:,} commands; 1 to that is right")
    report = ReplayReport(
        file=str(calls),
        day=plan.day,
        seed=seed,
        config=str(config_path) if config_path else None,
        preset=preset if config_path or preset else DEFAULT_PRESET,
        skill_calls_min=plan.skill_calls_min,
        ring_us=round(ring_s * SECOND_US),
        policy=ledger.figures(),
        log=figure_recording(recorded),
        log_gaps=measure_idle_gaps(recorded, plan),
        fairness=None if checker is None else checker.report(),
        event_hash=replay.event_hash.hexdigest(),
        events=replay.event_hash.events,
        engine=replay.statistics(),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report.as_json()), indent=2).decode())
    else:
        print_report(report, Console())
    for warning in report.warnings:
        click.echo(f"Warning: {warning}", err=True)
    if report.fairness is not None and not report.fairness.ok:
        sys.exit(1)


def _refuse(problem: str) -> NoReturn:
    """Say in one plain line what is wrong with the input, for people and scripts, and end with exit code 1."""
    click.echo(f"Error: {problem}", err=True)
    sys.exit(1)


def _choose_settings(plan: DayPlan, config_path: Path | None, preset: str | None) -> Settings:
    if config_path is None:
        return with_preset(replay_settings(plan.types), preset or DEFAULT_PRESET)
    try:
        settings = load_config(config_path).settings
    except ConfigError as error:
        _refuse(str(error))
    missing = missing_queues(plan, settings)
    if missing:
        _refuse(
            f"{config_path}: queues are missing for calls of {plan.day}: {', '.join(missing)}; "
            f"each type of call in the log needs a queue of its own, named like {queue_name('5')}"
        )
    return settings if preset is None else with_preset(settings, preset)


def _with_progress(happenings: Iterator[Happening], calls: int) -> Iterator[Happening]:
    """Pass happenings on; show a bar on standard error once it takes longer than two seconds."""
    started_s = time.monotonic()
    columns: list[Any] = [
        TextColumn("replaying"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("calls"),
        TimeRemainingColumn(),
    ]
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task("replaying", total=calls)
    arrived = 0
    shown = False
    try:
        for happening in happenings:
            if type(happening.command) is Enqueue:
                arrived += 1
                if arrived % 64 == 0:
                    progress.update(task, completed=arrived)
                    if not shown and time.monotonic() - started_s > PROGRESS_AFTER_S:
                        progress.start()
                        shown = True
            yield happening
    finally:
        if shown:
            progress.stop()
