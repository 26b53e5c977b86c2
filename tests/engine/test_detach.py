"""Goal: a detached call keeps its place and nobody may take it. Method: small scenarios worked out by hand.

Each runs on the oracle and on the engine. The last part is about the other bound that came with it: `requirements_max`.
"""

from __future__ import annotations

from typing import Any

import pytest

from router.engine import commands as c
from router.engine import events as e
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.settings import ByUrgency, ChannelSettings, QueueSettings, Settings
from router.engine.vocabulary import (
    AssignmentCause,
    Availability,
    CallState,
    LimitCause,
    RejectReason,
    Urgency,
    WithdrawalCause,
)
from tests.engine.centre import MACHINES, Centre, at_us, kinds, offered, us

pytestmark = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.__name__)

Machine = type[Any]
AUTOMATIC = QueueSettings(automatic=True)
NEVER = ByUrgency(None, None, None)


def needs(skill: str, level: int = 1) -> Requirement:
    return Requirement((Step((SkillTerm(skill, level),)),))


# Detach


def test_nobody_may_take_a_detached_call_until_it_is_attached(machine: Machine) -> None:
    centre = Centre(machine, AUTOMATIC)
    centre.enqueue("c1", 0)
    [detached] = centre.do(c.Detach("c1"), 1)
    assert isinstance(detached, e.CallDetached)
    assert (detached.call, centre.call("c1").detached) == ("c1", True)
    centre.sign_in("a", at=2)
    assert (centre.who("c1"), centre.call("c1").position) == (None, 1)
    attached, assigned = centre.do(c.Attach("c1"), 3)
    assert isinstance(attached, e.CallAttached)
    assert isinstance(assigned, e.CallAssigned)
    assert (assigned.agent, assigned.wait_us, centre.call("c1").detached) == ("a", us(3), False)


def test_it_keeps_its_place_and_others_pass_it(machine: Machine) -> None:
    centre = Centre(machine, AUTOMATIC)
    for number in range(4):
        centre.enqueue(f"c{number}", number)
    centre.do(c.Detach("c1"), 5)
    assert centre.waiting() == ["c0", "c1", "c2", "c3"]
    assert [centre.call(f"c{number}").position for number in range(4)] == [1, 2, 3, 4]
    centre.sign_in("a", "b", at=6)
    assert (centre.who("c0"), centre.who("c2")) == ("a", "b")
    centre.do(c.Attach("c1"), 7)
    assert offered(centre.do(c.Complete("c0"), 8)) == [("c1", "a")]


def test_the_offer_of_a_detached_call_goes_back_and_its_agent_gets_another(machine: Machine) -> None:
    centre = Centre(machine)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.enqueue("c2", 2)
    events = centre.do(c.Detach("c1"), 3)
    assert kinds(events) == ["OfferWithdrawn", "CallDetached", "OfferMade"]
    assert isinstance(events[0], e.OfferWithdrawn)
    assert events[0].cause == WithdrawalCause.CALL_DETACHED
    assert offered(events) == [("c2", "a")]
    view = centre.call("c1")
    assert (view.state, view.position, view.bars, view.agent, view.offer) == (CallState.WAITING, 1, (), None, None)
    assert centre.agent("a").idle_since_us == at_us(0)


def test_what_changed_while_it_was_on_offer_is_told_when_it_comes_back(machine: Machine) -> None:
    bound = ByUrgency(us(10), us(10), us(10))
    centre = Centre(machine, QueueSettings(max_overtake_wait_us=bound))
    centre.sign_in("a", at=0)
    relaxing = Requirement((Step(), Step((SkillTerm("x"),), after_us=us(5))))
    centre.enqueue("c1", 1, requirement=relaxing)
    events = centre.do(c.Detach("c1"), 15)
    assert kinds(events) == ["OfferWithdrawn", "CallDetached", "CallStepReached", "CallOverdue"]


