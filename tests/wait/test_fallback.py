"""Goal: an estimate names its method by the documented rule, and its numbers follow from engine and history.

Method: a real engine in hand-made situations; a chance machine compares "immediate" with what really happens.
"""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.engine import (
    Accept,
    Advance,
    AgentTerm,
    AnyOf,
    Assign,
    Attach,
    CallAssigned,
    Cancel,
    ChannelSettings,
    Command,
    Complete,
    Configure,
    Detach,
    Engine,
    Enqueue,
    Event,
    OfferMade,
    PauseQueue,
    QueueSettings,
    Requirement,
    Restart,
    ResumeQueue,
    SetAvailability,
    Settings,
    SignIn,
    SignOut,
    SkillTerm,
    Step,
    Transfer,
    TurnIntoCallback,
    UnknownName,
    UpdateAgent,
    Urgency,
    WrapUp,
    WrapUpMode,
)
from router.wait import LES_SAMPLES_MIN, Predictor, WaitEstimate, ql_modified

SECOND = 1_000_000
LOANS = Requirement(steps=(Step(terms=(SkillTerm("loans"),)),))


class Told(NamedTuple):
    method: str
    mean_us: int | None
    position: int | None
    samples: int


def told(estimate: WaitEstimate) -> Told:
    return Told(estimate.method, estimate.mean_us, estimate.position, estimate.samples)


PLAIN = Settings(queues={"q": QueueSettings(requirement=LOANS, automatic=True), "r": QueueSettings()})


class Scene:
    """An engine with a predictor that sees every command."""

    def __init__(self, rules: Settings = PLAIN) -> None:
        self.engine = Engine()
        self.now_us = 0
        self.engine.apply(Configure(rules), 0)
        self.predictor = Predictor(self.engine)

    def do(self, command: Command, at_s: float | None = None) -> list[Event]:
        if at_s is not None:
            self.now_us = round(at_s * SECOND)
        events = self.engine.apply(command, self.now_us)
        self.predictor.observe()
        return events

    def call(self, call: str) -> Told:
        return told(self.predictor.quick(call, self.now_us))

    def new(self, enqueue: Enqueue) -> Told:
        return told(self.predictor.quick(enqueue, self.now_us))


def busy_scene(agents: int = 2) -> Scene:
    """Return a scene at 60 s in which every agent talks and each has completed a call of 30 s."""
    scene = Scene()
    for number in range(agents):
        scene.do(SignIn(f"agent-{number}", skills={"loans": 5}), 0)
    for number in range(agents):
        scene.do(Enqueue(f"first-{number}", "q"), 0)
    for number in range(agents):
        scene.do(Enqueue(f"second-{number}", "q"), 0)
    for number in range(agents):
        scene.do(Complete(f"first-{number}"), 30)
    scene.now_us = 60 * SECOND
    return scene


def test_nothing_is_known_at_first() -> None:
    scene = Scene()
    scene.do(Enqueue("a", "q"))
    assert scene.call("a") == ("none", None, 1, 0)
    assert scene.new(Enqueue("b", "q")) == ("none", None, 2, 0)


def test_qlm_from_position_agents_and_history() -> None:
    scene = busy_scene()
    for name in ("a", "b", "c"):
        scene.do(Enqueue(name, "q"))
    # two agents, 30 s a call, and nobody gave up yet
    assert scene.call("a") == ("qlm", 15 * SECOND, 1, 2)
    assert scene.call("c") == ("qlm", 45 * SECOND, 3, 2)
    assert scene.new(Enqueue("d", "q")) == ("qlm", 60 * SECOND, 4, 2)


def test_qlm_with_patience_and_wrap_up() -> None:
    rules = Settings(queues={"q": QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.FIXED, 10 * SECOND))})
    scene = Scene(rules)
    scene.do(SignIn("ada"), 0)
    scene.do(Enqueue("a", "q"), 0)
    scene.do(Enqueue("b", "q"), 0)
    scene.do(Enqueue("c", "q"), 0)
    scene.do(Cancel("c"), 20)
    scene.do(Complete("a"), 30)
    scene.do(Enqueue("d", "q"), 41)  # the wrap-up ended at 40 and b was assigned
    rate = 1 / (20 + 40)  # c gave up after 20 s, b was answered after 40 s
    expected = ql_modified(0, 1, 1 / 40, rate)
    assert scene.call("d") == ("qlm", round(expected * SECOND), 1, 1)
    scene.do(Enqueue("e", "q"), 41)
    assert scene.call("e").mean_us == round(ql_modified(1, 1, 1 / 40, rate) * SECOND)


