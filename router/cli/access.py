"""`skill-router access`: who may do what on a server: make tokens, list who is in the file, take them out."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from router.cli.access_file import AccessFile, NotChanged
from router.cli.parameters import HELP, exit_codes
from router.config import ConfigError
from router.config.durations import parse_duration
from router.config.report import printable
from router.server.security.access import TOKEN, Access, CertificateEntry, TokenEntry
from router.server.security.access_kinds import RESERVED_NAMES
from router.server.security.roles import Role

TOKEN_PREFIX = "skr_"
"""What every token begins with, so that one that got into the wrong place is found."""

_RELOAD = "A running server learns of it at SIGHUP."


class Expiry(click.ParamType[float]):
    """A duration from now on, as a moment in seconds since the epoch."""

    name = "DURATION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        duration_us = parse_duration(str(value))
        if not duration_us:
            self.fail(f"{str(value)!r} is not a duration such as 90d or 12h", param, ctx)
        return float(int(time.time() + duration_us / 1_000_000))


file_option = click.option(
    "--file",
    "path",
    metavar="FILE",
    default="access.toml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The access file, as `access_file` in the config names it.",
)


@click.group(context_settings=HELP, epilog=exit_codes("all is well", "the file is not valid, or cannot be changed"))
def command() -> None:
    """Say who may do what on a server: an access file with principals and their roles.

    The config names the file as `access_file`; docs/security.md says what each role may do. Client certificates are
    entered by hand.
    """


@command.command(context_settings=HELP, epilog=exit_codes("the token is printed", "the file cannot be changed"))
@click.argument("name")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help="What it may do.")
@click.option("--client", "clients", multiple=True, metavar="ID", help="Bind it to this client id; may be repeated.")
@click.option("--expires", "not_after_s", type=Expiry(), help="How long the token is good for, such as 90d.")
@file_option
def new(name: str, role: str, clients: tuple[str, ...], not_after_s: float | None, path: Path) -> None:
    """Make a token for a principal NAME, add it to the access file, and print it, this once.

    \b
    Examples:
      skill-router access new pbx-1 --role pbx --client pbx-1 > pbx-1.token
      skill-router access new dashboard --role viewer --expires 90d
    """
    for text in (name, *clients):
        if not text.isprintable() or not text:
            raise click.UsageError(
                f"'{printable(text)}' cannot be a name; 1 to 255 bytes that can be printed are wanted"
            )
    if name in RESERVED_NAMES:
        raise click.UsageError(f"{name} stands for {RESERVED_NAMES[name]} in the journal; another name is wanted")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with _saying_what_is_wrong():
        AccessFile(path).add_token(name, Role(role), token, clients, not_after_s)
    click.echo(f"{name} is in {path} as {role}. {_RELOAD} This is its token, shown this once:", err=True)
    click.echo(token)


@command.command("list", context_settings=HELP, epilog=exit_codes("the list is printed", "the file is not valid"))
@click.option("--json", "as_json", is_flag=True, help="Print the list as one JSON object.")
@file_option
def list_(path: Path, as_json: bool) -> None:
    """List who is in the access file, after checking all of it."""
    with _saying_what_is_wrong(outcome=""):
        access = AccessFile(path).read()
    rows = [_row(entry) for entry in access.entries]
    if as_json:
        click.echo(json.dumps({"principals": rows}, ensure_ascii=False, indent=2))
        return
    _print(access, rows)


@command.command(context_settings=HELP, epilog=exit_codes("it is out", "it was not in, or the file cannot be changed"))
@click.argument("name")
@file_option
def revoke(name: str, path: Path) -> None:
    """Take NAME out of the access file. At the next SIGHUP its streams end and its requests are refused."""
    with _saying_what_is_wrong():
        AccessFile(path).remove(name)
    click.echo(f"{name} is out of {path}. {_RELOAD}", err=True)


@contextmanager
def _saying_what_is_wrong(outcome: str = "\nnothing was changed") -> Iterator[None]:
    try:
        yield
        return
    except (ConfigError, NotChanged) as error:
        message = f"{error}{outcome}"
    except OSError as error:
        message = f"{error.filename or 'the access file'} cannot be written: {error.strerror or error}"
    click.echo(message, err=True)
    sys.exit(1)


def _row(entry: TokenEntry | CertificateEntry) -> dict[str, Any]:
    principal = entry.principal
    row: dict[str, Any] = {"name": principal.name, "role": principal.role.value, "clients": sorted(principal.clients)}
    if isinstance(entry, TokenEntry):
        ends = entry.not_after_s
        row |= {"shows": "token", "not_after": None if ends is None else TOKEN.keys["not_after"].kind.show(ends)}
        row["expired"] = ends is not None and ends <= time.time()
    else:
        names = f"common name {entry.common_name}" if entry.common_name else f"alternative name {entry.san}"
        row |= {"shows": f"certificate, {names}", "not_after": None, "expired": False}
    return row


def _print(access: Access, rows: list[dict[str, Any]]) -> None:
    if not len(access):
        click.echo("nobody is in it: nobody may do anything")
        return
    table = Table("name", "role", "shows", "client ids", "until")
    for row in rows:
        until = row["not_after"] or ""
        cells = (row["name"], row["role"], row["shows"], ", ".join(row["clients"]), until)
        table.add_row(*(escape(cell) for cell in cells), style="red" if row["expired"] else None)
    Console(highlight=False).print(table)
