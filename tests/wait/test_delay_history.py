"""Goal: delay histories say what calls that were served had waited, and no more.

Method: hand-made scenes with the numbers worked out beside them; random runs against a slow reference that keeps
everything.
"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from router.engine import (
    Accept,
    Advance,
    Assign,
    AssignmentCause,
    Attach,
    CallAssigned,
    CallState,
    Cancel,
    Command,
    Complete,
    Configure,
    CorruptSnapshot,
    Detach,
    Engine,
    Enqueue,
    Event,
    OfferMade,
    PauseQueue,
    QueueSettings,
    Reject,
    Requirement,
    Restart,
    Restarted,
    Settings,
    SignIn,
    SignOut,
    SkillTerm,
    Step,
    Transfer,
    UnknownName,
)
from router.wait._native import DelayHistory
from tests.engine.drive import Run, draw_operation
from tests.engine.lockstep import Apply, Lockstep, Restore

SECOND = 1_000_000
AVERAGED = 10
LOANS = Requirement(steps=(Step(terms=(SkillTerm("loans"),)),))
AUTOMATIC = Settings(queues={"q": QueueSettings(automatic=True), "r": QueueSettings(requirement=LOANS, automatic=True)})
OFFERING = Settings(queues={"q": QueueSettings(offer_timeout_us=20 * SECOND), "r": QueueSettings()})


class Scene:
    """An engine and a delay history that sees every command."""

    def __init__(self, rules: Settings = AUTOMATIC, *, shadow: bool = False) -> None:
        self.engine = Engine(rules)
        self.history = DelayHistory(self.engine, shadow=shadow)
        self.now_s: float = 0

    def do(self, command: Command, at_s: float) -> list[Event]:
        self.now_s = at_s
        events = self.engine.apply(command, round(at_s * SECOND))
        self.history.observe()
        return events

    def serve(self, call: str, arrival_s: float, wait_s: float, queue: str = "q", talk_s: float = 0.001) -> None:
        """Let a call come and be taken after so long by an agent who is there for it alone."""
        self.do(Enqueue(call, queue), arrival_s)
        self.do(SignIn(f"for {call}", {"loans": 5}), arrival_s + wait_s)
        self.do(Complete(call), arrival_s + wait_s + talk_s)
        self.engine.apply(Advance(), round((arrival_s + wait_s + talk_s) * SECOND))
        self.away(f"for {call}")

    def accept(self, call: str, at_s: float) -> None:
        offer = self.engine.call(call).offer
        assert offer is not None
        self.do(Accept(offer), at_s)

    def away(self, agent: str) -> None:
        self.do(SignOut(agent), self.now_s)

    def figures(self, queue: str = "q", at_s: float | None = None, **fields: Any) -> dict[str, Any]:
        now_us = round((self.now_s if at_s is None else at_s) * SECOND)
        return self.history.figures(queue, now_us, **fields)


def test_without_history_there_is_nothing_to_say() -> None:
    figures = Scene().figures(at_s=5)
    assert figures == {
        "les_s": None, "hol_s": 0, "hol_all_s": 0, "average_s": None, "average_all_s": None, "same_length_s": None,
        "waiting": 0, "waiting_all": 0, "answers_per_s": 0, "answers_all_per_s": 0, "samples": 0,
    }  # fmt: skip


def test_les_is_the_wait_of_the_last_that_was_served() -> None:
    scene = Scene()
    scene.serve("a", 10, 30)
    scene.serve("b", 100, 12)
    scene.serve("c", 200, 55, queue="r")
    assert (scene.figures("q")["les_s"], scene.figures("r")["les_s"]) == (12, 55)


def test_averages_are_of_the_last_ten() -> None:
    scene = Scene()
    for number in range(14):
        scene.serve(f"c{number}", 100 * number, number)
    figures = scene.figures()
    assert figures["average_all_s"] == sum(range(4, 14)) / AVERAGED
    assert figures["samples"] == 14


def test_who_waited_a_second_at_most_counts_in_one_average_only() -> None:
    scene = Scene()
    for number, wait_s in enumerate((20, 0, 1, 0.5, 40)):
        scene.serve(f"c{number}", 100 * number, wait_s)
    figures = scene.figures()
    assert figures["average_s"] == 30
    assert figures["average_all_s"] == pytest.approx((20 + 0 + 1 + 0.5 + 40) / 5)
    scene.serve("last", 900, 0)
    assert scene.figures()["les_s"] == 0


def test_hol_is_the_age_of_who_waits_longest_in_the_queue() -> None:
    scene = Scene()
    scene.do(Enqueue("a", "q"), 10)
    scene.do(Enqueue("b", "q"), 14)
    assert (scene.figures(at_s=20)["hol_s"], scene.figures("r", at_s=20)["hol_s"]) == (10, 0)
    assert scene.figures("r", at_s=20)["hol_all_s"] == 10
    scene.do(Cancel("a"), 21)
    assert scene.figures(at_s=24)["hol_s"] == 10
    scene.do(Cancel("b"), 25)
    assert scene.figures()["hol_s"] == scene.figures()["hol_all_s"] == 0


def test_who_asks_does_not_count_itself() -> None:
    scene = Scene()
    scene.do(Enqueue("a", "q"), 10)
    scene.do(Enqueue("b", "q"), 14)
    asked_by_a, asked_by_b = scene.figures(at_s=20, call="a"), scene.figures(at_s=20, call="b")
    assert (asked_by_a["waiting"], asked_by_a["hol_s"], asked_by_a["hol_all_s"]) == (1, 6, 6)
    assert (asked_by_b["waiting"], asked_by_b["hol_s"], asked_by_b["waiting_all"]) == (1, 10, 1)
    assert scene.figures(at_s=20)["waiting"] == 2
    other = scene.figures("r", at_s=20, call="a")  # it counts in no other queue in any case
    assert (other["waiting"], other["waiting_all"], other["hol_s"]) == (0, 1, 0)


def test_same_length_is_of_those_who_found_as_many_waiting() -> None:
    scene = Scene()
    scene.serve("alone", 0, 5)  # found nobody
    scene.do(Enqueue("long", "q"), 100)
    scene.do(Enqueue("second", "q"), 110)  # found one
    scene.do(SignIn("ada"), 150)  # takes "long", after 50 s
    scene.do(Complete("long"), 160)  # and "second", after 50 s
    assert scene.figures()["same_length_s"] == (5 + 50) / 2
    scene.do(Complete("second"), 170)
    scene.away("ada")
    scene.do(Enqueue("again", "q"), 200)
    assert scene.figures(at_s=200)["same_length_s"] == 50
    scene.do(Enqueue("more", "q"), 201)
    assert scene.figures(at_s=201)["same_length_s"] == scene.figures()["les_s"] == 50


def test_rates_of_answers_fade() -> None:
    scene = Scene()
    scene.serve("a", 0, 10)
    scene.serve("b", 20, 10, queue="r")
    both, own = scene.figures(at_s=30)["answers_all_per_s"], scene.figures(at_s=30)["answers_per_s"]
    assert 1 / 300 < both < 2 / 300
    assert both == pytest.approx(own + 1 / 300)
    assert scene.figures(at_s=330)["answers_all_per_s"] == pytest.approx(both / 2.718281828)


@pytest.mark.parametrize("shadow", [False, True])
def test_a_forced_assignment_counts_in_shadow_mode_only(shadow: bool) -> None:
    scene = Scene(shadow=shadow)
    scene.do(PauseQueue("q"), 0)
    scene.do(SignIn("ada"), 1)
    scene.do(Enqueue("a", "q"), 10)
    events = scene.do(Assign("a", "ada"), 25)
    assert any(isinstance(event, CallAssigned) and event.cause is AssignmentCause.FORCED for event in events)
    assert scene.figures()["les_s"] == (15 if shadow else None)


def test_an_offer_that_comes_to_nothing_does_not_end_a_wait() -> None:
    scene = Scene(OFFERING)
    scene.do(SignIn("ada"), 0)
    [_, offered] = scene.do(Enqueue("a", "q"), 10)
    assert isinstance(offered, OfferMade)
    assert (scene.figures()["waiting"], scene.figures()["hol_s"]) == (0, 0)
    scene.do(Reject(offered.offer), 18)
    assert (scene.figures(at_s=20)["waiting"], scene.figures(at_s=20)["hol_s"]) == (1, 10)
    [_, offered] = scene.do(SignIn("bob"), 30)
    assert isinstance(offered, OfferMade)
    scene.do(Accept(offered.offer), 33)
    assert scene.figures()["les_s"] == 23


def test_a_call_whose_offer_came_to_nothing_keeps_the_line_that_it_found() -> None:
    scene = Scene(OFFERING)
    scene.do(SignIn("ada"), 0)
    [_, offered] = scene.do(Enqueue("a", "q"), 10)
    scene.do(Enqueue("b", "q"), 11)
    scene.do(Enqueue("c", "q"), 12)
    assert isinstance(offered, OfferMade)
    scene.do(Reject(offered.offer), 15)  # "b" is offered then
    scene.do(SignIn("bob"), 20)
    scene.accept("a", 22)
    scene.do(Cancel("b"), 23)
    scene.accept("c", 30)
    figures = scene.figures()
    assert (figures["waiting"], figures["les_s"]) == (0, 18)
    assert figures["same_length_s"] == 12  # "a" had found nobody, whoever waited when it came back


def test_only_the_last_downtimes_are_remembered() -> None:
    scene = Scene()
    for number in range(40):
        scene.do(Advance(), 10 * number)
        scene.do(Restart(), 10 * number + 3)
    assert scene.history.downtime_since(0) == 32 * 3 * SECOND


def test_a_transferred_call_waits_anew() -> None:
    scene = Scene()
    scene.serve("a", 0, 7)
    scene.do(SignIn("ada"), 20)
    scene.do(Enqueue("b", "q"), 30)
    scene.do(Transfer("b", "r"), 50)
    assert scene.figures("r", at_s=65)["hol_s"] == 15
    scene.do(SignIn("expert", {"loans": 3}), 70)
    assert (scene.figures("r")["les_s"], scene.figures("q")["les_s"]) == (20, 0)


def test_a_detached_call_is_not_the_head_of_its_line() -> None:
    scene = Scene()
    scene.do(Enqueue("a", "q"), 10)
    scene.do(Enqueue("b", "q"), 20)
    scene.do(Detach("a"), 25)
    assert (scene.figures(at_s=30)["hol_s"], scene.figures(at_s=30)["waiting"]) == (10, 2)
    scene.do(Attach("a"), 40)
    assert scene.figures(at_s=50)["hol_s"] == 40


def test_a_downtime_is_no_wait() -> None:
    scene = Scene()
    scene.do(Enqueue("a", "q"), 0)
    scene.do(Advance(), 50)
    scene.do(Restart(), 500)  # down for 450
    assert scene.figures(at_s=520)["hol_s"] == 70
    scene.do(SignIn("ada"), 530)
    assert scene.figures()["les_s"] == 80
    assert scene.history.downtime_since(0) == 450 * SECOND
    assert scene.history.downtime_since(500 * SECOND) == 0


def test_a_new_day_begins_without_the_old_waits_but_with_who_waits() -> None:
    scene = Scene()
    scene.serve("a", 0, 30)
    scene.do(Enqueue("b", "q"), 100)
    scene.history.forget_day()
    figures = scene.figures(at_s=110)
    assert (figures["les_s"], figures["average_s"], figures["same_length_s"], figures["answers_per_s"]) == (
        None, None, None, 0,
    )  # fmt: skip
    assert (figures["waiting"], figures["hol_s"]) == (1, 10)


def test_a_removed_queue_is_forgotten() -> None:
    scene = Scene()
    scene.serve("a", 0, 30, queue="r")
    scene.do(Configure(replace(AUTOMATIC, queues={"q": AUTOMATIC.queues["q"]})), 100)
    with pytest.raises(UnknownName):
        scene.figures("r")
    scene.do(Configure(AUTOMATIC), 110)
    assert scene.figures("r")["les_s"] is None


def test_an_unknown_queue_or_call_is_refused() -> None:
    scene = Scene()
    with pytest.raises(UnknownName):
        scene.figures("nowhere")
    with pytest.raises(UnknownName):
        scene.figures("q", call="nobody")


def test_a_history_that_begins_late_knows_who_waits() -> None:
    engine = Engine(AUTOMATIC)
    engine.apply(Enqueue("a", "q"), 10 * SECOND)
    engine.apply(Enqueue("b", "q"), 20 * SECOND)
    history = DelayHistory(engine)
    history.observe()
    figures = history.figures("q", 30 * SECOND)
    assert (figures["waiting"], figures["hol_s"]) == (2, 20)


class Reference:
    """The same figures, by looking at everything that ever happened."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.waits: list[tuple[str, float]] = []
        self.downtimes: list[tuple[int, int]] = []

    def observe(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Restarted):
                self.downtimes.append((event.time_us, event.downtime_us))
            if isinstance(event, CallAssigned) and event.cause is not AssignmentCause.FORCED:
                since_us = event.time_us - event.wait_us
                self.waits.append((event.queue, self.age_s(since_us, event.time_us)))
        names = self.engine.settings.queues
        self.waits = [(queue, wait_s) for queue, wait_s in self.waits if queue in names]

    def age_s(self, since_us: int, now_us: int) -> float:
        down_us = sum(length_us for end_us, length_us in self.downtimes[-32:] if end_us > since_us)
        return max(0, now_us - since_us - down_us) / SECOND

    def figures(self, queue: str, now_us: int, but: str | None) -> dict[str, Any]:
        waiting = [call for call in self.engine.calls() if call.state is CallState.WAITING and call.call != but]
        heads = [call for call in waiting if not call.detached]
        ages = {call.call: self.age_s(call.wait_started_us, now_us) for call in heads}
        own = [wait_s for name, wait_s in self.waits if name == queue]
        long = [wait_s for wait_s in own if wait_s > 1][-AVERAGED:]
        return {
            "les_s": own[-1] if own else None,
            "hol_s": max((ages[call.call] for call in heads if call.queue == queue), default=0),
            "hol_all_s": max(ages.values(), default=0),
            "average_s": sum(long) / len(long) if long else None,
            "average_all_s": sum(own[-AVERAGED:]) / len(own[-AVERAGED:]) if own else None,
            "waiting": sum(call.queue == queue for call in waiting),
            "waiting_all": len(waiting),
            "samples": len(own),
        }


