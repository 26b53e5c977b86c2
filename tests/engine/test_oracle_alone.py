"""The main rules of DESIGN.md in small scenarios whose results were worked out by hand.

Each runs on the oracle and on the engine, so that the two cannot be wrong in the same way.
"""

from __future__ import annotations

from typing import Any

import pytest

from router.engine import commands as c
from router.engine import events as e
from router.engine.errors import TimeWentBackwards, UnknownName
from router.engine.requirements import AgentTerm, Requirement, SkillTerm, Step
from router.engine.settings import ByUrgency, ChannelSettings, QueueSettings, WrapUp
from router.engine.vocabulary import (
    AssignmentCause,
    Availability,
    CallState,
    EngagementState,
    LimitCause,
    NoAnswerAction,
    RejectReason,
    Tier,
    Urgency,
    WithdrawalCause,
    WrapUpMode,
)
from tests.engine.centre import MACHINES, Centre, at_us, kinds, offered, second, us

pytestmark = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.__name__)

Machine = type[Any]
AUTOMATIC = QueueSettings(automatic=True)
NO_BOUND = ByUrgency(None, None, None)


# The machine


def test_the_first_command_is_the_configuration(machine: Machine) -> None:
    centre = Centre(machine)
    assert (centre.machine.sequence, centre.machine.time_us) == (1, at_us(0))
    assert centre.machine.settings == centre.settings
    bare = machine()
    assert (bare.sequence, bare.time_us, bare.last_result, bare.next_deadline()) == (0, 0, None, None)


def test_a_rejected_command_is_numbered_and_time_passes(machine: Machine) -> None:
    centre = Centre(machine)
    assert centre.refusal(c.Complete("nobody"), 5) == (RejectReason.UNKNOWN_CALL, "nobody")
    assert (centre.machine.sequence, centre.machine.time_us) == (2, at_us(5))


def test_time_going_back_changes_nothing(machine: Machine) -> None:
    centre = Centre(machine)
    centre.advance(5)
    with pytest.raises(TimeWentBackwards):
        centre.sign_in("a", at=4.999_999)
    assert (centre.machine.sequence, centre.machine.time_us, centre.machine.agents()) == (2, at_us(5), [])


def test_deadlines_fire_at_their_own_time_before_the_command(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(10), no_answer_action=NoAnswerAction.NOT_READY))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    assert centre.machine.next_deadline() == at_us(11)
    events = centre.do(c.SetAvailability("a", True), 50)
    assert [(name, second(event)) for name, event in zip(kinds(events), events, strict=True)] == [
        ("OfferExpired", 11),
        ("AgentAvailabilityChanged", 11),
        ("AgentAvailabilityChanged", 50),
        ("OfferMade", 50),
    ]


def test_an_accept_at_the_instant_of_expiry_is_too_late(machine: Machine) -> None:
    for at, late in ((10.999_999, False), (11, True)):
        centre = Centre(machine, QueueSettings(offer_timeout_us=us(10)))
        centre.sign_in("a", at=0)
        centre.enqueue("c1", 1)
        if late:
            assert centre.refusal(c.Accept(1), at) == (RejectReason.OFFER_ENDED, "1")
            assert centre.call("c1").state == CallState.WAITING
        else:
            centre.do(c.Accept(1), at)
            assert centre.call("c1").state == CallState.ASSIGNED


# Offers


