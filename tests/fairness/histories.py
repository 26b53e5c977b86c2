"""Hand-written histories: clean ones, and one for every kind of violation, sound but for one planted fault."""

from __future__ import annotations

from collections.abc import Callable

from router.engine import commands as c
from router.engine import events as e
from router.engine.requirements import AgentTerm, AnyOf, Requirement, SkillTerm, Step
from router.engine.settings import AgentWeights, ByUrgency, ChannelSettings, QueueSettings, Settings, WrapUp
from router.engine.vocabulary import (
    AssignmentCause,
    Availability,
    LimitCause,
    RejectReason,
    Urgency,
    WrapUpMode,
)
from router.fairness import Point
from tests.fairness.story import (
    SECOND_US,
    Story,
    assigned,
    expired,
    needs,
    of_agent,
    of_call,
    offered,
    rejected,
)

TWO_CHATS = {"chat": 2}
CHAT = Settings(
    queues={"alpha": QueueSettings()},
    channels={"voice": ChannelSettings(), "chat": ChannelSettings(exclusive=False)},
)
SOON = ByUrgency(10 * SECOND_US, 10 * SECOND_US, 5 * SECOND_US)
RELAXING = Requirement((Step((SkillTerm("loans"),)), Step(after_us=10 * SECOND_US)))
KEPT = {"queue": "alpha", "agent": "ada", "kept_place": True, "reason": ""}
NOT_READY = {"availability": Availability.NOT_READY, "reason": ""}


def busy(agent: str = "ada", **queue: object) -> Story:
    """An agent with a call (offer 1, call c0), so that others wait."""
    return Story(**queue).sign_in(0, agent).enqueue(1, "c0", assigned(1, "c0", agent))


# Clean histories


def clean_day() -> Story:
    settings = Settings(queues={"alpha": QueueSettings(wrap_up=WrapUp(WrapUpMode.FIXED, 5 * SECOND_US))})
    story = Story(settings).sign_in(0, "ada", skills={"loans": 5}).sign_in(1, "bob", skills={"loans": 3})
    story.enqueue(2, "c1", offered(1, "c1", "ada", expires=22)).accept(3, 1, "c1", "ada")
    story.enqueue(4, "c2", offered(2, "c2", "bob", expires=24)).enqueue(5, "c3", requirement=needs("loans", 4))
    story.reject(6, 2, "c2", "bob")
    story.complete(10, 1, "c1", "ada", of_call(e.WrapUpStarted, "c1", offer=1, agent="ada", until_us=15 * SECOND_US))
    story.advance(
        16,
        of_call(e.WrapUpEnded, "c1", offer=1, agent="ada", at=15),
        offered(3, "c2", "ada", expires=35, at=15),
    )
    story.accept(17, 3, "c2", "ada")
    story.tell(18, c.Cancel("c3"), of_call(e.CallAbandoned, "c3", queue="alpha", reason=""))
    return story.complete(30, 3, "c2", "ada")


def clean_chats() -> Story:
    story = Story(CHAT).sign_in(0, "ada", capacity=TWO_CHATS)
    story.enqueue(1, "c1", assigned(1, "c1", "ada"), channel="chat")
    story.enqueue(2, "c2", assigned(2, "c2", "ada"), channel="chat").enqueue(3, "c3", channel="chat")
    return story.complete(4, 1, "c1", "ada", assigned(3, "c3", "ada"))


def clean_steps_and_holds() -> Story:
    story = Story(max_overtake_wait_us=SOON).sign_in(0, "ada").sign_in(0, "bob", ready=False)
    story.enqueue(1, "c1", requirement=RELAXING)
    story.enqueue(2, "c2", preferred_agents=("bob",), hold_us=5 * SECOND_US, told={"hold_until_us": 7 * SECOND_US})
    story.advance(7, of_call(e.CallHoldEnded, "c2"), assigned(1, "c2", "ada"))
    return story.advance(
        11,
        of_call(e.CallStepReached, "c1", step=1, at=11),
        of_call(e.CallOverdue, "c1", at=11),
    )


