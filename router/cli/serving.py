"""What subcommands share that run until they are told to stop: how they log, and how they say why they do not run."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import rich_click as click

from router.server.logs import FORMATS, LEVELS

logger = logging.getLogger(__name__)

Command = TypeVar("Command", bound=Callable[..., Any])


def log_options(command: Command) -> Command:
    """Give a command the options `--log-format` and `--log-level`, which are what `set_up_logs` takes."""
    log_level = click.option(
        "--log-level",
        metavar="LEVEL",
        type=click.Choice(LEVELS),
        default="info",
        show_default=True,
        help="Write lines from this level on: debug (of the server, one for every RPC), info, warning or error.",
    )
    log_format = click.option(
        "--log-format",
        metavar="FORMAT",
        type=click.Choice(FORMATS),
        default="text",
        show_default=True,
        help="How lines of the log look: text for people, or json, one object each.",
    )
    return log_format(log_level(command))


def refuse(message: str, log_format: str = "text") -> NoReturn:
    """End with exit code 1 and say why: to people plainly, to machines as a line like all others."""
    if log_format == "text":
        click.echo(message, err=True)
    else:
        logger.critical("%s", message)
    sys.exit(1)
