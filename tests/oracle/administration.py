"""Commands about agents, queues and settings, as the oracle carries them out."""

from __future__ import annotations

from collections.abc import Mapping

from router.engine import commands as c
from router.engine import events as e
from router.engine.settings import Settings
from router.engine.vocabulary import Availability, EngagementState, RejectReason, WithdrawalCause
from tests.oracle import matching, scoring
from tests.oracle.commands import Refusal, known_queue, signed_in_agent
from tests.oracle.memory import drop_surplus
from tests.oracle.state import Agent, Queue, State

# Agents


def known_channels(state: State, capacity: Mapping[str, int]) -> None:
    for channel in sorted(capacity):
        if channel not in state.settings.channels:
            raise Refusal(RejectReason.UNKNOWN_CHANNEL, channel)


def full_capacity(state: State, capacity: Mapping[str, int]) -> dict[str, int]:
    """Return the capacity, an empty one standing for one call on every channel."""
    return dict(capacity) or dict.fromkeys(state.settings.channels, 1)


def capacity_suffices(agent: Agent, capacity: Mapping[str, int]) -> None:
    """Check that the agent's engagements fit in the capacity."""
    for engagement in agent.engagements:
        used = sum(one.channel == engagement.channel for one in agent.engagements)
        if used > capacity.get(engagement.channel, 0):
            raise Refusal(RejectReason.CAPACITY_IN_USE, agent.name)


def sign_in(state: State, command: c.SignIn) -> None:
    known_channels(state, command.capacity)
    agent = state.agents.get(command.agent)
    if agent is not None and agent.signed_in:
        raise Refusal(RejectReason.ALREADY_SIGNED_IN, command.agent)
    if agent is None and len(state.agents) >= state.settings.agents_max:
        raise Refusal(RejectReason.TOO_MANY_AGENTS, command.agent)
    capacity = full_capacity(state, command.capacity)
    if agent is not None:
        capacity_suffices(agent, capacity)
    else:
        agent = state.agents[command.agent] = Agent(command.agent, occupancy_at_us=state.now_us)

    scoring.note_occupancy(state, agent)
    agent.availability = Availability.READY if command.ready else Availability.NOT_READY
    agent.reason = ""
    agent.skills = dict(command.skills)
    agent.capacity = capacity
    agent.sign_in_order = state.sequence
    agent.idle_since_us = state.now_us
    state.emit(e.AgentSignedIn, agent=agent.name, availability=agent.availability)
    matching.settle(state, agent)


def sign_out(state: State, command: c.SignOut) -> None:
    agent = signed_in_agent(state, command.agent)
    calls = matching.sign_out(state, agent, no_answer=False)
    matching.settle(state, None, calls)


def set_availability(state: State, command: c.SetAvailability) -> None:
    agent = signed_in_agent(state, command.agent)
    if command.ready:
        make_ready(state, agent, command.reason)
    elif command.after_call and agent.engaged and agent.availability != Availability.NOT_READY:
        change_with_reason(state, agent, Availability.CLOSING, command.reason)
    else:
        calls = matching.take_offers_back(state, agent, WithdrawalCause.AGENT_NOT_READY)
        change_with_reason(state, agent, Availability.NOT_READY, command.reason)
        matching.settle(state, None, calls)


def make_ready(state: State, agent: Agent, reason: str) -> None:
    if agent.availability == Availability.READY:
        return
    was_not_ready = agent.availability == Availability.NOT_READY
    matching.change_availability(state, agent, Availability.READY)
    if was_not_ready:
        agent.idle_since_us = state.now_us
    agent.reason = reason
    matching.tell_availability(state, agent)
    matching.settle(state, agent)


def change_with_reason(state: State, agent: Agent, availability: Availability, reason: str) -> None:
    """Set availability and reason, and tell it unless both were so before."""
    before = (agent.availability, agent.reason)
    matching.change_availability(state, agent, availability)
    agent.reason = reason
    if before != (availability, reason):
        matching.tell_availability(state, agent)