def served_scene(served: int) -> Scene:
    """Return a scene at 12 s: so many calls have waited 12 s each and are with agents; none was completed."""
    scene = Scene()
    for number in range(served):
        scene.do(Enqueue(f"first-{number}", "q"), 0)
    for number in range(served):
        scene.do(SignIn(f"agent-{number}", skills={"loans": 5}), 12)
    return scene


def test_les_where_nothing_was_completed() -> None:
    scene = served_scene(3)
    scene.do(Enqueue("b", "q"), 15)
    assert scene.call("b") == ("les", 12 * SECOND, 1, 3)
    scene.now_us = 20 * SECOND
    assert scene.call("b") == ("les", 7 * SECOND, 1, 3)
    scene.now_us = 40 * SECOND
    assert scene.call("b") == ("none", None, 1, 0)


def test_les_needs_a_few_samples() -> None:
    scene = served_scene(LES_SAMPLES_MIN - 1)
    scene.do(Enqueue("b", "q"), 15)
    assert scene.call("b") == ("none", None, 1, 0)


def test_a_caller_who_waits_is_never_told_no_time() -> None:
    scene = Scene()
    for number in range(4):
        scene.do(SignIn(f"agent-{number}", skills={"loans": 5}), 0)
        scene.do(Enqueue(f"first-{number}", "q"), 0)
    for number in range(3):
        scene.do(Enqueue(f"second-{number}", "q"), 2)
        assert scene.call(f"second-{number}") == ("none", None, number + 1, 0)
    assert scene.new(Enqueue("c", "q", urgency=Urgency.URGENT)) == ("none", None, 1, 0)


@pytest.mark.parametrize(
    "gone", [SignOut("agent-2"), SetAvailability("agent-2", ready=False), UpdateAgent("agent-2", skills={"cards": 5})]
)
def test_where_nobody_is_there_no_time_is_told(gone: Command) -> None:
    scene = served_scene(3)
    for number in range(3):
        scene.do(Complete(f"first-{number}"), 20)
        if number < 2:
            scene.do(SignOut(f"agent-{number}"), 20)
    scene.do(gone, 20)
    scene.do(Enqueue("b", "q"), 25)
    assert scene.call("b") == ("none", None, 1, 0)
    assert scene.new(Enqueue("c", "q")) == ("none", None, 2, 0)


def test_an_outside_acds_agents_may_be_there_unseen() -> None:
    scene = Scene()
    scene.predictor = Predictor(scene.engine, shadow=True)
    for number in range(3):
        scene.do(SignIn(f"agent-{number}", ready=False), 0)
        scene.do(Enqueue(f"first-{number}", "q"), 0)
    for number in range(3):
        scene.do(Assign(f"first-{number}", f"agent-{number}"), 12)
        scene.do(SignOut(f"agent-{number}"), 12)
    scene.do(Enqueue("b", "q"), 15)
    assert scene.call("b") == ("les", 12 * SECOND, 1, 3)


NOBODY = Requirement(steps=(Step(terms=(SkillTerm("nothing"),)),))
SHARED = Settings(
    queues={name: QueueSettings(requirement=LOANS, automatic=True) for name in ("q", "r")}
    | {"aside": QueueSettings(requirement=NOBODY)}
)


def shared_scene(last_wait_s: int) -> Scene:
    """Return a scene at 100 s: ada works for q since 95, bob for r; q's only completed call took 30 s.

    Five calls of q got an agent; the last one had waited so long.
    """
    scene = Scene(SHARED)
    for number in range(4):
        scene.do(SignIn("ada", skills={"loans": 5}), 0)
        scene.do(Enqueue(f"early-{number}", "q"), 0)
        if number < 3:
            scene.do(Transfer(f"early-{number}", "aside"), 0)
        else:
            scene.do(Complete("early-3"), 30)
        scene.do(SignOut("ada"))
    scene.do(Enqueue("q-talks", "q"), 95 - last_wait_s)
    scene.do(SignIn("ada", skills={"loans": 5}), 95)
    scene.do(Enqueue("r-talks", "r"), 95)
    scene.do(SignIn("bob", skills={"loans": 5}), 95)
    scene.now_us = 100 * SECOND
    return scene


