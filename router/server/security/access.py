"""The access file: which token and which certificate is which principal.

Keeps one invariant: a file is in force whole or not at all, and only digests of tokens are ever held.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from contextlib import suppress
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, NamedTuple

import msgspec

from router.config.kinds import Choice, Key, ListOf, Name, Table, refuse_unknown
from router.config.load import read_config, read_document
from router.config.report import Place, Refused, printable, shown_text
from router.server.security.access_kinds import Clients, Moment, PrincipalName, Sha256
from router.server.security.principals import Principal
from router.server.security.roles import Role

HINT: Final = "name an access file, or begin one with `skill-router access new`"


def _key(name: str, kind: Any, doc: str, *, required: bool = False) -> Key:
    return Key(name=name, kind=kind, field=name, doc=doc, has_default=False, required=required)


_ROLE = _key("role", Choice({role.value: role for role in Role}), "What the principal may do.", required=True)
_CLIENTS = _key("clients", Clients(), "The client ids that it may use, and nobody else then. Absent: any free one.")

TOKEN: Final = Table(
    _key("name", PrincipalName(), "Who it is, for journal and logs. Each name once.", required=True),
    _ROLE,
    _key("sha256", Sha256(), "The digest of the token, which itself is nowhere.", required=True),
    _CLIENTS,
    _key("not_after", Moment(), "From this moment on the token is worth nothing. Absent: it does not end."),
)
CERTIFICATE: Final = Table(
    _key("name", PrincipalName(), "Who it is, for journal and logs. Each name once.", required=True),
    _ROLE,
    _key("common_name", Name("common name"), "The certificate's common name. This or `san`."),
    _key("san", Name("alternative name"), "One of the certificate's alternative names: a DNS name, a URI, an address."),
    _CLIENTS,
)
_TABLES: Final = {"token": TOKEN, "certificate": CERTIFICATE}
_HOMES: Final = {
    "sha256": "[[token]]",
    "not_after": "[[token]]",
    "common_name": "[[certificate]]",
    "san": "[[certificate]]",
    "token": "the top of the file",
    "certificate": "the top of the file",
}


class TokenEntry(msgspec.Struct, frozen=True):
    """One [[token]]. `not_after_s` is in seconds since the epoch, None for never."""

    principal: Principal
    digest: bytes
    not_after_s: float | None = None


class CertificateEntry(msgspec.Struct, frozen=True):
    """One [[certificate]]: one of the two names is not empty."""

    principal: Principal
    common_name: str = ""
    san: str = ""


class Credentials(NamedTuple):
    """What a caller showed: the digest of its token, or the names of its certificate."""

    token_digest: bytes | None = None
    common_name: str = ""
    sans: tuple[str, ...] = ()


class Found(NamedTuple):
    """A principal, and until when it is one, in seconds since the epoch."""

    principal: Principal
    not_after_s: float | None


class Access:
    """Everybody who may do something. Finding one costs O(1) in their number."""

    def __init__(self, tokens: tuple[TokenEntry, ...] = (), certificates: tuple[CertificateEntry, ...] = ()) -> None:
        self.tokens = tokens
        self.certificates = certificates
        self._by_digest = {entry.digest: entry for entry in tokens}
        self._by_common_name = {entry.common_name: entry for entry in certificates if entry.common_name}
        self._by_san = {entry.san: entry for entry in certificates if entry.san}

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def entries(self) -> tuple[TokenEntry | CertificateEntry, ...]:
        """All entries, tokens first."""
        return (*self.tokens, *self.certificates)

    def find(self, credentials: Credentials, now_s: float) -> Found | None:
        """Return who has these credentials, None if nobody has. A token counts alone, whatever the certificate.

        A certificate that two entries would know is nobody's: which of them is meant cannot be told.
        """
        if credentials.token_digest is not None:
            return self._find_token(credentials.token_digest, now_s)
        entries = {
            self._by_san[san].principal.name: self._by_san[san] for san in credentials.sans if san in self._by_san
        }
        named = self._by_common_name.get(credentials.common_name)
        if named is not None:
            entries[named.principal.name] = named
        if len(entries) != 1:
            return None
        (entry,) = entries.values()
        return Found(entry.principal, None)

    def _find_token(self, digest: bytes, now_s: float) -> Found | None:
        # the time that this takes tells of the digest at most, and whoever asks cannot choose that
        entry = self._by_digest.get(digest)
        if entry is None or not compare_digest(entry.digest, digest):
            return None
        if entry.not_after_s is not None and now_s >= entry.not_after_s:
            return None
        return Found(entry.principal, entry.not_after_s)


def digest_of(token: str) -> bytes:
    """Return what is kept of a token. Tokens are random and long, so one round of SHA-256 gives nothing away."""
    return sha256(token.encode("utf-8", "surrogateescape")).digest()


def load_access(path: str | os.PathLike[str]) -> Access:
    """Read an access file. Raises `ConfigError` with every problem, the file system's among them."""
    return parse_access(read_config(path, HINT), printable(os.fsdecode(path)))


