"""Commands about calls and offers, as the oracle carries them out: the checks in their order, then the effect."""

from __future__ import annotations

from router.engine import commands as c
from router.engine import events as e
from router.engine.requirements import Requirement
from router.engine.vocabulary import (
    AssignmentCause,
    CallState,
    EngagementState,
    RejectReason,
    WithdrawalCause,
)
from tests.oracle import matching, scoring
from tests.oracle.learning import learn
from tests.oracle.memory import finish, remember_customer
from tests.oracle.state import Agent, Call, EngagementRecord, State


class Refusal(Exception):
    """A command broke a rule."""

    def __init__(self, reason: RejectReason, subject: str) -> None:
        super().__init__(reason, subject)
        self.reason = reason
        self.subject = subject


# Checks


def known_agent(state: State, name: str) -> Agent:
    if name not in state.agents:
        raise Refusal(RejectReason.UNKNOWN_AGENT, name)
    return state.agents[name]


def signed_in_agent(state: State, name: str) -> Agent:
    agent = known_agent(state, name)
    if not agent.signed_in:
        raise Refusal(RejectReason.AGENT_SIGNED_OUT, name)
    return agent


def known_call(state: State, name: str) -> Call:
    if name not in state.calls:
        raise Refusal(RejectReason.UNKNOWN_CALL, name)
    return state.calls[name]


def live_call(state: State, name: str) -> Call:
    call = known_call(state, name)
    if not call.live:
        raise Refusal(RejectReason.CALL_FINISHED, name)
    return call


def not_in_state(call: Call, refused: CallState, reason: RejectReason) -> None:
    if call.state == refused:
        raise Refusal(reason, call.name)


def known_queue(state: State, name: str) -> None:
    if name not in state.settings.queues:
        raise Refusal(RejectReason.UNKNOWN_QUEUE, name)


def pending_offer(state: State, offer: int) -> tuple[Call, Agent, EngagementRecord]:
    if not 1 <= offer <= state.last_offer:
        raise Refusal(RejectReason.UNKNOWN_OFFER, str(offer))
    found = state.engagement(offer)
    if found is None or found[1].state != EngagementState.OFFERED:
        raise Refusal(RejectReason.OFFER_ENDED, str(offer))
    agent, engagement = found
    return state.calls[engagement.call], agent, engagement


def known_requirement(state: State, requirement: Requirement | None, call: str) -> None:
    """Check that the requirement is one of those in use already, or that there is room for one more."""
    in_use = {queue.requirement for queue in state.settings.queues.values()}
    in_use |= {one.requirement for one in state.calls.values()}
    if requirement is not None and requirement not in in_use and len(in_use) >= state.settings.requirements_max:
        raise Refusal(RejectReason.TOO_MANY_REQUIREMENTS, call)


# Preferred agents and holds


def known_agents(state: State, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name in state.agents}))


def set_hold(state: State, call: Call, hold_us: int) -> None:
    """Start a hold, where there is something to hold the call for."""
    someone_is_in = any(state.agents[name].signed_in for name in call.preferred_agents)
    if hold_us > 0 and someone_is_in and not matching.is_overdue(state, call):
        call.hold_until_us = state.now_us + hold_us
    else:
        call.hold_until_us = None


# Calls


def enqueue(state: State, command: c.Enqueue) -> None:
    if command.call in state.calls:
        raise Refusal(RejectReason.DUPLICATE_CALL, command.call)
    known_queue(state, command.queue)
    if command.channel not in state.settings.channels:
        raise Refusal(RejectReason.UNKNOWN_CHANNEL, command.channel)
    if len(state.live_calls()) >= state.settings.calls_max:
        raise Refusal(RejectReason.TOO_MANY_CALLS, command.call)
    known_requirement(state, command.requirement, command.call)

    settings = state.settings.queues[command.queue]
    from_command = known_agents(state, command.preferred_agents)
    last_agent = last_agent_of(state, command.customer) if settings.last_agent_preferred else None
    own = command.requirement is not None
    call = Call(
        name=command.call,
        state=CallState.WAITING,
        queue=command.queue,
        channel=command.channel,
        requirement=command.requirement if command.requirement is not None else settings.requirement,
        own_requirement=own,
        urgency=command.urgency,
        priority=command.priority,
        preferred_agents=tuple(sorted({*from_command, *([last_agent] if last_agent is not None else [])})),
        hold_until_us=None,
        effective_arrival_us=max(0, state.now_us - command.credited_wait_us),
        wait_started_us=state.now_us,
        queue_entered_us=state.now_us,
        order=state.sequence,
        callback=command.callback,
        customer=command.customer,
        attributes=dict(command.attributes),
        explain=command.explain,
        queues_tried=[command.queue],
    )
    if from_command:
        set_hold(state, call, settings.preferred_hold_us if command.hold_us is None else command.hold_us)
    elif last_agent is not None:
        set_hold(state, call, settings.last_agent_hold_us)
    matching.assess(state, call)
    state.calls[call.name] = call
    state.emit(
        e.CallEnqueued,
        call=call.name,
        queue=call.queue,
        effective_arrival_us=call.effective_arrival_us,
        preferred_agents=call.preferred_agents,
        hold_until_us=call.hold_until_us,
    )
    matching.admit(state, call)