def test_a_closing_agent_whose_only_offer_goes_back_is_done(machine: Machine) -> None:
    centre = Centre(machine)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.do(c.SetAvailability("a", False, "lunch", after_call=True), 2)
    assert kinds(centre.do(c.Detach("c1"), 3)) == ["OfferWithdrawn", "CallDetached", "AgentAvailabilityChanged"]
    assert centre.agent("a").availability == Availability.NOT_READY


def test_an_assigned_call_stays_with_its_agent(machine: Machine) -> None:
    centre = Centre(machine, AUTOMATIC)
    centre.sign_in("a", "b", at=0)
    centre.enqueue("c1", 1)
    assert kinds(centre.do(c.Detach("c1"), 2)) == ["CallDetached"]
    assert (centre.who("c1"), centre.call("c1").state) == ("a", CallState.ASSIGNED)
    assert kinds(centre.do(c.Requeue("c1"), 3)) == ["CallRequeued"]
    assert (centre.call("c1").state, centre.call("c1").detached) == (CallState.WAITING, True)
    assert offered(centre.do(c.Attach("c1"), 4)) == [("c1", "b")]
    assert kinds(centre.do(c.Detach("c1"), 5)) == ["CallDetached"]
    assert kinds(centre.do(c.Attach("c1"), 6)) == ["CallAttached"]
    assert kinds(centre.do(c.Complete("c1"), 7)) == ["CallCompleted"]


def test_finishing_a_call_ends_its_detachment(machine: Machine) -> None:
    centre = Centre(machine)
    centre.enqueue("c1", 0)
    centre.do(c.Detach("c1"), 1)
    assert kinds(centre.do(c.Cancel("c1"), 2)) == ["CallAbandoned"]
    assert not centre.call("c1").detached
    for command in (c.Detach("c1"), c.Attach("c1")):
        assert centre.refusal(command) == (RejectReason.CALL_FINISHED, "c1")


def test_a_detached_call_may_be_assigned_by_force(machine: Machine) -> None:
    centre = Centre(machine)
    centre.sign_in("a", at=0)
    centre.do(c.PauseQueue("q"), 0)
    centre.enqueue("c1", 1)
    centre.do(c.Detach("c1"), 2)
    [assigned] = centre.do(c.Assign("c1", "a"), 3)
    assert isinstance(assigned, e.CallAssigned)
    assert assigned.cause == AssignmentCause.FORCED
    assert centre.call("c1").detached


def test_nothing_but_attach_brings_it_an_agent(machine: Machine) -> None:
    """Update, transfer, resume, configure, a sign-in and a restart all look for agents, and find none for it."""
    centre = Centre(machine, AUTOMATIC)
    centre.enqueue("c1", 0)
    centre.do(c.Detach("c1"), 1)
    centre.sign_in("a", at=2)
    for command in (
        c.UpdateCall("c1", priority=9, urgency=Urgency.URGENT, preferred_agents=("a",)),
        c.Transfer("c1", "q", preferred_agents=("a",)),
        c.PauseQueue("q"),
        c.ResumeQueue("q"),
        c.Configure(Settings(queues={"q": AUTOMATIC})),
        c.SetAvailability("a", False),
        c.SetAvailability("a", True),
        c.UpdateAgent("a", {"x": 1}),
        c.Restart(),
        c.TurnIntoCallback("c1"),
    ):
        assert offered(centre.do(command, centre.now_s + 1)) == []
    assert offered(centre.do(c.Attach("c1"), 50)) == [("c1", "a")]


# Its clock goes on


def test_steps_bounds_and_holds_go_on(machine: Machine) -> None:
    bound = ByUrgency(us(30), us(30), us(30))
    centre = Centre(machine, QueueSettings(max_overtake_wait_us=bound, preferred_hold_us=us(10)))
    centre.sign_in("b", at=0, ready=False)
    centre.sign_in("a", at=0)
    relaxing = Requirement((Step(), Step((SkillTerm("x"),), after_us=us(20))))
    centre.enqueue("c1", 0, requirement=relaxing, preferred_agents=("b",))
    centre.do(c.Detach("c1"), 1)
    events = centre.advance(40)
    assert kinds(events) == ["CallHoldEnded", "CallStepReached", "CallOverdue"]
    assert [event.time_us for event in events] == [at_us(10), at_us(20), at_us(30)]


