"""Does the cost of a decision depend on how many agents or calls there are? It must not.

Method: the same 500 skill profiles, 500 requirements and 20 queues at two sizes, ten times apart, in one process.
Counted work (candidates per decision) is the gate that no machine noise can move. Times are compared only with each
other, by the quickest round of each size, the one that other processes disturbed least. What was timed is checked by
definition, and once against a second engine that ran command by command.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.figures import note
from bench.scenarios import IdleAgents, Measurement, Scenario, WaitingCalls, measure
from router import CallAssigned, Event

BATCH = 500
ROUNDS = 20
WARM_UP = 2
"""Rounds in which every requirement is seen for the first time; not counted."""

CANDIDATES_RATIO_MAX = 1.2
TIME_RATIO_MAX = 3.0

SCENARIOS: dict[str, tuple[Callable[[int], Scenario], tuple[int, int]]] = {
    "idle agents": (IdleAgents, (10_000, 100_000)),
    "waiting calls": (WaitingCalls, (5_000, 50_000)),
}
SIZES = [(name, size) for name, (_, sizes) in SCENARIOS.items() for size in sizes]


@pytest.fixture(scope="module")
def measured() -> dict[tuple[str, int], list[Measurement]]:
    """What each size cost, round by round, for the comparison at the end."""
    return {}


@pytest.mark.parametrize(("name", "size"), SIZES)
def test_decision(
    benchmark: BenchmarkFixture,
    measured: dict[tuple[str, int], list[Measurement]],
    quick: bool,
    name: str,
    size: int,
) -> None:
    make, _ = SCENARIOS[name]
    scenario = make(size)
    rounds: list[Measurement] = []
    finish: Callable[[list[Event]], None] | None = None
    events: list[Event] = []

    def setup() -> tuple[tuple[object, ...], dict[str, object]]:
        nonlocal finish
        settle()
        commands, finish = scenario.round(BATCH)  # type: ignore[attr-defined]
        return (commands,), {}

    def settle() -> None:
        if finish is not None:
            finish(events)

    def target(commands: list[tuple[int, object]]) -> None:
        nonlocal events
        measurement, events = measure(scenario.engine, commands)  # type: ignore[arg-type]
        rounds.append(measurement)

    benchmark.group = name
    count = 2 if quick else ROUNDS
    benchmark.pedantic(target, setup=setup, rounds=count, warmup_rounds=WARM_UP)
    settle()
    scenario.engine.audit()
    rounds = rounds[-count:]
    total = sum(rounds[1:], rounds[0])
    assert total.candidates <= total.bound
    assert total.decisions >= BATCH * len(rounds)
    benchmark.extra_info |= {"candidates_per_decision": total.candidates_per_decision}
    measured[name, size] = rounds


@pytest.mark.parametrize("name", SCENARIOS)
def test_ten_times_the_size_costs_the_same(
    benchmark: BenchmarkFixture, measured: dict[tuple[str, int], list[Measurement]], quick: bool, name: str
) -> None:
    _, sizes = SCENARIOS[name]
    if any((name, size) not in measured for size in sizes):
        pytest.skip("needs test_decision at both sizes in the same run")
    small, large = (measured[name, size] for size in sizes)
    candidates = [sum(rounds[1:], rounds[0]).candidates_per_decision for rounds in (small, large)]
    times = [min(each.ns_per_decision for each in rounds) for rounds in (small, large)]
    benchmark.pedantic(lambda: candidates[1] / candidates[0], rounds=1)
    for size, count, time_ns in zip(sizes, candidates, times, strict=True):
        note(benchmark, "scale", f"{size:,} {name}", {"candidates": count, "µs of the processor": time_ns / 1000})
    note(
        benchmark,
        "scale",
        f"ratio, {name}",
        {"candidates": candidates[1] / candidates[0], "µs of the processor": times[1] / times[0]},
    )
    assert candidates[1] <= CANDIDATES_RATIO_MAX * candidates[0]
    if not quick:
        assert times[1] <= TIME_RATIO_MAX * times[0]


@pytest.mark.parametrize(("make", "size"), [(IdleAgents, 5_000), (WaitingCalls, 1_000)])
def test_what_is_timed_is_what_single_commands_do(make: Callable[[int], Scenario], size: int) -> None:
    batched, single = make(size), make(size)
    for _ in range(2):
        commands, finish = batched.round(100)  # type: ignore[attr-defined]
        _, events = measure(batched.engine, commands)
        again, finish_again = single.round(100)  # type: ignore[attr-defined]
        assert again == commands
        events_again = [event for time_us, command in again for event in single.engine.apply(command, time_us)]
        assert events_again == events
        assert any(isinstance(event, CallAssigned) for event in events)
        finish(events)
        finish_again(events_again)
    assert batched.engine.state_hash() == single.engine.state_hash()
