"""The named presets. A preset is a set of weights and nothing else.

How to read the numbers: most terms of the agent ranking lie in 0 … 1, so a weight is the most that the term can add.
Idle time is not bounded: with `idle_scale` 1m, an idle weight of 0.5 adds 0.5 for every minute without work, and the
other weights say how many minutes of idle time each reason is worth. Among calls age is 1 at the target, at most 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from router.engine.settings import AgentWeights, CallWeights, Settings


class Preset(msgspec.Struct, frozen=True):
    """Weights of both rankings under a name, with what they are good for."""

    agent_weights: AgentWeights
    call_weights: CallWeights
    doc: str


DEFAULT_PRESET: Final = "balanced"

PRESETS: Final[Mapping[str, Preset]] = {
    "balanced": Preset(
        AgentWeights(skill_fit=1000, idle=500, load=1000, efficiency=500, affinity=2000, reserve=1000),
        CallWeights(priority=1000, age=1000, deadline=500, skill_fit=500, efficiency=250, affinity=1000),
        "A bit of everything. The best fit over the worst, or an agent without scarce skills over one who has them "
        "all, is worth 2 minutes of idle time, an agent the caller knows 4. Calls go by age; a priority of 9 is "
        "worth one whole target of waiting, and a call near its target gets a push.",
    ),
    "most-skilled": Preset(
        AgentWeights(skill_fit=10_000, idle=100, load=0, efficiency=1000, affinity=2000, reserve=0),
        CallWeights(priority=1000, age=1000, deadline=500, skill_fit=2000, efficiency=500, affinity=1000),
        "The best agent who is free. Where one skill is asked for, one level more outweighs 10 minutes of idle time; "
        "an agent the caller knows is worth two levels. Experts get the most work: watch their occupancy.",
    ),
    "least-occupied": Preset(
        AgentWeights(skill_fit=0, idle=100, load=10_000, efficiency=0, affinity=1000, reserve=0),
        CallWeights(priority=1000, age=1000, deadline=500, skill_fit=0, efficiency=0, affinity=1000),
        "Whoever has worked least lately. 2 points of occupancy outweigh a minute of idle time; an agent the caller "
        "knows is still chosen while up to 20 points busier.",
    ),
    "fcfs-longest-idle": Preset(
        AgentWeights(),
        CallWeights(),
        "First come, first served, to the agent who has been idle longest: all weights are 0, so that the ties decide. "
        "Priority counts for nothing here; urgency and the overtaking bound still do.",
    ),
}


def preset_of(agent_weights: AgentWeights, call_weights: CallWeights) -> str | None:
    """Return the name of the preset with exactly these weights, None if there is none."""
    for name, preset in PRESETS.items():
        if (preset.agent_weights, preset.call_weights) == (agent_weights, call_weights):
            return name
    return None


def with_preset(settings: Settings, name: str) -> Settings:
    """Return the settings with a preset's weights in every queue. Raises `KeyError` for an unknown name."""
    preset = PRESETS[name]
    queues = {
        queue: msgspec.structs.replace(
            queue_settings, agent_weights=preset.agent_weights, call_weights=preset.call_weights
        )
        for queue, queue_settings in settings.queues.items()
    }
    return msgspec.structs.replace(settings, queues=queues)
