"""Goal: patience is learned as survival analysis says, and drawn so that it fits what the log shows of each caller."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.simulation.recorded.columns import columns_of
from router.simulation.recorded.draws import draw_unit
from router.simulation.recorded.patience import FOR_EVER, PatienceCurve, PatienceModel
from router.simulation.recorded.recorded_day import RecordedCall

SECOND = 1_000_000


def curve(*observations: tuple[int, bool]) -> PatienceCurve:
    return PatienceCurve([wait * SECOND for wait, _ in observations], [gave_up for _, gave_up in observations])


def test_kaplan_meier_by_hand() -> None:
    # at risk 6: one gives up at 10; one answered at 10 still counts as at risk there; 4 left: one of them at 20;
    # 3 left, one answered at 25; 2 left: one gives up at 30, one is answered at 40
    found = curve((10, True), (10, False), (20, True), (25, False), (30, True), (40, False))
    assert found.share_beyond(9 * SECOND) == 1
    assert found.share_beyond(10 * SECOND) == pytest.approx(5 / 6)
    assert found.share_beyond(20 * SECOND) == pytest.approx(5 / 6 * 3 / 4)
    assert found.share_beyond(30 * SECOND) == pytest.approx(5 / 6 * 3 / 4 * 1 / 2)
    assert found.share_beyond(40 * SECOND) == found.share_beyond(30 * SECOND)


def test_the_tail_is_the_exponential_through_the_last_point() -> None:
    found = curve((10, True), (40, False))
    assert found.share_beyond(80 * SECOND) == pytest.approx(0.25)
    assert found.draw_us(0.75 + 1e-9) == 81 * SECOND  # just past the quarter, rounded up to a whole second
    assert math.isclose(found.share_beyond(400 * SECOND), 0.5**10, rel_tol=1e-9)


def test_nobody_gave_up_nobody_will() -> None:
    assert curve((10, False), (20, False)).draw_us(0.999) is None
    assert PatienceCurve([], []).draw_us(0.5) is None


def test_everybody_gave_up() -> None:
    found = curve((10, True), (20, True))
    assert [found.draw_us(unit) for unit in (0.25, 0.75, 1 - 2**-53)] == [10 * SECOND, 20 * SECOND, 20 * SECOND]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=40),
    st.floats(2**-53, 1 - 2**-53),
    st.data(),
)
def test_a_draw_exceeds_what_was_waited(observations: list[tuple[int, bool]], unit: float, data: st.DataObject) -> None:
    found = curve(*observations)
    answered = [wait for wait, gave_up in observations if not gave_up] or [-1]
    beyond_us = data.draw(st.sampled_from(answered)) * SECOND
    drawn = found.draw_us(unit, beyond_us)
    assert drawn is None or drawn > beyond_us


def test_draws_follow_the_curve() -> None:
    found = curve(*[(wait, wait % 3 == 0) for wait in range(1, 100)])
    draws = [found.draw_us(draw_unit(3, "test", number)) or 0 for number in range(20_000)]
    for wait in (9, 30, 60, 90, 150):
        share = sum(draw > wait * SECOND for draw in draws) / len(draws)
        assert share == pytest.approx(found.share_beyond(wait * SECOND), abs=0.015)


def call(kind: str, wait: int, *, answered: bool) -> RecordedCall:
    end = wait * SECOND
    if answered:
        return RecordedCall("2024-03-04", 2, kind, 0, "7", end, end + 1, end + 1)
    return RecordedCall("2024-03-04", 2, kind, 0, ended_us=end)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40),
    st.lists(st.tuples(st.floats(2**-53, 1 - 2**-53), st.integers(-1, 40 * SECOND)), max_size=30),
)
def test_many_draws_are_the_single_ones(observations: list[tuple[int, bool]], draws: list[tuple[float, int]]) -> None:
    found = curve(*observations)
    drawn = found.draw_many_us(np.array([unit for unit, _ in draws]), np.array([beyond for _, beyond in draws], int))
    singly = [found.draw_us(unit, beyond_us) for unit, beyond_us in draws]
    assert drawn.tolist() == [FOR_EVER if patience_us is None else patience_us for patience_us in singly]


def test_recorded_patience_is_kept_and_the_others_exceed_their_wait() -> None:
    calls = tuple(call("1", wait, answered=wait % 3 > 0) for wait in range(1, 90))
    columns = columns_of(calls)
    model = PatienceModel(columns)
    drawn = model.draw_day_us("2024-03-04", columns, seed=1).tolist()
    for number, (one, patience_us) in enumerate(zip(calls, drawn, strict=True), start=1):
        if one.answered_us is None:
            assert patience_us == one.waited_us
        else:
            unit = draw_unit(1, "patience", "2024-03-04", number)
            assert patience_us == model.curve("1").draw_us(unit, one.waited_us)
            assert patience_us > one.waited_us
    assert drawn != model.draw_day_us("2024-03-04", columns, seed=2).tolist()


def test_rare_types_share_one_curve() -> None:
    often = [call("1", wait, answered=wait % 2 == 0) for wait in range(1, 60)]
    rare = [call("2", 500, answered=False)]
    model = PatienceModel(columns_of([*often, *rare]))
    assert model.curve("1").abandoned == 30
    assert model.curve("2") is model.pooled
    assert model.pooled.abandoned == 31
