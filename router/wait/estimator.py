"""Wait estimates: which formula answers, from what the engine shows now and what its events have taught.

Invariant: the same engine, events and questions give the same answers; nothing here reads a clock or changes the
engine.

Rule of choice, the first that applies:
1. "immediate" if the call is being offered or with an agent, or, for a hypothetical call, if an agent may take it at
   once.
2. "none" if the queue is paused or the call is detached: nobody can tell when it goes on.
3. QLm and LES, as far as there is something to make them from:
   - QLm needs completed calls of the queue and agents signed in who satisfy the call's present step. It takes the calls
     ahead, those agents, the queue's mean service time and its rate of abandonment.
   - LES needs `LES_SAMPLES_MIN` assigned calls of the queue: the wait of the last one, less what this call has waited
     already. For a call that may jump the line (urgent, important, with priority) it is the share of that wait that its
     position is of the line. Once nothing is left of it, it says nothing: a caller who waits is never told 0 seconds
     because somebody before was luckier.
   If as many agents are at work for this queue as could serve the call, they are taken to serve it alone: "qlm". Else
   they share their time with other queues, and QLm, which gives them all to this one, is but a floor: the larger of
   the two.
4. "none": nothing can be told but the place in line.

Detached calls ahead count like any others: each may be back in its place at any time.

Where agents share queues, QLm alone is far too short, which is why it is only a floor there. On a quiet day, where
waits come in bursts, no method here is good. Nothing here knows of later steps, breaks to come, or a hold for the
customer's last agent.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

import msgspec

from router.engine import Engine
from router.engine.commands import Enqueue
from router.engine.errors import UnknownName
from router.engine.events import Configured, Event
from router.engine.requirements import Requirement
from router.engine.settings import ByUrgency
from router.engine.views import CallView, QueueView
from router.engine.vocabulary import Availability, CallState, Tier, Urgency
from router.wait.estimate import WaitEstimate
from router.wait.formulas import ql_modified
from router.wait.history import History, QueueHistory
from router.wait.open_agents import OpenAgents

LES_SAMPLES_MIN: Final = 3
"""Answered calls that a queue must have seen before the wait of the last one is taken for the next one's."""

Rank = tuple[int, int, int, int]  # tier, due time or falling priority, effective arrival, order: lower is first


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A call's place in line, real or supposed; `queue.waiting` counts the call itself."""

    queue: QueueView
    requirement: Requirement
    channel: str
    step: int
    position: int
    waited_us: int
    may_jump: bool


