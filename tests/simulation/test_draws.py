"""Goal: draws are random, and depend on nothing but what they are for."""

from __future__ import annotations

from router.simulation.recorded.draws import draw_below, draw_bits, draw_many_bits, draw_many_units, draw_unit


def test_a_draw_is_pinned() -> None:
    # replays of old recordings must stay repeatable: a change here changes every event hash
    assert draw_bits(1, "patience", "2014-05-26", 17) == 2_913_410_867_556_159


def test_every_part_of_the_subject_counts() -> None:
    subjects = [
        (1, "a", "b"),
        (2, "a", "b"),
        (1, "b", "b"),
        (1, "a", "c"),
        (1, "ab", ""),
        (1, "", "ab"),
        (1, "a", "b", 0),
    ]
    assert len({draw_bits(seed, purpose, *rest) for seed, purpose, *rest in subjects}) == len(subjects)


def test_draws_are_uniform() -> None:
    draws = [draw_unit(7, "test", number) for number in range(20_000)]
    assert all(0 < draw < 1 for draw in draws)
    counts = [0] * 20
    for draw in draws:
        counts[int(draw * 20)] += 1
    chi_square = sum((count - 1000) ** 2 / 1000 for count in counts)
    assert chi_square < 43.8  # 99.9 % of the distribution with 19 degrees of freedom


def test_whole_draws_reach_both_ends() -> None:
    assert {draw_below(5, 7, "test", number) for number in range(200)} == {0, 1, 2, 3, 4}


def test_many_draws_are_the_single_ones() -> None:
    numbers = [0, 1, 9, 10, 99_999]
    assert draw_many_bits(numbers, 3, "a", "day").tolist() == [draw_bits(3, "a", "day", one) for one in numbers]
    assert draw_many_units(numbers, 3, "a", "day").tolist() == [draw_unit(3, "a", "day", one) for one in numbers]
    assert draw_many_bits([], 3, "a").tolist() == []
