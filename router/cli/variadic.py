"""Options that take several values in a row, as shells expand them: `--train calls_2014-0*.csv.gz`.

Invariant: `--train a b` is `--train a --train b`; the values end at the next option or at `--`.
"""

from __future__ import annotations

from collections.abc import Collection

import rich_click as click


def repeat_option(arguments: list[str], names: Collection[str]) -> list[str]:
    """Return the arguments with the option's name before each of its values."""
    found: list[str] = []
    name = ""
    for place, argument in enumerate(arguments):
        if argument == "--":
            return [*found, *arguments[place:]]
        if argument in names:
            following = arguments[place + 1 : place + 2]
            name = argument
            if not following or following[0].startswith("-"):
                found.append(argument)  # without a value: click says so
                name = ""
        elif argument.startswith("-"):
            name = ""
            found.append(argument)
        elif name:
            found += [name, argument]
        else:
            found.append(argument)
    return found


class VariadicCommand(click.RichCommand):
    """A command of which every option for several files takes them in a row."""

    variadic: Collection[str] = ()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, with each variadic option repeated before each of its values."""
        return super().parse_args(ctx, repeat_option(args, self.variadic))
