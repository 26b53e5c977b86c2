"""Goal: new calls are drawn where one of them could go before a call that waits, and nowhere else.

Method: one call waits in queue "q", and new calls come for "other", each time with one thing out of the ordinary.
`test_futures_come_true.py` shows that what is not drawn changes nothing.
"""

from __future__ import annotations

from typing import Any

import pytest

from router.engine import (
    SECOND_US,
    ByUrgency,
    CallWeights,
    ChannelSettings,
    Enqueue,
    Reject,
    SetAvailability,
    SignIn,
    Urgency,
)
from router.wait._native import situation_of
from router.wait.assumptions import Arrivals, Assumptions, Fixed, QueueAssumptions
from tests.wait.futures_cases import BY_PRIORITY, TALK, Centre, anybody, needs, plain_queue, requiring

NOTHING = {"priority": 0, "age": 0, "deadline": 0, "skill_fit": 0, "efficiency": 0, "affinity": 0}


def weights(**changes: int) -> CallWeights:
    return CallWeights(**NOTHING | changes)


def bound(length_s: int) -> ByUrgency:
    return ByUrgency(*[length_s * SECOND_US] * 3)


ENGLISH = requiring(needs("english"))
FRENCH = requiring(needs("french"))


@pytest.mark.parametrize(
    ("queue", "other", "waiting", "coming", "drawn"),
    [
        ({}, {}, {}, {}, False),
        # urgency and bounds
        ({}, {}, {}, {"urgency": Urgency.IMPORTANT}, True),
        ({}, {}, {"urgency": Urgency.URGENT}, {"urgency": Urgency.IMPORTANT}, False),
        ({}, {}, {"urgency": Urgency.URGENT}, {"urgency": Urgency.URGENT}, False),
        ({}, {"max_overtake_wait_us": bound(60)}, {}, {}, True),
        ({"max_overtake_wait_us": bound(60)}, {}, {}, {}, False),
        ({"max_overtake_wait_us": bound(60)}, {"max_overtake_wait_us": bound(60)}, {}, {}, False),
        ({"max_overtake_wait_us": bound(61)}, {"max_overtake_wait_us": bound(60)}, {}, {}, True),
        ({}, {"max_overtake_wait_us": bound(60)}, {"urgency": Urgency.URGENT}, {}, False),
        ({}, {"max_overtake_wait_us": bound(60)}, {"urgency": Urgency.IMPORTANT}, {}, True),
        # weights
        ({}, {}, {}, {"priority": 9}, False),  # weighs nothing
        ({"call_weights": BY_PRIORITY}, {"call_weights": BY_PRIORITY}, {}, {"priority": 9}, True),
        ({"call_weights": BY_PRIORITY}, {"call_weights": BY_PRIORITY}, {"priority": 9}, {"priority": 9}, False),
        ({}, {"target_us": bound(19)}, {}, {}, True),
        ({}, {"target_us": bound(21)}, {}, {}, False),
        ({}, {"call_weights": weights(age=1001)}, {}, {}, True),
        ({}, {"call_weights": weights(age=999)}, {}, {}, False),
        ({}, {"call_weights": weights(age=1000, deadline=1)}, {}, {}, True),
        (
            {"call_weights": weights(age=1000, deadline=1)},
            {"call_weights": weights(age=1000, deadline=1)},
            {},
            {},
            False,
        ),
        ({}, {"call_weights": weights(age=1000, skill_fit=1)}, {}, {}, True),
        ({}, {"call_weights": weights(age=1000, efficiency=1)}, {}, {}, True),
        ({}, {"call_weights": weights(age=1000, affinity=1000)}, {}, {}, False),
        # who may take what
        ({"requirement": ENGLISH}, {"requirement": FRENCH}, {}, {"urgency": Urgency.URGENT}, False),
        ({"requirement": ENGLISH}, {"requirement": FRENCH, "overflow": "q"}, {}, {"urgency": Urgency.URGENT}, True),
        ({"requirement": requiring(needs("english"), anybody(after_s=300))}, {}, {}, {}, True),
        ({"requirement": requiring(needs("english", 3), needs("english", after_s=300))}, {}, {}, {}, False),
        ({"wait_max_us": 60 * SECOND_US}, {}, {}, {}, False),
        ({"wait_max_us": 60 * SECOND_US, "overflow": "other"}, {}, {}, {}, True),
        ({}, {}, {}, {"channel": "chat"}, True),
        ({}, {}, {}, {"channel": "letter"}, False),  # exclusive as well
    ],
)
def test_new_calls_are_drawn_only_where_they_could_go_first(
    queue: dict[str, Any], other: dict[str, Any], waiting: dict[str, Any], coming: dict[str, Any], drawn: bool
) -> None:
    channels = {"voice": ChannelSettings(), "letter": ChannelSettings(), "chat": ChannelSettings(exclusive=False)}
    centre = Centre({"q": plain_queue(**queue), "other": plain_queue(**other)}, channels=channels)
    centre.agents("ann", skills={"english": 5})
    centre.agents("bob", skills={"french": 5})
    centre.at(0, SetAvailability("ann", ready=False), SetAvailability("bob", ready=False))
    centre.calls(0, "next", **waiting)
    new = Arrivals(rates_per_s=[0.2], **{"channel": "voice"} | coming)
    assumed = {"q": QueueAssumptions(handle_time=TALK), "other": QueueAssumptions(handle_time=TALK, arrivals=[new])}
    assert situation_of(centre.engine, Assumptions(queues=assumed), None, None).draws_arrivals == drawn


