"""Deadlines of the oracle: collected from the whole state each time, and fired in the order (time, kind, number)."""

from __future__ import annotations

from dataclasses import dataclass

from router.engine.events import CallHoldEnded, CallOverdue, CallStepReached, OfferExpired
from router.engine.vocabulary import (
    Availability,
    CallState,
    EngagementState,
    LimitCause,
    NoAnswerAction,
    WithdrawalCause,
)
from tests.oracle import matching, scoring
from tests.oracle.state import Agent, Call, EngagementRecord, State

HOLD_ENDS, STEP_REACHED, BAR_ENDS, OVERDUE, OFFER_EXPIRES, WRAP_UP_ENDS, WAIT_LIMIT = range(7)


@dataclass(frozen=True, order=True)
class Deadline:
    time_us: int
    kind: int
    number: int


def engagement_deadlines(state: State) -> list[Deadline]:
    kinds = {EngagementState.OFFERED: OFFER_EXPIRES, EngagementState.WRAP_UP: WRAP_UP_ENDS}
    return [
        Deadline(one.until_us, kinds[one.state], one.offer)
        for agent in state.agents.values()
        for one in agent.engagements
        if one.until_us is not None
    ]


def call_deadlines(state: State, call: Call) -> list[Deadline]:
    """Return the deadlines of a waiting call, bars aside."""
    found = []
    if call.hold_until_us is not None:
        found.append(Deadline(call.hold_until_us, HOLD_ENDS, call.order))
    if call.step + 1 < len(call.requirement.steps):
        after_us = call.requirement.steps[call.step + 1].after_us
        found.append(Deadline(call.wait_started_us + after_us, STEP_REACHED, call.order))
    due = scoring.due_us(state, call)
    if due is not None and not call.overdue:
        found.append(Deadline(due, OVERDUE, call.order))
    wait_max_us = state.queue_settings(call).wait_max_us
    if wait_max_us is not None and not call.callback:
        limit_us = max(call.queue_entered_us + wait_max_us, state.now_us)
        found.append(Deadline(limit_us, WAIT_LIMIT, call.order))
    return found


def all_deadlines(state: State) -> list[Deadline]:
    found = engagement_deadlines(state)
    for call in state.live_calls():
        found += [Deadline(one.until_us, BAR_ENDS, one.offer) for one in call.bars]
        if call.state == CallState.WAITING:
            found += call_deadlines(state, call)
    return found


def fire_due(state: State, time_us: int) -> None:
    """Fire every deadline up to `time_us`, also what firing brings: each at its own time, or now if that is past."""
    while (due := min(all_deadlines(state), default=None)) is not None and due.time_us <= time_us:
        state.now_us = max(state.now_us, due.time_us)
        fire(state, due)
    state.now_us = time_us


def fire(state: State, deadline: Deadline) -> None:
    if deadline.kind in (OFFER_EXPIRES, WRAP_UP_ENDS):
        found = state.engagement(deadline.number)
        assert found is not None
        (expire if deadline.kind == OFFER_EXPIRES else wrap_up_over)(state, *found)
    elif deadline.kind == BAR_ENDS:
        end_bar(state, deadline.number)
    else:
        [call] = [one for one in state.waiting_calls() if one.order == deadline.number]
        actions = {HOLD_ENDS: end_hold, STEP_REACHED: reach_step, OVERDUE: become_overdue, WAIT_LIMIT: meet_wait_limit}
        actions[deadline.kind](state, call)


def expire(state: State, agent: Agent, engagement: EngagementRecord) -> None:
    call = state.calls[engagement.call]
    action = state.queue_settings(call).no_answer_action
    state.emit(OfferExpired, offer=engagement.offer, call=call.name, agent=agent.name, action=action)
    matching.release(state, agent, engagement)
    matching.bar(state, call, agent, engagement.offer)
    calls = [call, *no_answer(state, agent, action)]
    matching.settle(state, agent, calls)


def no_answer(state: State, agent: Agent, action: NoAnswerAction) -> list[Call]:
    """Do to the agent what the queue wants, and return the calls whose offers were taken back."""
    if agent.availability in (Availability.SIGNED_OUT, Availability.NOT_READY):
        return []
    if action == NoAnswerAction.SIGN_OUT:
        return matching.sign_out(state, agent, no_answer=True)
    if action == NoAnswerAction.NOT_READY:
        calls = matching.take_offers_back(state, agent, WithdrawalCause.AGENT_NOT_READY)
        matching.change_availability(state, agent, Availability.NOT_READY)
        agent.reason = "no_answer"
        matching.tell_availability(state, agent)
        return calls
    return []


def wrap_up_over(state: State, agent: Agent, engagement: EngagementRecord) -> None:
    matching.end_wrap_up(state, agent, engagement)
    matching.settle(state, agent)


def end_bar(state: State, offer: int) -> None:
    for call in state.live_calls():
        for one in list(call.bars):
            if one.offer == offer:
                call.bars.remove(one)
                if call.state == CallState.WAITING:
                    matching.seek(state, call)


def end_hold(state: State, call: Call) -> None:
    call.held = False
    call.hold_until_us = None
    state.emit(CallHoldEnded, call=call.name)
    matching.seek(state, call)


def reach_step(state: State, call: Call) -> None:
    call.step += 1
    state.emit(CallStepReached, call=call.name, step=call.step)
    matching.seek(state, call)


def become_overdue(state: State, call: Call) -> None:
    was_held = call.held
    if was_held:
        call.held = False
        call.hold_until_us = None
        state.emit(CallHoldEnded, call=call.name)
    call.overdue = True
    state.emit(CallOverdue, call=call.name)
    if was_held:
        matching.seek(state, call)


def meet_wait_limit(state: State, call: Call) -> None:
    matching.overflow(state, call, LimitCause.WAIT_LIMIT)