def clean_older_kin_that_nobody_may_give() -> Story:
    """The older kin is barred, held or asks for more: the younger may go first."""
    story = Story(reject_backoff_us=30 * SECOND_US).sign_in(0, "ada")
    story.enqueue(1, "c1", offered(1, "c1", "ada")).enqueue(2, "c2")
    return story.reject(3, 1, "c1", "ada", offered(2, "c2", "ada"))


def clean_forced() -> Story:
    """Forced assignment goes over skill, order and readiness."""
    story = Story().sign_in(0, "ada", ready=False).enqueue(1, "c1").enqueue(2, "c2", requirement=needs("loans"))
    return story.tell(3, c.Assign("c2", "ada"), assigned(1, "c2", "ada", AssignmentCause.FORCED))


def clean_moves() -> Story:
    """Pausing, moving and overflowing change who may take what."""
    story = busy().enqueue(2, "c1").tell(3, c.PauseQueue("alpha"), (e.QueuePaused, {"queue": "alpha"}))
    story.complete(4, 1, "c0", "ada")
    moved = of_call(e.CallMoved, "c1", from_queue="alpha", queue="gamma")
    settings = Settings(queues={"gamma": QueueSettings()})
    return story.tell(
        5, c.Configure(settings, {"alpha": "gamma"}), (e.Configured, {}), moved, assigned(2, "c1", "ada", queue="gamma")
    )


CLEAN: list[Callable[[], Story]] = [
    clean_day,
    clean_chats,
    clean_steps_and_holds,
    clean_older_kin_that_nobody_may_give,
    clean_forced,
    clean_moves,
]


# Planted violations, by point


def two_offers_of_one_call() -> Story:
    story = Story().sign_in(0, "ada").sign_in(1, "bob").enqueue(2, "c1", offered(1, "c1", "ada"))
    return story.advance(3, offered(2, "c1", "bob"))


def offer_number_used_again() -> Story:
    story = Story().sign_in(0, "ada").sign_in(1, "bob").enqueue(2, "c1", offered(1, "c1", "ada"))
    return story.enqueue(3, "c2", offered(1, "c2", "bob"))


def two_calls_at_once() -> Story:
    return busy().enqueue(2, "c1", assigned(2, "c1", "ada"))


def three_chats_of_two() -> Story:
    story = Story(CHAT).sign_in(0, "ada", capacity=TWO_CHATS)
    for number in (1, 2, 3):
        story.enqueue(number, f"c{number}", assigned(number, f"c{number}", "ada"), channel="chat")
    return story


def voice_beside_chat() -> Story:
    story = Story(CHAT).sign_in(0, "ada").enqueue(1, "c1", assigned(1, "c1", "ada"), channel="chat")
    return story.enqueue(2, "c2", assigned(2, "c2", "ada"))


def forced_over_capacity() -> Story:
    return busy().enqueue(2, "c1").tell(3, c.Assign("c1", "ada"), assigned(2, "c1", "ada", AssignmentCause.FORCED))


def completed_twice() -> Story:
    return busy().complete(2, 1, "c0", "ada").complete(3, 1, "c0", "ada")


def completed_while_waiting() -> Story:
    return Story().enqueue(1, "c1").complete(2, 1, "c1", "ada")


def abandoned_while_assigned() -> Story:
    return busy().tell(2, c.Cancel("c0"), of_call(e.CallAbandoned, "c0", queue="alpha", reason=""))


def accepted_by_another() -> Story:
    story = Story().sign_in(0, "ada").sign_in(1, "bob").enqueue(2, "c1", offered(1, "c1", "ada"))
    return story.accept(3, 1, "c1", "bob")


def entered_twice() -> Story:
    return busy().enqueue(2, "c0")


def never_expires() -> Story:
    return Story().sign_in(0, "ada").enqueue(1, "c1", offered(1, "c1", "ada", expires=21)).advance(30)


def forgotten_by_the_engine() -> Story:
    return busy().enqueue(2, "c1").tell(3, c.Cancel("c1"), rejected(RejectReason.UNKNOWN_CALL, "c1"))


