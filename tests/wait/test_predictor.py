"""Goal: estimates come by the documented rule; the first of each call teaches just when it should; learning lasts.

Method: a small random centre in virtual time for learning and scores; hand-made situations for what teaches and when.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from router.engine import (
    Assign,
    Attach,
    Cancel,
    Command,
    Complete,
    Configure,
    CorruptSnapshot,
    Detach,
    Engine,
    Enqueue,
    InvalidCommand,
    PauseQueue,
    QueueSettings,
    Requeue,
    Restart,
    ResumeQueue,
    Settings,
    SignIn,
    SignOut,
    Transfer,
    TurnIntoCallback,
    UnknownName,
    UpdateCall,
    Urgency,
)
from router.wait import Predictor, WaitEstimate
from tests.wait.small_centre import RULES, SECOND, START_US, SmallCentre

# ---- a centre at work ----


def test_it_learns_to_beat_the_last_wait_and_its_intervals_hold() -> None:
    centre = SmallCentre(answers_min=150)
    said: dict[str, tuple[WaitEstimate, int]] = {}

    def arrived(call: str) -> None:
        if call in centre.waits:
            return
        les = centre.predictor.delay_figures(centre.engine.call(call).queue, centre.now_us).les_us
        estimate = centre.predictor.estimate(call, futures=40)
        if estimate.method == "corrected":
            said[call] = estimate, les or 0

    centre.run(2_400, arrived)
    scored = [(*said[call], wait_us) for call, wait_us in centre.waits.items() if call in said and wait_us > SECOND]
    assert len(scored) > 700
    waits = np.array([wait_us for _, _, wait_us in scored]) / SECOND
    ours = np.array([estimate.mean_us for estimate, _, _ in scored]) / SECOND
    les = np.array([les_us for _, les_us, _ in scored]) / SECOND
    assert np.mean((ours - waits) ** 2) < 0.8 * np.mean((les - waits) ** 2)
    assert abs(np.mean(ours - waits)) < 0.1 * waits.mean()
    held = np.mean([low <= wait * SECOND <= high for (e, _, _), wait in zip(scored, waits, strict=True)
                    for low, high in [e.interval_us or (0, 0)]])  # fmt: skip
    assert 0.76 <= held <= 0.84
    assert centre.predictor.coverage.lately == pytest.approx(held, abs=0.05)
    assert 0.74 <= (centre.predictor.coverage_learned.lately or 0) <= 0.86


def test_the_rule_of_choice_as_experience_grows() -> None:
    centre = SmallCentre(answers_min=40)
    seen: list[str] = []

    def arrived(call: str) -> None:
        if call in centre.waits:
            return
        before = centre.predictor.learning
        estimate = centre.predictor.estimate(call, futures=20)
        expected = "corrected" if before.answers >= 40 else "simulated"
        assert estimate.method == expected
        assert estimate.futures == 20
        queue = centre.predictor.queue_history(centre.engine.call(call).queue)
        assert estimate.samples == (before.answers if expected == "corrected" else queue.completed)
        quick = centre.predictor.quick(call, centre.now_us)
        assert (quick.method == "learned") == (centre.predictor.learning.answers_learned >= 40)
        assert quick.position == estimate.position == centre.engine.position(call)
        seen.append(expected)

    centre.run(40)
    centre.run(260, arrived)
    assert set(seen) == {"simulated", "corrected"}


def test_the_numbers_of_an_estimate_fit_together() -> None:
    centre = SmallCentre(answers_min=60, gap_s=28)
    checked = 0

    def arrived(call: str) -> None:
        nonlocal checked
        if call in centre.waits:
            return
        times = (10 * SECOND, 60 * SECOND, 300 * SECOND, 6 * 3600 * SECOND)
        for estimate in (centre.predictor.estimate(call, futures=200, within_us=times),
                         centre.predictor.quick(call, centre.now_us)):  # fmt: skip
            if estimate.method not in ("corrected", "simulated", "learned"):
                continue
            quantiles = [estimate.p10_us, estimate.p50_us, estimate.p80_us, estimate.p90_us]
            assert quantiles == sorted(quantiles)  # type: ignore[type-var]
            assert estimate.interval_us is not None
            assert 0 <= estimate.interval_us[0] <= estimate.interval_us[1]
            chances = [chance for _, chance in estimate.answered_within]
            assert chances == sorted(chances)
            checked += estimate.method == "corrected"
        estimate = centre.predictor.estimate(call, futures=200)
        assert [time_us for time_us, _ in estimate.answered_within] == [20 * SECOND]
        for share in (0.1, 0.5, 0.8, 0.9):
            at = getattr(estimate, f"p{share * 100:.0f}_us")
            ((_, chance),) = centre.predictor.estimate(call, futures=200, within_us=(at,)).answered_within
            assert chance == pytest.approx(share, abs=0.12)

    centre.learn(220)
    centre.run(60, arrived)
    assert checked > 20


def test_a_supposed_call_is_told_what_it_would_be_told_once_it_has_come() -> None:
    centre = SmallCentre(answers_min=100, gap_s=28)
    centre.learn(300)
    centre.predictor.digest(centre.predictor.situation().run(20))
    pending = centre.predictor.learning.pending
    supposed = centre.predictor.estimate(Enqueue("", "q"), centre.now_us, futures=400)
    urgent = centre.predictor.estimate(Enqueue("", "q", urgency=Urgency.URGENT), centre.now_us, futures=400)
    assert centre.predictor.learning.pending == pending
    centre.do(Enqueue("real", "q"))
    real = centre.predictor.estimate("real", centre.now_us, futures=400)
    assert supposed.method == real.method == "corrected"
    assert supposed.position == real.position
    assert (supposed.mean_us or 0) == pytest.approx(real.mean_us, rel=0.1)
    assert urgent.position == 1
    assert (urgent.mean_us or 0) < (supposed.mean_us or 0)


def test_where_nobody_is_there_what_usually_happens_tells_nothing() -> None:
    centre = SmallCentre(answers_min=60, gap_s=28)
    centre.run(300)
    new = Enqueue("", "r")
    assert centre.predictor.quick(new, centre.now_us).method == "learned"
    agents = [f"agent-{number}" for number in range(0, 6, 2)]  # those who serve r
    for agent in agents:
        calls = [engagement.call for engagement in centre.engine.agent(agent).engagements]
        for command in (SignOut(agent), *map(Complete, calls)):
            centre.do(command)
    assert centre.predictor.quick(new, centre.now_us).method == "none"
    assert centre.predictor.quick(Enqueue("", "q"), centre.now_us).method == "learned"
    centre.do(SignIn(agents[0], skills={"r": 1}))
    centre.do(Enqueue("busy", "r"))
    assert centre.predictor.quick(new, centre.now_us).method == "learned"


# ---- what teaches ----


class Scene:
    """One queue, calls that wait, and an agent who takes them when told to. A talk of 60 s is known."""

    def __init__(self, *, shadow: bool = False) -> None:
        queues = {"q": QueueSettings(automatic=True), "r": QueueSettings(automatic=True)}
        self.engine = Engine(Settings(queues=queues), time_us=START_US)
        self.predictor = Predictor(self.engine, shadow=shadow)
        self.now_us = START_US
        self.do(0, SignIn("ada"), Enqueue("first", "q"))
        self.do(60, Complete("first"), SignOut("ada"), SignIn("busy"), Enqueue("talks", "q"))

    def do(self, at_s: float, *commands: Command) -> Scene:
        self.now_us = START_US + round(at_s * SECOND)
        for command in commands:
            self.engine.apply(command, self.now_us)
            assert self.engine.last_result is not None
            assert self.engine.last_result.rejection is None, self.engine.last_result
            self.predictor.observe()
        return self

    def estimate(self, call: str) -> WaitEstimate:
        return self.predictor.estimate(call, self.now_us, futures=10)

    def answered(self) -> tuple[int, int]:
        learning = self.predictor.learning
        return learning.answers, learning.answers_learned


def test_the_first_estimate_of_a_call_teaches_once_when_it_is_answered() -> None:
    scene = Scene().do(100, Enqueue("a", "q"))
    assert scene.predictor.learning.pending == 1  # the one without futures is always kept
    for _ in range(3):
        assert scene.estimate("a").method == "simulated"
    assert scene.predictor.learning.pending == 2
    scene.do(150, SignIn("ada"))
    assert scene.answered() == (1, 1)
    assert scene.predictor.learning.pending == 0
    assert scene.predictor.coverage.counted == 1
    assert scene.estimate("a").method == "immediate"
    scene.do(200, Requeue("a", keep_place=False), SignIn("bob"))
    assert scene.answered() == (1, 1)


def test_a_call_that_hardly_waited_teaches_nothing() -> None:
    scene = Scene().do(100, Enqueue("a", "q"))
    scene.estimate("a")
    scene.do(101, SignIn("ada"))
    assert scene.answered() == (0, 0)
    scene.do(102, Enqueue("b", "q"))
    scene.estimate("b")
    scene.do(103.1, SignIn("bob"))
    assert scene.answered() == (1, 1)


def test_the_wait_that_is_learnt_counts_from_the_estimate() -> None:
    """Talks are known to take 60 s: who is estimated late is told what is left, and that held."""
    scene = Scene()
    for number in range(8):
        scene.do(100 + 100 * number, Complete("talks" if number == 0 else f"next-{number - 1}"))
        scene.do(110 + 100 * number, Enqueue(f"next-{number}", "q"), Enqueue(f"late-{number}", "q"))
        scene.do(130 + 100 * number, SignIn(f"agent-{number}"))  # no estimate before
        scene.do(130 + 100 * number, Complete(f"late-{number}"), SignOut(f"agent-{number}"))
    assert scene.predictor.coverage.counted == 0
    scene.do(1000, Enqueue("a", "q")).do(1600)
    estimate = scene.estimate("a")
    assert estimate.interval_us is not None
    inside_us = sum(estimate.interval_us) // 2
    assert 600 * SECOND + inside_us > estimate.interval_us[1]
    scene.do(1600 + inside_us / SECOND, SignIn("zoe"))
    coverage = scene.predictor.coverage
    assert (coverage.held, coverage.counted) == (1, 1)


INTERRUPTIONS: dict[str, Callable[[Scene], object]] = {
    "transferred": lambda scene: scene.do(110, Transfer("a", "r")),
    "detached": lambda scene: scene.do(110, Detach("a")).do(111, Attach("a")),
    "changed": lambda scene: scene.do(110, UpdateCall("a", priority=3)),
    "called back": lambda scene: scene.do(110, TurnIntoCallback("a")),
    "paused": lambda scene: scene.do(110, PauseQueue("q")).do(111, ResumeQueue("q")),
    "down": lambda scene: scene.do(110, Restart()),
    "moved": lambda scene: scene.do(
        110, Configure(Settings(queues={"r": QueueSettings(automatic=True)}), moves={"q": "r"})
    ),
}


@pytest.mark.parametrize("name", INTERRUPTIONS)
def test_an_estimate_from_before_something_changed_teaches_nothing(name: str) -> None:
    scene = Scene().do(100, Enqueue("a", "q"))
    scene.estimate("a")
    late = scene.predictor.situation().run(5)
    INTERRUPTIONS[name](scene)
    assert scene.predictor.learning.pending == 0
    scene.predictor.digest(late)  # a set from before
    assert scene.predictor.learning.pending == 0
    scene.do(160, SignIn("ada"))
    assert scene.engine.call("a").agent == "ada"
    assert scene.answered() == (0, 0)
    assert scene.predictor.coverage.counted == 0


def test_a_new_estimate_after_a_change_teaches() -> None:
    scene = Scene().do(100, Enqueue("a", "q")).do(110, UpdateCall("a", attributes={"k": "v"}))
    scene.estimate("a")
    scene.do(160, SignIn("ada"))
    assert scene.answered() == (1, 0)


def test_who_gives_up_is_counted_and_teaches_nothing() -> None:
    scene = Scene().do(100, Enqueue("a", "q"), Enqueue("b", "q"))
    scene.estimate("a")
    scene.do(120, Cancel("a"), Cancel("b"))
    assert scene.answered() == (0, 0)
    assert (scene.predictor.learning.abandoned, scene.predictor.learning.pending) == (2, 0)


def test_a_refused_call_teaches_nothing() -> None:
    rules = Settings(queues={"q": QueueSettings(wait_max_us=30 * SECOND), "r": QueueSettings()})
    scene = Scene().do(99, Configure(rules)).do(100, Enqueue("a", "q"))
    scene.estimate("a")
    scene.do(140, Enqueue("b", "r"))
    assert scene.engine.call("a").state.name == "REFUSED"
    assert scene.answered() == (0, 0)
    assert scene.predictor.learning.abandoned == 0


def test_an_assignment_by_force_teaches_only_in_shadow_mode() -> None:
    for shadow, expected in ((False, (0, 0)), (True, (1, 1))):
        scene = Scene(shadow=shadow).do(100, Enqueue("a", "q"), SignIn("ada", ready=False))
        scene.estimate("a")
        scene.do(150, Assign("a", "ada"))
        assert scene.answered() == expected


def test_in_shadow_mode_paused_queues_go_on() -> None:
    """What futures say is not told until it is corrected, and yet it teaches the correction."""
    for shadow, expected in ((False, "none"), (True, "qlm")):
        scene = Scene(shadow=shadow).do(100, PauseQueue("q"), Enqueue("a", "q"))
        assert scene.predictor.situation().calls == shadow
        assert scene.estimate("a") == scene.predictor.quick("a", scene.now_us)
        assert scene.estimate("a").method == expected
        new = Enqueue("", "q")
        assert scene.predictor.estimate(new, scene.now_us, futures=5).method == expected
        assert scene.predictor.learning.pending == (2 if shadow else 0)
        scene.do(140, SignIn("ada", ready=False), Assign("a", "ada"))
        assert scene.answered() == ((1, 1) if shadow else (0, 0))


def test_a_new_day_in_shadow_mode_begins_without_the_waits_of_the_last() -> None:
    for shadow in (False, True):
        scene = Scene(shadow=shadow).do(100, Enqueue("a", "q"), SignIn("ada", ready=False)).do(150, SignIn("bob"))
        figures = scene.predictor.delay_figures("q", scene.now_us)
        assert figures.les_us == 50 * SECOND
        scene.do(86_400, Enqueue("b", "r"))
        assert scene.predictor.delay_figures("q", scene.now_us).les_us == (None if shadow else 50 * SECOND)


def test_commands_that_were_missed_leave_the_waiting_out_of_it() -> None:
    scene = Scene().do(100, Enqueue("a", "q"))
    scene.estimate("a")
    scene.engine.apply(Enqueue("unseen", "q"), scene.now_us)
    scene.do(150, SignIn("ada"))
    assert scene.answered() == (0, 0)
    assert scene.predictor.learning.pending == 0
    scene.do(160, Enqueue("b", "q"))
    scene.predictor.observe()  # once more does no harm
    scene.estimate("b")
    scene.do(190, SignIn("bob"), Complete("unseen"), SignIn("eve"))
    assert scene.answered() == (1, 1)


# ---- sets and situations ----


def test_a_set_speaks_of_the_calls_that_still_wait() -> None:
    scene = Scene().do(100, *[Enqueue(name, "q") for name in ("a", "b", "c", "d")])
    futures = scene.predictor.situation().run(20)
    assert list(scene.predictor.digest(futures)) == ["a", "b", "c", "d"]
    scene.do(110, Cancel("b"), Requeue("talks"), SignIn("ada"), Enqueue("e", "q"))
    said = scene.predictor.digest(futures)
    assert set(said) == {"a", "c", "d"} & {name for name in "abcd" if scene.engine.position(name)}
    assert all(said[name].position == scene.engine.position(name) for name in said)


def test_a_number_that_another_call_has_now_is_not_mistaken() -> None:
    rules = Settings(queues={"q": QueueSettings(automatic=True)}, finished_retention_us=1)
    scene = Scene().do(99, Configure(rules, moves={"r": "q"})).do(100, Enqueue("a", "q"))
    futures = scene.predictor.situation().run(5)
    scene.do(110, Cancel("a")).do(120, Enqueue("b", "q"))
    assert scene.predictor.digest(futures) == {}


def test_a_set_of_a_busier_engine_is_not_read_past_the_end() -> None:
    crowd = Scene().do(100, *[Enqueue(f"call-{number}", "q") for number in range(50)])
    assert Scene().predictor.digest(crowd.predictor.situation().run(2)) == {}


def test_a_set_without_futures_says_nothing() -> None:
    scene = Scene().do(100, Enqueue("a", "q"))
    situation = scene.predictor.situation()
    situation.cancel()
    futures = situation.run(10)
    assert futures.futures == 0
    assert scene.predictor.digest(futures) == {}
    assert scene.predictor.learning.pending == 1


def test_a_situation_runs_in_another_thread_while_the_engine_goes_on() -> None:
    centre = SmallCentre(answers_min=50, gap_s=28)
    centre.run(300)
    alone = centre.predictor.situation().run(100)
    situation = centre.predictor.situation()
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(lambda: situation.run(100, threads=2))
        centre.run(100)
        found = beside.result()
    assert len(found) == len(alone) > 0
    for one, other in zip(found.targets, alone.targets, strict=True):
        assert one.call == other.call
        assert np.array_equal(one.waits_s, other.waits_s)
        assert np.array_equal(one.weights, other.weights)


def test_where_futures_come_to_no_answer_no_time_is_told() -> None:
    scene = Scene().do(100, Enqueue("a", "q"), Complete("talks"), Complete("a"), SignOut("busy"), Enqueue("b", "q"))
    futures = scene.predictor.situation().run(20)
    assert futures.targets[0].beyond == 20
    assert scene.estimate("b") == WaitEstimate("none", None, 1, 0, unanswered=True)
    assert scene.predictor.learning.pending == 1  # the futures are no example
    supposed = scene.predictor.estimate(Enqueue("", "q"), scene.now_us, futures=10)
    assert supposed == WaitEstimate("none", None, 2, 0, unanswered=True)
    assert not scene.predictor.quick("b", scene.now_us).unanswered


def test_where_futures_come_to_no_answer_nothing_smaller_is_told() -> None:
    """An agent is there, but others will always go first: qlm knows nothing of that."""
    rules = Settings(queues={name: QueueSettings(automatic=True, wait_max_us=SECOND) for name in ("q", "r")})
    for shadow in (False, True):
        scene = Scene(shadow=shadow).do(99, Configure(rules)).do(100, Enqueue("a", "q"))
        (target,) = scene.predictor.situation().run(20).targets
        assert target.refused > 10
        assert scene.predictor.quick("a", scene.now_us).method == "qlm"
        assert scene.estimate("a").method == ("qlm" if shadow else "none")
        assert scene.estimate("a").unanswered is not shadow
        assert scene.predictor.learning.pending == 1


def test_an_estimate_ahead_of_the_engine_does_no_harm() -> None:
    scene = Scene().do(100, Enqueue("a", "q"))
    assert scene.predictor.estimate("a", scene.now_us + 60 * SECOND, futures=10).method == "simulated"
    scene.do(120, SignIn("ada"))
    assert scene.answered() == (0, 1)
    assert scene.predictor.coverage.counted == 0
    assert scene.predictor.queue_history("q").served == 3


def test_the_chance_to_be_answered_leaves_out_who_never_is() -> None:
    """Two agents of whom one is away till tomorrow: a wait limit refuses some futures' calls."""
    rules = Settings(queues={"q": QueueSettings(automatic=True, wait_max_us=240 * SECOND), "r": QueueSettings()})
    scene = Scene().do(99, Configure(rules)).do(100, Enqueue("a", "q"))
    futures = scene.predictor.situation().run(400)
    (target,) = futures.targets
    assert 0 < target.refused < 200
    said = scene.predictor.digest(futures, within_us=(240 * SECOND, 24 * 3600 * SECOND))["a"]
    assert [chance for _, chance in said.answered_within] == [1 - target.refused / 400] * 2
    for within_us, chance in said.answered_within:
        assert scene.predictor.answered_within(futures, "a", said, within_us) == chance
        assert futures.answered_within("a", within_us) == chance
    assert scene.predictor.answered_within(futures, "b", said, SECOND) is None


