"""What callers and agents do, each part of the model on its own: scenarios so small that all events are foreseeable."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import msgspec
import pytest

from router.engine import commands as c
from router.engine import events as e
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.settings import MINUTE_US, SECOND_US, ChannelSettings, WrapUp
from router.engine.vocabulary import AssignmentCause, NoAnswerAction, WrapUpMode
from router.simulation._native import EPOCH_US
from router.simulation.errors import SimulationError
from router.simulation.results import Happening
from router.simulation.run import Simulation, simulate
from router.simulation.scenario.model import (
    AgentGroup,
    Callers,
    Ending,
    HuntedAgent,
    Hunting,
    LineOrder,
    PoissonArrivals,
    RecordedArrivals,
    Redial,
    RenewalArrivals,
    Scenario,
    ShiftEnd,
)
from tests.simulation.scenarios import about, exactly, plain, queue, scenario


def calling(*seconds: float, handle: float = 10, **changes: Any) -> Callers:
    """Make callers "c" who arrive at these seconds."""
    times_us = tuple(round(second * SECOND_US) for second in seconds)
    values = {
        "name": "c",
        "queue": "q",
        "arrivals": RecordedArrivals(times_us),
        "handle_time": exactly(handle),
        **changes,
    }
    return Callers(**values)


def happenings(one: Scenario, replication: int = 0) -> list[Happening]:
    return list(Simulation(one, replication).happenings())


def told(one: Scenario, *kinds: type) -> list[tuple[float, str, str]]:
    """List (seconds from the start, kind of event, call or agent) of the events of these kinds."""
    return [
        (
            (event.time_us - EPOCH_US) / SECOND_US,
            type(event).__name__,
            getattr(event, "call", "") or getattr(event, "agent", ""),
        )
        for happening in happenings(one)
        for event in happening.events
        if isinstance(event, kinds)
    ]


def test_callers_are_served_in_order_for_their_handle_time() -> None:
    one = scenario(calling(0, 1, 2, handle=10), AgentGroup(name="a", count=1))
    assert told(one, e.CallAssigned, e.CallCompleted) == [
        (0, "CallAssigned", "call-1"),
        (10, "CallCompleted", "call-1"),
        (10, "CallAssigned", "call-2"),
        (20, "CallCompleted", "call-2"),
        (20, "CallAssigned", "call-3"),
        (30, "CallCompleted", "call-3"),
    ]


def test_whoever_is_not_served_in_time_gives_up() -> None:
    one = scenario(calling(0, 1, handle=10, patience=exactly(5)), AgentGroup(name="a", count=1))
    assert told(one, e.CallAbandoned) == [(6, "CallAbandoned", "call-2")]


def test_recorded_handle_times_and_patience_rule_over_the_callers() -> None:
    recorded = RecordedArrivals((0, SECOND_US), handle_us=(7 * SECOND_US, SECOND_US), patience_us=(-1, 3 * SECOND_US))
    one = scenario(calling(arrivals=recorded, patience=exactly(1)), AgentGroup(name="a", count=1))
    assert told(one, e.CallCompleted, e.CallAbandoned) == [
        (4, "CallAbandoned", "call-2"),
        (7, "CallCompleted", "call-1"),
    ]


@pytest.mark.parametrize(
    ("at_shift_end", "completed", "handle_s"),
    [(ShiftEnd.FINISH, 25, 25), (ShiftEnd.CUT, 20, 20), (ShiftEnd.REQUEUE, 35, 5)],
)
def test_the_end_of_a_shift(at_shift_end: ShiftEnd, completed: float, handle_s: float) -> None:
    """The first agent leaves after 20 s of a call of 25 s; the second one comes after 30 s."""
    agents = (
        AgentGroup(name="a", count=1, shifts=((0, 20 * SECOND_US),), at_shift_end=at_shift_end),
        AgentGroup(name="b", count=1, shifts=((30 * SECOND_US, 90 * SECOND_US),)),
    )
    one = scenario(calling(0, handle=25), agents)
    assert told(one, e.CallCompleted) == [(completed, "CallCompleted", "call-1")]
    (event,) = (event for step in happenings(one) for event in step.events if isinstance(event, e.CallCompleted))
    assert event.handle_us == handle_s * SECOND_US
    assert (20, "AgentSignedOut", "a") in told(one, e.AgentSignedOut)
    assert bool(told(one, e.CallRequeued)) == (at_shift_end is ShiftEnd.REQUEUE)


def test_who_was_answered_once_holds_the_line() -> None:
    agents = (
        AgentGroup(name="a", count=1, shifts=((0, 20 * SECOND_US),), at_shift_end=ShiftEnd.REQUEUE),
        AgentGroup(name="b", count=1, shifts=((300 * SECOND_US, 900 * SECOND_US),)),
    )
    one = scenario(calling(0, handle=25, patience=exactly(10)), agents)
    assert told(one, e.CallAbandoned, e.CallCompleted) == [(305, "CallCompleted", "call-1")]


def test_staffing_goes_round() -> None:
    group = AgentGroup(name="a", count=2, staffing=(1, 2, 0), staffing_period_us=10 * SECOND_US)
    one = scenario(calling(100), group, length_us=60 * SECOND_US)
    assert told(one, e.AgentSignedIn, e.AgentSignedOut) == [
        (0, "AgentSignedIn", "a-1"),
        (10, "AgentSignedIn", "a-2"),
        (20, "AgentSignedOut", "a-1"),
        (20, "AgentSignedOut", "a-2"),
        (30, "AgentSignedIn", "a-1"),
        (40, "AgentSignedIn", "a-2"),
        (50, "AgentSignedOut", "a-1"),
        (50, "AgentSignedOut", "a-2"),
    ]


def test_agents_who_are_always_there_never_leave() -> None:
    group = AgentGroup(name="a", count=2, staffing=(2,), staffing_period_us=MINUTE_US)
    assert told(scenario(calling(0), group), e.AgentSignedOut) == []


def test_rings_rejects_and_no_answers() -> None:
    lines = {"q": queue(automatic=False, offer_timeout_us=20 * SECOND_US, reject_backoff_us=0)}
    ring = scenario(calling(0), AgentGroup(name="a", count=1, ring=exactly(3)), queues=lines)
    assert told(ring, e.OfferMade, e.OfferAccepted) == [(0, "OfferMade", "call-1"), (3, "OfferAccepted", "call-1")]

    refuser = AgentGroup(name="a", count=1, reject=1.0, reject_after=exactly(2))
    patient = calling(0, patience=exactly(7))
    assert [
        kind for _, kind, _ in told(scenario(patient, refuser, queues=lines), e.OfferRejected, e.CallAbandoned)
    ] == [
        "OfferRejected",
        "OfferRejected",
        "OfferRejected",
        "CallAbandoned",
    ]

    deaf = AgentGroup(name="a", count=1, no_answer=1.0, return_after=exactly(5))
    patient = calling(0, patience=exactly(40))
    assert told(scenario(patient, deaf, queues=lines), e.OfferMade, e.OfferExpired, e.AgentAvailabilityChanged) == [
        (0, "OfferMade", "call-1"),
        (20, "OfferExpired", "call-1"),
        (20, "AgentAvailabilityChanged", "a"),
        (25, "AgentAvailabilityChanged", "a"),
        (25, "OfferMade", "call-1"),
    ]


def test_who_was_signed_out_for_not_answering_comes_back_within_the_shift_only() -> None:
    lines = {"q": queue(automatic=False, offer_timeout_us=10 * SECOND_US, no_answer_action=NoAnswerAction.SIGN_OUT)}
    deaf = AgentGroup(name="a", count=1, no_answer=1.0, return_after=exactly(15), shifts=((0, 40 * SECOND_US),))
    one = scenario(calling(0, patience=exactly(200)), deaf, queues=lines)
    assert told(one, e.AgentSignedIn, e.AgentSignedOut) == [
        (0, "AgentSignedIn", "a"),
        (10, "AgentSignedOut", "a"),
        (25, "AgentSignedIn", "a"),
        (40, "AgentSignedOut", "a"),  # at the end of the shift; the offer of 30 s, after the bar, is withdrawn
    ]


def test_callers_end_the_wrap_up_of_a_manual_queue() -> None:
    lines = {"q": queue(wrap_up=WrapUp(WrapUpMode.MANUAL, 60 * SECOND_US))}
    one = scenario(calling(0, 1, wrap_up=exactly(4)), AgentGroup(name="a", count=1), queues=lines)
    assert told(one, e.CallAssigned, e.WrapUpEnded) == [
        (0, "CallAssigned", "call-1"),
        (14, "WrapUpEnded", "call-1"),
        (14, "CallAssigned", "call-2"),
        (28, "WrapUpEnded", "call-2"),
    ]
    ends = [step.command for step in happenings(one) if isinstance(step.command, c.EndWrapUp)]
    assert ends == [c.EndWrapUp("a", "call-1"), c.EndWrapUp("a", "call-2")]


def test_each_of_several_wrap_ups_ends_at_its_own_time() -> None:
    lines = {"q": queue(wrap_up=WrapUp(WrapUpMode.MANUAL, 600 * SECOND_US))}
    chats = RecordedArrivals((0, SECOND_US), handle_us=(20 * SECOND_US, 5 * SECOND_US))
    long = calling(arrivals=chats, channel="chat", wrap_up=exactly(30))
    team = AgentGroup(name="a", count=1, capacity={"chat": 2})
    one = scenario(long, team, queues=lines, channels={"chat": ChannelSettings(exclusive=False)})
    assert told(one, e.WrapUpEnded) == [(36, "WrapUpEnded", "call-2"), (50, "WrapUpEnded", "call-1")]


def test_levels_decide_on_handle_time_and_resolution() -> None:
    skilled = {
        "handle_factor_by_level": ((1, 2.0), (5, 0.5)),
        "resolution_by_level": ((1, 0.0), (5, 1.0)),
        "skill": "loans",
    }
    for level, seconds, resolved in ((1, 20, False), (4, 20, False), (5, 5, True), (10, 5, True)):
        one = scenario(calling(0, **skilled), AgentGroup(name="a", count=1, skills={"loans": level}))
        assert told(one, e.CallCompleted) == [(seconds, "CallCompleted", "call-1")]
        outcomes = [step.command for step in happenings(one) if isinstance(step.command, c.RecordOutcome)]
        assert outcomes == [c.RecordOutcome("call-1", resolved=resolved)]


def test_an_agent_without_the_skill_has_level_0_and_the_groups_factor_multiplies() -> None:
    callers = calling(0, skill="loans", handle_factor_by_level=((3, 2.0), (5, 0.5)))
    one = scenario(callers, AgentGroup(name="a", count=1, skills={"cards": 9}, handle_factor=3.0))
    assert told(one, e.CallCompleted) == [(60, "CallCompleted", "call-1")]


def test_handle_times_of_the_group_rule_over_the_callers() -> None:
    group = AgentGroup(name="a", count=1, handle_time=exactly(2), handle_times={"d": exactly(3)})
    kinds = (calling(0), calling(20, name="d"))
    assert told(scenario(kinds, group), e.CallCompleted) == [
        (2, "CallCompleted", "call-1"),
        (23, "CallCompleted", "call-2"),
    ]


def test_satisfaction_follows_the_wait_and_is_told_whole() -> None:
    callers = Callers(
        name="c", queue="q", arrivals=RenewalArrivals(exactly(2)), handle_time=exactly(1),
        satisfaction_by_wait=((0, 4.25), (SECOND_US, 1.0)),
    )  # fmt: skip
    one = scenario(callers, AgentGroup(name="a", count=1), length_us=20_000 * SECOND_US)
    (found,) = simulate(one, replications=1)
    assert found.calls.satisfactions == found.calls.offered == 9999
    assert found.calls.satisfaction_sum / 9999 == pytest.approx(4.25, abs=0.02)
    waiting = scenario(
        calling(0, 1, satisfaction_by_wait=((0, 5.0), (5 * SECOND_US, 2.0))), AgentGroup(name="a", count=1)
    )
    scores = [step.command.satisfaction for step in happenings(waiting) if isinstance(step.command, c.RecordOutcome)]
    assert scores == [5, 2]


def test_the_unresolved_call_again() -> None:
    again = Redial(chance=1.0, after=exactly(100), times_max=2)
    callers = calling(0, resolution_by_level=((1, 0.0),), redial_unresolved=again, known=True)
    one = scenario(callers, AgentGroup(name="a", count=1))
    assert told(one, e.CallEnqueued) == [
        (0, "CallEnqueued", "call-1"),
        (110, "CallEnqueued", "call-1-2"),
        (220, "CallEnqueued", "call-1-3"),
    ]
    assert {step.command.customer for step in happenings(one) if isinstance(step.command, c.Enqueue)} == {"c-1"}
    (found,) = simulate(one, replications=1)
    assert (found.calls.redials, found.calls.first_calls, found.calls.unresolved) == (2, 1, 3)


def test_those_who_gave_up_or_were_blocked_call_again_but_not_after_the_end() -> None:
    again = Redial(chance=1.0, after=exactly(50))
    callers = calling(0, 1, handle=1000, patience=exactly(10), redial_abandoned=again)
    one = scenario(callers, AgentGroup(name="a", count=1), length_us=200 * SECOND_US)
    assert [time for time, _, _ in told(one, e.CallEnqueued)] == [0, 1, 61, 121, 181]
    blocked = scenario(
        calling(0, 1, handle=1000, redial_abandoned=again), AgentGroup(name="a", count=1),
        queues={"q": queue(waiting_max=0)}, length_us=200 * SECOND_US,
    )  # fmt: skip
    assert [time for time, _, _ in told(blocked, e.CallRefused)] == [1, 51, 101, 151]


def test_a_redial_happens_with_its_chance() -> None:
    again = Redial(chance=0.3, after=exactly(1), times_max=1)
    callers = Callers(
        name="c", queue="q", arrivals=RenewalArrivals(exactly(2)), handle_time=exactly(0.1),
        resolution_by_level=((1, 0.6),), redial_unresolved=again,
    )  # fmt: skip
    (found,) = simulate(scenario(callers, AgentGroup(name="a", count=9), length_us=40_000 * SECOND_US), replications=1)
    first = found.calls.first_calls
    assert found.calls.first_resolved / first == pytest.approx(0.6, abs=0.015)
    assert found.calls.redials / (0.4 * first) == pytest.approx(0.3, abs=0.02)


def test_known_customers_come_back_to_their_last_agent() -> None:
    lines = {"q": queue(last_agent_preferred=True, last_agent_hold_us=60 * SECOND_US)}
    callers = calling(*range(0, 2000, 40), handle=1, customers=3, known=True)
    steps = happenings(scenario(callers, AgentGroup(name="a", count=4), queues=lines))
    names = {step.command.call: step.command.customer for step in steps if isinstance(step.command, c.Enqueue)}
    assert set(names.values()) == {"c-1", "c-2", "c-3"}
    agents: dict[str, set[str]] = {}
    for step in steps:
        for event in step.events:
            if isinstance(event, e.CallAssigned):
                agents.setdefault(names[event.call], set()).add(event.agent)
    assert all(len(group) == 1 for group in agents.values())


def test_poisson_rates_hold_in_their_periods() -> None:
    callers = Callers(
        name="c", queue="q", arrivals=PoissonArrivals((2.0, 0.0, 6.0), period_us=10 * SECOND_US), handle_time=exactly(0)
    )
    counted: Counter[int] = Counter()
    times = [time for time, _, _ in told(scenario(callers, AgentGroup(name="a", count=1)), e.CallEnqueued)]
    for time in times:
        counted[int(time // 10) % 3] += 1
    assert counted[1] == 0
    assert counted[0] == pytest.approx(2400, abs=4 * 2400**0.5)
    assert counted[2] == pytest.approx(7200, abs=4 * 7200**0.5)
    within = [time % 10 for time in times if int(time // 10) % 3 == 2]
    assert sum(within) / len(within) == pytest.approx(5, abs=4 * 10 / (12 * 7200) ** 0.5)


def test_day_factors_spread_the_days_and_keep_the_mean() -> None:
    """Counts of days are mixed Poisson: variance = mean + (cv · mean)²."""
    arrivals = PoissonArrivals((1.0,), day_factor_cv=0.5, day_us=100 * SECOND_US)
    callers = Callers(name="c", queue="q", arrivals=arrivals, handle_time=exactly(0))
    one = scenario(callers, AgentGroup(name="a", count=1), length_us=40_000 * SECOND_US)
    (found,) = simulate(one, replications=1, slices=400)
    assert found.series is not None
    days = found.series.offered
    mean = sum(days) / len(days)
    variance = sum((day - mean) ** 2 for day in days) / (len(days) - 1)
    assert mean == pytest.approx(100, abs=4 * 51 / 20)
    assert variance == pytest.approx(100 + 50**2, rel=0.3)


def test_renewal_arrivals_keep_their_interval() -> None:
    callers = Callers(name="c", queue="q", arrivals=RenewalArrivals(exactly(7)), handle_time=exactly(1))
    one = scenario(callers, AgentGroup(name="a", count=1), length_us=36 * SECOND_US)
    assert [time for time, _, _ in told(one, e.CallEnqueued)] == [7, 14, 21, 28, 35]


# ---- hunting ----


@pytest.mark.parametrize(
    ("order", "served"), [(LineOrder.FIRST_COME, [1, 2, 3, 4]), (LineOrder.LAST_COME, [1, 4, 3, 2])]
)
def test_hunting_takes_calls_in_its_order(order: LineOrder, served: list[int]) -> None:
    one = scenario(calling(0, 1, 2, 3), AgentGroup(name="a", count=1), hunting=Hunting(order))
    assert [call for _, _, call in told(one, e.CallAssigned)] == [f"call-{number}" for number in served]
    causes = {event.cause for step in happenings(one) for event in step.events if isinstance(event, e.CallAssigned)}
    assert causes == {AssignmentCause.FORCED}


def test_hunting_asks_for_no_skill_and_takes_the_longest_idle() -> None:
    lines = {"q": queue(requirement=Requirement((Step((SkillTerm("loans", 9),)),)))}
    callers = calling(0, 5, 30, handle=10)
    one = scenario(callers, AgentGroup(name="a", count=2), queues=lines, hunting=Hunting())
    agents = [event.agent for step in happenings(one) for event in step.events if isinstance(event, e.CallAssigned)]
    assert agents == ["a-1", "a-2", "a-1"]


def test_random_hunting_gives_everybody_a_share() -> None:
    callers = Callers(name="c", queue="q", arrivals=RenewalArrivals(exactly(10)), handle_time=exactly(5))
    one = scenario(
        callers,
        AgentGroup(name="a", count=4),
        hunting=Hunting(LineOrder.RANDOM, HuntedAgent.RANDOM),
        length_us=40_000 * SECOND_US,
    )
    (found,) = simulate(one, replications=1)
    assert all(agent.answered == pytest.approx(1000, abs=120) for agent in found.agents)


def test_hunting_keeps_to_capacity_on_every_channel() -> None:
    kinds = (calling(*[0] * 5, channel="chat", handle=50), calling(1, 2, name="v", channel="voice", handle=30))
    channels = {"voice": ChannelSettings(), "chat": ChannelSettings(exclusive=False)}
    team = AgentGroup(name="a", count=2, capacity={"voice": 1, "chat": 2})
    one = scenario(kinds, team, channels=channels, hunting=Hunting())
    assert [(time, call) for time, _, call in told(one, e.CallAssigned)] == [
        (0, "call-1"),
        (0, "call-2"),
        (0, "call-3"),
        (0, "call-4"),
        (50, "call-5"),
        (50, "call-6"),
        (80, "call-7"),
    ]  # fmt: skip


# ---- ends ----


def test_cut_stops_at_the_end_and_drain_serves_who_is_there() -> None:
    for ending, unfinished in ((Ending.CUT, 1), (Ending.DRAIN, 0)):
        one = scenario(calling(0, 1), AgentGroup(name="a", count=1), length_us=5 * SECOND_US, ending=ending)
        (found,) = simulate(one, replications=1)
        assert (found.calls.offered, found.calls.unfinished) == (2, unfinished)


def test_a_drain_ends_where_nobody_can_serve() -> None:
    lines = {"q": queue(requirement=Requirement((Step((SkillTerm("loans"),)),)))}
    for group in (
        AgentGroup(name="a", count=1),
        AgentGroup(name="a", count=1, staffing=(1, 0), staffing_period_us=3600 * SECOND_US),
    ):
        (found,) = simulate(scenario(calling(0, 1), group, queues=lines), replications=1)
        assert found.calls.unfinished == 2


def test_a_drain_ends_where_nobody_ever_answers() -> None:
    lines = {"q": queue(automatic=False)}
    one = scenario(calling(0), AgentGroup(name="a", count=1, no_answer=1.0), queues=lines)
    (found,) = simulate(one, replications=1)
    assert found.calls.unfinished == 1


def test_a_drain_waits_for_given_shifts_and_long_rings() -> None:
    day = 24 * 3600
    later = AgentGroup(name="a", count=1, shifts=((0, SECOND_US), (3 * day * SECOND_US, 4 * day * SECOND_US)))
    (found,) = simulate(scenario(calling(2), later), replications=1)
    assert (found.calls.answered, found.calls.wait_served_sum_us) == (1, (3 * day - 2) * SECOND_US)
    lines = {"q": queue(automatic=False, offer_timeout_us=7 * day * SECOND_US)}
    slow = AgentGroup(name="a", count=1, ring=exactly(3 * day))
    (found,) = simulate(scenario(calling(0, 1), slow, queues=lines), replications=1)
    assert (found.calls.answered, found.calls.unfinished) == (2, 0)


def test_more_calls_than_the_engine_takes_end_the_run_with_a_word() -> None:
    one = plain(rate_per_s=1e9)
    small = msgspec.structs.replace(one, settings=msgspec.structs.replace(one.settings, calls_max=1000))
    with pytest.raises(SimulationError, match=r"more calls at once than calls_max, 1000; more agents, patience"):
        simulate(small, replications=1)


def test_a_run_that_does_not_get_on_ends_with_a_word() -> None:
    again = Redial(chance=1.0, after=exactly(0))
    callers = calling(0, 1, handle=1000, redial_abandoned=again)
    one = scenario(callers, AgentGroup(name="a", count=1), queues={"q": queue(waiting_max=0)})
    with pytest.raises(
        SimulationError, match=r"after 1 s there are more than \d+ commands at one instant; callers who"
    ):
        simulate(one, replications=1)


def test_an_interrupt_stops_every_thread_soon() -> None:
    """Eight runs of minutes each: the test would go on for long if one of them did."""
    endless = plain(rate_per_s=80, agents=100, length_us=20 * 24 * 3600 * SECOND_US)

    def interrupt(share: float) -> None:
        if share > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(endless, replications=8, threads=3, progress=interrupt)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("replication")]


def test_the_call_lasts_as_drawn_in_the_mean() -> None:
    callers = Callers(name="c", queue="q", arrivals=RenewalArrivals(exactly(10)), handle_time=about(4))
    one = scenario(callers, AgentGroup(name="a", count=50), length_us=100_000 * SECOND_US)
    (found,) = simulate(one, replications=1)
    assert found.calls.talk_sum_us / found.calls.answered / SECOND_US == pytest.approx(4, abs=4 * 4 / 100)
