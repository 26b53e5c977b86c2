"""Goal: each baseline says what its definition says, from what was known then, and forgets in the morning.

Method: small days by hand; random ones against sums over the whole past, done anew for each call.
"""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from router.wait.scoring import DelayHistory, MeanByType


def test_nothing_is_known_in_the_morning() -> None:
    history = DelayHistory()
    said = history.arrive(1, "5", 100.0)
    assert (said.les, said.hol, said.average, said.same_length) == (None, 0.0, None, None)
    history.answer(1, "5", 130.0)
    assert history.arrive(2, "5", 140.0).les == 30.0
    history.forget()
    said = history.arrive(1, "5", 100.0)
    assert (said.les, said.hol, said.average, said.same_length) == (None, 0.0, None, None)


def test_types_do_not_mix_and_who_gives_up_says_nothing() -> None:
    history = DelayHistory()
    history.arrive(1, "5", 0.0)
    history.arrive(2, "20", 0.0)
    history.answer(1, "5", 40.0)
    history.give_up(2, "20")
    said = history.arrive(3, "20", 50.0)
    assert (said.les, said.hol, said.average) == (None, 0.0, None)


def test_a_short_wait_counts_for_les_and_for_nothing_else() -> None:
    history = DelayHistory()
    history.arrive(1, "5", 0.0)
    history.answer(1, "5", 1.0)
    said = history.arrive(2, "5", 10.0)
    assert (said.les, said.average, said.same_length) == (1.0, None, None)


@pytest.mark.parametrize("seed", range(5))
def test_random_days_against_the_definitions(seed: int) -> None:
    numbers = random.Random(seed)
    history = DelayHistory()
    waiting: list[tuple[int, str, float, int]] = []  # call, type, arrival, length found
    answered: list[tuple[str, float, int]] = []  # type, wait, length found
    time_s = 0.0
    for call in range(600):
        time_s += numbers.choice((0.0, 1.0, 5.0))
        if waiting and numbers.random() < 0.48:
            one = waiting.pop(numbers.randrange(len(waiting)))
            if numbers.random() < 0.2:
                history.give_up(one[0], one[1])
            else:
                history.answer(one[0], one[1], time_s)
                answered.append((one[1], time_s - one[2], one[3]))
            continue
        kind = numbers.choice("ab")
        own = [each for each in waiting if each[1] == kind]
        said = history.arrive(call, kind, time_s)
        waits = [wait for other, wait, _ in answered if other == kind]
        long = [wait for wait in waits if wait > 1][-10:]
        alike = [wait for other, wait, length in answered if other == kind and length == len(own) and wait > 1][-10:]
        assert said.les == (waits[-1] if waits else None)
        assert said.hol == (time_s - own[0][2] if own else 0.0)
        assert said.average == pytest.approx(fmean(long) if long else None)
        assert said.same_length == pytest.approx(fmean(alike) if alike else None)
        waiting.append((call, kind, time_s, len(own)))
    assert len(answered) > 100


def test_the_mean_by_type_falls_back_on_all_types() -> None:
    means = MeanByType()
    assert means.say("5") == 0.0
    means.learn("5", 10.0)
    means.learn("5", 20.0)
    means.learn("20", 60.0)
    assert (means.say("5"), means.say("20"), means.say("9")) == (15.0, 60.0, 30.0)
