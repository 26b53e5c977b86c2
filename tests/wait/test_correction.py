"""Goal: the correction learns what estimates lack, keeps its intervals' promise whatever comes, and never breaks.

Method: streams of synthetic estimates and waits whose truth is known; then anything at all.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.engine import CorruptSnapshot
from router.wait._native import LEVELS_OF_QUANTILES, Correction, Coverage, Creep

NORMAL = (-1.645, -1.2816, 0, 0.8416, 1.0364, 1.2816)  # standard normal deviates of the levels
FAR_S = 366 * 24 * 3600.0

Example = tuple[float, tuple[float, ...], list[float], float]  # base: mean and quantiles; features; wait


def example(rng: random.Random, *, factor: float = 1, spread: float = 0.5, effect: float = 0.3) -> Example:
    """Return a lognormal wait around a base that knows neither `factor` nor the effect of the second feature."""
    middle_s = math.exp(rng.uniform(math.log(20), math.log(600)))
    quantiles = tuple(middle_s * math.exp(spread * deviate) for deviate in NORMAL)
    features = [1, rng.gauss(0, 1), rng.gauss(0, 1), math.log(middle_s) - 3.5]
    wait_s = middle_s * factor * math.exp(effect * features[1] + spread * rng.gauss(0, 1))
    return middle_s * math.exp(spread**2 / 2), quantiles, features, wait_s


class Stream:
    """A correction that predicts each example and then learns it; what came of the predictions."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.correction = Correction(4)
        self.held: list[bool] = []
        self.below: list[list[bool]] = []  # by example and level
        self.errors: list[tuple[float, float]] = []  # relative: base, corrected
        self.means: list[float] = []

    def go(self, count: int, **truth: float) -> None:
        for _ in range(count):
            self.add(example(self.rng, **truth))

    def add(self, one: Example) -> None:
        mean_s, quantiles, features, wait_s = one
        predicted, levels, (low_s, high_s) = self.correction.predict(mean_s, quantiles, features)
        self.held.append(low_s <= wait_s <= high_s)
        self.below.append([wait_s <= level_s for level_s in levels])
        self.errors.append(((mean_s - wait_s) / mean_s, (predicted - wait_s) / mean_s))
        self.means.append(predicted)
        self.correction.learn(mean_s, quantiles, features, wait_s)

    def coverage(self, last: int) -> float:
        return sum(self.held[-last:]) / last

    def shares(self, last: int) -> list[float]:
        return [sum(row[level] for row in self.below[-last:]) / last for level in range(len(LEVELS_OF_QUANTILES))]


def mean_square(values: Iterator[float] | Sequence[float]) -> float:
    squares = [value * value for value in values]
    return sum(squares) / len(squares)


@pytest.fixture(scope="module")
def learnt() -> Stream:
    stream = Stream(1)
    stream.go(12_000, factor=1.4)
    return stream


def test_the_levels_are_those_of_the_interval_and_of_the_estimate() -> None:
    assert LEVELS_OF_QUANTILES == (0.05, 0.1, 0.5, 0.8, 0.85, 0.9)


def test_without_answers_the_base_is_returned() -> None:
    mean_s, quantiles, features, _ = example(random.Random(3))
    predicted, levels, interval = Correction(4).predict(mean_s, quantiles, features)
    assert predicted == mean_s
    assert levels == pytest.approx(quantiles)
    assert interval == (levels[0], levels[4])


def test_the_mean_learns_a_factor_and_the_effect_of_a_feature(learnt: Stream) -> None:
    assert learnt.correction.answers == 12_000
    base, corrected = zip(*learnt.errors[-4000:], strict=True)
    assert abs(sum(base)) / 4000 > 0.4
    assert abs(sum(corrected)) / 4000 < 0.05
    # what is left is the spread that nobody can know
    assert mean_square(corrected) < 0.75 * mean_square(base)
    mean_s, quantiles, features, _ = example(random.Random(5))
    by_feature = [learnt.correction.predict(mean_s, quantiles, [1, x, 0, features[3]])[0] for x in (-1, 0, 1)]
    assert by_feature[2] / by_feature[1] == pytest.approx(1.35, abs=0.1)
    assert by_feature[0] < by_feature[1]


