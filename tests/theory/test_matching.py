"""Two endless lines that meet, callers and agents, both first come first served: how often who meets whom.

Goal: the engine's rule is the one for which Adan & Weiss (2012) have exact matching rates. Method: calls and agents
come in turns, each of a type drawn independently; an agent takes one call and never ends it. Time plays no part.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from router import (
    CallAssigned,
    Engine,
    Enqueue,
    QueueSettings,
    Requirement,
    Settings,
    SignIn,
    SkillTerm,
    Step,
)
from tests.theory.product_form import matching_rates

PAIRS = 40_000

GRAPHS = {
    "circle": ({"a": 0.5, "b": 0.3, "c": 0.2}, {"1": 0.35, "2": 0.3, "3": 0.35}, {"1": "ab", "2": "bc", "3": "ca"}),
    "almost complete": (
        {"a": 0.4, "b": 0.35, "c": 0.25},
        {"1": 0.3, "2": 0.3, "3": 0.4},
        {"1": "ab", "2": "bc", "3": "abc"},
    ),
    "long W": ({"a": 0.3, "b": 0.4, "c": 0.3}, {"1": 0.6, "2": 0.4}, {"1": "ab", "2": "bc"}),
}


@pytest.mark.parametrize("graph", GRAPHS)
def test_agents_meet_callers_at_the_exact_rates(graph: str) -> None:
    callers, agents, serves = GRAPHS[graph]
    queues = {
        kind: QueueSettings(automatic=True, requirement=Requirement((Step((SkillTerm(kind, 1),)),))) for kind in callers
    }
    engine = Engine(Settings(queues=queues, agents_max=PAIRS))
    draw, met = random.Random(7), Counter[tuple[str, str]]()
    for number in range(PAIRS):
        (kind,) = draw.choices(list(callers), list(callers.values()))
        (agent,) = draw.choices(list(agents), list(agents.values()))
        commands = (Enqueue(f"{kind}-{number}", kind), SignIn(f"{agent}-{number}", dict.fromkeys(serves[agent], 1)))
        for command in commands:
            for event in engine.apply(command, 1 + number):
                if isinstance(event, CallAssigned):
                    met[event.call[0], event.agent[0]] += 1
    matches = met.total()
    assert matches > 0.98 * PAIRS
    expected = matching_rates(callers, agents, serves)
    assert set(met) == {pair for pair, rate in expected.items() if rate > 0}
    for pair, rate in expected.items():
        assert met[pair] / matches == pytest.approx(rate, abs=0.01), pair
