"""The agents' book: who is signed in through the bridge, who is ready, and whom the bridge itself has set not ready.

Keeps one invariant: the bridge takes back only what it has set itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from router.bridge.asterisk.actions import Applied, Refused, Unanswered
from router.bridge.asterisk.calls import LegPhase
from router.bridge.asterisk.causes import Ending, LegEnd
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.link import Link
from router.client import Difference, DifferenceKind, LiveAgent
from router.engine import events
from router.engine.commands import SetAvailability, SignIn
from router.engine.views import AgentView
from router.engine.vocabulary import Availability

CONNECTION_LOST: Final = "connection_lost"
"""The reason that the router itself gives when it loses sight of us; Reconcile takes it back."""
UNKNOWN_CALL: Final = "unknown_call"
"""The one that it gives while an agent talks with a caller whose call is over for it; we take it back afterwards."""
RETRY_US: Final = 5_000_000
VISIT_US: Final = 3_000_000
"""So soon after a feature code a telephone may still be busy with it, and so soon it is tried again."""

HEEDED: Final = (events.AgentSignedIn, events.AgentSignedOut, events.AgentAvailabilityChanged)
_AS_LISTED: Final = (DifferenceKind.AGENT_UNKNOWN, DifferenceKind.AVAILABILITY)
_FALLS_THROUGH: Final = 2
_SIGNED_OUT: Final = frozenset({"AGENT_SIGNED_OUT", "UNKNOWN_AGENT"})


class Agent:
    """One agent, as far as the bridge knows."""

    __slots__ = (
        "device", "fell_through", "name", "ours", "owed", "parked", "parked_at", "ready", "reason", "sets",
        "sign_in", "signed_in", "visited_us", "visits",
    )  # fmt: skip

    def __init__(self, name: str, sign_in: SignIn) -> None:
        self.name = name
        self.sign_in = sign_in
        self.ours = False
        """Whether the agent was signed in through the bridge."""
        self.signed_in = False
        self.ready = False
        self.reason = ""
        self.parked: str | None = None
        """Why the bridge has set the agent not ready; None if it has not."""
        self.parked_at: int | None = None
        """The sequence with which the router has done so; None until it has answered."""
        self.owed = False
        """The router keeps the agent not ready until a talk is over that it does not know."""
        self.sets = 0
        """How often the bridge has said whether the agent is ready: an answer to an earlier time is overtaken."""
        self.device = ""
        self.fell_through = 0
        """How often in a row the agent's telephone answered and nobody could be connected."""
        self.visits = 0
        """Feature codes that the agent is dialling now."""
        self.visited_us: int | None = None
        """When the last one began or ended."""


