"""Both rankings and the learned numbers in small scenarios whose results were worked out by hand.

Each runs on the oracle and on the engine, so that the two cannot be wrong in the same way.
"""

from __future__ import annotations

from typing import Any

import pytest

from router.engine import commands as c
from router.engine.requirements import AgentTerm, AnyOf, Preference, Requirement, SkillTerm, Step
from router.engine.settings import (
    AgentWeights,
    ByUrgency,
    CallWeights,
    ChannelSettings,
    EfficiencySettings,
    QueueSettings,
    WrapUp,
)
from router.engine.vocabulary import Tier, Urgency, WrapUpMode
from tests.engine.centre import MACHINES, Centre, at_us, us

pytestmark = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.__name__)

Machine = type[Any]
HALF_LIFE_US = us(100)


def needs(*terms: SkillTerm | AgentTerm | AnyOf, prefer: tuple[Preference, ...] = ()) -> Requirement:
    return Requirement((Step(terms, prefer),))


# An agent for a call


def test_without_weights_the_longest_idle_agent_is_chosen(machine: Machine) -> None:
    centre = Centre(machine)
    centre.sign_in("late", at=20)
    centre.sign_in("later", at=30)
    centre.do(c.SignIn("first"), 40)
    centre.enqueue("c1", 50)
    centre.enqueue("c2", 51)
    assert (centre.who("c1"), centre.who("c2")) == ("late", "later")


def test_equal_idle_since_goes_by_sign_in(machine: Machine) -> None:
    centre = Centre(machine)
    centre.sign_in("zoe", "adam", at=5)
    centre.enqueue("c1", 9)
    assert centre.who("c1") == "zoe"


def test_an_agent_with_work_in_hand_comes_after_one_without(machine: Machine) -> None:
    chats = {"voice": ChannelSettings(), "chat": ChannelSettings(exclusive=False)}
    centre = Centre(machine, channels=chats)
    centre.sign_in("busy", at=0, capacity={"chat": 3})
    centre.enqueue("c1", 1, channel="chat")
    centre.sign_in("free", at=2, capacity={"chat": 3})
    centre.enqueue("c2", 3, channel="chat")
    assert (centre.who("c1"), centre.who("c2")) == ("busy", "free")


@pytest.mark.parametrize(("idle_s", "chosen"), [(29.999_999, "expert"), (30, "idler"), (31, "idler")])
def test_idle_is_weighed_exactly_against_fit(machine: Machine, idle_s: float, chosen: str) -> None:
    """Level 10 against 5 is half a point; so are 30 s of idling at an idle scale of 60 s. A tie goes to the idler."""
    weights = AgentWeights(skill_fit=1000, idle=1000)
    centre = Centre(machine, QueueSettings(requirement=needs(SkillTerm("loans", 2)), agent_weights=weights))
    centre.sign_in("idler", at=0, skills={"loans": 5})
    centre.sign_in("expert", at=idle_s, skills={"loans": 10})
    centre.enqueue("c1", idle_s)
    assert centre.who("c1") == chosen


def test_fit_counts_terms_ten_and_preferences_by_importance(machine: Machine) -> None:
    """German 5 and polite 10 give 666,666; German 9 alone 600,000, German 10 alone 666,666 too: the idler."""
    requirement = needs(SkillTerm("german"), prefer=(Preference("polite", 5),))
    for level, chosen in ((9, "polite one"), (10, "linguist")):
        # (10 x 500,000 + 5 x 1,000,000) / 15 against (10 x level x 100,000 + 5 x 0) / 15.
        centre = Centre(machine, QueueSettings(requirement=requirement, agent_weights=AgentWeights(skill_fit=1)))
        centre.sign_in("linguist", at=0, skills={"german": level})
        centre.sign_in("polite one", at=1, skills={"german": 5, "polite": 10})
        centre.enqueue("c1", 2)
        assert centre.who("c1") == chosen, level


def test_any_of_counts_its_best_satisfied_term(machine: Machine) -> None:
    """Fraud 4 does not satisfy fraud at 5, so only loans 3 counts; the other has loans 4."""
    requirement = needs(AnyOf((SkillTerm("loans", 3), SkillTerm("fraud", 5))))
    centre = Centre(machine, QueueSettings(requirement=requirement, agent_weights=AgentWeights(skill_fit=1)))
    centre.sign_in("a", at=0, skills={"loans": 3, "fraud": 4})
    centre.sign_in("b", at=1, skills={"loans": 4})
    centre.sign_in("c", at=2, skills={"loans": 2, "fraud": 4})
    centre.enqueue("c1", 3)
    assert centre.who("c1") == "b"
    centre.enqueue("c2", 3)
    centre.enqueue("c3", 3)
    assert (centre.who("c2"), centre.who("c3")) == ("a", None)


