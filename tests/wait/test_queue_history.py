"""Goal: what the fallbacks learn of a queue is what its events say, and no more is kept than that takes.

Method: a real engine in hand-made situations, with the expected numbers worked out beside them.
"""

from __future__ import annotations

import pytest

from router.engine import (
    Assign,
    Cancel,
    Command,
    Complete,
    Configure,
    EndWrapUp,
    Engine,
    Enqueue,
    QueueSettings,
    Requeue,
    Restart,
    Settings,
    SignIn,
    SignOut,
    Transfer,
    TurnIntoCallback,
    WrapUp,
    WrapUpMode,
)
from router.wait import Predictor, QueueHistory

SECOND = 1_000_000
FADING_MAX = 1024  # samples at which sums and counts are halved
DOWNTIMES_MAX = 32


class Scene:
    """An engine with automatic queues q, r and s, and a predictor that sees every command; times are seconds."""

    def __init__(self, *, shadow: bool = False, **queue: object) -> None:
        settings = QueueSettings(automatic=True, **queue)  # type: ignore[arg-type]
        self.engine = Engine(Settings(queues={name: settings for name in ("q", "r", "s")}))
        self.predictor = Predictor(self.engine, shadow=shadow)

    def do(self, at_s: float, *commands: Command) -> Scene:
        for command in commands:
            self.engine.apply(command, round(at_s * SECOND))
            assert self.engine.last_result is not None
            assert self.engine.last_result.rejection is None
            self.predictor.observe()
        return self

    def queue(self, queue: str = "q") -> QueueHistory:
        return self.predictor.queue_history(queue)

    def patience(self, queue: str = "q") -> tuple[int, float]:
        known = self.queue(queue)
        return known.abandoned, known.exposed_us / SECOND


def test_nothing_is_known_of_a_new_queue() -> None:
    assert Scene().queue() == QueueHistory(0, 0.0, 0, 0, 0, 0, 0)
    assert Scene().queue().patience_rate == 0


def test_patience_counts_answered_waits_as_exposure() -> None:
    scene = Scene().do(0, Enqueue("a", "q")).do(10, Enqueue("b", "q")).do(30, SignIn("ada")).do(80, Cancel("b"))
    assert scene.patience() == (1, 30 + 70)
    assert scene.queue().patience_rate == pytest.approx(1 / 100 / SECOND)


def test_service_is_handle_and_wrap_up() -> None:
    scene = Scene(wrap_up=WrapUp(WrapUpMode.MANUAL, 900 * SECOND))
    scene.do(0, SignIn("ada"), Enqueue("a", "q")).do(60, Complete("a"))
    assert (scene.queue().wrapping_up, scene.queue().service_us) == (1, 60 * SECOND)
    scene.do(100, EndWrapUp("ada"), Enqueue("b", "q")).do(120, Complete("b"))
    known = scene.queue()
    assert (known.completed, known.service_us, known.wrapping_up) == (2, (60 + 40 + 20) / 2 * SECOND, 1)


def test_the_wrap_up_after_a_transfer_is_no_sample() -> None:
    scene = Scene(wrap_up=WrapUp(WrapUpMode.MANUAL, 900 * SECOND))
    scene.do(0, SignIn("ada"), Enqueue("a", "q")).do(60, Transfer("a", "r")).do(100, EndWrapUp("ada"))
    assert (scene.queue().completed, scene.queue().service_us, scene.queue().wrapping_up) == (0, 0, 0)


def test_the_last_wait_is_kept_but_not_of_a_forced_assignment() -> None:
    for shadow, expected in ((False, (2, 41)), (True, (3, 99))):
        scene = Scene(shadow=shadow).do(0, Enqueue("a", "q")).do(10, Enqueue("b", "q"))
        scene.do(30, SignIn("ada")).do(51, SignIn("bob"))
        scene.do(60, Enqueue("c", "q"), SignIn("eve", ready=False)).do(159, Assign("c", "eve"))
        assert (scene.queue().served, scene.queue().last_wait_us / SECOND) == expected


def test_a_downtime_is_no_part_of_the_last_wait() -> None:
    scene = Scene().do(0, Enqueue("a", "q")).do(50, Enqueue("z", "r")).do(500, Restart()).do(530, SignIn("ada"))
    assert (scene.queue().served, scene.queue().last_wait_us) == (1, 80 * SECOND)
    scene = Scene().do(0, Restart()).do(50, Enqueue("a", "r")).do(500, Restart()).do(600, Cancel("a"), Restart())
    scene.do(700, Enqueue("b", "q")).do(730, SignIn("bob"))
    assert scene.queue().last_wait_us == 30 * SECOND


def test_only_the_last_downtimes_are_kept() -> None:
    scene = Scene().do(0, Enqueue("a", "q"))
    for number in range(1, 2 * DOWNTIMES_MAX):
        scene.do(number * 10, Restart())
    scene.do(2 * DOWNTIMES_MAX * 10, SignIn("ada"))
    # the first ones are forgotten, so they count as waited
    assert scene.queue().last_wait_us == 2 * DOWNTIMES_MAX * 10 * SECOND - DOWNTIMES_MAX * 10 * SECOND


