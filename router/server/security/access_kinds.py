"""Kinds of values that only the access file has.

Keeps one invariant: what stands where a token's digest should be is never shown, for it may be the token itself.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from router.config.kinds import Kind, Name
from router.config.report import Place, Refused, shown_text, shown_value

CLIENTS_MAX: Final = 100
RESERVED_NAMES: Final = {
    "local": "whoever calls where there is no access file",
    "server": "the server itself",
    "file": "the config file",
}
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class PrincipalName(Kind):
    """The name of a principal, as the journal and the logs will have it."""

    type = "principal"
    range = "1 to 255 bytes"
    _name = Name("principal")

    def read(self, value: object, place: Place) -> str:
        name: str = self._name.read(value, place)
        if name in RESERVED_NAMES:
            place.refuse(f"{shown_text(name)} stands for {RESERVED_NAMES[name]} in the journal", "another name")
        return name


class Sha256(Kind):
    """A SHA-256 digest in hexadecimal. Reads into its bytes."""

    type = "SHA-256 digest"
    range = "64 hexadecimal digits in small letters"

    def read(self, value: object, place: Place) -> bytes:
        wanted = f"{self.range}, as `skill-router access new` writes them; never the token itself"
        if not isinstance(value, str):
            place.refuse("this is not a text", wanted)
        if _SHA256.fullmatch(value) is None:
            place.refuse(f"this text of {len(value):,} letters is not a SHA-256 digest", wanted)
        return bytes.fromhex(value)


class Clients(Kind):
    """A list of client ids. Reads into a set of them."""

    type = "list of client ids"
    range = f"1 to {CLIENTS_MAX}"
    _name = Name("client id")

    def read(self, value: object, place: Place) -> frozenset[str]:
        wanted = f'a list of {self.range} client ids, such as ["pbx-1"]; leave the key out to bind to none'
        if not isinstance(value, list):
            place.refuse(f"{shown_value(value)} is not a list", wanted)
        if not 1 <= len(value) <= CLIENTS_MAX:
            place.refuse(f"there are {len(value)} client ids", wanted)
        clients = []
        for index, item in enumerate(value):
            with suppress(Refused):
                clients.append(self._name.read(item, place / index))
        return frozenset(clients)


class Moment(Kind):
    """A date and time with its zone. Reads into seconds since the epoch."""

    type = "date and time"
    range = "with its zone"

    def read(self, value: object, place: Place) -> float:
        wanted = "a date and time with its zone and without quotes, such as 2030-12-31T23:59:59Z"
        if not isinstance(value, datetime):
            place.refuse(f"{shown_value(value)} is not a date and time", wanted)
        if value.tzinfo is None:
            place.refuse("the date and time has no zone", wanted)
        return value.timestamp()

    def show(self, value: Any) -> str:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
