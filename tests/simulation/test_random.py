"""Goal: the native random numbers are Philox, are uniform, and no two streams have anything to do with each other.

Method: the published known answers; Kolmogorov-Smirnov and correlations with fixed seeds; scipy's normal quantiles.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import special, stats

from router.simulation._native import draw_sequence, draw_uniforms, philox_block, quantile_of_normal

COUNT = 20_000


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ([0] * 4, [0] * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_known_answers_of_its_authors(
    counter: list[int], key: list[int], words: tuple[int, ...]
) -> None:
    assert philox_block(counter, key) == words


@pytest.mark.parametrize("draw", [draw_uniforms, draw_sequence])
def test_uniform_numbers_are_uniform(draw: Callable[..., list[float]]) -> None:
    numbers = np.array(draw(COUNT, seed=7))
    assert numbers.min() > 0
    assert numbers.max() < 1
    assert stats.kstest(numbers, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 4 / COUNT**0.5


def test_a_draw_depends_on_what_it_is_for_and_on_nothing_else() -> None:
    numbers = draw_uniforms(100, seed=3, replication=2, purpose=5, name="loans")
    assert draw_uniforms(40, seed=3, replication=2, purpose=5, name="loans", first=60) == numbers[60:]


def test_big_numbers_make_streams_too() -> None:
    last = 2**64 - 1
    assert draw_uniforms(1, seed=last, replication=last, first=last) != draw_uniforms(1, seed=last, first=last)
    assert draw_uniforms(1, first=2**32) != draw_uniforms(1, first=0)


@pytest.mark.parametrize("draw", [draw_uniforms, draw_sequence])
@pytest.mark.parametrize("other", [{"seed": 2}, {"replication": 1}, {"purpose": 5}, {"name": "loanz"}])
def test_streams_that_differ_in_one_thing_are_independent(
    draw: Callable[..., list[float]], other: dict[str, int | str]
) -> None:
    base: dict[str, int | str] = {"seed": 1, "replication": 0, "purpose": 4, "name": "loans"}
    one = np.array(draw(COUNT, **base))
    two = np.array(draw(COUNT, **(base | other)))
    assert_independent(one, two)


def test_attempts_are_independent() -> None:
    assert_independent(np.array(draw_uniforms(COUNT, attempt=0)), np.array(draw_uniforms(COUNT, attempt=1)))


def assert_independent(one: np.ndarray, two: np.ndarray) -> None:
    """Neither the numbers nor their logarithms correlate, nor do the cells of an 8 × 8 grid differ in number."""
    bound = 4 / COUNT**0.5
    assert abs(np.corrcoef(one, two)[0, 1]) < bound
    assert abs(np.corrcoef(np.log(one), np.log(two))[0, 1]) < bound
    cells = np.bincount((one * 8).astype(int) * 8 + (two * 8).astype(int), minlength=64)
    assert stats.chisquare(cells).pvalue > 0.001


def test_a_sequence_uses_both_halves_of_its_blocks() -> None:
    firsts = draw_uniforms(50, seed=9)
    sequence = draw_sequence(100, seed=9)
    assert sequence[::2] == firsts
    assert len(set(sequence)) == 100


def test_normal_quantiles_are_right_to_fifteen_digits() -> None:
    probabilities = [*np.geomspace(2**-54, 0.5, 300), *(1 - np.geomspace(2**-53, 0.4, 300))]
    ours = np.array([quantile_of_normal(float(probability)) for probability in probabilities])
    theirs = special.ndtri(np.array(probabilities))
    assert np.all(np.abs(ours - theirs) <= 2e-15 * np.maximum(1, np.abs(theirs)))
    assert quantile_of_normal(0.5) == 0
