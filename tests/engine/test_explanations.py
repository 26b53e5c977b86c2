"""A decision names who came second, also when that one stands right behind the winner in the same class."""

from __future__ import annotations

import router
from router import SECOND_US


def test_the_second_agent_of_a_class_is_the_runner_up() -> None:
    queue = router.QueueSettings(agent_weights=router.AgentWeights(idle=1000))
    engine = router.Engine(router.Settings(queues={"loans": queue}))
    for number, name in enumerate(("ada", "bob", "cyd")):
        engine.apply(router.SignIn(name), number * SECOND_US)
    engine.apply(router.Enqueue("call", "loans", explain=True), 60 * SECOND_US)
    (decision,) = engine.decisions("call")
    assert decision.runner_up is not None
    assert (decision.winner.agent, decision.runner_up.agent, decision.decided_by) == ("ada", "bob", "idle")


def test_the_second_call_of_a_class_is_the_runner_up() -> None:
    queue = router.QueueSettings(call_weights=router.CallWeights(age=1000))
    engine = router.Engine(router.Settings(queues={"loans": queue}))
    for number, name in enumerate(("first", "second", "third")):
        engine.apply(router.Enqueue(name, "loans", explain=True), number * SECOND_US)
    engine.apply(router.SignIn("ada"), 10 * SECOND_US)
    (decision,) = engine.decisions("first")
    assert decision.runner_up is not None
    assert (decision.winner.call, decision.runner_up.call, decision.decided_by) == ("first", "second", "age")


def test_only_a_lone_candidate_is_called_so() -> None:
    engine = router.Engine(router.Settings(queues={"loans": router.QueueSettings()}))
    engine.apply(router.SignIn("ada"), 0)
    engine.apply(router.Enqueue("call", "loans", explain=True), 0)
    (decision,) = engine.decisions("call")
    assert (decision.runner_up, decision.decided_by) == (None, "only_candidate")


def test_a_detached_call_says_so() -> None:
    engine = router.Engine(router.Settings(queues={"loans": router.QueueSettings(automatic=True)}))
    engine.apply(router.Enqueue("call", "loans"), 0)
    engine.apply(router.Detach("call"), 1)
    engine.apply(router.SignIn("ada"), 2)
    explanation = engine.explain_call("call")
    assert explanation.summary == (
        "waiting as number 1 in loans, detached: nobody may take it until the system that holds it is back"
    )
    assert explanation.obstacles == {router.Obstacle.CALL_DETACHED: 1}
    assert engine.explain_agent("call", "ada").obstacles == (router.Obstacle.CALL_DETACHED,)
    engine.apply(router.Assign("call", "ada"), 3)
    assert engine.explain_call("call").summary == "with ada, detached"
    engine.apply(router.Attach("call"), 4)
    assert engine.explain_call("call").summary == "with ada"


def test_detached_calls_are_not_candidates() -> None:
    """Counted work: a decision beside many detached calls costs what it costs without. The audit sees the lists."""

    def decide(detached: int) -> router.Statistics:
        engine = router.Engine(router.Settings(queues={"loans": router.QueueSettings(automatic=True)}))
        engine.apply(router.SignIn("ada", ready=False), 0)
        for number in range(detached):
            kinds = {"priority": number % 10, "preferred_agents": ("ada",) if number % 2 else ()}
            engine.apply(router.Enqueue(f"detached-{number}", "loans", **kinds), 1)
            engine.apply(router.Detach(f"detached-{number}"), 1)
        engine.apply(router.Enqueue("call", "loans"), 2)
        engine.audit()
        before = engine.statistics()
        engine.apply(router.SetAvailability("ada", ready=True), 3)
        assert engine.call("call").agent == "ada"
        after = engine.statistics()
        return router.Statistics(
            **{name: getattr(after, name) - getattr(before, name) for name in after.__struct_fields__}
        )

    assert decide(200) == decide(0)


def test_resuming_asks_each_held_call_once() -> None:
    """Counted work: a queue full of held calls must not be gone through again for every match."""
    never = router.ByUrgency(None, None, None)
    queue = router.QueueSettings(max_overtake_wait_us=never, automatic=True)
    engine = router.Engine(router.Settings(queues={"loans": queue}))
    engine.apply(router.SignIn("vip", ready=False), 0)
    engine.apply(router.PauseQueue("loans"), 0)
    for number in range(300):
        held = router.Enqueue(f"held-{number}", "loans", priority=9, preferred_agents=("vip",), hold_us=router.HOUR_US)
        engine.apply(held, 1)
        engine.apply(router.Enqueue(f"call-{number}", "loans"), 1)
        engine.apply(router.SignIn(f"agent-{number}"), 1)
    before = engine.statistics().decisions
    events = engine.apply(router.ResumeQueue("loans"), 2)
    assert sum(isinstance(event, router.CallAssigned) for event in events) == 300
    assert engine.statistics().decisions - before <= 601