def offer_forgotten_by_the_engine() -> Story:
    story = Story().sign_in(0, "ada").enqueue(1, "c1", offered(1, "c1", "ada"))
    return story.tell(2, c.Accept(1), rejected(RejectReason.OFFER_ENDED, "1"))


def said_to_wait_while_assigned() -> Story:
    return busy().tell(2, c.Requeue("c0"), rejected(RejectReason.CALL_WAITING, "c0"))


def wrap_up_from_nowhere() -> Story:
    return busy().advance(2, of_call(e.WrapUpStarted, "c0", offer=1, agent="ada", until_us=9))


def wrap_up_ends_that_was_not() -> Story:
    return busy().advance(2, of_call(e.WrapUpEnded, "c0", offer=1, agent="ada"))


def signed_out_with_an_offer() -> Story:
    story = Story().sign_in(0, "ada").enqueue(1, "c1", offered(1, "c1", "ada"))
    return story.tell(2, c.SignOut("ada"), of_agent(e.AgentSignedOut, "ada", no_answer=False))


def given_from_another_queue() -> Story:
    return Story().sign_in(0, "ada").enqueue(1, "c1", assigned(1, "c1", "ada", queue="beta"))


def refused_and_then_served() -> Story:
    refused = of_call(e.CallRefused, "c1", queue="alpha", cause=LimitCause.QUEUE_FULL)
    return Story().enqueue(1, "c1", refused).sign_in(2, "ada", assigned(1, "c1", "ada"))


def step_that_is_not_there() -> Story:
    return Story().enqueue(1, "c1").advance(2, of_call(e.CallStepReached, "c1", step=3))


def waits_beside_a_free_agent() -> Story:
    return Story().sign_in(0, "ada").enqueue(1, "c1")


def not_served_at_sign_in() -> Story:
    return Story().enqueue(1, "c1").sign_in(2, "ada")


def not_served_after_completion() -> Story:
    return busy().enqueue(2, "c1").complete(3, 1, "c0", "ada")


def not_served_with_a_free_chat() -> Story:
    story = Story(CHAT).sign_in(0, "ada", capacity=TWO_CHATS)
    story.enqueue(1, "c1", assigned(1, "c1", "ada"), channel="chat")
    return story.enqueue(2, "c2", channel="chat")


def not_served_after_a_bar() -> Story:
    story = Story(reject_backoff_us=5 * SECOND_US).sign_in(0, "ada").enqueue(1, "c1", offered(1, "c1", "ada"))
    return story.reject(2, 1, "c1", "ada").advance(7)


def not_served_at_a_step() -> Story:
    story = Story().sign_in(0, "ada").enqueue(1, "c1", requirement=RELAXING)
    return story.advance(11, of_call(e.CallStepReached, "c1", step=1))


def not_served_after_a_hold() -> Story:
    story = Story().sign_in(0, "ada").sign_in(0, "bob", ready=False)
    held = {"hold_until_us": 5 * SECOND_US}
    story.enqueue(1, "c1", preferred_agents=("bob",), hold_us=4 * SECOND_US, told=held)
    return story.advance(5, of_call(e.CallHoldEnded, "c1"))


def not_served_by_the_preferred() -> Story:
    story = Story().sign_in(0, "bob", ready=False)
    held = {"hold_until_us": 50 * SECOND_US}
    story.enqueue(1, "c1", preferred_agents=("bob",), hold_us=49 * SECOND_US, told=held)
    ready = of_agent(e.AgentAvailabilityChanged, "bob", availability=Availability.READY, reason="")
    return story.tell(2, c.SetAvailability("bob", True), ready)


def not_served_when_resumed() -> Story:
    story = Story().sign_in(0, "ada").tell(1, c.PauseQueue("alpha"), (e.QueuePaused, {"queue": "alpha"}))
    return story.enqueue(2, "c1").tell(3, c.ResumeQueue("alpha"), (e.QueueResumed, {"queue": "alpha"}))


def not_served_after_learning_a_skill() -> Story:
    story = Story().sign_in(0, "ada").enqueue(1, "c1", requirement=needs("loans"))
    return story.tell(2, c.UpdateAgent("ada", skills={"loans": 1}), of_agent(e.AgentUpdated, "ada"))


