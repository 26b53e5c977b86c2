"""Goal: futures are the engine run ahead: they know steps, holds, urgency, wrap-ups, limits, who will come and go.

Method: times are fixed, so that each wait can be told by hand; chances are counted.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from router.engine import (
    SECOND_US,
    Accept,
    Assign,
    ChannelSettings,
    Detach,
    Engine,
    Enqueue,
    NoAnswerAction,
    PauseQueue,
    QueueSettings,
    Reject,
    SetAvailability,
    SignIn,
    SignOut,
    TurnIntoCallback,
    UnknownName,
    Urgency,
    WrapUp,
    WrapUpMode,
)
from router.wait.assumptions import (
    AgentAssumptions,
    Arrivals,
    Assumptions,
    Exponential,
    Fixed,
    Hazard,
    QueueAssumptions,
)
from router.wait.futures import simulate_waits
from tests.wait.futures_cases import (
    BY_PRIORITY,
    HORIZON_S,
    START_US,
    TALK,
    Centre,
    anybody,
    busy_line,
    needs,
    plain,
    plain_queue,
    requiring,
    seconds,
    waits,
)

# ---- agents ----


def test_the_call_in_hand_has_what_is_left_of_its_time() -> None:
    centre = Centre()
    centre.agents("ann", "bob")
    centre.calls(0, "first")
    centre.calls(30, "second")
    centre.calls(60, "next", "last")
    assert waits(centre.engine, plain()) == {"next": 40, "last": 70}


def test_the_moment_may_be_later_than_the_engine() -> None:
    centre = Centre()
    centre.busy(1)
    centre.calls(60, "next")
    found = simulate_waits(centre.engine, plain(), now_us=START_US + 75 * SECOND_US, futures=1)
    assert found.taken_us == START_US + 75 * SECOND_US
    assert found.targets[0].waits_s.tolist() == [25]
    assert found.targets[0].waited_us == 15 * SECOND_US
    assert centre.engine.time_us == START_US + 60 * SECOND_US


def test_slow_agents_take_longer() -> None:
    centre = Centre()
    centre.busy(1)
    centre.calls(60, "next", "last")
    slow = plain(agents={"agent-0": AgentAssumptions(handle_factor=1.5)})
    assert waits(centre.engine, slow) == {"next": 90, "last": 240}


@pytest.mark.parametrize(
    ("wrap_up", "assumed", "expected"),
    [
        (WrapUp(), None, 40),
        (WrapUp(WrapUpMode.FIXED, 25 * SECOND_US), None, 65),
        (WrapUp(WrapUpMode.FIXED, 25 * SECOND_US), seconds(10), 50),
        (WrapUp(WrapUpMode.MANUAL, 300 * SECOND_US), seconds(10), 50),
        (WrapUp(WrapUpMode.MANUAL, 300 * SECOND_US), None, 340),
        (WrapUp(WrapUpMode.MANUAL, 30 * SECOND_US), seconds(50), 70),
    ],
)
def test_wrap_up_comes_before_the_next_call(wrap_up: WrapUp, assumed: Fixed | None, expected: float) -> None:
    centre = Centre({"q": plain_queue(wrap_up=wrap_up)})
    centre.busy(1)
    centre.calls(60, "next")
    known = Assumptions(queues={"q": QueueAssumptions(handle_time=TALK, wrap_up=assumed)})
    assert waits(centre.engine, known) == {"next": expected}


@pytest.mark.parametrize(("assumed", "expected"), [(None, 55), (seconds(20), 15)])
def test_a_wrap_up_under_way_has_what_is_left_of_it(assumed: Fixed | None, expected: float) -> None:
    centre = Centre({"q": plain_queue(wrap_up=WrapUp(WrapUpMode.MANUAL, 60 * SECOND_US))})
    centre.busy(1)
    centre.complete(60, "busy-0")
    centre.calls(65, "next")
    known = Assumptions(queues={"q": QueueAssumptions(handle_time=TALK, wrap_up=assumed)})
    assert waits(centre.engine, known) == {"next": expected}


def test_who_is_not_ready_comes_back() -> None:
    centre = Centre()
    centre.agents("ann")
    centre.at(0, SetAvailability("ann", ready=False))
    centre.calls(10, "next", "last")
    assert waits(centre.engine, plain(not_ready=seconds(30))) == {"next": 30, "last": 130}
    assert waits(centre.engine, plain()) == {"next": HORIZON_S, "last": HORIZON_S}


def test_who_finishes_a_call_may_take_a_break() -> None:
    centre = Centre()
    centre.busy(1)
    centre.calls(60, "next")
    assert waits(centre.engine, plain(break_chance=1, not_ready=seconds(20))) == {"next": 60}
    found = simulate_waits(centre.engine, plain(break_chance=0.3, not_ready=seconds(20)), futures=2000).targets[0]
    assert abs((found.waits_s == 60).mean() - 0.3) < 4 * math.sqrt(0.21 / 2000)
    assert set(found.waits_s.tolist()) == {40, 60}


def test_shifts_who_comes_and_who_leaves() -> None:
    centre = Centre({"q": plain_queue(requirement=requiring(needs("spanish")))})
    centre.agents("ann", "bob", skills={"spanish": 5})
    centre.at(0, SignOut("bob"))
    centre.calls(0, "in hand")
    centre.calls(60, "next", "last", "later")
    coming = shift(30, 200)
    assert waits(centre.engine, plain()) == {"next": 40, "last": 140, "later": 240}
    assert waits(centre.engine, plain(agents={"bob": coming})) == {"next": 30, "last": 40, "later": 130}
    leaving = shift(-3600, 35)
    assert waits(centre.engine, plain(agents={"ann": leaving, "bob": coming})) == {
        "next": 30,
        "last": 130,
        "later": HORIZON_S,
    }


def shift(comes_s: int, leaves_s: int) -> AgentAssumptions:
    return AgentAssumptions(days=[(comes_s, leaves_s)] * 3)


def shares(engine: Engine, assumptions: Assumptions) -> dict[float, float]:
    """How often the last call of the line waits how long, in 4,000 futures."""
    found = simulate_waits(engine, assumptions, futures=4000).targets[-1].waits_s
    lengths, counts = np.unique(found, return_counts=True)
    return {float(length): count / 4000 for length, count in zip(lengths, counts, strict=True)}


def assert_shares(found: dict[float, float], expected: dict[float, float]) -> None:
    assert found.keys() == expected.keys()
    for length_s, share in expected.items():
        assert abs(found[length_s] - share) < 4 * math.sqrt(share * (1 - share) / 4000), length_s


def test_who_comes_is_drawn_from_the_days_that_fit() -> None:
    """Of four days one is over (the agent would be here already), one was off: the others are as likely as that one."""
    centre = Centre()
    centre.agents("ann")
    centre.at(0, SignOut("ann"))
    centre.calls(10, "next")
    days = [(50, 500), None, (-100, 400), (80, 500)]
    found = shares(centre.engine, plain(agents={"ann": AgentAssumptions(days=days)}))
    assert_shares(found, {50: 1 / 3, 80: 1 / 3, HORIZON_S: 1 / 3})
    over = AgentAssumptions(days=[(-500, 500), (-400, 5), (-300, 7)])
    assert waits(centre.engine, plain(agents={"ann": over})) == {"next": HORIZON_S}


def test_days_that_do_not_fit_are_drawn_again_six_times() -> None:
    """Fifteen of sixteen days are over: with chance (15/16)^7 no day fits, and nobody comes."""
    centre = Centre()
    centre.agents("ann")
    centre.at(0, SignOut("ann"))
    centre.calls(10, "next")
    days = [(-100, 400)] * 15 + [(50, 500)]
    none = (15 / 16) ** 7
    assert_shares(
        shares(centre.engine, plain(agents={"ann": AgentAssumptions(days=days)})), {50: 1 - none, HORIZON_S: none}
    )


def test_who_leaves_is_drawn_from_the_days_that_fit() -> None:
    """Ann is free in 100 s: gone by then on two of three days that fit; bob in 200 s."""
    centre = Centre()
    centre.agents("ann")
    centre.calls(0, "in hand")
    centre.agents("bob")
    centre.at(0, Enqueue("long", "q", "voice"))
    centre.calls(0, "next")
    days = [(-500, -5), (-500, 40), (-500, 150), (-500, 90)]
    agents = {"ann": AgentAssumptions(days=days), "bob": AgentAssumptions(handle_factor=2)}
    # a call that ann takes in the end goes on after she has left
    assert_shares(shares(centre.engine, plain(agents=agents)), {100: 1 / 3, 200: 2 / 3})


def test_in_shadow_mode_who_would_have_left_on_every_day_is_likely_gone() -> None:
    """Nobody says that an agent has left: free for over a minute, and on no day there so late: gone with chance .7."""
    centre = Centre({"q": plain_queue(automatic=False)})
    centre.agents("ann")
    centre.at(0, PauseQueue("q"))
    centre.calls(70, "next")
    days = AgentAssumptions(days=[(-500, -5)] * 3)
    known = plain(return_lag=seconds(90), agents={"ann": days})
    assert_shares(shares(centre.engine, known), {20: 0.3, HORIZON_S: 0.7})
    early = Centre({"q": plain_queue(automatic=False)})
    early.agents("ann")
    early.at(0, PauseQueue("q"))
    early.calls(50, "next")
    assert waits(early.engine, known) == {"next": 40}


# ---- offers ----


def test_the_ring_is_part_of_the_wait() -> None:
    offering = Centre({"q": plain_queue(automatic=False)})
    offering.agents("ann")
    offering.calls(0, "in hand")
    assert simulate_waits(offering.engine, plain(ring=seconds(15))).targets == ()
    offering.calls(10, "next")
    # it has rung for 10 of 15 s
    assert waits(offering.engine, plain(ring=seconds(15))) == {"next": 5 + 100 + 15}
    automatic = Centre()
    automatic.busy(1)
    automatic.calls(60, "next")
    assert waits(automatic.engine, plain(ring=seconds(5))) == {"next": 40}


def test_who_hangs_up_while_it_rings_gives_the_agent_back() -> None:
    """Both callers leave in 45 s. It rings for the first from 40 to 55; the agent gets the other one at 45."""
    centre = Centre({"q": plain_queue(automatic=False)})
    centre.agents("ann")
    centre.calls(0, "in hand")
    centre.at(0, Accept(1))
    centre.calls(60, "next", "last")
    known = plain(patience=seconds(45), ring=seconds(15))
    assert waits(centre.engine, known) == {"next": 55, "last": 60}


@pytest.mark.parametrize(("leaves_in_s", "expected"), [(45, 115), (56, 55)])
def test_who_leaves_while_it_rings_gives_the_call_back(leaves_in_s: int, expected: float) -> None:
    """It rings for ann from 40 to 55, and for bob from 100 on."""
    centre = Centre({"q": plain_queue(automatic=False)})
    centre.agents("ann")
    centre.calls(0, "in hand")
    centre.at(0, Accept(1))
    centre.agents("bob", second=60)
    centre.calls(60, "other")
    centre.at(60, Accept(2))
    centre.calls(60, "next")
    known = plain(ring=seconds(15), agents={"ann": shift(-3600, leaves_in_s)})
    assert waits(centre.engine, known) == {"next": expected}


def test_rejected_offers_come_again() -> None:
    """One agent, a ring of 5 s, half of the offers rejected, no bar: the wait is 5 s times a geometric number."""
    centre = Centre({"q": plain_queue(automatic=False, reject_backoff_us=0)})
    centre.agents("ann")
    fresh = Enqueue("new", "q", "voice")
    found = simulate_waits(centre.engine, plain(ring=seconds(5), reject=0.5), fresh, futures=4000).targets[0]
    for tries in range(1, 5):
        share = 0.5**tries
        assert abs((found.waits_s == 5 * tries).mean() - share) < 4 * math.sqrt(share * (1 - share) / 4000)


def test_who_rejects_a_call_is_barred_and_another_takes_it() -> None:
    centre = Centre({"q": plain_queue(automatic=False, reject_backoff_us=60 * SECOND_US)})
    centre.agents("ann")
    centre.calls(0, "next")
    centre.at(5, Reject(1))
    assert waits(centre.engine, plain(ring=seconds(2))) == {"next": 62}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (NoAnswerAction.KEEP_READY, {5, 25, 45}),
        (NoAnswerAction.NOT_READY, {5, 65}),
        (NoAnswerAction.SIGN_OUT, {5, HORIZON_S}),
    ],
)
def test_offers_that_ring_out(action: NoAnswerAction, expected: set[float]) -> None:
    """A ring of 5 s, and 20 s until it expires; who is made not ready for it is back 40 s later."""
    queue = plain_queue(automatic=False, offer_timeout_us=20 * SECOND_US, reject_backoff_us=0, no_answer_action=action)
    centre = Centre({"q": queue})
    centre.agents("ann")
    known = plain(ring=seconds(5), no_answer=0.3, not_ready=seconds(40))
    found = simulate_waits(centre.engine, known, Enqueue("new", "q", "voice"), futures=2000).targets[0]
    assert expected <= set(found.waits_s.tolist())
    assert abs((found.waits_s == 5).mean() - 0.7) < 4 * math.sqrt(0.21 / 2000)


def test_a_pending_offer_that_has_rung_long_is_likely_to_expire() -> None:
    """Rings last 2 s, it has rung for 10 s: nobody will answer. The agent gets the next call when it expires, at 20."""
    queue = plain_queue(automatic=False, offer_timeout_us=20 * SECOND_US, no_answer_action=NoAnswerAction.KEEP_READY)
    centre = Centre({"q": queue})
    centre.agents("ann")
    centre.calls(0, "rings")
    centre.calls(10, "next")
    found = simulate_waits(centre.engine, plain(ring=seconds(2), no_answer=1e-6), futures=50).targets[0]
    assert set(found.waits_s.tolist()) == {12}


# ---- what the engine knows ----


@pytest.mark.parametrize(("step_after_s", "expected"), [(30, 50), (70, 70), (300, 100)])
def test_steps_let_others_in(step_after_s: float, expected: float) -> None:
    """The fluent agent is free in 100 s, the other in 50 s, and may take the call once the step is reached."""
    queues = {
        "other": plain_queue(),
        "q": plain_queue(requirement=requiring(needs("spanish"), anybody(after_s=step_after_s))),
    }
    centre = Centre(queues)
    centre.agents("plain")
    centre.calls(0, "in hand", queue="other")
    centre.agents("fluent", second=50, skills={"spanish": 8})
    centre.calls(50, "fluently", queue="q")
    centre.calls(50, "next")
    assert waits(centre.engine, plain("q", "other"))["next"] == expected


@pytest.mark.parametrize(("hold_s", "expected"), [(80, 80), (120, 100), (0, 0)])
def test_holds_keep_a_call_for_its_preferred_agents(hold_s: float, expected: float) -> None:
    centre = Centre()
    centre.agents("ann")
    centre.calls(0, "in hand")
    centre.agents("bob")
    held = Enqueue("new", "q", "voice", preferred_agents=("ann",), hold_us=round(hold_s * SECOND_US))
    assert waits(centre.engine, plain(), held) == {None: expected}


def test_who_is_urgent_or_has_priority_goes_first() -> None:
    centre = Centre({"q": plain_queue(call_weights=BY_PRIORITY)})
    centre.busy(1)
    centre.calls(60, "plain")
    centre.calls(60, "prior", priority=5)
    centre.calls(60, "urgent", urgency=Urgency.URGENT)
    assert waits(centre.engine, plain()) == {"urgent": 40, "prior": 140, "plain": 240}


def test_a_call_that_meets_its_wait_limit_moves_on_or_is_refused() -> None:
    limited = plain_queue(requirement=requiring(needs("spanish")), wait_max_us=30 * SECOND_US)
    centre = Centre({"q": limited, "spare": plain_queue()})
    centre.agents("ann")
    centre.calls(0, "next")
    refused = simulate_waits(centre.engine, plain("q", "spare"), futures=5).targets[0]
    assert refused.refused == 5
    assert refused.waits_s.tolist() == [HORIZON_S] * 5
    moving = Centre({"q": QueueSettings(**as_fields(limited) | {"overflow": "spare"}), "spare": plain_queue()})
    moving.agents("ann")
    moving.calls(10, "next")
    assert waits(moving.engine, plain("q", "spare")) == {"next": 30}


def as_fields(queue: QueueSettings) -> dict[str, Any]:
    return {name: getattr(queue, name) for name in queue.__struct_fields__}


def test_several_chats_at_a_time() -> None:
    centre = Centre(channels={"voice": ChannelSettings(exclusive=True), "chat": ChannelSettings(exclusive=False)})
    centre.at(0, SignIn("ann", {}, {"voice": 1, "chat": 2}))
    centre.at(0, Enqueue("chat-1", "q", "chat"))
    centre.at(30, Enqueue("chat-2", "q", "chat"))
    centre.at(60, Enqueue("chat-3", "q", "chat"), Enqueue("spoken", "q", "voice"))
    # the agent must have no chat at all to speak, and always gets the next chat first
    assert waits(centre.engine, plain()) == {"chat-3": 40, "spoken": 140}


# ---- callers ----


def test_a_ghost_keeps_its_place_and_takes_no_capacity() -> None:
    """The first caller gives up after 10 s: told when it would have been served, and the next one is served then."""
    engine = busy_line(1, 3)
    assert waits(engine, plain(patience=seconds(10))) == {"call-0": 100, "call-1": 100, "call-2": 100}
    assert waits(engine, plain()) == {"call-0": 100, "call-1": 200, "call-2": 300}


def test_weights_are_the_chance_that_the_caller_is_still_there() -> None:
    centre = Centre()
    centre.busy(1)
    centre.calls(60, "next")
    centre.at(80, TurnIntoCallback("next"))
    centre.calls(80, "last")
    patient = plain(patience=Exponential(mean_us=50 * SECOND_US))
    found = {target.call: target for target in simulate_waits(centre.engine, patient, futures=50).targets}
    assert found["next"].weights.tolist() == [1] * 50  # off the line
    np.testing.assert_allclose(found["last"].weights, np.exp(-found["last"].waits_s / 50), rtol=1e-5)
    ageing = plain(patience=Hazard([0, 25 * SECOND_US], [0.0, 0.1]))
    aged = simulate_waits(centre.engine, ageing, "last", futures=5, now_us=START_US + 90 * SECOND_US).targets[0]
    np.testing.assert_allclose(aged.weights, np.exp(-0.1 * np.maximum(0, aged.waits_s - 15)), rtol=1e-5)


def test_new_callers_give_up_too() -> None:
    """Urgent callers go before the one who waits, but none of them waits for as long as the agent is busy."""
    rush = Arrivals(rates_per_s=[1.0], urgency=Urgency.URGENT)
    hasty = QueueAssumptions(handle_time=TALK, patience=Fixed(length_us=0), arrivals=[rush])
    found = simulate_waits(busy_line(1, 1), Assumptions(queues={"q": hasty}), futures=20)
    assert found.targets[0].waits_s.tolist() == [100] * 20


def test_rates_of_arrivals_by_period() -> None:
    """No urgent call in the first 50 s, and then so many that the caller is never served in the first 500 s."""
    rush = Arrivals(rates_per_s=[0.0, 20.0], period_us=50 * SECOND_US, urgency=Urgency.URGENT)
    late = Assumptions(queues={"q": QueueAssumptions(handle_time=TALK, arrivals=[rush])})
    centre = Centre()
    centre.busy(1)
    centre.calls(60, "next")
    assert waits(centre.engine, late, horizon_us=500 * SECOND_US) == {"next": 40}
    centre.calls(60, "last")
    assert waits(centre.engine, late, horizon_us=500 * SECOND_US) == {"next": 40, "last": 500}


# ---- whose wait ----


def test_who_nobody_may_take_is_no_target() -> None:
    centre = Centre({"q": plain_queue(), "paused": plain_queue()})
    centre.busy(1)
    centre.at(0, PauseQueue("paused"))
    centre.calls(0, "stuck", queue="paused")
    centre.calls(0, "gone", "next")
    centre.at(0, Detach("gone"))
    known = plain("q", "paused")
    assert waits(centre.engine, known) == {"next": 100}
    for call in ("stuck", "gone", "busy-0"):
        with pytest.raises(ValueError, match=f"call: '{call}' does not wait, or nobody may take it"):
            simulate_waits(centre.engine, known, call)
    with pytest.raises(UnknownName, match="unknown call 'nobody'"):
        simulate_waits(centre.engine, known, "nobody")


def test_one_call_gets_what_it_gets_among_all() -> None:
    known = Assumptions(
        queues={
            "q": QueueAssumptions(
                handle_time=Exponential(mean_us=80 * SECOND_US), patience=Exponential(mean_us=200 * SECOND_US)
            )
        }
    )
    engine = busy_line(5, 12)
    everybody = {target.call: target for target in simulate_waits(engine, known, futures=40).targets}
    for name in ("call-0", "call-7", "call-11"):
        (alone,) = simulate_waits(engine, known, name, futures=40).targets
        assert alone.waits_s.tolist() == everybody[name].waits_s.tolist()
        assert alone.position == everybody[name].position == 1 + int(name.removeprefix("call-"))


def test_a_call_that_is_only_thought_of() -> None:
    centre = Centre({"q": plain_queue(waiting_max=1, last_agent_preferred=True, last_agent_hold_us=50 * SECOND_US)})
    fresh = Enqueue("call-0", "q", "voice")
    centre.agents("ann")
    assert waits(centre.engine, plain(), fresh) == {None: 0}
    centre.calls(0, "in hand")
    assert waits(centre.engine, plain(), fresh) == {None: 100}
    centre.calls(0, "next")
    found = simulate_waits(centre.engine, plain(), fresh, futures=2)
    assert [(target.call, target.position, target.refused) for target in found.targets] == [
        ("next", 1, 0),
        (None, 0, 2),
    ]
    assert centre.engine.sequence == 4


def test_a_known_customer_waits_for_the_last_agent() -> None:
    centre = Centre({"q": plain_queue(last_agent_preferred=True, last_agent_hold_us=50 * SECOND_US)})
    centre.agents("ann")
    centre.calls(0, "before", customer="kim")
    centre.complete(10, "before")
    centre.calls(10, "in hand")
    centre.agents("bob", second=10)
    assert waits(centre.engine, plain(), Enqueue("new", "q", "voice", customer="kim")) == {None: 50}
    assert waits(centre.engine, plain(), Enqueue("new", "q", "voice", customer="lee")) == {None: 0}


def test_calls_that_the_engine_would_not_take() -> None:
    centre = Centre()
    with pytest.raises(UnknownName, match="unknown queue 'other'"):
        simulate_waits(centre.engine, plain(), Enqueue("new", "other", "voice"))
    with pytest.raises(ValueError, match="the engine would not take the call: UNKNOWN_CHANNEL"):
        simulate_waits(centre.engine, plain(), Enqueue("new", "q", "letter"))


# ---- an outside system decides ----


def test_in_shadow_mode_agents_come_back_when_they_do() -> None:
    """Queues are paused, calls are assigned by force. Free for 30 s while a call waits, ann is away for 50 s in all."""
    centre = Centre({"q": plain_queue(automatic=False)})
    centre.agents("ann", "bob", "cat")
    centre.at(0, PauseQueue("q"))
    centre.calls(0, "in hand")
    centre.at(0, Assign("in hand", "bob"), SetAvailability("cat", ready=False))
    centre.calls(30, "next", "last", "later")
    shadow = plain(return_lag=seconds(50), ring=seconds(7))
    assert waits(centre.engine, shadow) == {"next": 20, "last": 120, "later": 170}
    assert simulate_waits(centre.engine, plain()).targets == ()