def test_the_life_of_an_accepted_call(machine: Machine) -> None:
    centre = Centre(machine)
    centre.sign_in("a", at=0)
    assert kinds(centre.enqueue("c1", 1)) == ["CallEnqueued", "OfferMade"]
    assert (centre.call("c1").state, centre.call("c1").position) == (CallState.OFFERED, None)
    accepted, assigned = centre.accept("c1", 4)
    assert isinstance(accepted, e.OfferAccepted)
    assert isinstance(assigned, e.CallAssigned)
    assert (assigned.wait_us, assigned.cause) == (us(3), AssignmentCause.ACCEPTED)
    [completed] = centre.do(c.Complete("c1"), 64)
    assert isinstance(completed, e.CallCompleted)
    assert completed.handle_us == us(60)
    view = centre.call("c1")
    assert (view.state, view.agent, view.offer, view.finished_us) == (CallState.COMPLETED, "a", None, at_us(64))
    assert centre.agent("a").idle_since_us == at_us(64)
    assert centre.refusal(c.Accept(1)) == (RejectReason.OFFER_ENDED, "1")
    assert centre.refusal(c.Accept(2)) == (RejectReason.UNKNOWN_OFFER, "2")


def test_a_rejected_call_goes_on_in_its_place_and_spares_the_agent(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(reject_backoff_us=us(30)))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.enqueue("c2", 2)
    events = centre.reject("c1", 5, "busy")
    assert kinds(events) == ["OfferRejected", "OfferMade"]
    assert offered(events) == [("c2", "a")]
    assert [(bar.agent, bar.until_us) for bar in centre.call("c1").bars] == [("a", at_us(35))]
    assert (centre.call("c1").position, centre.agent("a").idle_since_us) == (1, at_us(0))
    centre.do(c.Cancel("c2"), 6)
    assert centre.who("c1") is None
    assert offered(centre.advance(35)) == [("c1", "a")]
    assert centre.call("c1").bars == ()


@pytest.mark.parametrize(
    ("action", "availability", "reason", "told"),
    [
        (NoAnswerAction.NOT_READY, Availability.NOT_READY, "no_answer", ["AgentAvailabilityChanged"]),
        (NoAnswerAction.SIGN_OUT, Availability.SIGNED_OUT, "", ["AgentSignedOut"]),
        (NoAnswerAction.KEEP_READY, Availability.READY, "", []),
    ],
)
def test_no_answer(
    machine: Machine, action: NoAnswerAction, availability: Availability, reason: str, told: list[str]
) -> None:
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(10), no_answer_action=action))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    events = centre.advance(11)
    assert kinds(events) == ["OfferExpired", *told]
    assert (centre.agent("a").availability, centre.agent("a").reason) == (availability, reason)
    assert centre.call("c1").state == CallState.WAITING


def test_no_answer_takes_the_other_offers_back(machine: Machine) -> None:
    chats = {"chat": ChannelSettings(exclusive=False)}
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(10)), channels=chats)
    centre.sign_in("a", at=0, capacity={"chat": 2})
    centre.enqueue("c1", 1, channel="chat")
    centre.enqueue("c2", 2, channel="chat")
    expired, withdrawn, changed = centre.advance(11)
    assert isinstance(expired, e.OfferExpired)
    assert isinstance(withdrawn, e.OfferWithdrawn)
    assert (withdrawn.call, withdrawn.cause) == ("c2", WithdrawalCause.AGENT_NOT_READY)
    assert isinstance(changed, e.AgentAvailabilityChanged)
    assert centre.waiting() == ["c1", "c2"]
    assert (len(centre.call("c1").bars), len(centre.call("c2").bars)) == (1, 0)


def test_an_automatic_queue_assigns_at_once(machine: Machine) -> None:
    centre = Centre(machine, AUTOMATIC)
    centre.sign_in("a", at=0)
    [_, assigned] = centre.enqueue("c1", 1)
    assert isinstance(assigned, e.CallAssigned)
    assert (assigned.cause, assigned.offer, centre.call("c1").state) == (
        AssignmentCause.AUTOMATIC,
        1,
        CallState.ASSIGNED,
    )


def test_a_returning_call_seeks_the_best_agent_not_the_last(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(reject_backoff_us=0))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.accept("c1", 2)
    centre.sign_in("b", at=3)
    centre.do(c.Requeue("c1"), 100)
    assert centre.who("c1") == "b"


