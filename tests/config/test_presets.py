"""Presets: four sets of weights, within range, that mean what their names say."""

from __future__ import annotations

import msgspec
import pytest

from router.config import DEFAULT_PRESET, PRESETS, parse_config, preset_of, with_preset
from router.engine import AgentWeights, CallWeights

TWO_QUEUES = '[queues.a]\npreset = "most-skilled"\n[queues.b]\nagent_weights = { idle = 7 }\n'


def test_there_are_four_and_balanced_is_the_default() -> None:
    assert set(PRESETS) == {"balanced", "most-skilled", "least-occupied", "fcfs-longest-idle"}
    assert DEFAULT_PRESET == "balanced"
    queue = parse_config("[queues.a]\n", "x").settings.queues["a"]
    assert preset_of(queue.agent_weights, queue.call_weights) == "balanced"


def test_fcfs_longest_idle_leaves_everything_to_the_ties() -> None:
    assert PRESETS["fcfs-longest-idle"].agent_weights == AgentWeights()
    assert PRESETS["fcfs-longest-idle"].call_weights == CallWeights()


@pytest.mark.parametrize(("name", "term"), [("most-skilled", "skill_fit"), ("least-occupied", "load")])
def test_the_term_in_the_name_weighs_most(name: str, term: str) -> None:
    weights = msgspec.to_builtins(PRESETS[name].agent_weights)
    assert max(weights, key=weights.__getitem__) == term


@pytest.mark.parametrize("name", PRESETS)
def test_weights_are_in_range_and_the_name_leads_back(name: str) -> None:
    preset = PRESETS[name]
    weights = [*msgspec.to_builtins(preset.agent_weights).values(), *msgspec.to_builtins(preset.call_weights).values()]
    assert all(0 <= weight <= 1_000_000 for weight in weights)
    assert preset_of(preset.agent_weights, preset.call_weights) == name
    queue = parse_config(f'[queue_defaults]\npreset = "{name}"\n[queues.a]\n', "x").settings.queues["a"]
    assert (queue.agent_weights, queue.call_weights) == (preset.agent_weights, preset.call_weights)


def test_other_weights_have_no_name() -> None:
    assert preset_of(AgentWeights(idle=1), CallWeights()) is None


def test_a_preset_can_replace_the_weights_of_every_queue() -> None:
    settings = parse_config(TWO_QUEUES, "x").settings
    replaced = with_preset(settings, "least-occupied")
    assert {preset_of(queue.agent_weights, queue.call_weights) for queue in replaced.queues.values()} == {
        "least-occupied"
    }
    assert with_preset(replaced, "balanced") != replaced
    assert settings.queues["b"].agent_weights.idle == 7_000
    with pytest.raises(KeyError):
        with_preset(settings, "balance")
