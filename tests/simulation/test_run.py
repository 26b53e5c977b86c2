"""The run: the same result however it is run, the fairness contract over its events, and nobody lost."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from router.engine import events as e
from router.engine.settings import AgentWeights, CallWeights, Settings
from router.engine.views import CallView
from router.engine.vocabulary import CallState
from router.fairness import Checker
from router.simulation.results import Happening, Replication
from router.simulation.run import Simulation, simulate
from router.simulation.scenario.model import Scenario
from tests.simulation import scenarios as make

EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # an example is a whole run: shrinking one takes longer than reading it
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def stepped(scenario: Scenario, replication: int = 0) -> tuple[list[Happening], Replication]:
    simulation = Simulation(scenario, replication)
    return list(simulation.happenings()), simulation.replication()


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_the_number_of_threads_does_not_matter(threads: int) -> None:
    scenario = make.plain(length_us=600 * make.SECOND_US)
    found = simulate(scenario, replications=5, threads=threads, slices=4)
    assert [one.number for one in found] == [0, 1, 2, 3, 4]
    assert found == simulate(scenario, replications=5, threads=1, slices=4)
    assert len({one.event_hash for one in found}) == 5


@EXAMPLES
@given(make.full() | make.full(hunted=True), st.integers(0, 3))
def test_step_by_step_and_at_full_speed_are_the_same_run(scenario: Scenario, number: int) -> None:
    happenings, found = stepped(scenario, number)
    assert found == simulate(scenario, replications=number + 1, threads=1)[number]
    assert found.commands == len(happenings)
    assert found.events == sum(len(one.events) for one in happenings)


@EXAMPLES
@given(make.full() | make.full(hunted=True))
def test_the_fairness_contract_holds_over_every_run(scenario: Scenario) -> None:
    checker = Checker()
    for one in Simulation(scenario).happenings():
        checker.observe(one.time_us, one.command, one.events)
        assert not any(isinstance(event, e.CommandRejected) for event in one.events), one
    report = checker.report()
    assert report.ok, report.summary()


@EXAMPLES
@given(make.full() | make.full(hunted=True))
def test_nobody_is_lost_and_the_balance_is_exact(scenario: Scenario) -> None:
    (found,) = simulate(scenario, replications=1, threads=1)
    for figures in (found.calls, *found.callers.values(), *(queue.calls for queue in found.queues.values())):
        assert figures.offered == (
            figures.answered + figures.abandoned + figures.blocked + figures.refused + figures.unfinished
        )
    balance = found.balance
    assert balance.length_integral_us == balance.waited_us
    assert balance.waiting_at_start + balance.entered == balance.left + balance.waiting_at_end
    assert found.calls.slips == found.calls.skips
    assert found.calls.kin_slips == found.calls.kin_skips
    assert found.calls.offered == sum(one.offered for one in found.callers.values())


@EXAMPLES
@given(make.full())
def test_the_engine_can_be_looked_at_and_audited_at_any_step(scenario: Scenario) -> None:
    simulation = Simulation(scenario)
    live: Counter[str] = Counter()
    for number, one in enumerate(simulation.happenings()):
        for event in one.events:
            if isinstance(event, e.CallEnqueued):
                assert event.call not in live, "a name is used once"
                live[event.call] = 1
            elif isinstance(event, e.CallCompleted | e.CallAbandoned | e.CallRefused):
                live[event.call] = 0
        if number % 40 == 0:
            simulation.engine.audit()
            simulation.engine.snapshot()
            views: list[CallView] = simulation.engine.calls()
            assert {view.call for view in views if view.state <= CallState.ASSIGNED} == {
                call for call in live if live[call]
            }
    simulation.engine.audit()


@EXAMPLES
@given(make.full())
def test_the_order_of_the_tables_does_not_matter(scenario: Scenario) -> None:
    turned = msgspec.structs.replace(
        scenario,
        callers=tuple(reversed(scenario.callers)),
        agents=tuple(reversed(scenario.agents)),
        settings=msgspec.structs.replace(scenario.settings, queues=dict(reversed(scenario.settings.queues.items()))),
    )
    assert _by_name(simulate(turned, replications=1)[0]) == _by_name(simulate(scenario, replications=1)[0])


def _by_name(found: Replication) -> object:
    agents = sorted(found.agents, key=lambda agent: agent.agent)
    return found.calls, sorted(found.callers.items()), sorted(found.queues.items()), agents, found.event_hash


def _reweighted(scenario: Scenario, weight: int) -> Scenario:
    """Give every queue these weights, and automatic answers without limits so that every call is served."""
    queues = {
        name: msgspec.structs.replace(
            queue, agent_weights=AgentWeights(weight, 0, weight), call_weights=CallWeights(weight, weight)
        )
        for name, queue in scenario.settings.queues.items()
    }
    settings: Settings = msgspec.structs.replace(scenario.settings, queues=queues)
    return msgspec.structs.replace(scenario, settings=settings)


def _callers_of(scenario: Scenario) -> dict[str, tuple[int, str]]:
    """Return when each first call came and of whom."""
    return {
        event.call: (event.time_us, one.command.queue)  # type: ignore[union-attr]
        for one in Simulation(scenario).happenings()
        for event in one.events
        if isinstance(event, e.CallEnqueued) and event.call.count("-") == 1
    }


@EXAMPLES
@given(make.full())
def test_weights_change_no_arrival(scenario: Scenario) -> None:
    assert _callers_of(scenario) == _callers_of(_reweighted(scenario, 2000))


def _service_and_patience(scenario: Scenario) -> tuple[dict[str, int], dict[str, int]]:
    """Return the handle times of the calls that were served to the end, and the waits of those who gave up."""
    served: dict[str, int] = {}
    gave_up: dict[str, int] = {}
    for one in Simulation(scenario).happenings():
        for event in one.events:
            if isinstance(event, e.CallCompleted):
                served[event.call] = event.handle_us
            elif isinstance(event, e.CallAbandoned):
                gave_up[event.call] = event.wait_us
    return served, gave_up


def test_weights_change_no_handle_time_and_no_patience() -> None:
    kinds = (
        make.Callers(
            name="old",
            queue="x",
            arrivals=make.PoissonArrivals((0.1,)),
            handle_time=make.about(60),
            patience=make.about(90),
        ),
        make.Callers(
            name="new",
            queue="y",
            arrivals=make.PoissonArrivals((0.1,)),
            handle_time=make.about(20),
            patience=make.about(40),
            priority=3,
        ),
    )
    scenario = make.scenario(kinds, make.AgentGroup(name="a", count=8))
    served, gave_up = _service_and_patience(scenario)
    served_otherwise, gave_up_otherwise = _service_and_patience(_reweighted(scenario, 3000))
    both = served.keys() & served_otherwise.keys()
    neither = gave_up.keys() & gave_up_otherwise.keys()
    assert len(both) > 300
    assert len(neither) > 10
    assert all(served[call] == served_otherwise[call] for call in both)
    assert all(gave_up[call] == gave_up_otherwise[call] for call in neither)
    assert served.keys() != served_otherwise.keys(), "the weights did matter"


def test_a_seed_or_a_replication_of_its_own_is_another_run() -> None:
    scenario = make.plain()
    other = msgspec.structs.replace(scenario, seed=2)
    hashes = [simulate(scenario, replications=2)[number].event_hash for number in (0, 1)]
    assert len({*hashes, simulate(other, replications=1)[0].event_hash}) == 3


def test_progress_rises_to_one() -> None:
    told: list[float] = []
    simulate(make.plain(rate_per_s=50, service_s=0.01), replications=3, threads=2, progress=told.append)
    assert told
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize(("options", "wanted"), [({"replications": 0}, "at least 1"), ({"threads": 0}, "at least 1")])
def test_no_replications_and_no_threads_are_refused(options: dict[str, int], wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        simulate(make.plain(), **options)  # type: ignore[arg-type]