@pytest.mark.parametrize("weight", ["skill_fit", "efficiency"])
def test_what_is_alike_in_one_queue_lets_nobody_pass(weight: str) -> None:
    centre = Centre({"q": plain_queue(call_weights=weights(age=1000, **{weight: 500}))})
    centre.busy(1)
    centre.calls(0, "next")
    assert not draws(centre)


def draws(centre: Centre, **more: Any) -> bool:
    calls = QueueAssumptions(handle_time=TALK, arrivals=[Arrivals(rates_per_s=[0.2])])
    return situation_of(centre.engine, Assumptions(queues={"q": calls}, **more), None, None).draws_arrivals


@pytest.mark.parametrize(
    ("backoff_s", "reject", "no_answer", "drawn"),
    [(30, 0.1, 0, True), (30, 0, 0.1, True), (30, 0.02, 0.02, False), (0, 0.1, 0.1, False)],
)
def test_refusals_let_later_calls_pass(backoff_s: int, reject: float, no_answer: float, drawn: bool) -> None:
    centre = Centre({"q": plain_queue(automatic=False, reject_backoff_us=backoff_s * SECOND_US)})
    centre.at(0, SignIn("ann", {}, ready=False))
    centre.calls(0, "next")
    assert draws(centre, reject=reject, no_answer=no_answer) == drawn


def test_a_held_or_barred_call_lets_later_calls_pass() -> None:
    held = Centre()
    held.agents("ann")
    held.busy(1)
    held.calls(0, "in hand")
    held.at(0, Enqueue("held", "q", "voice", preferred_agents=("ann",), hold_us=60 * SECOND_US))
    assert draws(held)
    barred = Centre({"q": plain_queue(automatic=False)})
    barred.agents("ann")
    barred.calls(0, "next")
    barred.at(1, Reject(1))
    assert draws(barred)


def test_streams_that_compete_with_one_that_is_drawn_are_drawn_too() -> None:
    """Urgent calls may go before the one that waits, and plain ones keep agents from the urgent ones."""
    queues = {"q": plain_queue(requirement=ENGLISH), "other": plain_queue(requirement=FRENCH)}
    centre = Centre(queues)
    centre.agents("ann", skills={"english": 5})
    centre.agents("bob", skills={"english": 5, "french": 5})
    centre.at(0, SetAvailability("ann", ready=False), SetAvailability("bob", ready=False))
    centre.calls(0, "next")
    urgent = Arrivals(rates_per_s=[0.01], urgency=Urgency.URGENT)
    many = Arrivals(rates_per_s=[10])
    assumed = {
        "q": QueueAssumptions(handle_time=Fixed(length_us=0), arrivals=[urgent]),
        "other": QueueAssumptions(handle_time=Fixed(length_us=0), arrivals=[many]),
    }
    back = Fixed(length_us=100 * SECOND_US)
    both = situation_of(centre.engine, Assumptions(queues=assumed, not_ready=back), None, None).run(20)
    assert both.commands > 20 * 900
    assumed["q"] = QueueAssumptions(handle_time=Fixed(length_us=0))
    alone = situation_of(centre.engine, Assumptions(queues=assumed, not_ready=back), None, None).run(20)
    assert alone.commands < 20 * 10
