"""Point 6: renaming agents, calls or skills, reordering tables, or shifting the clock changes only names and times.

Method: the same commands, told in other words, go to a second engine; its events, told back, must be the first one's.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.settings import Settings
from tests.fairness import centres as make
from tests.fairness.centres import AGENTS, SKILLS, UNKNOWN, Centre, History, drive, examples

EXAMPLES = examples(80)
MOMENTS = ("time_us", "effective_arrival_us", "hold_until_us", "expires_us", "until_us")
Change = Callable[[Any], Any]


def in_words(value: Any, word: Change) -> Any:
    """Return plain data with every string in it, keys too, changed by `word`."""
    if isinstance(value, str):
        return word(value)
    if isinstance(value, dict):
        return {in_words(key, word): in_words(one, word) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [in_words(one, word) for one in value]
    return value


def command_in_words(command: c.Command, word: Change) -> c.Command:
    return msgspec.convert(in_words(msgspec.to_builtins(command), word), type(command))


def told(event: e.Event) -> dict[str, Any]:
    """Return an event as plain data; what is sorted by name has no order."""
    plain = msgspec.to_builtins(event)
    if "preferred_agents" in plain:
        plain["preferred_agents"] = sorted(plain["preferred_agents"])
    return plain


def new_names(centre: Centre, history: History, seed: int) -> dict[str, str]:
    """Return other names, in another order, for all agents, calls and skills."""
    calls = sorted({command.call for _, command, _ in history if isinstance(command, c.Enqueue)})
    order = random.Random(seed)
    names: dict[str, str] = {}
    for kind, old in (("agent", AGENTS), ("skill", SKILLS), ("call", tuple(calls)), ("unknown", (UNKNOWN,))):
        numbers = list(range(len(old)))
        order.shuffle(numbers)
        names |= {name: f"{kind}-{number}" for name, number in zip(old, numbers, strict=True) if name not in names}
    return names


@EXAMPLES
@given(make.centres(), st.integers(0, 2**32))
def test_point_6_names_do_not_matter(centre: Centre, seed: int) -> None:
    history = drive(Engine(centre.settings), centre)
    names = new_names(centre, history, seed)

    def renamed(word: str) -> str:
        return names.get(word, word)

    changed = command_in_words(c.Configure(centre.settings), renamed)
    assert isinstance(changed, c.Configure)
    other = Engine(changed.settings)
    for time_us, command, events in history:
        wanted = [in_words(told(event), renamed) for event in events]
        for one in wanted:
            if "preferred_agents" in one:
                one["preferred_agents"].sort()
        assert [told(event) for event in other.apply(command_in_words(command, renamed), time_us)] == wanted


def reordered(value: Any, order: random.Random) -> Any:
    """Return plain data with the keys of every mapping in another order."""
    if isinstance(value, dict):
        items = [(key, reordered(one, order)) for key, one in value.items()]
        order.shuffle(items)
        return dict(items)
    if isinstance(value, list | tuple):
        return [reordered(one, order) for one in value]
    return value


@EXAMPLES
@given(make.centres(favour={"configure": 3}), st.integers(0, 2**32))
def test_point_6_order_of_tables_does_not_matter(centre: Centre, seed: int) -> None:
    order = random.Random(seed)
    first = Engine(centre.settings)
    history = drive(first, centre)
    other = Engine(msgspec.convert(reordered(msgspec.to_builtins(centre.settings), order), Settings))
    for time_us, command, events in history:
        shuffled = msgspec.convert(reordered(msgspec.to_builtins(command), order), type(command))
        assert other.apply(shuffled, time_us) == events
    assert other.state_hash() == first.state_hash()


@EXAMPLES
@given(make.centres(), st.integers(-900 * make.SECOND_US, 2**60))
def test_point_6_the_clock_may_be_shifted(centre: Centre, shift_us: int) -> None:
    """No credited wait reaches below 0 on either clock: there, effective arrivals are cut off."""
    history = drive(Engine(centre.settings), centre)
    other = Engine(centre.settings, time_us=max(0, shift_us))
    for time_us, command, events in history:
        wanted = [told(event) for event in events]
        for one in wanted:
            one.update({name: one[name] + shift_us for name in MOMENTS if one.get(name) is not None})
        assert [told(event) for event in other.apply(command, time_us + shift_us)] == wanted
