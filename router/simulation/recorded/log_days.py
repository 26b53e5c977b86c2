"""Many recorded days in little memory, and what happens in each, in the order in which a centre would see it.

Invariant: a day is there once, days are in order, and nothing that happens at a moment depends on what comes after it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from router.engine.settings import DAY_US
from router.simulation.recorded.columns import NOBODY, CallColumns, Int64s, sort_types
from router.simulation.recorded.recorded_day import Reader, RecordedCall, RecordedDay, RecordingError, read_log

EPOCH: Final = datetime.date(1970, 1, 1)


class Step(IntEnum):
    """What happens to a call."""

    ARRIVES = 0
    ANSWERED = 1
    RELEASED = 2
    GIVES_UP = 3


class LogDay(msgspec.Struct, frozen=True):
    """The calls of one day by arrival: row n of each column is call n. Times are microseconds since midnight.

    NOBODY (-1) in `answered_us` and `released_us` where nobody answered, and in `gave_up_us` where somebody did.
    """

    day: str
    source: str
    types: tuple[str, ...]
    agents: tuple[str, ...]
    arrived_us: Int64s
    answered_us: Int64s
    released_us: Int64s
    gave_up_us: Int64s

    def __len__(self) -> int:
        return len(self.types)

    @property
    def starts_us(self) -> int:
        """Return midnight, as microseconds since the epoch of a clock that shows local time."""
        return (datetime.date.fromisoformat(self.day) - EPOCH).days * DAY_US

    @property
    def answered(self) -> npt.NDArray[np.bool_]:
        """Return for each call whether anybody answered."""
        return np.asarray(self.answered_us != NOBODY)

    @property
    def waited_us(self) -> Int64s:
        """Return how long each caller waited, until the answer or until giving up."""
        return np.where(self.answered, self.answered_us, self.gave_up_us) - self.arrived_us

    def steps(self) -> Iterator[tuple[int, Step, int]]:
        """Iterate over (time in microseconds since midnight, step, row) in order.

        At one instant: releases, then those who give up, then answers, then arrivals. What follows an arrival, or an
        answer, at its very instant comes right after it. Within each kind calls go by arrival. O(n log n).
        """
        times, ranks, rows, kinds = (np.concatenate(columns) for columns in zip(*self._columns(), strict=True))
        order = np.lexsort((kinds, rows, ranks, times))
        known = tuple(Step)
        for time, kind, row in zip(times[order].tolist(), kinds[order].tolist(), rows[order].tolist(), strict=True):
            yield time, known[kind], row

    def _columns(self) -> Iterator[tuple[Int64s, Int64s, Int64s, Int64s]]:
        """Yield times, ranks within an instant, rows and kinds of each step."""
        rows = np.arange(len(self), dtype=np.int64)
        at_once = _ARRIVAL_RANK
        yield self.arrived_us, np.full(len(self), at_once), rows, np.full(len(self), Step.ARRIVES)
        here = np.flatnonzero(self.answered)
        answered_us, released_us = self.answered_us[here], self.released_us[here]
        rank = np.where(answered_us == self.arrived_us[here], at_once, _ANSWER_RANK)
        yield answered_us, rank, here, np.full(len(here), Step.ANSWERED)
        yield released_us, np.where(released_us == answered_us, rank, 0), here, np.full(len(here), Step.RELEASED)
        gone = np.flatnonzero(~self.answered)
        gave_up_us = self.gave_up_us[gone]
        rank = np.where(gave_up_us == self.arrived_us[gone], at_once, _GIVING_UP_RANK)
        yield gave_up_us, rank, gone, np.full(len(gone), Step.GIVES_UP)


_GIVING_UP_RANK: Final = 1
_ANSWER_RANK: Final = 2
_ARRIVAL_RANK: Final = 3


def read_log_days(
    paths: Iterable[Path], reader: Reader, *, on_file: Callable[[Path], None] | None = None
) -> list[LogDay]:
    """Read logs, each whole and checked, and return their days in order, whatever the order of the files.

    Raises `RecordingError`, also where two files have the same day.
    """
    days: dict[str, LogDay] = {}
    for path in paths:
        if on_file is not None:
            on_file(path)
        for recorded in read_log(path, reader).days:
            if recorded.day in days:
                raise RecordingError(
                    str(path),
                    recorded.calls[0].line,
                    f"day {recorded.day} is in {days[recorded.day].source} too",
                    "each day must be given once, in one file",
                )
            days[recorded.day] = pack_day(recorded, str(path))
    return [days[day] for day in sorted(days)]


def pack_day(recorded: RecordedDay, source: str = "") -> LogDay:
    """Return the columns of a recorded day. O(n)."""
    calls = recorded.calls
    return LogDay(
        day=recorded.day,
        source=source,
        types=tuple(call.type for call in calls),
        agents=tuple(call.agent for call in calls),
        arrived_us=_times(calls, lambda call: call.arrived_us),
        answered_us=_times(calls, lambda call: call.answered_us),
        released_us=_times(calls, lambda call: call.released_us),
        gave_up_us=_times(calls, lambda call: call.ended_us if call.answered_us is None else None),
    )


def _times(calls: Sequence[RecordedCall], read: Callable[[RecordedCall], int | None]) -> Int64s:
    return np.fromiter((NOBODY if (time := read(call)) is None else time for call in calls), np.int64, len(calls))


def pool_columns(days: Sequence[LogDay]) -> CallColumns:
    """Return the calls of all days as columns. O(n)."""
    types = sort_types(kind for day in days for kind in set(day.types))
    places = {kind: place for place, kind in enumerate(types)}
    answered = _join([day.answered_us for day in days]) != NOBODY
    handled_us = _join([day.released_us - day.answered_us for day in days])
    return CallColumns(
        types=types,
        type_places=_join([np.fromiter(map(places.__getitem__, day.types), np.int64, len(day)) for day in days]),
        arrived_us=_join([day.arrived_us for day in days]),
        waited_us=_join([day.waited_us for day in days]),
        handled_us=np.where(answered, handled_us, NOBODY),
    )


def _join(columns: list[Int64s]) -> Int64s:
    return np.concatenate(columns) if columns else np.zeros(0, dtype=np.int64)