def not_served_with_a_new_requirement() -> Story:
    story = Story().sign_in(0, "ada").enqueue(1, "c1", requirement=needs("loans"))
    return story.tell(2, c.UpdateCall("c1", requirement=Requirement()), of_call(e.CallUpdated, "c1"))


def not_served_after_a_transfer() -> Story:
    settings = Settings(queues={"alpha": QueueSettings(requirement=needs("loans")), "beta": QueueSettings()})
    story = Story(settings).sign_in(0, "ada").enqueue(1, "c1")
    moved = {"from_queue": "alpha", "queue": "beta", "agent": "", "kept_place": True, "hold_until_us": None}
    return story.tell(2, c.Transfer("c1", "beta"), of_call(e.CallTransferred, "c1", **moved))


def not_served_after_overflow() -> Story:
    settings = Settings(queues={"alpha": QueueSettings(requirement=needs("loans")), "beta": QueueSettings()})
    over = of_call(e.CallOverflowed, "c1", from_queue="alpha", queue="beta", cause=LimitCause.QUEUE_FULL)
    return Story(settings).sign_in(0, "ada").enqueue(1, "c1", over)


def not_served_under_new_settings() -> Story:
    story = Story(requirement=needs("loans")).sign_in(0, "ada").enqueue(1, "c1")
    moved = of_call(e.CallMoved, "c1", from_queue="alpha", queue="gamma")
    later = Settings(queues={"gamma": QueueSettings(), "beta": QueueSettings()})
    return story.tell(2, c.Configure(later, {"alpha": "gamma"}), (e.Configured, {}), moved)


def not_served_by_the_agent_named() -> Story:
    named = Requirement((Step((AgentTerm("bob"),)),))
    return Story().sign_in(0, "ada").enqueue(1, "c1", requirement=named).sign_in(2, "bob")


def not_served_by_either_skill() -> Story:
    either = Requirement((Step((AnyOf((SkillTerm("loans", 9), SkillTerm("cards", 2))),)),))
    return Story().sign_in(0, "ada", skills={"cards": 2}).enqueue(1, "c1", requirement=either)


def wrap_up_without_end() -> Story:
    story = busy(wrap_up=WrapUp(WrapUpMode.FIXED, 5 * SECOND_US))
    wrap_up = of_call(e.WrapUpStarted, "c0", offer=1, agent="ada", until_us=7 * SECOND_US)
    return story.complete(2, 1, "c0", "ada", wrap_up).advance(8)


def younger_kin_first() -> Story:
    return busy().enqueue(2, "c1").enqueue(3, "c2").complete(4, 1, "c0", "ada", assigned(2, "c2", "ada"))


def younger_by_order_first() -> Story:
    return busy().enqueue(2, "c1").enqueue(2, "c2").complete(4, 1, "c0", "ada", assigned(2, "c2", "ada"))


def credited_wait_not_counted() -> Story:
    story = busy().enqueue(10, "c1").enqueue(11, "c2", credited_wait_us=5 * SECOND_US)
    return story.complete(12, 1, "c0", "ada", assigned(2, "c1", "ada"))


def younger_kin_first_when_resumed() -> Story:
    story = Story().sign_in(0, "ada").tell(1, c.PauseQueue("alpha"), (e.QueuePaused, {"queue": "alpha"}))
    story.enqueue(2, "c1").enqueue(3, "c2")
    resumed = (e.QueueResumed, {"queue": "alpha"})
    return story.tell(4, c.ResumeQueue("alpha"), resumed, assigned(1, "c2", "ada"))


def shorter_idle_first() -> Story:
    return Story().sign_in(0, "ada").sign_in(1, "bob").enqueue(2, "c1", assigned(1, "c1", "bob"))


def later_sign_in_first() -> Story:
    return Story().sign_in(0, "ada").sign_in(0, "bob").enqueue(2, "c1", assigned(1, "c1", "bob"))


