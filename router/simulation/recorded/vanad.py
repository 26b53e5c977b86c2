"""Reader of the VANAD format: one call a row, columns day, t_arr, type, agent, t_ans, t_rel, t_end.

Times are whole seconds since local midnight; -1 is none. `t_ans` -1: never answered, then `t_end` is when the
caller gave up. The agent is free again at `t_rel`. Columns may stand in any order; others are ignored.
"""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterable, Iterator
from sys import intern
from typing import Final

from router.engine.settings import SECOND_US
from router.simulation.recorded.recorded_day import RecordedCall, RecordingError

COLUMNS: Final = ("day", "t_arr", "type", "agent", "t_ans", "t_rel", "t_end")
TIME_S_MAX: Final = 172_800  # a call of the evening may end after midnight, not after the next one
NONE: Final = -1


def read_vanad(lines: Iterable[tuple[int, str]], source: str) -> Iterator[RecordedCall]:
    """Iterate over the calls of a VANAD file. Raises `RecordingError`."""
    rows = _split(lines, source)
    first = next(rows, None)
    if first is None:
        raise RecordingError(source, 0, "the file is empty", f"a header is needed: {','.join(COLUMNS)}")
    width, places = _find_columns(first[1], first[0], source)
    known_days: set[str] = set()
    for line, fields in rows:
        if len(fields) != width:
            raise RecordingError(
                source, line, f"the row is torn: it has {len(fields)} fields", f"the header has {width}"
            )
        row = _Row(source, line, [fields[place].strip() for place in places])
        yield row.call(known_days)


def _split(lines: Iterable[tuple[int, str]], source: str) -> Iterator[tuple[int, list[str]]]:
    for number, text in lines:
        if not text.strip():
            continue
        if '"' not in text and "\r" not in text:  # nothing for a reader of CSV to decide, which takes much longer
            yield number, text.split(",")
            continue
        try:
            yield number, next(csv.reader([text], strict=True))
        except csv.Error as error:
            raise RecordingError(
                source, number, f"the row is not CSV ({error})", "quotes must be closed on the same line"
            ) from error


def _find_columns(header: list[str], line: int, source: str) -> tuple[int, list[int]]:
    names = [name.strip() for name in header]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise RecordingError(
            source, line, f"columns are missing: {', '.join(missing)}", f"the header must name {','.join(COLUMNS)}"
        )
    doubled = [name for name in COLUMNS if names.count(name) > 1]
    if doubled:
        raise RecordingError(source, line, f"column {doubled[0]} is there twice", "each column must be there once")
    return len(names), [names.index(name) for name in COLUMNS]


class _Row:
    """One row while it is being checked."""

    def __init__(self, source: str, line: int, fields: list[str]) -> None:
        self.source = source
        self.line = line
        self.fields = fields

    def call(self, known_days: set[str]) -> RecordedCall:
        day = self.fields[0]
        if day not in known_days:
            self._check_day(day)
            known_days.add(day)
        arrived, answered, released, ended = (self._time(column) for column in (1, 4, 5, 6))
        kind, agent = self._number(2), self._number(3)
        if arrived == NONE:
            raise self._error("t_arr is -1", "every call has a time of arrival")
        if kind == NONE:
            raise self._error("type is -1", "every call has a type, 0 or more")
        if answered == NONE:
            self._check_abandoned(arrived, released, ended)
            arrived_us, ended_us = arrived * SECOND_US, ended * SECOND_US
            return RecordedCall(intern(day), self.line, intern(str(kind)), arrived_us, ended_us=ended_us)
        self._check_answered(arrived, agent, answered, released, ended)
        return RecordedCall(
            intern(day),
            self.line,
            intern(str(kind)),
            arrived * SECOND_US,
            intern(str(agent)),
            answered * SECOND_US,
            released * SECOND_US,
            ended * SECOND_US if ended != NONE else None,
        )

    def _check_abandoned(self, arrived: int, released: int, ended: int) -> None:
        if released != NONE:
            raise self._error(f"t_rel is {released} though t_ans is -1", "a call that nobody answered has t_rel -1")
        if ended == NONE:
            raise self._error("t_ans and t_end are both -1", "t_end must say when the caller gave up")
        if ended < arrived:
            raise self._error(f"t_end {ended} is before t_arr {arrived}", "a call ends at or after its arrival")

    def _check_answered(self, arrived: int, agent: int, answered: int, released: int, ended: int) -> None:
        if agent == NONE:
            raise self._error("agent is -1 though t_ans is given", "an answered call names its agent")
        if answered < arrived:
            raise self._error(
                f"t_ans {answered} is before t_arr {arrived}", "a call is answered at or after its arrival"
            )
        if released == NONE:
            raise self._error("t_rel is -1 though t_ans is given", "t_rel must say when the agent was free again")
        if released < answered:
            raise self._error(f"t_rel {released} is before t_ans {answered}", "the agent is free after the answer")
        if ended != NONE and ended < released:
            raise self._error(
                f"t_end {ended} is before t_rel {released}", "the call ends when the agent is free, or later"
            )

    def _check_day(self, day: str) -> None:
        try:
            good = len(day) == 10 and datetime.date.fromisoformat(day) >= datetime.date(1970, 1, 1)
        except ValueError:
            good = False
        if not good:
            raise self._error(f"day is {day!r}", "a date like 2014-05-26 is right, 1970 or later")

    def _time(self, column: int) -> int:
        value = self._number(column)
        if value > TIME_S_MAX:
            raise self._error(
                f"{COLUMNS[column]} is {value}", f"times are seconds since midnight, at most {TIME_S_MAX}"
            )
        return value

    def _number(self, column: int) -> int:
        text = self.fields[column]
        if text.isascii() and text.isdigit() and len(text) <= 15:
            return int(text)
        if text == "-1":
            return NONE
        name = COLUMNS[column]
        if text[:1] == "-" and text[1:].isascii() and text[1:].isdigit():
            raise self._error(f"{name} is {text[:40]}, which is negative", "0 or more is right, -1 where there is none")
        raise self._error(
            f"{name} is {text[:40]!r}", "a whole number of at most 15 digits is right, -1 where there is none"
        )

    def _error(self, problem: str, wanted: str) -> RecordingError:
        return RecordingError(self.source, self.line, problem, wanted)
