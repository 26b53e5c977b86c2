"""How subcommands reach a server: the options that they share, and the client made of them.

Keeps one invariant: a token comes from a file or from the environment, never from an argument that others could read.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import rich_click as click

from router.cli.parameters import Address
from router.client import RouterClient
from router.client.client import DEFAULT_ADDRESS

TOKEN_VARIABLE: Final = "SKILL_ROUTER_TOKEN"
_FILE_BYTES_MAX: Final = 1 << 20

F = TypeVar("F", bound=Callable[..., Any])


class Connection(NamedTuple):
    """Where a server is and how to speak to it. The token is not part of it: what this shows may be shown."""

    server: str
    token_file: Path | None
    tls: bool
    ca: Path | None
    cert: Path | None
    key: Path | None
    allow_insecure: bool

    def client(self) -> RouterClient:
        """Return a client. Raises `click.UsageError` for files that cannot be read, and for parts that do not agree."""
        try:
            return RouterClient(
                self.server,
                token=self._token(),
                tls=self.tls,
                root_certificates=_content("--ca", self.ca),
                certificate=_content("--cert", self.cert),
                key=_content("--key", self.key),
                allow_insecure=self.allow_insecure,
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from None

    def _token(self) -> str:
        if self.token_file is None:
            return os.environ.get(TOKEN_VARIABLE, "").strip()
        content = _content("--token-file", self.token_file)
        token = (content or b"").decode("ascii", "replace").strip()
        if not token:
            raise click.UsageError(f"--token-file {self.token_file} is empty; the token is wanted, and nothing else")
        return token


def connection_options(command: F) -> F:
    """Give a command the options of a connection; it gets them as one argument, `connection`."""

    @functools.wraps(command)
    def with_connection(**parameters: Any) -> Any:
        fields = {name: parameters.pop(name) for name in Connection._fields}
        return command(**parameters, connection=Connection(**fields))

    wrapped: Any = with_connection
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    result: F = wrapped
    return result


def _file(name: str, text: str) -> Any:
    return click.option(name, metavar="FILE", type=click.Path(path_type=Path), help=text)


_OPTIONS: Final = (
    click.option("--server", type=Address(), default=DEFAULT_ADDRESS, show_default=True, help="The server to ask."),
    _file("--token-file", f"File with the token to show. Without it, ${TOKEN_VARIABLE} counts if it is set."),
    click.option("--tls", is_flag=True, help="Encrypt, and trust the usual public authorities. --ca implies it."),
    _file("--ca", "PEM file with the authorities that the server's certificate may come from."),
    _file("--cert", "PEM file with the client certificate to show."),
    _file("--key", "PEM file with its key."),
    click.option(
        "--allow-insecure",
        is_flag=True,
        help="Send the token to another machine unencrypted: on trusted networks only.",
    ),
)


def _content(option: str, path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX)
    except OSError as error:
        raise click.UsageError(f"{option} {path} cannot be read: {error.strerror}") from None
    return content
