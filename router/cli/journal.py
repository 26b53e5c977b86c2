"""`skill-router journal`: look at a server's journal, take it out, check it, and get it going again."""

from __future__ import annotations

import rich_click as click

from router.cli.journal_repair import command as repair
from router.cli.journal_show import export, show
from router.cli.journal_verify import command as verify
from router.cli.parameters import HELP, exit_codes


@click.group(context_settings=HELP, epilog=exit_codes("all is well", "the journal is damaged, or cannot be read"))
def command() -> None:
    """Look at the journal that `skill-router serve --data-dir DIR` keeps in DIR.

    `verify`, `show` and `export` only read, and may be used while the server is running. docs/journal.md says what is
    in a journal, how to back it up, and what to do when it is damaged.
    """


for _subcommand in (verify, show, export, repair):
    command.add_command(_subcommand)
