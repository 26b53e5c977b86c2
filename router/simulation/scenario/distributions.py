"""Distributions of durations: their keys, which of them each family takes, and the files that empirical ones name."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from router.config.durations import DURATION_US_MAX, format_duration
from router.config.errors import ConfigError, ConfigProblem
from router.config.kinds import Choice, Duration, Key, Kind, Table
from router.config.load import decode, read_config
from router.config.report import Place, Refused, printable, shown_text, shown_value
from router.engine.settings import SECOND_US
from router.simulation.scenario.kinds import InputFile, Number, Several
from router.simulation.scenario.model import Distribution, Family

UNIFORM_CV_MAX: Final = 1 / math.sqrt(3)
FILE_PROBLEMS_MAX: Final = 10
_PARAMETERS: Final = {
    Family.DETERMINISTIC: (("mean",),),
    Family.EXPONENTIAL: (("mean",),),
    Family.GAMMA: (("mean", "cv"),),
    Family.LOGNORMAL: (("mean", "cv"),),
    Family.UNIFORM: (("mean", "cv"), ("low", "high")),
    Family.EMPIRICAL: (("values",), ("file",)),
}
_WANTED: Final = 'a duration such as "3m", or a distribution such as { family = "exponential", mean = "3m" }'
_SECONDS_MAX: Final = DURATION_US_MAX // SECOND_US


def _key(name: str, kind: Kind, doc: str, *, required: bool = False) -> Key:
    return Key(name=name, kind=kind, doc=doc, field=name, has_default=False, required=required)


DISTRIBUTION: Final = Table(
    _key(
        "family",
        Choice({family.name.lower(): family for family in Family}),
        "Shape. A plain duration instead of a table is deterministic.",
        required=True,
    ),
    _key("mean", Duration(), "Mean; of every family but the empirical one. Above 0 unless it is deterministic."),
    _key(
        "cv",
        Number("0.001", "20"),
        "Standard deviation over mean, for gamma, lognormal and uniform (there at most 0.577, which is 1/√3).",
    ),
    _key("low", Duration(), "Least value of a uniform one, with `high`, in place of `mean` and `cv`."),
    _key("high", Duration(), "Greatest value of a uniform one."),
    _key(
        "values", Several(Duration(), '["90s", "3m", "4m30s"]'), "Values of an empirical one, each drawn equally often."
    ),
    _key(
        "file",
        InputFile("a file of durations"),
        "File with the values of an empirical one: a number of seconds on each line, from # on a comment.",
    ),
)


class Draw(Kind):
    """A distribution of a duration; a plain duration is deterministic. `positive`: its mean must be above 0."""

    type = "distribution"

    def __init__(self, *, positive: bool = False) -> None:
        self._positive = positive
        self.range = "mean above 0" if positive else ""

    def read(self, value: object, place: Place) -> Distribution:
        if isinstance(value, dict):
            distribution = _read_table(value, place)
        elif isinstance(value, str) or type(value) is int:
            distribution = Distribution(Family.DETERMINISTIC, Duration().read(value, place) or 0)
        else:
            place.refuse(f"{shown_value(value)} is not a distribution", _WANTED)
        if self._positive and distribution.mean_us == 0:
            place.refuse("the mean is 0", "a mean above 0")
        return distribution

    def show(self, value: Any) -> str:
        return f'"{format_duration(value.mean_us)}"'


def _read_table(table: dict[str, object], place: Place) -> Distribution:
    fields = DISTRIBUTION.read(table, place)
    family: Family | None = fields.get("family")
    if family is None:
        raise Refused
    given = [name for name in DISTRIBUTION.keys if name in table and name != "family"]
    _check_parameters(family, given, place)
    if any(name not in fields for name in given):  # noted already
        raise Refused
    if "file" in fields:
        return empirical(_read_file(fields["file"], place / "file"))
    if "values" in fields:
        return empirical(fields["values"])
    if "low" in fields:
        return _between(fields["low"], fields["high"], place)
    return _around(family, fields["mean"], fields.get("cv", 0.0), place)


def _check_parameters(family: Family, given: list[str], place: Place) -> None:
    """Refuse parameters that the family has not, and those that lack."""
    alternatives = _PARAMETERS[family]
    word = family.name.lower()
    wanted = f"{word} takes {', or '.join(' and '.join(names) for names in alternatives)}"
    known = {name for names in alternatives for name in names}
    foreign = [name for name in given if name not in known]
    for name in foreign:
        (place / name).note(f"{name} does not belong to the family {word}", wanted)
    if foreign:
        raise Refused
    if set(given) in map(set, alternatives):
        return
    for names in alternatives:
        if set(given) < set(names):
            missing = " and ".join(name for name in names if name not in given)
            place.refuse(f"{missing} is missing" if " " not in missing else f"{missing} are missing", wanted)
    place.refuse(f"{' and '.join(given)} do not go together", wanted)


def _around(family: Family, mean_us: int, cv: float, place: Place) -> Distribution:
    if mean_us == 0 and family != Family.DETERMINISTIC:
        (place / "mean").refuse("the mean is 0", "a duration above 0")
    if family == Family.UNIFORM and cv > UNIFORM_CV_MAX:
        (place / "cv").refuse(f"{cv:g} is too much: values below 0 would come out", "at most 0.577, or low and high")
    return Distribution(family, mean_us, cv)


def _between(low_us: int, high_us: int, place: Place) -> Distribution:
    if high_us <= low_us:
        (place / "high").refuse(
            f"{format_duration(high_us)} is not above low, {format_duration(low_us)}",
            f"more than {format_duration(low_us)}",
        )
    mean = (low_us + high_us) / 2
    return Distribution(Family.UNIFORM, round(mean), (high_us - low_us) / (2 * math.sqrt(3) * mean))


def empirical(values_us: tuple[int, ...]) -> Distribution:
    """Return the distribution that draws each of some values, at least one, equally often."""
    return Distribution(Family.EMPIRICAL, round(sum(values_us) / len(values_us)), 0.0, values_us)


def _read_file(name: str, place: Place) -> tuple[int, ...]:
    path = place.report.folder / name
    lines = read_lines(path, place)
    values: list[int] = []
    problems = 0
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        value_us = _seconds(text)
        if value_us is None and problems < FILE_PROBLEMS_MAX:
            problems += 1
            wanted = f"a number of seconds from 0 to {_SECONDS_MAX:,}, such as 183.5"
            place.report.include(
                ConfigProblem(printable(str(path)), number, "", f"{shown_text(text)} is not such a number", wanted)
            )
        values.append(value_us or 0)
    if problems:
        raise Refused
    if not values:
        place.refuse(f"there is no value in {shown_text(name)}", "a number of seconds on each line")
    return tuple(values)


def read_lines(path: Path, place: Place) -> list[str]:
    """Return the lines of a text file that the key at `place` names. Notes what is wrong and raises `Refused`."""
    source = printable(str(path))
    hint = "the path of a file, from the folder of the scenario"
    try:
        return decode(read_config(path, hint), source, "a number of seconds on each line").split("\n")
    except ConfigError as error:
        for problem in error.problems:
            if problem.line:
                place.report.include(problem)
            else:
                place.note(f"{shown_text(source)}: {problem.problem}", problem.wanted)
        raise Refused from None


def _seconds(text: str) -> int | None:
    """Return a number of seconds in microseconds, None if it is none or out of range."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 <= number <= _SECONDS_MAX or not text.isascii():
        return None
    return round(number * SECOND_US)
