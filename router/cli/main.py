"""The `skill-router` command: a group whose subcommands are loaded only when one is run.

Exit codes, the same for every subcommand: 0 all is well; 1 it ran and the answer is no (an invalid config, a broken
contract, a call that is not known, a server out of reach); 2 it was called wrongly.
"""

from __future__ import annotations

import difflib
import importlib
import os
from typing import Any

import rich_click as click

# name -> module, which has a click command of the name `command`, and what it does in a line
SUBCOMMANDS = {
    "serve": ("router.cli.serve", "Run the gRPC server."),
    "demo": ("router.cli.demo", "Watch an hour of a bank's hotline, in about a minute, over a real server."),
    "init-config": ("router.cli.init_config", "Write a commented config to start from."),
    "check-config": ("router.cli.check_config", "Check a config without using it."),
    "init-scenario": ("router.cli.init_scenario", "Write a commented scenario to start from."),
    "simulate": ("router.cli.simulate", "Simulate callers and agents around the very engine, with intervals."),
    "replay": ("router.cli.replay", "Route a recorded day under our own policy."),
    "evaluate-wait": ("router.cli.evaluate_wait", "Score wait estimates on call logs."),
    "journal": ("router.cli.journal", "Look at a server's journal, check it, repair it."),
    "access": ("router.cli.access", "Say who may do what on a server."),
    "bridge": ("router.cli.bridge", "Connect a telephone system: Asterisk."),
    "explain": ("router.cli.explain", "Ask a running server why a call is where it is."),
}


class LazyCommand(click.RichCommand):
    """Stands for a subcommand in lists and help; becomes the real one when it is run."""

    def __init__(self, name: str, module: str, summary: str) -> None:
        super().__init__(name=name, short_help=summary, help=summary)
        self._module = module

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.RichContext:
        # our own sentence says what is wrong; gRPC's log of the same goes to whoever asks for it
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        command: click.RichCommand = importlib.import_module(self._module).command
        context = command.make_context(info_name, args, parent, **extra)
        assert isinstance(context, click.RichContext)
        return context


class LazyGroup(click.RichGroup):
    """A group that imports a subcommand's module when it is run, so that `--help` and completion stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUBCOMMANDS:
            return None
        return LazyCommand(cmd_name, *SUBCOMMANDS[cmd_name])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand; for one that there is not, suggest the nearest."""
        if not ctx.resilient_parsing and args[0] not in SUBCOMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], SUBCOMMANDS, n=1)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {close[0]!r}?" if close else ""))
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="skill-router")
def main() -> None:
    """Route calls to agents by skill, load, efficiency, waiting time and urgency.

    Start with `skill-router demo`, or write a config with `skill-router init-config router.toml` and run
    `skill-router serve --config router.toml`.
    """
