"""The restart rule, as the oracle carries it out: step by step as DESIGN.md numbers them.

Keeps one invariant: nothing that should have happened while the server was down is held against a call or an agent.
"""

from __future__ import annotations

from router.engine import commands as c
from router.engine import events as e
from router.engine.vocabulary import EngagementState, WithdrawalCause
from tests.oracle import matching
from tests.oracle.state import Agent, Call, State


def restart(state: State, command: c.Restart) -> None:
    """Come back after the time since the last command, in which no deadline has fired."""
    downtime_us = state.now_us - state.last_us
    state.emit(e.Restarted, downtime_us=downtime_us)
    if downtime_us > 0:
        state.restarted_us = state.now_us
    agents, calls = take_due_offers_back(state, downtime_us)
    for call in state.live_calls():
        extend_limits(state, call, downtime_us)
    for agent in agents:
        matching.close_if_done(state, agent)
    for call in calls:
        matching.become_waiting(call)
    for call in sorted(state.waiting_calls(), key=lambda call: call.order):
        matching.refresh(state, call)
    matching.seek_each(state, state.waiting_calls())


def take_due_offers_back(state: State, downtime_us: int) -> tuple[list[Agent], list[Call]]:
    """Withdraw the offers that are due, in the order of their numbers, and let the others stand longer."""
    pending = [
        (one, agent)
        for agent in state.agents.values()
        for one in agent.engagements
        if one.state == EngagementState.OFFERED
    ]
    agents, calls = [], []
    for offer, agent in sorted(pending, key=lambda pair: pair[0].offer):
        assert offer.until_us is not None, "an offer expires"
        if offer.until_us <= state.now_us:
            call = state.calls[offer.call]
            matching.withdraw(state, call, WithdrawalCause.RESTARTED)
            agents.append(agent)
            calls.append(call)
        else:
            offer.until_us += downtime_us
    return agents, calls


def extend_limits(state: State, call: Call, downtime_us: int) -> None:
    """Leave the downtime out of the call's wait limit and hold; its bars ended in it all the same."""
    call.queue_entered_us = min(call.queue_entered_us + downtime_us, state.now_us)
    if call.hold_until_us is not None and call.hold_until_us > state.last_us:
        call.hold_until_us += downtime_us
    call.bars = [one for one in call.bars if one.until_us > state.now_us]
