"""Kinds of config values: each reads one value from TOML or refuses it, and describes itself for the docs."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final, NoReturn

import msgspec

from router.config.durations import DURATION_US_MAX, format_duration, parse_duration
from router.config.report import Place, Refused, nearest, shown_text, shown_value
from router.engine.limits import LEVEL_MAX, NAME_BYTES_MAX, TERMS_MAX
from router.engine.settings import SECOND_US

WEIGHT_MAX: Final = 1_000
URGENCIES: Final = ("normal", "important", "urgent")


class Kind(ABC):
    """A kind of value. `type` and `range` are for readers of the docs."""

    type: str
    range: str = ""

    @abstractmethod
    def read(self, value: object, place: Place) -> Any:
        """Return the value as the engine wants it; note what is wrong and raise `Refused`."""

    def show(self, value: Any) -> str:
        """Return an engine value as one writes it in TOML."""
        return shown_value(value)


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a table: its name, what it takes, its default and meaning, and the field that it fills.

    `default` is the engine's value, where `has_default`. Keys that are not `inherited` belong to one queue.
    """

    name: str
    kind: Kind
    doc: str
    field: str
    default: Any = None
    has_default: bool = True
    inherited: bool = True
    required: bool = False


def field_key(name: str, kind: Kind, of: msgspec.Struct, doc: str, *, inherited: bool = True) -> Key:
    """Return a key that fills the field of the same name (with `_us` for durations) and has its default."""
    field = name if name in of.__struct_fields__ else f"{name}_us"
    return Key(name=name, kind=kind, doc=doc, field=field, default=getattr(of, field), inherited=inherited)


class Table(Kind):
    """A table with known keys. Reads into a dict of fields, of those keys only that are there."""

    type = "table"

    def __init__(self, *keys: Key) -> None:
        self.keys: Final[Mapping[str, Key]] = {key.name: key for key in keys}

    def read(self, value: object, place: Place) -> dict[str, Any]:
        table = read_plain_table(value, place)
        fields = {}
        for name, item in table.items():
            with suppress(Refused):
                if name not in self.keys:
                    refuse_unknown(name, self.keys, place)
                key = self.keys[name]
                fields[key.field] = key.kind.read(item, place / name)
        for key in self.keys.values():
            if key.required and key.name not in table:
                place.note(f"{key.name} is missing", f"{key.name} = a {key.kind.type}")
        return fields


def read_plain_table(value: object, place: Place) -> dict[str, object]:
    """Return a TOML table. Raises `Refused` for anything else."""
    if isinstance(value, dict):
        return value
    name = place.path[-1] if place.path else ""
    wanted = f"a table: {{ … }}, or keys under a [{name}] header" if isinstance(name, str) else "a table: { … }"
    place.refuse(f"this is {_article(value)}", wanted)


def refuse_unknown(name: str, known: Collection[str], place: Place) -> NoReturn:
    """Note an unknown key, with the table where it belongs or the nearest known key. Raises `Refused`."""
    homes = place.report.homes
    if one := next((other for other in known if other in (f"{name}s", name.removesuffix("s"))), None):
        wanted = f"did you mean {one}?"
    elif name in homes:
        wanted = f"it belongs in {homes[name]}"
    elif near := nearest(name, known):
        wanted = f"did you mean {near}?"
    elif near := nearest(name, homes):
        wanted = f"did you mean {near}? It belongs in {homes[near]}"
    else:
        wanted = f"known here: {', '.join(known)}"
    (place / name).refuse("unknown key", wanted)


def check_name(name: str, place: Place, what: str) -> str:
    """Return a name that the engine takes. Raises `Refused` for any other."""
    wanted = f"1 to {NAME_BYTES_MAX} bytes of UTF-8 without control characters"
    size = len(name.encode())
    if not name:
        place.refuse(f"the {what} is empty", wanted)
    if size > NAME_BYTES_MAX:
        place.refuse(f"the {what} is {size} bytes long", wanted)
    if any(unicodedata.category(letter) == "Cc" for letter in name):
        place.refuse(f"the {what} {shown_text(name)} has a control character", wanted)
    return name