def test_reserve_keeps_the_scarce_skill_free(machine: Machine) -> None:
    """Four agents, fraud known to one, loans to all but one.

    Scarcity: fraud 750,000, loans 250,000. Rare: surplus 250,000 x (5 - 1) + 750,000 x 4 = 4,000,000; reserve
    1,000,000 - 4,000,000 x 100,000 / 1,000,000 = 600,000. Plain with loans 5: 250,000 x 4 x 100,000 / 250,000 =
    400,000, so 600,000 as well: a tie, for the longer idle. With fraud at 5 the rare one has 525,000.
    """
    for fraud, chosen in ((4, "rare"), (5, "plain")):
        settings = QueueSettings(requirement=needs(SkillTerm("loans")), agent_weights=AgentWeights(reserve=1))
        centre = Centre(machine, settings)
        centre.sign_in("rare", at=0, skills={"loans": 5, "fraud": fraud})
        centre.sign_in("plain", at=1, skills={"loans": 5})
        centre.sign_in("other", at=2, skills={"loans": 10})
        centre.sign_in("none", at=3)
        centre.enqueue("c1", 5)
        assert centre.who("c1") == chosen, fraud


def test_preferred_agents_win_by_affinity(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(agent_weights=AgentWeights(affinity=1)))
    centre.sign_in("a", at=0)
    centre.sign_in("b", at=1)
    centre.enqueue("c1", 2, preferred_agents=("b", "stranger"), hold_us=0)
    assert centre.call("c1").preferred_agents == ("b",)
    assert centre.who("c1") == "b"


def test_load_is_the_mean_of_use_and_occupancy(machine: Machine) -> None:
    """Used to a third now and never before (500,000 - …) against free now and busy for long before."""
    chats = {"chat": ChannelSettings(exclusive=False)}
    queue = QueueSettings(agent_weights=AgentWeights(load=1), automatic=True)
    centre = Centre(machine, queue, channels=chats, occupancy_half_life_us=HALF_LIFE_US)
    centre.sign_in("tired", at=0, capacity={"chat": 2})
    centre.enqueue("c1", 0, channel="chat")
    centre.enqueue("c2", 0, channel="chat")
    centre.do(c.Complete("c1"), 100)
    centre.do(c.Complete("c2"), 100)
    # One half-life at full use: occupancy 500,000, so the load term is 750,000.
    assert centre.agent("tired").occupancy_q32 == 1 << 31
    centre.sign_in("fresh", at=100, capacity={"chat": 3})
    centre.enqueue("c3", 100, channel="chat")
    # fresh has one of three: 333,333, load term 1,000,000 - 166,666 = 833,334; with two of three 666,667.
    assert centre.who("c3") == "fresh"
    centre.enqueue("c4", 100, channel="chat")
    assert centre.who("c4") == "fresh"
    centre.enqueue("c5", 100, channel="chat")
    assert centre.who("c5") == "tired"


# A call for an agent


def one_agent_later(machine: Machine, queue: QueueSettings, calls: list[tuple[str, float, dict[str, Any]]]) -> Centre:
    """Let calls wait, so that an agent who signs in later chooses among them."""
    centre = Centre(machine, queue)
    for name, at, fields in calls:
        centre.enqueue(name, at, **fields)
    return centre


def first_choice(centre: Centre, at: float) -> str:
    centre.sign_in("chooser", at=at)
    [engagement] = centre.agent("chooser").engagements
    return engagement.call


def test_without_weights_the_first_come_is_served_first(machine: Machine) -> None:
    centre = one_agent_later(machine, QueueSettings(), [("c2", 1, {"priority": 0}), ("c1", 2, {"priority": 9})])
    assert first_choice(centre, 3) == "c2"


def test_credited_wait_counts_for_order(machine: Machine) -> None:
    centre = one_agent_later(machine, QueueSettings(), [("c1", 1, {}), ("c2", 2, {"credited_wait_us": us(5)})])
    assert centre.call("c2").effective_arrival_us == at_us(-3)
    assert first_choice(centre, 3) == "c2"


