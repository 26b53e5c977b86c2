"""Writing a file to start from, for the `init-` commands. Never overwrites one unasked."""

from __future__ import annotations

import sys
from pathlib import Path

import rich_click as click

from router.config.report import printable


def write_new(path: Path, text: str, check_with: str, *, force: bool) -> None:
    """Write a text to a path, `-` for the terminal, and say what to check it with; exit with 1 if that cannot be."""
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
    click.echo(f"Wrote {name}. {check_with} {name}")


def _fail(message: str) -> None:
    click.echo(message, err=True)
    sys.exit(1)