class Duration(Kind):
    """A duration; `never` allows to have none."""

    type = "duration"

    def __init__(self, minimum_us: int = 0, maximum_us: int = DURATION_US_MAX, *, never: bool = False) -> None:
        self._minimum_us = minimum_us
        self._maximum_us = maximum_us
        self._never = never
        self.range = f"{format_duration(minimum_us)} to {format_duration(maximum_us)}"
        if never:
            self.range += ', or "never"'

    def read(self, value: object, place: Place) -> int | None:
        if value == "never" and self._never:
            return None
        wanted = f'a duration such as "20s", "1m30s" or "500ms", from {self.range}'
        if type(value) is int:
            duration_us: int | None = value * SECOND_US
        elif isinstance(value, str):
            duration_us = parse_duration(value)
            if duration_us is None:
                place.refuse(f"{shown_text(value)} is not a duration", _respelled(value) or wanted)
        else:
            place.refuse(f"{shown_value(value)} is not a duration", wanted)
        if duration_us is None or not self._minimum_us <= duration_us <= self._maximum_us:
            place.refuse(f"{shown_value(value)} is out of range", wanted)
        return duration_us

    def show(self, value: Any) -> str:
        return '"never"' if value is None else f'"{format_duration(value)}"'


def _respelled(text: str) -> str | None:
    """Return a hint if only blanks, capitals or long units keep `text` from being a duration."""
    plain = re.sub(r"[\s,_]|and", "", text[:100].lower())
    for pattern, unit in ((r"days?", "d"), (r"h(?:ou)?rs?", "h"), (r"min(?:ute)?s?", "m"), (r"sec(?:ond)?s?", "s")):
        plain = re.sub(rf"(?<=[0-9]){pattern}(?![a-z])", unit, plain)
    duration_us = parse_duration(plain)
    return None if duration_us is None else f'write "{format_duration(duration_us)}"'


class DurationByUrgency(Kind):
    """One duration for all urgencies, or a table of them. Reads into a dict of the urgencies that are given."""

    type = "duration, or table of durations by urgency"

    def __init__(self, minimum_us: int = 0, *, never: bool = False) -> None:
        self._duration = Duration(minimum_us, never=never)
        self._table = Table(*(Key(name=name, kind=self._duration, doc="", field=name) for name in URGENCIES))
        self.range = self._duration.range

    def read(self, value: object, place: Place) -> dict[str, int | None]:
        if isinstance(value, dict):
            return self._table.read(value, place)
        return dict.fromkeys(URGENCIES, self._duration.read(value, place))

    def show(self, value: Any) -> str:
        durations = {name: self._duration.show(getattr(value, name)) for name in URGENCIES}
        if len(set(durations.values())) == 1:
            return durations["normal"]
        return f"{{ {', '.join(f'{name} = {duration}' for name, duration in durations.items())} }}"


class Count(Kind):
    """A whole number; `unlimited` allows to have none."""

    type = "whole number"

    def __init__(self, minimum: int, maximum: int, *, unlimited: bool = False) -> None:
        self._minimum = minimum
        self._maximum = maximum
        self._unlimited = unlimited
        self.range = f"{minimum:,} to {maximum:,}"
        if unlimited:
            self.range += ', or "unlimited"'

    def read(self, value: object, place: Place) -> int | None:
        if value == "unlimited" and self._unlimited:
            return None
        wanted = f"a whole number from {self.range}"
        if type(value) is not int:
            place.refuse(f"{shown_value(value)} is not a whole number", wanted)
        if not self._minimum <= value <= self._maximum:
            place.refuse(f"{shown_value(value)} is out of range", wanted)
        return value

    def show(self, value: Any) -> str:
        return '"unlimited"' if value is None else f"{value:_}"


class Weight(Kind):
    """A weight: a decimal with at most 3 places, kept in thousandths."""

    type = "weight"
    range = f"0 to {WEIGHT_MAX}, at most 3 decimal places"

    def read(self, value: object, place: Place) -> int:
        wanted = f"a number from {self.range}"
        if type(value) is int:
            number = Decimal(value) if abs(value) <= WEIGHT_MAX else Decimal("inf")
        elif isinstance(value, Decimal):
            number = value
        else:
            place.refuse(f"{shown_value(value)} is not a number", wanted)
        if not number.is_finite() or not 0 <= number <= WEIGHT_MAX:
            place.refuse(f"{shown_value(value)} is out of range", wanted)
        if number != number.quantize(Decimal("0.001")):
            place.refuse(f"{shown_value(value)} has more than 3 decimal places", wanted)
        return int(number * 1000)

    def show(self, value: Any) -> str:
        whole, thousandths = divmod(value, 1000)
        return f"{whole}.{thousandths:03}".rstrip("0").removesuffix(".")