def update_agent(state: State, command: c.UpdateAgent) -> None:
    agent = signed_in_agent(state, command.agent)
    capacity = agent.capacity
    if command.capacity is not None:
        known_channels(state, command.capacity)
        capacity = full_capacity(state, command.capacity)
        capacity_suffices(agent, capacity)
    if capacity != agent.capacity:
        scoring.note_occupancy(state, agent)
        agent.capacity = capacity
    if command.skills is not None:
        agent.skills = dict(command.skills)
    state.emit(e.AgentUpdated, agent=agent.name)
    matching.settle(state, agent)


# Queues


def pause_queue(state: State, command: c.PauseQueue) -> None:
    known_queue(state, command.queue)
    queue = state.queues[command.queue]
    if queue.paused:
        raise Refusal(RejectReason.QUEUE_ALREADY_PAUSED, command.queue)
    queue.paused = True
    state.emit(e.QueuePaused, queue=command.queue)


def resume_queue(state: State, command: c.ResumeQueue) -> None:
    known_queue(state, command.queue)
    queue = state.queues[command.queue]
    if not queue.paused:
        raise Refusal(RejectReason.QUEUE_NOT_PAUSED, command.queue)
    queue.paused = False
    state.emit(e.QueueResumed, queue=command.queue)
    matching.seek_each(state, [call for call in state.waiting_calls() if call.queue == command.queue])


# Settings


def configure(state: State, command: c.Configure) -> None:
    old, new = state.settings, command.settings
    removed_queues = sorted(old.queues.keys() - new.queues.keys())
    removed_channels = old.channels.keys() - new.channels.keys()
    check_removed_queues(state, command, removed_queues)
    check_changed_channels(state, new)

    for agent in state.agents.values():
        if agent.capacity.keys() & removed_channels:
            scoring.note_occupancy(state, agent)
            agent.capacity = {name: n for name, n in agent.capacity.items() if name not in removed_channels}
    state.settings = new
    state.emit(e.Configured)
    move_calls(state, command.moves, removed_queues)
    for name in removed_queues:
        del state.queues[name]
        for agent in state.agents.values():
            agent.learned.pop(name, None)
    for name in new.queues:
        state.queues.setdefault(name, Queue(name))
    drop_surplus(state)
    for call in state.waiting_calls():
        matching.assess(state, call)
    matching.seek_each(state, state.waiting_calls())


def check_removed_queues(state: State, command: c.Configure, removed_queues: list[str]) -> None:
    for name in removed_queues:
        if any(call.queue == name for call in state.live_calls()):
            if name not in command.moves:
                raise Refusal(RejectReason.QUEUE_HAS_CALLS, name)
            if command.moves[name] not in command.settings.queues:
                raise Refusal(RejectReason.UNKNOWN_QUEUE, command.moves[name])


def check_changed_channels(state: State, new: Settings) -> None:
    in_use = {call.channel for call in state.live_calls()}
    in_use |= {one.channel for agent in state.agents.values() for one in agent.engagements}
    for name, channel in sorted(state.settings.channels.items()):
        changes = name not in new.channels or new.channels[name].exclusive != channel.exclusive
        if changes and name in in_use:
            raise Refusal(RejectReason.CHANNEL_IN_USE, name)


def move_calls(state: State, moves: Mapping[str, str], removed_queues: list[str]) -> None:
    """Move the live calls of removed queues; an offer or an assignment goes along."""
    stranded = [call for call in state.live_calls() if call.queue in removed_queues]
    for call in sorted(stranded, key=lambda call: call.order):
        from_queue, target = call.queue, moves[call.queue]
        call.queue = target
        if not call.own_requirement:
            call.requirement = state.settings.queues[target].requirement
        if target not in call.queues_tried:
            call.queues_tried.append(target)
        found = state.engagement(call.offer) if call.offer is not None else None
        if found is not None and found[1].state != EngagementState.WRAP_UP:
            found[1].queue = target
        state.emit(e.CallMoved, call=call.name, from_queue=from_queue, queue=target)
