"""What is left of an estimate while its caller waits on, what is above a limit, and what no longer is from futures."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from math import log
from statistics import fmean, quantiles

import msgspec
import pytest

from router.engine import commands as c
from router.server.estimation.announced import Curve, as_of, is_above, with_chances
from router.wait import WaitEstimate
from tests.server.estimation.rig import CONFIG, MINUTE_US, Script, scripted, until
from tests.server.support import client_of, running

SECOND_US = 1_000_000
# waits that are spread as the curve has it, every one as likely: straight up to 9 of 10, then exponential
WAITS = [
    Curve((20 * SECOND_US, 100 * SECOND_US, 180 * SECOND_US, 240 * SECOND_US)).time_of(1 - (number + 0.5) / 100_000)
    for number in range(100_000)
]


def estimate_of(waits: list[float]) -> WaitEstimate:
    cuts = [round(cut) for cut in quantiles(waits, n=20)]
    waits = sorted(waits)
    return WaitEstimate(
        "simulated",
        round(fmean(waits)),
        1,
        7,
        p10_us=cuts[1],
        p50_us=cuts[9],
        p80_us=cuts[15],
        p90_us=cuts[17],
        interval_us=(cuts[0], cuts[16]),
        answered_within=tuple(
            (time_us, bisect_right(waits, time_us) / len(waits)) for time_us in (20 * SECOND_US, 200 * SECOND_US)
        ),
        futures=200,
    )


@pytest.mark.parametrize("passed_s", [0, 1, 15, 60, 150, 230, 260])
def test_what_is_left_is_that_of_those_who_still_wait(passed_s: int) -> None:
    passed_us = passed_s * SECOND_US
    truth = estimate_of([wait - passed_us for wait in WAITS if wait > passed_us])
    told = as_of(estimate_of(WAITS), passed_us, 3)
    assert told.position == 3
    for name in ("mean_us", "p10_us", "p50_us", "p80_us", "p90_us"):
        assert getattr(told, name) == pytest.approx(getattr(truth, name), rel=0.01, abs=20_000), name
    assert told.interval_us == pytest.approx(truth.interval_us, rel=0.01, abs=20_000)
    for (time_us, chance), (same_us, true_chance) in zip(told.answered_within, truth.answered_within, strict=True):
        assert time_us == same_us
        assert chance == pytest.approx(true_chance, abs=0.005)


def test_who_waits_longer_than_anybody_should_is_not_told_no_time_at_all() -> None:
    sure = estimate_of([60.0 * SECOND_US] * 100)
    for passed_us in (59 * SECOND_US, 60 * SECOND_US, 3_600 * SECOND_US):
        told = as_of(sure, passed_us, 1)
        assert told.mean_us is not None
        assert told.mean_us >= SECOND_US - 1
        assert told.p10_us is not None
        assert 0 < told.p10_us <= told.mean_us
    nobody_waits = as_of(estimate_of([0.0] * 100), SECOND_US, 1)
    assert nobody_waits.mean_us == SECOND_US
    assert nobody_waits.p50_us == round(SECOND_US * log(2))


def test_without_quantiles_or_time_nothing_changes_but_the_position() -> None:
    formula = WaitEstimate("les", 5_000_000, 2, 3)
    assert as_of(formula, SECOND_US, 1) == msgspec.structs.replace(formula, position=1)
    estimate = estimate_of(WAITS)
    assert as_of(estimate, 0, 1) == as_of(estimate, -5, 1) == estimate


def test_chances_come_from_quantiles_where_there_are_no_futures() -> None:
    immediate = WaitEstimate("immediate", 0, None, 3)
    assert with_chances(immediate, [0, 5]).answered_within == ((0, 1.0), (5, 1.0))
    learned = msgspec.structs.replace(estimate_of(WAITS), method="learned", answered_within=(), futures=0)
    (short, half, long) = with_chances(learned, [0, 100 * SECOND_US, 86_400 * SECOND_US]).answered_within
    assert short == (0, 0)
    assert half[1] == pytest.approx(0.5, abs=0.001)
    assert 0.999 < long[1] <= 1
    assert with_chances(WaitEstimate("qlm", 5, 1, 1), [7]).answered_within == ()
    assert with_chances(learned, []).answered_within == ()


def test_what_is_above_a_limit() -> None:
    estimate = WaitEstimate("simulated", 10, 1, 1)
    nobody = WaitEstimate("none", None, 1, 0)
    assert is_above(estimate, 9)
    assert not is_above(estimate, 10)
    assert not is_above(nobody, 1)
    assert is_above(msgspec.structs.replace(nobody, unanswered=True), 86_400 * SECOND_US)
    assert not is_above(msgspec.structs.replace(nobody, unanswered=True), None)


async def test_a_chance_is_that_of_somebody_who_still_waits() -> None:
    async with running(CONFIG.replace('"200ms"', '"1h"')) as server, client_of(server) as client:
        scripted(server, Script(mean_us=1 * SECOND_US))  # answers come evenly over 2 s
        await client.apply(c.Enqueue("c1", "loans"))
        assert (await client.wait_estimate("c1")).futures
        stay = server.shell.estimation.stays.of_call["c1"]
        stay.taken_us -= SECOND_US
        told = await client.wait_estimate("c1", within_us=[0, SECOND_US // 2, 2 * SECOND_US])
        (_, none), (_, half), (_, sure) = told.answered_within
        assert (none, sure) == (0, 1)
        # of the second that is left, half
        assert half == pytest.approx(0.5, abs=0.2)
        stay.taken_us -= 10 * SECOND_US
        late = await client.wait_estimate("c1", within_us=[0, 60 * SECOND_US])
        assert late.answered_within[0][1] == 0
        assert late.answered_within[1][1] > 0.9
        assert late.mean_us


@pytest.mark.parametrize("trouble", ["fails", "few", "unsaid"])
async def test_what_the_last_set_does_not_say_is_not_told_any_more(trouble: str) -> None:
    """The watcher hears what anybody hears who asks, not the old wait counted down to nothing."""
    async with running(CONFIG) as server, client_of(server) as client:
        script = scripted(server, Script(mean_us=MINUTE_US))
        await client.apply(c.Enqueue("c1", "loans"))
        updates = client.watch_wait_estimates(calls=["c1"])
        while True:
            update = await anext(updates)
            if update.estimate is not None and update.estimate.futures:
                break
        match trouble:
            case "fails":
                script.fails = True
            case "few":
                script.futures = 9
            case "unsaid":
                script.silent.add("c1")
        async with asyncio.timeout(5):
            update = await anext(updates)
        asked = await client.wait_estimate("c1")
        assert update.estimate is not None
        told = (update.estimate.method, update.estimate.mean_us, update.estimate.futures)
        assert told == (asked.method, asked.mean_us, asked.futures) == ("none", None, 0)
        if trouble != "fails":
            script.futures = 200
            script.silent.clear()
            async with asyncio.timeout(5):
                assert (await anext(updates)).estimate.futures == 200  # type: ignore[union-attr]


async def test_what_is_very_old_is_not_told() -> None:
    """Should a set never be over."""
    async with running(CONFIG) as server, client_of(server) as client:
        script = scripted(server)
        await client.apply(c.Enqueue("c1", "loans"))
        estimation = server.shell.estimation
        await until(lambda: estimation.stays.of_call["c1"].estimate is not None)
        sets = script.sets
        script.hold.clear()
        await until(lambda: script.sets > sets)
        stay = estimation.stays.of_call["c1"]
        assert estimation.now(stay).futures == 200
        stay.ready_s -= 60
        assert estimation.now(stay).futures == 0
        script.hold.set()


LIMITS = (
    CONFIG
    + """
overflow = "loans"
overflow_wait_estimate = "10h"
callback_wait_estimate = "10h"
"""
)


async def test_whom_nobody_will_answer_is_above_any_limit() -> None:
    async with running(LIMITS) as server, client_of(server) as client:
        script = scripted(server, Script(unanswered={"c1", ""}))
        await client.apply(c.Enqueue("stays", "cards"))
        asked = await client.wait_estimate(c.Enqueue("", "cards"))
        assert (asked.method, asked.mean_us, asked.callback_offered) == ("none", None, True)
        await client.apply(c.Enqueue("c1", "cards"))
        await until(lambda: server.shell.engine.call("c1").queue == "loans")
        assert server.shell.engine.call("stays").queue == "cards"
        # a call that was judged stays, and its caller hears of a callback as soon as nobody will come
        async for update in client.watch_wait_estimates(calls=["stays"]):
            assert update.estimate is not None
            if update.estimate.callback_offered:
                assert update.estimate.method == "none"
                break
            script.unanswered.add("stays")
        assert (await client.wait_estimate("stays")).callback_offered
