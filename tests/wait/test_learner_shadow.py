"""Goal: in shadow mode one learns how soon free agents get a call while one waits, and how that differs between agents.

Method: an outside ACD played by hand; takes and exposure are counted beside it, and the hazard must be their quotient,
with the prior that is written here once more.
"""

from __future__ import annotations

import pytest

from router.engine import ChannelSettings, QueueSettings, Requirement, SkillTerm, Step
from router.engine import commands as c
from tests.engine.centre import at_us
from tests.wait.learning import LearningCentre

PRIOR_S = 20  # of exposure in each bin of age, with .1 takes a second below 10 s, .003 beyond
QUICK, SLOW = 0.1, 0.003
SKILLED = Requirement((Step((SkillTerm("x"),)),))
RELAXED = Requirement((Step((SkillTerm("x"),)), Step(after_us=10_000_000)))
DAY = 86_400


def followed(requirement: Requirement | None = None) -> LearningCentre:
    queue = QueueSettings() if requirement is None else QueueSettings(requirement=requirement)
    centre = LearningCentre(queue, shadow=True, channels={"voice": ChannelSettings()})
    centre.do(c.PauseQueue("q"))
    return centre


def hazard(takes: float, exposure_s: float, prior: float) -> float:
    return (takes + prior * PRIOR_S) / (exposure_s + PRIOR_S)


def answer(centre: LearningCentre, call: str, agent: str, at: float, talk: float = 20) -> None:
    centre.do(c.Assign(call, agent), at)
    centre.do(c.Complete(call), at + talk)


def shown_hazards(centre: LearningCentre, *ages: float) -> list[float]:
    lag = centre.model()["return_lag"]
    return [lag.hazard_per_s(age) for age in ages]


@pytest.mark.parametrize("ticking", [False, True])
def test_exposure_begins_when_a_call_has_waited_for_three_seconds(ticking: bool) -> None:
    centre = followed()
    centre.sign_in("ada", at=1)
    centre.enqueue("first", 2)
    answer(centre, "first", "ada", 3)
    for number in range(200):  # free from 100 n on: a call at once, taken after 8 s
        start = 100.0 * number + 100
        centre.enqueue(f"warm-{number}", start - 40)
        answer(centre, f"warm-{number}", "ada", start - 40, talk=40)
        centre.enqueue(f"c{number}", start)
        if ticking:
            for tick in (1.3, 3.0, 4.5, 7.9):
                centre.advance(start + tick)
        answer(centre, f"c{number}", "ada", start + 8)
    centre.advance(30_000)
    assert centre.known.learned()["takes"] == 200  # the first answers of calls that had not waited are none
    # the model is made anew when takes have grown by a tenth: at 187 of them here, or a little later
    assert shown_hazards(centre, 0, 1, 2) == pytest.approx([QUICK] * 3)
    assert shown_hazards(centre, 3, 4, 5, 6) == pytest.approx([hazard(0, 190, QUICK)] * 4, rel=0.08)
    assert shown_hazards(centre, 7) == pytest.approx([hazard(190, 190, QUICK)], rel=0.01)
    assert shown_hazards(centre, 8, 20, 5000) == pytest.approx([QUICK, SLOW, SLOW])


def test_an_agent_who_stays_away_is_exposed_all_the_time() -> None:
    centre = followed()
    centre.sign_in("away", "there", at=1)
    for number in range(100):
        at = 60.0 * number + 10
        centre.enqueue(f"c{number}", at)
        answer(centre, f"c{number}", "there", at + 13, talk=5)
    assert centre.model()["agents"]["away"]["return_rate"] < 0.95  # at such ages few take a call
    assert centre.model()["agents"]["there"]["return_rate"] > 1.05
    assert centre.model()["agents"]["away"]["since_us"] == at_us(1)
    assert centre.model()["agents"]["there"]["since_us"] == at_us(60 * 99 + 10 + 18)


@pytest.mark.parametrize(("requirement", "exposed"), [(SKILLED, False), (RELAXED, True)])
def test_only_agents_who_could_serve_a_waiting_call_are_exposed(requirement: Requirement, exposed: bool) -> None:
    centre = followed(requirement)
    centre.sign_in("able", at=1, skills={"x": 1})
    centre.sign_in("unable", at=1)
    for number in range(100):
        at = 60.0 * number + 10
        centre.enqueue(f"c{number}", at)
        centre.advance(at + 10)
        answer(centre, f"c{number}", "able", at + 30, talk=5)
    unable = centre.model()["agents"]["unable"]["return_rate"]
    assert (unable < 0.95) if exposed else (unable == 1)
    assert centre.known.learned()["takes"] == 100