def test_a_set_is_read_bit_by_bit() -> None:
    scene = Scene().do(100, *[Enqueue(f"call-{number}", "q") for number in range(7)])
    futures = scene.predictor.situation().run(20)
    whole = scene.predictor.digest(futures)
    bits = [scene.predictor.digest(futures, first=first, most=3) for first in (0, 3, 6, 9)]
    assert [len(bit) for bit in bits] == [3, 3, 1, 0]
    assert {name: said for bit in bits for name, said in bit.items()} == whole
    for wrong in ({"first": -1}, {"most": -1}, {"first": 1.5}, {"most": "all"}):
        with pytest.raises(ValueError, match="is wanted"):
            scene.predictor.digest(futures, **wrong)  # type: ignore[arg-type]


def test_a_first_day_has_fallbacks_only() -> None:
    engine = Engine(RULES, time_us=START_US)
    predictor = Predictor(engine)
    engine.apply(Enqueue("a", "q"), START_US)
    predictor.observe()
    assert predictor.estimate("a", START_US) == predictor.quick("a", START_US)
    assert predictor.estimate("a", START_US).method == "none"
    assert predictor.estimate(Enqueue("", "q"), START_US) == WaitEstimate("none", None, 2, 0)


# ---- what lasts ----


def test_what_was_learnt_goes_on_after_a_restore_as_if_nothing_had_been() -> None:
    one, other = (SmallCentre(answers_min=60, seed=4) for _ in range(2))
    for centre in (one, other):
        centre.learn(250)
        while centre.waiting():
            centre.learn(1)
    saved = one.predictor.save()
    assert saved == other.predictor.save()
    assert one.predictor.learning.answers > 60
    other.engine = Engine.restore(one.engine.snapshot())
    other.predictor = Predictor(other.engine, answers_min=60)
    other.predictor.restore(saved)
    assert other.predictor.save() == saved
    for centre in (one, other):
        centre.learn(150)
    assert other.predictor.save() == one.predictor.save()
    assert other.predictor.coverage == one.predictor.coverage
    calls = one.waiting()
    assert calls == other.waiting()
    assert [one.predictor.estimate(call) for call in calls] == [other.predictor.estimate(call) for call in calls]