def last_agent_of(state: State, customer: str) -> str | None:
    for one in state.customers:
        if one.name == customer:
            return one.agent
    return None


def update_call(state: State, command: c.UpdateCall) -> None:
    call = live_call(state, command.call)
    known_requirement(state, command.requirement, command.call)
    if command.urgency is not None:
        call.urgency = command.urgency
    if command.priority is not None:
        call.priority = command.priority
    if command.requirement is not None:
        call.requirement = command.requirement
        call.own_requirement = True
    if command.preferred_agents is not None:
        call.preferred_agents = known_agents(state, command.preferred_agents)
    if command.attributes is not None:
        call.attributes = dict(command.attributes)
    state.emit(e.CallUpdated, call=call.name)
    if call.state == CallState.WAITING:
        matching.assess(state, call)
        matching.seek(state, call)


def cancel(state: State, command: c.Cancel) -> None:
    call = live_call(state, command.call)
    not_in_state(call, CallState.ASSIGNED, RejectReason.CALL_ASSIGNED)
    agent = None
    if call.state == CallState.OFFERED:
        agent = matching.withdraw(state, call, WithdrawalCause.CALL_ABANDONED)
    state.emit(
        e.CallAbandoned,
        call=call.name,
        queue=call.queue,
        wait_us=state.now_us - call.wait_started_us,
        reason=command.reason,
    )
    finish(state, call, CallState.ABANDONED)
    matching.settle(state, agent)


def requeue(state: State, command: c.Requeue) -> None:
    call = live_call(state, command.call)
    not_in_state(call, CallState.WAITING, RejectReason.CALL_WAITING)
    agent, engagement = matching.engagement_of(state, call)
    if call.state == CallState.OFFERED:
        matching.withdraw(state, call, WithdrawalCause.CALL_REQUEUED)
    else:
        matching.release(state, agent, engagement)
    state.emit(
        e.CallRequeued,
        call=call.name,
        queue=call.queue,
        agent=agent.name,
        kept_place=command.keep_place,
        reason=command.reason,
    )
    if not command.keep_place:
        call.effective_arrival_us = call.wait_started_us = call.queue_entered_us = state.now_us
        call.order = state.sequence
    matching.settle(state, agent, [call], refreshing=command.keep_place)


def transfer(state: State, command: c.Transfer) -> None:
    call = live_call(state, command.call)
    known_queue(state, command.queue)
    known_requirement(state, command.requirement, command.call)
    agent, assignment = None, None
    if call.state == CallState.OFFERED:
        agent = matching.withdraw(state, call, WithdrawalCause.CALL_TRANSFERRED)
    elif call.state == CallState.ASSIGNED:
        agent, assignment = matching.engagement_of(state, call)

    from_queue = call.queue
    move_to_queue(state, call, command, was_assigned=assignment is not None)
    state.emit(
        e.CallTransferred,
        call=call.name,
        from_queue=from_queue,
        queue=call.queue,
        agent=agent.name if agent is not None and assignment is not None else "",
        kept_place=command.keep_place,
        hold_until_us=call.hold_until_us,
    )
    if agent is not None and assignment is not None:
        matching.end_assignment(state, agent, assignment)
    matching.settle(state, agent, [call], refreshing=False)


def move_to_queue(state: State, call: Call, command: c.Transfer, *, was_assigned: bool) -> None:
    """Give a transferred call its new queue, requirement, place and hold."""
    settings = state.settings.queues[command.queue]
    call.queue = command.queue
    call.queues_tried = [command.queue]
    call.queue_entered_us = state.now_us
    call.own_requirement = command.requirement is not None
    call.requirement = command.requirement if command.requirement is not None else settings.requirement
    if not command.keep_place:
        call.effective_arrival_us = state.now_us
        call.order = state.sequence
    if was_assigned or not command.keep_place:
        call.wait_started_us = state.now_us
    call.hold_until_us = None
    if command.preferred_agents is not None:
        call.preferred_agents = known_agents(state, command.preferred_agents)
        set_hold(state, call, settings.preferred_hold_us if command.hold_us is None else command.hold_us)


def assign_by_force(state: State, command: c.Assign) -> None:
    call = known_call(state, command.call)
    agent = known_agent(state, command.agent)
    live_call(state, command.call)
    not_in_state(call, CallState.ASSIGNED, RejectReason.CALL_ASSIGNED)
    signed_in_agent(state, command.agent)
    if call.channel not in scoring.open_channels(state, agent, set_aside_offer=call.offer):
        raise Refusal(RejectReason.NO_CAPACITY, agent.name)
    loser = None
    if call.state == CallState.OFFERED:
        loser = matching.withdraw(state, call, WithdrawalCause.FORCED_ASSIGNMENT)
    matching.engage(state, agent, call, EngagementState.ASSIGNED, None)
    matching.assign(state, agent, call, AssignmentCause.FORCED)
    if loser is not agent:
        matching.settle(state, loser)


