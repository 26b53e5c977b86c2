"""`skill-router simulate`: a scenario in virtual time around the very engine, its figures with intervals.

Invariant: standard output is the same for the same arguments; the clock is only used to decide on a progress bar.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import rich_click as click

from router.cli.parameters import HELP, INTERRUPTED, exit_codes
from router.cli.plot_folder import prepare_plots
from router.cli.simulate_comparison import ComparisonReport, print_comparison
from router.cli.simulate_format import new_console
from router.cli.simulate_report import SimulationReport, print_report, units_data
from router.cli.simulate_run import check_fairness, run_scenario
from router.config import PRESETS, ConfigError, with_preset
from router.simulation import load_scenario
from router.simulation.compare import align, compare, shared_callers
from router.simulation.errors import SimulationError
from router.simulation.scenario.keys import REPLICATIONS_MAX, SEED_MAX
from router.simulation.scenario.model import Scenario
from router.simulation.summary import summarise

THREADS_MAX: Final = 1024
SLICES: Final = 120  # of the measured time, in plots over time

SCENARIO_FILE: Final = click.Path(path_type=Path)  # reading it says what is wrong with it


@click.command(
    name="simulate",
    context_settings=HELP,
    epilog=exit_codes(
        "all is well",
        "a scenario is not valid or asks for too much, or --check found the fairness contract broken",
    )
    + " 130: it was interrupted (Ctrl-C), and nothing was printed.",
)
@click.argument("scenario_path", type=SCENARIO_FILE, metavar="SCENARIO.toml")
@click.option(
    "--replications",
    type=click.IntRange(1, REPLICATIONS_MAX),
    metavar="N",
    help="How many independent runs, in place of the scenario's number.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, SEED_MAX),
    metavar="S",
    help="Seed of all draws, in place of the scenario's.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, THREADS_MAX),
    metavar="N",
    help="How many runs at a time. Default: one per processor. It changes no figure.",
)
@click.option("--preset", type=click.Choice(sorted(PRESETS)), help="Weights for every queue, over the scenario's.")
@click.option(
    "--compare",
    "other_path",
    type=SCENARIO_FILE,
    metavar="OTHER.toml",
    help="Run this one too, on the same random numbers, and show the paired difference with its interval.",
)
@click.option(
    "--compare-preset",
    type=click.Choice(sorted(PRESETS)),
    help="Weights for every queue of OTHER.toml; without --compare: of SCENARIO.toml once more.",
)
@click.option("--check", is_flag=True, help="Step through one more run with the fairness checker. Slow.")
@click.option(
    "--plot",
    "plot_folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write plots of waits, queues over time and agents' load as PNG files into this folder.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object (durations in microseconds) instead of tables."
)
def command(
    scenario_path: Path,
    replications: int | None,
    seed: int | None,
    threads: int | None,
    preset: str | None,
    other_path: Path | None,
    compare_preset: str | None,
    check: bool,
    plot_folder: Path | None,
    as_json: bool,
) -> None:
    """Simulate a scenario: invented or recorded callers and agents around the very engine that serves production.

    Runs every replication of SCENARIO.toml in virtual time and prints what callers and agents saw: waits, service
    level, abandonment, load, fairness, each as a mean with a 95 % confidence interval over the replications. The same
    scenario and seed give the same output, on any number of threads.

    How to write a scenario is in docs/scenarios.md, how to read every figure in docs/simulation.md;
    `skill-router init-scenario` writes one to start from.

    \b
    Examples:
      skill-router init-scenario hotline.toml
      skill-router simulate hotline.toml
      skill-router simulate hotline.toml --replications 40 --plot plots
      skill-router simulate hotline.toml --compare-preset most-skilled
      skill-router simulate hotline.toml --compare more-staff.toml --json
    """
    loaded = _load(scenario_path)
    scenario = _choose(loaded, replications, seed, preset, "--preset")
    other = None
    if other_path is not None or compare_preset is not None:
        loaded = loaded if other_path is None else _load(other_path)
        other = align(scenario, _choose(loaded, None, None, compare_preset, "--compare-preset"))
    if plot_folder is not None:
        prepare_plots(plot_folder)
    slices = SLICES if plot_folder is not None else 0
    try:
        report = _simulate(scenario, preset, threads, slices, check)
        against = None if other is None else _simulate(other, compare_preset, threads, slices, check)
    except KeyboardInterrupt:
        click.echo("Interrupted: the runs were stopped, and there is nothing to report.", err=True)
        sys.exit(INTERRUPTED)
    except SimulationError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    reports = [report] if against is None else [report, against]
    if plot_folder is not None:
        _plot(plot_folder, reports)
    if against is None:
        _print_one(report, as_json)
    else:
        _print_both(report, against, as_json)
    if not all(each.sound for each in reports):
        sys.exit(1)


def _load(path: Path) -> Scenario:
    """Return the scenario; hints of what is hardly meant go to standard error, and so does everything that is wrong."""
    try:
        scenario = load_scenario(path)
    except ConfigError as error:
        count = len(error.problems)
        click.echo(f"{error}\n{count} problem{'' if count == 1 else 's'}; nothing was run", err=True)
        sys.exit(1)
    for hint in scenario.hints:
        click.echo(f"Hint: {hint}", err=True)
    return scenario


def _choose(
    scenario: Scenario, replications: int | None, seed: int | None, preset: str | None, option: str
) -> Scenario:
    """Return the scenario with what the command line says in its place."""
    if preset is not None and scenario.hunting is not None:
        problem = f"{scenario.source} hunts for any free agent, and weights count for nothing then; leave it out"
        raise click.BadParameter(problem, param_hint=option)
    return msgspec.structs.replace(
        scenario,
        replications=scenario.replications if replications is None else replications,
        seed=scenario.seed if seed is None else seed,
        settings=scenario.settings if preset is None else with_preset(scenario.settings, preset),
    )


def _simulate(
    scenario: Scenario, preset: str | None, threads: int | None, slices: int, check: bool
) -> SimulationReport:
    runs = run_scenario(scenario, threads=threads, slices=slices)
    fairness = check_fairness(scenario) if check else None
    return SimulationReport(
        scenario=scenario, preset=preset, runs=runs, summary=summarise(runs, scenario.callers), fairness=fairness
    )


def _print_one(report: SimulationReport, as_json: bool) -> None:
    if as_json:
        _print_json(report.as_json())
    else:
        print_report(report, new_console())


def _print_both(a: SimulationReport, b: SimulationReport, as_json: bool) -> None:
    report = ComparisonReport(
        a=a, b=b, comparison=compare(a.summary, b.summary, shared_callers(a.scenario, b.scenario))
    )
    if as_json:
        _print_json(report.as_json())
    else:
        print_comparison(report, new_console())


def _print_json(data: dict[str, Any]) -> None:
    content = msgspec.json.encode({**data, "confidence": 0.95, "units": units_data()})
    click.echo(msgspec.json.format(content, indent=2).decode())


def _plot(folder: Path, reports: list[SimulationReport]) -> None:
    from router.cli.simulate_plots import write_plots  # matplotlib is loaded only where it is wanted

    try:
        for path in write_plots(folder, reports):
            click.echo(f"wrote {path}", err=True)
    except OSError as error:
        click.echo(f"Error: {folder}: the plots cannot be written: {error.strerror}", err=True)
        sys.exit(1)
