"""Goal: a restored learner goes on as if nothing had been, and what is learnt follows from commands and times alone.

Method: random streams of commands from the engine's own generators, cut anywhere; the same with idle ticks between.
"""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from router.engine import CorruptSnapshot, Engine, QueueSettings, WrapUp, WrapUpMode
from router.engine import commands as c
from router.engine.settings import DAY_US
from router.wait._native import Learner, Lifetime
from tests.engine.centre import us
from tests.wait.learning import LearningCentre, follow, random_stream

SEEDS = range(6)
LENGTH = 250
AGES_S = (0, 3, 40, 700)


def shown(value: Any) -> Any:
    """Return a model with its lifetimes as figures, so that two can be compared."""
    if isinstance(value, Lifetime):
        return [value.mean_s, *(value.residual_s(age, share) for age in AGES_S for share in (0.1, 0.5, 0.9))]
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("shadow", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_restored_learner_goes_on_as_the_saved_one(seed: int, shadow: bool) -> None:
    settings, stream = random_stream(f"learner/{seed}", LENGTH)
    engine = Engine(settings, time_us=stream[0][0])
    learner = Learner(engine, shadow=shadow)
    cut = random.Random(seed).randrange(LENGTH)
    for _ in follow(engine, learner, stream[:cut]):
        pass
    twin_engine = Engine.restore(engine.snapshot())
    twin = Learner(twin_engine, shadow=shadow)
    twin.restore(learner.save())
    assert twin.save() == learner.save()
    assert shown(twin.model()) == shown(learner.model())
    pairs = zip(follow(engine, learner, stream[cut:]), follow(twin_engine, twin, stream[cut:]), strict=True)
    for _ in pairs:
        assert twin.day_began == learner.day_began
        assert shown(twin.model()) == shown(learner.model())
    assert twin.learned() == learner.learned()
    assert twin.save() == learner.save()


@pytest.mark.parametrize("seed", SEEDS)
def test_idle_ticks_teach_nothing(seed: int) -> None:
    settings, stream = random_stream(f"ticks/{seed}", LENGTH)
    day_ends_us = (stream[0][0] // DAY_US + 2) * DAY_US  # a day begins with its first command, if only with a tick
    stream = [one for one in stream if one[0] < day_ends_us and not isinstance(one[1], c.Restart)]
    ticking = []
    for (time_us, command), (next_us, _) in itertools.pairwise(stream):
        step_us = max(1, (next_us - time_us) // 3)
        ticking += [(time_us, command), *((at_us, c.Advance()) for at_us in range(time_us, next_us, step_us))]
    learners = []
    for commands in (stream[:-1], ticking):
        engine = Engine(settings, time_us=stream[0][0])
        learner = Learner(engine)
        for _ in follow(engine, learner, commands):
            pass
        engine.apply(c.Advance(), stream[-1][0])
        learner.observe()
        learners.append(learner)
    assert learners[0].learned() == learners[1].learned()
    assert shown(learners[0].model()) == shown(learners[1].model())


def test_durations_and_a_wrap_up_under_way_are_restored() -> None:
    centre = LearningCentre(QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.MANUAL, us(60))))
    centre.sign_in("ada", at=1)
    for number in range(58):  # more than in the sorted copy, which is made anew at 55
        centre.talk(f"c{number}", 20 + number, 200 * number + 10)
        centre.do(c.EndWrapUp("ada"))
    centre.talk("last", 7, 20_000)
    twin = Learner(centre.machine)
    twin.restore(centre.known.save())
    assert shown(twin.model()) == shown(centre.model())
    centre.do(c.EndWrapUp("ada"), 20_020)
    twin.observe()
    assert twin.save() == centre.known.save()
    assert shown(twin.model()) == shown(centre.model())


def learnt() -> tuple[LearningCentre, bytes]:
    centre = LearningCentre()
    centre.sign_in("ada", at=1)
    for number in range(30):
        centre.talk(f"c{number}", 20, 100 * number + 10)
    centre.enqueue("live")
    return centre, centre.known.save()


def test_damage_is_found_and_changes_nothing() -> None:
    centre, saved = learnt()
    before = centre.known.learned()
    for position in range(0, len(saved), 37):
        broken = bytearray(saved)
        broken[position] ^= 1 << position % 8
        with pytest.raises(CorruptSnapshot):
            centre.known.restore(bytes(broken))
    for length in (0, 5, len(saved) - 1):
        with pytest.raises(CorruptSnapshot):
            centre.known.restore(saved[:length])
    assert centre.known.learned() == before
    assert centre.known.save() == saved


def test_what_was_learned_in_shadow_mode_is_not_taken_for_something_else() -> None:
    centre, saved = learnt()
    with pytest.raises(CorruptSnapshot, match="not learned in shadow mode"):
        Learner(centre.machine, shadow=True).restore(saved)
    watching = Learner(centre.machine, shadow=True)
    with pytest.raises(CorruptSnapshot, match="learned in shadow mode"):
        centre.known.restore(watching.save())


def test_queues_and_agents_that_the_engine_does_not_know_are_left_out() -> None:
    _, saved = learnt()
    other = LearningCentre()
    other.sign_in("bob", at=1)
    other.known.restore(saved)
    assert other.learned()["talks"] == 30
    assert set(other.model()["agents"]) == {"bob"}


def test_a_learner_that_comes_late_takes_the_engine_as_it_is() -> None:
    centre, _ = learnt()
    late = Learner(centre.machine)
    for command, at in ((c.Advance(), 2935), (c.Accept(centre.offer("live")), 2940), (c.Complete("live"), 3000)):
        centre.do(command, at)
        late.observe()
    assert late.learned()["queues"]["q"]["talks"] == 1
    assert late.learned()["queues"]["q"]["exposure_s"] == 5  # since it looks on
    assert late.model()["agents"]["ada"]["seen_today"]


def sealed(content: bytes) -> bytes:
    """Put a right checksum on content: FNV-1a, 64 bits."""
    state = 0xCBF29CE484222325
    for byte in content:
        state = (state ^ byte) * 0x100000001B3 % 2**64
    return content + state.to_bytes(8, "little")


@pytest.mark.parametrize("shadow", [False, True])
def test_forged_snapshots_are_refused_or_work(shadow: bool) -> None:
    settings, stream = random_stream("forged", 120)
    engine = Engine(settings, time_us=stream[0][0])
    learner = Learner(engine, shadow=shadow)
    for _ in follow(engine, learner, stream[:80]):
        pass
    content, snapshot = learner.save()[:-8], engine.snapshot()
    choices = random.Random(5)
    worked = 0
    for _ in range(400):
        forged = bytearray(content)
        for _ in range(choices.choice((1, 1, 3))):
            forged[choices.randrange(5, len(forged))] = choices.randrange(256)
        twin_engine = Engine.restore(snapshot)
        twin = Learner(twin_engine, shadow=shadow)
        try:
            twin.restore(sealed(bytes(forged)))
        except CorruptSnapshot:
            continue
        worked += 1
        for _ in follow(twin_engine, twin, stream[80:90]):
            shown(twin.model())
    assert worked > 20  # most damage is found, some is but another number
