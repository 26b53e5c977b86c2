"""The native holdings against plain ones: what is given and dropped by hand, and what a random engine's events say."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.engine import Engine
from router.engine import commands as c
from router.server._native import AgentHoldings, CallHoldings, Followers, Holdings
from tests.engine.choices import SeededChoices
from tests.engine.drive import world_of
from tests.engine.generate import settings
from tests.engine.generate_commands import CommandSource, next_time, restart_time
from tests.oracle import Oracle
from tests.server.plain_holdings import PlainHoldings, PlainOwned

CLIENTS = ("", "pbx", "chat", "p" * 255, "café ☎")
LONG = "the name of a call that is longer than what a short string holds"
STEPS = st.lists(st.tuples(st.sampled_from(["a", "b", "c", LONG]), st.sampled_from(CLIENTS), st.integers(0, 9)))


def same(holdings: Holdings, plain: PlainHoldings, names: tuple[str, ...]) -> None:
    assert len(holdings) == len(plain)
    assert holdings.clients() == plain.clients()
    assert [holdings.owner(name) for name in names] == [plain.owner(name) for name in names]
    for client_id in (*CLIENTS, "unknown"):
        assert holdings.of(client_id) == plain.of(client_id)


@pytest.mark.parametrize("kind", [AgentHoldings, CallHoldings])
@given(steps=STEPS)
def test_what_is_given_and_dropped_by_hand(kind: Callable[[], Holdings], steps: list[tuple[str, str, int]]) -> None:
    holdings, plain = kind(), PlainHoldings()
    for name, client_id, choice in steps:
        if choice == 0:
            holdings.clear()
            plain = PlainHoldings()
        elif choice < 4:
            holdings.drop(name)
            plain.drop(name)
        else:
            holdings.give(name, client_id)
            plain.give(name, client_id)
        same(holdings, plain, ("a", "b", "c", LONG, ""))


def test_what_the_events_say() -> None:
    lengths = set()
    for seed in range(12):
        choices = SeededChoices(f"holdings {seed}")
        world = world_of(choices)
        chosen = settings(choices, world)
        oracle, engine = Oracle(chosen, time_us=0), Engine(chosen, time_us=0)
        agents, calls, plain = AgentHoldings(), CallHoldings(), PlainOwned()
        followers = Followers(engine, (agents, calls))
        for _ in range(150):
            restarts = choices.chance(3)
            time_us = restart_time(choices, oracle) if restarts else next_time(choices, oracle)
            command = c.Restart() if restarts else CommandSource(choices, world, oracle).command()
            client_id = choices.pick(CLIENTS)
            oracle.apply(command, time_us)
            plain.observe(engine.apply(command, time_us), client_id)
            followers.observe(client_id, 0)
            same(agents, plain.agents, tuple(view.agent for view in engine.agents()))
            same(calls, plain.calls, tuple(view.call for view in engine.calls()))
            lengths.add((len(agents), len(calls)))
    assert max(agents for agents, _ in lengths) > 3
    assert max(calls for _, calls in lengths) > 3


def test_holdings_are_of_one_kind() -> None:
    with pytest.raises(TypeError, match="of agents or of calls"):
        Holdings()