class Choice(Kind):
    """One of a few words, each standing for a value."""

    type = "word"

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self.range = ", ".join(f'"{word}"' for word in options)

    def read(self, value: object, place: Place) -> Any:
        if isinstance(value, str) and value in self._options:
            return self._options[value]
        near = nearest(value, self._options) if isinstance(value, str) else None
        hint = f'; did you mean "{near}"?' if near else ""
        place.refuse(f"{shown_value(value)} is not known here", f"one of {self.range}{hint}")

    def show(self, value: Any) -> str:
        return next(f'"{word}"' for word, meaning in self._options.items() if meaning == value)


class Flag(Kind):
    """True or false."""

    type = "true or false"

    def read(self, value: object, place: Place) -> bool:
        if isinstance(value, bool):
            return value
        place.refuse(f"{shown_value(value)} is neither true nor false", "true or false, without quotes")


class Name(Kind):
    """The name of something: a queue, an agent."""

    def __init__(self, what: str) -> None:
        self._what = what
        self.type = what
        self.range = f"1 to {NAME_BYTES_MAX} bytes"

    def read(self, value: object, place: Place) -> str:
        if not isinstance(value, str):
            place.refuse(f"{shown_value(value)} is not a name", f"the name of one {self._what}, in quotes")
        return check_name(value, place, self._what)


class Levels(Kind):
    """A table of skills, each with a number from 1 to 10. Reads into a dict sorted by skill."""

    def __init__(self, what: str) -> None:
        self._number = Count(1, LEVEL_MAX)
        self._what = what
        self.type = f"table of skill = {what}"
        self.range = f"{what} 1 to {LEVEL_MAX}; at most {TERMS_MAX} skills"

    def read(self, value: object, place: Place) -> dict[str, int]:
        if not isinstance(value, dict):
            place.refuse(f"this is {_article(value)}", f"a table of skill = {self._what}, such as {{ loans = 3 }}")
        levels = {}
        for skill, number in value.items():
            with suppress(Refused):
                check_name(skill, place / skill, "skill")
                levels[skill] = self._number.read(number, place / skill)
        return {skill: level for skill, level in sorted(levels.items()) if level is not None}


class Alternatives(Kind):
    """A list of tables of skills; one skill of each table is enough."""

    type = "list of tables of skill = level"
    range = f"level 1 to {LEVEL_MAX}; 1 to {TERMS_MAX} skills in a table"

    def read(self, value: object, place: Place) -> list[dict[str, int]]:
        if not isinstance(value, list):
            place.refuse(f"this is {_article(value)}", "a list of tables of skills: [{ english = 5, german = 5 }]")
        groups = []
        for index, item in enumerate(value):
            with suppress(Refused):
                group_place = place / index
                groups.append(Levels("level").read(item, group_place))
                if not 1 <= len(item) <= TERMS_MAX:
                    group_place.note(f"{len(item)} skills to choose from", f"1 to {TERMS_MAX} skills")
        return groups


class ListOf(Kind):
    """A list of tables, as written with [[double]] headers. Reads into (fields, place) pairs."""

    type = "list of tables"

    def __init__(self, table: Table, range_: str) -> None:
        self.table = table
        self.range = range_

    def read(self, value: object, place: Place) -> list[tuple[dict[str, Any], Place]]:
        if not isinstance(value, list):
            place.refuse(f"this is {_article(value)}", f"tables under [[…{place.path[-1]}]] headers")
        items = []
        for index, item in enumerate(value):
            with suppress(Refused):
                items.append((self.table.read(item, place / index), place / index))
        return items


def _article(value: object) -> str:
    return shown_value(value) if isinstance(value, dict | list) else f"the single value {shown_value(value)}"