def test_what_changes_a_call_comes_before_what_frees_an_agent(machine: Machine) -> None:
    """At second 20 the held call's hold ends, and only then a's offer expires: a stays ready and gets the next call."""
    settings = QueueSettings(
        offer_timeout_us=us(10), no_answer_action=NoAnswerAction.KEEP_READY, preferred_hold_us=us(15)
    )
    centre = Centre(machine, settings)
    centre.sign_in("friend", at=0, ready=False)
    centre.sign_in("a", at=0)
    centre.enqueue("held", 5, preferred_agents=("friend",))
    centre.enqueue("c1", 10)
    events = centre.advance(20)
    assert kinds(events) == ["CallHoldEnded", "OfferExpired", "OfferMade"]
    assert offered(events) == [("held", "a")]


# Channels


def test_an_exclusive_call_takes_the_agent_whole(machine: Machine) -> None:
    both = {"voice": ChannelSettings(exclusive=True), "chat": ChannelSettings(exclusive=False)}
    centre = Centre(machine, AUTOMATIC, channels=both)
    centre.sign_in("a", at=0, capacity={"voice": 1, "chat": 2})
    centre.enqueue("chat 1", 1, channel="chat")
    centre.enqueue("voice 1", 2)
    centre.enqueue("chat 2", 3, channel="chat")
    centre.enqueue("chat 3", 4, channel="chat")
    assert [centre.who(call) for call in ("chat 1", "voice 1", "chat 2", "chat 3")] == ["a", None, "a", None]
    centre.do(c.Complete("chat 1"), 5)  # the oldest that fits now: chat 3, as chat 2 keeps the voice channel shut
    assert (centre.who("voice 1"), centre.who("chat 3")) == (None, "a")
    centre.do(c.Complete("chat 2"), 6)
    centre.do(c.Complete("chat 3"), 7)
    assert centre.who("voice 1") == "a"
    centre.enqueue("chat 4", 8, channel="chat")
    assert centre.who("chat 4") is None


# Requirements


def test_steps_change_the_demand_as_the_call_waits(machine: Machine) -> None:
    steps = (
        Step((SkillTerm("loans", 8),)),
        Step((SkillTerm("loans", 3),), after_us=us(10)),
        Step((AgentTerm("boss"),), after_us=us(20)),
    )
    centre = Centre(machine, QueueSettings(requirement=Requirement(steps), reject_backoff_us=us(300)))
    centre.sign_in("junior", at=0, skills={"loans": 3})
    centre.sign_in("boss", at=0)
    centre.enqueue("c1", 1, credited_wait_us=us(100))  # credit does not count for steps
    assert (centre.call("c1").step, centre.machine.next_deadline()) == (0, at_us(11))
    events = centre.advance(11)
    assert kinds(events) == ["CallStepReached", "OfferMade"]
    assert centre.who("c1") == "junior"
    # While it is offered its step stands still; when it comes back, it is told once.
    events = centre.reject("c1", 29)
    assert kinds(events) == ["OfferRejected", "CallStepReached", "OfferMade"]
    assert (centre.who("c1"), centre.call("c1").step) == ("boss", 2)


def test_agents_are_counted_that_could_serve_a_step(machine: Machine) -> None:
    both = {"voice": ChannelSettings(), "chat": ChannelSettings()}
    centre = Centre(machine, channels=both)
    requirement = Requirement((Step((SkillTerm("loans", 3),)), Step(after_us=1)))
    centre.sign_in("a", at=0, skills={"loans": 3}, capacity={"voice": 1})
    centre.sign_in("b", at=0, skills={"loans": 2}, capacity={"voice": 1})
    centre.sign_in("away", at=0, skills={"loans": 3}, ready=False)
    count = centre.machine.count_agents
    assert (count(requirement), count(requirement, step=1)) == (1, 2)
    assert count(requirement, channel="chat") == 0
    with pytest.raises(UnknownName):
        count(requirement, channel="fax")


# Holds


