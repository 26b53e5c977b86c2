"""What the subcommands of `skill-router journal` share.

Keeps one invariant: whatever is wrong with a journal is one plain sentence on standard error, and exit code 1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NoReturn

import rich_click as click
from rich.progress import MofNCompleteColumn, TextColumn, TimeRemainingColumn

from router.cli.progress import DelayedBar
from router.config.report import printable
from router.journal import JournalError
from router.journal.verify import Progress as Report

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

DIRECTORY: Final[Callable[[Any], Any]] = click.argument(
    "directory", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False)
)
"""The argument DIR: the data directory of a server."""

SEQUENCE: Final = click.IntRange(min=1)


def fail(message: str) -> NoReturn:
    """Say what is wrong, and end with exit code 1."""
    click.echo(f"Error: {printable(message)}", err=True)
    sys.exit(1)


@contextmanager
def failing() -> Iterator[None]:
    """Turn a `JournalError` into a sentence and exit code 1."""
    try:
        yield
    except JournalError as error:
        fail(str(error))


def time_text(time_us: int) -> str:
    """Return an engine time in UTC; one that no calendar has as microseconds."""
    try:
        moment = _EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        return f"{time_us} us"
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f") + "Z"


@contextmanager
def progress(what: str, unit: str) -> Iterator[Report]:
    """Give a function to be told of progress; shows a bar on standard error once it takes longer than two seconds."""
    columns = (MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    with DelayedBar(what, *columns) as bar:
        yield lambda done, total: bar.update(done, total=total)
