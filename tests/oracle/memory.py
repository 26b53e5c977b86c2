"""Memory of the oracle: finished calls, customers and requests, each forgotten after a time or when too many."""

from __future__ import annotations

from router.engine.vocabulary import CallState
from tests.oracle.state import Call, Customer, State


def finish(state: State, call: Call, outcome: CallState) -> None:
    """End a call and remember it. A completed call keeps its agent and assignment time."""
    call.state = outcome
    call.finished_us = state.now_us
    call.offer = None
    if outcome != CallState.COMPLETED:
        call.agent = call.assigned_us = None
    call.bars.clear()
    call.detached = False
    state.finished.append(call.name)
    drop_surplus(state)


def remember_customer(state: State, call: Call) -> None:
    """Remember who completed the call of a customer, in place of whoever did so before."""
    if not call.customer:
        return
    assert call.agent is not None
    state.customers = [one for one in state.customers if one.name != call.customer]
    state.customers.append(Customer(call.customer, call.agent, state.now_us))
    drop_surplus(state)


def drop_surplus(state: State) -> None:
    """Forget the oldest where there are too many."""
    settings = state.settings
    while len(state.finished) > settings.calls_max:
        del state.calls[state.finished.pop(0)]
    while len(state.customers) > settings.customers_max:
        del state.customers[0]
    while len(state.requests) > settings.requests_max:
        del state.requests[next(iter(state.requests))]


def forget(state: State) -> None:
    """Forget everything whose time is over."""
    settings = state.settings
    for name in list(state.finished):
        finished_us = state.calls[name].finished_us
        assert finished_us is not None
        if state.now_us >= finished_us + settings.finished_retention_us:
            state.finished.remove(name)
            del state.calls[name]
    state.customers = [one for one in state.customers if state.now_us < one.served_us + settings.customer_retention_us]
    for key, request in list(state.requests.items()):
        if state.now_us >= request.result.time_us + settings.request_retention_us:
            del state.requests[key]
