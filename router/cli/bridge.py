"""`skill-router bridge`: connect telephone systems to a running server."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import rich_click as click
import uvloop

from router.cli.parameters import HELP, Address, exit_codes
from router.cli.serving import log_options, refuse
from router.config import ConfigError
from router.server.logs import set_up_logs

logger = logging.getLogger(__name__)


@click.group(context_settings=HELP, epilog=exit_codes("it was told to stop", "the bridge could not do its work"))
def command() -> None:
    """Connect a telephone system to a running server, as its client."""


@command.command(
    "asterisk",
    context_settings=HELP,
    epilog=exit_codes(
        "it was told to stop, or did what --check or --print-config asks for",
        "the config is not valid, or Asterisk or the server does not let it in",
        "3 another bridge took over: not to be started again by itself",
    ),
)
@click.option(
    "--config",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The bridge's TOML file; --print-config has one to start from.",
)
@click.option("--print-config", is_flag=True, help="Print a commented config, and end.")
@click.option("--check", is_flag=True, help="Only check the config and the secrets that it names, and end.")
@click.option(
    "--metrics-listen",
    type=Address(any_port=True),
    help="Serve metrics and health checks over HTTP here, not where the config says; port 0: any free one.",
)
@log_options
def asterisk(
    path: Path | None,
    print_config: bool,
    check: bool,
    metrics_listen: str | None,
    log_format: str,
    log_level: str,
) -> None:
    """Bridge an Asterisk over ARI, as docs/asterisk.md describes, until SIGTERM or Ctrl-C.

    Callers who enter its Stasis application wait in the router's queues; agents whom the router offers them are rung.
    When it ends, calls are left as they are: the next start takes them up. A second SIGTERM or Ctrl-C does not wait for
    what is under way. It needs the extra `asterisk`.
    """
    try:
        from router.bridge.asterisk.config import example_text, load_bridge
        from router.bridge.asterisk.process import CredentialsRefused, EntryRefused, run_bridge
    except ImportError as error:
        refuse(f"this needs a package that is not installed ({error.name}): pip install 'skill-router[asterisk]'")
    if print_config:
        click.echo(example_text(), nl=False)
        return
    if path is None:
        raise click.UsageError("--config FILE is wanted; --print-config prints one to start from")
    set_up_logs(log_format, log_level)
    try:
        config = load_bridge(path, notice=_notice)
        if check:
            click.echo(f"{path}: valid")
            return
        code = uvloop.run(run_bridge(config, metrics_listen=metrics_listen, announce=click.echo))
    except ConfigError as error:
        count = len(error.problems)
        refuse(f"{error}\n{count} problem{'' if count == 1 else 's'}; the bridge was not started", log_format)
    except (CredentialsRefused, EntryRefused, OSError, ValueError) as error:
        refuse(f"the bridge has ended: {error}", log_format)
    sys.exit(code)


def _notice(arrival: object, problem: str) -> None:
    """Say what a rule took from a call and could not use."""
    logger.warning("%s", problem, extra={"channel": getattr(arrival, "channel", "")})
