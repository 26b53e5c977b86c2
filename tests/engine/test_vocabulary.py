"""Python and C++ have the same enumerations, commands, events and weights, in the same order."""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path

import pytest

from router.engine import commands, events, settings, vocabulary

SOURCES = Path(__file__).parents[2] / "src_native"


def native_members(header: str, enumeration: str) -> list[str]:
    text = re.sub(r"//.*", "", (SOURCES / header).read_text())
    found = re.search(rf"enum (?:class )?{enumeration}\b[^{{]*{{([^}}]*)}}", text)
    assert found is not None, f"{enumeration} is not in {header}"
    return [member.strip().upper() for member in found[1].split(",") if member.strip()]


ENUMERATIONS = [
    one
    for one in vars(vocabulary).values()
    if isinstance(one, type) and issubclass(one, IntEnum) and one is not IntEnum
]


@pytest.mark.parametrize("enumeration", ENUMERATIONS, ids=lambda one: one.__name__)
def test_enumeration(enumeration: type[IntEnum]) -> None:
    native = native_members("vocabulary.hpp", enumeration.__name__)
    first = min(enumeration)  # those that start at 1 have `none` below
    assert [(member.name, member.value) for member in enumeration] == [
        (name, number) for number, name in enumerate(native) if number >= first
    ]


def test_events() -> None:
    native = native_members("events.hpp", "EventKind")
    classes = [one.__name__ for one in events.Event.__args__]
    assert [re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper() for name in classes] == native


def test_commands() -> None:
    text = (SOURCES / "commands.hpp").read_text()
    native = re.search(r"using Command = std::variant<([^>]*)>", text)
    assert native is not None
    assert [name.strip() for name in native[1].split(",")] == [one.__name__ for one in commands.Command.__args__]


@pytest.mark.parametrize(
    ("weights", "names"),
    [(settings.AgentWeights, "AGENT_TERM_NAMES"), (settings.CallWeights, "CALL_TERM_NAMES")],
)
def test_weights(weights: type, names: str) -> None:
    text = (SOURCES / "settings.hpp").read_text()
    native = re.search(rf"{names}{{([^}}]*)}}", text)
    assert native is not None
    assert re.findall(r'"(\w+)"', native[1]) == list(weights.__struct_fields__)