@pytest.mark.parametrize(("arrival", "chosen"), [(5.9999, "high"), (6, "old"), (7, "old")])
def test_age_is_weighed_against_priority(machine: Machine, arrival: float, chosen: str) -> None:
    """Priority 3 of 9 is 333,333 ppm; with 9/10 of age's weight 299,999.7: as much as 5.99999 s of 20 s of age."""
    weights = CallWeights(priority=900, age=1000)
    queue = QueueSettings(target_us=ByUrgency(us(20), us(20), us(20)), call_weights=weights)
    centre = one_agent_later(machine, queue, [("old", 0, {}), ("high", arrival, {"priority": 3})])
    assert first_choice(centre, 13) == chosen


def test_deadline_pressure_begins_at_half_the_target(machine: Machine) -> None:
    """Priority 1 is 111,111 ppm. Pressure of the older call at wait w, target 20: (w - 10) / 10."""
    weights = CallWeights(priority=1000, deadline=1000)
    queue = QueueSettings(target_us=ByUrgency(us(20), us(20), us(20)), call_weights=weights)
    calls: list[tuple[str, float, dict[str, Any]]] = [("old", 0, {}), ("high", 5, {"priority": 1})]
    # 11.1 s: 110,000 < 111,111. 11.2 s: 120,000 > 111,111.
    assert first_choice(one_agent_later(machine, queue, calls), 11.1) == "high"
    assert first_choice(one_agent_later(machine, queue, calls), 11.2) == "old"


def test_age_is_capped_at_ten_targets(machine: Machine) -> None:
    """With a target of 1 s both have waited over ten targets: equal, so the older; priority decides again."""
    weights = CallWeights(priority=1, age=1000)
    bound = ByUrgency(None, None, None)
    queue = QueueSettings(target_us=ByUrgency(us(1), us(1), us(1)), call_weights=weights, max_overtake_wait_us=bound)
    calls: list[tuple[str, float, dict[str, Any]]] = [("old", 0, {}), ("high", 5, {"priority": 1})]
    assert first_choice(one_agent_later(machine, queue, calls), 14.9) == "old"
    assert first_choice(one_agent_later(machine, queue, calls), 15) == "high"


def test_fit_of_a_call_is_the_best_over_all_steps(machine: Machine) -> None:
    """The choosing agent has loans 2 and fraud 9: the second call's later step fits best, though not yet reached."""
    two_steps = Requirement((Step((SkillTerm("loans"),)), Step((SkillTerm("fraud"),), after_us=us(60))))
    queue = QueueSettings(call_weights=CallWeights(skill_fit=1))
    centre = Centre(machine, queue)
    centre.enqueue("plain", 0, requirement=needs(SkillTerm("loans")))
    centre.enqueue("stepped", 1, requirement=two_steps)
    centre.sign_in("chooser", at=2, skills={"loans": 2, "fraud": 9})
    assert centre.who("stepped") == "chooser"


def test_a_call_that_prefers_the_agent_goes_first_by_affinity(machine: Machine) -> None:
    for weight, chosen in ((0, "old"), (1, "friend's")):
        centre = Centre(machine, QueueSettings(call_weights=CallWeights(affinity=weight)))
        centre.sign_in("chooser", at=0, ready=False)
        centre.enqueue("old", 1)
        centre.enqueue("friend's", 2, preferred_agents=("chooser",), hold_us=0)
        centre.do(c.SetAvailability("chooser", True), 3)
        assert centre.who(chosen) == "chooser", weight


def test_tiers_come_before_all_weights(machine: Machine) -> None:
    """Served in this order: urgent overdue, urgent, overdue by due time, important, normal by weights."""
    bounds = ByUrgency(us(50), us(100), us(20))
    centre = Centre(
        machine, QueueSettings(max_overtake_wait_us=bounds, call_weights=CallWeights(priority=1000), automatic=True)
    )
    centre.enqueue("important overdue", 0, urgency=Urgency.IMPORTANT)
    centre.enqueue("normal overdue", 40)
    centre.enqueue("urgent overdue", 80, urgency=Urgency.URGENT)
    centre.enqueue("normal", 95)
    centre.enqueue("normal high", 96, priority=5)
    centre.enqueue("important", 97, urgency=Urgency.IMPORTANT)
    centre.enqueue("urgent", 98, urgency=Urgency.URGENT)
    centre.advance(100)
    expected = [
        ("urgent overdue", Tier.URGENT_OVERDUE),
        ("urgent", Tier.URGENT),
        ("normal overdue", Tier.OVERDUE),  # due at 90, before the other one's 100
        ("important overdue", Tier.OVERDUE),
        ("important", Tier.IMPORTANT),
        ("normal high", Tier.NORMAL),
        ("normal", Tier.NORMAL),
    ]
    assert centre.waiting() == [name for name, _ in expected]
    for place, (name, tier) in enumerate(expected, start=1):
        assert (centre.call(name).tier, centre.call(name).position) == (tier, place)
        assert centre.machine.position(name) == place
    served = []
    centre.sign_in("worker", at=101)
    for _ in expected:
        [engagement] = centre.agent("worker").engagements
        served.append(engagement.call)
        centre.do(c.Complete(engagement.call))
    assert served == [name for name, _ in expected]


