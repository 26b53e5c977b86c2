"""Nobody is punished for a downtime, nobody may take a detached call: both over random centres full of restarts.

Method: the checker judges whole histories, as it does for the eight points; and the engine's own views are compared
before and after each restart, without the checker.
"""

from __future__ import annotations

from hypothesis import event as note
from hypothesis import given

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.settings import Settings
from router.engine.views import AgentView, CallView
from router.engine.vocabulary import Availability, CallState, EngagementState
from router.fairness import check
from tests.fairness import centres as make
from tests.fairness.centres import Centre, drive, examples

EXAMPLES = examples(120)
RESTARTS = {"restart": 9, "reject": 7, "set_availability": 7, "enqueue": 18, "detach": 3, "attach": 3}
DETACHED = {"restart": 2, "detach": 9, "attach": 7, "enqueue": 18}


class Restarted:
    """An engine whose agents and calls are compared before and after every restart."""

    def __init__(self, settings: Settings) -> None:
        self.engine = Engine(settings)

    def next_deadline(self) -> int | None:
        return self.engine.next_deadline()

    def apply(self, command: c.Command, time_us: int) -> list[e.Event]:
        if not isinstance(command, c.Restart):
            return self.engine.apply(command, time_us)
        before_us = self.engine.time_us
        agents, calls = self.engine.agents(), {call.call: call for call in self.engine.calls()}
        events = self.engine.apply(command, time_us)
        for event in events:
            note(f"in a restart: {type(event).__name__}")
        assert events[0] == e.Restarted(time_us=time_us, sequence=self.engine.sequence, downtime_us=time_us - before_us)
        assert {event.time_us for event in events} == {time_us}
        for agent in agents:
            self.compare_agent(agent, self.engine.agent(agent.agent), time_us, time_us - before_us)
        for call in self.engine.calls():
            compare_call(calls[call.call], call, time_us - before_us)
        self.engine.audit()
        return events

    def compare_agent(self, before: AgentView, after: AgentView, time_us: int, downtime_us: int) -> None:
        """Nobody is made not ready, nobody is signed out, and what is not due goes on for so much longer."""
        done = before.availability == Availability.CLOSING and not after.engagements
        assert after.availability == (Availability.NOT_READY if done else before.availability)
        assert after.reason == before.reason
        left = {one.offer: one for one in after.engagements}
        for one in before.engagements:
            due = one.until_us is not None and one.until_us <= time_us
            assert (one.offer in left) != due, (one, after)
            if not due and one.until_us is not None:
                longer_us = downtime_us if one.state == EngagementState.OFFERED else 0
                assert left[one.offer].until_us == one.until_us + longer_us


def compare_call(before: CallView, after: CallView, downtime_us: int) -> None:
    """No call loses its place or gets a bar."""
    assert (after.effective_arrival_us, after.order, after.wait_started_us) == (
        before.effective_arrival_us,
        before.order,
        before.wait_started_us,
    )
    assert set(after.bars) <= set(before.bars)
    assert after.detached == (before.detached and after.finished_us is None)
    if before.state <= CallState.ASSIGNED and after.queue == before.queue:
        assert after.queue_entered_us == before.queue_entered_us + downtime_us


@EXAMPLES
@given(make.centres(favour=RESTARTS))
def test_nobody_is_punished_for_a_downtime(centre: Centre) -> None:
    drive(Restarted(centre.settings), centre)
    report = check(drive(Engine(centre.settings), centre), centre.settings)
    assert report.ok, report.summary()


@EXAMPLES
@given(make.alike(favour=make.CROWDED | RESTARTS))
def test_kin_keep_their_order_through_restarts(centre: Centre) -> None:
    report = check(drive(Engine(centre.settings), centre), centre.settings)
    assert report.ok, report.summary()


@EXAMPLES
@given(make.centres(favour=DETACHED))
def test_nobody_is_given_a_detached_call(centre: Centre) -> None:
    history = drive(Engine(centre.settings), centre)
    report = check(history, centre.settings)
    assert report.ok, report.summary()
    detached: set[str] = set()
    for _, _, events in history:
        for event in events:
            match event:
                case e.CallDetached():
                    detached.add(event.call)
                case e.CallAttached() | e.CallCompleted() | e.CallAbandoned() | e.CallRefused():
                    detached.discard(event.call)
                case e.OfferMade():
                    assert event.call not in detached
