"""Hand-written histories with detached calls and restarts: clean ones, and one for every kind of planted fault."""

from __future__ import annotations

from collections.abc import Callable

from router.engine import commands as c
from router.engine import events as e
from router.engine.settings import QueueSettings, Settings, WrapUp
from router.engine.vocabulary import (
    AssignmentCause,
    Availability,
    LimitCause,
    NoAnswerAction,
    RejectReason,
    WithdrawalCause,
    WrapUpMode,
)
from router.fairness import Point
from tests.fairness.histories import CHAT, NOT_READY, RELAXING, SOON, TWO_CHATS, busy
from tests.fairness.story import (
    SECOND_US,
    Story,
    Telling,
    assigned,
    expired,
    of_agent,
    of_call,
    offered,
    rejected,
    withdrawn,
)

CLOSING = {"availability": Availability.CLOSING, "reason": ""}


def detach(story: Story, at: float, call: str, *then: Telling, before: tuple[Telling, ...] = ()) -> Story:
    return story.tell(at, c.Detach(call), *before, of_call(e.CallDetached, call), *then)


def attach(story: Story, at: float, call: str, *then: Telling) -> Story:
    return story.tell(at, c.Attach(call), of_call(e.CallAttached, call), *then)


def taken_back(offer: int, call: str, agent: str) -> Telling:
    return withdrawn(offer, call, agent, WithdrawalCause.RESTARTED)


def ringing(**queue: object) -> Story:
    """An agent who has been offered c1 at second 1, due at second 21."""
    return Story(**queue).sign_in(0, "ada").enqueue(1, "c1", offered(1, "c1", "ada", expires=21))


def held() -> Story:
    """A call held for bob, who is not ready, until second 11; ada is free."""
    story = Story().sign_in(0, "bob", ready=False).sign_in(0, "ada")
    told = {"hold_until_us": 11 * SECOND_US}
    return story.enqueue(1, "c1", preferred_agents=("bob",), hold_us=10 * SECOND_US, told=told)


# Clean histories


def clean_detachment() -> Story:
    """A detached call is passed over and goes back to its place; its offer goes back; force may take it."""
    story = ringing().enqueue(2, "c2").enqueue(3, "c3")
    back = withdrawn(1, "c1", "ada", WithdrawalCause.CALL_DETACHED)
    detach(story, 4, "c1", offered(2, "c2", "ada"), before=(back,))
    story.accept(5, 2, "c2", "ada")
    attach(story, 6, "c1")
    story.complete(7, 2, "c2", "ada", offered(3, "c1", "ada"))
    detach(story, 8, "c3").sign_in(9, "bob")
    return story.tell(10, c.Assign("c3", "bob"), assigned(4, "c3", "bob", AssignmentCause.FORCED))


def clean_assigned_detachment() -> Story:
    """A detached call stays with its agent, and waits detached when it is requeued."""
    story = detach(busy(), 2, "c0")
    requeued = of_call(e.CallRequeued, "c0", queue="alpha", agent="ada", kept_place=True, reason="")
    story.tell(3, c.Requeue("c0"), requeued)
    story.tell(4, c.Detach("c0"), rejected(RejectReason.CALL_DETACHED, "c0"))
    attach(story, 5, "c0", assigned(2, "c0", "ada"))
    story.tell(6, c.Attach("c0"), rejected(RejectReason.CALL_NOT_DETACHED, "c0"))
    return story.complete(7, 2, "c0", "ada")


def clean_restart() -> Story:
    """One offer is due and goes out anew; the other stands, longer by the downtime, and is accepted in that time."""
    story = Story().sign_in(0, "ada").sign_in(0, "bob")
    story.enqueue(1, "c1", offered(1, "c1", "ada", expires=21)).enqueue(5, "c2", offered(2, "c2", "bob", expires=65))
    story.restart(60, taken_back(1, "c1", "ada"), offered(3, "c1", "ada", expires=80))
    story.accept(79, 3, "c1", "ada")
    return story.accept(119, 2, "c2", "bob")


