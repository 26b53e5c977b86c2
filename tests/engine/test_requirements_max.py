"""Goal: different requirements are counted exactly, by their meaning. Method: fill the room, and see what still enters.

The rule itself is in test_detach.py, on oracle and engine; here are the ways in which the engine keeps requirements.
"""

from __future__ import annotations

import router
from router import HOUR_US, RejectReason, Requirement, SkillTerm, Step


def needs(*skills: str) -> Requirement:
    return Requirement((Step(tuple(SkillTerm(skill, 1) for skill in skills)),))


def room_for(requirements_max: int, **fields: object) -> router.Engine:
    queues = {"loans": router.QueueSettings(), "cards": router.QueueSettings(requirement=needs("cards"))}
    settings = router.Settings(queues=queues, requirements_max=requirements_max, **fields)  # type: ignore[arg-type]
    return router.Engine(settings, time_us=0)


def rejection(engine: router.Engine, command: router.Command, time_us: int | None = None) -> RejectReason | None:
    engine.apply(command, engine.time_us if time_us is None else time_us)
    engine.audit()
    assert engine.last_result is not None
    return engine.last_result.rejection


def enqueue(engine: router.Engine, call: str, *skills: str, time_us: int | None = None) -> RejectReason | None:
    return rejection(engine, router.Enqueue(call, "loans", requirement=needs(*skills)), time_us)


def test_what_queues_demand_counts_without_any_call() -> None:
    engine = room_for(2)
    assert enqueue(engine, "c1", "x") == RejectReason.TOO_MANY_REQUIREMENTS
    assert engine.last_result is not None
    assert engine.last_result.subject == "c1"
    assert enqueue(engine, "c1", "cards") is None
    assert rejection(engine, router.Enqueue("c2", "loans")) is None


def test_equal_by_meaning_not_by_type_of_list() -> None:
    engine = room_for(3)
    assert enqueue(engine, "c1", "x", "y") is None
    in_lists = Requirement([Step([SkillTerm("x", 1), SkillTerm("y", 1)])])  # type: ignore[arg-type]
    assert rejection(engine, router.Enqueue("c2", "loans", requirement=in_lists)) is None
    any_of_one = Requirement((Step((router.AnyOf((SkillTerm("x", 1),)), SkillTerm("y", 1))),))
    for other in (needs("y", "x"), needs("x"), any_of_one):
        assert rejection(engine, router.UpdateCall("c2", requirement=other)) == RejectReason.TOO_MANY_REQUIREMENTS


def test_forgetting_the_last_call_makes_room_in_the_same_command() -> None:
    engine = room_for(3, finished_retention_us=HOUR_US)
    assert enqueue(engine, "c1", "x") is None
    assert rejection(engine, router.Cancel("c1"), 1) is None
    assert enqueue(engine, "c2", "y", time_us=HOUR_US) == RejectReason.TOO_MANY_REQUIREMENTS
    assert enqueue(engine, "c2", "y", time_us=HOUR_US + 1) is None


def test_a_surplus_that_is_forgotten_makes_room_at_once() -> None:
    engine = room_for(4, calls_max=1)
    for number in range(20):
        assert enqueue(engine, f"c{number}", f"skill-{number}") is None
        assert rejection(engine, router.Cancel(f"c{number}")) is None
    assert [call.call for call in engine.calls()] == ["c19"]


def test_configuring_counts_anew_and_never_fails() -> None:
    engine = room_for(3)
    assert enqueue(engine, "c1", "x") is None
    queues = {name: router.QueueSettings(requirement=needs(name)) for name in ("loans", "cards", "x", "y")}
    assert rejection(engine, router.Configure(router.Settings(queues=queues, requirements_max=3))) is None
    assert enqueue(engine, "c2", "y") is None
    assert enqueue(engine, "c3", "z") == RejectReason.TOO_MANY_REQUIREMENTS
    one = {"loans": router.QueueSettings()}
    assert rejection(engine, router.Configure(router.Settings(queues=one, requirements_max=3))) is None
    # c1 keeps x, c2 keeps y, and the queue demands nothing.
    assert enqueue(engine, "c3", "z") == RejectReason.TOO_MANY_REQUIREMENTS
    assert rejection(engine, router.UpdateCall("c2", requirement=needs("x"))) is None
    assert enqueue(engine, "c3", "z") is None


def test_a_restored_engine_counts_the_same() -> None:
    engine = room_for(3)
    assert enqueue(engine, "c1", "x") is None
    twin = router.Engine.restore(engine.snapshot())
    assert twin.settings.requirements_max == 3
    for one in (engine, twin):
        assert enqueue(one, "c2", "y") == RejectReason.TOO_MANY_REQUIREMENTS
        assert enqueue(one, "c2", "x") is None
    assert twin.state_hash() == engine.state_hash()


def test_asking_who_could_serve_takes_no_room() -> None:
    engine = room_for(3)
    assert engine.count_agents(needs("x")) == 0
    assert enqueue(engine, "c1", "y") is None
    assert engine.count_agents(needs("x")) == 0
    engine.audit()