class WaitEstimator:
    """Estimates waits for one engine. Tell it the events of every command, in order."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._settings = engine.settings
        self._history = History()
        self._open_agents = OpenAgents(engine)

    def observe(self, events: Sequence[Event]) -> None:
        """Learn from the events of one or more commands. O(events)."""
        if any(type(event) is Configured for event in events):
            self._settings = self._engine.settings
            self._history.forget(self._settings.queues)
            self._open_agents.forget()
        self._history.observe(events)
        self._open_agents.observe(events)

    def estimate_call(self, call: str, now_us: int) -> WaitEstimate:
        """Estimate how long a call will still wait after `now_us`. Raises `UnknownName`.

        A call that is over gets "none".
        """
        view = self._engine.call(call)
        known = self._history.queue(view.queue)
        if view.state in (CallState.OFFERED, CallState.ASSIGNED):
            return WaitEstimate("immediate", 0, None, known.served)
        if view.state is not CallState.WAITING or view.position is None:
            return WaitEstimate("none", None, None, 0)
        if view.detached:
            return WaitEstimate("none", None, view.position, 0)
        line = Line(
            queue=self._engine.queue(view.queue),
            requirement=view.requirement,
            channel=view.channel,
            step=view.step,
            position=view.position,
            waited_us=max(0, now_us - view.wait_started_us - self._history.downtime_since(view.wait_started_us)),
            may_jump=view.urgency is not Urgency.NORMAL or view.priority > 0,
        )
        return self._estimate(line)

    def estimate_new(self, enqueue: Enqueue, now_us: int) -> WaitEstimate:
        """Estimate the wait of a call that would be enqueued at `now_us`; nothing is enqueued. Raises `UnknownName`."""
        queue = self._engine.queue(enqueue.queue)
        requirement = enqueue.requirement
        if requirement is None:
            requirement = self._settings.queues[enqueue.queue].requirement
        if not queue.paused and self._may_be_taken(enqueue, requirement):
            return WaitEstimate("immediate", 0, 1, self._history.queue(enqueue.queue).served)
        line = Line(
            queue=msgspec.structs.replace(queue, waiting=queue.waiting + 1),
            requirement=requirement,
            channel=enqueue.channel,
            step=0,
            position=self._position_of_new(enqueue, queue.waiting, now_us),
            waited_us=0,
            may_jump=enqueue.urgency is not Urgency.NORMAL or enqueue.priority > 0 or enqueue.credited_wait_us > 0,
        )
        return self._estimate(line)

    def _estimate(self, line: Line) -> WaitEstimate:
        if line.queue.paused:
            return WaitEstimate("none", None, line.position, 0)
        known = self._history.queue(line.queue.queue)
        servers = self._engine.count_agents(line.requirement, channel=line.channel, step=line.step)
        by_queue = _estimate_by_queue(line, known, servers)
        by_delay = _estimate_by_delay(line, known)
        if by_queue is None or by_delay is None:
            return by_queue or by_delay or WaitEstimate("none", None, line.position, 0)
        at_work = line.queue.assigned + line.queue.offered + known.wrapping_up
        if at_work >= servers or (by_queue.mean_us or 0) >= (by_delay.mean_us or 0):
            return by_queue
        return by_delay

    def _may_be_taken(self, enqueue: Enqueue, requirement: Requirement) -> bool:
        step, channels = requirement.steps[0], self._settings.channels
        if not self._is_held(enqueue):
            return self._open_agents.any_satisfies(step, enqueue.channel, channels)
        return any(
            self._open_agents.satisfies(agent, step, enqueue.channel, channels) for agent in enqueue.preferred_agents
        )

    def _is_held(self, enqueue: Enqueue) -> bool:
        hold_us = enqueue.hold_us
        if hold_us is None:
            hold_us = self._settings.queues[enqueue.queue].preferred_hold_us
        return hold_us > 0 and any(self._is_signed_in(agent) for agent in enqueue.preferred_agents)

    def _is_signed_in(self, agent: str) -> bool:
        try:
            return self._engine.agent(agent).availability is not Availability.SIGNED_OUT
        except UnknownName:
            return False

    def _position_of_new(self, enqueue: Enqueue, waiting: int, now_us: int) -> int:
        """Return 1 + the waiting calls with a better rank. O(1) for a normal call without priority or credit."""
        rank = self._rank(
            enqueue.queue,
            enqueue.urgency,
            enqueue.priority,
            max(0, now_us - enqueue.credited_wait_us),
            self._engine.sequence + 1,
            now_us,
        )
        if rank[0] == Tier.NORMAL and enqueue.priority == 0 and enqueue.credited_wait_us == 0:
            return waiting + 1
        calls = self._engine.waiting(enqueue.queue, limit=max(1, waiting))
        return 1 + bisect_left(calls, rank, key=self._rank_of_waiting)

    def _rank_of_waiting(self, call: str) -> Rank:
        view: CallView = self._engine.call(call)
        bound = by_urgency(self._settings.queues[view.queue].max_overtake_wait_us, view.urgency)
        if view.tier in (Tier.URGENT_OVERDUE, Tier.OVERDUE) and bound is not None:
            return view.tier, view.effective_arrival_us + bound, view.effective_arrival_us, view.order
        return view.tier, -view.priority, view.effective_arrival_us, view.order

    def _rank(self, queue: str, urgency: Urgency, priority: int, arrival_us: int, order: int, now_us: int) -> Rank:
        bound = by_urgency(self._settings.queues[queue].max_overtake_wait_us, urgency)
        overdue = bound is not None and now_us >= arrival_us + bound
        if overdue and bound is not None:
            tier = Tier.URGENT_OVERDUE if urgency is Urgency.URGENT else Tier.OVERDUE
            return tier, arrival_us + bound, arrival_us, order
        tiers = {Urgency.URGENT: Tier.URGENT, Urgency.IMPORTANT: Tier.IMPORTANT, Urgency.NORMAL: Tier.NORMAL}
        return tiers[urgency], -priority, arrival_us, order


def _estimate_by_queue(line: Line, known: QueueHistory, servers: int) -> WaitEstimate | None:
    if not servers or not known.service.sum_us:
        return None
    mean_us = ql_modified(line.position - 1, servers, 1 / known.service.mean_us, known.patience_rate)
    return WaitEstimate("qlm", round(mean_us), line.position, known.service.count)


def _estimate_by_delay(line: Line, known: QueueHistory) -> WaitEstimate | None:
    if known.served < LES_SAMPLES_MIN:
        return None
    if line.may_jump:
        left_us = known.last_wait_us * line.position // max(line.position, line.queue.waiting)
    else:
        left_us = known.last_wait_us - line.waited_us
    return WaitEstimate("les", left_us, line.position, known.served) if left_us > 0 else None


def by_urgency(durations: ByUrgency, urgency: Urgency) -> int | None:
    """Return the duration for an urgency, None if it is never."""
    return (durations.normal, durations.important, durations.urgent)[urgency]