def test_what_is_damaged_or_of_another_kind_is_refused_and_changes_nothing() -> None:
    centre = SmallCentre(answers_min=60)
    centre.run(200)
    saved = centre.predictor.save()
    other_mode = Predictor(centre.engine, shadow=True).save()
    flipped = saved[:200] + bytes([saved[200] ^ 1]) + saved[201:]
    for wrong in (b"", b"nonsense", saved[:-1], saved[: len(saved) // 2], flipped, saved + b"x", other_mode):
        with pytest.raises(CorruptSnapshot):
            centre.predictor.restore(wrong)
        assert centre.predictor.save() == saved
    with pytest.raises(InvalidCommand, match=r"what save\(\) returned is wanted"):
        centre.predictor.restore("text")  # type: ignore[arg-type]


# ---- bad input ----


def test_unknown_names_and_malformed_questions() -> None:
    scene = Scene().do(100, Enqueue("a", "q"))
    ask = scene.predictor
    for question in (ask.quick, ask.settled, ask.estimate):
        with pytest.raises(UnknownName, match="nobody"):
            question("nobody", scene.now_us)
        with pytest.raises(UnknownName, match="nowhere"):
            question(Enqueue("x", "nowhere"), scene.now_us)
        with pytest.raises(UnknownName, match="fax"):
            question(Enqueue("x", "q", channel="fax"), scene.now_us)
        with pytest.raises(InvalidCommand, match="priority"):
            question(Enqueue("x", "q", priority=10), scene.now_us)
        with pytest.raises(InvalidCommand, match="now_us"):
            question("a", -1)
        with pytest.raises(InvalidCommand, match="now_us"):
            question("a", 1.5)  # type: ignore[arg-type]
        with pytest.raises(InvalidCommand):
            question(7, scene.now_us)  # type: ignore[arg-type]
    with pytest.raises(UnknownName):
        ask.situation("nobody")
    with pytest.raises(UnknownName):
        ask.queue_history("nowhere")
    with pytest.raises(UnknownName):
        ask.delay_figures("nowhere", scene.now_us)
    with pytest.raises(InvalidCommand, match="within_us"):
        ask.estimate("a", scene.now_us, within_us=(-1,))
    with pytest.raises(InvalidCommand, match="within_us"):
        ask.estimate("a", scene.now_us, within_us=5)  # type: ignore[arg-type]


def test_a_predictor_is_made_of_what_makes_sense() -> None:
    engine = Engine(RULES)
    with pytest.raises(ValueError, match="Europe/Prague"):
        Predictor(engine, time_zone="Mars/Olympus")
    with pytest.raises(ValueError, match="1 or more"):
        Predictor(engine, answers_min=0)
    with pytest.raises(TypeError):
        Predictor(None)  # type: ignore[arg-type]


def test_the_engine_may_refuse_a_supposed_call() -> None:
    scene = Scene().do(99, Configure(msgspec_replace(calls_max=2)))
    scene.do(100, Enqueue("a", "q"))
    with pytest.raises(ValueError, match="TOO_MANY_CALLS"):
        scene.predictor.situation(Enqueue("", "q"))
    assert scene.predictor.estimate(Enqueue("", "q"), scene.now_us).method == "qlm"


def msgspec_replace(**changes: int) -> Settings:
    queues = {name: QueueSettings(automatic=True) for name in ("q", "r")}
    return Settings(queues=queues, **changes)  # type: ignore[arg-type]
