"""What does an estimate cost? 200 futures for 100 agents and 100 waiting calls at most 50 ms; a quick one 50 µs.

Method: 100 agents, all at work, and 100 waiting calls, at a moment of a simulated run that was watched for hours;
four patterns of who can do what. A set of futures serves all waiting calls at once; its waits are the same in every
round and for any number of threads, and the commands that it applied are counted. Times of sets are the processor's
of one thread, in the quickest round. Estimates without futures are timed one by one, each by the method that made it:
`learned` by a predictor that has learned, `qlm` and `les` by one that is told never to use what it learned.
"""

from __future__ import annotations

import hashlib
import itertools
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.busy_centre import PATTERNS, WAITING, BusyCentre, scenario
from bench.figures import goal, note, quantiles
from router import CallAssigned, CallEnqueued
from router.simulation.run import Simulation
from router.wait import FutureSet, Predictor

FUTURES = 200
PATTERN_OF_GOALS = "27 queues, 60 profiles"
"""The dearest."""
SET_MS_MAX = 50.0
COMMANDS_MAX = 800
"""In a future: each waiting call is offered and accepted, and before that a talk and a wrap-up end."""
QUICK_US_MAX = 50.0
OBSERVE_US_MAX = 10.0
SITUATION_US_MAX = 2_000.0


@pytest.fixture(scope="module")
def centres() -> dict[str, BusyCentre]:
    """The centres that were made, by pattern: making one takes a second."""
    return {}


def centre_of(centres: dict[str, BusyCentre], pattern: str) -> BusyCentre:
    if pattern not in centres:
        centres[pattern] = BusyCentre(pattern)
    return centres[pattern]


def digest_of(found: FutureSet) -> str:
    """Return a digest of all waits."""
    waits = np.concatenate([target.waits_s for target in found.targets])
    return hashlib.sha256(waits.tobytes()).hexdigest()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_set_of_futures(
    benchmark: BenchmarkFixture, centres: dict[str, BusyCentre], pattern: str, quick: bool
) -> None:
    predictor = centre_of(centres, pattern).predictor
    situation = predictor.situation()
    found: list[FutureSet] = []
    spent_ms: list[float] = []

    def run() -> None:
        began_ns = time.process_time_ns()
        found.append(situation.run(futures=FUTURES))
        spent_ms.append((time.process_time_ns() - began_ns) / 1e6)

    benchmark.group = f"{FUTURES} futures"
    benchmark.pedantic(run, rounds=2 if quick else 20, warmup_rounds=1)
    found.append(situation.run(futures=FUTURES, threads=2))
    assert {(one.futures, len(one.targets), one.commands) for one in found} == {(FUTURES, WAITING, found[0].commands)}
    assert {digest_of(one) for one in found} == {digest_of(found[0])}
    assert all(np.all(target.waits_s > 0) for target in found[0].targets)
    commands = found[0].commands / FUTURES
    began_ns = time.process_time_ns()
    said = predictor.digest(found[0])
    digest_ms = (time.process_time_ns() - began_ns) / 1e6
    assert len(said) == WAITING
    figures = {
        "quickest, ms": min(spent_ms),
        "median, ms": statistics.median(spent_ms),
        "all estimates from it, ms": digest_ms,
        "commands in a future": commands,
        "ns/command": min(spent_ms) * 1e6 / found[0].commands,
    }
    note(benchmark, "estimates-futures", pattern, figures)
    if pattern == PATTERN_OF_GOALS:
        goal(benchmark, f"{FUTURES} futures, {pattern}", min(spent_ms), at_most=SET_MS_MAX, unit="ms")
    assert commands <= COMMANDS_MAX
    if not quick:
        assert min(spent_ms) <= SET_MS_MAX


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_the_writer_does_for_it(
    benchmark: BenchmarkFixture, centres: dict[str, BusyCentre], pattern: str, quick: bool
) -> None:
    centre = centre_of(centres, pattern)
    waiting = centre.waiting()
    assert len(waiting) == WAITING
    unlearned = Predictor(centre.engine, answers_min=10**9)
    unlearned.restore(centre.predictor.save())
    asked: defaultdict[str, list[float]] = defaultdict(list)
    pauses: list[float] = []

    def run() -> None:
        pauses.extend(spent_us(centre.predictor.situation, 5 if quick else 100))
        for predictor in (centre.predictor, unlearned):
            for call in waiting * (1 if quick else 20):
                start_ns = time.perf_counter_ns()
                said = predictor.quick(call, centre.now_us)
                asked[said.method].append((time.perf_counter_ns() - start_ns) / 1000)
                assert said.position is not None

    benchmark.pedantic(run, rounds=1)
    assert "learned" in asked
    assert len(asked) >= 2
    assert set(asked) <= {"learned", "qlm", "les"}
    figures: dict[str, float | int | str] = {}
    for method, spent in [*sorted(asked.items()), ("pause", pauses)]:
        p50, p99 = quantiles(spent, (0.5, 0.99))
        figures |= {f"{method}, median, µs": p50, f"{method}, p99, µs": p99}
    note(benchmark, "estimates-quick", pattern, figures)
    learned_us, pause_us = statistics.median(asked["learned"]), statistics.median(pauses)
    if pattern == PATTERN_OF_GOALS:
        goal(benchmark, f"A quick estimate, {pattern}", learned_us, at_most=QUICK_US_MAX, unit="µs")
    if not quick:
        assert learned_us <= QUICK_US_MAX
        assert pause_us <= SITUATION_US_MAX


def spent_us(work: Callable[[], object], times: int) -> list[float]:
    """Do it so many times and return how long each took."""
    spent = []
    for _ in range(times):
        start_ns = time.perf_counter_ns()
        work()
        spent.append((time.perf_counter_ns() - start_ns) / 1000)
    return spent


def test_following_the_engine(benchmark: BenchmarkFixture, quick: bool) -> None:
    steps = 5_000 if quick else 100_000
    served = served_by_queue(steps)
    alone: list[float] = []
    watched: list[float] = []

    def turn() -> None:
        alone.append(stepped_us(steps, watching=False)[0])
        took_us, predictor = stepped_us(steps, watching=True)
        assert {queue: predictor.queue_history(queue).served for queue in served} == served
        watched.append(took_us)

    benchmark.pedantic(turn, rounds=1 if quick else 3)
    follow_us = statistics.median(watched) - statistics.median(alone)
    note(benchmark, "estimates-quick", PATTERN_OF_GOALS, {"following a command, µs": follow_us})
    if not quick:
        assert follow_us <= OBSERVE_US_MAX


def served_by_queue(steps: int) -> Counter[str]:
    """Count, from the run's own events, the calls that agents got."""
    simulation = Simulation(scenario(PATTERN_OF_GOALS))
    counts = Counter(dict.fromkeys(simulation.engine.settings.queues, 0))
    queues: dict[str, str] = {}
    for happening in itertools.islice(simulation.happenings(), steps):
        for event in happening.events:
            if isinstance(event, CallEnqueued):
                queues[event.call] = event.queue
            elif isinstance(event, CallAssigned):
                counts[queues[event.call]] += 1
    return counts


def stepped_us(steps: int, *, watching: bool) -> tuple[float, Predictor]:
    """Step through a run, and return the processor's microseconds of a step."""
    simulation = Simulation(scenario(PATTERN_OF_GOALS))
    predictor = Predictor(simulation.engine)
    began_ns = time.thread_time_ns()
    for _ in range(steps):
        simulation.step()
        if watching:
            predictor.observe()
    return (time.thread_time_ns() - began_ns) / 1000 / steps, predictor
