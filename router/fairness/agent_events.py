"""Events about agents: what they make of the picture. An agent's open channels always follow at once."""

from __future__ import annotations

from router.engine import commands, events
from router.engine.vocabulary import Availability, EngagementState
from router.fairness.model import Agent
from router.fairness.restarts import Restarts


class AgentEvents(Restarts):
    """Sign-in and sign-out, availability, updates."""

    def _signed_in(self, event: events.AgentSignedIn) -> None:
        command = self.command_for(commands.SignIn, event, event.agent)
        if command is None:
            return
        profile = self.catalogue.profile(command.skills)
        agent = self.agents.setdefault(event.agent, Agent(event.agent, profile, accounted_us=event.time_us))
        self.before_change(agent, event.time_us)
        agent.profile = profile
        agent.capacity = self.full_capacity(command.capacity)
        agent.availability = event.availability
        agent.sign_in_order = event.sequence
        agent.idle_since_us = event.time_us
        self.agent_changed(agent)

    def _signed_out(self, event: events.AgentSignedOut) -> None:
        agent = self.agent(event.agent, "signed out")
        if agent is None:
            return
        for engagement in agent.engagements.values():
            if engagement.state != EngagementState.ASSIGNED:
                self.lost(
                    f"agent {agent.name} signed out and kept the offer or wrap-up of call {engagement.call}",
                    engagement.call,
                    agent.name,
                )
        self._set_availability(agent, Availability.SIGNED_OUT, event.time_us)

    def _availability_changed(self, event: events.AgentAvailabilityChanged) -> None:
        agent = self.agent(event.agent, "changed availability")
        if agent is None:
            return
        self.check_made_not_ready(event, agent.availability)
        if event.availability == Availability.READY and agent.availability == Availability.NOT_READY:
            agent.idle_since_us = event.time_us
        self._set_availability(agent, event.availability, event.time_us)

    def _set_availability(self, agent: Agent, availability: Availability, time_us: int) -> None:
        self.before_change(agent, time_us)
        agent.availability = availability
        self.agent_changed(agent)

    def _agent_updated(self, event: events.AgentUpdated) -> None:
        command = self.command_for(commands.UpdateAgent, event, event.agent)
        agent = self.agent(event.agent, "was updated")
        if command is None or agent is None:
            return
        self.before_change(agent, event.time_us)
        if command.skills is not None:
            agent.profile = self.catalogue.profile(command.skills)
        if command.capacity is not None:
            agent.capacity = self.full_capacity(command.capacity)
        self.agent_changed(agent)