def just_finished_first() -> Story:
    story = busy().sign_in(2, "bob").complete(3, 1, "c0", "ada")
    return story.enqueue(4, "c1", assigned(2, "c1", "ada"))


def engaged_before_free() -> Story:
    story = Story(CHAT).sign_in(0, "ada").enqueue(1, "c1", assigned(1, "c1", "ada"), channel="chat")
    story.tell(2, c.UpdateAgent("ada", capacity=TWO_CHATS), of_agent(e.AgentUpdated, "ada"))
    return story.sign_in(3, "bob").enqueue(4, "c2", assigned(2, "c2", "ada"), channel="chat")


def same_skills_shorter_idle() -> Story:
    weights = AgentWeights(skill_fit=1000, idle=1000, reserve=1000, load=1000, efficiency=1000, affinity=1000)
    story = Story(agent_weights=weights, requirement=needs("loans"))
    story.sign_in(0, "ada", skills={"loans": 3}).sign_in(1, "bob", skills={"loans": 3})
    return story.enqueue(2, "c1", assigned(1, "c1", "bob"))


def back_to_the_same_agent() -> Story:
    story = busy().sign_in(2, "bob")
    return story.tell(3, c.Requeue("c0"), of_call(e.CallRequeued, "c0", **KEPT), assigned(2, "c0", "ada"))


def overdue_passed_over() -> Story:
    story = busy(max_overtake_wait_us=SOON).enqueue(2, "c1").enqueue(3, "c2", priority=9)
    story.advance(12, of_call(e.CallOverdue, "c1"))
    return story.complete(12.5, 1, "c0", "ada", assigned(2, "c2", "ada"))


def never_called_overdue() -> Story:
    return busy(max_overtake_wait_us=SOON).enqueue(2, "c1").advance(13)


def called_overdue_too_early() -> Story:
    return busy(max_overtake_wait_us=SOON).enqueue(2, "c1").advance(5, of_call(e.CallOverdue, "c1"))


def held_past_the_bound() -> Story:
    story = Story(max_overtake_wait_us=SOON).sign_in(0, "bob", ready=False)
    held = {"hold_until_us": 60 * SECOND_US}
    story.enqueue(1, "c1", preferred_agents=("bob",), hold_us=59 * SECOND_US, told=held)
    return story.advance(12)


def place_lost_on_return() -> Story:
    story = Story(reject_backoff_us=SECOND_US).sign_in(0, "ada").enqueue(1, "c1", offered(1, "c1", "ada"))
    story.enqueue(2, "c2").reject(3, 1, "c1", "ada", offered(2, "c2", "ada"))
    story.enqueue(4, "c3").accept(5, 2, "c2", "ada")
    return story.complete(6, 2, "c2", "ada", offered(3, "c3", "ada"))


def place_not_kept_as_told() -> Story:
    return busy().tell(2, c.Requeue("c0"), of_call(e.CallRequeued, "c0", **KEPT | {"kept_place": False}),
                       assigned(2, "c0", "ada"))  # fmt: skip


def wait_begun_anew() -> Story:
    story = busy().tell(3, c.Requeue("c0"), of_call(e.CallRequeued, "c0", **KEPT), assigned(2, "c0", "ada", wait_us=0))
    return story


def credited_wait_lost() -> Story:
    return Story().enqueue(10, "c1", credited_wait_us=SECOND_US, told={"effective_arrival_us": 10 * SECOND_US})


def without_the_skill() -> Story:
    return Story().sign_in(0, "ada").enqueue(1, "c1", assigned(1, "c1", "ada"), requirement=needs("loans"))


def below_the_level() -> Story:
    story = Story().sign_in(0, "ada", skills={"loans": 4})
    return story.enqueue(1, "c1", assigned(1, "c1", "ada"), requirement=needs("loans", 5))


def not_ready() -> Story:
    return Story().sign_in(0, "ada", ready=False).enqueue(1, "c1", assigned(1, "c1", "ada"))


