"""Kinds of values that only scenarios have: numbers, rates, tables by level or wait, lists, files, days and times."""

from __future__ import annotations

import datetime
import re
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

from router.config.durations import format_duration
from router.config.kinds import Duration, Kind, check_name
from router.config.machine_kinds import File
from router.config.report import Place, Refused, shown_text, shown_value
from router.engine.limits import LEVEL_MAX
from router.engine.settings import DAY_US, HOUR_US, MINUTE_US, SECOND_US

RATE_PER_S_MAX: Final = 1_000_000
ITEMS_MAX: Final = 10_000
_RATE_UNITS_S: Final = {"s": 1, "min": 60, "h": 3_600, "day": 86_400}
_RATE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,25})?)/(s|min|h|day)")
_CLOCK: Final = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?")


class Number(Kind):
    """A number within bounds, as a float."""

    type = "number"

    def __init__(self, minimum: str, maximum: str) -> None:
        self._minimum = Decimal(minimum)
        self._maximum = Decimal(maximum)
        self.range = f"{minimum} to {maximum}"

    def read(self, value: object, place: Place) -> float:
        wanted = f"a number from {self.range}"
        if type(value) is not int and not isinstance(value, Decimal):
            place.refuse(f"{shown_value(value)} is not a number", wanted)
        number = Decimal(value)
        if not number.is_finite() or not self._minimum <= number <= self._maximum:
            place.refuse(f"{shown_value(value)} is out of range", wanted)
        return float(number)

    def show(self, value: Any) -> str:
        return f"{value:g}"


class Chance(Number):
    """A probability."""

    type = "chance"

    def __init__(self) -> None:
        super().__init__("0", "1")


class Rate(Kind):
    """How many come in a unit of time, as a float per second."""

    type = "rate"
    range = f"N/s, N/min, N/h or N/day; 0/s to {RATE_PER_S_MAX:,}/s"

    def read(self, value: object, place: Place) -> float:
        wanted = f'a rate such as "30/h", "0.5/s", "12/min" or "900/day", up to {RATE_PER_S_MAX:,}/s'
        if not isinstance(value, str):
            place.refuse(f"{shown_value(value)} is not a rate", wanted)
        match = _RATE.fullmatch(value)
        if match is None:
            place.refuse(f"{shown_text(value)} is not a rate", _respelled(value) or wanted)
        rate_per_s = float(Decimal(match[1]) / _RATE_UNITS_S[match[2]])
        if rate_per_s > RATE_PER_S_MAX:
            place.refuse(f"{shown_text(value)} is out of range", wanted)
        return rate_per_s


def _respelled(text: str) -> str | None:
    """Return a hint if only blanks, capitals or another name of the unit keep `text` from being a rate."""
    plain = re.sub(r"[\s,_]", "", text[:50].lower()).replace("per", "/")
    for pattern, unit in (("h(?:ou)?rs?", "h"), ("m|min(?:ute)?s?", "min"), ("sec(?:ond)?s?", "s"), ("d|days", "day")):
        plain = re.sub(rf"/(?:{pattern})$", f"/{unit}", plain)
    return f'write "{plain}"' if _RATE.fullmatch(plain) else None


class Several(Kind):
    """A list of values of one kind, at least one. Reads into a tuple."""

    def __init__(self, kind: Kind, example: str) -> None:
        self._kind = kind
        self._example = example
        self.type = f"list of {kind.type}s"
        self.range = f"each {kind.range}" if kind.range else ""

    def read(self, value: object, place: Place) -> tuple[Any, ...]:
        wanted = f"a list such as {self._example}"
        if not isinstance(value, list):
            place.refuse(f"{shown_value(value)} is not a list", wanted)
        if not value:
            place.refuse("the list is empty", wanted)
        items = []
        for index, item in enumerate(value):
            with suppress(Refused):
                items.append(self._kind.read(item, place / index))
        if len(items) < len(value):
            raise Refused
        return tuple(items)


class Shift(Kind):
    """A pair of times from the start of the run, the earlier first."""

    type = "pair"
    range = "[from, until], durations from the start of the run"

    def __init__(self, maximum_us: int) -> None:
        self._time = Duration(0, maximum_us)

    def read(self, value: object, place: Place) -> tuple[int, int]:
        if not isinstance(value, list) or len(value) != 2:
            place.refuse(f"{shown_value(value)} is not a pair of times", 'a pair such as ["8h", "12h30m"]')
        times = [self._time.read(item, place / index) for index, item in enumerate(value)]
        start_us, end_us = (time or 0 for time in times)
        if end_us <= start_us:
            place.refuse(
                f"it ends at {format_duration(end_us)}, not after its start at {format_duration(start_us)}",
                "a pair with the earlier time first",
            )
        return start_us, end_us