# Occupancy


def test_occupancy_decays_with_its_half_life(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(automatic=True), occupancy_half_life_us=HALF_LIFE_US)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 100)
    assert (centre.agent("a").occupancy_q32, centre.agent("a").occupancy_at_us) == (0, at_us(100))
    centre.do(c.Complete("c1"), 200)
    assert centre.agent("a").occupancy_q32 == 1 << 31
    centre.enqueue("c2", 300)  # idle for one half-life
    assert centre.agent("a").occupancy_q32 == 1 << 30
    centre.do(c.Complete("c2"), 350)
    # f = 2^32 / sqrt 2 = isqrt(2^31 x 2^32) = 3,037,000,499: 2^30 x f + 2^32 x (2^32 - f), all >> 32.
    factor = 3_037_000_499
    assert centre.agent("a").occupancy_q32 == ((1 << 30) * factor + (1 << 32) * ((1 << 32) - factor)) >> 32


def test_occupancy_stands_still_while_nothing_counts(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(automatic=True), occupancy_half_life_us=HALF_LIFE_US)
    centre.sign_in("a", at=0)
    centre.enqueue("c1", 0)
    centre.do(c.Complete("c1"), 100)
    centre.do(c.SetAvailability("a", False), 100)
    centre.do(c.SetAvailability("a", True), 900)
    assert (centre.agent("a").occupancy_q32, centre.agent("a").occupancy_at_us) == (1 << 31, at_us(900))
    centre.do(c.SignOut("a"), 1000)
    centre.sign_in("a", at=5000)
    assert (centre.agent("a").occupancy_q32, centre.agent("a").occupancy_at_us) == (1 << 30, at_us(5000))


def test_occupancy_counts_the_share_of_capacity(machine: Machine) -> None:
    """One chat of four, offered: 250,000 ppm, that is 2^30 in q32; after one half-life half of it."""
    chats = {"chat": ChannelSettings(exclusive=False)}
    centre = Centre(machine, channels=chats, occupancy_half_life_us=us(10))
    centre.sign_in("a", at=0, capacity={"chat": 4})
    centre.enqueue("c1", 0, channel="chat")
    centre.reject("c1", 10)
    assert centre.agent("a").occupancy_q32 == 1 << 29


# Efficiency


def talk(centre: Centre, call: str, start: float, end: float) -> None:
    centre.enqueue(call, start)
    centre.do(c.Complete(call), end)


def efficiency(centre: Centre, agent: str) -> int:
    [learned] = centre.agent(agent).learned
    return learned.efficiency_ppm


def test_handle_time_against_the_norm_with_a_prior(machine: Machine) -> None:
    """Prior 1, handle time alone.

    slow 300 s: norm 300, mean (300 + 300) / 2 = 300: 500,000. quick 100 s: norm 200, mean (200 + 100) / 2 = 150:
    200 / 350 = 571,428. quick again 50 s: norm 150, mean (150 + 150) / 3 = 100: 600,000.
    """
    centre = Centre(
        machine, QueueSettings(automatic=True), efficiency=EfficiencySettings(1, 1000, 0, 0), idle_scale_us=1
    )
    centre.sign_in("slow", at=0)
    talk(centre, "c1", 0, 300)
    assert efficiency(centre, "slow") == 500_000
    centre.do(c.SetAvailability("slow", False), 300)
    centre.sign_in("quick", at=300)
    talk(centre, "c2", 300, 400)
    assert efficiency(centre, "quick") == 571_428
    talk(centre, "c3", 400, 450)
    assert efficiency(centre, "quick") == 600_000
    assert efficiency(centre, "slow") == 500_000  # set when it was learned, and not since
    assert (centre.queue().calls, centre.queue().handle_sum_us) == (3, us(450))


