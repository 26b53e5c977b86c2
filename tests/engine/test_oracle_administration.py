"""Rules about queues, settings, agents, memory and requests, in scenarios worked out by hand, on oracle and engine."""

from __future__ import annotations

from typing import Any

import pytest

from router.engine import commands as c
from router.engine import events as e
from router.engine.errors import RequestIdReused
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.settings import ChannelSettings, QueueSettings, Settings, WrapUp
from router.engine.vocabulary import CallState, RejectReason, Urgency, WrapUpMode
from tests.engine.centre import MACHINES, Centre, at_us, kinds, offered, second, us

pytestmark = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.__name__)

Machine = type[Any]
AUTOMATIC = QueueSettings(automatic=True)


# Queues and settings


def test_a_paused_queue_waits(machine: Machine) -> None:
    centre = Centre(machine)
    centre.do(c.PauseQueue("q"), 0)
    centre.sign_in("a", "b", at=1)
    centre.enqueue("normal", 2)
    centre.enqueue("urgent", 3, urgency=Urgency.URGENT)
    assert (centre.waiting(), centre.queue().paused) == (["urgent", "normal"], True)
    assert centre.refusal(c.PauseQueue("q")) == (RejectReason.QUEUE_ALREADY_PAUSED, "q")
    events = centre.do(c.ResumeQueue("q"), 4)
    assert kinds(events) == ["QueueResumed", "OfferMade", "OfferMade"]
    assert offered(events) == [("urgent", "a"), ("normal", "b")]
    assert centre.refusal(c.ResumeQueue("q")) == (RejectReason.QUEUE_NOT_PAUSED, "q")


def test_removing_a_queue_moves_its_calls(machine: Machine) -> None:
    target = QueueSettings(requirement=Requirement((Step((SkillTerm("loans"),)),)))
    centre = Centre(machine, queues={"q": QueueSettings(), "r": target})
    centre.enqueue("c1", 1)
    only_r = Settings(queues={"r": target})
    assert centre.refusal(c.Configure(only_r), 2) == (RejectReason.QUEUE_HAS_CALLS, "q")
    assert centre.refusal(c.Configure(only_r, {"q": "s"})) == (RejectReason.UNKNOWN_QUEUE, "s")
    assert kinds(centre.do(c.Configure(only_r, {"q": "r"}), 3)) == ["Configured", "CallMoved"]
    view = centre.call("c1")
    assert (view.queue, view.requirement, view.queue_entered_us) == ("r", target.requirement, at_us(1))
    assert [queue.queue for queue in centre.machine.queues()] == ["r"]


def test_a_channel_in_use_stays(machine: Machine) -> None:
    centre = Centre(machine)
    centre.enqueue("c1", 1)
    other = Settings(queues=centre.settings.queues, channels={"voice": ChannelSettings(exclusive=False)})
    assert centre.refusal(c.Configure(other)) == (RejectReason.CHANNEL_IN_USE, "voice")
    centre.do(c.Cancel("c1"))
    assert kinds(centre.do(c.Configure(other))) == ["Configured"]


def test_a_moved_call_seeks_by_the_requirement_of_its_new_queue(machine: Machine) -> None:
    expert = QueueSettings(requirement=Requirement((Step((SkillTerm("loans"),)),)))
    centre = Centre(machine, queues={"q": expert, "r": QueueSettings()})
    centre.sign_in("unskilled", at=0)
    centre.enqueue("c1", 1)
    events = centre.do(c.Configure(Settings(queues={"r": QueueSettings()}), {"q": "r"}), 2)
    assert kinds(events) == ["Configured", "CallMoved", "OfferMade"]


def test_a_channel_with_only_a_wrap_up_on_it_stays(machine: Machine) -> None:
    settings = QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.FIXED, us(10)))
    centre = Centre(machine, settings)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.do(c.Complete("c1"), 2)
    other = Settings(queues=centre.settings.queues, channels={"voice": ChannelSettings(exclusive=False)})
    assert centre.refusal(c.Configure(other), 11) == (RejectReason.CHANNEL_IN_USE, "voice")
    assert kinds(centre.do(c.Configure(other), 12)) == ["WrapUpEnded", "Configured"]


def test_a_limit_set_into_the_past_fires_now(machine: Machine) -> None:
    centre = Centre(machine)
    centre.enqueue("c1", 1)
    events = centre.do(c.Configure(Settings(queues={"q": QueueSettings(wait_max_us=us(5))})), 60)
    assert [(name, second(event)) for name, event in zip(kinds(events), events, strict=True)] == [
        ("Configured", 60),
        ("CallRefused", 60),
    ]


# Agents


