"""Goal: nobody is punished for a downtime. Method: small scenarios worked out by hand from DESIGN.md's restart rule.

Each runs on the oracle and on the engine. In all of them the server goes down after the last command before `restart`.
"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from router.engine import commands as c
from router.engine import events as e
from router.engine.errors import TimeWentBackwards
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.settings import ByUrgency, ChannelSettings, QueueSettings, WrapUp
from router.engine.vocabulary import (
    Availability,
    CallState,
    LimitCause,
    NoAnswerAction,
    Tier,
    Urgency,
    WithdrawalCause,
    WrapUpMode,
)
from tests.engine.centre import MACHINES, Centre, at_us, kinds, offered, second, us

pytestmark = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.__name__)

Machine = type[Any]
CHATS = {"voice": ChannelSettings(), "chat": ChannelSettings(exclusive=False)}
NEVER = ByUrgency(None, None, None)
LOANS = Requirement((Step((SkillTerm("loans"),)),))
RELAXING = Requirement((Step((SkillTerm("loans", 9),)), Step((SkillTerm("loans", 5),), after_us=us(10)),
                        Step(after_us=us(20))))  # fmt: skip


def restart(centre: Centre, at: float) -> list[e.Event]:
    """Restart at a second of the scenario. Everything that comes of it has that time, and `Restarted` comes first."""
    before_us = centre.machine.time_us
    events = centre.do(c.Restart(), at)
    assert isinstance(events[0], e.Restarted)
    assert events[0].downtime_us == at_us(at) - before_us
    assert {event.time_us for event in events} == {at_us(at)}
    assert not any(isinstance(event, e.OfferExpired) for event in events)
    return events[1:]


# Offers


@pytest.mark.parametrize("action", list(NoAnswerAction))
@pytest.mark.parametrize("at", [21, 22, 50, 10_000])
def test_an_offer_due_in_the_downtime_comes_back_without_a_bar_or_an_action(
    machine: Machine, action: NoAnswerAction, at: float
) -> None:
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(20), no_answer_action=action))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    withdrawn, again = restart(centre, at)[:2] if at < 600 else restart_of_an_overdue_call(centre, at)
    assert isinstance(withdrawn, e.OfferWithdrawn)
    assert (withdrawn.offer, withdrawn.cause) == (1, WithdrawalCause.RESTARTED)
    assert isinstance(again, e.OfferMade)
    assert (again.offer, again.agent, again.expires_us) == (2, "a", at_us(at + 20))
    agent = centre.agent("a")
    assert (agent.availability, agent.reason, agent.idle_since_us) == (Availability.READY, "", at_us(0))
    assert centre.call("c1").bars == ()


def restart_of_an_overdue_call(centre: Centre, at: float) -> tuple[e.Event, e.Event]:
    withdrawn, overdue, again = restart(centre, at)
    assert isinstance(overdue, e.CallOverdue)
    return withdrawn, again


def test_an_offer_that_is_not_due_yet_stands_and_expires_later_by_the_downtime(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(20)))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.advance(3)
    assert restart(centre, 20.999_999) == []
    assert centre.agent("a").engagements[0].until_us == at_us(21 + 17.999_999)
    assert centre.advance(38) == []
    [expired, _] = centre.advance(39)
    assert isinstance(expired, e.OfferExpired)
    assert expired.time_us == at_us(38.999_999)


def test_an_agent_may_still_accept_what_stands(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(20)))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    restart(centre, 18)
    centre.accept("c1", 30)
    assert centre.call("c1").state == CallState.ASSIGNED


def test_an_answer_to_what_was_taken_back_is_too_late(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(20)))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    restart(centre, 30)
    assert centre.refusal(c.Accept(1))[1] == "1"
    centre.accept("c1")


def test_several_restarts_in_a_row_extend_by_each_downtime(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(20)))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    assert restart(centre, 15) == []
    assert restart(centre, 15) == []
    assert restart(centre, 30) == []
    assert centre.agent("a").engagements[0].until_us == at_us(21 + 14 + 0 + 15)
    assert kinds(restart(centre, 50)) == ["OfferWithdrawn", "OfferMade"]


def test_a_restart_after_no_time_at_all_changes_nothing(machine: Machine) -> None:
    centre = Centre(machine)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.enqueue("c2", 1)
    before = (centre.machine.calls(), centre.machine.agents(), centre.machine.next_deadline())
    assert restart(centre, 1) == []
    assert (centre.machine.calls(), centre.machine.agents(), centre.machine.next_deadline()) == before


def test_a_restart_cannot_go_back_in_time(machine: Machine) -> None:
    centre = Centre(machine)
    centre.advance(5)
    with pytest.raises(TimeWentBackwards):
        centre.do(c.Restart(), 4)
    assert centre.machine.time_us == at_us(5)


def test_due_offers_come_back_by_number_and_are_given_out_by_rank(machine: Machine) -> None:
    """Urgent first, then by arrival, whoever had which offer before."""
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(10)))
    centre.sign_in("a", "b", "d", at=0)
    centre.enqueue("c1", 1)
    centre.enqueue("c2", 1, urgency=Urgency.URGENT)
    centre.enqueue("c3", 1, urgency=Urgency.IMPORTANT)
    centre.enqueue("c4", 2, urgency=Urgency.URGENT)
    events = restart(centre, 60)
    assert [event.offer for event in events if isinstance(event, e.OfferWithdrawn)] == [1, 2, 3]
    assert offered(events) == [("c2", "a"), ("c4", "b"), ("c3", "d")]
    assert centre.waiting() == ["c1"]


def test_only_the_due_ones_of_an_agents_offers_come_back(machine: Machine) -> None:
    quick = QueueSettings(offer_timeout_us=us(10), no_answer_action=NoAnswerAction.SIGN_OUT)
    queues = {"quick": quick, "slow": QueueSettings(offer_timeout_us=us(60))}
    centre = Centre(machine, queues=queues, channels=CHATS)
    centre.sign_in("a", at=0, capacity={"chat": 2})
    centre.enqueue("c1", 0, queue="quick", channel="chat")
    centre.enqueue("c2", 0, queue="slow", channel="chat")
    events = restart(centre, 30)
    assert kinds(events) == ["OfferWithdrawn", "OfferMade"]
    assert offered(events) == [("c1", "a")]
    assert [(one.call, one.until_us) for one in centre.agent("a").engagements] == [
        ("c2", at_us(90)),
        ("c1", at_us(40)),
    ]


def test_a_call_comes_back_to_its_place(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(10), requirement=LOANS))
    centre.sign_in("a", at=0, skills={"loans": 5})
    centre.enqueue("c1", 1)
    before = centre.call("c1")
    for number in range(2, 5):
        centre.enqueue(f"c{number}", number)
    centre.do(c.PauseQueue("q"), 5)
    assert kinds(restart(centre, 40)) == ["OfferWithdrawn"]
    after = centre.call("c1")
    assert (after.effective_arrival_us, after.order, after.wait_started_us) == (
        before.effective_arrival_us,
        before.order,
        before.wait_started_us,
    )
    assert centre.waiting() == ["c1", "c2", "c3", "c4"]
    assert offered(centre.do(c.ResumeQueue("q"), 41)) == [("c1", "a")]


def test_a_call_that_came_back_may_go_to_somebody_who_has_been_idle_for_longer(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(10)))
    centre.sign_in("b", at=0)
    centre.enqueue("c0", 0)
    centre.accept("c0")
    centre.sign_in("a", at=1)
    centre.enqueue("c1", 1)
    centre.do(c.Cancel("c1"), 2)
    centre.do(c.Requeue("c0", keep_place=True), 3)
    assert centre.who("c0") == "a"
    events = restart(centre, 30)
    assert offered(events) == [("c0", "a")]  # idle since 1, b since 3


# Agents


def test_a_closing_agent_with_nothing_else_in_hand_is_done(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(10)))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.do(c.SetAvailability("a", False, "lunch", after_call=True), 2)
    withdrawn, changed = restart(centre, 30)
    assert isinstance(withdrawn, e.OfferWithdrawn)
    assert isinstance(changed, e.AgentAvailabilityChanged)
    assert (changed.availability, changed.reason) == (Availability.NOT_READY, "lunch")
    assert centre.waiting() == ["c1"]


def test_a_closing_agent_with_work_in_hand_goes_on_closing(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(10)), channels=CHATS)
    centre.sign_in("a", at=0, capacity={"chat": 2})
    centre.enqueue("c0", 0, channel="chat")
    centre.accept("c0", 1)
    centre.enqueue("c1", 1, channel="chat")
    centre.do(c.SetAvailability("a", False, "lunch", after_call=True), 2)
    assert kinds(restart(centre, 30)) == ["OfferWithdrawn"]
    assert centre.agent("a").availability == Availability.CLOSING
    assert kinds(centre.do(c.Complete("c0"), 31)) == ["CallCompleted", "AgentAvailabilityChanged"]


def test_idle_time_and_occupancy_go_on_in_real_time(machine: Machine) -> None:
    """A downtime is like any other time in which nothing was told."""
    down, up = (Centre(machine, QueueSettings(offer_timeout_us=us(300))) for _ in range(2))
    for centre in (down, up):
        centre.sign_in("a", "b", at=0)
        centre.enqueue("c1", 10)
        centre.accept("c1", 20)
    restart(down, 200)
    up.advance(200)
    for centre in (down, up):
        centre.do(c.Complete("c1"), 210)
    # but for what is learned, see below
    views = [[replace(view, learned=()) for view in centre.machine.agents()] for centre in (down, up)]
    assert views[0] == views[1]


@pytest.mark.parametrize("mode", [WrapUpMode.FIXED, WrapUpMode.MANUAL])
def test_a_wrap_up_that_is_over_ends_at_the_restart(machine: Machine, mode: WrapUpMode) -> None:
    centre = Centre(machine, QueueSettings(automatic=True, wrap_up=WrapUp(mode, us(10))))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 0)
    centre.enqueue("c2", 1)
    centre.do(c.Complete("c1"), 5)
    events = restart(centre, 40)
    assert kinds(events) == ["WrapUpEnded", "CallAssigned"]
    assert centre.who("c2") == "a"
    assert centre.agent("a").idle_since_us == at_us(40)


def test_a_wrap_up_that_goes_on_is_not_extended(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.FIXED, us(60))))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 0)
    centre.do(c.Complete("c1"), 5)
    assert restart(centre, 40) == []
    [ended] = centre.advance(70)
    assert second(ended) == 65


def test_wrap_ups_end_in_their_order_after_the_offers_were_given_out(machine: Machine) -> None:
    """b's wrap-up ended before a's in the downtime; c3 comes from its offer first, to who had no wrap-up."""
    long = QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.FIXED, us(20)))
    short = QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.FIXED, us(10)))
    offering = QueueSettings(offer_timeout_us=us(10))
    centre = Centre(machine, queues={"long": long, "short": short, "q": offering})
    centre.sign_in("a", "b", "d", at=0)
    centre.enqueue("c1", 0, queue="long")
    centre.enqueue("c2", 0, queue="short")
    centre.enqueue("c3", 0)
    centre.enqueue("c4", 1)
    centre.enqueue("c5", 2)
    centre.do(c.Complete("c1"), 3)
    centre.do(c.Complete("c2"), 3)
    events = restart(centre, 60)
    assert [(event.call, event.agent) for event in events if isinstance(event, e.WrapUpEnded)] == [
        ("c2", "b"),
        ("c1", "a"),
    ]
    assert offered(events) == [("c3", "d"), ("c4", "b"), ("c5", "a")]


# What a wait has made of a call


def test_steps_go_on_in_real_time_and_are_told_once(machine: Machine) -> None:
    centre = Centre(machine)
    centre.sign_in("a", at=0, skills={"loans": 1})
    centre.enqueue("c1", 1, requirement=RELAXING)
    reached, made = restart(centre, 60)
    assert isinstance(reached, e.CallStepReached)
    assert (reached.step, centre.call("c1").wait_started_us) == (2, at_us(1))
    assert isinstance(made, e.OfferMade)


def test_bounds_go_on_in_real_time(machine: Machine) -> None:
    bound = ByUrgency(us(30), us(30), us(10))
    centre = Centre(machine, QueueSettings(max_overtake_wait_us=bound))
    centre.enqueue("c1", 1)
    centre.enqueue("c2", 1, urgency=Urgency.URGENT)
    assert kinds(restart(centre, 20)) == ["CallOverdue"]
    assert [centre.call(name).tier for name in ("c1", "c2")] == [Tier.NORMAL, Tier.URGENT_OVERDUE]
    [overdue] = centre.advance(50)
    assert isinstance(overdue, e.CallOverdue)
    assert second(overdue) == 31


def test_bars_go_on_in_real_time(machine: Machine) -> None:
    queue = QueueSettings(reject_backoff_us=us(30))
    for at, free in ((34.999_999, False), (35, True), (500, True)):
        centre = Centre(machine, queue)
        centre.sign_in("a", at=0)
        centre.enqueue("c1", 1)
        centre.reject("c1", 5)
        assert offered(restart(centre, at)) == ([("c1", "a")] if free else [])
        assert [bar.until_us for bar in centre.call("c1").bars] == ([] if free else [at_us(35)])
        if not free:
            assert offered(centre.advance(40)) == [("c1", "a")]


def test_a_bar_that_ended_ends_for_an_offered_call_too(machine: Machine) -> None:
    """A bar of a call that rings at another agent, whose offer stands, is gone when the call comes back."""
    centre = Centre(machine, QueueSettings(reject_backoff_us=us(30), offer_timeout_us=us(60)))
    centre.sign_in("a", "b", at=0)
    centre.enqueue("c1", 1)
    centre.reject("c1", 5)
    assert centre.who("c1") == "b"
    restart(centre, 50)
    assert (centre.who("c1"), centre.call("c1").bars) == ("b", ())
    centre.do(c.SetAvailability("b", False), 51)
    assert centre.who("c1") == "a"


def test_every_call_is_what_its_wait_has_made_of_it_before_anybody_takes_one(machine: Machine) -> None:
    """In the downtime c1 became overdue. The agent whose offer came back takes it, though c2 has priority."""
    bound = ByUrgency(us(30), us(30), us(30))
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(10), max_overtake_wait_us=bound))
    centre.sign_in("a", at=0)
    centre.enqueue("c0", 0, priority=9)
    centre.enqueue("c1", 0)
    centre.enqueue("c2", 5, priority=9)
    events = restart(centre, 32)
    assert kinds(events) == ["OfferWithdrawn", "CallOverdue", "CallOverdue", "OfferMade"]
    centre.do(c.Cancel("c0"))
    assert centre.who("c1") == "a"


def test_an_older_kin_whose_bar_ended_in_the_downtime_goes_first(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(offer_timeout_us=us(60), reject_backoff_us=us(30)))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.enqueue("c2", 2)
    centre.reject("c1", 3)
    assert centre.who("c2") == "a"
    assert offered(restart(centre, 70)) == [("c1", "a")]
    assert centre.waiting() == ["c2"]


# Holds and limits


def test_a_hold_is_extended_by_the_downtime(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(preferred_hold_us=us(20), max_overtake_wait_us=NEVER))
    centre.sign_in("b", at=0, ready=False)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 0, preferred_agents=("b",))
    centre.advance(5)
    assert restart(centre, 100) == []
    view = centre.call("c1")
    assert (view.held, view.hold_until_us) == (True, at_us(115))
    assert centre.advance(114.999_999) == []
    ended, made = centre.advance(115)
    assert isinstance(ended, e.CallHoldEnded)
    assert isinstance(made, e.OfferMade)
    assert made.agent == "a"


def test_a_hold_ends_at_the_bound_all_the_same(machine: Machine) -> None:
    bound = ByUrgency(us(60), us(60), us(60))
    centre = Centre(machine, QueueSettings(preferred_hold_us=us(20), max_overtake_wait_us=bound))
    centre.sign_in("b", at=0, ready=False)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 0, preferred_agents=("b",))
    centre.advance(5)
    assert kinds(restart(centre, 100)) == ["CallHoldEnded", "CallOverdue", "OfferMade"]
    assert (centre.who("c1"), centre.call("c1").hold_until_us) == ("a", None)


def test_a_held_call_comes_back_held(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(preferred_hold_us=us(40), offer_timeout_us=us(10)))
    centre.sign_in("b", "a", at=0)
    centre.enqueue("c1", 0, preferred_agents=("b",))
    assert centre.who("c1") == "b"
    centre.do(c.SetAvailability("b", False, after_call=True), 5)
    assert kinds(restart(centre, 30)) == ["OfferWithdrawn", "AgentAvailabilityChanged"]
    view = centre.call("c1")
    assert (view.held, view.hold_until_us, view.state) == (True, at_us(65), CallState.WAITING)


def test_a_hold_that_ended_while_the_call_was_on_offer_stays_ended(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(preferred_hold_us=us(5), offer_timeout_us=us(20)))
    centre.sign_in("b", "a", at=0)
    centre.enqueue("c1", 0, preferred_agents=("b",))
    centre.advance(10)
    assert kinds(restart(centre, 30)) == ["OfferWithdrawn", "CallHoldEnded", "OfferMade"]


def test_a_wait_limit_is_extended_by_the_downtime(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(wait_max_us=us(30)))
    centre.enqueue("c1", 0)
    centre.advance(10)
    assert restart(centre, 1000)[1:] == []  # but for CallOverdue
    assert centre.call("c1").queue_entered_us == at_us(990)
    assert centre.advance(1019.999_999) == []
    [refused] = centre.advance(1020)
    assert isinstance(refused, e.CallRefused)
    assert (refused.cause, refused.wait_us) == (LimitCause.WAIT_LIMIT, us(1020))


def test_a_wait_limit_met_while_the_call_was_on_offer_is_met_at_the_restart(machine: Machine) -> None:
    """As it would have been with any other end of the offer, and only if nobody takes the call."""
    for action, told in (("", ["OfferWithdrawn", "OfferMade"]), ("lunch", ["AgentAvailabilityChanged", "CallRefused"])):
        centre = Centre(machine, QueueSettings(wait_max_us=us(5), offer_timeout_us=us(20)))
        centre.sign_in("a", at=0)
        centre.enqueue("c1", 0)
        if action:
            centre.do(c.SetAvailability("a", False, action, after_call=True), 2)
        centre.advance(10)
        assert kinds(restart(centre, 30))[-2:] == told


# Assigned calls, detached calls, memory


def test_assigned_calls_go_on(machine: Machine) -> None:
    centre = Centre(machine)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    centre.accept("c1", 4)
    assert restart(centre, 300) == []
    [completed] = centre.do(c.Complete("c1"), 310)
    assert isinstance(completed, e.CallCompleted)
    assert completed.handle_us == us(306)


def test_a_conversation_that_the_downtime_cut_through_is_not_learned_from(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(automatic=True))
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 1)
    restart(centre, 3_601)
    centre.do(c.Complete("c1"), 3_602)
    assert centre.machine.agent("a").learned == ()
    centre.enqueue("c2", 3_603)
    restart(centre, 3_603)
    centre.do(c.Complete("c2"), 3_613)
    (learned,) = centre.machine.agent("a").learned
    assert (learned.calls, learned.handle_sum_us) == (1, us(10))


def test_finished_calls_are_forgotten_in_real_time(machine: Machine) -> None:
    centre = Centre(machine, finished_retention_us=us(60))
    centre.enqueue("c1", 0)
    centre.do(c.Cancel("c1"), 1)
    restart(centre, 60.999_999)
    assert [call.call for call in centre.machine.calls()] == ["c1"]
    restart(centre, 61)
    assert centre.machine.calls() == []


def test_a_detached_call_stays_detached(machine: Machine) -> None:
    centre = Centre(machine)
    centre.enqueue("c1", 0)
    centre.do(c.Detach("c1"), 1)
    centre.sign_in("a", at=2)
    assert restart(centre, 100) == []
    assert (centre.call("c1").detached, centre.who("c1")) == (True, None)
    assert offered(centre.do(c.Attach("c1"), 101)) == [("c1", "a")]
