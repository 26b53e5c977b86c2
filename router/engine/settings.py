"""Settings of the engine: resolved, typed values. `router.config` makes them from TOML.

Weights are fixed-point thousandths: 1000 is a weight of 1. They lie in 0 … 1,000,000.
Durations are microseconds, at most 366 days; `NEVER` (None) where a limit may be absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from router.engine.requirements import Requirement
from router.engine.vocabulary import NoAnswerAction, WrapUpMode

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US
NEVER: Final = None
UNLIMITED: Final = None


class AgentWeights(msgspec.Struct, frozen=True):
    """Weights, in thousandths, of the terms that choose an agent for a call."""

    skill_fit: int = 0
    idle: int = 0
    load: int = 0
    efficiency: int = 0
    affinity: int = 0
    reserve: int = 0


class CallWeights(msgspec.Struct, frozen=True):
    """Weights, in thousandths, of the terms that choose a call for an agent."""

    priority: int = 0
    age: int = 0
    deadline: int = 0
    skill_fit: int = 0
    efficiency: int = 0
    affinity: int = 0


class ByUrgency(msgspec.Struct, frozen=True):
    """A duration in microseconds for each urgency; None means never (where allowed)."""

    normal: int | None
    important: int | None
    urgent: int | None


class ChannelSettings(msgspec.Struct, frozen=True):
    """A channel. A call on an exclusive channel takes the agent whole."""

    exclusive: bool = True


class WrapUp(msgspec.Struct, frozen=True):
    """After-call work. `duration_us` (at least 1) is the fixed time, or the cap where the agent ends it.

    With `NONE` it does not matter.
    """

    mode: WrapUpMode = WrapUpMode.NONE
    duration_us: int = 0


class QueueSettings(msgspec.Struct, frozen=True):
    """One line of business. Durations are microseconds, 0 to 366 days unless said otherwise.

    `requirement`: what a call demands that brings none of its own.
    `target_us`: the service level target, 1 s or more. `max_overtake_wait_us`: the starvation bound, or None for never.
    `automatic`: assign without an offer. `offer_timeout_us`: how long an offer stands, at least 1;
    `no_answer_action`: what then happens to the agent; `reject_backoff_us`: how long who rejected a call, or let it
    ring, may not take it. `wrap_up`: after-call work.
    `preferred_hold_us`: how long a call is held for its preferred agents. `last_agent_preferred`: the customer's last
    agent is one of them; `last_agent_hold_us`: the hold for that agent alone.
    `waiting_max`: calls that may wait, 0 or more, or None; `wait_max_us`: how long one may wait in this queue, or None;
    `overflow`: the other queue that takes calls over a limit, None to refuse them.
    """

    requirement: Requirement = Requirement()
    target_us: ByUrgency = ByUrgency(20 * SECOND_US, 20 * SECOND_US, 10 * SECOND_US)
    max_overtake_wait_us: ByUrgency = ByUrgency(10 * MINUTE_US, 10 * MINUTE_US, 5 * MINUTE_US)
    automatic: bool = False
    offer_timeout_us: int = 20 * SECOND_US
    no_answer_action: NoAnswerAction = NoAnswerAction.NOT_READY
    reject_backoff_us: int = 30 * SECOND_US
    wrap_up: WrapUp = WrapUp()
    preferred_hold_us: int = 20 * SECOND_US
    last_agent_preferred: bool = False
    last_agent_hold_us: int = 0
    waiting_max: int | None = UNLIMITED
    wait_max_us: int | None = NEVER
    overflow: str | None = None
    agent_weights: AgentWeights = AgentWeights()
    call_weights: CallWeights = CallWeights()


class EfficiencySettings(msgspec.Struct, frozen=True):
    """How learned efficiency mixes its parts (thousandths) and how many calls the prior counts for (1 to 10,000)."""

    prior_calls: int = 10
    handle_time: int = 1000
    resolution: int = 1000
    satisfaction: int = 1000


class Settings(msgspec.Struct, frozen=True):
    """Everything the engine is configured with. Complete defaults, except that a queue needs a name.

    1 to 16 channels. `idle_scale_us`, `occupancy_half_life_us`, `finished_retention_us` and
    `request_retention_us` are at least 1; so are `requests_max`, `agents_max`, `calls_max` and
    `requirements_max` (different requirements of queues and remembered calls), and all numbers are at most
    1,000,000,000. `customer_retention_us` and `customers_max` may be 0: no last agent is remembered.
    """

    queues: Mapping[str, QueueSettings] = {}
    channels: Mapping[str, ChannelSettings] = msgspec.field(default_factory=lambda: {"voice": ChannelSettings()})
    idle_scale_us: int = 60 * SECOND_US
    occupancy_half_life_us: int = 30 * MINUTE_US
    efficiency: EfficiencySettings = EfficiencySettings()
    finished_retention_us: int = HOUR_US
    customer_retention_us: int = 30 * DAY_US
    customers_max: int = 1_000_000
    request_retention_us: int = DAY_US
    requests_max: int = 1_000_000
    agents_max: int = 1_000_000
    calls_max: int = 1_000_000
    requirements_max: int = 10_000