def test_sign_in_is_checked(machine: Machine) -> None:
    both = {"voice": ChannelSettings(), "chat": ChannelSettings(exclusive=False)}
    centre = Centre(machine, AUTOMATIC, channels=both, agents_max=1)
    assert centre.refusal(c.SignIn("a", capacity={"smoke": 1, "fax": 2})) == (RejectReason.UNKNOWN_CHANNEL, "fax")
    centre.sign_in("a", at=1)
    assert centre.agent("a").capacity == {"voice": 1, "chat": 1}
    assert centre.refusal(c.SignIn("a")) == (RejectReason.ALREADY_SIGNED_IN, "a")
    assert centre.refusal(c.SignIn("b")) == (RejectReason.TOO_MANY_AGENTS, "b")
    centre.enqueue("c1", 2, channel="chat")
    assert centre.refusal(c.UpdateAgent("a", capacity={"voice": 1})) == (RejectReason.CAPACITY_IN_USE, "a")
    centre.do(c.SignOut("a"), 3)
    assert centre.refusal(c.SignIn("a", capacity={"voice": 1})) == (RejectReason.CAPACITY_IN_USE, "a")
    assert centre.refusal(c.UpdateAgent("a")) == (RejectReason.AGENT_SIGNED_OUT, "a")


# Memory


def test_finished_calls_are_forgotten_in_time(machine: Machine) -> None:
    centre = Centre(machine, finished_retention_us=us(100))
    centre.enqueue("c1", 0)
    centre.do(c.Cancel("c1"), 10)
    assert centre.refusal(c.Enqueue("c1", "q"), 109) == (RejectReason.DUPLICATE_CALL, "c1")
    assert kinds(centre.enqueue("c1", 110)) == ["CallEnqueued"]


def test_the_oldest_finished_calls_are_forgotten_when_too_many(machine: Machine) -> None:
    centre = Centre(machine, calls_max=2)
    for name in ("c1", "c2", "c3"):
        centre.enqueue(name, 0)
        centre.do(c.Cancel(name))
    assert [call.call for call in centre.machine.calls()] == ["c2", "c3"]
    centre.enqueue("c4")
    centre.enqueue("c5")
    assert centre.refusal(c.Enqueue("c6", "q")) == (RejectReason.TOO_MANY_CALLS, "c6")


def test_outcomes_are_recorded_once_and_late(machine: Machine) -> None:
    centre = Centre(machine, AUTOMATIC, finished_retention_us=us(100))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 0)
    assert centre.refusal(c.RecordOutcome("c1", True)) == (RejectReason.CALL_NOT_COMPLETED, "c1")
    centre.do(c.Complete("c1"), 10)
    assert centre.refusal(c.RecordOutcome("c1", True, agent="b")) == (RejectReason.OUTCOME_MISMATCH, "c1")
    [recorded] = centre.do(c.RecordOutcome("c1", True), 11)
    assert isinstance(recorded, e.OutcomeRecorded)
    assert (recorded.agent, recorded.queue, centre.call("c1").resolved) == ("a", "q", True)
    assert centre.refusal(c.RecordOutcome("c1", False)) == (RejectReason.OUTCOME_ALREADY_RECORDED, "c1")
    centre.do(c.RecordOutcome("c1", satisfaction=5), 12)
    assert centre.refusal(c.RecordOutcome("c1", True), 110) == (RejectReason.UNKNOWN_CALL, "c1")
    late = c.RecordOutcome("c1", True, agent="a", queue="q")
    assert kinds(centre.do(late)) == ["OutcomeRecorded"]
    [learned] = centre.agent("a").learned
    assert (learned.resolutions, learned.resolved, learned.satisfactions) == (2, 2, 1)


def test_a_request_is_answered_once(machine: Machine) -> None:
    centre = Centre(machine, request_retention_us=us(100))
    answers = []
    for at, client in ((1, "pbx"), (50, "pbx"), (60, "web")):
        answers.append(
            centre.machine.apply_request(
                c.Enqueue("c1", "q"), at_us(at), client=client, request_id="r1", content=b"12345678"
            )
        )
    (first, events), (again, none), (other, _) = answers
    assert kinds(events) == ["CallEnqueued"]
    assert (first.call_state, first.queue, first.repeated) == (CallState.WAITING, "q", False)
    assert (again.sequence, again.time_us, again.call_state, again.repeated, none) == (
        first.sequence,
        at_us(1),
        CallState.WAITING,
        True,
        [],
    )
    assert other.rejection == RejectReason.DUPLICATE_CALL
    assert (centre.machine.sequence, centre.machine.time_us) == (3, at_us(60))
    with pytest.raises(RequestIdReused):
        centre.machine.apply_request(c.Cancel("c1"), at_us(70), client="pbx", request_id="r1", content=b"87654321")
    forgotten, _ = centre.machine.apply_request(
        c.Cancel("c1"), at_us(101), client="pbx", request_id="r1", content=b"87654321"
    )
    assert (forgotten.sequence, forgotten.call_state) == (4, CallState.ABANDONED)