def test_each_quantile_keeps_its_share(learnt: Stream) -> None:
    assert learnt.shares(6000) == pytest.approx(LEVELS_OF_QUANTILES, abs=0.02)


def test_the_interval_keeps_its_coverage_at_every_level_of_the_mean(learnt: Stream) -> None:
    assert 0.78 < learnt.coverage(6000) < 0.82
    for low_s, high_s in ((30, 60), (60, 120), (120, 250), (250, 2000)):
        held = [
            held for held, mean_s in zip(learnt.held[-8000:], learnt.means[-8000:], strict=True)
            if low_s <= mean_s < high_s
        ]  # fmt: skip
        assert len(held) > 500
        assert 0.75 < sum(held) / len(held) < 0.85, (low_s, high_s)


def test_spread_that_differs_by_level_is_learnt_by_level() -> None:
    stream = Stream(4)
    for _ in range(20_000):
        mean_s, quantiles, features, _ = example(stream.rng)
        spread = 0.15 if mean_s < 90 else 0.9  # the base says 0.5 everywhere
        wait_s = mean_s * math.exp(spread * stream.rng.gauss(0, 1))
        stream.add((mean_s, quantiles, features, wait_s))
    for short in (True, False):
        held = [h for h, m in zip(stream.held[-8000:], stream.means[-8000:], strict=True) if (m < 60) == short]
        assert 0.75 < sum(held) / len(held) < 0.85


def test_one_call_that_waited_for_days_does_not_rule_the_mean() -> None:
    correction = Correction(1)
    for _ in range(100):
        correction.learn(50, (50,) * 6, (1,), 50)
    correction.learn(50, (50,) * 6, (1,), FAR_S)
    assert 50 < correction.predict(50, (50,) * 6, (1,))[0] < 50 * 1.04  # as if it had waited five times the estimate


@pytest.mark.parametrize("factor", [0.1, 0.5, 2, 3, 10])
@pytest.mark.parametrize("seed", [1, 2])
def test_coverage_holds_again_after_a_jump_of_the_scale(factor: float, seed: int) -> None:
    stream = Stream(seed)
    stream.go(6000)
    assert 0.78 < stream.coverage(2000) < 0.83
    stream.go(6000, factor=factor)
    assert 0.78 < stream.coverage(2000) < 0.82
    assert sum(stream.held[6000:6100]) / 100 < 0.77  # the jump did hurt


def test_slow_drift_is_followed() -> None:
    stream = Stream(6)
    for step in range(12_000):
        stream.add(example(stream.rng, factor=math.exp(step / 6000)))
    assert 0.77 < stream.coverage(4000) < 0.83


@pytest.mark.parametrize("wait_s", [10.0, 3000.0])
def test_the_first_answers_move_good_estimates_little(wait_s: float) -> None:
    """Waits come in bursts: twenty callers of one bad minute are no reason to doubt what was right all the time."""
    correction = Correction(30)
    base = 400.0, tuple(400 * math.exp(0.1 * deviate) for deviate in NORMAL)
    features = [1.0] + [2.0, -2.0] * 14 + [2.0]
    for _ in range(20):
        correction.learn(*base, features, wait_s)
    levels = correction.predict(*base, features)[1]
    assert levels == pytest.approx(base[1], rel=0.1)
    assert levels != pytest.approx(base[1], rel=0.001)
    plain = Correction(1)
    for _ in range(20):
        plain.learn(*base, [1], 800)
    assert 400 < plain.predict(*base, [1])[0] < 400 * 1.2


