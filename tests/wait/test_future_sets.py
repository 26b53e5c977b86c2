"""Goal: a set of futures is what was asked for: reproducible, within its limits, and said in plain figures."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest

from router.engine import SECOND_US, Cancel, Enqueue, Urgency
from router.wait._native import Situation, situation_of
from router.wait.assumptions import Arrivals, Assumptions, Exponential, QueueAssumptions, Samples
from router.wait.futures import simulate_waits
from tests.wait.futures_cases import (
    START_US,
    Centre,
    busy_line,
    line,
    needs,
    plain,
    plain_queue,
    requiring,
    seconds,
    waits,
)

# ---- how they are run ----


def test_the_same_whatever_the_threads_and_a_prefix_of_more() -> None:
    known = Assumptions(
        queues={
            "q": QueueAssumptions(
                handle_time=Samples([20 * SECOND_US, 50 * SECOND_US, 300 * SECOND_US]),
                patience=Exponential(mean_us=100 * SECOND_US),
                arrivals=[Arrivals(rates_per_s=[0.05], urgency=Urgency.IMPORTANT)],
            )
        },
        break_chance=0.1,
        not_ready=Exponential(mean_us=60 * SECOND_US),
    )
    engine = busy_line(6, 20)

    def drawn(**limits: Any) -> list[list[float]]:
        return [target.waits_s.tolist() for target in simulate_waits(engine, known, **limits).targets]

    alone = drawn(futures=60)
    assert drawn(futures=60, threads=3) == alone
    assert drawn(futures=25, threads=2) == [row[:25] for row in alone]
    assert drawn(futures=60, seed=2) != alone


def test_a_budget_ends_after_whole_futures() -> None:
    known = plain(talk=Exponential(mean_us=100 * SECOND_US))
    engine = busy_line(20, 50)
    found = simulate_waits(engine, known, futures=1_000_000, budget_us=50_000)
    assert 1 <= found.futures < 1_000_000
    assert {len(target.waits_s) for target in found.targets} == {found.futures}
    again = simulate_waits(engine, known, futures=found.futures)
    assert [target.waits_s.tolist() for target in again.targets] == [
        target.waits_s.tolist() for target in found.targets
    ]


def test_sets_shortly_after_each_other_differ_little_by_chance() -> None:
    """Draws go by call and agent: a second later nearly the same futures are drawn, far nearer than by another seed."""
    known = plain(talk=Exponential(mean_us=100 * SECOND_US))
    engine = busy_line(5, 10)
    before = simulate_waits(engine, known, "call-9", futures=200).targets[0]
    after = simulate_waits(engine, known, "call-9", futures=200, now_us=START_US + SECOND_US).targets[0]
    other = simulate_waits(engine, known, "call-9", futures=200, seed=9).targets[0]
    assert np.corrcoef(before.waits_s, after.waits_s)[0, 1] > 0.9
    assert abs(np.corrcoef(before.waits_s, other.waits_s)[0, 1]) < 0.3


def test_the_engine_is_not_touched() -> None:
    engine = busy_line(3, 4)
    before = engine.snapshot()
    simulate_waits(
        engine, plain(patience=seconds(10)), Enqueue("new", "q", "voice"), futures=3, now_us=START_US + SECOND_US
    )
    assert engine.snapshot() == before
    engine.audit()


def test_what_a_set_says() -> None:
    engine = busy_line(1, 2)
    found = simulate_waits(engine, plain(), futures=4)
    assert len(found) == 2
    assert (found.taken_us, found.sequence, found.futures, found.beyond) == (START_US, engine.sequence, 4, 0)
    assert found.commands == 4 * 3  # a talk ends, the next call is accepted, that talk ends
    assert found.answered_within("call-0", 100 * SECOND_US) == 1
    assert found.answered_within("call-0", 99 * SECOND_US) == 0
    assert found.answered_within("nobody", SECOND_US) is None
    cut = simulate_waits(engine, plain(), futures=4, horizon_us=150 * SECOND_US)
    assert cut.beyond == 4
    assert cut.targets[1].waits_s.tolist() == [150] * 4
    assert cut.answered_within("call-1", 1000 * SECOND_US) == 0


def test_means_and_quantiles() -> None:
    found = simulate_waits(
        busy_line(1, 1),
        plain(talk=Samples([0, 10 * SECOND_US]), patience=Exponential(mean_us=10 * SECOND_US)),
        futures=500,
    )
    target = found.targets[0]
    share = (target.waits_s == 10).mean()
    assert target.mean_s() == pytest.approx(10 * share)
    left = share * math.exp(-1)
    assert target.mean_s(weighted=True) == pytest.approx(10 * left / (left + 1 - share))
    assert (target.quantile_s(0), target.quantile_s(1)) == (0, 10)
    assert target.quantile_s(0.6, weighted=True) == 0
    with pytest.raises(ValueError, match=r"share: 2 is out of range; 0 to 1 is wanted"):
        target.quantile_s(2)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"futures": 0}, "futures: 0 will not do; 1 to 1000000 is wanted"),
        ({"threads": 0}, "threads: 0 will not do; 1 to 256 is wanted"),
        ({"budget_us": -1}, "budget_us: -1 will not do"),
        ({"horizon_us": 0}, "horizon_us: 0 will not do"),
        ({"seed": -1}, "seed: -1 will not do"),
        ({"now_us": 5}, "now_us: 5 will not do"),
    ],
)
def test_limits_out_of_range(limits: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate_waits(busy_line(1, 1), plain(), **limits)


def test_a_run_can_be_cancelled_from_another_thread() -> None:
    situation = situation_of(busy_line(20, 50), plain(talk=Exponential(mean_us=100 * SECOND_US)), None, None)
    stopper = threading.Timer(0.05, situation.cancel)
    stopper.start()
    found = situation.run(1_000_000)
    stopper.join()
    assert found.futures < 1_000_000
    assert situation.run(10).futures == 0
    assert (situation.calls, situation.now_us) == (50, START_US)
    with pytest.raises(TypeError, match="a situation is taken from an engine"):
        Situation()


def test_nobody_waits_for_a_call_that_nobody_can_take() -> None:
    """Urgent calls come for ever, but a future ends when all are served who ever will be."""
    queues = {"q": plain_queue(), "odd": plain_queue(requirement=requiring(needs("danish")))}
    centre = Centre(queues)
    centre.busy(1)
    centre.calls(0, "hopeless", queue="odd")
    centre.calls(0, "next")
    rush = QueueAssumptions(handle_time=seconds(0.001), arrivals=[Arrivals(rates_per_s=[5], urgency=Urgency.URGENT)])
    found = simulate_waits(centre.engine, Assumptions(queues={"q": rush, "odd": rush}), futures=10)
    assert [(target.call, target.beyond) for target in found.targets] == [("hopeless", 10), ("next", 0)]
    assert found.commands < 10 * 50


def test_an_end_in_the_middle() -> None:
    centre = Centre()
    centre.busy(1)
    centre.calls(0, *line(3))
    centre.at(0, Cancel("call-1"))
    assert waits(centre.engine, plain()) == {"call-0": 100, "call-2": 200}
