"""Goal: bad assumptions are refused with what is wrong and what would be right; sound ones pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from router.engine import SECOND_US, ChannelSettings, Engine, Enqueue, Settings, UnknownName, Urgency
from router.wait.assumptions import (
    AgentAssumptions,
    Arrivals,
    Assumptions,
    Exponential,
    Fixed,
    Hazard,
    QueueAssumptions,
    Samples,
)
from router.wait.futures import simulate_waits
from tests.wait.futures_cases import Centre, busy_line, plain_queue

TALK = Exponential(mean_us=SECOND_US)
QUEUE = QueueAssumptions(handle_time=TALK)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Exponential(mean_us=-1), "mean_us: -1 is out of range; 0 to 3.16224e"),
        (lambda: Exponential(mean_us="1"), "mean_us: '1' is not a number"),
        (lambda: Exponential(mean_us=True), "mean_us: True is not a number"),
        (lambda: Exponential(mean_us=float("nan")), "mean_us: nan is out of range"),
        (lambda: Fixed(length_us=-5), "length_us: -5 is out of range"),
        (lambda: Fixed(length_us=float("inf")), "length_us: inf is out of range"),
        (lambda: Samples([]), "lengths_us: it is empty; at least one number is wanted"),
        (lambda: Samples("12"), "lengths_us: '12' is not a sequence"),
        (lambda: Samples([1, -1]), r"lengths_us\[1\]: -1 is out of range"),
        (lambda: Hazard([0, 5], [1]), "rates_per_s: 1 rates for 2 edges; a rate for each edge is wanted"),
        (lambda: Hazard([1], [1]), r"edges_us\[0\]: 1 will not do; 0 first, then rising ages are wanted"),
        (lambda: Hazard([0, 5, 5], [1, 1, 1]), r"edges_us\[2\]: 5 will not do"),
        (lambda: Hazard([0], [-1]), r"rates_per_s\[0\]: -1 is out of range"),
        (lambda: Arrivals(rates_per_s=[]), "rates_per_s: it is empty"),
        (lambda: Arrivals(rates_per_s=[-1]), r"rates_per_s\[0\]: -1 is out of range"),
        (lambda: Arrivals(rates_per_s=[1, 2]), "period_us: 0 is out of range; 1 to"),
        (lambda: Arrivals(rates_per_s=[1], urgency=7), "7 is not a valid Urgency"),
        (lambda: Arrivals(rates_per_s=[1], priority=10), "priority: 10 will not do; 0 to 9 is wanted"),
        (
            lambda: QueueAssumptions(handle_time=None),
            "handle_time: None will not do; Exponential, Fixed, Samples or Hazard is wanted",
        ),
        (lambda: QueueAssumptions(handle_time=5), "handle_time: 5 will not do"),
        (
            lambda: QueueAssumptions(handle_time=TALK, patience=3),
            "patience: 3 will not do.*or None for a time that does not end",
        ),
        (lambda: QueueAssumptions(handle_time=TALK, wrap_up="1"), "wrap_up: '1' will not do"),
        (
            lambda: QueueAssumptions(handle_time=TALK, arrivals=[0.5]),
            r"arrivals\[0\]: 0.5 will not do; Arrivals\(...\) is wanted",
        ),
        (lambda: AgentAssumptions(handle_factor=0), "handle_factor: 0 is out of range; 0.01 to 100 is wanted"),
        (lambda: AgentAssumptions(days=[(0, 1)]), "days: 1 of them will not do; none, or 3 to 16 are wanted"),
        (lambda: AgentAssumptions(days=[None] * 17), "days: 17 of them will not do"),
        (
            lambda: AgentAssumptions(days=[None, (1.5, 2), None]),
            r"days\[1\]: \(1.5, 2\) will not do; None or a pair of whole seconds",
        ),
        (lambda: AgentAssumptions(days=[5, None, None]), r"days\[0\]: 5 will not do"),
        (
            lambda: AgentAssumptions(days=[(9, 9), None, None]),
            r"days\[0\]: \(9, 9\) will not do; -86400 or more, and then",
        ),
        (lambda: AgentAssumptions(days=[(-86401, 9), None, None]), r"days\[0\]: \(-86401, 9\) will not do"),
        (lambda: Assumptions(queues={"q": TALK}), "queues: 'q': .* will not do; QueueAssumptions"),
        (lambda: Assumptions(queues={}, agents={"ann": 1.2}), "agents: 'ann': 1.2 will not do; AgentAssumptions"),
        (lambda: Assumptions(queues={}, ring=None), "ring: None will not do"),
        (lambda: Assumptions(queues={}, not_ready=3), "not_ready: 3 will not do"),
        (lambda: Assumptions(queues={}, return_lag=3), "return_lag: 3 will not do"),
        (lambda: Assumptions(queues={}, reject=1.5), "reject: 1.5 is out of range; 0 to 1 is wanted"),
        (lambda: Assumptions(queues={}, break_chance=-0.1), "break_chance: -0.1 is out of range"),
        (
            lambda: Assumptions(queues={}, reject=0.5, no_answer=0.5),
            "reject: with no_answer it is 1; together below 1 is wanted",
        ),
    ],
)
def test_what_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@pytest.mark.parametrize(
    ("assumed", "message"),
    [
        (Assumptions(queues={"q": QUEUE, "other": QUEUE}), "unknown queue 'other'"),
        (Assumptions(queues={"q": QUEUE}, agents={"nobody": AgentAssumptions()}), "unknown agent 'nobody'"),
        (
            Assumptions(
                queues={"q": QueueAssumptions(handle_time=TALK, arrivals=[Arrivals(rates_per_s=[1], channel="letter")])}
            ),
            "unknown channel 'letter'",
        ),
    ],
)
def test_names_that_the_engine_does_not_know(assumed: Assumptions, message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        simulate_waits(busy_line(1, 1), assumed)


def test_a_queue_with_calls_needs_assumptions() -> None:
    centre = Centre({"q": plain_queue(), "other": plain_queue()})
    centre.busy(1)
    with pytest.raises(ValueError, match="queues: 'q' has calls; it needs QueueAssumptions"):
        simulate_waits(centre.engine, Assumptions(queues={"other": QUEUE}))
    with pytest.raises(ValueError, match="queues: 'other' is the call's queue; it needs QueueAssumptions"):
        simulate_waits(centre.engine, Assumptions(queues={"q": QUEUE}), Enqueue("new", "other", "voice"))
    assert simulate_waits(centre.engine, Assumptions(queues={"q": QUEUE})).targets == ()


def test_arrivals_need_a_channel_where_there_are_several() -> None:
    engine = Engine(
        Settings(
            queues={"q": plain_queue()}, channels={"chat": ChannelSettings(exclusive=False), "voice": ChannelSettings()}
        )
    )
    urgent = Arrivals(rates_per_s=[1], urgency=Urgency.URGENT)
    with pytest.raises(ValueError, match="arrivals: a channel is wanted, one of chat, voice"):
        simulate_waits(engine, Assumptions(queues={"q": QueueAssumptions(handle_time=TALK, arrivals=[urgent])}))


@pytest.mark.parametrize(
    ("handle_time", "mean_s"),
    [
        (Exponential(mean_us=50 * SECOND_US), 50),
        (Fixed(length_us=50 * SECOND_US), 50),
        (Samples([0, 100 * SECOND_US, 20 * SECOND_US, 80 * SECOND_US]), 50),
        (Hazard([0, 50 * SECOND_US], [0.0, 1.0]), 51),
    ],
)
def test_every_kind_of_time_has_its_mean(handle_time: Any, mean_s: float) -> None:
    target = simulate_waits(
        busy_line(1, 1), Assumptions(queues={"q": QueueAssumptions(handle_time=handle_time)}), futures=4000
    ).targets[0]
    error = float(target.waits_s.std()) / 4000**0.5
    assert abs(target.mean_s() - mean_s) <= 4 * error + 1e-3


def test_calls_are_refused_by_their_kind() -> None:
    with pytest.raises(TypeError, match="call: int will not do; None, a call's name or an Enqueue is wanted"):
        simulate_waits(busy_line(1, 1), Assumptions(queues={"q": QUEUE}), 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [Exponential, Fixed])
def test_the_unit_of_a_time_is_written(make: type[object]) -> None:
    with pytest.raises(TypeError, match="positional argument"):
        make(180)  # type: ignore[call-arg]
