"""Matching of the oracle: who may take what, the three procedures, and how engagements begin and end."""

from __future__ import annotations

from collections.abc import Iterable

from router.engine.events import (
    AgentAvailabilityChanged,
    AgentSignedOut,
    CallAssigned,
    CallHoldEnded,
    CallOverdue,
    CallOverflowed,
    CallRefused,
    CallStepReached,
    OfferMade,
    OfferWithdrawn,
    WrapUpEnded,
    WrapUpStarted,
)
from router.engine.vocabulary import (
    AssignmentCause,
    Availability,
    CallState,
    EngagementState,
    LimitCause,
    WithdrawalCause,
    WrapUpMode,
)
from tests.oracle import scoring
from tests.oracle.memory import finish
from tests.oracle.reasons import agent_candidate, call_candidate, note_reason
from tests.oracle.state import Agent, BarRecord, Call, EngagementRecord, State

# Who may take what


def may_take(state: State, agent: Agent, call: Call) -> bool:
    """Say whether the agent may take the call now."""
    return (
        call.state == CallState.WAITING
        and agent.availability == Availability.READY
        and call.channel in scoring.open_channels(state, agent)
        and scoring.satisfies(agent, call.active_step)
        and not state.queues[call.queue].paused
        and all(bar.agent != agent.name for bar in call.bars)
        and not call.detached
        and (not call.held or agent.name in call.preferred_agents)
    )


# The clock of one call


def reached_step(call: Call, now_us: int) -> int:
    waited = now_us - call.wait_started_us
    return max(index for index, step in enumerate(call.requirement.steps) if step.after_us <= waited)


def is_overdue(state: State, call: Call) -> bool:
    due = scoring.due_us(state, call)
    return due is not None and state.now_us >= due


def is_held(state: State, call: Call) -> bool:
    return (
        call.hold_until_us is not None
        and state.now_us < call.hold_until_us
        and bool(call.preferred_agents)
        and not is_overdue(state, call)
    )


def assess(state: State, call: Call) -> None:
    """Set step, overdue and held from the clock. A hold that has ended is erased."""
    call.held = is_held(state, call)
    if not call.held:
        call.hold_until_us = None
    call.step = reached_step(call, state.now_us)
    call.overdue = is_overdue(state, call)


def refresh(state: State, call: Call) -> None:
    """Assess, and tell what changed."""
    was_held, was_step, was_overdue = call.held, call.step, call.overdue
    assess(state, call)
    if was_held and not call.held:
        state.emit(CallHoldEnded, call=call.name)
    if call.step > was_step:
        state.emit(CallStepReached, call=call.name, step=call.step)
    if call.overdue and not was_overdue:
        state.emit(CallOverdue, call=call.name)


# Engagements


def engage(state: State, agent: Agent, call: Call, kind: EngagementState, until_us: int | None) -> int:
    """Tie the agent to the call under the next offer number, and return the number."""
    state.last_offer += 1
    scoring.note_occupancy(state, agent)
    agent.engagements.append(
        EngagementRecord(state.last_offer, call.name, call.queue, call.channel, kind, state.now_us, until_us)
    )
    call.offer = state.last_offer
    call.agent = agent.name
    return state.last_offer


def assign(state: State, agent: Agent, call: Call, cause: AssignmentCause) -> None:
    """Mark the call as assigned under its present offer number."""
    assert call.offer is not None
    call.state = CallState.ASSIGNED
    call.assigned_us = state.now_us
    state.emit(
        CallAssigned,
        offer=call.offer,
        call=call.name,
        agent=agent.name,
        queue=call.queue,
        cause=cause,
        wait_us=state.now_us - call.wait_started_us,
    )


def present(state: State, agent: Agent, call: Call) -> None:
    settings = state.queue_settings(call)
    if settings.automatic:
        engage(state, agent, call, EngagementState.ASSIGNED, None)
        assign(state, agent, call, AssignmentCause.AUTOMATIC)
        return
    expires_us = state.now_us + settings.offer_timeout_us
    offer = engage(state, agent, call, EngagementState.OFFERED, expires_us)
    call.state = CallState.OFFERED
    state.emit(
        OfferMade,
        offer=offer,
        call=call.name,
        agent=agent.name,
        queue=call.queue,
        expires_us=expires_us,
        callback=call.callback,
    )


def release(state: State, agent: Agent, engagement: EngagementRecord) -> None:
    """Remove the engagement; the end of an assignment or a wrap-up starts idle time."""
    scoring.note_occupancy(state, agent)
    agent.engagements.remove(engagement)
    if engagement.state != EngagementState.OFFERED:
        agent.idle_since_us = state.now_us


def engagement_of(state: State, call: Call) -> tuple[Agent, EngagementRecord]:
    """Return the present engagement of an offered or assigned call."""
    assert call.offer is not None
    found = state.engagement(call.offer)
    assert found is not None, "an offered or assigned call has an engagement"
    return found


def withdraw(state: State, call: Call, cause: WithdrawalCause) -> Agent:
    """Take the pending offer of a call back, and return the agent who had it."""
    agent, engagement = engagement_of(state, call)
    state.emit(OfferWithdrawn, offer=engagement.offer, call=call.name, agent=agent.name, cause=cause)
    release(state, agent, engagement)
    return agent


def take_offers_back(state: State, agent: Agent, cause: WithdrawalCause) -> list[Call]:
    """Withdraw every pending offer of the agent, and return their calls, which are to be settled."""
    offered = [one for one in agent.engagements if one.state == EngagementState.OFFERED]
    calls = [state.calls[one.call] for one in sorted(offered, key=lambda one: one.offer)]
    for call in calls:
        withdraw(state, call, cause)
    return calls


