"""Recorded calls as columns of numbers, for arithmetic over very many of them.

Invariant: row n of the columns is call n of what they were made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from router.simulation.recorded.recorded_day import RecordedCall

NOBODY: Final = -1  # as a time: there is none
Int64s = npt.NDArray[np.int64]


class CallColumns(msgspec.Struct, frozen=True):
    """Calls: the place of each one's type in `types`, when it arrived, and how long it waited, in microseconds.

    `handled_us` is how long an agent was busy with it, -1 if nobody answered.
    """

    types: tuple[str, ...]
    type_places: Int64s
    arrived_us: Int64s
    waited_us: Int64s
    handled_us: Int64s

    def __len__(self) -> int:
        return len(self.arrived_us)

    def between(self, first: int, end: int) -> CallColumns:
        """Return the rows from `first` to before `end`."""
        return self.only(slice(first, end))

    def only(self, rows: slice | npt.NDArray[np.bool_]) -> CallColumns:
        """Return the rows that a slice or a mask picks."""
        return CallColumns(
            self.types, self.type_places[rows], self.arrived_us[rows], self.waited_us[rows], self.handled_us[rows]
        )


def sort_types(types: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct types, numbers by value and before words."""
    return tuple(sorted(set(types), key=lambda kind: (not kind.isdigit(), int(kind) if kind.isdigit() else 0, kind)))


def columns_of(calls: Sequence[RecordedCall]) -> CallColumns:
    """Return the columns of calls. O(n)."""
    count = len(calls)
    types = sort_types(map(attrgetter("type"), calls))
    places = {kind: place for place, kind in enumerate(types)}
    arrived_us = np.fromiter(map(attrgetter("arrived_us"), calls), np.int64, count)
    answered_us, released_us, ended_us = (
        np.fromiter((NOBODY if time is None else time for time in map(attrgetter(name), calls)), np.int64, count)
        for name in ("answered_us", "released_us", "ended_us")
    )
    answered = answered_us != NOBODY
    return CallColumns(
        types=types,
        type_places=np.fromiter(map(places.__getitem__, map(attrgetter("type"), calls)), np.int64, count),
        arrived_us=arrived_us,
        waited_us=np.where(answered, answered_us, ended_us) - arrived_us,
        handled_us=np.where(answered & (released_us != NOBODY), released_us - answered_us, NOBODY),
    )