def test_a_held_call_waits_for_its_agent(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(preferred_hold_us=us(20)))
    centre.sign_in("friend", at=0)
    centre.enqueue("c0", 1)
    centre.accept("c0", 1)
    centre.sign_in("other", at=2)
    centre.enqueue("c1", 3, preferred_agents=("friend",))
    view = centre.call("c1")
    assert (view.held, view.hold_until_us, view.position) == (True, at_us(23), 1)
    centre.do(c.Complete("c0"), 10)
    assert centre.who("c1") == "friend"


def test_a_hold_ends_for_everybody(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(preferred_hold_us=us(20)))
    centre.sign_in("friend", ready=False)
    centre.sign_in("other")
    centre.enqueue("c1", 3, preferred_agents=("friend",))
    assert centre.advance(22.999_999) == []
    assert kinds(centre.advance(23)) == ["CallHoldEnded", "OfferMade"]
    assert (centre.who("c1"), centre.call("c1").held, centre.call("c1").hold_until_us) == ("other", False, None)


def test_a_hold_is_over_at_its_very_end(machine: Machine) -> None:
    """The held call is offered meanwhile, so that it finds the end of its hold only when it comes back."""
    for rejected_at, told in ((22.999_999, ["OfferRejected"]), (23, ["OfferRejected", "CallHoldEnded", "OfferMade"])):
        centre = Centre(machine, QueueSettings(preferred_hold_us=us(20), offer_timeout_us=us(100)))
        centre.sign_in("friend", "other")
        centre.enqueue("c1", 3, preferred_agents=("friend",))
        assert kinds(centre.reject("c1", rejected_at)) == told


def test_no_hold_without_one_who_is_signed_in(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(preferred_hold_us=us(20)))
    centre.sign_in("friend", "other")
    centre.do(c.SignOut("friend"))
    centre.enqueue("c1", 3, preferred_agents=("friend",))
    assert (centre.call("c1").hold_until_us, centre.who("c1")) == (None, "other")


def test_a_hold_ends_at_the_bound(machine: Machine) -> None:
    bounds = ByUrgency(us(10), us(10), us(10))
    centre = Centre(machine, QueueSettings(preferred_hold_us=us(60), max_overtake_wait_us=bounds))
    centre.sign_in("friend", ready=False)
    centre.sign_in("other")
    centre.enqueue("c1", 3, preferred_agents=("friend",), credited_wait_us=us(4))
    events = centre.advance(9)
    assert kinds(events) == ["CallHoldEnded", "CallOverdue", "OfferMade"]
    assert centre.call("c1").tier == Tier.OVERDUE


def test_the_last_agent_of_a_customer(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(last_agent_preferred=True, last_agent_hold_us=us(7)))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1, customer="carol")
    centre.accept("c1")
    centre.do(c.Complete("c1"), 5)
    [customer] = centre.machine.customers()
    assert (customer.customer, customer.agent, customer.served_us) == ("carol", "a", at_us(5))
    centre.do(c.SetAvailability("a", False), 6)
    centre.sign_in("b", at=6)
    centre.enqueue("c2", 10, customer="carol")
    assert (centre.call("c2").preferred_agents, centre.call("c2").hold_until_us) == (("a",), at_us(17))
    centre.enqueue("c3", 10, customer="carol", preferred_agents=("b",), hold_us=us(3))
    assert (centre.call("c3").preferred_agents, centre.who("c3")) == (("a", "b"), "b")


# Overdue


def test_an_overdue_call_goes_before_important_ones(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(max_overtake_wait_us=ByUrgency(us(30), None, None)))
    centre.enqueue("old", 0)
    centre.enqueue("important", 1, urgency=Urgency.IMPORTANT)
    assert centre.waiting() == ["important", "old"]
    assert kinds(centre.advance(30)) == ["CallOverdue"]
    assert centre.waiting() == ["old", "important"]
    centre.sign_in("a")
    assert centre.who("old") == "a"


# Limits


