"""`skill-router init-config`: write the commented config to start from. Never overwrites a file unasked."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from router.cli.new_file import write_new
from router.cli.parameters import HELP, exit_codes
from router.config import default_config_text


@click.command(context_settings=HELP, epilog=exit_codes("written", "the file is there already, or cannot be written"))
@click.argument("path", default="router.toml", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--force", is_flag=True, help="Overwrite PATH if it is there.")
def command(path: Path, force: bool) -> None:
    """Write a commented config to PATH (router.toml unless given; - for the terminal).

    It has every key with its meaning, and the queues of a bank's hotline to change into your own. Edit it, check it
    with `skill-router check-config router.toml`, and start with `skill-router serve --config router.toml`.

    \b
    Examples:
      skill-router init-config
      skill-router init-config - | less
    """
    write_new(path, default_config_text(), "Check a change with: skill-router check-config", force=force)
