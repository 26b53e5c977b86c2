"""Goal: one call that nobody takes for hours does not keep the others' estimates waiting.

Method: 20 callers in a line that moves, with urgent newcomers, and one call whose only agent is not ready. Counted is
the work that a set takes, with that call and without.
"""

from __future__ import annotations

import numpy as np

from router.engine import SECOND_US, Enqueue, SignIn, Urgency
from router.wait.assumptions import Arrivals, Assumptions, Exponential, QueueAssumptions
from router.wait.futures import simulate_waits
from tests.wait.futures_cases import HORIZON_S, START_US, Centre, needs, plain_queue, requiring

FUTURES = 40


def set_of(*, stuck: bool, threads: int = 1, budget_us: int = 0, futures: int = FUTURES):
    centre = Centre({name: plain_queue(requirement=requiring(needs(name))) for name in ("q", "vip")})
    for number in range(10):
        centre.at(number * 0.01, SignIn(f"a{number}", {"q": 3}))
    for number in range(30):
        centre.at(1 + number * 0.1, Enqueue(f"c{number}", "q"))
    centre.at(30, SignIn("only", {"vip": 1, "q": 3}, ready=False))
    if stuck:
        centre.at(31, Enqueue("stuck", "vip"))
    talk = Exponential(mean_us=300 * SECOND_US)
    urgent = Arrivals(rates_per_s=[0.01], urgency=Urgency.URGENT)
    assumptions = Assumptions(
        queues={"q": QueueAssumptions(handle_time=talk, arrivals=[urgent]), "vip": QueueAssumptions(handle_time=talk)}
    )
    return simulate_waits(
        centre.engine,
        assumptions,
        futures=futures,
        threads=threads,
        budget_us=budget_us,
        now_us=START_US + 31 * SECOND_US,
    )


def test_a_call_that_nobody_takes_costs_the_others_little() -> None:
    alone, beside = set_of(stuck=False), set_of(stuck=True)
    assert beside.commands < 2.5 * alone.commands  # the probes go to the horizon, the others do not
    for target in alone.targets:
        (same,) = (other for other in beside.targets if other.call == target.call)
        assert np.array_equal(same.waits_s, target.waits_s)
    (stuck,) = (target for target in beside.targets if target.call == "stuck")
    assert stuck.waits_s.min() == HORIZON_S
    assert stuck.beyond == FUTURES


def test_it_is_the_same_whatever_the_threads_and_the_time() -> None:
    whole = set_of(stuck=True)
    other = set_of(stuck=True, threads=3)
    cut = set_of(stuck=True, budget_us=1)
    assert 3 <= cut.futures < FUTURES
    for target, same, begun in zip(whole.targets, other.targets, cut.targets, strict=True):
        assert np.array_equal(target.waits_s, same.waits_s)
        assert np.array_equal(target.waits_s[: cut.futures], begun.waits_s)
