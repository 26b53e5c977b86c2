"""Reasons of the oracle: for each decision all candidates, best first, with every term of the ranking."""

from __future__ import annotations

from dataclasses import dataclass

from router.engine.settings import AgentWeights, CallWeights
from router.engine.views import Candidate, Term
from tests.oracle import scoring
from tests.oracle.state import Agent, Call, State


@dataclass(frozen=True)
class Reason:
    """One decision: `ranking` is "agent" when an agent was chosen for a call, "call" when a call for an agent."""

    offer: int
    time_us: int
    sequence: int
    ranking: str
    candidates: tuple[Candidate, ...]


def in_64_bits(number: int) -> int:
    """Return the number as far as a view can show it: decisions are exact beyond that."""
    return min(number, (1 << 63) - 1)


def term(name: str, value_ppm: int, weights: AgentWeights | CallWeights) -> Term:
    weight = getattr(weights, name)
    return Term(name=name, value_ppm=value_ppm, weight_milli=weight, contribution_nano=value_ppm * weight)


def idle_term(state: State, agent: Agent, weight: int) -> Term:
    """Return the idle term, whose contribution comes from the exact time, not from the rounded value."""
    idle_us = 0 if agent.engaged else state.now_us - agent.idle_since_us
    scale_us = state.settings.idle_scale_us
    return Term(
        name="idle",
        value_ppm=in_64_bits(idle_us * scoring.PPM // scale_us),
        weight_milli=weight,
        contribution_nano=in_64_bits(idle_us * scoring.PPM * weight // scale_us),
    )


def candidate(call: Call, agent: Agent, terms: tuple[Term, ...]) -> Candidate:
    return Candidate(
        call=call.name,
        agent=agent.name,
        queue=call.queue,
        tier=scoring.tier(call),
        terms=terms,
        total_nano=in_64_bits(sum(one.contribution_nano for one in terms)),
    )


def agent_candidate(state: State, call: Call, agent: Agent) -> Candidate:
    """Return an agent as weighed for a call."""
    weights = state.queue_settings(call).agent_weights
    step = call.active_step
    terms = (
        term("skill_fit", scoring.fit(agent, step), weights),
        idle_term(state, agent, weights.idle),
        term("load", scoring.load(state, agent), weights),
        term("efficiency", scoring.efficiency(agent, call.queue), weights),
        term("affinity", scoring.affinity(agent, call), weights),
        term("reserve", scoring.reserve(state, agent, step), weights),
    )
    return candidate(call, agent, terms)


def call_candidate(state: State, call: Call, agent: Agent) -> Candidate:
    """Return a call as weighed for an agent."""
    weights = state.queue_settings(call).call_weights
    terms = (
        term("priority", scoring.priority(call), weights),
        term("age", scoring.age(state, call), weights),
        term("deadline", scoring.deadline(state, call), weights),
        term("skill_fit", scoring.best_fit(agent, call.requirement), weights),
        term("efficiency", scoring.efficiency(agent, call.queue), weights),
        term("affinity", scoring.affinity(agent, call), weights),
    )
    return candidate(call, agent, terms)


def note_reason(state: State, ranking: str, ranked: list[Candidate]) -> None:
    """Remember why the next offer number goes where it goes; `ranked` is best first."""
    state.reasons.append(Reason(state.last_offer + 1, state.now_us, state.sequence, ranking, tuple(ranked)))
