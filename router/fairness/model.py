"""Calls and agents as the checker follows them: only what decides who may take what, in which order.

Nothing here looks at the engine: the checker's copy is built from commands and events alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from router.engine.settings import QueueSettings, Settings
from router.engine.vocabulary import Availability, CallState, EngagementState, Tier, Urgency
from router.fairness.demands import Demand, DemandStep, Profile


@dataclass(slots=True)
class Engagement:
    """What ties an agent to a call under one offer number; `until_us` is when it must end."""

    offer: int
    call: str
    agent: str
    channel: str
    state: EngagementState
    until_us: int | None


@dataclass(slots=True)
class Agent:
    """An agent who signed in at some time. `open` are the channels on which a call may come now."""

    name: str
    profile: Profile
    availability: Availability = Availability.SIGNED_OUT
    capacity: dict[str, int] = field(default_factory=dict)
    engagements: dict[int, Engagement] = field(default_factory=dict)
    sign_in_order: int = 0
    idle_since_us: int = 0
    ever_engaged: bool = False
    open: frozenset[str] = frozenset()
    accounted_us: int = 0
    staffed_us: int = 0
    busy_us_ppm: int = 0

    def idle_key(self) -> tuple[bool, int, int]:
        """Order agents equal in every other term: free ones first, then longest idle, then first signed in."""
        return (bool(self.engagements), self.idle_since_us, self.sign_in_order)

    def engaged_on(self, channel: str) -> int:
        return sum(one.channel == channel for one in self.engagements.values())


@dataclass(slots=True)
class Call:
    """A call that is not finished. `returned` says that it was with an agent and came back in its place.

    While it is `detached` it keeps its place and nobody may take it.
    """

    name: str
    queue: str
    channel: str
    demand: Demand
    own_requirement: bool
    urgency: Urgency
    priority: int
    preferred_agents: tuple[str, ...]
    hold_until_us: int | None
    effective_arrival_us: int
    wait_started_us: int
    order: int
    state: CallState = CallState.WAITING
    offer: int | None = None
    step: int = 0
    overdue: bool = False
    held: bool = False
    detached: bool = False
    bars: dict[str, int] = field(default_factory=dict)
    returned: bool = False
    slips: int = 0
    overtook: bool = False

    @property
    def active_step(self) -> DemandStep:
        return self.demand.steps[self.step]

    @property
    def tier(self) -> Tier:
        if self.urgency == Urgency.URGENT:
            return Tier.URGENT_OVERDUE if self.overdue else Tier.URGENT
        if self.overdue:
            return Tier.OVERDUE
        return Tier.IMPORTANT if self.urgency == Urgency.IMPORTANT else Tier.NORMAL

    def barred(self, agent: str, time_us: int) -> bool:
        """Say whether the agent may not take the call before some later moment."""
        return self.bars.get(agent, -1) > time_us

    def bar_ends_now(self, agent: str, time_us: int) -> bool:
        """Say whether a bar ends at this very moment, so that events do not tell whether it still stood."""
        return self.bars.get(agent, -1) == time_us


# The clock of one call


def step_at(call: Call, time_us: int) -> int:
    """Return the last step whose time has come by real wait."""
    waited_us = time_us - call.wait_started_us
    steps = call.demand.steps
    return max((index for index in range(len(steps)) if steps[index].after_us <= waited_us), default=0)


def due_us(call: Call, queue: QueueSettings) -> int | None:
    """Return when the call is overdue, None for never."""
    bounds = queue.max_overtake_wait_us
    bound_us = (bounds.normal, bounds.important, bounds.urgent)[call.urgency]
    return None if bound_us is None else call.effective_arrival_us + bound_us


def overdue_at(call: Call, queue: QueueSettings, time_us: int) -> bool:
    due = due_us(call, queue)
    return due is not None and time_us >= due


def held_at(call: Call, queue: QueueSettings, time_us: int) -> bool:
    return (
        call.hold_until_us is not None
        and time_us < call.hold_until_us
        and bool(call.preferred_agents)
        and not overdue_at(call, queue, time_us)
    )


def assess(call: Call, queue: QueueSettings, time_us: int) -> None:
    """Set step, overdue and held from the clock; a hold that has ended never comes back."""
    call.step = step_at(call, time_us)
    call.overdue = overdue_at(call, queue, time_us)
    call.held = held_at(call, queue, time_us)
    if not call.held:
        call.hold_until_us = None


def next_change_us(call: Call, queue: QueueSettings) -> int | None:
    """Return the next moment at which the clock alone changes the call, None if it never does."""
    moments = [call.hold_until_us] if call.held else []
    if call.step + 1 < len(call.demand.steps):
        moments.append(call.wait_started_us + call.demand.steps[call.step + 1].after_us)
    if not call.overdue:
        moments.append(due_us(call, queue))
    return min((moment for moment in moments if moment is not None), default=None)


# The capacity of one agent


def open_channels(agent: Agent, settings: Settings) -> frozenset[str]:
    """Return the channels on which the agent, if ready, may be given a call."""
    if agent.availability != Availability.READY:
        return frozenset()
    channels = settings.channels
    if not agent.engagements:
        return frozenset(channel for channel, most in agent.capacity.items() if most > 0 and channel in channels)
    if any(is_exclusive(one.channel, settings) for one in agent.engagements.values()):
        return frozenset()
    return frozenset(
        channel
        for channel, most in agent.capacity.items()
        if channel in channels and not channels[channel].exclusive and agent.engaged_on(channel) < most
    )


def is_exclusive(channel: str, settings: Settings) -> bool:
    found = settings.channels.get(channel)
    return found is not None and found.exclusive


def in_use_ppm(agent: Agent, settings: Settings) -> int:
    """Return the share of the agent's capacity in use, in millionths."""
    if any(is_exclusive(one.channel, settings) for one in agent.engagements.values()):
        return 1_000_000
    total = sum(most for channel, most in agent.capacity.items() if not is_exclusive(channel, settings))
    return len(agent.engagements) * 1_000_000 // total if total else 0
