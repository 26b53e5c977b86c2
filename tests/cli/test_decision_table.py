"""A decision as a table: what it says is what the engine decided, for both rankings, with and without a runner-up."""

from __future__ import annotations

import io

from rich.console import Console

from router import Engine, Enqueue, QueueSettings, Settings, SignIn
from router.cli.decision_table import decision_table, verdict
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.settings import AgentWeights
from router.engine.views import Decision
from router.engine.vocabulary import Urgency


def decide(agents: dict[str, int], calls: dict[str, Urgency], *, agents_first: bool) -> Decision:
    """Return the first decision of a small centre: agents with levels of one skill, calls that want it."""
    demand = Requirement((Step((SkillTerm("loans", 1),), ()),))
    weights = AgentWeights(skill_fit=1500, load=500)
    engine = Engine(Settings(queues={"loans": QueueSettings(requirement=demand, agent_weights=weights)}))
    sign_ins = [SignIn(agent, {"loans": level}) for agent, level in agents.items()]
    enqueues = [Enqueue(call, "loans", urgency=urgency, explain=True) for call, urgency in calls.items()]
    for command in [*sign_ins, *enqueues] if agents_first else [*enqueues, *sign_ins]:
        engine.apply(command, 0)
    (decision,) = [decision for call in calls for decision in engine.decisions(call)]
    return decision


def shown(decision: Decision) -> list[list[str]]:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(decision_table(decision))
    return [line.split() for line in console.export_text().splitlines() if line.strip()]


def test_agents_for_a_call() -> None:
    decision = decide({"ada": 9, "[ben]": 3}, {"c1": Urgency.NORMAL}, agents_first=True)
    head, *rows = shown(decision)
    assert head == ["term", "weight", "ada", "adds", "[ben]", "adds"]
    runner_up = decision.runner_up
    assert runner_up is not None
    terms = zip(decision.winner.terms, runner_up.terms, strict=True)
    for row, (ours, theirs) in zip(rows, terms, strict=False):
        assert row[0] == ours.name
        assert float(row[1]) == ours.weight_milli / 1000
        assert row[2:] == [
            f"{number:.3f}"
            for term in (ours, theirs)
            for number in (term.value_ppm / 1e6, term.contribution_nano / 1e9)
        ]
    totals = [f"{candidate.total_nano / 1e9:.3f}" for candidate in (decision.winner, runner_up)]
    assert rows[-1] == ["total", *totals]
    assert verdict(decision).startswith("Decided by skill_fit; 2 candidates were weighed.")


def test_calls_for_an_agent_and_tiers_first() -> None:
    calls = {"c1": Urgency.NORMAL, "c2": Urgency.URGENT}
    decision = decide({"ada": 5}, calls, agents_first=False)
    assert shown(decision)[0] == ["term", "weight", "c2", "adds", "c1", "adds"]
    assert "Tiers come first: urgent before normal." in verdict(decision)


def test_a_candidate_alone() -> None:
    decision = decide({"ada": 5}, {"c1": Urgency.NORMAL}, agents_first=True)
    assert shown(decision)[0] == ["term", "weight", "ada", "adds"]
    assert verdict(decision) == "There was no other candidate."
