"""Records as they are stored, each tied to the one before it.

Keeps one invariant: each record has the checksum of the one before it, and a checksum over that, its sequences and its
body. So a flipped bit, and a record that is missing, doubled or moved, is found from any point on, whatever was pruned.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Final, NamedTuple

CHECKSUM_BYTES: Final = 16
NO_CHECKSUM: Final = bytes(CHECKSUM_BYTES)


class Row(NamedTuple):
    """One record as it is stored: entries `first` to `last`; `previous` is the checksum of the record before."""

    first: int
    last: int
    previous: bytes
    body: bytes
    checksum: bytes

    def is_whole(self) -> bool:
        """Whether the record is as it was written. Of a damaged one the fields may have any type."""
        kinds = (int, int, bytes, bytes, bytes)
        if not all(isinstance(field, kind) for field, kind in zip(self, kinds, strict=True)):
            return False
        return self.checksum == checksum_of(self.first, self.last, self.previous, self.body)


def checksum_of(first: int, last: int, previous: bytes, body: bytes) -> bytes:
    """Return the checksum of a record."""
    digest = blake2b(struct.pack("<qq", first, last), digest_size=CHECKSUM_BYTES)
    digest.update(previous)
    digest.update(body)
    return digest.digest()


def make_row(first: int, last: int, previous: bytes, body: bytes) -> Row:
    """Return a record that follows the one with the checksum `previous`."""
    return Row(first, last, previous, body, checksum_of(first, last, previous, body))


class Break(NamedTuple):
    """Entries `first` to `last` are not what they should be; `what` is said of them."""

    first: int
    last: int
    what: str

    @property
    def sentence(self) -> str:
        """The entries, and what is said of them."""
        if self.first == self.last:
            return f"entry {self.first}: {self.what}"
        return f"entries {self.first} to {self.last}: {self.what}"


def break_before(row: Row, previous: Row | None, wanted: int) -> Break | None:
    """Return what is missing between the record `previous` and the next one there is; `wanted` should be in it."""
    if previous is None and row.first <= wanted:
        return None if not isinstance(row.last, int) or row.last >= wanted else Break(wanted, wanted, MISSING)
    if row.first > wanted:
        return Break(wanted, row.first - 1, MISSING)
    return None if row.first == wanted else Break(row.first, wanted - 1, "they are there twice")


def break_in(row: Row, previous: Row | None) -> Break | None:
    """Return what is wrong with a record, or between it and the one before."""
    if not row.is_whole():
        last = row.last if isinstance(row.last, int) else row.first
        return Break(row.first, max(row.first, last), DAMAGED)
    if previous is not None and row.previous != previous.checksum:
        return Break(row.first, row.last, "not the ones that followed, the checksum before them does not match")
    return None


MISSING: Final = "missing"
DAMAGED: Final = "damaged, the checksum does not match"
