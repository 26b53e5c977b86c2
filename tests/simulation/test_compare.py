"""Goal: a comparison is of pairs, so that what both share cancels out; and it says what pairs and what does not."""

from __future__ import annotations

import pytest

from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.settings import MINUTE_US
from router.engine.vocabulary import Urgency
from router.simulation.compare import align, compare, shared_callers
from router.simulation.scenario.model import AgentGroup, Distribution, Ending, Family, PoissonArrivals
from router.simulation.summary import Summary, summarise
from tests.simulation.made_runs import make_agent, make_callers, make_calls, make_run, make_scenario

SKILLED = Requirement((Step((SkillTerm("vip", 5),)),))
SHARED = shared_callers(make_scenario(), make_scenario())


def runs_with(*abandoned: int) -> Summary:
    return summarise([make_run(n, queues={"loans": make_calls(abandoned=count)}) for n, count in enumerate(abandoned)])


def test_the_difference_is_b_less_a_pair_by_pair() -> None:
    found = compare(runs_with(10, 40, 20), runs_with(8, 38, 18), SHARED)
    difference = found.difference.queues["loans"]["abandoned"]
    assert difference.values == (-2.0, -2.0, -2.0)
    assert (difference.mean, difference.half_width) == (-2.0, 0.0)
    assert difference.excludes_zero
    assert found.a.queues["loans"]["abandoned"].half_width > 30  # the days differ by far more than the scenarios do  # type: ignore[operator]


def test_no_difference_is_not_marked() -> None:
    found = compare(runs_with(10, 40, 20), runs_with(40, 20, 10), SHARED)
    difference = found.difference.overall["abandoned"]
    assert difference.mean == 0
    assert not difference.excludes_zero


def test_a_pair_counts_only_where_both_have_a_value() -> None:
    a = runs_with(10, 20, 30)
    nothing_told = make_run(0, queues={"loans": make_calls(resolved=0, unresolved=0)})
    b = summarise([nothing_told, make_run(1), make_run(2)])
    found = compare(a, b, SHARED).difference.overall["resolution"]
    assert found.values == (None, 0.0, 0.0)


def test_what_only_one_has_is_not_compared() -> None:
    a = summarise([make_run(0), make_run(1)])
    more = (make_agent("expert", "expert"),)
    b = summarise([make_run(n, queues={"cards": make_calls()}, agents=more) for n in (0, 1)])
    found = compare(a, b, SHARED).difference
    assert (found.queues, found.groups, found.agents) == ({}, {}, {})
    assert found.overall["offered"].mean == 0


def test_runs_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="2 and 3 runs do not pair"):
        compare(runs_with(1, 2), runs_with(1, 2, 3), SHARED)


def test_b_takes_the_length_and_the_seed_of_a() -> None:
    a = make_scenario(seed=3, replications=4, warm_up_us=5 * MINUTE_US, ending=Ending.CUT)
    b = make_scenario(source="b.toml", length_us=MINUTE_US, agents=(AgentGroup(name="x", count=1),))
    found = align(a, b)
    assert (found.seed, found.replications, found.length_us) == (3, 4, a.length_us)
    assert (found.warm_up_us, found.ending) == (5 * MINUTE_US, Ending.CUT)
    assert (found.source, found.agents) == ("b.toml", b.agents)


def test_callers_are_the_same_however_they_are_routed() -> None:
    routed = make_callers(
        queue="vip", urgency=Urgency.URGENT, priority=9, requirement=SKILLED, known=True, channel="chat"
    )
    found = shared_callers(make_scenario(), make_scenario(callers=(routed,)))
    assert found.same == ("loans",)
    assert found.changed == found.only_a == found.only_b == ()


@pytest.mark.parametrize(
    "change",
    [
        {"arrivals": PoissonArrivals((1.0,))},
        {"handle_time": Distribution(Family.EXPONENTIAL, MINUTE_US)},
        {"patience": Distribution(Family.EXPONENTIAL, MINUTE_US)},
        {"resolution_by_level": ((1, 0.5),)},
    ],
)
def test_callers_who_behave_differently_are_not_the_same(change: dict[str, object]) -> None:
    b = make_scenario(callers=(make_callers(**change), make_callers("cards")))
    found = shared_callers(make_scenario(callers=(make_callers(), make_callers("cash"))), b)
    assert found.changed == ("loans",)
    assert (found.same, found.only_a, found.only_b) == ((), ("cash",), ("cards",))
