"""Goal: what is learnt is what the events say, and nothing from what nobody can know.

Method: hand-made streams of commands through the real engine, with the expected figures worked out beside them.
"""

from __future__ import annotations

import math

import pytest

from router.engine import NoAnswerAction, QueueSettings, Requirement, SkillTerm, Step, Urgency, WrapUp, WrapUpMode
from router.engine import commands as c
from router.engine.settings import SECOND_US
from tests.engine.centre import at_us, us
from tests.wait.learning import LearningCentre

AUTOMATIC = QueueSettings(automatic=True)
HOUR, DAY = 3600, 86_400
MIDNIGHT = DAY - 100_000 % DAY  # the first after the start
NEEDS_SKILL = QueueSettings(requirement=Requirement((Step((SkillTerm("x"),)),)))


def two_queues(**fields: object) -> LearningCentre:
    return LearningCentre(queues={"q": QueueSettings(), "r": QueueSettings()}, **fields)


# ---- talks ----


def test_without_talks_a_prior_is_assumed_and_said_to_be_one() -> None:
    centre = LearningCentre()
    queue = centre.model()["queues"]["q"]
    assert (queue["samples"], queue["handle_time"].mean_s) == (0, 240)
    assert centre.learned()["handle_mean_s"] is None


def test_talks_are_counted_from_answer_to_end() -> None:
    centre = LearningCentre()
    centre.sign_in("ada", at=1)
    for number in range(300):
        centre.enqueue(f"c{number}", 100 * number + 10)
        centre.accept(f"c{number}", 100 * number + 15)
        centre.do(c.Complete(f"c{number}"), 100 * number + 15 + (20 if number % 2 else 40))
    queue = centre.model()["queues"]["q"]
    assert queue["samples"] == 300
    assert [queue["handle_time"].residual_s(0, number) for number in (0.25, 0.75)] == [20, 40]
    assert centre.learned()["handle_mean_s"] == pytest.approx(30, rel=0.01)


def test_a_transferred_talk_is_one_and_a_returned_call_is_none() -> None:
    centre = two_queues()
    centre.sign_in("ada", at=1)
    centre.enqueue("a", 10)
    centre.accept("a", 10)
    centre.do(c.Transfer("a", "r"), 70)
    assert (centre.learned("q")["talks"], centre.learned("r")["talks"]) == (1, 0)
    centre.accept("a", 80)
    centre.do(c.Requeue("a"), 90)
    assert centre.learned("r")["talks"] == 0
    centre.do(c.Assign("a", "ada")) if centre.who("a") is None else centre.accept("a")
    centre.do(c.Complete("a"), 120)
    assert centre.learned("r")["talks"] == 1


def test_a_quiet_queue_takes_the_shape_of_all_and_its_own_mean_as_far_as_it_knows() -> None:
    centre = two_queues()
    centre.sign_in("ada", at=1)
    for number in range(200):
        centre.talk(f"c{number}", 50 if number % 2 else 150, 200 * number + 1)
    unheard, pool = (centre.model()["queues"][queue]["handle_time"] for queue in ("r", "q"))
    assert unheard.mean_s == pytest.approx(100)  # the prior is gone
    assert unheard.residual_s(0, 0.75) / unheard.residual_s(0, 0.25) == pytest.approx(3)
    assert pool.mean_s == pytest.approx(100, rel=0.01)
    for number in range(25):
        centre.talk(f"r{number}", 400, 50_000 + 500 * number, queue="r")
    # as many talks of its own as the pool's mean, now 133 s, counted for at first: a little more than half way
    assert centre.model()["queues"]["r"]["handle_time"].mean_s == pytest.approx((400 * 25 + 133 * 22) / 47, rel=0.03)


def test_a_forgotten_call_does_not_rule() -> None:
    centre = LearningCentre()
    centre.sign_in("ada", at=1)
    for number in range(100):
        centre.talk(f"c{number}", 200, 300 * number + 1)
    before = centre.learned()["handle_mean_s"]
    centre.talk("forgotten", 10 * HOUR, 40_000)
    assert centre.learned()["handle_mean_s"] - before < 60  # one talk in 101, capped at 20 means or an hour
    agent = centre.model()["agents"]["ada"]
    assert agent["handle_factor"] < 1.1