def test_a_feature_that_is_forgotten_says_nothing() -> None:
    stream = Stream(7)
    stream.go(4000)
    mean_s, quantiles, _, _ = example(random.Random(8))

    def effect() -> float:
        low, high = (stream.correction.predict(mean_s, quantiles, [1, x, 0, 0]) for x in (-1.0, 1.0))
        return abs(high[0] / low[0] - 1) + abs(high[1][2] / low[1][2] - 1)

    assert effect() > 0.4
    stream.correction.forget(1)
    assert effect() == 0
    again, fresh = Correction(4), Correction(4)
    again.restore(stream.correction.save())
    far = 5000.0, tuple(5000 * math.exp(0.5 * deviate) for deviate in NORMAL)
    ratios = []
    for one in (again, fresh):
        for _ in range(5):
            one.learn(*far, (0, 1, 0, 0), 50_000)
        with_it, without = (one.predict(*far, (0, x, 0, 0)) for x in (1, 0))
        ratios.append(with_it[1][2] / without[1][2])
    assert ratios[0] == pytest.approx(ratios[1])  # it is learnt anew as it was at the beginning
    assert ratios[1] > 1.0002
    stream.go(4000)
    assert effect() > 0.4
    with pytest.raises(ValueError, match="no such feature"):
        stream.correction.forget(4)


def test_what_is_not_met_for_long_is_still_learnt_with_care() -> None:
    """Least squares that forget wind up where nothing is learnt: the first answer then would count for everything."""
    correction, fresh = Correction(2), Correction(2)
    base = 50.0, (50.0,) * 6
    for _ in range(250_000):
        correction.learn(*base, (1.0, 0.0), 50.0)
    for one in (correction, fresh):
        one.learn(*base, (1.0, 1.0), 200.0)
    moved = correction.predict(*base, (0.0, 1.0))[0] / 50 - 1
    assert 0 < moved <= (fresh.predict(*base, (0.0, 1.0))[0] / 50 - 1) * 1.15


times_s = st.one_of(st.sampled_from((0.0, 1e-9, 0.5, 1.0, 1.5, FAR_S, 1e300)), st.floats(0, 1e6))
numbers = st.one_of(st.sampled_from((0.0, 1.0, -1.0, 1e3, -1e3)), st.floats(-10, 10))


@given(
    st.lists(
        st.tuples(times_s, st.tuples(*[times_s] * 6), st.tuples(numbers, numbers, numbers), times_s),
        min_size=1, max_size=12,
    )
)  # fmt: skip
@settings(max_examples=60)
def test_whatever_is_learnt_predictions_stay_finite_and_rising(examples: list[Example]) -> None:
    correction = Correction(3)
    for mean_s, quantiles, features, wait_s in examples:
        for _ in range(3):
            correction.learn(mean_s, quantiles, features, wait_s)
        predicted, levels, (low_s, high_s) = correction.predict(mean_s, quantiles, features)
        assert all(1 <= value <= FAR_S for value in (predicted, *levels, low_s, high_s))
        assert list(levels) == sorted(levels)
        assert low_s <= high_s
    restored = Correction(3)
    restored.restore(correction.save())
    assert restored.save() == correction.save()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_what_is_no_time_is_refused_and_changes_nothing(bad: float) -> None:
    correction = Correction(2)
    correction.learn(50, (50,) * 6, (1, 0), 60)
    saved = correction.save()
    with pytest.raises(ValueError, match="wait must be finite and not below 0"):
        correction.learn(50, (50,) * 6, (1, 0), bad)
    with pytest.raises(ValueError, match="mean must be finite and not below 0"):
        correction.learn(bad, (50,) * 6, (1, 0), 60)
    with pytest.raises(ValueError, match="quantile must be finite and not below 0"):
        correction.predict(50, (50, 50, bad, 50, 50, 50), (1, 0))
    if bad != -1:
        with pytest.raises(ValueError, match="feature must be finite"):
            correction.learn(50, (50,) * 6, (1, bad), 60)
    with pytest.raises(ValueError, match="number of features"):
        correction.learn(50, (50,) * 6, (1, 0, 0), 60)
    with pytest.raises(ValueError, match="6 quantiles, not 5"):
        correction.predict(50, (50,) * 5, (1, 0))
    assert correction.save() == saved


