"""The demo's hour is drawn from its seed alone, looks like a hotline's, and every call can be served by somebody."""

from __future__ import annotations

from collections import Counter

import pytest

from router.cli.demo_workload import LINES, Plan, arrival_share, make_plan
from router.engine.requirements import SkillTerm
from router.engine.settings import HOUR_US
from router.engine.vocabulary import Urgency


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(1, HOUR_US)


def test_the_same_seed_gives_the_same_hour(plan: Plan) -> None:
    assert make_plan(1, HOUR_US) == plan
    assert make_plan(2, HOUR_US) != plan


def test_arrivals_peak_at_midday(plan: Plan) -> None:
    tenths = Counter(call.at_us * 10 // HOUR_US for call in plan.calls)
    assert tenths[4] + tenths[5] > 1.4 * (tenths[0] + tenths[9])
    assert arrival_share(0.5) > 1.3 > 0.8 > arrival_share(0.0)
    mean = sum(arrival_share(step / 1000) for step in range(1000)) / 1000
    assert mean == pytest.approx(1.0, abs=0.01)


def test_arrivals_have_the_stated_rates() -> None:
    counts = Counter(call.enqueue.queue for seed in range(12) for call in make_plan(seed, HOUR_US).calls)
    for line in LINES:
        expected = 12 * 60 * line.rate
        assert counts[line.queue] == pytest.approx(expected, abs=4 * expected**0.5)


def test_there_is_someone_for_every_step_of_every_call(plan: Plan) -> None:
    for call in plan.calls:
        assert call.enqueue.requirement is not None
        for step in call.enqueue.requirement.steps:
            assert any(
                call.enqueue.channel in agent.sign_in.capacity
                and all(
                    isinstance(term, SkillTerm) and agent.sign_in.skills.get(term.skill, 0) >= term.level
                    for term in step.terms
                )
                for agent in plan.agents
            ), call


def test_it_has_what_a_hotline_has(plan: Plan) -> None:
    assert len(plan.agents) == 60
    assert len({agent.sign_in.agent for agent in plan.agents}) == 60
    assert {call.enqueue.channel for call in plan.calls} == {"voice", "chat"}
    assert all((call.enqueue.queue == "card_loss") == (call.enqueue.urgency is Urgency.URGENT) for call in plan.calls)
    vips = [call for call in plan.calls if call.vip]
    experts = {agent.sign_in.agent for agent in plan.agents if agent.grade == "expert"}
    assert vips
    assert all(set(call.enqueue.preferred_agents) <= experts and call.enqueue.priority == 8 for call in vips)
    actions = Counter(answer.action for call in plan.calls for answer in call.answers)
    assert actions["accept"] > 20 * actions["reject"] > 0
    assert actions["ignore"] > 0