def test_shared_agents_take_the_larger_of_both() -> None:
    slow, quick = shared_scene(40), shared_scene(10)
    for scene in (slow, quick):
        scene.do(Enqueue("a", "q"))
    assert slow.call("a") == ("les", 40 * SECOND, 1, 5)
    assert quick.call("a") == ("qlm", 15 * SECOND, 1, 1)
    slow.now_us += 28 * SECOND
    assert slow.call("a") == ("qlm", 15 * SECOND, 1, 1)


def test_agents_who_serve_the_queue_alone_need_no_les() -> None:
    scene = shared_scene(40)
    scene.do(Enqueue("q-too", "q"), 100)
    scene.do(Complete("r-talks"), 140)
    scene.do(Enqueue("a", "q"))
    assert scene.call("a") == ("qlm", 15 * SECOND, 1, 1)


def test_a_call_that_jumps_the_line_gets_its_share_of_the_last_wait() -> None:
    scene = shared_scene(60)
    for name in ("a", "b"):
        scene.do(Enqueue(name, "q"))
    urgent = Enqueue("c", "q", urgency=Urgency.URGENT)
    assert scene.new(Enqueue("c", "q")) == ("les", 60 * SECOND, 3, 5)
    assert scene.new(urgent) == ("les", 20 * SECOND, 1, 5)
    scene.do(urgent)
    assert scene.call("c") == ("les", 20 * SECOND, 1, 5)


def test_states_other_than_waiting() -> None:
    scene = Scene()
    scene.do(SignIn("ada", skills={"loans": 5}), 0)
    scene.do(Enqueue("offered", "r"), 1)
    assert scene.call("offered") == ("immediate", 0, None, 0)
    (offer,) = [event.offer for event in scene.do(Enqueue("other", "r"), 2) if isinstance(event, OfferMade)] or [1]
    scene.do(Accept(offer), 3)
    assert scene.call("offered") == ("immediate", 0, None, 1)
    scene.do(Complete("offered"), 9)
    assert scene.call("offered").method == "none"


def test_a_paused_queue_cannot_be_told() -> None:
    scene = busy_scene()
    scene.do(Enqueue("a", "q"))
    scene.do(PauseQueue("q"))
    assert scene.call("a") == ("none", None, 1, 0)
    scene.do(SignIn("free", skills={"loans": 1}))
    assert scene.new(Enqueue("b", "q")) == ("none", None, 2, 0)
    scene.do(ResumeQueue("q"))
    assert scene.new(Enqueue("b", "q")).method == "qlm"


def test_unknown_names() -> None:
    scene = Scene()
    with pytest.raises(UnknownName):
        scene.call("nobody")
    with pytest.raises(UnknownName):
        scene.new(Enqueue("a", "nowhere"))


def test_the_requirement_of_a_hypothetical_call_counts() -> None:
    scene = Scene()
    scene.do(SignIn("ada", skills={"loans": 5, "cards": 2}), 0)
    senior = Requirement(steps=(Step(terms=(SkillTerm("loans", 6),)),))
    either = Requirement(steps=(Step(terms=(AnyOf((SkillTerm("loans", 9), SkillTerm("cards", 2))),)),))
    by_name = Requirement(steps=(Step(terms=(AgentTerm("ada"), SkillTerm("loans"))),))
    other = Requirement(steps=(Step(terms=(AgentTerm("bob"),)),))
    assert scene.new(Enqueue("a", "q")).method == "immediate"
    assert scene.new(Enqueue("a", "q", requirement=senior)).method == "none"
    assert scene.new(Enqueue("a", "q", requirement=either)).method == "immediate"
    assert scene.new(Enqueue("a", "q", requirement=by_name)).method == "immediate"
    assert scene.new(Enqueue("a", "q", requirement=other)).method == "none"
    assert scene.new(Enqueue("a", "q", requirement=Requirement())).method == "immediate"


def test_a_hold_for_a_busy_preferred_agent_is_not_immediate() -> None:
    scene = Scene()
    for agent in ("ada", "bob"):
        scene.do(SignIn(agent, skills={"loans": 5}), 0)
    scene.do(Enqueue("a", "q", preferred_agents=("bob",)), 1)
    wanted = Enqueue("b", "q", preferred_agents=("bob",))
    assert scene.new(wanted).method == "none"
    assert scene.new(Enqueue("b", "q", preferred_agents=("bob",), hold_us=0)).method == "immediate"
    assert scene.new(Enqueue("b", "q", preferred_agents=("ada",))).method == "immediate"
    assert scene.new(Enqueue("b", "q", preferred_agents=("stranger",))).method == "immediate"


