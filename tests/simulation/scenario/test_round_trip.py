"""Property: a scenario written out as TOML and read again is the same, whatever is in it, and in whatever order."""

from __future__ import annotations

from random import Random

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.simulation import Scenario
from tests.simulation.scenario.texts import scenario_of
from tests.simulation.scenario.writing import scenarios, text_of


def without_hints(scenario: Scenario) -> Scenario:
    return msgspec.structs.replace(scenario, source="", hints=())


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(scenarios())
def test_what_is_written_is_read(scenario: Scenario) -> None:
    assert without_hints(scenario_of(text_of(scenario))) == without_hints(scenario)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=30)
@given(scenarios(), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(scenario: Scenario, random: Random) -> None:
    tables = text_of(scenario).split("\n[")
    shuffled = []
    for table in tables:
        header, *keys = [line for line in table.split("\n") if line]
        random.shuffle(keys)
        shuffled.append("\n".join([header, *keys]))
    assert without_hints(scenario_of("\n[".join(shuffled))) == without_hints(scenario)
