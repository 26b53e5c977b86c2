"""Goal: what is learned of a queue is what its events say, and no more is kept than that takes.

Method: hand-made event streams, with the expected numbers worked out beside them.
"""

from __future__ import annotations

from typing import Any

import pytest

from router.engine import (
    AssignmentCause,
    CallAbandoned,
    CallAssigned,
    CallCompleted,
    CallEnqueued,
    CallMoved,
    CallOverflowed,
    CallRefused,
    CallRequeued,
    CallTransferred,
    CallTurnedIntoCallback,
    LimitCause,
    OfferMade,
    Restarted,
    WrapUpEnded,
    WrapUpStarted,
)
from router.wait.history import DOWNTIMES_MAX, SAMPLES_MAX, Average, History


def enqueued(call: str, time_us: int, queue: str = "q") -> CallEnqueued:
    return CallEnqueued(time_us=time_us, sequence=1, call=call, queue=queue, effective_arrival_us=time_us,
                        preferred_agents=(), hold_until_us=None)  # fmt: skip


def assigned(
    call: str, time_us: int, wait_us: int, cause: Any = AssignmentCause.ACCEPTED, offer: int = 1
) -> CallAssigned:
    return CallAssigned(time_us=time_us, sequence=1, offer=offer, call=call, agent="ada", queue="q",
                        cause=cause, wait_us=wait_us)  # fmt: skip


def abandoned(call: str, time_us: int, queue: str = "q") -> CallAbandoned:
    return CallAbandoned(time_us=time_us, sequence=1, call=call, queue=queue, wait_us=0, reason="")


def completed(call: str, time_us: int, handle_us: int, offer: int = 1) -> CallCompleted:
    return CallCompleted(
        time_us=time_us, sequence=1, offer=offer, call=call, agent="ada", queue="q", handle_us=handle_us
    )


def learn(*events: Any) -> History:
    history = History()
    history.observe(events)
    return history


def test_patience_counts_answered_waits_as_exposure() -> None:
    known = learn(enqueued("a", 0), enqueued("b", 10), assigned("a", 30, 30), abandoned("b", 80)).queue("q")
    assert (known.abandoned, known.exposed_us) == (1, 30 + 70)
    assert known.patience_rate == pytest.approx(1 / 100)


def test_service_is_handle_and_wrap_up() -> None:
    known = learn(
        completed("a", 100, 60, offer=1),
        WrapUpStarted(time_us=100, sequence=1, offer=1, call="a", agent="ada", until_us=140),
        completed("b", 110, 20, offer=2),
        WrapUpEnded(time_us=140, sequence=2, offer=1, call="a", agent="ada"),
    ).queue("q")
    assert known.service.count == 2
    assert known.service.mean_us == (60 + 40 + 20) / 2


def test_the_wrap_up_after_a_transfer_is_no_sample() -> None:
    history = learn(
        completed("a", 100, 60, offer=1),
        WrapUpStarted(time_us=200, sequence=1, offer=2, call="b", agent="ada", until_us=140),
        WrapUpEnded(time_us=300, sequence=2, offer=2, call="b", agent="ada"),
    )
    assert history.queue("q").service.mean_us == 60
    assert not history._wrap_ups


def test_the_last_wait_is_kept_but_not_of_a_forced_assignment() -> None:
    known = learn(assigned("a", 30, 30), assigned("b", 50, 41), assigned("c", 60, 99, AssignmentCause.FORCED)).queue(
        "q"
    )
    assert (known.served, known.last_wait_us) == (2, 41)


def restarted(time_us: int, downtime_us: int) -> Restarted:
    return Restarted(time_us=time_us, sequence=1, downtime_us=downtime_us)


def test_a_downtime_is_no_part_of_the_last_wait() -> None:
    known = learn(enqueued("a", 0), restarted(500, 450), assigned("a", 530, 530)).queue("q")
    assert (known.served, known.last_wait_us) == (1, 80)
    known = learn(restarted(500, 450), restarted(700, 100), enqueued("b", 700), assigned("b", 730, 30)).queue("q")
    assert known.last_wait_us == 30


def test_each_downtime_counts_once() -> None:
    history = learn(restarted(100, 40), restarted(200, 50), restarted(300, 60))
    assert [history.downtime_since(time_us) for time_us in (0, 60, 100, 150, 240, 300)] == [150, 150, 110, 110, 60, 0]


def test_a_talk_that_a_downtime_cut_through_is_no_sample() -> None:
    wrap_up = {"sequence": 1, "offer": 1, "call": "a", "agent": "ada"}
    history = learn(
        restarted(500, 450),
        completed("a", 530, 520),
        WrapUpStarted(time_us=530, until_us=560, **wrap_up),
        WrapUpEnded(time_us=560, **wrap_up),
        completed("b", 600, 100, offer=2),
    )
    known = history.queue("q")
    assert (known.service.count, known.service.mean_us, known.wrapping_up) == (1, 100, 0)