def test_outcomes_mix_by_their_weights(machine: Machine) -> None:
    """Prior 1. a resolves one, b fails one.

    After both: p = 1/2; b: r = (1 x 500,000 + 0) / 2 = 250,000; part 250,000 / 750,000 = 333,333.
    b's satisfaction 2, a's 4: p = 3,000,000; r = (3,000,000 + 2,000,000) / 2 = 2,500,000; part 454,545.
    Mean of resolution (weight 1) and satisfaction (weight 3): (333,333 + 3 x 454,545) / 4 = 424,242.
    """
    centre = Centre(machine, QueueSettings(automatic=True), efficiency=EfficiencySettings(1, 0, 1, 3))
    centre.sign_in("a", at=0)
    talk(centre, "c1", 0, 10)
    centre.do(c.SetAvailability("a", False))
    centre.sign_in("b", at=10)
    talk(centre, "c2", 10, 20)
    centre.do(c.RecordOutcome("c1", resolved=True, satisfaction=4), 30)
    assert efficiency(centre, "a") == 500_000
    centre.do(c.RecordOutcome("c2", resolved=False), 31)
    # Satisfaction of the queue 4.0, b without any: r = p, so 500,000: (333,333 + 3 x 500,000) / 4.
    assert efficiency(centre, "b") == 458_333
    centre.do(c.RecordOutcome("c2", satisfaction=2), 32)
    assert efficiency(centre, "b") == 424_242
    [learned] = centre.agent("b").learned
    assert (learned.resolutions, learned.resolved, learned.satisfactions, learned.satisfaction_sum) == (1, 0, 1, 2)


def test_counts_are_halved_when_they_are_large(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(automatic=True), finished_retention_us=us(5))
    centre.sign_in("a", at=0)
    for number in range(255):
        talk(centre, f"c{number}", number, number + 1)
    [learned] = centre.agent("a").learned
    assert (learned.calls, learned.handle_sum_us) == (255, us(255))
    talk(centre, "last", 255, 258)
    [learned] = centre.agent("a").learned
    assert (learned.calls, learned.handle_sum_us) == (128, us(129))
    assert (centre.queue().calls, centre.queue().handle_sum_us) == (256, us(258))


def test_a_handle_time_counts_for_at_most_366_days(machine: Machine) -> None:
    centre = Centre(machine, QueueSettings(automatic=True))
    centre.sign_in("a", at=0)
    talk(centre, "c1", 0, 400 * 86_400)
    assert centre.queue().handle_sum_us == us(366 * 86_400)


def test_outcomes_of_a_queue_are_halved_at_4096(machine: Machine) -> None:
    centre = Centre(machine)
    centre.sign_in("a", "b", at=0)
    for number in range(4095):
        centre.machine.apply(c.RecordOutcome("gone", number % 5 == 0, 3, agent="b", queue="q"), at_us(number))
    before = centre.queue()
    assert (before.satisfactions, before.satisfaction_sum) == (4095, 4095 * 3)
    assert (before.resolutions, before.resolved) == (4095, 819)
    centre.do(c.RecordOutcome("gone", True, 4, agent="a", queue="q"), 4096)
    after = centre.queue()
    assert (after.satisfactions, after.satisfaction_sum) == (2048, (4095 * 3 + 4) // 2)
    assert (after.resolutions, after.resolved) == (2048, 410)


def test_efficiency_decides_between_agents_and_between_calls(machine: Machine) -> None:
    """The quick agent of the test above wins although idle for less; and takes the queue where it is quick."""
    settings = QueueSettings(
        automatic=True, agent_weights=AgentWeights(efficiency=1), call_weights=CallWeights(efficiency=1)
    )
    centre = Centre(machine, queues={"q": settings, "r": settings})
    centre.sign_in("slow", at=0)
    talk(centre, "c1", 0, 300)
    centre.do(c.SetAvailability("slow", False), 300)
    centre.sign_in("quick", at=300)
    talk(centre, "c2", 300, 310)
    centre.do(c.SetAvailability("slow", True), 310)
    centre.sign_in("new", at=0 + 310)
    centre.enqueue("c3", 320)
    assert centre.who("c3") == "quick"
    centre.do(c.SetAvailability("slow", False))
    centre.do(c.SetAvailability("new", False))
    centre.enqueue("unknown ground", 330, queue="r")
    centre.enqueue("known ground", 331)
    centre.do(c.Complete("c3"), 332)
    assert centre.who("known ground") == "quick"


def test_wrap_up_counts_as_busy(machine: Machine) -> None:
    settings = QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.FIXED, us(50)))
    centre = Centre(machine, settings, occupancy_half_life_us=HALF_LIFE_US)
    centre.sign_in("a", at=0)
    talk(centre, "c1", 0, 50)
    centre.advance(100)
    assert (centre.agent("a").occupancy_q32, centre.agent("a").idle_since_us) == (1 << 31, at_us(100))