def test_slow_agents_are_told_apart_with_shrinkage() -> None:
    centre = LearningCentre(AUTOMATIC)
    centre.sign_in("fast", "slow", at=1)
    at = 10.0
    for number in range(300):
        centre.enqueue(f"c{number}", at)
        centre.enqueue(f"d{number}", at)
        by = {centre.who(name): name for name in (f"c{number}", f"d{number}")}
        centre.do(c.Complete(by["fast"]), at + 60)
        centre.do(c.Complete(by["slow"]), at + 120)
        at += 130
    agents = centre.model()["agents"]
    assert 0.65 < agents["fast"]["handle_factor"] < 0.78  # 60 of 90, and 25 talks of the mean beside 300
    assert 1.22 < agents["slow"]["handle_factor"] < 1.35


# ---- patience ----


def test_answered_calls_count_as_exposure_only() -> None:
    centre = LearningCentre()
    centre.enqueue("a", 10)
    centre.enqueue("b", 20)
    centre.do(c.Cancel("b"), 50)
    centre.sign_in("ada", at=70)
    centre.accept("a", 75)
    assert (centre.learned()["abandoned"], centre.learned()["exposure_s"]) == (1, 30 + 65)


def test_the_hazard_is_ends_by_exposure_at_each_age() -> None:
    centre = LearningCentre()
    for number in range(400):  # of 400 callers 100 give up at 2.5 s, 100 at 50 s, the others are answered after 55 s
        centre.enqueue(f"c{number}", 100 * number)
        if number % 4 == 0:
            centre.do(c.Cancel(f"c{number}"), 100 * number + 2.5)
        elif number % 4 == 1:
            centre.do(c.Cancel(f"c{number}"), 100 * number + 50)
        else:
            centre.sign_in("ada", at=100 * number + 55)
            centre.accept(f"c{number}")
            centre.do(c.Complete(f"c{number}"))
            centre.do(c.SignOut("ada"))
    # between two ages the hazard is taken to be even
    patience = centre.model()["queues"]["q"]["patience"]
    assert patience.hazard_per_s(2) == pytest.approx(100 / (300 + 50), rel=0.15)
    assert patience.hazard_per_s(45) == pytest.approx(100 / (100 * 5 + 200 * 10), rel=0.15)
    assert patience.hazard_per_s(10) < 0.01
    assert patience.survival(45, 10) == pytest.approx(math.exp(-10 * 100 / 2500), abs=0.05)


def test_who_is_refused_transferred_or_called_back_has_not_given_up() -> None:
    centre = LearningCentre(queues={"q": QueueSettings(wait_max_us=us(30)), "r": QueueSettings()})
    centre.enqueue("refused", 10)
    centre.enqueue("moved", 20)
    centre.do(c.Transfer("moved", "r"), 30)
    centre.enqueue("later", 35)
    centre.do(c.TurnIntoCallback("later"), 38)
    centre.advance(50)
    centre.do(c.Cancel("later"), 90)
    assert (centre.learned()["abandoned"], centre.learned()["exposure_s"]) == (0, 30 + 10 + 3)
    centre.do(c.Cancel("moved"), 130)
    assert (centre.learned("r")["abandoned"], centre.learned("r")["exposure_s"]) == (1, 100)


def test_callbacks_and_detached_calls_are_no_exposure() -> None:
    centre = LearningCentre()
    centre.enqueue("back", 10, callback=True)
    centre.enqueue("a", 10)
    centre.do(c.Detach("a"), 15)
    centre.do(c.Attach("a"), 100)
    centre.do(c.Cancel("back"), 105)
    centre.do(c.Cancel("a"), 110)
    assert (centre.learned()["abandoned"], centre.learned()["exposure_s"]) == (1, 5 + 10)
    centre.enqueue("b", 200)
    centre.do(c.Detach("b"), 205)
    centre.do(c.Cancel("b"), 300)  # the system that held it lost it
    assert (centre.learned()["abandoned"], centre.learned()["exposure_s"]) == (1, 20)


