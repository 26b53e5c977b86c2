"""The `skill-router` command: a group whose subcommands are loaded only when asked for.

Exit codes, the same for every subcommand: 0 all is well; 1 it ran and the answer is no (an invalid config, a broken
contract, a call that is not known, a server out of reach); 2 it was called wrongly.
"""

from __future__ import annotations

import importlib

import rich_click as click

# name -> module; each module has a click command of the name `command`
SUBCOMMANDS = {
    "serve": "router.cli.serve",
    "demo": "router.cli.demo",
    "init-config": "router.cli.init_config",
    "check-config": "router.cli.check_config",
    "replay": "router.cli.replay",
    "explain": "router.cli.explain",
}


class LazyGroup(click.RichGroup):
    """A group that imports a subcommand's module on first use, so that `--help` and completion stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in SUBCOMMANDS:
            return None
        command: click.Command = importlib.import_module(SUBCOMMANDS[name]).command
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="skill-router")
def main() -> None:
    """Route calls to agents by skill, load, efficiency, waiting time and urgency.

    Start with `skill-router demo`, or write a config with `skill-router init-config router.toml` and run
    `skill-router serve --config router.toml`.
    """
