"""The story of every agent, from commands and events, and what is counted of it at the end. See recount.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from router.engine.commands import Command, SignIn
from router.engine.events import (
    AgentAvailabilityChanged,
    AgentSignedIn,
    AgentSignedOut,
    CallAssigned,
    CallCompleted,
    CallRequeued,
    Event,
    OfferAccepted,
    OfferExpired,
    OfferMade,
    OfferRejected,
    OfferWithdrawn,
    WrapUpEnded,
    WrapUpStarted,
)
from router.engine.settings import ChannelSettings
from router.engine.vocabulary import Availability
from router.simulation.results import AgentFigures

Window = tuple[int, int]
RELEASING = (OfferAccepted, OfferRejected, OfferExpired, OfferWithdrawn, WrapUpEnded, CallCompleted)


@dataclass(frozen=True)
class State:
    """How an agent stands from a time on. Engagements by offer: "offered", "talk" or "wrap-up", and the channel."""

    from_us: int
    availability: Availability = Availability.SIGNED_OUT
    capacity: Mapping[str, int] = field(default_factory=dict)
    engagements: Mapping[int, tuple[str, str]] = field(default_factory=dict)

    def number(self, kind: str) -> int:
        return sum(one == kind for one, _ in self.engagements.values())


class AgentStories:
    """Follows all agents."""

    def __init__(self, channels: Mapping[str, ChannelSettings]) -> None:
        self._channels = channels
        self._states: dict[str, list[State]] = {}
        self._counts: dict[tuple[str, str], list[int]] = {}  # (agent, what): when

    def take(self, event: Event, command: Command, channel_of: Callable[[str], str]) -> None:
        if isinstance(event, AgentSignedIn):
            assert isinstance(command, SignIn)
            capacity = dict(command.capacity) or dict.fromkeys(self._channels, 1)
            self._change(event.agent, event.time_us, availability=event.availability, capacity=capacity)
        elif isinstance(event, AgentSignedOut):
            self._change(event.agent, event.time_us, availability=Availability.SIGNED_OUT)
        elif isinstance(event, AgentAvailabilityChanged):
            self._change(event.agent, event.time_us, availability=event.availability)
        elif isinstance(event, OfferMade):
            self._engage(event.agent, event.offer, event.time_us, "offered", channel_of(event.call))
        elif isinstance(event, CallAssigned):
            self._engage(event.agent, event.offer, event.time_us, "talk", channel_of(event.call))
            self._count(event.agent, "answered", event.time_us)
        elif isinstance(event, WrapUpStarted):
            self._engage(event.agent, event.offer, event.time_us, "wrap-up", channel_of(event.call))
        elif isinstance(
            event, OfferAccepted | OfferRejected | OfferExpired | OfferWithdrawn | WrapUpEnded | CallCompleted
        ):
            self._release(event.agent, event.offer, event.time_us)
            if isinstance(event, OfferRejected):
                self._count(event.agent, "rejected", event.time_us)
            if isinstance(event, OfferExpired):
                self._count(event.agent, "not answered", event.time_us)
        elif isinstance(event, CallRequeued):
            self._release_talk(event)

    def figures(self, agent: str, group: str, window: Window) -> AgentFigures:
        """Count the measured time."""
        pieces = list(self._pieces(agent, window))
        at_work = [(us, state) for us, state in pieces if state.availability or state.engagements]

        def counted(what: str) -> int:
            return sum(window[0] <= time_us < window[1] for time_us in self._counts.get((agent, what), ()))

        return AgentFigures(
            agent=agent,
            group=group,
            present_us=sum(us for us, _ in at_work),
            ready_us=sum(us for us, state in at_work if state.availability >= Availability.READY or state.engagements),
            offered_us=sum(us * state.number("offered") for us, state in pieces),
            talk_us=sum(us * state.number("talk") for us, state in pieces),
            wrap_up_us=sum(us * state.number("wrap-up") for us, state in pieces),
            busy_us=self.busy_ppm_us(agent, window) // 1_000_000,
            answered=counted("answered"),
            rejected=counted("rejected"),
            not_answered=counted("not answered"),
        )

    def busy_ppm_us(self, agent: str, window: Window) -> int:
        """∫ share of the capacity in use dt, in millionths."""
        return sum(us * self._in_use_ppm(state) for us, state in self._pieces(agent, window))

    def _in_use_ppm(self, state: State) -> int:
        if not state.engagements:
            return 0
        if any(self._channels[channel].exclusive for _, channel in state.engagements.values()):
            return 1_000_000
        shared = sum(places for channel, places in state.capacity.items() if not self._channels[channel].exclusive)
        return len(state.engagements) * 1_000_000 // shared

    def _pieces(self, agent: str, window: Window) -> Iterator[tuple[int, State]]:
        states = [*self._states.get(agent, ()), State(window[1])]
        for state, following in pairwise(states):
            end_us = following.from_us
            lasted_us = min(end_us, window[1]) - max(state.from_us, window[0])
            if lasted_us > 0:
                yield lasted_us, state

    def _change(
        self, agent: str, time_us: int, *, availability: Availability, capacity: Mapping[str, int] | None = None
    ) -> None:
        state = self._last(agent)
        capacity = state.capacity if capacity is None else capacity
        self._add(agent, replace(state, from_us=time_us, availability=availability, capacity=capacity))

    def _engage(self, agent: str, offer: int, time_us: int, kind: str, channel: str) -> None:
        state = self._last(agent)
        self._add(agent, replace(state, from_us=time_us, engagements={**state.engagements, offer: (kind, channel)}))

    def _release(self, agent: str, offer: int, time_us: int) -> None:
        state = self._last(agent)
        left = {one: engagement for one, engagement in state.engagements.items() if one != offer}
        assert len(left) == len(state.engagements) - 1
        self._add(agent, replace(state, from_us=time_us, engagements=left))

    def _release_talk(self, event: CallRequeued) -> None:
        """A requeued call does not say its offer: simulated agents hand back all their talks at once."""
        state = self._last(event.agent)
        talks = [offer for offer, (kind, _) in state.engagements.items() if kind == "talk"]
        self._release(event.agent, talks[0], event.time_us)

    def _count(self, agent: str, what: str, time_us: int) -> None:
        self._counts.setdefault((agent, what), []).append(time_us)

    def _last(self, agent: str) -> State:
        return self._states[agent][-1] if agent in self._states else State(0)

    def _add(self, agent: str, state: State) -> None:
        self._states.setdefault(agent, []).append(state)