def test_a_caller_who_comes_back_from_a_failed_offer_keeps_the_age() -> None:
    centre = LearningCentre(NEEDS_SKILL)
    for number in range(60):
        start = 1000 * number
        centre.enqueue(f"c{number}", start)
        centre.sign_in("ada", at=start + 10, skills={"x": 1})
        centre.reject(f"c{number}", start + 20)
        centre.do(c.SignOut("ada"))
        centre.do(c.Cancel(f"c{number}"), start + 100)
    assert centre.learned()["exposure_s"] == pytest.approx(6000)
    patience = centre.model()["queues"]["q"]["patience"]
    assert patience.hazard_per_s(90) > 10 * patience.hazard_per_s(75)  # they gave up at 100 s, not at 80


def test_a_caller_who_was_out_of_reach_keeps_the_age() -> None:
    centre = LearningCentre()
    for number in range(60):
        start = 1000 * number
        centre.enqueue(f"c{number}", start)
        centre.do(c.Detach(f"c{number}"), start + 5)
        centre.do(c.Attach(f"c{number}"), start + 50)
        centre.do(c.Cancel(f"c{number}"), start + 100)
    patience = centre.model()["queues"]["q"]["patience"]
    assert patience.hazard_per_s(90) > 10 * patience.hazard_per_s(45)


def test_overflow_and_moving_count_for_the_queue_that_had_the_call() -> None:
    queues = {"q": QueueSettings(wait_max_us=us(30), overflow="r"), "r": QueueSettings()}
    centre = LearningCentre(queues=queues)
    centre.enqueue("a", 10)
    centre.advance(40)
    centre.do(c.Cancel("a"), 140)
    assert (centre.learned("q")["abandoned"], centre.learned("q")["exposure_s"]) == (0, 30)
    assert (centre.learned("r")["abandoned"], centre.learned("r")["exposure_s"]) == (1, 100)


def test_a_queue_without_abandonments_of_its_own_is_like_all_queues() -> None:
    centre = two_queues()
    for number in range(200):
        centre.enqueue(f"c{number}", 50 * number)
        centre.do(c.Cancel(f"c{number}"), 50 * number + 40)
    own, other = (centre.model()["queues"][queue]["patience"] for queue in ("q", "r"))
    assert other.hazard_per_s(35) == pytest.approx(own.hazard_per_s(35), rel=0.15)


# ---- downtimes ----


def test_downtimes_are_neither_waits_nor_talks() -> None:
    centre = LearningCentre(QueueSettings(wait_max_us=us(1000)))
    centre.sign_in("ada", at=1)
    centre.enqueue("talking", 10)
    centre.accept("talking", 10)
    centre.enqueue("waiting", 30)
    centre.do(c.Advance(), 40)
    centre.do(c.Restart(), 340)
    assert centre.known.downtime_since(at_us(30)) == us(300)
    assert centre.known.downtime_since(at_us(341)) == 0
    centre.do(c.Complete("talking"), 400)
    assert centre.learned()["talks"] == 0
    centre.accept("waiting", 405)
    centre.do(c.Complete("waiting"), 425)
    assert centre.learned()["talks"] == 1
    assert (centre.learned()["abandoned"], centre.learned()["exposure_s"]) == (0, 10)


def test_those_who_hung_up_in_a_downtime_are_no_ends() -> None:
    centre = LearningCentre()
    for number in range(5):
        centre.enqueue(f"c{number}", 10)
    centre.do(c.Restart(), 2000)
    for number in range(5):
        centre.do(c.Cancel(f"c{number}"), 2001)
    assert centre.learned()["abandoned"] == 0


def test_breaks_go_on_less_the_downtime() -> None:
    centre = LearningCentre()
    centre.sign_in("ada", at=10, ready=False)
    centre.do(c.Advance(), 40)
    centre.do(c.Restart(), 340)
    assert centre.model()["agents"]["ada"]["since_us"] == at_us(310)


# ---- wrap-ups, breaks, offers ----


def test_manual_wrap_ups_that_their_timer_ended_are_censored() -> None:
    centre = LearningCentre(QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.MANUAL, us(60))))
    centre.sign_in("ada", at=1)
    for number in range(200):
        at = 300 * number + 10
        centre.talk(f"c{number}", 30, at)
        if number % 2:
            centre.do(c.EndWrapUp("ada"), at + 30 + 10 + number % 20)
        else:
            centre.advance(at + 100)
    wrap_up = centre.model()["queues"]["q"]["wrap_up"]
    assert wrap_up.survival(0, 30) == pytest.approx(0.5, abs=0.05)
    assert wrap_up.survival(0, 20) == pytest.approx(0.75, abs=0.05)
    # of those that went on nobody ended one
    assert wrap_up.survival(30, 30) > 0.85


