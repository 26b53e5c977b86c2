"""`skill-router evaluate-wait`: how good wait estimates are, on call logs, beside what delay history alone would say.

Invariant: standard output is the same for the same arguments; a clock is only used to show progress.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import rich_click as click

from router.cli.evaluate_wait_report import show
from router.cli.evaluate_wait_run import EvaluationOrder, run_evaluation
from router.cli.parameters import HELP, INTERRUPTED, exit_codes
from router.cli.plot_folder import prepare_plots
from router.cli.variadic import VariadicCommand
from router.simulation import READERS

THREADS_MAX: Final = 64
FUTURES_MAX: Final = 100_000
LOG: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Command(VariadicCommand):
    variadic = ("--train",)


@click.command(
    name="evaluate-wait",
    cls=_Command,
    context_settings=HELP,
    epilog=exit_codes(
        "the estimates were scored, however good they are", "a log is not valid, or no call can be scored"
    )
    + " 130: it was interrupted (Ctrl-C), and nothing was printed.",
)
@click.argument("calls", type=LOG, nargs=-1, metavar="CALLS.csv[.gz]...")
@click.option(
    "--train",
    "train",
    type=LOG,
    multiple=True,
    metavar="CALLS.csv[.gz]...",
    help="Logs to learn from first, all of earlier days; as many as follow. Without any, the first scored calls meet a "
    "predictor that knows nothing.",
)
@click.option(
    "--days",
    "days",
    multiple=True,
    metavar="DAY[..DAY]",
    help="Score only these days of CALLS, first and last included; days of CALLS before them are learnt from, others "
    "left alone. May be given several times.",
)
@click.option(
    "--futures",
    type=click.IntRange(1, FUTURES_MAX),
    default=200,
    show_default=True,
    help="Futures behind each estimate that is scored.",
)
@click.option(
    "--training-futures",
    type=click.IntRange(1, FUTURES_MAX),
    default=40,
    show_default=True,
    help="Futures behind each estimate that only teaches the correction.",
)
@click.option(
    "--estimated-days",
    type=click.IntRange(0),
    default=90,
    show_default=True,
    help="Days at the end of the training whose calls are estimated, to teach the correction. Handle times, patience, "
    "skills and habits are learnt from all.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(sorted(READERS)),
    default="vanad",
    show_default=True,
    help="Format of the logs.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, THREADS_MAX),
    metavar="N",
    help="Threads that run futures. Changes no result. Default: one a core.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option(
    "--plot",
    "plot_folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write plots of calibration, of error over the day, and of waits by estimate as PNG files into this folder.",
)
def command(
    calls: tuple[Path, ...],
    train: tuple[Path, ...],
    days: tuple[str, ...],
    futures: int,
    training_futures: int,
    estimated_days: int,
    format_name: str,
    threads: int | None,
    as_json: bool,
    plot_folder: Path | None,
) -> None:
    """Score wait estimates on call logs.

    Follows each recorded day in shadow mode: the log's centre decides, and the predictor estimates every call on its
    arrival, from nothing but what happened before. Scored are answered calls that waited over one second: errors of
    the mean, pinball losses of the 10, 50 and 90 % quantiles, coverage and width of the 80 % interval; for our
    estimates and, on the same calls, for LES, HOL, Avg-LES, AvgC and the mean by type. Once more with those who gave
    up taken as censored.

    Learning goes on through the scored days, as it does in service: a call teaches when it is answered, never before.
    Days are taken in order of date, whatever the order of the files.

    \b
    Examples:
      skill-router evaluate-wait calls_2014-08.csv.gz calls_2014-09.csv.gz --train calls_2014-0[1-7].csv.gz
      skill-router evaluate-wait calls_2014-09.csv.gz --days 2014-09-15..2014-09-20 --json
      skill-router evaluate-wait calls_2014-09.csv.gz --train calls_2014-0[1-8].csv.gz --plot plots
    """
    if not calls:
        taken = ": --train takes all files up to the next option, so put CALLS before it, or -- between them"
        raise click.UsageError(f"Missing argument 'CALLS.csv[.gz]...'{taken if train else '.'}")
    order = EvaluationOrder(
        files=calls,
        train=train,
        days=days,
        futures=futures,
        training_futures=training_futures,
        estimated_days=estimated_days,
        format_name=format_name,
        threads=threads,
    )
    if plot_folder is not None:
        prepare_plots(plot_folder)
    try:
        report = run_evaluation(order)
        show(report, as_json=as_json)
        if plot_folder is not None:
            from router.cli.evaluate_wait_plots import write_plots  # matplotlib is loaded only where it is wanted

            for path in write_plots(plot_folder, report):
                click.echo(f"wrote {path}", err=True)
    except KeyboardInterrupt:
        click.echo("Interrupted: the evaluation was stopped, and there is nothing to report.", err=True)
        sys.exit(INTERRUPTED)
    except OSError as error:
        click.echo(f"Error: {plot_folder}: the plots cannot be written: {error.strerror}", err=True)
        sys.exit(1)
