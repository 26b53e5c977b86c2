"""`skill-router serve`: run the gRPC server in the foreground until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import rich_click as click

from router.cli.parameters import HELP, Address, FiniteRange, exit_codes
from router.config import ConfigError
from router.server.clock import SPEED_MAX, SPEED_MIN
from router.server.run import serve
from router.server.server import RouterServer


@click.command(
    context_settings=HELP,
    epilog=exit_codes(
        "it was told to stop", "the config is not valid, the address cannot be used, or the engine failed"
    ),
)
@click.option(
    "--config",
    "config",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="The TOML file to serve; `skill-router init-config` writes one to start from.",
)
@click.option(
    "--listen",
    type=Address(any_port=True),
    help="Listen here, not where the config says; port 0: any free one.",
)
@click.option(
    "--clock-speed",
    metavar="N",
    type=FiniteRange(SPEED_MIN, SPEED_MAX),
    default=1.0,
    show_default=True,
    help="Let N engine seconds pass per real second, for demonstrations and tests.",
)
def command(config: Path, listen: str | None, clock_speed: float) -> None:
    """Serve the router over gRPC, as docs/integrating.md describes, until SIGTERM or Ctrl-C.

    Everything is kept in memory: calls, agents and what was learned are gone when the server ends. SIGHUP reads the
    config file again and applies it whole, or not at all. A second SIGTERM or Ctrl-C does not wait for what is under
    way. There is no encryption yet: listen on loopback, or on a network that you trust.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        code = asyncio.run(serve(config, listen=listen, clock_speed=clock_speed, announce=_announce))
    except ConfigError as error:
        count = len(error.problems)
        click.echo(f"{error}\n{count} problem{'' if count == 1 else 's'}; the server was not started", err=True)
        code = 1
    except OSError as error:
        click.echo(f"the server was not started: {error}", err=True)
        code = 1
    sys.exit(code)


def _announce(server: RouterServer) -> None:
    """Say where the server listens, in a line that a script can read, and what it does not do."""
    host = server.listen.rpartition(":")[0]
    click.echo(f"listening on {host}:{server.port}")
    speed = server.shell.clock.speed
    if speed != 1.0:
        click.echo(f"the clock runs at {speed:g} times real time")
    click.echo("state is in memory only: nothing outlives this process", err=True)
    sys.stdout.flush()