def test_a_restored_correction_goes_on_as_the_saved_one() -> None:
    one, rng = Stream(9), random.Random(10)
    one.go(1500)
    one.go(500, factor=5)  # all that adapts is at work
    twin = Correction(4)
    twin.restore(one.correction.save())
    assert twin.answers == 2000
    for _ in range(200):
        mean_s, quantiles, features, wait_s = example(rng)
        assert twin.predict(mean_s, quantiles, features) == one.correction.predict(mean_s, quantiles, features)
        twin.learn(mean_s, quantiles, features, wait_s)
        one.correction.learn(mean_s, quantiles, features, wait_s)
    assert twin.save() == one.correction.save()


def test_what_cannot_be_restored_is_refused_and_changes_nothing() -> None:
    saved = Correction(4).save()
    other = Stream(11)
    other.go(10)
    before = other.correction.save()
    for bad in (b"", b"nonsense", saved[:-1], saved[:20] + bytes([saved[20] ^ 1]) + saved[21:], Correction(5).save()):
        with pytest.raises(CorruptSnapshot):
            other.correction.restore(bad)
    assert other.correction.save() == before


# Coverage and creep


def test_coverage_counts_ever_and_lately() -> None:
    coverage = Coverage()
    assert (coverage.held, coverage.counted, coverage.lately) == (0, 0, None)
    coverage.count(10, 20, 10)
    coverage.count(10, 20, 20)
    coverage.count(10, 20, 20.001)
    coverage.count(10, 20, 9.999)
    assert (coverage.held, coverage.counted) == (2, 4)
    assert coverage.lately == pytest.approx(0.5, abs=0.001)
    for _ in range(3000):
        coverage.count(10, 20, 15)
    assert coverage.lately is not None
    assert coverage.lately > 0.97
    for _ in range(700):
        coverage.count(10, 20, 30)
    assert coverage.lately == pytest.approx(math.exp(-0.7), abs=0.03)
    restored = Coverage()
    restored.restore(coverage.save())
    assert (restored.held, restored.counted, restored.lately) == (coverage.held, coverage.counted, coverage.lately)


def test_coverage_refuses_what_is_no_interval() -> None:
    coverage = Coverage()
    with pytest.raises(ValueError, match="finite"):
        coverage.count(math.nan, 3, 2)
    with pytest.raises(CorruptSnapshot):
        coverage.restore(b"nonsense")
    assert coverage.counted == 0


def test_an_announcement_that_keeps_its_word_does_not_creep() -> None:
    creep = Creep()
    assert creep.mean_shift_s == 0
    for passed_s in (0.0, 10.0, 30.0):
        creep.count(60, passed_s, 60 - passed_s)
    assert (creep.updates, creep.rose, creep.moved_later, creep.mean_shift_s) == (3, 0, 0, 0)


@pytest.mark.parametrize(
    ("earlier_s", "passed_s", "now_s", "rose", "moved_later"),
    [
        (60, 30, 60, 0, 1),  # "a minute", still
        (60, 30, 36, 0, 0),  # 6 s later than said: a tenth is allowed
        (60, 30, 36.5, 0, 1),
        (20, 10, 15, 0, 0),  # 5 s are allowed
        (20, 10, 15.5, 0, 1),
        (20, 2, 21.5, 1, 0),
        (20, 2, 21, 0, 0),  # a second more is no news
        (20, 30, 0, 0, 1),  # 10 s later than said, and over now
        (100, 10, 40, 0, 0),  # sooner
        (10, 5, 100, 1, 1),
    ],
)
def test_what_creeps(earlier_s: float, passed_s: float, now_s: float, rose: int, moved_later: int) -> None:
    creep = Creep()
    creep.count(earlier_s, passed_s, now_s)
    assert (creep.updates, creep.rose, creep.moved_later) == (1, rose, moved_later)
    assert creep.mean_shift_s == passed_s + now_s - earlier_s


def test_creep_refuses_what_is_no_time() -> None:
    creep = Creep()
    for bad in ((-1, 0, 0), (0, math.nan, 0), (0, 0, math.inf)):
        with pytest.raises(ValueError, match="finite and not below 0"):
            creep.count(*bad)
    assert creep.updates == 0
