"""What of a journal may be forgotten, and forgetting it bit by bit.

Keeps one invariant: after every step there is a whole snapshot, or the beginning, from which the entries after it can
be replayed to the end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from router.engine.settings import HOUR_US
from router.journal import snapshots
from router.journal.database import transaction

REPLAYED_MIN: Final = 10_000
"""Entries that recovery replays at least: it begins with a snapshot that has as many after it.

They are what watchers can resume over after a restart.
"""

_SNAPSHOTS_MIN = 2
_PARTS_PER_STEP = 4
_RECORDS_PER_STEP = 4_000
_BYTES_PER_STEP = 8 * 1024 * 1024


class Plan(NamedTuple):
    """Entries up to `up_to_sequence` may go, and these snapshots."""

    up_to_sequence: int
    snapshots: Sequence[int]


class Done(NamedTuple):
    """What a step left: the oldest entry now, and whether there is more to forget."""

    first_sequence: int
    more: bool


def possible_bases(connection: sqlite3.Connection, last_sequence: int, before_time_us: int) -> list[int]:
    """Return the snapshots, newest first, of which the first that is whole may be the beginning of what stays."""
    times_us = snapshots.times_us(connection)
    needed = _needed(list(times_us), last_sequence)
    return [n for n in reversed(times_us) if n <= needed and times_us[n] <= before_time_us]


def make_plan(connection: sqlite3.Connection, last_sequence: int, base: int) -> Plan:
    """Return what may be forgotten if `base`, a whole snapshot, is to be the beginning; 0: no entries."""
    times_us = snapshots.times_us(connection)
    needed = _needed(list(times_us), last_sequence)
    superfluous = [sequence for sequence in times_us if sequence < base]
    superfluous += _thinned(times_us, base, needed)
    return Plan(base, superfluous)


def carry_out(connection: sqlite3.Connection, plan: Plan, first_sequence: int) -> Done:
    """Do a bounded part of a plan, in one transaction."""
    if plan.snapshots:
        snapshots.remove_head(connection, plan.snapshots[0])
        return Done(first_sequence, True)
    if snapshots.remove_unfinished(connection, _PARTS_PER_STEP):
        return Done(first_sequence, True)
    rows = _oldest(connection, first_sequence, plan.up_to_sequence)
    if not rows:
        return Done(first_sequence, False)
    newest, first_sequence = rows[-1][0], rows[-1][1] + 1
    with transaction(connection):
        connection.execute("DELETE FROM records WHERE first_sequence <= ?", (newest,))
        connection.execute("UPDATE meta SET first_sequence = ?", (first_sequence,))
    return Done(first_sequence, True)


def _needed(sequences: Sequence[int], last_sequence: int) -> int:
    """Return the oldest snapshot that must stay whatever its age, 0 if nothing may go."""
    if len(sequences) < _SNAPSHOTS_MIN:
        return 0
    enough = [sequence for sequence in sequences if sequence <= last_sequence - REPLAYED_MIN]
    return min(enough[-1], sequences[-_SNAPSHOTS_MIN]) if enough else 0


def _thinned(times_us: Mapping[int, int], base: int, needed: int) -> list[int]:
    """Return the snapshots between two that are not the first of their hour."""
    seen = set()
    thinned = []
    for sequence, time_us in times_us.items():
        hour = time_us // HOUR_US
        if base < sequence < needed and hour in seen:
            thinned.append(sequence)
        seen.add(hour)
    return thinned


def _oldest(connection: sqlite3.Connection, first_sequence: int, up_to_sequence: int) -> list[tuple[int, int]]:
    """Return the first and last sequences of the oldest records that may go, as many as one step takes.

    A gap, which only damage can make, ends them: what is behind it may be all that is left.
    """
    found = connection.execute(
        "SELECT first_sequence, last_sequence, length(body) FROM records "
        "WHERE first_sequence <= ? ORDER BY first_sequence LIMIT ?",
        (up_to_sequence, _RECORDS_PER_STEP),
    ).fetchall()
    taken: list[tuple[int, int]] = []
    size = 0
    wanted = first_sequence
    for first, last, body_bytes in found:
        if first != wanted or not first <= last <= up_to_sequence or size > _BYTES_PER_STEP:
            break
        taken.append((first, last))
        size += body_bytes
        wanted = last + 1
    return taken