class AgentBook:
    """All agents that the bridge has heard of."""

    def __init__(self, desk: Desk, link: Link) -> None:
        self._desk = desk
        self._link = link
        self._agents: dict[str, Agent] = {}
        self._agreed_at = 0
        for entry in desk.settings.agents:
            if entry.at_start:
                agent = self.agent(entry.agent)
                agent.ours = agent.signed_in = True
                agent.ready = entry.sign_in.ready

    def agent(self, name: str) -> Agent:
        """Return what is known of an agent."""
        agent = self._agents.get(name)
        if agent is None:
            entry = self._desk.settings.agents.entry(name)
            agent = self._agents[name] = Agent(name, entry.sign_in if entry else SignIn(name))
        return agent

    def live(self) -> tuple[LiveAgent, ...]:
        """Return the agents who are signed in through the bridge."""
        return tuple(
            LiveAgent(msgspec.structs.replace(agent.sign_in, ready=agent.ready), "" if agent.ready else agent.reason)
            for agent in self._agents.values()
            if agent.ours and agent.signed_in
        )

    def learn(self, views: tuple[AgentView, ...]) -> None:
        """Take over the agents of an earlier run."""
        for view in views:
            agent = self.agent(view.agent)
            agent.ours = agent.signed_in = True
            agent.sign_in = SignIn(view.agent, view.skills, view.capacity)
            agent.owed = view.reason == UNKNOWN_CALL and self._talks(agent)
            if view.reason == CONNECTION_LOST or (view.reason == UNKNOWN_CALL and not agent.owed):
                agent.ready, agent.reason = True, ""
            else:
                agent.ready = view.availability is Availability.READY
                agent.reason = view.reason
                self._park_again(agent)

    def _talks(self, agent: Agent) -> bool:
        legs = self._desk.legs.values()
        return any(leg.agent == agent.name and leg.phase is not LegPhase.ENDING for leg in legs)

    def agreed(self, sequence: int, listed: Iterable[LiveAgent], differences: Iterable[Difference]) -> None:
        """The router has the agents as they were listed; what it tells from before `sequence` is overtaken."""
        if sequence < self._agreed_at:
            # the router has lost its memory, and counts anew
            for agent in self._agents.values():
                agent.parked_at = None if agent.parked_at is None else 0
        self._agreed_at = sequence
        lists = {live.sign_in.agent: live for live in listed}
        for difference in differences:
            if difference.kind in _AS_LISTED and difference.problem:
                # the router keeps the agent not ready until a talk is over that it knows nothing of
                owing = self.agent(difference.agent)
                owing.owed = True
                self.talk_over(owing.name)  # it may have ended meanwhile
            live = lists.get(difference.agent)
            if live is not None and difference.repaired and difference.kind in _AS_LISTED:
                agent = self.agent(difference.agent)
                agent.ours = agent.signed_in = True
                if agent.parked is None:
                    agent.ready, agent.reason = live.sign_in.ready, live.reason
        for live in lists.values():
            agent = self.agent(live.sign_in.agent)
            if agent.parked is None and agent.reason == live.reason:
                self._park_again(agent)

    # --- what the router tells

    def heard(self, event: events.Event) -> bool:
        """Take in an event about an agent; False if it is about something else."""
        if isinstance(event, HEEDED) and event.sequence <= self._agreed_at and self.agent(event.agent).ours:
            return True
        match event:
            case events.AgentSignedIn(agent=name, availability=availability):
                agent = self.agent(name)
                agent.signed_in = True
                if not self._overtaken(agent, event.sequence):
                    self._availability(agent, availability is Availability.READY, "")
            case events.AgentSignedOut(agent=name):
                agent = self.agent(name)
                agent.ours = agent.signed_in = agent.ready = agent.owed = False
                if not self._overtaken(agent, event.sequence):
                    self._unpark(agent)
            case events.AgentAvailabilityChanged(agent=name, availability=availability, reason=reason):
                agent = self.agent(name)
                if reason != CONNECTION_LOST and not self._overtaken(agent, event.sequence):
                    self._availability(agent, availability is Availability.READY, reason)
            case _:
                return False
        return True

    def _overtaken(self, agent: Agent, sequence: int) -> bool:
        """Say whether the bridge has set an agent not ready since."""
        return agent.parked is not None and (agent.parked_at is None or sequence < agent.parked_at)

    def _availability(self, agent: Agent, ready: bool, reason: str) -> None:
        agent.ready, agent.reason = ready, reason
        if ready:
            agent.owed = False
        if agent.parked is not None and (ready or reason != agent.parked):
            self._unpark(agent)

    # --- what the bridge sets by itself

    def park(self, name: str, end: LegEnd, ending: Ending) -> None:
        """Set an agent not ready because the telephone could not be reached."""
        agent = self.agent(name)
        with_us = end is LegEnd.BUSY and self._visits(agent)
        self._park(agent, end.value, VISIT_US if with_us else ending.ready_again_us)

    def visit(self, name: str, change: int) -> None:
        """An agent dials a feature code (1), or has done so (-1). Without a name it is nobody's telephone."""
        if name:
            agent = self.agent(name)
            agent.visits += change
            agent.visited_us = self._desk.now_us

    def _visits(self, agent: Agent) -> bool:
        """Say whether a telephone is busy with a feature code, or was just now."""
        return agent.visits > 0 or (agent.visited_us is not None and self._desk.now_us - agent.visited_us < VISIT_US)

    def fell_through(self, name: str) -> None:
        """An agent's telephone answered, and was gone before anybody was connected: once is chance."""
        agent = self.agent(name)
        agent.fell_through += 1
        if agent.fell_through >= _FALLS_THROUGH:
            agent.fell_through = 0
            ending = self._desk.settings.endings.get(LegEnd.UNREACHABLE, Ending(not_ready=True))
            self._park(agent, LegEnd.UNREACHABLE.value, ending.ready_again_us)

    def connected(self, name: str) -> None:
        """An agent is connected."""
        self.agent(name).fell_through = 0

    def park_for_device(self, agent: Agent, end: LegEnd) -> None:
        """Set an agent not ready for as long as the telephone's state says so."""
        self._park(agent, end.value, None)

    def _park(self, agent: Agent, reason: str, again_us: int | None) -> None:
        if agent.signed_in and not agent.ready and agent.parked is None:
            return  # somebody else has done it
        agent.parked, agent.ready, agent.reason = reason, False, reason
        agent.parked_at = None
        if again_us is not None:
            self._desk.timers.set(("agent", agent.name), self._desk.now_us + again_us)
        self._set(agent, ready=False)

    def _park_again(self, agent: Agent) -> None:
        """Take back some day what an earlier run has set."""
        ends = {end.value: self._desk.settings.endings.get(end) for end in LegEnd}
        ending = None if agent.ready else ends.get(agent.reason)
        if ending is not None and ending.not_ready:
            agent.parked, agent.parked_at = agent.reason, 0
            if ending.ready_again_us is not None:
                self._desk.timers.set(("agent", agent.name), self._desk.now_us + ending.ready_again_us)

    def _set(self, agent: Agent, *, ready: bool) -> None:
        agent.sets += 1
        number = agent.sets

        def then(answer: Applied | Refused | Unanswered) -> None:
            if not ready and number == agent.sets:
                agent.parked_at = answer.reply.result.sequence if isinstance(answer, Applied) else 0
            if isinstance(answer, Refused) and answer.reason in _SIGNED_OUT:
                agent.signed_in = agent.ready = agent.ours = False
                self._unpark(agent)
            elif isinstance(answer, Unanswered) and not agent.ours:
                # it is in no list of ours, so the next comparison does not tell it
                self._desk.timers.set(("agent-set", agent.name), self._desk.now_us + RETRY_US)

        self._link.send(SetAvailability(agent.name, ready, "" if ready else agent.reason), then=then)

    def say_again(self, name: str) -> None:
        """Tell the router once more what could not be told."""
        agent = self.agent(name)
        if agent.ready or agent.parked is not None:
            self._set(agent, ready=agent.ready)

    def _unpark(self, agent: Agent) -> None:
        agent.parked = None
        self._desk.timers.clear(("agent", agent.name))
        self._desk.timers.clear(("agent-set", agent.name))

    def signed_in(self, name: str) -> None:
        """An agent has signed in by telephone."""
        agent = self.agent(name)
        agent.ours = agent.signed_in = True
        if agent.parked is None:
            agent.ready, agent.reason = agent.sign_in.ready, ""
        if self._talks(agent):
            # the router has forgotten the agent, and cannot have known whom the agent has
            self._link.compare_again("an agent has signed in who talks")

    def make_ready(self, name: str) -> None:
        """Take back what the bridge has set, if it still is so."""
        agent = self.agent(name)
        if agent.parked is not None:
            self._unpark(agent)
            agent.ready, agent.reason = True, ""
            self._set(agent, ready=True)

    def talk_over(self, name: str) -> None:
        """A talk of an agent is over, or a telephone is gone that only rang."""
        agent = self.agent(name)
        if agent.owed and not self._talks(agent):
            agent.owed = False
            agent.ready, agent.reason = True, ""
            self._set(agent, ready=True)
