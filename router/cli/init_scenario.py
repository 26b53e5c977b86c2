"""`skill-router init-scenario`: write the commented scenario to start from. Never overwrites a file unasked."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from router.cli.new_file import write_new
from router.cli.parameters import HELP, exit_codes
from router.simulation.scenario.read import example_scenario_text


@click.command(context_settings=HELP, epilog=exit_codes("written", "the file is there already, or cannot be written"))
@click.argument("path", default="scenario.toml", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--force", is_flag=True, help="Overwrite PATH if it is there.")
def command(path: Path, force: bool) -> None:
    """Write a commented scenario to PATH (scenario.toml unless given; - for the terminal).

    It is a small bank hotline, with every key of a scenario used or shown. Edit it and run it with
    `skill-router simulate scenario.toml`; docs/scenarios.md has the range and default of every key.

    \b
    Examples:
      skill-router init-scenario
      skill-router init-scenario - | less
    """
    write_new(path, example_scenario_text(), "Run it with: skill-router simulate", force=force)