def closely(figures: dict[str, Any]) -> Any:
    return {
        name: None if value is None else pytest.approx(value, rel=1e-12, abs=1e-6) for name, value in figures.items()
    }


class Follower:
    """A random run with a history and its reference; every now and then all begins anew from what was saved."""

    def __init__(self, seed: str) -> None:
        self.run = Run(seed)
        self.lockstep = Lockstep(self.run.settings, self.run.start_us)
        self.history = DelayHistory(self.lockstep.engine)
        self.history.observe()
        self.reference = Reference(self.lockstep.engine)

    def go(self, operations: int) -> int:
        for _ in range(operations):
            self.step()
        return len(self.reference.waits)

    def step(self) -> None:
        run, lockstep = self.run, self.lockstep
        operation = draw_operation(run.choices, run.world, lockstep.oracle, run.mix, run.grid_us)
        if isinstance(operation, Restore):
            self.restore()
        if not isinstance(operation, Apply) or operation.time_us < lockstep.engine.time_us:
            return
        lockstep.oracle.apply(operation.command, operation.time_us)
        self.reference.observe(lockstep.engine.apply(operation.command, operation.time_us))
        self.history.observe()
        self.compare()

    def restore(self) -> None:
        saved = self.history.save()
        self.lockstep.engine = Engine.restore(self.lockstep.engine.snapshot())
        self.reference.engine = self.lockstep.engine
        self.history = DelayHistory(self.lockstep.engine)
        self.history.restore(saved)
        assert self.history.save() == saved
        self.compare()

    def compare(self) -> None:
        engine = self.lockstep.engine
        calls = [call.call for call in engine.calls()]
        for queue in engine.settings.queues:
            but = self.run.choices.pick((None, *calls))
            found = self.history.figures(queue, engine.time_us, call=but)
            expected = self.reference.figures(queue, engine.time_us, but)
            assert {name: found[name] for name in expected} == closely(expected)