def test_a_full_queue_overflows_once_to_each_and_then_refuses(machine: Machine) -> None:
    queues = {
        "q": QueueSettings(waiting_max=1, overflow="r"),
        "r": QueueSettings(waiting_max=0, overflow="q", requirement=Requirement((Step((SkillTerm("loans"),)),))),
    }
    centre = Centre(machine, queues=queues)
    centre.enqueue("c1", 1)
    events = centre.enqueue("c2", 2)
    assert kinds(events) == ["CallEnqueued", "CallOverflowed", "CallRefused"]
    refused = events[-1]
    assert isinstance(refused, e.CallRefused)
    assert (refused.queue, refused.cause, refused.wait_us) == ("r", LimitCause.QUEUE_FULL, 0)
    view = centre.call("c2")
    assert (view.state, view.queues_tried, view.queue) == (CallState.REFUSED, ("q", "r"), "r")
    # Somebody free in the overflow queue takes it before the limit is looked at.
    centre.sign_in("expert", at=3, skills={"loans": 1})
    assert centre.who("c1") == "expert"
    centre.enqueue("c3", 4)
    centre.sign_in("second", at=5, skills={"loans": 1})
    assert centre.who("c3") == "second"


def test_the_wait_limit_runs_in_each_queue(machine: Machine) -> None:
    queues = {
        "q": QueueSettings(wait_max_us=us(10), overflow="r"),
        "r": QueueSettings(wait_max_us=us(5)),
    }
    centre = Centre(machine, queues=queues)
    centre.enqueue("c1", 1)
    [overflowed, refused] = centre.advance(60)
    assert isinstance(overflowed, e.CallOverflowed)
    assert (second(overflowed), overflowed.queue, overflowed.cause) == (11, "r", LimitCause.WAIT_LIMIT)
    assert isinstance(refused, e.CallRefused)
    assert (second(refused), refused.wait_us, refused.cause) == (16, us(15), LimitCause.WAIT_LIMIT)


def test_a_callback_knows_no_wait_limit(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(wait_max_us=us(10), max_overtake_wait_us=NO_BOUND))
    centre.enqueue("c1", 0)
    centre.do(c.TurnIntoCallback("c1"), 9)
    assert centre.machine.next_deadline() is None
    assert centre.advance(60) == []
    assert centre.refusal(c.TurnIntoCallback("c1")) == (RejectReason.ALREADY_CALLBACK, "c1")
    centre.sign_in("a")
    assert centre.call("c1").effective_arrival_us == at_us(0)
    assert centre.call("c1").state == CallState.OFFERED
    centre.accept("c1")
    assert centre.refusal(c.TurnIntoCallback("c1")) == (RejectReason.CALL_ASSIGNED, "c1")


def test_a_returning_call_meets_a_passed_wait_limit_only_after_seeking(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(wait_max_us=us(10), offer_timeout_us=us(100)))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    assert centre.advance(50) == []
    events = centre.reject("c1", 50)
    assert kinds(events) == ["OfferRejected", "CallRefused"]
    centre.sign_in("b", at=51)
    centre.enqueue("c2", 52)
    assert centre.who("c2") == "a"
    assert kinds(centre.reject("c2", 90)) == ["OfferRejected", "OfferMade"]


# Wrap-up


def test_a_fixed_wrap_up_ends_by_itself(machine: Machine) -> None:
    settings = QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.FIXED, us(15)))
    centre = Centre(machine, settings)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.enqueue("c2", 2)
    assert kinds(centre.do(c.Complete("c1"), 10)) == ["CallCompleted", "WrapUpStarted"]
    [engagement] = centre.agent("a").engagements
    assert (engagement.state, engagement.until_us) == (EngagementState.WRAP_UP, at_us(25))
    assert kinds(centre.advance(25)) == ["WrapUpEnded", "CallAssigned"]


