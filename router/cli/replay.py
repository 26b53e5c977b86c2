"""`skill-router replay`: recorded days through the engine in virtual time, beside the log or another policy.

Invariant: standard output is the same for the same arguments; a clock is only used to decide on a progress bar.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import rich_click as click

from router.cli.parameters import HELP, INTERRUPTED, FiniteRange, exit_codes
from router.cli.replay_day import report_day, show_day
from router.cli.replay_days import report_days, show_days
from router.cli.replay_order import Order, Policy
from router.config import DEFAULT_PRESET, PRESETS
from router.engine import SECOND_US
from router.simulation import READERS

THREADS_MAX: Final = 1024


@click.command(
    name="replay",
    context_settings=HELP,
    epilog=exit_codes(
        "all is well",
        "the log or the config is not valid, the day has fewer commands than --restore-at says, "
        "or the fairness contract was broken",
    )
    + " 130: it was interrupted (Ctrl-C), and nothing was printed.",
)
@click.argument(
    "calls",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    nargs=-1,
    required=True,
    metavar="CALLS.csv[.gz]...",
)
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
@click.option(
    "--compare",
    "compare_path",
    type=click.Path(path_type=Path),
    metavar="CONFIG_B",
    help="Replay under this config too and show both and their difference, for the same callers.",
)
@click.option(
    "--compare-preset",
    type=click.Choice(sorted(PRESETS)),
    help="Weights of the second policy, over those of its config. Without --compare it has the first one's config.",
)
@click.option(
    "--day",
    "days",
    multiple=True,
    metavar="YYYY-MM-DD",
    help="Day to replay, where the log has several. May be given several times.",
)
@click.option("--all-days", is_flag=True, help="Replay every day, each on its own, and show each and all together.")
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
@click.option(
    "--check/--no-check",
    default=None,
    help="Check the fairness contract after every command: slower. Default: only for one day under one policy.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, THREADS_MAX),
    metavar="N",
    help="Days that run side by side. Default: one a core.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object (durations in microseconds) instead of tables."
)
def command(
    calls: tuple[Path, ...],
    config_path: Path | None,
    preset: str | None,
    compare_path: Path | None,
    compare_preset: str | None,
    days: tuple[str, ...],
    all_days: bool,
    format_name: str,
    seed: int,
    ring_s: float,
    skill_calls_min: int | None,
    restore_at: tuple[int, ...],
    check: bool | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Replay recorded days through the engine and compare.

    Reads a call log, infers who worked when and on what, and routes the same callers to the same staff in virtual
    time. Prints the day's figures under our policy beside the log's own, whether the fairness contract held in
    every step, and a hash over all events: the same input gives the same hash, always.

    With several days each is replayed on its own and gets a line; below are all of them together. With a second policy
    (--compare, --compare-preset) it shows what the same days would have been under each, and the difference, with a
    95 % confidence interval over days.

    The log has one call a row, by arrival, with the columns day, t_arr, type, agent, t_ans, t_rel and t_end (the
    VANAD format): times in whole seconds since midnight, -1 for none. Each file is a log of its own: skills, patience
    and handle times of its days are learned from it.

    \b
    Examples, with the invented day of a checkout:
      skill-router replay examples/day.csv
      skill-router replay examples/day.csv --preset fcfs-longest-idle --seed 2
      skill-router replay examples/day.csv --compare-preset fcfs-longest-idle
      skill-router replay examples/day.csv --json | jq .policy.calls
    """
    policies = [Policy.load(config_path, preset)]
    if compare_path is not None or compare_preset is not None:
        policies.append(Policy.load(compare_path or config_path, compare_preset))
    order = Order(
        files=calls,
        days=days,
        all_days=all_days,
        format_name=format_name,
        seed=seed,
        ring_us=round(ring_s * SECOND_US),
        skill_calls_min=skill_calls_min,
        policies=tuple(policies),
        check=check,
        restore_at=restore_at,
        threads=threads,
    )
    order.check_usage()
    try:
        fair = _replay_one(order, as_json) if order.one_day and len(policies) == 1 else _replay_days(order, as_json)
    except KeyboardInterrupt:
        click.echo("Interrupted: the replay was stopped, and there is nothing to report.", err=True)
        sys.exit(INTERRUPTED)
    sys.exit(0 if fair else 1)


def _replay_one(order: Order, as_json: bool) -> bool:
    report = report_day(order)
    show_day(report, as_json=as_json)
    return report.fairness is None or report.fairness.ok


def _replay_days(order: Order, as_json: bool) -> bool:
    report = report_days(order)
    show_days(report, as_json=as_json)
    return report.fair
