"""The oracle's state: plain mutable records, found by scanning; only what DESIGN.md stores is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from router.engine.events import Event
from router.engine.requirements import Requirement, Step
from router.engine.settings import QueueSettings, Settings
from router.engine.views import Result
from router.engine.vocabulary import Availability, CallState, EngagementState, Urgency

LIVE = (CallState.WAITING, CallState.OFFERED, CallState.ASSIGNED)


@dataclass
class BarRecord:
    """An agent kept from a call, and the offer that brought it."""

    agent: str
    until_us: int
    offer: int


@dataclass
class Call:
    name: str
    state: CallState
    queue: str
    channel: str
    requirement: Requirement
    own_requirement: bool
    urgency: Urgency
    priority: int
    preferred_agents: tuple[str, ...]
    hold_until_us: int | None
    effective_arrival_us: int
    wait_started_us: int
    queue_entered_us: int
    order: int
    callback: bool
    customer: str
    attributes: dict[str, str]
    explain: bool
    queues_tried: list[str]
    held: bool = False
    step: int = 0
    overdue: bool = False
    detached: bool = False
    bars: list[BarRecord] = field(default_factory=list)
    offer: int | None = None
    agent: str | None = None
    assigned_us: int | None = None
    finished_us: int | None = None
    resolved: bool | None = None
    satisfaction: int | None = None

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def active_step(self) -> Step:
        return self.requirement.steps[self.step]


@dataclass
class EngagementRecord:
    """One tie of an agent to a call. `started_us` is when the present kind of tie began."""

    offer: int
    call: str
    queue: str
    channel: str
    state: EngagementState
    started_us: int
    until_us: int | None


@dataclass
class Counts:
    """What is counted of a queue, or of an agent in a queue."""

    calls: int = 0
    handle_sum_us: int = 0
    resolutions: int = 0
    resolved: int = 0
    satisfactions: int = 0
    satisfaction_sum: int = 0


@dataclass
class Learned:
    efficiency_ppm: int
    counts: Counts


@dataclass
class Agent:
    name: str
    occupancy_at_us: int
    availability: Availability = Availability.SIGNED_OUT
    reason: str = ""
    skills: dict[str, int] = field(default_factory=dict)
    capacity: dict[str, int] = field(default_factory=dict)
    engagements: list[EngagementRecord] = field(default_factory=list)
    sign_in_order: int = 0
    idle_since_us: int = 0
    occupancy_q32: int = 0
    learned: dict[str, Learned] = field(default_factory=dict)

    @property
    def signed_in(self) -> bool:
        return self.availability != Availability.SIGNED_OUT

    @property
    def engaged(self) -> bool:
        return bool(self.engagements)


@dataclass
class Queue:
    name: str
    paused: bool = False
    counts: Counts = field(default_factory=Counts)


@dataclass
class Customer:
    name: str
    agent: str
    served_us: int


@dataclass
class Request:
    content: bytes
    result: Result


@dataclass
class State:
    """Everything the engine knows, and what the last command brought. The three memories are kept oldest first.

    `last_us` is the time of the command before the present one, `restarted_us` the end of the last downtime.
    """

    settings: Settings = field(default_factory=Settings)
    now_us: int = 0
    last_us: int = 0
    restarted_us: int = 0
    sequence: int = 0
    last_offer: int = 0
    calls: dict[str, Call] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    customers: list[Customer] = field(default_factory=list)
    requests: dict[tuple[str, str], Request] = field(default_factory=dict)
    last_result: Result | None = None
    events: list[Event] = field(default_factory=list)
    reasons: list[Any] = field(default_factory=list)

    def emit(self, event: Any, **fields: Any) -> None:
        """Append an event of the given class, stamped with time and sequence."""
        self.events.append(event(time_us=self.now_us, sequence=self.sequence, **fields))

    def queue_settings(self, call: Call) -> QueueSettings:
        return self.settings.queues[call.queue]

    def waiting_calls(self) -> list[Call]:
        return [call for call in self.calls.values() if call.state == CallState.WAITING]

    def live_calls(self) -> list[Call]:
        return [call for call in self.calls.values() if call.live]

    def engagement(self, offer: int) -> tuple[Agent, EngagementRecord] | None:
        """Return the agent and the engagement with this offer number, if there is one now."""
        for agent in self.agents.values():
            for engagement in agent.engagements:
                if engagement.offer == offer:
                    return agent, engagement
        return None