def test_fixed_wrap_ups_end_by_their_timer_unless_agents_end_them_early() -> None:
    centre = LearningCentre(QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.FIXED, us(60))))
    centre.sign_in("ada", at=1)
    for number in range(50):
        centre.talk(f"c{number}", 30, 300 * number + 10)
        centre.advance(300 * number + 200)
    assert centre.model()["queues"]["q"]["wrap_up"].endless
    assert centre.learned()["wrap_up_mean_s"] is None
    for number in range(50, 150):
        centre.talk(f"c{number}", 30, 300 * number + 10)
        centre.do(c.EndWrapUp("ada"), 300 * number + 55)
    wrap_up = centre.model()["queues"]["q"]["wrap_up"]
    assert 0.2 < wrap_up.survival(0, 59) < 0.5  # two of three ended it after 15 s


def test_a_wrap_up_that_a_sign_out_ended_is_censored() -> None:
    centre = LearningCentre(QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.FIXED, us(60))))
    for number in range(50):
        centre.sign_in("ada", at=300 * number + 10)
        centre.talk(f"c{number}", 30, 300 * number + 10)
        centre.do(c.SignOut("ada"), 300 * number + 50)
    assert centre.model()["queues"]["q"]["wrap_up"].endless


def test_no_wrap_up_is_none() -> None:
    assert LearningCentre().learned()["wrap_up_mean_s"] is None


def test_not_ready_spells_end_by_coming_back_and_not_by_leaving() -> None:
    centre = LearningCentre()
    for number in range(100):
        at = 2000 * number + 10
        centre.sign_in("ada", at=at, ready=False)
        if number % 2:
            centre.do(c.SetAvailability("ada", ready=True), at + 200 + number)
            centre.do(c.SignOut("ada"), at + 400)
        else:
            centre.do(c.SignOut("ada"), at + 600)
    not_ready = centre.model()["not_ready"]
    # half of them came back after 200 to 300 s; those who left after 600 s had not come back until then
    assert not_ready.survival(0, 300) == pytest.approx(0.5, abs=0.05)
    assert not_ready.survival(300, 300) > 0.8


def test_the_chance_of_a_break_is_that_of_who_is_freed() -> None:
    centre = LearningCentre(AUTOMATIC)
    centre.sign_in("ada", at=1)
    for number in range(400):
        at = 100 * number + 10
        centre.enqueue(f"c{number}", at)
        if number % 4 == 0:
            centre.do(c.SetAvailability("ada", ready=False, after_call=True), at + 5)
        centre.do(c.Complete(f"c{number}"), at + 30)
        if number % 4 == 0:
            centre.do(c.SetAvailability("ada", ready=True), at + 60)
        elif number % 4 == 1:  # with nothing to do, as far as anybody can tell
            centre.do(c.SetAvailability("ada", ready=False), at + 40)
            centre.do(c.SetAvailability("ada", ready=True), at + 60)
    assert centre.model()["break_chance"] == pytest.approx(0.25, abs=0.03)


def test_after_a_transfer_or_a_return_the_agent_is_freed_too() -> None:
    centre = LearningCentre(AUTOMATIC)
    centre.sign_in("ada", "bob", at=1)
    for number in range(60):
        at = 100 * number + 10
        centre.enqueue(f"c{number}", at)
        who = centre.who(f"c{number}")
        assert who is not None
        centre.do(c.SetAvailability(who, ready=False, after_call=True), at + 5)
        centre.do(c.Transfer(f"c{number}", "q") if number % 2 else c.Requeue(f"c{number}"), at + 10)
        centre.do(c.Complete(f"c{number}"), at + 20)
        centre.do(c.SetAvailability(who, ready=True), at + 30)
    # each call frees one who goes on a break and one who does not; 20 freed who do not are assumed
    assert centre.model()["break_chance"] == pytest.approx(60 / 140, abs=0.05)