def test_a_held_call_is_still_held_when_it_is_attached(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(preferred_hold_us=us(60)))
    centre.sign_in("b", at=0, ready=False)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 0, preferred_agents=("b",))
    centre.do(c.Detach("c1"), 1)
    assert offered(centre.do(c.SetAvailability("b", True), 2)) == []
    assert offered(centre.do(c.Attach("c1"), 3)) == [("c1", "b")]


def test_bars_go_on(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(reject_backoff_us=us(30)))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 0)
    centre.reject("c1", 1)
    centre.do(c.Detach("c1"), 2)
    assert centre.advance(31) == []
    assert centre.call("c1").bars == ()
    assert offered(centre.do(c.Attach("c1"), 32)) == [("c1", "a")]


@pytest.mark.parametrize("overflow", [None, "r"])
def test_the_wait_limit_goes_on(machine: Machine, overflow: str | None) -> None:
    queues = {"q": QueueSettings(wait_max_us=us(10), overflow=overflow), "r": AUTOMATIC}
    centre = Centre(machine, queues=queues)
    centre.sign_in("a", at=0)
    centre.do(c.PauseQueue("q"), 0)
    centre.enqueue("c1", 0)
    centre.do(c.Detach("c1"), 1)
    [event] = centre.advance(10)
    assert isinstance(event, e.CallRefused if overflow is None else e.CallOverflowed)
    assert event.cause == LimitCause.WAIT_LIMIT
    if overflow is not None:
        assert (centre.call("c1").queue, centre.who("c1")) == ("r", None)


def test_it_counts_as_waiting_for_the_length_limit(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(waiting_max=1))
    centre.enqueue("c1", 0)
    centre.do(c.Detach("c1"), 1)
    assert kinds(centre.enqueue("c2", 2)) == ["CallEnqueued", "CallRefused"]


# What is refused


def test_what_is_refused(machine: Machine) -> None:
    centre = Centre(machine)
    centre.enqueue("c1", 0)
    assert centre.refusal(c.Detach("nobody")) == (RejectReason.UNKNOWN_CALL, "nobody")
    assert centre.refusal(c.Attach("nobody")) == (RejectReason.UNKNOWN_CALL, "nobody")
    assert centre.refusal(c.Attach("c1")) == (RejectReason.CALL_NOT_DETACHED, "c1")
    centre.do(c.Detach("c1"))
    assert centre.refusal(c.Detach("c1")) == (RejectReason.CALL_DETACHED, "c1")
    centre.do(c.Attach("c1"))
    assert centre.refusal(c.Attach("c1")) == (RejectReason.CALL_NOT_DETACHED, "c1")


def test_the_result_names_the_call(machine: Machine) -> None:
    centre = Centre(machine)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 0)
    centre.do(c.Detach("c1"))
    result = centre.machine.last_result
    assert (result.call_state, result.queue, result.agent) == (CallState.WAITING, "q", None)
    centre.do(c.Attach("c1"))
    result = centre.machine.last_result
    assert (result.call_state, result.queue, result.agent) == (CallState.OFFERED, "q", "a")


# Different requirements