def closing() -> Story:
    closing = of_agent(e.AgentAvailabilityChanged, "ada", availability=Availability.CLOSING, reason="")
    story = Story(CHAT).sign_in(0, "ada", capacity=TWO_CHATS)
    story.enqueue(1, "c1", assigned(1, "c1", "ada"), channel="chat")
    story.tell(2, c.SetAvailability("ada", False, after_call=True), closing)
    return story.enqueue(3, "c2", assigned(2, "c2", "ada"), channel="chat")


def from_a_paused_queue() -> Story:
    story = Story().sign_in(0, "ada").tell(1, c.PauseQueue("alpha"), (e.QueuePaused, {"queue": "alpha"}))
    return story.enqueue(2, "c1", assigned(1, "c1", "ada"))


def to_a_barred_agent() -> Story:
    story = Story().sign_in(0, "ada").enqueue(1, "c1", offered(1, "c1", "ada"))
    return story.reject(2, 1, "c1", "ada", offered(2, "c1", "ada"))


def barred_after_expiry_too() -> Story:
    story = Story().sign_in(0, "ada").enqueue(1, "c1", offered(1, "c1", "ada", expires=21))
    return story.advance(22, expired(1, "c1", "ada", at=21), offered(2, "c1", "ada"))


def held_for_another() -> Story:
    story = Story().sign_in(0, "ada").sign_in(1, "bob", ready=False)
    held = {"hold_until_us": 20 * SECOND_US}
    return story.enqueue(
        2, "c1", assigned(1, "c1", "ada"), preferred_agents=("bob",), hold_us=18 * SECOND_US, told=held
    )


def step_not_reached_yet() -> Story:
    story = Story().sign_in(0, "ada").enqueue(1, "c1", requirement=RELAXING)
    return story.advance(5, of_call(e.CallStepReached, "c1", step=1), assigned(1, "c1", "ada"))


def hold_ended_too_early() -> Story:
    story = Story().sign_in(0, "ada").sign_in(0, "bob", ready=False)
    held = {"hold_until_us": 50 * SECOND_US}
    story.enqueue(1, "c1", preferred_agents=("bob",), hold_us=49 * SECOND_US, told=held)
    return story.advance(5, of_call(e.CallHoldEnded, "c1"), assigned(1, "c1", "ada"))


def step_never_reached() -> Story:
    return Story().enqueue(1, "c1", requirement=RELAXING).advance(12)


def urgent_passed_over() -> Story:
    story = busy().enqueue(2, "c1", urgency=Urgency.URGENT).enqueue(3, "c2")
    return story.complete(4, 1, "c0", "ada", assigned(2, "c2", "ada"))


def accepted_too_late() -> Story:
    story = Story().sign_in(0, "ada").enqueue(1, "c1", offered(1, "c1", "ada", expires=21))
    return story.accept(21, 1, "c1", "ada")


def event_without_command() -> Story:
    return Story().enqueue(1, "c1").advance(2, of_call(e.CallUpdated, "c1"))


def stranger_at_work() -> Story:
    return Story().enqueue(1, "c1", assigned(1, "c1", "zoe"))


def events_out_of_order() -> Story:
    told = (e.QueueResumed, {"queue": "alpha", "sequence": 9})
    return Story().tell(1, c.PauseQueue("alpha"), (e.QueuePaused, {"queue": "alpha"}), told)


