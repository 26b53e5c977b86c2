"""Views of the oracle's state, in the engine's public form."""

from __future__ import annotations

from router.engine.views import AgentView, Bar, CallView, Engagement, LearnedEfficiency, QueueView
from router.engine.vocabulary import CallState
from tests.oracle import scoring
from tests.oracle.state import Agent, Call, Queue, State


def position(state: State, call: Call) -> int | None:
    """Return 1 + the waiting calls of the same queue with a better rank, None for a call that does not wait."""
    if call.state != CallState.WAITING:
        return None
    rank = scoring.rank(state, call)
    return 1 + sum(one.queue == call.queue and scoring.rank(state, one) < rank for one in state.waiting_calls())


def call_view(state: State, call: Call) -> CallView:
    return CallView(
        call=call.name,
        state=call.state,
        queue=call.queue,
        channel=call.channel,
        requirement=call.requirement,
        own_requirement=call.own_requirement,
        urgency=call.urgency,
        priority=call.priority,
        preferred_agents=call.preferred_agents,
        hold_until_us=call.hold_until_us,
        held=call.held,
        effective_arrival_us=call.effective_arrival_us,
        wait_started_us=call.wait_started_us,
        queue_entered_us=call.queue_entered_us,
        order=call.order,
        step=call.step,
        tier=scoring.tier(call),
        position=position(state, call),
        callback=call.callback,
        customer=call.customer,
        attributes=dict(call.attributes),
        bars=tuple(Bar(one.agent, one.until_us) for one in sorted(call.bars, key=lambda one: one.agent)),
        queues_tried=tuple(call.queues_tried),
        offer=call.offer,
        agent=call.agent,
        assigned_us=call.assigned_us,
        finished_us=call.finished_us,
        resolved=call.resolved,
        satisfaction=call.satisfaction,
        explain=call.explain,
        detached=call.detached,
    )


def agent_view(agent: Agent) -> AgentView:
    return AgentView(
        agent=agent.name,
        availability=agent.availability,
        reason=agent.reason,
        skills=dict(agent.skills),
        capacity=dict(agent.capacity),
        engagements=tuple(
            Engagement(
                offer=one.offer,
                call=one.call,
                queue=one.queue,
                channel=one.channel,
                state=one.state,
                started_us=one.started_us,
                until_us=one.until_us,
            )
            for one in sorted(agent.engagements, key=lambda one: one.offer)
        ),
        sign_in_order=agent.sign_in_order,
        idle_since_us=agent.idle_since_us,
        occupancy_q32=agent.occupancy_q32,
        occupancy_at_us=agent.occupancy_at_us,
        learned=tuple(
            LearnedEfficiency(
                queue=queue,
                efficiency_ppm=learned.efficiency_ppm,
                calls=learned.counts.calls,
                handle_sum_us=learned.counts.handle_sum_us,
                resolutions=learned.counts.resolutions,
                resolved=learned.counts.resolved,
                satisfactions=learned.counts.satisfactions,
                satisfaction_sum=learned.counts.satisfaction_sum,
            )
            for queue, learned in sorted(agent.learned.items())
        ),
    )


def queue_view(state: State, queue: Queue) -> QueueView:
    def count(wanted: CallState) -> int:
        return sum(call.queue == queue.name and call.state == wanted for call in state.calls.values())

    return QueueView(
        queue=queue.name,
        paused=queue.paused,
        waiting=count(CallState.WAITING),
        offered=count(CallState.OFFERED),
        assigned=count(CallState.ASSIGNED),
        calls=queue.counts.calls,
        handle_sum_us=queue.counts.handle_sum_us,
        resolutions=queue.counts.resolutions,
        resolved=queue.counts.resolved,
        satisfactions=queue.counts.satisfactions,
        satisfaction_sum=queue.counts.satisfaction_sum,
    )