def test_random_runs_agree_with_the_reference() -> None:
    assert sum(Follower(f"delays/{number}").go(120) for number in range(40)) > 150


def test_a_restored_history_goes_on_as_the_saved_one() -> None:
    scene = Scene()
    for number in range(12):
        scene.serve(f"c{number}", 100 * number, 3 * number)
    scene.do(Enqueue("a", "q"), 5000)
    scene.do(Enqueue("b", "q"), 5010)
    twin = DelayHistory(scene.engine)
    twin.restore(scene.history.save())
    for agent, at_s in (("ada", 5040), ("bob", 5050)):
        scene.do(SignIn(agent), at_s)
        twin.observe()
    assert scene.history.save() == twin.save()
    assert scene.history.figures("q", 5060 * SECOND) == twin.figures("q", 5060 * SECOND)
    assert twin.figures("q", 5060 * SECOND)["same_length_s"] != twin.figures("q", 5060 * SECOND)["average_s"]


def test_what_cannot_be_restored_is_refused_and_changes_nothing() -> None:
    scene = Scene()
    scene.serve("a", 0, 30)
    saved = scene.history.save()
    other = Scene()
    other.serve("a", 0, 44)
    for bad in (b"", b"nonsense", saved[:-1], saved[:-9] + bytes([saved[-9] ^ 1]) + saved[-8:], saved + b"x"):
        with pytest.raises(CorruptSnapshot):
            other.history.restore(bad)
    with pytest.raises(CorruptSnapshot, match="another mode"):
        DelayHistory(scene.engine, shadow=True).restore(saved)
    assert other.figures()["les_s"] == 44