def turn_into_callback(state: State, command: c.TurnIntoCallback) -> None:
    call = live_call(state, command.call)
    not_in_state(call, CallState.ASSIGNED, RejectReason.CALL_ASSIGNED)
    if call.callback:
        raise Refusal(RejectReason.ALREADY_CALLBACK, call.name)
    call.callback = True
    state.emit(e.CallTurnedIntoCallback, call=call.name)


def detach(state: State, command: c.Detach) -> None:
    call = live_call(state, command.call)
    if call.detached:
        raise Refusal(RejectReason.CALL_DETACHED, call.name)
    agent = None
    if call.state == CallState.OFFERED:
        agent = matching.withdraw(state, call, WithdrawalCause.CALL_DETACHED)
    call.detached = True
    state.emit(e.CallDetached, call=call.name)
    if agent is not None:
        matching.settle(state, agent, [call])


def attach(state: State, command: c.Attach) -> None:
    call = live_call(state, command.call)
    if not call.detached:
        raise Refusal(RejectReason.CALL_NOT_DETACHED, call.name)
    call.detached = False
    state.emit(e.CallAttached, call=call.name)
    if call.state == CallState.WAITING:
        matching.seek(state, call)


# Offers and assignments


def accept(state: State, command: c.Accept) -> None:
    call, agent, engagement = pending_offer(state, command.offer)
    engagement.state = EngagementState.ASSIGNED
    engagement.started_us = state.now_us
    engagement.until_us = None
    state.emit(e.OfferAccepted, offer=command.offer, call=call.name, agent=agent.name)
    matching.assign(state, agent, call, AssignmentCause.ACCEPTED)


def reject(state: State, command: c.Reject) -> None:
    call, agent, engagement = pending_offer(state, command.offer)
    state.emit(e.OfferRejected, offer=command.offer, call=call.name, agent=agent.name, reason=command.reason)
    matching.release(state, agent, engagement)
    matching.bar(state, call, agent, command.offer)
    matching.settle(state, agent, [call])


def complete(state: State, command: c.Complete) -> None:
    call = live_call(state, command.call)
    if call.state != CallState.ASSIGNED:
        raise Refusal(RejectReason.CALL_NOT_ASSIGNED, call.name)
    agent, engagement = matching.engagement_of(state, call)
    assert call.assigned_us is not None
    handle_us = state.now_us - call.assigned_us
    state.emit(
        e.CallCompleted,
        offer=engagement.offer,
        call=call.name,
        agent=agent.name,
        queue=call.queue,
        handle_us=handle_us,
    )
    finish(state, call, CallState.COMPLETED)
    if call.assigned_us >= state.restarted_us:
        learn(state, agent, call.queue, handle_us=handle_us)
    remember_customer(state, call)
    matching.end_assignment(state, agent, engagement)
    matching.settle(state, agent)


def end_wrap_up(state: State, command: c.EndWrapUp) -> None:
    agent = known_agent(state, command.agent)
    wrap_ups = [
        one for one in agent.engagements if one.state == EngagementState.WRAP_UP and command.call in ("", one.call)
    ]
    if not wrap_ups:
        raise Refusal(RejectReason.NOT_IN_WRAP_UP, agent.name)
    matching.end_wrap_up(state, agent, min(wrap_ups, key=lambda one: one.offer))
    matching.settle(state, agent)


def record_outcome(state: State, command: c.RecordOutcome) -> None:
    agent_name, queue = outcome_of(state, command)
    call = state.calls.get(command.call)
    if call is not None:
        if command.resolved is not None:
            call.resolved = command.resolved
        if command.satisfaction is not None:
            call.satisfaction = command.satisfaction
    state.emit(e.OutcomeRecorded, call=command.call, agent=agent_name, queue=queue)
    learn(state, state.agents[agent_name], queue, resolved=command.resolved, satisfaction=command.satisfaction)


def outcome_of(state: State, command: c.RecordOutcome) -> tuple[str, str]:
    """Check an outcome, and return whose it is: the agent and the queue."""
    call = state.calls.get(command.call)
    if call is None:
        if not command.agent or not command.queue:
            raise Refusal(RejectReason.UNKNOWN_CALL, command.call)
        known_agent(state, command.agent)
        known_queue(state, command.queue)
        return command.agent, command.queue
    if call.state != CallState.COMPLETED:
        raise Refusal(RejectReason.CALL_NOT_COMPLETED, call.name)
    assert call.agent is not None
    if command.agent not in ("", call.agent) or command.queue not in ("", call.queue):
        raise Refusal(RejectReason.OUTCOME_MISMATCH, call.name)
    known_queue(state, call.queue)
    resolved_twice = command.resolved is not None and call.resolved is not None
    satisfaction_twice = command.satisfaction is not None and call.satisfaction is not None
    if resolved_twice or satisfaction_twice:
        raise Refusal(RejectReason.OUTCOME_ALREADY_RECORDED, call.name)
    return call.agent, call.queue