def test_the_number_of_different_requirements_is_bounded(machine: Machine) -> None:
    """Those of queues and of remembered calls count, each once; what is known already is always welcome."""
    queues = {"q": QueueSettings(), "r": QueueSettings(requirement=needs("loans"))}
    centre = Centre(machine, queues=queues, requirements_max=3, finished_retention_us=us(60))
    centre.enqueue("c1", 0, requirement=needs("cards"))
    centre.enqueue("c2", 0, requirement=needs("cards"))
    centre.enqueue("c3", 0, requirement=needs("loans"))
    centre.enqueue("c4", 0, requirement=Requirement())
    too_many = RejectReason.TOO_MANY_REQUIREMENTS
    assert centre.refusal(c.Enqueue("c5", "q", requirement=needs("cards", 2))) == (too_many, "c5")
    assert centre.refusal(c.UpdateCall("c1", requirement=needs("fraud"))) == (too_many, "c1")
    assert centre.refusal(c.Transfer("c1", "r", requirement=needs("fraud"))) == (too_many, "c1")
    assert centre.call("c1").requirement == needs("cards")
    centre.enqueue("c6", 1)
    for name in ("c1", "c2"):
        centre.do(c.Cancel(name), 2)
    assert centre.refusal(c.Enqueue("c7", "q", requirement=needs("fraud"))) == (too_many, "c7")
    assert kinds(centre.enqueue("c7", 62, requirement=needs("fraud"))) == ["CallEnqueued"]


def test_requirements_are_checked_last(machine: Machine) -> None:
    centre = Centre(machine, requirements_max=1, calls_max=1)
    own = needs("loans")
    for refused, reason in (
        (c.Enqueue("c1", "x", requirement=own), RejectReason.UNKNOWN_QUEUE),
        (c.Enqueue("c1", "q", requirement=own, channel="x"), RejectReason.UNKNOWN_CHANNEL),
        (c.Enqueue("c1", "q", requirement=own), RejectReason.TOO_MANY_REQUIREMENTS),
        (c.Enqueue("c1", "q"), None),
        (c.Enqueue("c1", "q", requirement=own), RejectReason.DUPLICATE_CALL),
        (c.Enqueue("c2", "q", requirement=own), RejectReason.TOO_MANY_CALLS),
        (c.Transfer("c1", "x", requirement=own), RejectReason.UNKNOWN_QUEUE),
    ):
        if reason is None:
            centre.do(refused)
        else:
            assert centre.refusal(refused)[0] == reason


def test_a_requirement_is_known_by_its_terms_in_their_order(machine: Machine) -> None:
    one = Requirement((Step((SkillTerm("x"), SkillTerm("y"))),))
    other = Requirement((Step((SkillTerm("y"), SkillTerm("x"))),))
    centre = Centre(machine, requirements_max=2)
    centre.enqueue("c1", 0, requirement=one)
    assert kinds(centre.enqueue("c2", 0, requirement=Requirement(tuple(one.steps)))) == ["CallEnqueued"]
    assert centre.refusal(c.Enqueue("c3", "q", requirement=other))[0] == RejectReason.TOO_MANY_REQUIREMENTS


def test_configure_may_bring_more_requirements_and_a_lower_bound(machine: Machine) -> None:
    """Calls and queues keep what they have; only new ones are refused."""
    centre = Centre(machine, requirements_max=3)
    centre.enqueue("c1", 0, requirement=needs("loans"))
    queues = {"q": QueueSettings(), "r": QueueSettings(requirement=needs("cards"))}
    assert kinds(centre.do(c.Configure(Settings(queues=queues, requirements_max=1)))) == ["Configured"]
    assert kinds(centre.enqueue("c2", 1, requirement=needs("loans"))) == ["CallEnqueued"]
    assert centre.refusal(c.Enqueue("c3", "q", requirement=needs("x")))[0] == RejectReason.TOO_MANY_REQUIREMENTS


def test_the_requirement_that_is_replaced_still_counts(machine: Machine) -> None:
    centre = Centre(machine, requirements_max=2, channels={"voice": ChannelSettings()})
    centre.enqueue("c1", 0, requirement=needs("loans"))
    assert centre.refusal(c.UpdateCall("c1", requirement=needs("cards")))[0] == RejectReason.TOO_MANY_REQUIREMENTS
    centre.do(c.UpdateCall("c1", requirement=Requirement()))
    assert kinds(centre.do(c.UpdateCall("c1", requirement=needs("cards")))) == ["CallUpdated"]
