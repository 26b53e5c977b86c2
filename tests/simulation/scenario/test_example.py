"""The file that `init-scenario` writes: valid, without hints, and with every key, used or shown."""

from __future__ import annotations

import re
import tomllib

import pytest

from router.config import ConfigError
from router.config.kinds import Key, Table
from router.engine import Engine
from router.simulation import Family, example_scenario_text, parse_scenario
from router.simulation.scenario.agent_keys import AGENTS, RECORDED_AGENTS
from router.simulation.scenario.caller_keys import CALLERS, RECORDED, REDIAL
from router.simulation.scenario.distributions import DISTRIBUTION
from router.simulation.scenario.schema import HUNTING, ROUTER, SIMULATION

TEXT = example_scenario_text()
LINES = TEXT.split("\n")
SHOWN = re.compile(r"# (\[\w+(?:\.\w+)*\]|\w+ = .+)")
ALTERNATIVES = (
    "already",  # rate or rates; a config beside or inside
    "there is no such file",
    "it cannot be read",
    "it is not said when they call",  # the header alone
    "handle_time is missing",
    "file is missing",
    'there is no queue "recorded"',  # the header alone
)


def shown_lines() -> list[int]:
    """Return the numbers of lines that show a key or a table as a comment."""
    return [number for number, line in enumerate(LINES) if SHOWN.fullmatch(line)]


def with_shown(number: int) -> str:
    """Return the text with one shown line in force, and the header of its table if that is shown only."""
    lines = list(LINES)
    lines[number] = lines[number].removeprefix("# ")
    if not lines[number].startswith("["):
        above = next(n for n in range(number, -1, -1) if re.match(r"(# )?\[", LINES[n]))
        lines[above] = lines[above].removeprefix("# ")
    return "\n".join(lines)


def problems_with(text: str) -> list[str]:
    """Return what is wrong with a text."""
    try:
        parse_scenario(text, "example.toml")
    except ConfigError as error:
        return [problem.problem for problem in error.problems]
    return []


def test_it_is_valid_and_has_no_hints() -> None:
    scenario = parse_scenario(TEXT, "example.toml")
    assert scenario.hints == ()
    assert Engine(scenario.settings, time_us=0).settings == scenario.settings
    assert len(scenario.callers) >= 5
    assert len(scenario.agents) >= 3


@pytest.mark.parametrize("number", shown_lines(), ids=lambda number: str(number + 1))
def test_what_it_shows_is_what_one_may_write(number: int) -> None:
    unexpected = [text for text in problems_with(with_shown(number)) if not any(word in text for word in ALTERNATIVES)]
    assert not unexpected


def test_it_has_every_key() -> None:
    shown = {match[1].split(" = ")[0].strip("[]") for line in LINES if (match := SHOWN.fullmatch(line))}
    used = set(re.findall(r"(?:^|[{,] ?)(\w+) = ", TEXT, re.MULTILINE)) | set(re.findall(r"\.(\w+)\]", TEXT))
    in_shown = set(re.findall(r"(\w+) = ", "\n".join(line for line in LINES if SHOWN.fullmatch(line))))
    tables = (SIMULATION, ROUTER, HUNTING, CALLERS, RECORDED, REDIAL, AGENTS, RECORDED_AGENTS, DISTRIBUTION)
    keys = {name for table in tables for name in table.keys}
    assert keys - shown - used - in_shown == set()


def test_it_shows_every_family() -> None:
    assert set(re.findall(r'family = "(\w+)"', TEXT)) == {family.name.lower() for family in Family}


def test_shown_defaults_are_the_defaults() -> None:
    """Where a key of callers or hunting is shown as a comment, and has a default, it shows that."""
    defaults = {"channel": '"voice"', "urgency": '"normal"', "priority": "0", "order": '"first-come"'}
    for name, default in defaults.items():
        key: Key = (CALLERS.keys | HUNTING.keys)[name]
        assert not isinstance(key.kind, Table)
        assert key.kind.show(key.default) == default
        assert re.search(rf"^# {name} = {default}(?: |$)", TEXT, re.MULTILINE), name


def test_its_periods_cover_its_length() -> None:
    document = tomllib.loads(TEXT)
    assert document["simulation"]["length"] == "10h"
    assert len(document["callers"]["loans"]["rates"]) * 2 == 10
    assert len(document["agents"]["juniors"]["staffing"]) * 2 == 10
