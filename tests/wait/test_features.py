"""Goal: features say what they are meant to say, always finite, and what hangs on a queue goes with the queue.

Method: hand-made scenes, one feature at a time; numbers in the code are places in the list of features.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.engine import Configure, CorruptSnapshot, Engine, Enqueue, QueueSettings, Settings, UnknownName
from router.wait._native import FEATURE_COUNT, DelayHistory, FeatureMaker

SECOND = 1_000_000
LEVEL, LES, WAITING_ALL, WAITING, SPREAD, MEDIAN, NOBODY = 1, 3, 6, 7, 8, 9, 11
HOURS = slice(14, 26)
SLOTS = slice(26, 34)
RESIDUALS = slice(34, 38)
SLOT_ANSWERS = 500
NAMES = [f"q{number}" for number in range(12)]
FOR_TWELVE = Settings(queues={name: QueueSettings() for name in NAMES})


class Scene:
    """An engine with twelve queues, where nobody is signed in, and what makes features of it."""

    def __init__(self) -> None:
        self.engine = Engine(FOR_TWELVE)
        self.delays = DelayHistory(self.engine)
        self.delays.observe()
        self.maker = FeatureMaker(self.engine)

    def enqueue(self, call: str, queue: str = "q0") -> None:
        self.engine.apply(Enqueue(call, queue), self.engine.time_us)
        self.delays.observe()

    def features(
        self, waits_s: Sequence[float] = (30, 40, 50), weights: Sequence[float] = (1, 1, 1), queue: str = "q0",
        at_s: float = 0, second_of_day: int = 0,
    ) -> list[float]:  # fmt: skip
        found, _, _ = self.maker.with_futures(
            waits_s, weights, self.delays, queue, round(at_s * SECOND), second_of_day=second_of_day
        )
        assert len(found) == FEATURE_COUNT
        return found

    def base(self, waits_s: Sequence[float], weights: Sequence[float]) -> tuple[float, tuple[float, ...]]:
        _, mean_s, quantiles = self.maker.with_futures(waits_s, weights, self.delays, "q0", 0)
        return mean_s, quantiles

    def answers(self, count: int, queue: str, at_s: float = 0, wait_s: float = 50) -> None:
        for _ in range(count):
            self.maker.learn(queue, round(at_s * SECOND), 50, wait_s)


def test_the_base_is_the_weighted_mean_and_quantiles_of_the_futures() -> None:
    mean_s, quantiles = Scene().base(range(2, 102), [1] * 100)
    assert mean_s == pytest.approx(51.5)
    assert quantiles == (6, 11, 51, 81, 86, 91)
    mean_s, quantiles = Scene().base((10, 20, 30), (1, 0.5, 0))
    assert mean_s == pytest.approx((10 + 20 * 0.5) / 1.5)
    assert quantiles == (10, 10, 10, 20, 20, 20)
    assert Scene().base((30, 10, 20), (0, 1, 0.5)) == (mean_s, quantiles)  # in any order


def test_futures_whose_callers_are_all_gone_count_alike() -> None:
    assert Scene().base((10, 20, 30), (0, 0, 0))[0] == pytest.approx(20)


def test_a_base_is_no_shorter_than_what_is_learnt_from_and_not_ruled_by_who_is_never_served() -> None:
    mean_s, quantiles = Scene().base((0, 0, 0), (1, 1, 1))
    assert (mean_s, set(quantiles)) == (1.5, {1.5})
    usual, with_one_lost = Scene().base([100] * 100, [1] * 100)[0], Scene().base([100] * 99 + [14_400], [1] * 100)[0]
    assert with_one_lost - usual == pytest.approx((3000 - 100) / 100)
    all_long = Scene().base([9000] * 99 + [14_400], [1] * 100)[0]  # mail: days are no mistake there
    assert all_long == pytest.approx(9000 + 54)


@pytest.mark.parametrize(("waits", "weights"), [((), ()), ((1, 2), (1,))])
def test_futures_without_weights_are_refused(waits: Sequence[float], weights: Sequence[float]) -> None:
    with pytest.raises(ValueError, match="at least one future, and a weight for each"):
        Scene().features(waits, weights)


def test_who_waits_and_what_futures_say_shows() -> None:
    scene = Scene()
    alone, longer = scene.features(), scene.features((300, 400, 500))
    assert (alone[NOBODY], alone[0]) == (1, 1)
    assert longer[LEVEL] > alone[LEVEL]
    assert longer[SPREAD] == pytest.approx(alone[SPREAD])  # as a share of the mean
    assert scene.features((10, 40, 100))[SPREAD] > alone[SPREAD]
    assert scene.features((10, 20, 120))[MEDIAN] < alone[MEDIAN]
    scene.enqueue("a")
    scene.enqueue("b", "q1")
    among = scene.features()
    assert among[NOBODY] == 0
    assert among[WAITING_ALL] > among[WAITING] + alone[WAITING_ALL] - alone[WAITING] > alone[WAITING_ALL]


def test_hours_are_triangles_that_pass_into_each_other_round_the_clock() -> None:
    scene = Scene()
    total = sum(scene.features(second_of_day=0)[HOURS])
    before = scene.features(second_of_day=86_399)[HOURS]
    for second in range(0, 86_400, 600):
        hours = scene.features(second_of_day=second)[HOURS]
        assert sum(hours) == pytest.approx(total)
        assert sum(value > 0 for value in hours) <= 2
        assert hours == pytest.approx(before, abs=0.35 * total)  # ten minutes are a twelfth of the way
        before = hours
    assert scene.features(second_of_day=7200)[HOURS] == pytest.approx([0, total] + [0] * 10)


def test_a_queue_gets_a_slot_of_its_own_once_it_has_answers_enough() -> None:
    scene = Scene()
    scene.answers(SLOT_ANSWERS - 1, "q3")
    assert not any(scene.features(queue="q3")[SLOTS])
    scene.answers(1, "q3")
    scene.answers(SLOT_ANSWERS, "q1")
    assert [bool(value) for value in scene.features(queue="q3")[SLOTS]] == [True] + [False] * 7
    assert [bool(value) for value in scene.features(queue="q1")[SLOTS]] == [False, True] + [False] * 6
    assert not any(scene.features(queue="q2")[SLOTS])


def test_there_are_eight_slots_and_a_removed_queue_frees_its_own() -> None:
    scene = Scene()
    for name in NAMES[:10]:
        scene.answers(SLOT_ANSWERS, name)
    assert [any(scene.features(queue=name)[SLOTS]) for name in NAMES[:10]] == [True] * 8 + [False] * 2
    kept = {name: rules for name, rules in FOR_TWELVE.queues.items() if name != "q2"}
    scene.engine.apply(Configure(Settings(queues=kept)), 1)
    scene.delays.observe()
    assert scene.maker.forget_removed() == (SLOTS.start + 2,)
    assert scene.maker.forget_removed() == ()
    assert [any(scene.features(queue=name)[SLOTS]) for name in NAMES[8:10]] == [False, False]
    scene.answers(1, "q9")
    assert bool(scene.features(queue="q9")[SLOTS][2])
    scene.engine.apply(Configure(FOR_TWELVE), 2)
    scene.delays.observe()
    scene.answers(SLOT_ANSWERS, "q2")
    assert not any(scene.features(queue="q2")[SLOTS])


def test_a_queue_that_was_removed_begins_anew() -> None:
    scene = Scene()
    fresh = scene.features(queue="q2")
    scene.answers(SLOT_ANSWERS, "q2", wait_s=500)
    without = {name: rules for name, rules in FOR_TWELVE.queues.items() if name != "q2"}
    for rules in (Settings(queues=without), FOR_TWELVE):
        scene.engine.apply(Configure(rules), 1)
        scene.delays.observe()
        scene.maker.forget_removed()
    assert scene.features(queue="q2")[RESIDUALS][2:] == fresh[RESIDUALS][2:]
    scene.answers(SLOT_ANSWERS - 1, "q2")
    assert not any(scene.features(queue="q2")[SLOTS])


def test_residuals_say_by_how_much_estimates_of_late_were_off_and_fade() -> None:
    scene = Scene()
    still = scene.features()[RESIDUALS]
    assert still[0] == still[1] == still[2] == still[3]
    scene.answers(20, "q0", at_s=100, wait_s=100)  # twice the estimate
    own = scene.features(at_s=100)[RESIDUALS]
    weight = 20 * 50 / 30
    for value in own:
        assert value - still[0] == pytest.approx(weight * math.log(2) / (weight + 2) / 0.14)
    other = scene.features(queue="q1", at_s=100)[RESIDUALS]
    assert other[:2] == own[:2]
    assert other[2:] == still[2:]
    later = scene.features(at_s=700)[RESIDUALS]
    faded = weight / math.e
    assert later[0] - still[0] == pytest.approx(faded * math.log(2) / (faded + 2) / 0.14)
    assert later[0] < later[1] < own[1]
    assert scene.features(at_s=90)[RESIDUALS] == own  # time does not go back
    scene.answers(40, "q0", at_s=800, wait_s=25)
    assert scene.features(at_s=800)[RESIDUALS][0] < still[0]


def test_one_absurd_estimate_does_not_rule_the_residuals() -> None:
    scene = Scene()
    still = scene.features()[RESIDUALS]
    scene.maker.learn("q0", 0, 14_400, 2)
    assert scene.features()[RESIDUALS][0] - still[0] == pytest.approx(3 * -3 / (3 + 2) / 0.14)


def test_without_futures_the_base_is_what_clears_the_lines() -> None:
    scene = Scene()

    def base_s(queue: str = "q0") -> float:
        return scene.maker.without_futures(None, scene.delays, queue, scene.engine.time_us)[1]

    assert base_s() == 600  # nobody waits, and nobody is served: one answer in ten minutes
    scene.enqueue("a")
    assert base_s() == pytest.approx(1200)
    assert base_s("q1") == pytest.approx(math.sqrt(600 * 1200))
    features, mean_s, quantiles = scene.maker.without_futures(30, scene.delays, "q0", 0)
    assert len(features) == FEATURE_COUNT
    assert list(quantiles) == sorted(quantiles)
    assert quantiles[1] < mean_s < quantiles[5]
    assert features != scene.maker.without_futures(None, scene.delays, "q0", 0)[0]


waits = st.lists(st.floats(0, 1e9, width=32), min_size=1, max_size=30)


@settings(max_examples=60)
@given(waits, st.data())
def test_features_are_finite_whatever_the_futures(waits_s: list[float], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.floats(0, 1, width=32), min_size=len(waits_s), max_size=len(waits_s)))
    scene = Scene()
    scene.maker.learn("q0", 0, data.draw(st.floats(0, 1e9)), data.draw(st.floats(0, 1e12)))
    scene.enqueue("a")
    found, mean_s, quantiles = scene.maker.with_futures(waits_s, weights, scene.delays, "q0", 1)
    assert all(math.isfinite(value) and abs(value) < 300 for value in found)
    assert mean_s >= 1.5
    assert list(quantiles) == sorted(quantiles)


def test_a_restored_maker_makes_the_same_features() -> None:
    scene = Scene()
    for queue, answers in (("q5", 700), ("q1", 500), ("q4", 20)):
        scene.answers(answers, queue, at_s=answers, wait_s=answers / 5)
    twin = FeatureMaker(scene.engine)
    twin.restore(scene.maker.save())
    assert twin.save() == scene.maker.save()
    for queue in NAMES:
        asked = ((30, 40), (1, 1), scene.delays, queue, 1000 * SECOND)
        assert twin.with_futures(*asked) == scene.maker.with_futures(*asked)
    twin.learn("q4", 2000 * SECOND, 40, 70)
    scene.maker.learn("q4", 2000 * SECOND, 40, 70)
    assert twin.save() == scene.maker.save()


def test_what_cannot_be_restored_is_refused_and_changes_nothing() -> None:
    scene = Scene()
    scene.answers(600, "q11")
    saved = scene.maker.save()
    other = Scene()
    other.answers(3, "q1")
    before = other.maker.save()
    for bad in (b"", b"nonsense", saved[:-1], saved[:12] + bytes([saved[12] ^ 1]) + saved[13:]):
        with pytest.raises(CorruptSnapshot):
            other.maker.restore(bad)
    smaller = Engine(Settings(queues={"q1": QueueSettings()}))
    with pytest.raises(CorruptSnapshot, match="a queue that there is not: q11"):
        FeatureMaker(smaller).restore(saved)
    assert other.maker.save() == before


@pytest.mark.parametrize(("mean_s", "wait_s"), [(math.nan, 5), (5, math.inf)])
def test_an_answer_that_is_no_time_is_refused_and_changes_nothing(mean_s: float, wait_s: float) -> None:
    scene = Scene()
    before = scene.maker.save()
    with pytest.raises(ValueError, match="must be finite"):
        scene.maker.learn("q0", 0, mean_s, wait_s)
    assert scene.maker.save() == before


def test_an_unknown_queue_is_refused() -> None:
    with pytest.raises(UnknownName):
        Scene().features(queue="nowhere")