def clean_restart_with_time_passed() -> Story:
    """Steps and bounds go on in the downtime, all told at once before anybody takes a call."""
    story = Story(max_overtake_wait_us=SOON).sign_in(0, "ada", skills={"loans": 1})
    story.enqueue(1, "c1", offered(1, "c1", "ada", expires=5), requirement=RELAXING).enqueue(2, "c2", priority=9)
    return story.restart(
        60,
        taken_back(1, "c1", "ada"),
        of_call(e.CallStepReached, "c1", step=1),
        of_call(e.CallOverdue, "c1"),
        of_call(e.CallOverdue, "c2"),
        offered(2, "c1", "ada"),
    )


def clean_restart_of_a_hold() -> Story:
    story = held().restart(60)
    return story.advance(70, of_call(e.CallHoldEnded, "c1", at=70), assigned(1, "c1", "ada", at=70))


def clean_restart_of_a_closing_agent() -> Story:
    story = ringing()
    story.tell(2, c.SetAvailability("ada", False, after_call=True),
               of_agent(e.AgentAvailabilityChanged, "ada", **CLOSING))  # fmt: skip
    story.restart(30, taken_back(1, "c1", "ada"), of_agent(e.AgentAvailabilityChanged, "ada", **NOT_READY))
    return story.sign_in(31, "bob", offered(2, "c1", "bob"))


def clean_restart_after_a_wrap_up() -> Story:
    story = wrapping_up()
    return story.restart(60, of_call(e.WrapUpEnded, "c0", offer=1, agent="ada"), assigned(2, "c1", "ada"))


def clean_limit_met_on_offer() -> Story:
    """The limit was met while the call rang at an agent who then was done: it falls when the offer is over."""
    story = ringing(wait_max_us=5 * SECOND_US)
    story.tell(2, c.SetAvailability("ada", False, after_call=True),
               of_agent(e.AgentAvailabilityChanged, "ada", **CLOSING))  # fmt: skip
    story.advance(10)
    refused = of_call(e.CallRefused, "c1", queue="alpha", cause=LimitCause.WAIT_LIMIT)
    not_ready = of_agent(e.AgentAvailabilityChanged, "ada", **NOT_READY)
    return story.restart(30, taken_back(1, "c1", "ada"), not_ready, refused)


def wrapping_up() -> Story:
    story = busy(wrap_up=WrapUp(WrapUpMode.FIXED, 10 * SECOND_US)).enqueue(2, "c1")
    wrap_up = of_call(e.WrapUpStarted, "c0", offer=1, agent="ada", until_us=13 * SECOND_US)
    return story.complete(3, 1, "c0", "ada", wrap_up)


# Planted faults: detached calls


def detached_and_offered() -> Story:
    return detach(Story().enqueue(1, "c1"), 2, "c1").sign_in(3, "ada", offered(1, "c1", "ada"))


def detached_with_its_offer() -> Story:
    return detach(ringing(), 2, "c1")


def detached_twice() -> Story:
    return detach(detach(Story().enqueue(1, "c1"), 2, "c1"), 3, "c1")


def attached_without_being_detached() -> Story:
    return attach(Story().enqueue(1, "c1"), 2, "c1")


def detached_without_a_command() -> Story:
    return Story().enqueue(1, "c1").advance(2, of_call(e.CallDetached, "c1"))


def refused_as_detached() -> Story:
    return Story().enqueue(1, "c1").tell(2, c.Detach("c1"), rejected(RejectReason.CALL_DETACHED, "c1"))


def refused_as_attached() -> Story:
    story = detach(Story().enqueue(1, "c1"), 2, "c1")
    return story.tell(3, c.Attach("c1"), rejected(RejectReason.CALL_NOT_DETACHED, "c1"))


def not_served_when_attached() -> Story:
    return attach(detach(Story().enqueue(1, "c1"), 2, "c1").sign_in(3, "ada"), 4, "c1")


def not_served_beside_a_detached_one() -> Story:
    """The agent whose offer goes back is free for the next call."""
    back = withdrawn(1, "c1", "ada", WithdrawalCause.CALL_DETACHED)
    return detach(ringing().enqueue(2, "c2"), 3, "c1", before=(back,))


def place_lost_by_detachment() -> Story:
    story = attach(detach(busy().enqueue(2, "c1").enqueue(3, "c2"), 4, "c1"), 5, "c1")
    return story.complete(6, 1, "c0", "ada", assigned(2, "c2", "ada"))