def test_a_talk_that_a_downtime_cut_through_is_no_sample() -> None:
    scene = Scene(wrap_up=WrapUp(WrapUpMode.FIXED, 30 * SECOND))
    scene.do(10, SignIn("ada"), Enqueue("a", "q")).do(50, Enqueue("x", "r")).do(500, Restart()).do(530, Complete("a"))
    assert (scene.queue().completed, scene.queue().wrapping_up) == (0, 0)
    scene.do(600, Complete("x"), Enqueue("b", "q")).do(630, SignIn("bob")).do(730, Complete("b"))
    assert (scene.queue("r").completed, scene.queue("r").service_us) == (1, (40 + 30) * SECOND)
    assert (scene.queue().completed, scene.queue().service_us, scene.queue().wrapping_up) == (1, 100 * SECOND, 1)


def test_a_wrap_up_is_as_long_as_the_server_was_up() -> None:
    scene = Scene(wrap_up=WrapUp(WrapUpMode.FIXED, 30 * SECOND))
    scene.do(0, SignIn("ada")).do(10, Enqueue("a", "q")).do(30, Complete("a")).do(50, SignIn("bob")).do(500, Restart())
    scene.do(500, SignOut("bob"))
    assert (scene.queue().service_us, scene.queue().wrapping_up) == ((20 + 20) * SECOND, 0)


def test_patience_goes_on_in_a_downtime() -> None:
    """Who gave up in it is told of afterwards, so the time counts as well."""
    scene = Scene().do(0, Enqueue("a", "q")).do(10, Enqueue("b", "q")).do(500, Restart()).do(510, Cancel("a"))
    assert scene.patience() == (1, 510)


def test_a_change_of_queue_splits_the_exposure() -> None:
    rules = {"q": QueueSettings(wait_max_us=10 * SECOND, overflow="r"), "r": QueueSettings(), "s": QueueSettings()}
    scene = Scene()
    scene.do(0, Configure(Settings(queues=rules)), Enqueue("a", "q"))
    scene.do(30, Configure(Settings(queues={"s": QueueSettings()}), moves={"r": "s"})).do(60, Cancel("a"))
    assert scene.patience("s") == (1, 30)
    scene = Scene()
    scene.do(0, Configure(Settings(queues=rules)), Enqueue("a", "q")).do(30, Cancel("a"))
    assert (scene.patience("q"), scene.patience("r")) == ((0, 10), (1, 20))


def test_a_returned_call_is_at_risk_only_while_it_waits() -> None:
    scene = Scene()
    scene.do(0, Configure(Settings(queues={"q": QueueSettings()})), Enqueue("a", "q")).do(5, SignIn("ada"))
    scene.do(7, Requeue("a"), SignOut("ada")).do(40, Cancel("a"))  # it was only offered
    assert scene.patience() == (1, 40)
    scene = Scene().do(0, Enqueue("a", "q")).do(10, SignIn("ada")).do(20, SignOut("ada"))
    scene.do(35, Requeue("a")).do(40, Cancel("a"))
    assert scene.patience() == (1, 10 + 5)


def test_a_transferred_call_is_at_risk_anew() -> None:
    scene = Scene().do(0, Enqueue("a", "q")).do(10, SignIn("ada")).do(20, SignOut("ada"))
    scene.do(60, Transfer("a", "r")).do(90, Cancel("a"))
    assert (scene.patience("q"), scene.patience("r")) == ((0, 10), (1, 30))


def test_a_callback_is_not_at_risk() -> None:
    scene = Scene().do(0, Enqueue("a", "q")).do(20, TurnIntoCallback("a")).do(500, SignIn("ada"))
    assert scene.patience() == (0, 20)
    assert scene.queue().last_wait_us == 500 * SECOND
    scene = Scene()
    scene.do(0, Configure(Settings(queues={"q": QueueSettings()})), Enqueue("a", "q", callback=True))
    scene.do(90, SignIn("ada")).do(95, SignOut("ada")).do(99, Cancel("a"))
    assert scene.patience() == (0, 0)


def test_a_refused_call_is_exposure_without_abandonment() -> None:
    scene = Scene(wait_max_us=40 * SECOND).do(0, Enqueue("a", "q")).do(60, Enqueue("b", "r"))
    assert scene.patience() == (0, 40)


def test_a_mean_forgets_and_follows() -> None:
    scene = Scene().do(0, SignIn("ada"))
    at_s = 0

    def talk(times: int, length_s: int) -> QueueHistory:
        nonlocal at_s
        for _ in range(times):
            scene.do(at_s, Enqueue("a" + str(at_s), "q"))
            scene.do(at_s + length_s, Complete("a" + str(at_s)))
            at_s += length_s
        return scene.queue()

    known = talk(2 * FADING_MAX, 100)
    assert known.completed < FADING_MAX
    assert known.service_us == pytest.approx(100 * SECOND, rel=0.01)
    assert talk(3 * FADING_MAX, 300).service_us == pytest.approx(300 * SECOND, rel=0.1)


def test_a_queue_that_is_removed_is_forgotten() -> None:
    scene = Scene(wrap_up=WrapUp(WrapUpMode.MANUAL, 900 * SECOND))
    scene.do(0, SignIn("ada"), Enqueue("a", "q")).do(60, Complete("a")).do(
        60, Configure(Settings(queues={"r": QueueSettings()}))
    )
    scene.do(70, Configure(Settings(queues={"q": QueueSettings()}))).do(80, EndWrapUp("ada"))
    assert scene.queue() == QueueHistory(0, 0.0, 0, 0, 0, 0, 0)
