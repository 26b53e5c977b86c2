"""Views: immutable copies of the engine's state at one moment, for reading.

Together the views of all calls, agents and queues hold the whole state that the rules depend on; the tests
compare them with an independent oracle at each step.
"""

from __future__ import annotations

import msgspec

from router.engine.requirements import Requirement
from router.engine.vocabulary import (
    Availability,
    CallState,
    EngagementState,
    Obstacle,
    RejectReason,
    Tier,
    Urgency,
)


class Bar(msgspec.Struct, frozen=True):
    """An agent who may not take a call until `until_us`, having rejected it or let it expire."""

    agent: str
    until_us: int


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    """One call, live or remembered.

    `order` breaks ties and is the sequence of the command that gave the call its place. `step`, `tier` and
    `held` are as of the last time it entered or waited. `position` is 1 for the first in line, None when the
    call is not waiting. `offer` is the current pairing, `agent` its agent (the last one when the call is finished).
    """

    call: str
    state: CallState
    queue: str
    channel: str
    requirement: Requirement
    own_requirement: bool
    urgency: Urgency
    priority: int
    preferred_agents: tuple[str, ...]
    hold_until_us: int | None
    held: bool
    effective_arrival_us: int
    wait_started_us: int
    queue_entered_us: int
    order: int
    step: int
    tier: Tier
    position: int | None
    callback: bool
    customer: str
    attributes: dict[str, str]
    bars: tuple[Bar, ...]
    queues_tried: tuple[str, ...]
    offer: int | None
    agent: str | None
    assigned_us: int | None
    finished_us: int | None
    resolved: bool | None
    satisfaction: int | None
    explain: bool
    detached: bool = False


class Engagement(msgspec.Struct, frozen=True, kw_only=True):
    """What ties an agent to a call: an offer, an assignment or a wrap-up. `until_us` is its deadline, if it has one."""

    offer: int
    call: str
    queue: str
    channel: str
    state: EngagementState
    started_us: int
    until_us: int | None


class LearnedEfficiency(msgspec.Struct, frozen=True, kw_only=True):
    """What was learned of an agent in a queue. `efficiency_ppm` is 500,000 at the queue's norm."""

    queue: str
    efficiency_ppm: int
    calls: int
    handle_sum_us: int
    resolutions: int
    resolved: int
    satisfactions: int
    satisfaction_sum: int


class AgentView(msgspec.Struct, frozen=True, kw_only=True):
    """One agent, signed in or remembered.

    `sign_in_order` is the sequence of the last sign-in, 0 if there was none. `idle_since_us` is when the last
    engagement ended or the agent became ready. `occupancy_q32` is the decayed share of busy time times
    2^32, as of `occupancy_at_us`.
    """

    agent: str
    availability: Availability
    reason: str
    skills: dict[str, int]
    capacity: dict[str, int]
    engagements: tuple[Engagement, ...]
    sign_in_order: int
    idle_since_us: int
    occupancy_q32: int
    occupancy_at_us: int
    learned: tuple[LearnedEfficiency, ...]


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """One queue: what is in it and what was learned of it."""

    queue: str
    paused: bool
    waiting: int
    offered: int
    assigned: int
    calls: int
    handle_sum_us: int
    resolutions: int
    resolved: int
    satisfactions: int
    satisfaction_sum: int


class CustomerView(msgspec.Struct, frozen=True, kw_only=True):
    """Who served a customer last."""

    customer: str
    agent: str
    served_us: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one command, small enough to be remembered for a retry.

    For commands about a call, `call_state`, `queue`, `agent` and `offer` are the call's after the command.
    `repeated` says that this is the first answer given again.
    """

    sequence: int
    time_us: int
    rejection: RejectReason | None = None
    subject: str = ""
    call_state: CallState | None = None
    queue: str | None = None
    agent: str | None = None
    offer: int | None = None
    repeated: bool = False


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of work done since the engine was created or restored; they are not part of its state.

    A decision looks for the best agent for a call or the best call for an agent. `candidates` never exceeds
    `classes` + `affinity_pairs` + `barred` over the same decisions.
    """

    commands: int
    decisions: int
    candidates: int
    classes: int
    affinity_pairs: int
    barred: int


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One term of a score: value in millionths, weight in thousandths, their product in 10⁻⁹ (rounded down)."""

    name: str
    value_ppm: int
    weight_milli: int
    contribution_nano: int


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A call and an agent as they were weighed, with every term of the ranking."""

    call: str
    agent: str
    queue: str
    tier: Tier
    terms: tuple[Term, ...]
    total_nano: int


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Why a call went to an agent. `ranking` is "agent" (an agent was chosen for the call) or "call".

    `runner_up` is None when there was no other candidate. `decided_by` names the term that made the
    difference most, or is "tier", "due", a tie-break ("engaged", "idle_since", "sign_in_order",
    "effective_arrival", "order") or "only_candidate".
    """

    offer: int
    time_us: int
    sequence: int
    ranking: str
    winner: Candidate
    runner_up: Candidate | None
    decided_by: str
    candidates: int


class Eligibility(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an agent may take a call now, and if not, every obstacle."""

    call: str
    agent: str
    eligible: bool
    obstacles: tuple[Obstacle, ...]


class CallExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a call is where it is. `summary` says it in a sentence.

    `obstacles` counts signed-in agents by what keeps them from taking it (waiting calls only)."""

    call: str
    state: CallState
    summary: str
    position: int | None
    tier: Tier
    step: int
    signed_in_agents: int
    obstacles: dict[Obstacle, int]
    decision: Decision | None