def test_an_agent_ends_wrap_up(machine: Machine) -> None:
    settings = QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.MANUAL, us(600)))
    centre = Centre(machine, settings)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    assert centre.refusal(c.EndWrapUp("a")) == (RejectReason.NOT_IN_WRAP_UP, "a")
    centre.do(c.Complete("c1"), 10)
    assert centre.refusal(c.EndWrapUp("a", "c9")) == (RejectReason.NOT_IN_WRAP_UP, "a")
    assert kinds(centre.do(c.EndWrapUp("a", "c1"), 12)) == ["WrapUpEnded"]
    assert centre.agent("a").idle_since_us == at_us(12)


def test_signing_out_ends_wrap_up_and_spares_the_next(machine: Machine) -> None:
    settings = QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.FIXED, us(600)))
    centre = Centre(machine, settings)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.do(c.Complete("c1"), 10)
    assert kinds(centre.do(c.SignOut("a"), 11)) == ["WrapUpEnded", "AgentSignedOut"]
    centre.sign_in("a", at=20)
    centre.enqueue("c2", 21)
    centre.do(c.SignOut("a"), 22)
    assert centre.refusal(c.Assign("c2", "a")) == (RejectReason.CALL_ASSIGNED, "c2")
    assert kinds(centre.do(c.Complete("c2"), 30)) == ["CallCompleted"]
    assert centre.agent("a").engagements == ()


# Availability


def test_after_call_lets_the_work_finish(machine: Machine) -> None:
    centre = Centre(machine, AUTOMATIC)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.enqueue("c2", 2)
    [closing] = centre.do(c.SetAvailability("a", False, "lunch", after_call=True), 3)
    assert isinstance(closing, e.AgentAvailabilityChanged)
    assert (closing.availability, closing.reason) == (Availability.CLOSING, "lunch")
    assert centre.do(c.SetAvailability("a", False, "lunch", after_call=True), 4) == []
    events = centre.do(c.Complete("c1"), 10)
    assert kinds(events) == ["CallCompleted", "AgentAvailabilityChanged"]
    assert (centre.agent("a").availability, centre.agent("a").reason) == (Availability.NOT_READY, "lunch")
    assert centre.who("c2") is None
    events = centre.do(c.SetAvailability("a", True), 20)
    assert kinds(events) == ["AgentAvailabilityChanged", "CallAssigned"]
    assert centre.do(c.SetAvailability("a", True, "again"), 21) == []
    assert centre.agent("a").reason == ""


def test_not_ready_gives_offers_to_others(machine: Machine) -> None:
    centre = Centre(machine)
    centre.sign_in("a", at=0)
    centre.sign_in("b", at=1)
    centre.enqueue("c1", 2)
    events = centre.do(c.SetAvailability("a", False, "break"), 3)
    assert kinds(events) == ["OfferWithdrawn", "AgentAvailabilityChanged", "OfferMade"]
    assert centre.who("c1") == "b"


# Requeue, transfer, assign, cancel


def test_requeue_keeps_the_place_or_not(machine: Machine) -> None:
    for keep, order in ((True, ["c1", "c2"]), (False, ["c2", "c1"])):
        centre = Centre(machine, QueueSettings(requirement=Requirement((Step((SkillTerm("loans"),)),))))
        centre.sign_in("a", at=0, skills={"loans": 1})
        centre.enqueue("c1", 1)
        centre.accept("c1", 2)
        centre.enqueue("c2", 3)
        centre.do(c.UpdateAgent("a", skills={}), 4)
        [requeued] = centre.do(c.Requeue("c1", keep, "line dropped"), 5)
        assert isinstance(requeued, e.CallRequeued)
        assert (requeued.agent, requeued.kept_place, requeued.reason) == ("a", keep, "line dropped")
        assert centre.waiting() == order
        view = centre.call("c1")
        assert view.effective_arrival_us == view.wait_started_us == view.queue_entered_us == at_us(1 if keep else 5)
        assert view.assigned_us is None