def test_a_wrap_up_is_as_long_as_the_server_was_up() -> None:
    wrap_up = {"sequence": 1, "offer": 1, "call": "a", "agent": "ada"}
    known = learn(
        completed("a", 30, 20),
        WrapUpStarted(time_us=30, until_us=60, **wrap_up),
        restarted(500, 450),
        WrapUpEnded(time_us=500, **wrap_up),
    ).queue("q")
    assert (known.service.mean_us, known.wrapping_up) == (20 + 20, 0)


def test_patience_goes_on_in_a_downtime() -> None:
    """Who gave up in it is told of afterwards, so the time counts as well."""
    known = learn(enqueued("a", 0), enqueued("b", 10), restarted(500, 450), abandoned("a", 510)).queue("q")
    assert (known.abandoned, known.exposed_us) == (1, 510)


def test_only_the_last_downtimes_are_kept() -> None:
    history = learn(*(restarted(number * 10, 1) for number in range(1, 2 * DOWNTIMES_MAX)))
    assert history.downtime_since(0) == DOWNTIMES_MAX


def test_a_change_of_queue_splits_the_exposure() -> None:
    history = learn(
        enqueued("a", 0),
        CallOverflowed(time_us=10, sequence=1, call="a", from_queue="q", queue="r", cause=LimitCause.WAIT_LIMIT),
        CallMoved(time_us=30, sequence=1, call="a", from_queue="r", queue="s"),
        abandoned("a", 60, "s"),
    )
    exposed = {queue: (known.exposed_us, known.abandoned) for queue, known in history.queues.items()}
    assert exposed == {"q": (10, 0), "r": (20, 0), "s": (30, 1)}


def test_a_returned_call_is_at_risk_only_while_it_waits() -> None:
    requeued = {"sequence": 1, "call": "a", "queue": "q", "agent": "ada", "kept_place": True, "reason": ""}
    from_offer = learn(enqueued("a", 0), CallRequeued(time_us=5, **requeued), abandoned("a", 40)).queue("q")
    assert from_offer.exposed_us == 40
    from_talk = learn(
        enqueued("a", 0), assigned("a", 10, 10), CallRequeued(time_us=35, **requeued), abandoned("a", 40)
    ).queue("q")
    assert from_talk.exposed_us == 10 + 5


def test_a_transferred_call_is_at_risk_anew() -> None:
    history = learn(
        enqueued("a", 0),
        assigned("a", 10, 10),
        CallTransferred(time_us=60, sequence=1, call="a", from_queue="q", queue="r", agent="ada", kept_place=False,
                        hold_until_us=None),
        abandoned("a", 90, "r"),
    )  # fmt: skip
    assert (history.queue("q").exposed_us, history.queue("r").exposed_us) == (10, 30)


def test_a_callback_is_not_at_risk() -> None:
    turned = learn(
        enqueued("a", 0), CallTurnedIntoCallback(time_us=20, sequence=1, call="a"), assigned("a", 500, 500)
    ).queue("q")
    assert (turned.exposed_us, turned.abandoned, turned.last_wait_us) == (20, 0, 500)
    offered = OfferMade(time_us=90, sequence=1, offer=1, call="a", agent="ada", queue="q", expires_us=99, callback=True)
    assert learn(enqueued("a", 0), offered, assigned("a", 95, 95)).queue("q").exposed_us == 0


def test_a_refused_call_is_exposure_without_abandonment() -> None:
    refused = CallRefused(time_us=40, sequence=1, call="a", queue="q", cause=LimitCause.QUEUE_FULL, wait_us=40)
    known = learn(enqueued("a", 0), refused).queue("q")
    assert (known.exposed_us, known.abandoned) == (40, 0)


def test_nothing_is_known_of_a_new_queue() -> None:
    known = History().queue("q")
    assert (known.service.mean_us, known.patience_rate, known.served) == (0, 0, 0)


def test_an_average_forgets_and_follows() -> None:
    average = Average()
    for _ in range(10 * SAMPLES_MAX):
        average.add(100)
    assert average.count < SAMPLES_MAX
    assert average.mean_us == pytest.approx(100, rel=0.01)
    for _ in range(3 * SAMPLES_MAX):
        average.add(300)
    assert average.mean_us == pytest.approx(300, rel=0.02)


def test_memory_is_bounded_by_what_lives() -> None:
    history = History()
    for number in range(5000):
        call = f"call-{number}"
        history.observe([enqueued(call, number), assigned(call, number + 5, 5), completed(call, number + 9, 4, number)])
        history.observe([WrapUpStarted(time_us=number, sequence=1, offer=number, call=call, agent="a", until_us=0)])
        history.observe([WrapUpEnded(time_us=number + 9, sequence=1, offer=number, call=call, agent="a")])
    assert not history._waiting
    assert not history._wrap_ups
    history.forget({})
    assert not history.queues


def test_batches_do_not_matter() -> None:
    events = [enqueued("a", 0), enqueued("b", 10), assigned("a", 30, 30), abandoned("b", 80), completed("a", 90, 60)]
    whole, single = learn(*events), History()
    for event in events:
        single.observe([event])
    assert vars(whole.queue("q").service) == vars(single.queue("q").service)
    assert whole.queue("q").exposed_us == single.queue("q").exposed_us
