"""Changing an access file: an entry is added or taken out, and every other line stays as somebody wrote it.

Keeps one invariant: the file is always a whole, valid one, the old or the new, whatever happens on the way.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from router.config.load import read_config
from router.config.positions import Positions
from router.server.security.access import HINT, TOKEN, Access, digest_of, parse_access
from router.server.security.roles import Role

HEADER: Final = """\
# Who may do what on this server: docs/security.md. Only digests of tokens are here, no token can be made of them.
# A running server reads this file again at SIGHUP; one that is not valid changes nothing.
"""


class NotChanged(Exception):
    """The file cannot be changed; the message says why and what to do."""


class AccessFile:
    """One access file, for reading and changing. Two that change it at once wait for each other."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Access:
        """Return what the file says. Raises `ConfigError`."""
        return parse_access(read_config(self.path, HINT), str(self.path))

    def add_token(
        self, name: str, role: Role, token: str, clients: tuple[str, ...] = (), not_after_s: float | None = None
    ) -> None:
        """Add an entry for a token; a file that is not there is begun. Raises as `remove`."""
        lines = ["[[token]]", f"name = {_quoted(name)}", f"role = {_quoted(role.value)}"]
        lines.append(f'sha256 = "{digest_of(token).hex()}"')
        if clients:
            lines.append(f"clients = [{', '.join(map(_quoted, clients))}]")
        if not_after_s is not None:
            lines.append(f"not_after = {TOKEN.keys['not_after'].kind.show(not_after_s)}")
        with self._locked():
            text = HEADER
            if self.path.exists():
                text = self._text()
                if name in _names(parse_access(text, str(self.path))):
                    raise NotChanged(
                        f"{self.path} has an entry {name} already; revoke that first, or choose another name"
                    )
            self._write(text.rstrip("\n") + "\n\n" + "\n".join(lines) + "\n")

    def remove(self, name: str) -> None:
        """Take the entry of a principal out. Raises `ConfigError`, `OSError`, `NotChanged`."""
        with self._locked():
            text = self._text()
            before = _names(parse_access(text, str(self.path)))
            if name not in before:
                raise NotChanged(
                    f"{self.path} has no entry {name}; it has {', '.join(sorted(before)) or 'none at all'}"
                )
            changed = _without(text, name)
            if changed is None or _names(parse_access(changed, str(self.path))) != before - {name}:
                raise NotChanged(f"{self.path}: {name} is not under a header of its own; take it out by hand")
            self._write(changed)

    def _text(self) -> str:
        return read_config(self.path, HINT).decode("utf-8", "surrogateescape")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # the directory, since the file itself is replaced
        directory = os.open(self.path.resolve().parent, os.O_RDONLY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield
        finally:
            os.close(directory)

    def _write(self, text: str) -> None:
        """Put a text in the place of the old one, durably, if it is a valid access file."""
        parse_access(text, str(self.path))
        target = self.path.resolve()
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
                os.fchmod(descriptor, mode)
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _names(access: Access) -> set[str]:
    return {entry.principal.name for entry in access.entries}


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _without(text: str, name: str) -> str | None:
    """Return the text without an entry, None if that is not under a header of its own. Comments around it stay."""
    access = parse_access(text, "")
    positions = Positions(text.replace("\r\n", "\n"))
    lines = text.splitlines(keepends=True)
    starts = {entry.principal.name: positions.line(("token", index)) - 1 for index, entry in enumerate(access.tokens)}
    for index, certificate in enumerate(access.certificates):
        starts[certificate.principal.name] = positions.line(("certificate", index)) - 1
    start = starts[name]
    if not lines[start].lstrip().startswith("[["):
        return None
    end = min((other for other in starts.values() if other > start), default=len(lines))
    while not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#"):
        end -= 1
    while end < len(lines) and not lines[end].strip():
        end += 1
    rest = "".join(lines[:start] + lines[end:])
    return rest if rest.strip() else HEADER