# Planted faults: restarts


def expired_in_the_downtime() -> Story:
    """The bar that it brings is real, so nobody else is wronged; but the offer should have been taken back."""
    return ringing().restart(40, expired(1, "c1", "ada", at=21))


def expired_at_the_restart() -> Story:
    return ringing().restart(60, expired(1, "c1", "ada", at=60))


def due_offer_left_standing() -> Story:
    return ringing().restart(60)


def offer_taken_back_before_it_is_due() -> Story:
    return ringing().restart(20, taken_back(1, "c1", "ada"), offered(2, "c1", "ada"))


def offer_expired_as_if_nothing_had_been() -> Story:
    return ringing().restart(20).advance(22, expired(1, "c1", "ada", at=21))


def offer_extended_for_ever() -> Story:
    return ringing().restart(20).advance(41)


def taken_back_without_a_restart() -> Story:
    return ringing().advance(22, taken_back(1, "c1", "ada"), offered(2, "c1", "ada"))


def made_not_ready_by_a_restart() -> Story:
    not_ready = of_agent(e.AgentAvailabilityChanged, "ada", **NOT_READY)
    return ringing().restart(60, taken_back(1, "c1", "ada"), not_ready)


def closing_agent_with_work_made_not_ready() -> Story:
    story = Story(CHAT).sign_in(0, "ada", capacity=TWO_CHATS)
    story.enqueue(1, "c1", assigned(1, "c1", "ada"), channel="chat")
    story.enqueue(2, "c2", offered(2, "c2", "ada", expires=22), channel="chat")
    story.tell(3, c.SetAvailability("ada", False, after_call=True),
               of_agent(e.AgentAvailabilityChanged, "ada", **CLOSING))  # fmt: skip
    return story.restart(60, taken_back(2, "c2", "ada"), of_agent(e.AgentAvailabilityChanged, "ada", **NOT_READY))


def signed_out_by_a_restart() -> Story:
    signed_out = of_agent(e.AgentSignedOut, "ada", no_answer=True)
    return ringing(no_answer_action=NoAnswerAction.SIGN_OUT).restart(60, taken_back(1, "c1", "ada"), signed_out)


def barred_by_a_restart() -> Story:
    """The agent gets nothing, as if he had let the call ring."""
    return ringing().restart(60, taken_back(1, "c1", "ada"))


def place_lost_by_a_restart() -> Story:
    return ringing().enqueue(2, "c2").restart(60, taken_back(1, "c1", "ada"), offered(2, "c2", "ada"))


def older_kin_still_barred_after_the_downtime() -> Story:
    """The bar of c1 ended in the downtime, before c2 is given out anew."""
    story = Story(reject_backoff_us=10 * SECOND_US).sign_in(0, "ada").enqueue(1, "c1", offered(1, "c1", "ada"))
    story.enqueue(2, "c2").reject(3, 1, "c1", "ada", offered(2, "c2", "ada", expires=23))
    return story.restart(60, taken_back(2, "c2", "ada"), offered(3, "c2", "ada"))


def hold_ended_in_the_downtime() -> Story:
    return held().restart(60, of_call(e.CallHoldEnded, "c1"), assigned(1, "c1", "ada"))


def hold_extended_for_ever() -> Story:
    return held().restart(60).advance(71)


def limit_met_in_the_downtime() -> Story:
    story = Story(wait_max_us=30 * SECOND_US).enqueue(1, "c1")
    return story.restart(60, of_call(e.CallRefused, "c1", queue="alpha", cause=LimitCause.WAIT_LIMIT))


def overflowed_in_the_downtime() -> Story:
    queues = {"alpha": QueueSettings(wait_max_us=30 * SECOND_US, overflow="beta"), "beta": QueueSettings()}
    over = of_call(e.CallOverflowed, "c1", from_queue="alpha", queue="beta", cause=LimitCause.WAIT_LIMIT)
    return Story(Settings(queues=queues)).enqueue(1, "c1").restart(60, over)