def test_a_skill_that_is_learnt_while_a_call_waits_counts_from_then_on() -> None:
    centre = followed(SKILLED)
    centre.sign_in("ada", at=1)
    centre.sign_in("able", at=1, skills={"x": 1})
    rates = []
    for round_ in range(2):
        for number in range(60):
            at = 5000.0 * round_ + 60 * number + 10
            centre.enqueue(f"c{round_}-{number}", at)
            centre.advance(at + 5)
            if round_ == 1 and number == 0:
                centre.do(c.UpdateAgent("ada", skills={"x": 2}), at + 6)
            answer(centre, f"c{round_}-{number}", "able", at + 30, talk=5)
        rates.append(centre.model()["agents"]["ada"]["return_rate"])
    assert rates[0] == 1
    assert rates[1] < 0.95


def test_forced_answers_outside_the_skills_are_no_takes() -> None:
    centre = followed(SKILLED)
    centre.sign_in("odd", at=1)
    for number in range(30):
        at = 60.0 * number + 10
        centre.enqueue(f"c{number}", at)
        answer(centre, f"c{number}", "odd", at + 30, talk=5)
    assert centre.known.learned()["takes"] == 0
    assert centre.model()["agents"]["odd"]["return_rate"] == 1


def test_talking_is_no_exposure() -> None:
    centre = followed()
    centre.sign_in("ada", at=1)
    centre.enqueue("long", 5)
    centre.do(c.Assign("long", "ada"), 6)
    centre.enqueue("waiting", 10)
    centre.do(c.Complete("long"), 3000)
    assert centre.model()["agents"]["ada"]["since_us"] == at_us(3000)
    answer(centre, "waiting", "ada", 3002)
    assert centre.known.learned()["takes"] == 1
    assert centre.model()["agents"]["ada"]["return_rate"] == pytest.approx(16 / (15 + 2 * QUICK))


def test_a_downtime_is_no_exposure() -> None:
    centre = followed()
    centre.sign_in("ada", at=1)
    centre.enqueue("c", 100)
    centre.advance(113)
    centre.do(c.Restart(), 5000)
    centre.advance(5010)
    assert centre.model()["agents"]["ada"]["since_us"] == at_us(1 + 5000 - 113)
    answer(centre, "c", "ada", 5010)
    # 10 s before it, 10 s after it, at ages of 102 s to 122 s
    assert centre.model()["agents"]["ada"]["return_rate"] == pytest.approx(16 / (15 + 20 * SLOW))


def test_what_is_known_fades_from_day_to_day() -> None:
    centre = followed()
    centre.sign_in("ada", at=1)
    centre.enqueue("c", 100)
    answer(centre, "c", "ada", 150)
    centre.advance(DAY)
    assert centre.known.learned()["takes"] == pytest.approx(0.96)
    centre.advance(3 * DAY)  # nobody worked
    assert centre.known.learned()["takes"] == pytest.approx(0.96)


def test_presence_goes_from_the_first_answer_to_the_last_release() -> None:
    centre = followed()
    midnight = DAY - 100_000 % DAY + 2 * DAY  # a Monday
    centre.sign_in("ada", "bob", at=midnight + 100)
    centre.enqueue("a", midnight + 200)
    assert not centre.model()["agents"]["ada"]["seen_today"]
    answer(centre, "a", "ada", midnight + 300)
    assert centre.model()["agents"]["ada"]["seen_today"]
    centre.enqueue("b", midnight + 1000)
    answer(centre, "b", "ada", midnight + 2000, talk=500)
    centre.do(c.SignOut("ada"), midnight + 4000)
    centre.advance(midnight + DAY)
    agents = centre.model()["agents"]
    assert agents["ada"]["days"] == [(300, 2500)]
    assert agents["bob"]["days"] == [(-1, -1)]


def test_without_shadow_mode_there_is_no_lag() -> None:
    centre = LearningCentre()
    centre.sign_in("ada", at=1)
    assert centre.model()["return_lag"].mean_s == 0