def test_transfer_of_an_assigned_call(machine: Machine) -> None:
    queues = {
        "q": QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.FIXED, us(10))),
        "r": QueueSettings(preferred_hold_us=us(8), requirement=Requirement((Step((SkillTerm("loans"),)),))),
    }
    centre = Centre(machine, queues=queues)
    centre.sign_in("a", at=0)
    centre.sign_in("expert", at=1, skills={"loans": 5})
    centre.enqueue("c1", 2)
    assert centre.who("c1") == "a"
    assert centre.refusal(c.Transfer("c1", "nowhere"), 3) == (RejectReason.UNKNOWN_QUEUE, "nowhere")
    assert centre.call("c1").state == CallState.ASSIGNED
    events = centre.do(c.Transfer("c1", "r", preferred_agents=("a",)), 20)
    assert kinds(events) == ["CallTransferred", "WrapUpStarted"]
    [transferred, _] = events
    assert isinstance(transferred, e.CallTransferred)
    assert (transferred.agent, transferred.from_queue, transferred.hold_until_us) == ("a", "q", at_us(28))
    view = centre.call("c1")
    assert (view.effective_arrival_us, view.wait_started_us, view.queue_entered_us) == (at_us(2), at_us(20), at_us(20))
    assert (view.requirement, view.own_requirement) == (queues["r"].requirement, False)
    assert (view.queues_tried, view.held) == (("r",), True)
    [hold_ended, made] = centre.advance(28)
    assert isinstance(hold_ended, e.CallHoldEnded)
    assert offered([made]) == [("c1", "expert")]


def test_transfer_of_an_offered_call_starts_anew(machine: Machine) -> None:
    centre = Centre(machine, queues={"q": QueueSettings(), "r": QueueSettings(offer_timeout_us=us(3))})
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1, credited_wait_us=us(9))
    events = centre.do(c.Transfer("c1", "r", keep_place=False), 5)
    assert kinds(events) == ["OfferWithdrawn", "CallTransferred", "OfferMade"]
    assert isinstance(events[1], e.CallTransferred)
    assert (events[1].agent, events[1].kept_place) == ("", False)
    view = centre.call("c1")
    assert (view.effective_arrival_us, view.order, view.offer) == (at_us(5), centre.machine.sequence, 2)


def test_forced_assignment_overrides_all_but_capacity(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(requirement=Requirement((Step((SkillTerm("loans"),)),))))
    centre.sign_in("unskilled", at=0, ready=False)
    centre.sign_in("a", at=0, skills={"loans": 1})
    centre.enqueue("c1", 1)
    centre.enqueue("c2", 2)
    events = centre.do(c.Assign("c1", "unskilled"), 3)
    assert kinds(events) == ["OfferWithdrawn", "CallAssigned", "OfferMade"]
    assert isinstance(events[1], e.CallAssigned)
    assert (events[1].cause, events[1].offer, offered(events[2:])) == (AssignmentCause.FORCED, 2, [("c2", "a")])
    assert centre.refusal(c.Assign("c2", "unskilled")) == (RejectReason.NO_CAPACITY, "unskilled")
    # The agent's own offer of this call does not stand in the way.
    assert kinds(centre.do(c.Assign("c2", "a"), 4)) == ["OfferWithdrawn", "CallAssigned"]


def test_cancel_frees_the_agent(machine: Machine) -> None:
    centre = Centre(machine)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.enqueue("c2", 2)
    events = centre.do(c.Cancel("c1", "hung up"), 7)
    assert kinds(events) == ["OfferWithdrawn", "CallAbandoned", "OfferMade"]
    assert isinstance(events[1], e.CallAbandoned)
    assert (events[1].wait_us, events[1].reason) == (us(6), "hung up")
    centre.accept("c2", 8)
    assert centre.refusal(c.Cancel("c2")) == (RejectReason.CALL_ASSIGNED, "c2")
    assert centre.refusal(c.Cancel("c1")) == (RejectReason.CALL_FINISHED, "c1")