def parse_access(text: str | bytes, source: str) -> Access:
    """Read an access file from text; `source` names it in problems. Raises `ConfigError` with every problem."""
    document, report = read_document(text, source, _HOMES, HINT)
    root = Place(report)
    for name in document:
        if name not in _TABLES:
            with suppress(Refused):
                refuse_unknown(name, _TABLES, root)
    reader = _Reader()
    for name, table in _TABLES.items():
        for keys, fields, place in _items(document, name, table, root):
            reader.read(name, keys, fields, place)
    report.finish()
    return reader.access()


def _items(
    document: Mapping[str, object], name: str, table: Table, root: Place
) -> list[tuple[Set[str], dict[str, Any], Place]]:
    """Return for each table its keys, what could be read of it, and its place."""
    value = document.get(name, [])
    if not (isinstance(value, list) and all(isinstance(item, dict) for item in value)):
        # what it is must not be shown: it may be a token
        (root / name).note("this is not a list of tables", f"tables under [[{name}]] headers")
        return []
    items = ListOf(table, "").read(value, root / name)
    return [(item.keys(), fields, place) for item, (fields, place) in zip(value, items, strict=True)]


class _Reader:
    """The entries read so far, and what must be there once only."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, dict[str, Any]]] = []
        self._names: set[str] = set()
        self._keys: dict[tuple[str, object], str] = {}

    def read(self, kind: str, keys: Set[str], fields: dict[str, Any], place: Place) -> None:
        """Take one entry; note what is wrong with it."""
        name = fields.get("name", "")
        if name in self._names:
            (place / "name").note(f"there is a {shown_text(name)} already", "a name of its own for each entry")
        if name:
            self._names.add(name)
        for key in ("sha256", "common_name", "san"):
            if key in fields:
                self._claim(key, fields[key], name, place)
        if kind == "certificate" and not ("common_name" in keys) ^ ("san" in keys):
            both = "both are there" if "san" in keys else "neither common_name nor san is there"
            place.note(both, 'one of them, such as common_name = "pbx-1.example.com"')
        self._entries.append((kind, fields))

    def _claim(self, key: str, value: object, name: str, place: Place) -> None:
        """Note it if another entry has the same token or certificate."""
        before = self._keys.setdefault((key, value), name)
        if before != name:
            what = "token" if key == "sha256" else "certificate"
            (place / key).note(f"this is the {what} of {shown_text(before)}", f"one entry for each {what}")

    def access(self) -> Access:
        """Return all of it. Only for entries without a problem."""
        bound = frozenset(client for _, fields in self._entries for client in fields.get("clients", ()))
        tokens, certificates = [], []
        for kind, fields in self._entries:
            clients = fields.get("clients", frozenset())
            principal = Principal(fields["name"], fields["role"], clients, bound - clients)
            if kind == "token":
                tokens.append(TokenEntry(principal, fields["sha256"], fields.get("not_after")))
            else:
                san = fields.get("san", "")
                certificates.append(CertificateEntry(principal, fields.get("common_name", ""), san))
        return Access(tuple(tokens), tuple(certificates))