def overdue_passed_over_after_the_downtime() -> Story:
    """In the downtime c1 and c2 became overdue, c3 did not."""
    story = Story(max_overtake_wait_us=SOON).sign_in(0, "ada").enqueue(1, "c1", offered(1, "c1", "ada", expires=10))
    story.enqueue(2, "c2").enqueue(5, "c3", priority=9)
    overdue = [of_call(e.CallOverdue, call) for call in ("c1", "c2")]
    return story.restart(13, taken_back(1, "c1", "ada"), *overdue, offered(2, "c3", "ada"))


def step_not_reached_after_the_downtime() -> Story:
    return Story().enqueue(1, "c1", requirement=RELAXING).restart(60)


def bound_not_seen_after_the_downtime() -> Story:
    return Story(max_overtake_wait_us=SOON).enqueue(1, "c1").restart(60)


def wrap_up_extended_by_the_downtime() -> Story:
    return wrapping_up().restart(60)


def downtime_told_wrongly() -> Story:
    return Story().enqueue(1, "c1").restart(60, downtime_us=60 * SECOND_US)


def restart_that_tells_nothing() -> Story:
    return Story().enqueue(1, "c1").tell(60, c.Restart())


def restarted_without_a_command() -> Story:
    return Story().enqueue(1, "c1").advance(60, (e.Restarted, {"downtime_us": 59 * SECOND_US}))


def wait_begun_anew_by_a_restart() -> Story:
    return ringing().restart(60, taken_back(1, "c1", "ada"), assigned(2, "c1", "ada", wait_us=0))


CLEAN: list[Callable[[], Story]] = [
    clean_detachment,
    clean_assigned_detachment,
    clean_restart,
    clean_restart_with_time_passed,
    clean_restart_of_a_hold,
    clean_restart_of_a_closing_agent,
    clean_restart_after_a_wrap_up,
    clean_limit_met_on_offer,
]

PLANTED: list[tuple[Callable[[], Story], set[Point]]] = [
    (detached_and_offered, {Point.RULES}),
    (detached_with_its_offer, {Point.NOT_LOST}),
    (detached_twice, {Point.NOT_LOST}),
    (attached_without_being_detached, {Point.NOT_LOST}),
    (detached_without_a_command, {Point.RULES}),
    (refused_as_detached, {Point.NOT_LOST}),
    (refused_as_attached, {Point.NOT_LOST}),
    (not_served_when_attached, {Point.WORK_CONSERVED}),
    (not_served_beside_a_detached_one, {Point.WORK_CONSERVED}),
    (place_lost_by_detachment, {Point.KIN_IN_ORDER}),
    (expired_in_the_downtime, {Point.RULES}),
    (expired_at_the_restart, {Point.RULES}),
    (due_offer_left_standing, {Point.NOT_LOST}),
    (offer_taken_back_before_it_is_due, {Point.RULES}),
    (offer_expired_as_if_nothing_had_been, {Point.RULES}),
    (offer_extended_for_ever, {Point.NOT_LOST}),
    (taken_back_without_a_restart, {Point.RULES}),
    (made_not_ready_by_a_restart, {Point.RULES}),
    (closing_agent_with_work_made_not_ready, {Point.RULES}),
    (signed_out_by_a_restart, {Point.RULES}),
    (barred_by_a_restart, {Point.WORK_CONSERVED}),
    (place_lost_by_a_restart, {Point.KIN_IN_ORDER, Point.PLACE_KEPT}),
    (older_kin_still_barred_after_the_downtime, {Point.KIN_IN_ORDER, Point.PLACE_KEPT}),
    (hold_ended_in_the_downtime, {Point.RULES}),
    (hold_extended_for_ever, {Point.RULES, Point.WORK_CONSERVED}),
    (limit_met_in_the_downtime, {Point.RULES}),
    (overflowed_in_the_downtime, {Point.RULES}),
    (overdue_passed_over_after_the_downtime, {Point.BOUNDED_WAIT}),
    (step_not_reached_after_the_downtime, {Point.RULES}),
    (bound_not_seen_after_the_downtime, {Point.BOUNDED_WAIT}),
    (wrap_up_extended_by_the_downtime, {Point.WORK_CONSERVED}),
    (downtime_told_wrongly, {Point.RULES}),
    (restart_that_tells_nothing, {Point.RULES}),
    (restarted_without_a_command, {Point.RULES}),
    (wait_begun_anew_by_a_restart, {Point.PLACE_KEPT}),
]
