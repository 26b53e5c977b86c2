"""`skill-router init-config`: write the commented config to start from. Never overwrites a file unasked."""

from __future__ import annotations

import sys
from pathlib import Path

import rich_click as click

from router.cli.parameters import HELP, exit_codes
from router.config import default_config_text
from router.config.report import printable


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
    text = default_config_text()
    name = printable(str(path))
    if str(path) == "-":
        click.echo(text, nl=False)
        return
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        _fail(f"{name} is there already; --force overwrites it, another PATH leaves it alone")
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        _fail(f"{name} cannot be written: {reason}; a PATH in a directory that you may write to would do")
    click.echo(f"Wrote {name}. Check a change with: skill-router check-config {name}")


def _fail(message: str) -> None:
    click.echo(message, err=True)
    sys.exit(1)
