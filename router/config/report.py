"""The list of problems found so far, and how keys and values are shown in them: short, and safe on any terminal."""

from __future__ import annotations

import difflib
import json
import pathlib
import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final, NoReturn

from router.config.errors import ConfigError, ConfigProblem
from router.config.positions import Path, Positions

PROBLEMS_MAX: Final = 200
_NAMES_COMPARED_MAX: Final = 200
_SHOWN_LENGTH_MAX: Final = 60
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")


class Refused(Exception):
    """A value was refused and the problem noted: go on with the next one."""


class Report:
    """The problems of one file, and of files that it names. `homes` says in which tables each known key belongs."""

    def __init__(self, source: str, homes: Mapping[str, str]) -> None:
        self.source = source
        self.homes = homes
        self.positions: Positions | None = None
        self.folder = pathlib.Path()  # where relative paths in the file start
        self._problems: list[ConfigProblem] = []
        self._hints: list[ConfigProblem] = []

    @property
    def hints(self) -> tuple[ConfigProblem, ...]:
        """Return what was noted that is not wrong but hardly meant, in the order of lines."""
        return tuple(sorted(self._hints, key=self._rank))

    def add(self, path: Path, problem: str, wanted: str, *, line: int | None = None) -> None:
        """Note a problem with a key, at the line of the key unless told otherwise.

        Raises `ConfigError` when there are `PROBLEMS_MAX`: a hostile file shall not cost more.
        """
        self.include(self._problem(path, problem, wanted, line))

    def include(self, problem: ConfigProblem) -> None:
        """Note a problem as it is, of another file perhaps. Raises `ConfigError` as `add` does."""
        self._problems.append(problem)
        if len(self._problems) >= PROBLEMS_MAX:
            self.add_last()

    def hint(self, path: Path, problem: str, wanted: str) -> None:
        """Note, once, what is not wrong but hardly meant; of more than `PROBLEMS_MAX` the rest is dropped."""
        noted = self._problem(path, problem, wanted, None)
        if len(self._hints) < PROBLEMS_MAX and noted not in self._hints:
            self._hints.append(noted)

    def _problem(self, path: Path, problem: str, wanted: str, line: int | None) -> ConfigProblem:
        if line is None:
            line = self.positions.line(path) if self.positions else 0
        return ConfigProblem(self.source, line, shown_path(path), problem, wanted)

    def _rank(self, problem: ConfigProblem) -> tuple[bool, str, int, str]:
        return (problem.file != self.source, problem.file, problem.line, problem.key)

    @property
    def problem_count(self) -> int:
        """Return how many problems there are so far: if a part adds none, it is whole."""
        return len(self._problems)

    def add_last(self) -> NoReturn:
        """Say that checking stopped here, and raise `ConfigError`."""
        stop = ConfigProblem(
            self.source,
            0,
            "",
            f"there are {PROBLEMS_MAX} problems or more; the rest was not checked",
            "fix these first",
        )
        raise ConfigError((*sorted(self._problems, key=self._rank), stop))

    def finish(self) -> None:
        """Raise `ConfigError` if there were problems."""
        if self._problems:
            raise ConfigError(tuple(sorted(self._problems, key=self._rank)))


class Place:
    """One key of the file under examination."""

    def __init__(self, report: Report, path: Path = ()) -> None:
        self.report = report
        self.path = path

    def __truediv__(self, key: str | int) -> Place:
        return Place(self.report, (*self.path, key))

    def note(self, problem: str, wanted: str) -> None:
        """Note a problem with this key and go on."""
        self.report.add(self.path, problem, wanted)

    def hint(self, problem: str, wanted: str) -> None:
        """Note what is not wrong with this key but hardly meant."""
        self.report.hint(self.path, problem, wanted)

    def refuse(self, problem: str, wanted: str) -> NoReturn:
        """Note a problem with this key and give the value up."""
        self.note(problem, wanted)
        raise Refused


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return the known name that `name` was most likely meant to be, None if none is near."""
    if len(name) > _SHOWN_LENGTH_MAX or len(known) > _NAMES_COMPARED_MAX:
        return None
    by_spelling = {_plain(other): other for other in sorted(known)}
    near = difflib.get_close_matches(_plain(name), by_spelling, n=1, cutoff=0.6)
    return by_spelling[near[0]] if near else None


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").removesuffix("_us").removesuffix("_ms").removesuffix("_seconds")


def shown_text(text: str) -> str:
    """Return a text in quotes, cut and with everything unprintable escaped."""
    if len(text) > _SHOWN_LENGTH_MAX:
        text = text[: _SHOWN_LENGTH_MAX - 1] + "…"
    return printable(json.dumps(text, ensure_ascii=False))


def printable(text: str) -> str:
    """Return a text with everything escaped that could confuse a terminal or a log."""
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)


def shown_path(path: Path) -> str:
    """Return a path as one reads it in TOML; items of lists count from 1."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part + 1}]"
        else:
            key = part if _BARE_KEY.fullmatch(part) and len(part) <= _SHOWN_LENGTH_MAX else shown_text(part)
            shown += f".{key}" if shown else key
    return shown


def shown_value(value: object) -> str:
    """Return a value as one reads it in TOML, or what it is if it is long."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return shown_text(value)
        case int():
            return str(value) if abs(value) < 10**18 else "a number beyond 64 bits"
        case Decimal():
            return str(value)[:_SHOWN_LENGTH_MAX]
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return "a date or time"
