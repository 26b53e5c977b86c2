"""Goal: conformal quantiles cover as stated, by level of the forecast, and go on doing so when the world moves."""

from __future__ import annotations

import numpy as np
import pytest

from router.wait.scoring.conformal import ERRORS_MIN, WINDOW, Conformal


def test_says_nothing_before_enough_errors() -> None:
    conformal = Conformal()
    for _ in range(ERRORS_MIN - 1):
        assert conformal.say(10.0) is None
        conformal.learn(10.0, 12.0)
    assert conformal.say(10.0) is None
    conformal.learn(10.0, 12.0)
    assert conformal.say(10.0) == (12.0, 12.0, 12.0)
    assert conformal.say(100.0) == (102.0, 102.0, 102.0)  # another level: by the errors of all


def test_quantiles_are_rounded_outwards_and_never_negative() -> None:
    conformal = Conformal()
    for error in range(1, 100):  # 99 errors: the quantile at p is the one of rank 100 p
        conformal.learn(1.0, 1.0 + error)
    assert conformal.say(1.0) == (11.0, 51.0, 91.0)
    conformal.learn(1.0, 101.0)
    assert conformal.say(1.0) == (11.0, 52.0, 92.0)
    below = Conformal()
    for _ in range(ERRORS_MIN):
        below.learn(60.0, 0.0)
    assert below.say(60.5) == (0.5, 0.5, 0.5)
    assert below.say(0.0) == (0.0, 0.0, 0.0)


def test_a_level_has_its_own_errors_and_old_ones_are_forgotten() -> None:
    conformal = Conformal((0.5,))
    for _ in range(WINDOW):
        conformal.learn(5.0, 10.0)
        conformal.learn(100.0, 0.0)
    assert (conformal.say(5.0), conformal.say(100.0)) == ((10.0,), (0.0,))
    for _ in range(WINDOW):
        conformal.learn(5.0, 25.0)
    assert conformal.say(5.0) == (25.0,)


@pytest.mark.parametrize("jump", [1.0, 3.0])
def test_coverage_holds_after_a_jump(jump: float) -> None:
    numbers = np.random.default_rng(3)
    conformal = Conformal()
    inside = []
    for step in range(12_000):
        forecast = float(numbers.exponential(40.0))
        wait = float(forecast * numbers.lognormal(0.0, 0.6) * (jump if step > 6_000 else 1.0))
        said = conformal.say(forecast)
        if said is not None and step > 9_000:
            inside.append(said[0] <= wait <= said[2])
        conformal.learn(forecast, wait)
    assert 0.78 <= np.mean(inside) <= 0.83
