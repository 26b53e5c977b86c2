"""`skill-router serve`: run the gRPC server in the foreground until it is told to stop."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
import uvloop

from router.cli.parameters import HELP, Address, FiniteRange, exit_codes
from router.cli.serving import log_options, refuse
from router.config import ConfigError
from router.journal import JournalError
from router.server.clock import SPEED_MAX, SPEED_MIN
from router.server.logs import set_up_logs
from router.server.recovery.recovery import Recovered
from router.server.run import serve
from router.server.server import RouterServer

if TYPE_CHECKING:
    from router.server.tracing import Tracing

logger = logging.getLogger(__name__)


@click.command(
    context_settings=HELP,
    epilog=exit_codes(
        "it was told to stop",
        "the config is not valid, the address or the journal cannot be used, or the server failed",
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
    "--data-dir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep a journal in this directory, and go on from what is in it; it is made if it is not there.",
)
@click.option(
    "--clock-speed",
    metavar="N",
    type=FiniteRange(SPEED_MIN, SPEED_MAX),
    default=1.0,
    show_default=True,
    help="Let N engine seconds pass per real second, for demonstrations and tests.",
)
@click.option(
    "--metrics-listen",
    type=Address(any_port=True),
    help="Serve metrics and health checks over HTTP here, not where the config says; port 0: any free one.",
)
@click.option(
    "--allow-insecure",
    is_flag=True,
    help="Listen beyond this machine although there is no TLS, or nobody has to say who it is.",
)
@log_options
@click.option(
    "--tracing",
    is_flag=True,
    help="Send OpenTelemetry spans over OTLP, as the OTEL_… environment says; needs the extra `tracing`.",
)
def command(
    config: Path,
    listen: str | None,
    data_dir: Path | None,
    clock_speed: float,
    metrics_listen: str | None,
    allow_insecure: bool,
    log_format: str,
    log_level: str,
    tracing: bool,
) -> None:
    """Serve the router over gRPC, as docs/integrating.md describes, until SIGTERM or Ctrl-C.

    With --data-dir every command is on the disk before it is answered, and a new start goes on where the last one
    ended, however it ended. Without it everything is kept in memory: calls, agents and what was learned are gone when
    the server ends. SIGHUP reads the config file again and, if it has changed, applies it whole or not at all. A second
    SIGTERM or Ctrl-C does not wait for what is under way.

    With `shadow = true` in [server] it follows an outside ACD instead of routing, as docs/shadow.md describes.

    Beyond this machine it listens only with TLS and an access file, as docs/security.md describes. SIGHUP reads these
    files again, too.
    """
    set_up_logs(log_format, log_level)
    spans = _tracing(log_format) if tracing else None
    try:
        # a loop of its own in C: less CPU for each RPC, and a much shorter tail
        outcome = uvloop.run(
            serve(
                config,
                listen=listen,
                clock_speed=clock_speed,
                data_dir=data_dir,
                metrics_listen=metrics_listen,
                allow_insecure=allow_insecure,
                tracing=spans,
                announce=_announce,
            )
        )
    except ConfigError as error:
        count = len(error.problems)
        refuse(f"{error}\n{count} problem{'' if count == 1 else 's'}; the server was not started", log_format)
    except (JournalError, OSError) as error:
        refuse(f"the server was not started: {error}", log_format)
    if spans is not None:
        spans.close()
    if outcome.stuck:
        # a thread that hangs in a call to the disk would keep the process from ending
        logging.shutdown()
        sys.stderr.flush()
        os._exit(outcome.code)
    sys.exit(outcome.code)


def _tracing(log_format: str) -> Tracing:
    """Set tracing up, if its packages are there."""
    try:
        from router.server.tracing import TraceFields, set_up_tracing
    except ImportError as error:
        refuse(
            f"--tracing needs packages that are not installed ({error.name}): pip install 'skill-router[tracing]'; "
            "the server was not started",
            log_format,
        )
    for handler in logging.getLogger().handlers:
        handler.addFilter(TraceFields())
    return set_up_tracing()


def _announce(server: RouterServer, recovered: Recovered | None) -> None:
    """Say where the server listens, in a line that a script can read, and what it does not do."""
    host = server.listen.rpartition(":")[0]
    lines = [f"listening on {host}:{server.port}"]
    speed = server.shell.clock.speed
    if speed != 1.0:
        lines.append(f"the clock runs at {speed:g} times real time")
    if server.metrics_address:
        lines.append(f"metrics on http://{server.metrics_address}/metrics")
    _say(lines)
    if server.shell.shadow is not None:
        logger.info("shadow mode: every queue is paused, and an outside ACD decides")
    if recovered is None:
        logger.warning("state is in memory only: nothing outlives this process")
    else:
        logger.info("%s", recovered.summary())


def _say(lines: Sequence[str]) -> None:
    """Write to the standard output; if nobody takes it, to the log: that is no reason not to serve."""
    try:
        for line in lines:
            click.echo(line)
    except OSError as error:
        logger.warning("the standard output takes nothing (%s): %s", error.strerror, "; ".join(lines))
        # what is still in the buffer must not fail again when the process ends
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
