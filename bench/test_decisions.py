"""What does one decision take, and how does that grow with agents, waiting calls, profiles and requirements?

Each decision is timed alone, by the clock, around an `Engine.apply` of the Python API: the `Enqueue` that an idle agent
gets at once, or the `Complete` that sets an agent free for a waiting call. Included: the command's conversion, the
decision, all bookkeeping, the events as Python objects, and two readings of the clock. Left out: making the command,
and what brings the centre back to where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import baselines, workloads
from bench.baselines import HeapRouter, NumpyScan, terms_of
from bench.centres import STEP_US, BusyCentre, Centre, Decision, IdleCentre, Shape
from bench.figures import goal, note, quantiles, series
from router import Complete, SignIn
from router.config import PRESETS
from tests.oracle import Oracle

AGENTS = (100, 1_000, 10_000, 100_000)
WAITING = (100, 1_000, 10_000, 100_000)
VARIETY = (10, 50, 100, 500, 1_000)
SHAPES = {"50 profiles": Shape(), "500 profiles": Shape(profiles=500, requirements=500)}
DECISIONS = 20_000
QUICK_DECISIONS = 300
QUICK_SIZE_MAX = 10_000
WARM_UP = 1_000
MEDIAN_US_MAX = 2.0
P99_RATIO_MAX = 3.0
CANDIDATES_RATIO_MAX = 1.2
LIFE_RATIO_MAX = 10.0
HEAP_ENTRIES = 100
TURNS, ROUNDS, PAIRS, CUSTOMERS = 3, 4, 1_000_000, 100_000
EVENTS_IN_A_LIFE = 7
"""Enqueued, offered, accepted, assigned, completed, wrap-up started and ended."""


class Centres:
    """Centres and their decisions; the latest centre is kept, since making a large one takes a second or two."""

    def __init__(self, quick: bool) -> None:
        self.count = QUICK_DECISIONS if quick else DECISIONS
        self.quick = quick
        self.found: dict[tuple[str, int, Shape], list[Decision]] = {}

    def decide(self, benchmark: BenchmarkFixture, kind: str, size: int, shape: Shape) -> list[Decision]:
        if self.quick and size > QUICK_SIZE_MAX:
            pytest.skip("a centre as large as this takes seconds to make: `make bench` does")
        centre: IdleCentre | BusyCentre = (IdleCentre if kind == "idle agents" else BusyCentre)(size, shape)
        for _ in range(max(WARM_UP, 2 * shape.requirements)):
            centre.decide()
        made: list[Decision] = []
        benchmark.pedantic(lambda: made.extend(centre.decide() for _ in range(self.count)), rounds=1)
        check_counts(centre, made)
        self.found[kind, size, shape] = made
        return made


def check_counts(centre: Centre, made: list[Decision]) -> None:
    """Assert that no pair was weighed that did not have to be: at most one per class."""
    assert max(one.candidates for one in made) <= centre.shape.profiles + centre.shape.requirements
    centre.engine.audit()


@pytest.fixture(scope="module")
def centres(quick: bool) -> Centres:
    return Centres(quick)


def row_of(made: list[Decision]) -> dict[str, float | int | str]:
    """Return the columns that all tables of decisions have."""
    p50, p90, p99 = (value / 1000 for value in quantiles([one.elapsed_ns for one in made]))
    mean = sum(one.elapsed_ns for one in made) / len(made) / 1000
    candidates = sum(one.candidates for one in made) / len(made)
    return {"candidates": candidates, "mean, µs": mean, "p50, µs": p50, "p90, µs": p90, "p99, µs": p99}


def draw_size(benchmark: BenchmarkFixture, plot: str, name: str, size: int, made: list[Decision]) -> None:
    for share, value in zip(("p50", "p99"), quantiles([one.elapsed_ns for one in made], (0.5, 0.99)), strict=True):
        series(benchmark, plot, f"{name}, {share}", [size], [value / 1000])


def draw_distribution(benchmark: BenchmarkFixture, plot: str, name: str, made: list[Decision]) -> None:
    shares = [*(number / 100 for number in range(1, 100)), 0.995, 0.998, 0.999]
    values = quantiles([one.elapsed_ns for one in made], shares)
    series(benchmark, plot, name, [value / 1000 for value in values], shares)


def median_us(made: list[Decision]) -> float:
    return quantiles([one.elapsed_ns for one in made])[0] / 1000


SIZES = [(name, agents) for name, shape in SHAPES.items() for agents in AGENTS if agents >= shape.profiles]


@pytest.mark.parametrize(("name", "agents"), SIZES)
def test_idle_agents(benchmark: BenchmarkFixture, centres: Centres, name: str, agents: int) -> None:
    made = centres.decide(benchmark, "idle agents", agents, SHAPES[name])
    note(benchmark, "decisions-agents", f"{agents:,} agents, {name}", row_of(made))
    draw_size(benchmark, "decisions-agents", name, agents, made)
    draw_distribution(benchmark, "decisions-cdf", f"{agents:,} idle agents, {name}", made)
    if (agents, name) == (10_000, "50 profiles"):
        words = "Median decision at 10,000 agents, 50 profiles, 50 requirements, through Python"
        goal(benchmark, words, median_us(made), at_most=MEDIAN_US_MAX, unit="µs")


@pytest.mark.parametrize("waiting", WAITING)
@pytest.mark.parametrize("name", SHAPES)
def test_waiting_calls(benchmark: BenchmarkFixture, centres: Centres, name: str, waiting: int) -> None:
    made = centres.decide(benchmark, "waiting calls", waiting, SHAPES[name])
    note(benchmark, "decisions-waiting", f"{waiting:,} waiting calls, {name}", row_of(made))
    draw_size(benchmark, "decisions-waiting", name, waiting, made)


@pytest.mark.parametrize("number", VARIETY)
def test_variety(benchmark: BenchmarkFixture, centres: Centres, number: int) -> None:
    made = centres.decide(benchmark, "idle agents", 10_000, Shape(profiles=number, requirements=number))
    note(benchmark, "decisions-variety", f"{number:,} profiles and requirements", row_of(made))
    draw_size(benchmark, "decisions-variety", "10,000 idle agents", number, made)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets(benchmark: BenchmarkFixture, centres: Centres, preset: str) -> None:
    made = centres.decide(benchmark, "idle agents", 10_000, Shape(preset=preset))
    note(benchmark, "decisions-variants", preset, row_of(made))


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        ("the queue says what is demanded", Shape()),
        ("with explanations kept", Shape(explain=True)),
        ("each call says what it demands", Shape(own=True)),
        ("each call says it, with explanations", Shape(own=True, explain=True)),
    ],
)
def test_what_a_call_brings(benchmark: BenchmarkFixture, centres: Centres, words: str, shape: Shape) -> None:
    made = centres.decide(benchmark, "idle agents", 10_000, shape)
    note(benchmark, "decisions-variants", words, row_of(made))


def test_ten_times_the_agents_cost_the_same(benchmark: BenchmarkFixture, centres: Centres) -> None:
    found = []
    for agents in (1_000, 10_000) if centres.quick else (10_000, 100_000):
        key = ("idle agents", agents, SHAPES["500 profiles"])
        if key not in centres.found:
            pytest.skip("needs test_idle_agents at both sizes in the same run")
        found.append(centres.found[key])
    small, large = found
    candidates = [sum(one.candidates for one in made) / len(made) for made in found]
    p99s = benchmark.pedantic(lambda: [quantiles([one.elapsed_ns for one in made], (0.99,))[0] for made in found])
    if not centres.quick:
        words = "p99 at 100,000 agents beside 10,000, 500 profiles and requirements"
        goal(benchmark, words, p99s[1] / p99s[0], at_most=P99_RATIO_MAX, unit="times")
    assert candidates[1] <= CANDIDATES_RATIO_MAX * candidates[0]
    assert len(small) == len(large) == centres.count


# ---- beside others ----


def our_choices(agents: int, shape: Shape, count: int) -> list[Decision]:
    """Return what the engine chooses, the choices of the warm-up among them."""
    centre = IdleCentre(agents, shape)
    return [centre.decide() for _ in range(count)]


def their_choices(router: NumpyScan | HeapRouter, terms: list[baselines.Terms], count: int) -> list[tuple[int, int]]:
    """Return nanoseconds and agent of each choice; the agent is released after it."""
    made = []
    for number in range(count):
        wanted = terms[number % len(terms)]
        began_ns = time.perf_counter_ns()
        agent = router.take(wanted)
        elapsed_ns = time.perf_counter_ns() - began_ns
        made.append((elapsed_ns, agent))
        router.release(agent)
    return made


BASELINES: dict[str, Callable[[Sequence[SignIn]], NumpyScan | HeapRouter]] = {
    "NumPy scan of all agents": NumpyScan,
    "plain Python, a heap per skill": HeapRouter,
}


@pytest.mark.parametrize("agents", AGENTS)
def test_beside_simple_routers(benchmark: BenchmarkFixture, agents: int, quick: bool) -> None:
    if quick and agents > QUICK_SIZE_MAX:
        pytest.skip("a centre as large as this takes seconds to make: `make bench` does")
    shape = Shape(preset="fcfs-longest-idle")
    count = QUICK_DECISIONS if quick else max(2_000, min(DECISIONS, 20_000_000 // agents))
    drawn = workloads.population(profile_count=shape.profiles, requirement_count=shape.requirements)
    terms = [terms_of(requirement) for _, requirement in drawn.requirements]
    ours: list[Decision] = []
    benchmark.pedantic(lambda: ours.extend(our_choices(agents, shape, count)), rounds=1)
    note(benchmark, "decisions-baselines", f"{agents:,} agents: this engine, through Python", row_of(ours))
    series(benchmark, "decisions-baselines", "this engine, through Python", [agents], [median_us(ours)])
    for name, make in BASELINES.items():
        made = their_choices(make([*workloads.sign_ins(drawn, agents)]), terms, count)
        assert [workloads.agent_name(agent) for _, agent in made] == [one.agent for one in ours]
        p50, p90, p99 = (value / 1000 for value in quantiles([elapsed for elapsed, _ in made]))
        mean = sum(elapsed for elapsed, _ in made) / len(made) / 1000
        figures = {"mean, µs": mean, "p50, µs": p50, "p90, µs": p90, "p99, µs": p99}
        note(benchmark, "decisions-baselines", f"{agents:,} agents: {name}", {**figures})
        series(benchmark, "decisions-baselines", name, [agents], [p50])


def test_beside_the_oracle(benchmark: BenchmarkFixture, quick: bool) -> None:
    """The second engine of the tests, which scans everything, must bring the very same events."""
    agents, count = (100, 20) if quick else (200, 200)
    centre = IdleCentre(agents, Shape(preset="fcfs-longest-idle"))
    oracle = Oracle(centre.engine.settings, time_us=workloads.DAY_START_US)
    for number, command in enumerate(workloads.sign_ins(centre.population, agents), 1):
        oracle.apply(command, workloads.DAY_START_US + number * STEP_US)

    def decide(number: int) -> int:
        call = centre.call(number % len(centre.population.requirements))
        events = centre.apply(call)
        began_ns = time.perf_counter_ns()
        again = oracle.apply(call, centre.time_us)
        elapsed_ns = time.perf_counter_ns() - began_ns
        assert again == events
        complete = Complete(call.call)
        assert centre.apply(complete) == oracle.apply(complete, centre.time_us)
        return elapsed_ns

    times_ns: list[int] = []
    benchmark.pedantic(lambda: times_ns.extend(decide(number) for number in range(count)), rounds=1)
    p50, p90, p99 = (value / 1000 for value in quantiles(times_ns))
    figures = {"mean, µs": sum(times_ns) / count / 1000, "p50, µs": p50, "p90, µs": p90, "p99, µs": p99}
    note(benchmark, "decisions-baselines", f"{agents:,} agents: the oracle of the tests", {**figures})
    series(benchmark, "decisions-baselines", "the oracle of the tests", [agents], [p50])


def test_the_clock(benchmark: BenchmarkFixture, quick: bool) -> None:
    """What reading the clock twice takes, which is in every decision's time."""
    times_ns: list[int] = []

    def run() -> None:
        for _ in range(10_000):
            began_ns = time.perf_counter_ns()
            times_ns.append(time.perf_counter_ns() - began_ns)

    benchmark.pedantic(run, rounds=1)
    assert min(times_ns) >= 0
    note(benchmark, "decisions-agents", "two readings of the clock", {"p50, µs": quantiles(times_ns)[0] / 1000})