def end_wrap_up(state: State, agent: Agent, engagement: EngagementRecord) -> None:
    state.emit(WrapUpEnded, offer=engagement.offer, call=engagement.call, agent=agent.name)
    release(state, agent, engagement)


def end_assignment(state: State, agent: Agent, engagement: EngagementRecord) -> None:
    """Turn an assignment into a wrap-up, by the rules of the queue it was served in, or release it."""
    wrap_up = state.settings.queues[engagement.queue].wrap_up
    if wrap_up.mode == WrapUpMode.NONE or not agent.signed_in:
        release(state, agent, engagement)
        return
    engagement.state = EngagementState.WRAP_UP
    engagement.started_us = state.now_us
    engagement.until_us = state.now_us + wrap_up.duration_us
    state.emit(
        WrapUpStarted,
        offer=engagement.offer,
        call=engagement.call,
        agent=agent.name,
        until_us=engagement.until_us,
    )


def bar(state: State, call: Call, agent: Agent, offer: int) -> None:
    backoff = state.queue_settings(call).reject_backoff_us
    if backoff:
        call.bars.append(BarRecord(agent.name, state.now_us + backoff, offer))


# Availability


def change_availability(state: State, agent: Agent, availability: Availability) -> None:
    if agent.availability != availability:
        scoring.note_occupancy(state, agent)
        agent.availability = availability


def tell_availability(state: State, agent: Agent) -> None:
    state.emit(AgentAvailabilityChanged, agent=agent.name, availability=agent.availability, reason=agent.reason)


def close_if_done(state: State, agent: Agent) -> None:
    """Make a closing agent not ready once the work in hand is done."""
    if agent.availability == Availability.CLOSING and not agent.engaged:
        change_availability(state, agent, Availability.NOT_READY)
        tell_availability(state, agent)


def sign_out(state: State, agent: Agent, *, no_answer: bool) -> list[Call]:
    """Sign the agent out, and return the calls whose offers were taken back, which are to be settled."""
    calls = take_offers_back(state, agent, WithdrawalCause.AGENT_SIGNED_OUT)
    wrap_ups = [one for one in agent.engagements if one.state == EngagementState.WRAP_UP]
    for engagement in sorted(wrap_ups, key=lambda one: one.offer):
        end_wrap_up(state, agent, engagement)
    change_availability(state, agent, Availability.SIGNED_OUT)
    agent.reason = ""
    state.emit(AgentSignedOut, agent=agent.name, no_answer=no_answer)
    return calls


# The three procedures


def seek(state: State, call: Call) -> None:
    """Present the call to the best agent among those who may take it."""
    candidates = [agent for agent in state.agents.values() if may_take(state, agent, call)]
    if candidates:
        ranked = sorted(candidates, key=lambda agent: scoring.agent_key(state, call, agent))
        note_reason(state, "agent", [agent_candidate(state, call, agent) for agent in ranked])
        present(state, ranked[0], call)


def serve(state: State, agent: Agent, settling: list[Call]) -> None:
    """Present the best calls to the agent, while there is one to take; one that is being settled seeks instead."""
    while candidates := [call for call in state.calls.values() if may_take(state, agent, call)]:
        ranked = sorted(candidates, key=lambda call: scoring.call_key(state, call, agent))
        if any(ranked[0] is call for call in settling):
            seek(state, ranked[0])
        else:
            note_reason(state, "call", [call_candidate(state, call, agent) for call in ranked])
            present(state, agent, ranked[0])


def seek_each(state: State, calls: Iterable[Call]) -> None:
    """Let those of the calls that wait seek, by rank."""
    for call in scoring.by_rank(state, [call for call in calls if call.state == CallState.WAITING]):
        seek(state, call)


def become_waiting(call: Call) -> None:
    call.state = CallState.WAITING
    call.offer = call.agent = call.assigned_us = None


def settle(state: State, agent: Agent | None, calls: Iterable[Call] = (), *, refreshing: bool = True) -> None:
    """Put the calls back to waiting, serve the agent, then let the calls seek."""
    if agent is not None:
        close_if_done(state, agent)
    returning = sorted(calls, key=lambda call: call.order)
    for call in returning:
        become_waiting(call)
        (refresh if refreshing else assess)(state, call)
    if agent is not None:
        serve(state, agent, returning)
    seek_each(state, returning)


# Entering a queue


def admit(state: State, call: Call) -> None:
    """Let a waiting call seek, and send it on when its queue is full."""
    seek(state, call)
    waiting_max = state.queue_settings(call).waiting_max
    if call.state != CallState.WAITING or waiting_max is None:
        return
    others = [one for one in state.waiting_calls() if one.queue == call.queue and one is not call]
    if len(others) >= waiting_max:
        overflow(state, call, LimitCause.QUEUE_FULL)


def overflow(state: State, call: Call, cause: LimitCause) -> None:
    """Move a call on to the overflow queue, or refuse it when there is none that it has not tried."""
    from_queue = call.queue
    target = state.queue_settings(call).overflow
    if target is None or target in call.queues_tried:
        wait_us = state.now_us - call.wait_started_us
        state.emit(CallRefused, call=call.name, queue=call.queue, cause=cause, wait_us=wait_us)
        finish(state, call, CallState.REFUSED)
        return
    call.queue = target
    call.queues_tried.append(target)
    call.queue_entered_us = state.now_us
    if not call.own_requirement:
        call.requirement = state.queue_settings(call).requirement
    state.emit(CallOverflowed, call=call.name, from_queue=from_queue, queue=target, cause=cause)
    assess(state, call)
    admit(state, call)