def known_customer_scene(last_agent_hold_s: int) -> Scene:
    """Return a scene in which bob has served the customer and is busy now; ada is free."""
    known = QueueSettings(
        requirement=LOANS,
        automatic=True,
        preferred_hold_us=7 * SECOND,
        last_agent_preferred=True,
        last_agent_hold_us=last_agent_hold_s * SECOND,
    )
    scene = Scene(Settings(queues={"q": known, "plain": QueueSettings(requirement=LOANS, automatic=True)}))
    scene.do(SignIn("bob", skills={"loans": 5}), 0)
    scene.do(Enqueue("early", "q", customer="cleo"), 1)
    scene.do(Complete("early"), 2)
    scene.do(Enqueue("talks", "q"), 3)
    scene.do(SignIn("ada", skills={"loans": 5}), 4)
    return scene


def test_a_hold_for_the_customers_busy_last_agent_is_not_immediate() -> None:
    scene = known_customer_scene(60)
    assert scene.new(Enqueue("b", "q", customer="cleo")).method != "immediate"
    assert scene.new(Enqueue("b", "q", customer="cleo", hold_us=0)).method != "immediate"  # that is of given agents
    assert scene.new(Enqueue("b", "q", customer="cleo", preferred_agents=("stranger",))).method != "immediate"
    assert scene.new(Enqueue("b", "q", customer="cleo", preferred_agents=("bob",))).method != "immediate"
    assert scene.new(Enqueue("b", "q", customer="cleo", preferred_agents=("ada",))).method == "immediate"
    assert scene.new(Enqueue("b", "q", customer="cleo", preferred_agents=("bob",), hold_us=0)).method == "immediate"
    assert scene.new(Enqueue("b", "q", customer="dora")).method == "immediate"
    assert scene.new(Enqueue("b", "plain", customer="cleo")).method == "immediate"
    assert known_customer_scene(0).new(Enqueue("b", "q", customer="cleo")).method == "immediate"
    scene.do(Complete("talks"), 5)
    assert scene.new(Enqueue("b", "q", customer="cleo")).method == "immediate"


def test_agents_changes_are_followed() -> None:
    scene = Scene()
    scene.do(SignIn("ada", skills={"cards": 5}), 0)
    call = Enqueue("a", "q")
    assert scene.new(call).method == "none"
    scene.do(UpdateAgent("ada", skills={"loans": 1}), 1)
    assert scene.new(call).method == "immediate"
    scene.do(SetAvailability("ada", ready=False), 2)
    assert scene.new(call).method == "none"
    scene.do(SetAvailability("ada", ready=True), 3)
    assert scene.new(call).method == "immediate"
    scene.do(SignOut("ada"), 4)
    assert scene.new(call).method == "none"


def test_a_predictor_of_a_running_engine_knows_its_agents() -> None:
    scene = Scene()
    scene.do(SignIn("ada", skills={"loans": 1}), 0)
    late = Predictor(scene.engine)
    assert late.quick(Enqueue("a", "q"), scene.now_us).method == "immediate"


def test_configure_is_followed() -> None:
    scene = busy_scene()
    assert scene.predictor.queue_history("q").completed == 2
    scene.do(Configure(Settings(queues={"r": QueueSettings(), "s": QueueSettings()}), moves={"q": "r"}))
    assert scene.new(Enqueue("x", "s")).method == "none"
    with pytest.raises(UnknownName):
        scene.predictor.queue_history("q")
    scene.do(Configure(PLAIN, moves={"s": "q"}))
    assert scene.predictor.queue_history("q").completed == 0


def enqueue_strategy() -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries(
        {
            "urgency": st.sampled_from(Urgency),
            "priority": st.integers(0, 3),
            "credited_wait_us": st.sampled_from([0, 0, 100 * SECOND, 700 * SECOND]),
        }
    )


@settings(max_examples=60, deadline=None)
@given(before=st.lists(st.tuples(enqueue_strategy(), st.integers(0, 200)), max_size=12), new=enqueue_strategy())
def test_the_position_foretold_is_the_one_taken(
    before: list[tuple[dict[str, object], int]], new: dict[str, object]
) -> None:
    scene = Scene()
    at_s = 1000
    for number, (fields, gap_s) in enumerate(before):
        at_s += gap_s
        scene.do(Enqueue(f"call-{number}", "q", **fields), at_s)  # type: ignore[arg-type]
    enqueue = Enqueue("new", "q", **new)  # type: ignore[arg-type]
    foretold = scene.new(enqueue)
    scene.do(enqueue)
    assert scene.engine.position("new") == foretold.position