def test_beside_a_bare_heap(benchmark: BenchmarkFixture, tmp_path: Path, quick: bool) -> None:
    """A call's whole life in the native engine, beside one push and one pop on a heap with as many entries."""
    if quick:
        pytest.skip("its programs take seconds to compile; `make bench-instructions` runs one of them")
    heap = baselines.build("bare_heap", tmp_path)
    life = baselines.build("engine_life", tmp_path, with_engine=True)
    kind = "hundred_agents_offers_wrap_up"
    expected = baselines.heap_digest(HEAP_ENTRIES, PAIRS)

    def run() -> tuple[float, float]:
        """Both in turns, three times; the best of all rounds each."""
        heap_ns, life_ns = [], []
        for _ in range(TURNS):
            ((best_ns, digest),) = baselines.said(heap, HEAP_ENTRIES, PAIRS, ROUNDS)
            assert int(digest) == expected
            heap_ns.append(float(best_ns))
            ((_, best_ns, events),) = baselines.said(life, CUSTOMERS, ROUNDS, kind)
            assert int(events) == EVENTS_IN_A_LIFE * CUSTOMERS
            life_ns.append(float(best_ns))
        return min(heap_ns), min(life_ns)

    heap_ns, life_ns = benchmark.pedantic(run, rounds=1)
    note(benchmark, "decisions-native", "push and pop, heap of 100 entries", {"ns": heap_ns})
    note(benchmark, "decisions-native", "a call's life: 5 steps, 100 agents", {"ns": life_ns})
    words = "A call's whole life natively, beside one push and pop on a bare heap"
    goal(benchmark, words, life_ns / heap_ns, at_most=LIFE_RATIO_MAX, unit="times")