class ByName(Kind):
    """A table of values by names of one sort: channels, skills, callers. Reads into a dict sorted by name."""

    def __init__(self, what: str, kind: Kind, number_max: int, example: str) -> None:
        self._what = what
        self._kind = kind
        self._number_max = number_max
        self._example = example
        self.type = f"table of {what} = {kind.type}"
        self.range = f"each {kind.range}" if kind.range else ""

    def read(self, value: object, place: Place) -> dict[str, Any]:
        if not isinstance(value, dict):
            place.refuse(f"{shown_value(value)} is no table", f"a table such as {self._example}")
        if len(value) > self._number_max:
            place.refuse(f"there are {len(value)} entries", f"at most {self._number_max:,}")
        entries = {}
        for name, item in sorted(value.items()):
            with suppress(Refused):
                check_name(name, place / name, self._what)
                entries[name] = self._kind.read(item, place / name)
        return entries

    def show(self, value: Any) -> str:
        return "{}"


class ByLevel(Kind):
    """A table of values by skill level. Reads into (level, value) pairs by rising level."""

    def __init__(self, kind: Kind, example: str) -> None:
        self._kind = kind
        self._example = example
        self.type = f"table of level = {kind.type}"
        self.range = f"levels 0 to {LEVEL_MAX}, each value {kind.range}"

    def read(self, value: object, place: Place) -> tuple[tuple[int, Any], ...]:
        wanted = f"a table of levels from 0 to {LEVEL_MAX}, such as {self._example}"
        if not isinstance(value, dict) or not value:
            place.refuse(f"{shown_value(value) if value else 'an empty table'} is no table by level", wanted)
        entries = {}
        for name, item in value.items():
            with suppress(Refused):
                if name not in _LEVELS:
                    (place / name).refuse(f"{shown_text(name)} is not a level", wanted)
                entries[_LEVELS[name]] = self._kind.read(item, place / name)
        if len(entries) < len(value):
            raise Refused
        return tuple(sorted(entries.items()))


_LEVELS: Final = {str(level): level for level in range(LEVEL_MAX + 1)}


class ByWait(Kind):
    """A table of scores by how long a caller has waited. Reads into (microseconds, score) pairs by rising wait."""

    type = "table of wait = score"
    range = "scores 1 to 5; each holds from its wait on"
    _EXAMPLE: Final = "{ 0s = 4.8, 2m = 4.0 }"

    def __init__(self) -> None:
        self._wait = Duration()
        self._score = Number("1", "5")

    def read(self, value: object, place: Place) -> tuple[tuple[int, float], ...]:
        wanted = f"a table of waits with scores from 1 to 5, such as {self._EXAMPLE}"
        if not isinstance(value, dict) or not value:
            place.refuse(f"{shown_value(value) if value else 'an empty table'} is no table by wait", wanted)
        scores: dict[int, float] = {}
        for name, item in value.items():
            with suppress(Refused):
                plain = name.isascii() and name.isdigit() and len(name) < 18
                wait_us = self._wait.read(int(name) if plain else name, place / name)
                if wait_us in scores:
                    (place / name).refuse(f"{format_duration(wait_us or 0)} is there twice", "each wait once")
                scores[wait_us or 0] = self._score.read(item, place / name)
        if len(scores) < len(value):
            raise Refused
        return tuple(sorted(scores.items()))


class InputFile(File):
    """The path of a file that must be there, as written."""

    range = "relative to the scenario"

    def __init__(self, what: str) -> None:
        self._what = what

    def read(self, value: object, place: Place) -> str:
        path = super().read(value, place)
        if not path:
            place.refuse("the path is empty", f"the path of {self._what} in quotes, or no such key")
        return path


class Day(Kind):
    """A day of a log, in quotes or as a TOML date."""

    type = "day"
    range = "as the log writes it"

    def read(self, value: object, place: Place) -> str:
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            return value.isoformat()
        if not isinstance(value, str) or not value:
            place.refuse(f"{shown_value(value)} is not a day", 'a day such as "2014-05-26"')
        return value


class ClockTime(Kind):
    """A time of day, in quotes or as a TOML time. Reads into microseconds since midnight."""

    type = "time of day"
    range = "00:00 to 23:59:59"

    def read(self, value: object, place: Place) -> int:
        if isinstance(value, datetime.time):
            value = value.isoformat("seconds")
        match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
        if match is None or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3] or 0) > 59:
            place.refuse(f"{shown_value(value)} is not a time of day", 'a time such as "08:00" or "17:30:15"')
        return int(match[1]) * HOUR_US + int(match[2]) * MINUTE_US + int(match[3] or 0) * SECOND_US


YEARS_US: Final = 100 * 366 * DAY_US
