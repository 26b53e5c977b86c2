"""Goal: callers and agents do what the plan and the behaviour say, at the time and in the order they say.

Method: a centre is told events by hand and asked for its commands; no engine is involved.
"""

from __future__ import annotations

import pytest

from router.engine import (
    Accept,
    AgentAvailabilityChanged,
    AgentSignedIn,
    AgentSignedOut,
    AssignmentCause,
    Availability,
    CallAssigned,
    CallCompleted,
    CallEnqueued,
    Cancel,
    Command,
    Complete,
    EndWrapUp,
    Enqueue,
    Event,
    NoAnswerAction,
    OfferExpired,
    OfferMade,
    Reject,
    SetAvailability,
    SignIn,
    SignOut,
    WrapUpStarted,
)
from router.simulation import AgentBehaviour, Answer, Centre, DayPlan, PlannedAgent, PlannedCall

PPM = 1_000_000


def plan(calls: tuple[PlannedCall, ...] = (), agents: tuple[PlannedAgent, ...] = ()) -> DayPlan:
    return DayPlan("2024-03-04", 0, 1, 2, calls, agents)


def drain(centre: Centre) -> list[tuple[int, Command]]:
    commands = []
    while (time_us := centre.next_time_us()) is not None:
        command = centre.take()
        assert command is not None
        commands.append((time_us, command))
    assert centre.take() is None
    return commands


def enqueued(call: str, time_us: int) -> CallEnqueued:
    return CallEnqueued(time_us=time_us, sequence=1, call=call, queue="type-1", effective_arrival_us=time_us,
                        preferred_agents=(), hold_until_us=None)  # fmt: skip


def offered(offer: int, call: str, agent: str, time_us: int) -> OfferMade:
    return OfferMade(time_us=time_us, sequence=1, offer=offer, call=call, agent=agent, queue="type-1",
                     expires_us=time_us + 100, callback=False)  # fmt: skip


def assigned(call: str, time_us: int) -> CallAssigned:
    return CallAssigned(time_us=time_us, sequence=1, offer=1, call=call, agent="ada", queue="type-1",
                        cause=AssignmentCause.ACCEPTED, wait_us=0)  # fmt: skip


def test_the_bare_plan_is_arrivals_and_shifts() -> None:
    centre = Centre(plan((PlannedCall("a", "1", 50, 10, 30),), (PlannedAgent("ada", ("1", "2"), 10, 90),)))
    assert centre.next_time_us() == 10
    sign_in = SignIn("ada", skills={"type-1": 10, "type-2": 10})
    assert centre.take() == sign_in
    centre.observe([AgentSignedIn(time_us=10, sequence=1, agent="ada", availability=Availability.READY)])
    assert drain(centre) == [(50, Enqueue("a", "type-1")), (90, SignOut("ada"))]


def test_within_an_instant_the_order_is_fixed() -> None:
    calls = tuple(PlannedCall(name, "1", at, 40, 40) for name, at in (("talks", 10), ("waits", 10), ("new", 50)))
    agents = (PlannedAgent("leaves", ("1",), 0, 50), PlannedAgent("comes", ("1",), 50, 60))
    centre = Centre(plan(calls, agents), AgentBehaviour(ring_us=0))
    for _ in range(3):
        centre.take()
    events: list[Event] = [
        AgentSignedIn(time_us=0, sequence=1, agent="leaves", availability=Availability.READY),
        enqueued("talks", 10),
        enqueued("waits", 10),
        assigned("talks", 10),
        offered(2, "waits", "bob", 50),
    ]
    centre.observe(events)
    names = [type(command).__name__ for _, command in drain(centre)]
    assert names == ["SignOut", "Complete", "SignIn", "Accept", "Cancel", "Enqueue"]


def test_patience_runs_from_the_event_and_ends_with_the_answer() -> None:
    centre = Centre(plan((PlannedCall("a", "1", 50, 10, 30),)))
    assert centre.take() == Enqueue("a", "type-1")
    centre.observe([enqueued("a", 53)])
    assert centre.next_time_us() == 83
    centre.observe([assigned("a", 60)])
    assert drain(centre) == [(70, Complete("a"))]


def test_patience_for_ever() -> None:
    centre = Centre(plan((PlannedCall("a", "1", 50, 10, None),)))
    centre.take()
    centre.observe([enqueued("a", 50)])
    assert centre.next_time_us() is None


def test_a_caller_who_waited_in_vain_cancels() -> None:
    centre = Centre(plan((PlannedCall("a", "1", 50, 10, 30),)))
    centre.take()
    centre.observe([enqueued("a", 50)])
    assert drain(centre) == [(80, Cancel("a"))]


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (AgentBehaviour(ring_us=5), [(15, Accept(1))]),
        (AgentBehaviour(reject_ppm=PPM, reject_after_us=7), [(17, Reject(1))]),
        (AgentBehaviour(ignore_ppm=PPM), []),
    ],
)
def test_answers_to_an_offer(behaviour: AgentBehaviour, expected: list[tuple[int, Command]]) -> None:
    centre = Centre(plan(), behaviour)
    centre.observe([offered(1, "a", "ada", 10)])
    assert drain(centre) == expected