PLANTED: list[tuple[Callable[[], Story], set[Point]]] = [
    (two_offers_of_one_call, {Point.NOT_LOST}),
    (offer_number_used_again, {Point.NOT_LOST}),
    (two_calls_at_once, {Point.NOT_LOST, Point.RULES}),
    (three_chats_of_two, {Point.NOT_LOST, Point.RULES}),
    (voice_beside_chat, {Point.NOT_LOST, Point.RULES}),
    (forced_over_capacity, {Point.NOT_LOST}),
    (completed_twice, {Point.NOT_LOST}),
    (completed_while_waiting, {Point.NOT_LOST}),
    (abandoned_while_assigned, {Point.NOT_LOST}),
    (accepted_by_another, {Point.NOT_LOST}),
    (entered_twice, {Point.NOT_LOST, Point.WORK_CONSERVED}),
    (never_expires, {Point.NOT_LOST}),
    (forgotten_by_the_engine, {Point.NOT_LOST}),
    (offer_forgotten_by_the_engine, {Point.NOT_LOST}),
    (said_to_wait_while_assigned, {Point.NOT_LOST}),
    (wrap_up_from_nowhere, {Point.NOT_LOST}),
    (wrap_up_ends_that_was_not, {Point.NOT_LOST}),
    (signed_out_with_an_offer, {Point.NOT_LOST}),
    (given_from_another_queue, {Point.NOT_LOST}),
    (refused_and_then_served, {Point.NOT_LOST}),
    (step_that_is_not_there, {Point.NOT_LOST}),
    (waits_beside_a_free_agent, {Point.WORK_CONSERVED}),
    (not_served_at_sign_in, {Point.WORK_CONSERVED}),
    (not_served_after_completion, {Point.WORK_CONSERVED}),
    (not_served_with_a_free_chat, {Point.WORK_CONSERVED}),
    (not_served_after_a_bar, {Point.WORK_CONSERVED}),
    (not_served_at_a_step, {Point.WORK_CONSERVED}),
    (not_served_after_a_hold, {Point.WORK_CONSERVED}),
    (not_served_by_the_preferred, {Point.WORK_CONSERVED}),
    (not_served_when_resumed, {Point.WORK_CONSERVED}),
    (not_served_after_learning_a_skill, {Point.WORK_CONSERVED}),
    (not_served_with_a_new_requirement, {Point.WORK_CONSERVED}),
    (not_served_after_a_transfer, {Point.WORK_CONSERVED}),
    (not_served_after_overflow, {Point.WORK_CONSERVED}),
    (not_served_under_new_settings, {Point.WORK_CONSERVED}),
    (not_served_by_the_agent_named, {Point.WORK_CONSERVED}),
    (not_served_by_either_skill, {Point.WORK_CONSERVED}),
    (wrap_up_without_end, {Point.WORK_CONSERVED}),
    (younger_kin_first, {Point.KIN_IN_ORDER}),
    (younger_by_order_first, {Point.KIN_IN_ORDER}),
    (credited_wait_not_counted, {Point.KIN_IN_ORDER}),
    (younger_kin_first_when_resumed, {Point.KIN_IN_ORDER}),
    (shorter_idle_first, {Point.LONGEST_IDLE}),
    (later_sign_in_first, {Point.LONGEST_IDLE}),
    (just_finished_first, {Point.LONGEST_IDLE}),
    (engaged_before_free, {Point.LONGEST_IDLE}),
    (same_skills_shorter_idle, {Point.LONGEST_IDLE}),
    (back_to_the_same_agent, {Point.LONGEST_IDLE}),
    (overdue_passed_over, {Point.BOUNDED_WAIT}),
    (never_called_overdue, {Point.BOUNDED_WAIT}),
    (called_overdue_too_early, {Point.BOUNDED_WAIT}),
    (held_past_the_bound, {Point.BOUNDED_WAIT}),
    (place_lost_on_return, {Point.KIN_IN_ORDER, Point.PLACE_KEPT}),
    (place_not_kept_as_told, {Point.PLACE_KEPT}),
    (wait_begun_anew, {Point.PLACE_KEPT}),
    (credited_wait_lost, {Point.PLACE_KEPT}),
    (without_the_skill, {Point.RULES}),
    (below_the_level, {Point.RULES}),
    (not_ready, {Point.RULES}),
    (closing, {Point.RULES}),
    (from_a_paused_queue, {Point.RULES}),
    (to_a_barred_agent, {Point.RULES}),
    (barred_after_expiry_too, {Point.RULES}),
    (held_for_another, {Point.RULES}),
    (step_not_reached_yet, {Point.RULES}),
    (step_never_reached, {Point.RULES}),
    (hold_ended_too_early, {Point.RULES}),
    (urgent_passed_over, {Point.RULES}),
    (accepted_too_late, {Point.RULES}),
    (event_without_command, {Point.RULES}),
    (stranger_at_work, {Point.RULES}),
    (events_out_of_order, {Point.RULES}),
]