def test_a_detached_call_is_told_its_place_and_no_time() -> None:
    scene = busy_scene()
    for name in ("a", "b"):
        scene.do(Enqueue(name, "q"))
    scene.do(Detach("a"))
    assert scene.call("a") == ("none", None, 1, 0)
    # it may come back to its place, so that those behind it are told as before
    assert scene.call("b") == ("qlm", 30 * SECOND, 2, 2)
    scene.do(Attach("a"))
    assert scene.call("a") == ("qlm", 15 * SECOND, 1, 2)


def test_a_detached_call_with_an_agent_waits_no_longer() -> None:
    scene = busy_scene()
    scene.do(Detach("second-0"))
    assert scene.call("second-0").method == "immediate"


def test_a_free_agent_is_there_for_a_new_call_beside_a_detached_one() -> None:
    scene = Scene()
    scene.do(Enqueue("a", "q"), 0)
    scene.do(Detach("a"), 1)
    scene.do(SignIn("ada", skills={"loans": 5}), 2)
    assert scene.new(Enqueue("b", "q")).method == "immediate"


def test_what_was_learned_survives_a_restart_and_the_downtime_is_no_wait() -> None:
    scene = busy_scene()
    scene.do(Enqueue("a", "q"))
    before = scene.call("a")
    scene.do(Restart(), 3600)
    assert scene.call("a") == before
    scene.do(Complete("second-0"), 3601)  # not counted: its end could not be told while the server was down
    scene.do(Enqueue("b", "q"), 3601)
    assert scene.call("b") == ("qlm", 15 * SECOND, 1, 2)
    scene = served_scene(3)
    scene.do(Enqueue("a", "q"), 15)
    scene.do(Restart(), 3600)  # it has waited 2 s of 12
    scene.now_us = 3602 * SECOND
    assert scene.call("a") == ("les", 10 * SECOND, 1, 3)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_immediate_means_immediate(seed: int) -> None:
    """A chance centre with two channels and customers who come back; every arrival is foretold, then made."""
    rng = random.Random(seed)
    channels = {"voice": ChannelSettings(), "chat": ChannelSettings(exclusive=False)}
    queues = {
        name: QueueSettings(
            requirement=Requirement(steps=(Step(terms=(SkillTerm(name),)),)),
            automatic=True,
            preferred_hold_us=rng.choice([0, 5 * SECOND]),
            last_agent_preferred=rng.random() < 0.7,
            last_agent_hold_us=rng.choice([0, 5 * SECOND, 30 * SECOND]),
        )
        for name in ("loans", "cards")
    }
    scene = Scene(Settings(queues=queues, channels=channels))
    live: list[str] = []
    seen: set[str] = set()
    for number in range(60):
        agent = f"agent-{rng.randrange(4)}"
        skills = {skill: rng.randint(1, 9) for skill in queues if rng.random() < 0.7}
        choice = rng.random()
        at_s = number
        if choice < 0.2:
            scene.do(SignIn(agent, skills=skills, capacity={"voice": 1, "chat": rng.randint(1, 3)}), at_s)
        elif choice < 0.25:
            scene.do(SignOut(agent), at_s)
        elif choice < 0.35:
            scene.do(SetAvailability(agent, ready=rng.random() < 0.6, after_call=rng.random() < 0.5), at_s)
        elif choice < 0.4:
            scene.do(UpdateAgent(agent, skills=skills), at_s)
        elif choice < 0.65 and live:
            scene.do(Complete(live.pop(rng.randrange(len(live)))), at_s)
        elif choice < 0.7 and live:
            scene.do(TurnIntoCallback(rng.choice(live)), at_s)
        else:
            scene.do(Advance(), at_s)  # what is due happens first
            enqueue = Enqueue(
                f"call-{number}",
                rng.choice(list(queues)),
                channel=rng.choice(list(channels)),
                customer=rng.choice(["", "cleo", "dora"]),
                preferred_agents=tuple(f"agent-{rng.randrange(6)}" for _ in range(rng.choice([0, 0, 0, 1, 2]))),
                hold_us=rng.choice([None, None, 0, 3 * SECOND]),
            )
            foretold = scene.new(enqueue)
            events = scene.do(enqueue)
            taken = any(isinstance(event, CallAssigned) and event.call == enqueue.call for event in events)
            assert (foretold.method == "immediate") == taken
            live.append(enqueue.call)
            seen.add(foretold.method)
    assert seen