def test_the_same_offer_again_is_another_attempt() -> None:
    behaviour = AgentBehaviour(seed=5, reject_ppm=PPM // 2, ring_us=0, reject_after_us=0)
    centre = Centre(plan(), behaviour)
    answers = []
    for offer in range(1, 21):
        centre.observe([offered(offer, "a", "ada", offer)])
        answers.append(Answer.ACCEPT if centre.take() == Accept(offer) else Answer.REJECT)
    assert answers == [behaviour.answer("a", "ada", attempt) for attempt in range(1, 21)]
    assert set(answers) == {Answer.ACCEPT, Answer.REJECT}


def test_an_offer_that_ended_is_not_answered() -> None:
    centre = Centre(plan(), AgentBehaviour(ring_us=5))
    expired = OfferExpired(time_us=12, sequence=2, offer=1, call="a", agent="ada", action=NoAnswerAction.KEEP_READY)
    centre.observe([offered(1, "a", "ada", 10), expired])
    assert drain(centre) == []


@pytest.mark.parametrize("signed_out", [False, True])
def test_an_agent_who_did_not_answer_comes_back(signed_out: bool) -> None:
    centre = Centre(plan(agents=(PlannedAgent("ada", ("1",), 0, 1000),)), AgentBehaviour(return_after_us=60))
    sign_in = centre.take()
    centre.observe([AgentSignedIn(time_us=0, sequence=1, agent="ada", availability=Availability.READY)])
    if signed_out:
        centre.observe([AgentSignedOut(time_us=20, sequence=2, agent="ada", no_answer=True)])
    else:
        away = AgentAvailabilityChanged(
            time_us=20, sequence=2, agent="ada", availability=Availability.NOT_READY, reason="no_answer"
        )
        centre.observe([away])
    assert centre.next_time_us() == 80
    assert centre.take() == (sign_in if signed_out else SetAvailability("ada", ready=True))


def test_an_agent_does_not_come_back_after_the_shift() -> None:
    centre = Centre(plan(agents=(PlannedAgent("ada", ("1",), 0, 70),)), AgentBehaviour(return_after_us=60))
    centre.take()
    centre.observe([AgentSignedIn(time_us=0, sequence=1, agent="ada", availability=Availability.READY)])
    centre.observe([AgentSignedOut(time_us=20, sequence=2, agent="ada", no_answer=True)])
    assert drain(centre) == []


@pytest.mark.parametrize("manual", [False, True])
def test_manual_wrap_up_ends_at_once(manual: bool) -> None:
    centre = Centre(plan((PlannedCall("a", "1", 0, 10, None),)), manual_wrap_up=["type-1"] if manual else [])
    centre.take()
    centre.observe([enqueued("a", 0), assigned("a", 0)])
    assert centre.take() == Complete("a")
    done = CallCompleted(time_us=10, sequence=3, offer=1, call="a", agent="ada", queue="type-1", handle_us=10)
    centre.observe([done, WrapUpStarted(time_us=10, sequence=3, offer=1, call="a", agent="ada", until_us=500)])
    assert drain(centre) == ([(10, EndWrapUp("ada", "a"))] if manual else [])


def test_behaviour_follows_its_shares_and_nothing_but_its_subject() -> None:
    behaviour = AgentBehaviour(seed=3, reject_ppm=200_000, ignore_ppm=100_000)
    subjects = [(f"call-{number}", f"agent-{number % 7}", 1 + number % 2) for number in range(5000)]
    answers = [behaviour.answer(*subject) for subject in subjects]
    assert answers == [behaviour.answer(*subject) for subject in subjects]
    assert answers.count(Answer.REJECT) / 5000 == pytest.approx(0.2, abs=0.03)
    assert answers.count(Answer.IGNORE) / 5000 == pytest.approx(0.1, abs=0.03)
    again = [behaviour.answer(call, agent, attempt + 2) for call, agent, attempt in subjects]
    assert again != answers
    assert answers != [AgentBehaviour(seed=4, reject_ppm=200_000, ignore_ppm=100_000).answer(*one) for one in subjects]


@pytest.mark.parametrize(
    "wrong",
    [{"reject_ppm": -1}, {"reject_ppm": 600_000, "ignore_ppm": 500_000}, {"ring_us": -1}, {"return_after_us": -1}],
)
def test_behaviour_out_of_range_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="or more"):
        AgentBehaviour(**wrong)