def test_offers_ring_until_accepted() -> None:
    centre = LearningCentre(
        QueueSettings(offer_timeout_us=us(20), no_answer_action=NoAnswerAction.KEEP_READY, reject_backoff_us=us(10))
    )
    centre.sign_in("ada", at=1)
    for number in range(400):
        at = 200 * number + 10
        centre.enqueue(f"c{number}", at)
        if number % 4 == 0:
            centre.reject(f"c{number}", at + 1)
            centre.advance(at + 15)
            centre.accept(f"c{number}", at + 18)
        elif number % 4 == 1:
            centre.advance(at + 40)
            centre.accept(f"c{number}", at + 40)
        elif number % 4 == 2:
            centre.do(c.Cancel(f"c{number}"), at + 4)
            continue
        else:
            centre.accept(f"c{number}", at + 7)
        centre.do(c.Complete(f"c{number}"), at + 60)
    model = centre.model()
    # at the first or the second time after 7 s, and after an expiry after 10 s
    assert [model["ring"].residual_s(0, number / 12) for number in range(1, 12, 2)] == [7, 7, 7, 7, 10, 10]
    offers = centre.known.learned()["offers"]
    assert offers["rejected"] / offers["accepted"] == pytest.approx(1 / 3, abs=0.02)
    assert model["reject"] == pytest.approx(1 / 5, abs=0.03)
    assert model["no_answer"] == pytest.approx(1 / 5, abs=0.03)


# ---- settings ----


def configure(centre: LearningCentre, *queues: str, **moves: str) -> None:
    centre.do(c.Configure(settings=type(centre.settings)(queues=dict.fromkeys(queues, QueueSettings())), moves=moves))


def test_a_removed_queue_is_forgotten() -> None:
    centre = two_queues()
    centre.sign_in("ada", at=1)
    for number in range(30):
        centre.talk(f"c{number}", 20, 100 * number + 10, queue="r")
        centre.enqueue(f"d{number}", queue="r", callback=False)
        centre.do(c.Cancel(f"d{number}")) if centre.who(f"d{number}") is None else centre.do(c.Complete(f"d{number}"))
    centre.enqueue("moved", queue="r")
    configure(centre, "q", r="q")
    assert set(centre.known.learned()["queues"]) == {"q"}
    assert [stream["queue"] for stream in centre.model()["arrivals"]] == []
    configure(centre, "q", "r")
    assert centre.learned("r")["talks"] == 0
    assert centre.learned("r")["exposure_s"] == 0
    assert centre.learned("r")["arrivals_per_s"] == 0


def test_a_moved_call_goes_on_being_watched() -> None:
    centre = two_queues()
    centre.enqueue("a", 10, queue="r")
    centre.now_s = 30
    configure(centre, "q", r="q")
    centre.do(c.Cancel("a"), 50)
    assert (centre.learned()["abandoned"], centre.learned()["exposure_s"]) == (1, 40)


# ---- memory ----


def test_memory_is_bounded_by_queues_agents_and_live_calls() -> None:
    centre = LearningCentre(
        QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.MANUAL, us(60))), finished_retention_us=SECOND_US
    )
    centre.sign_in("ada", at=1)
    sizes = []
    for number in range(4200):
        centre.talk(f"c{number}", 5, 40 * number + 10, priority=number % 10)
        centre.do(c.EndWrapUp("ada"), 40 * number + 20)
        if number % 400 == 0:
            sizes.append(len(centre.known.save()))
    assert abs(sizes[-1] - sizes[-2]) < 1500  # 3,300 talks are kept; 400 more would be 3,200 bytes
    assert sizes[-1] < 60_000
    assert centre.known.learned()["kinds"] == 10


def test_kinds_of_calls_are_bounded() -> None:
    queues = {f"q{number}": QueueSettings() for number in range(40)}
    centre = LearningCentre(queues=queues)
    for number in range(40 * 30):
        urgency, priority = number // 40 % 3, number // 120 % 10
        centre.enqueue(f"c{number}", number, queue=f"q{number % 40}", urgency=Urgency(urgency), priority=priority)
        centre.do(c.Cancel(f"c{number}"))
        centre.enqueue(f"d{number}", queue="q7", priority=5)
        centre.do(c.Cancel(f"d{number}"))
    assert centre.known.learned()["kinds"] == 256
    streams = centre.model()["arrivals"]
    assert len(streams) == 64
    busiest = max(streams, key=lambda stream: stream["rates_per_s"][0])
    assert (busiest["queue"], busiest["urgency"], busiest["priority"]) == ("q7", 0, 5)
