"""Malformed input is refused with one clear error and changes nothing: no state, no sequence, no time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import router
from router.engine.settings import DAY_US

LONG = 366 * DAY_US


def new_engine() -> router.Engine:
    settings = router.Settings(queues={"loans": router.QueueSettings(), "cards": router.QueueSettings()})
    engine = router.Engine(settings, time_us=1_000)
    engine.apply(router.SignIn("ada", skills={"loans": 5}), 2_000)
    engine.apply(router.Enqueue("c1", "loans"), 3_000)
    engine.apply(router.Enqueue("c2", "loans"), 3_000)
    return engine


def with_step(**fields: Any) -> Callable[[], router.Command]:
    return lambda: router.Enqueue("c9", "loans", requirement=router.Requirement((router.Step(**fields),)))


def with_queue(**fields: Any) -> Callable[[], router.Command]:
    return lambda: router.Configure(router.Settings(queues={"loans": router.QueueSettings(**fields)}))


NAMES: list[tuple[Any, str]] = [
    ("", "empty"),
    ("x" * 256, "256 bytes"),
    ("é" * 128, "256 bytes"),
    ("x" * 10_000, "10000 bytes"),
    ("a\nb", "control character"),
    ("a\x00b", "control character"),
    ("a\x7f", "control character"),
    ("a\x85b", "control character"),
    ("\ud800", "UTF-8"),
    (b"bytes", "not text"),
    (None, "not text"),
    (7, "not text"),
]


@pytest.mark.parametrize(("name", "problem"), NAMES)
@pytest.mark.parametrize(
    "build",
    [
        lambda name: router.SignIn(name),
        lambda name: router.SignIn("bob", skills={name: 3}),
        lambda name: router.SignIn("bob", capacity={name: 1}),
        lambda name: router.SignOut(name),
        lambda name: router.SetAvailability(name, ready=True),
        lambda name: router.UpdateAgent(name),
        lambda name: router.Enqueue(name, "loans"),
        lambda name: router.Enqueue("c9", name),
        lambda name: router.Enqueue("c9", "loans", channel=name),
        lambda name: router.Enqueue("c9", "loans", preferred_agents=(name,)),
        lambda name: router.Enqueue("c9", "loans", attributes={name: "x"}),
        lambda name: router.UpdateCall(name),
        lambda name: router.Cancel(name),
        lambda name: router.Requeue(name),
        lambda name: router.Transfer("c1", name),
        lambda name: router.Assign("c1", name),
        lambda name: router.TurnIntoCallback(name),
        lambda name: router.Complete(name),
        lambda name: router.EndWrapUp(name),
        lambda name: router.RecordOutcome(name, resolved=True),
        lambda name: router.Detach(name),
        lambda name: router.Attach(name),
        lambda name: router.PauseQueue(name),
        lambda name: router.ResumeQueue(name),
        lambda name: router.Configure(router.Settings(queues={name: router.QueueSettings()})),
        lambda name: router.Configure(router.Settings(channels={name: router.ChannelSettings()})),
        lambda name: with_step(terms=(router.SkillTerm(name),))(),
        lambda name: with_step(terms=(router.AgentTerm(name),))(),
        lambda name: with_step(prefer=(router.Preference(name),))(),
    ],
)
def test_names(build: Callable[[Any], router.Command], name: Any, problem: str) -> None:
    engine = new_engine()
    before = engine.snapshot()
    with pytest.raises(router.InvalidCommand) as caught:
        engine.apply(build(name), 5_000)
    assert problem in caught.value.problem
    assert caught.value.wanted
    assert engine.snapshot() == before


@pytest.mark.parametrize("name", ["x", "x" * 255, "名" * 85, "a b", "-", "'; DROP TABLE calls; --"])
def test_names_at_the_limit_are_fine(name: str) -> None:
    engine = new_engine()
    events = engine.apply(router.Enqueue(name, "loans", customer=name), 5_000)
    assert engine.call(name).customer == name
    assert isinstance(events[0], router.CallEnqueued)


NUMBERS: list[Any] = [-1, 2**63, 2**64, 2**200, -(2**70), 0.5, math.nan, math.inf, -math.inf, "5", True]


@pytest.mark.parametrize("value", NUMBERS)
@pytest.mark.parametrize(
    "build",
    [
        lambda value: router.SignIn("bob", skills={"loans": value}),
        lambda value: router.SignIn("bob", capacity={"voice": value}),
        lambda value: router.Enqueue("c9", "loans", priority=value),
        lambda value: router.Enqueue("c9", "loans", urgency=value),
        lambda value: router.Enqueue("c9", "loans", hold_us=value),
        lambda value: router.Enqueue("c9", "loans", credited_wait_us=value),
        lambda value: router.UpdateCall("c1", priority=value),
        lambda value: router.Transfer("c1", "cards", hold_us=value),
        lambda value: router.RecordOutcome("c1", satisfaction=value),
        lambda value: with_step(terms=(router.SkillTerm("loans", value),))(),
        lambda value: with_step(prefer=(router.Preference("loans", value),))(),
        lambda value: with_step(after_us=value)(),
        lambda value: with_queue(offer_timeout_us=value)(),
        lambda value: with_queue(reject_backoff_us=value)(),
        lambda value: with_queue(waiting_max=value)(),
        lambda value: with_queue(wait_max_us=value)(),
        lambda value: with_queue(target_us=router.ByUrgency(value, 1_000_000, 1_000_000))(),
        lambda value: with_queue(max_overtake_wait_us=router.ByUrgency(1, value, 1))(),
        lambda value: with_queue(agent_weights=router.AgentWeights(idle=value))(),
        lambda value: with_queue(call_weights=router.CallWeights(age=value))(),
        lambda value: router.Configure(router.Settings(calls_max=value)),
        lambda value: router.Configure(router.Settings(requirements_max=value)),
        lambda value: router.Configure(router.Settings(idle_scale_us=value)),
    ],
)
def test_numbers(build: Callable[[Any], router.Command], value: Any) -> None:
    engine = new_engine()
    before = engine.snapshot()
    with pytest.raises(router.InvalidCommand):
        engine.apply(build(value), 5_000)
    assert engine.snapshot() == before


SHAPES: list[tuple[Any, str]] = [
    (lambda: router.SignIn("bob", skills={"loans": 0}), "skills['loans']"),
    (lambda: router.SignIn("bob", skills={"loans": 11}), "skills['loans']"),
    (lambda: router.SignIn("bob", skills={f"s{n}": 1 for n in range(65)}), "skills"),
    (lambda: router.SignIn("bob", skills=[("loans", 3)]), "skills"),
    (lambda: router.SignIn("bob", skills={1: 3, "x": 2}), "skills"),
    (lambda: router.SignIn("bob", capacity={"voice": 0}), "capacity['voice']"),
    (lambda: router.SignIn("bob", capacity={"voice": 1001}), "capacity['voice']"),
    (lambda: router.SignIn("bob", ready=1), "ready"),
    (lambda: router.Enqueue("c9", "loans", priority=10), "priority"),
    (lambda: router.Enqueue("c9", "loans", hold_us=LONG + 1), "hold_us"),
    (lambda: router.Enqueue("c9", "loans", preferred_agents=tuple(f"a{n}" for n in range(17))), "preferred_agents"),
    (lambda: router.Enqueue("c9", "loans", preferred_agents="ada"), "preferred_agents"),
    (lambda: router.Enqueue("c9", "loans", attributes={f"k{n}": "" for n in range(65)}), "attributes"),
    (lambda: router.Enqueue("c9", "loans", attributes={"k": "x" * 16_384}), "attributes"),
    (lambda: router.Enqueue("c9", "loans", attributes={"k": 3}), "attributes['k']"),
    (lambda: router.Enqueue("c9", "loans", requirement="loans"), "requirement"),
    (lambda: router.Enqueue("c9", "loans", requirement=router.Requirement(())), "requirement.steps"),
    (lambda: router.Enqueue("c9", "loans", requirement=router.Requirement((router.Step(),) * 17)), "requirement.steps"),
    (with_step(after_us=1), "requirement.steps[0].after_us"),
    (with_step(terms=(router.AnyOf(()),)), "requirement.steps[0].terms[0].terms"),
    (with_step(terms=(router.AnyOf((router.SkillTerm("s"),) * 33),)), "requirement.steps[0].terms[0].terms"),
    (with_step(terms=(router.SkillTerm("s"),) * 33), "requirement.steps[0].terms"),
    (with_step(terms=("s",)), "requirement.steps[0].terms[0]"),
    (with_step(terms=(router.AnyOf((router.AgentTerm("ada"),)),)), "requirement.steps[0].terms[0].terms[0]"),
    (with_step(prefer=(router.Preference("s", 11),)), "requirement.steps[0].prefer[0].importance"),
    (
        lambda: router.Enqueue("c9", "loans", requirement=router.Requirement((router.Step(), router.Step(after_us=0)))),
        "requirement.steps[1].after_us",
    ),
    (lambda: router.RecordOutcome("c1"), "resolved"),
    (lambda: router.RecordOutcome("c1", satisfaction=6), "satisfaction"),
    (with_queue(overflow="loans"), "queues['loans'].overflow"),
    (with_queue(overflow="nowhere"), "queues['loans'].overflow"),
    (with_queue(target_us=router.ByUrgency(None, 1_000_000, 1_000_000)), "queues['loans'].target_us.normal"),
    (with_queue(agent_weights=router.AgentWeights(load=1_000_001)), "queues['loans'].agent_weights.load"),
    (with_queue(wrap_up=router.WrapUp(router.WrapUpMode.FIXED, 0)), "queues['loans'].wrap_up.duration_us"),
    (lambda: router.Configure(router.Settings(channels={})), "channels"),
    (
        lambda: router.Configure(router.Settings(channels={f"c{n}": router.ChannelSettings() for n in range(17)})),
        "channels",
    ),
    (lambda: router.Configure(router.Settings(requirements_max=0)), "requirements_max"),
    (lambda: router.Configure("settings"), "settings"),
    (lambda: "enqueue", "command"),
    (lambda: None, "command"),
]


@pytest.mark.parametrize(("build", "field"), SHAPES, ids=[field for _, field in SHAPES])
def test_shapes(build: Callable[[], Any], field: str) -> None:
    engine = new_engine()
    before = engine.snapshot()
    with pytest.raises(router.InvalidCommand) as caught:
        engine.apply(build(), 5_000)
    assert caught.value.field == field
    assert engine.snapshot() == before


@pytest.mark.parametrize("time_us", [-1, router.engine._native.TIME_US_MAX + 1, 2**64, 1.5, math.nan, "now", None])
def test_times(time_us: Any) -> None:
    engine = new_engine()
    before = engine.snapshot()
    for command in (router.Advance(), router.Restart()):
        with pytest.raises(router.InvalidCommand, match="time_us"):
            engine.apply(command, time_us)
    with pytest.raises(router.InvalidCommand, match="time_us"):
        engine.due_time(time_us, 1)
    assert engine.snapshot() == before


@pytest.mark.parametrize("limit", [0, *NUMBERS])
def test_limits_of_deadlines(limit: Any) -> None:
    with pytest.raises(router.InvalidCommand, match=r"limit.*1 to 1000000000 deadlines"):
        new_engine().due_time(5_000, limit)


def test_time_running_backwards_changes_nothing() -> None:
    engine = new_engine()
    before = engine.snapshot()
    for command in (router.SignOut("ada"), router.Restart()):
        with pytest.raises(router.TimeWentBackwards, match=r"2999.*3000"):
            engine.apply(command, 2_999)
    assert engine.snapshot() == before
    engine.apply(router.SignOut("ada"), 3_000)


def test_the_last_time_works() -> None:
    engine = new_engine()
    last = router.engine._native.TIME_US_MAX
    engine.apply(router.Restart(), last)
    assert engine.agent("ada").engagements[0].until_us == last + 20_000_000
    engine.apply(router.Enqueue("late", "loans"), last)
    assert engine.explain_call("late").position is not None


def test_queries_of_unknown_names() -> None:
    engine = new_engine()
    for query in (engine.call, engine.position, engine.decisions, engine.explain_call):
        with pytest.raises(router.UnknownName, match="unknown call 'nobody'"):
            query("nobody")
    with pytest.raises(router.UnknownName, match="unknown agent 'nobody'"):
        engine.agent("nobody")
    with pytest.raises(router.UnknownName, match="unknown agent 'nobody'"):
        engine.explain_agent("c1", "nobody")
    for query in (engine.queue, engine.waiting):
        with pytest.raises(router.UnknownName, match="unknown queue 'nobody'"):
            query("nobody")
    with pytest.raises(router.UnknownName, match="unknown channel 'smoke'"):
        engine.count_agents(router.Requirement(), channel="smoke")


def test_apply_many_stops_at_the_first_malformed_command() -> None:
    engine = new_engine()
    with pytest.raises(router.InvalidCommand):
        engine.apply_many([(5_000, router.Advance()), (5_000, router.Enqueue("", "loans")), (9_000, router.Advance())])
    assert (engine.sequence, engine.time_us) == (5, 5_000)
