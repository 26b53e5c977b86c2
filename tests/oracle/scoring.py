"""Ranks and scores of the oracle: the formulas of DESIGN.md in Python integers, computed afresh each time."""

from __future__ import annotations

from math import isqrt

from router.engine.requirements import AgentTerm, AnyOf, Requirement, SkillTerm, Step
from router.engine.settings import ByUrgency
from router.engine.vocabulary import Availability, Tier, Urgency
from tests.oracle.state import Agent, Call, State

PPM = 1_000_000
HALF = 500_000
Q32 = 1 << 32


# Requirements


def satisfies_term(agent: Agent, term: SkillTerm | AgentTerm | AnyOf) -> bool:
    if isinstance(term, SkillTerm):
        return agent.skills.get(term.skill, 0) >= term.level
    if isinstance(term, AgentTerm):
        return agent.name == term.agent
    return any(satisfies_term(agent, one) for one in term.terms)


def satisfies(agent: Agent, step: Step) -> bool:
    return all(satisfies_term(agent, term) for term in step.terms)


def term_level(agent: Agent, term: SkillTerm | AgentTerm | AnyOf) -> int:
    """Return the level that a satisfied term counts with."""
    if isinstance(term, SkillTerm):
        return agent.skills[term.skill]
    if isinstance(term, AgentTerm):
        return 10
    return max(agent.skills[one.skill] for one in term.terms if satisfies_term(agent, one))


def fit(agent: Agent, step: Step) -> int:
    """Return the fit of the agent's skills to a step that the agent satisfies."""
    pairs = [(10, term_level(agent, term) * 100_000) for term in step.terms]
    pairs += [(preference.importance, agent.skills.get(preference.skill, 0) * 100_000) for preference in step.prefer]
    if not pairs:
        return HALF
    return sum(count * value for count, value in pairs) // sum(count for count, _ in pairs)


def best_fit(agent: Agent, requirement: Requirement) -> int:
    return max(fit(agent, step) for step in requirement.steps if satisfies(agent, step))


# Rank of waiting calls


def by_urgency(durations: ByUrgency, urgency: Urgency) -> int | None:
    if urgency == Urgency.URGENT:
        return durations.urgent
    if urgency == Urgency.IMPORTANT:
        return durations.important
    return durations.normal


def due_us(state: State, call: Call) -> int | None:
    """Return when the call becomes, or became, overdue; None if it never does."""
    bound = by_urgency(state.queue_settings(call).max_overtake_wait_us, call.urgency)
    return None if bound is None else call.effective_arrival_us + bound


def tier(call: Call) -> Tier:
    if call.urgency == Urgency.URGENT:
        return Tier.URGENT_OVERDUE if call.overdue else Tier.URGENT
    if call.overdue:
        return Tier.OVERDUE
    return Tier.IMPORTANT if call.urgency == Urgency.IMPORTANT else Tier.NORMAL


def rank(state: State, call: Call) -> tuple[int, ...]:
    """Return the sort key of a waiting call; a lower one is served earlier."""
    its_tier = tier(call)
    if its_tier in (Tier.URGENT_OVERDUE, Tier.OVERDUE):
        due = due_us(state, call)
        assert due is not None, "an overdue call has a bound"
        return (its_tier, due, call.effective_arrival_us, call.order)
    return (its_tier, -call.priority, call.effective_arrival_us, call.order)


def by_rank(state: State, calls: list[Call]) -> list[Call]:
    return sorted(calls, key=lambda call: rank(state, call))


# What an agent holds


def exclusive(state: State, channel: str) -> bool:
    return state.settings.channels[channel].exclusive


def open_channels(state: State, agent: Agent, *, set_aside_offer: int | None = None) -> set[str]:
    """Return the open channels, as if the engagement `set_aside_offer` were not there."""
    engagements = [one for one in agent.engagements if one.offer != set_aside_offer]
    if any(exclusive(state, one.channel) for one in engagements):
        return set()
    channels = set()
    for channel, capacity in agent.capacity.items():
        if exclusive(state, channel):
            is_open = capacity > 0 and not engagements
        else:
            is_open = sum(one.channel == channel for one in engagements) < capacity
        if is_open:
            channels.add(channel)
    return channels


def in_use_ppm(state: State, agent: Agent) -> int:
    if any(exclusive(state, one.channel) for one in agent.engagements):
        return PPM
    total = sum(capacity for channel, capacity in agent.capacity.items() if not exclusive(state, channel))
    return len(agent.engagements) * PPM // total if total else 0


# Occupancy


def decay_constants() -> list[int]:
    constants = [1 << 31]
    for _ in range(16):
        constants.append(isqrt(constants[-1] * Q32))
    return constants


def decay_q32(elapsed_us: int, half_life_us: int) -> int:
    """Return 2^(-elapsed / half-life) in q32."""
    constants = decay_constants()
    halvings, rest = divmod(elapsed_us, half_life_us)
    fraction = rest * 65536 // half_life_us
    factor = Q32
    for i in range(1, 17):
        if fraction >> (16 - i) & 1:
            factor = factor * constants[i] >> 32
    return 0 if halvings >= 33 else factor >> halvings


def note_occupancy(state: State, agent: Agent) -> None:
    """Bring the occupancy up to now. Called just before availability, capacity or the number of engagements changes."""
    if agent.availability in (Availability.READY, Availability.CLOSING) or agent.engaged:
        factor = decay_q32(state.now_us - agent.occupancy_at_us, state.settings.occupancy_half_life_us)
        used = in_use_ppm(state, agent) * Q32 // PPM
        agent.occupancy_q32 = (agent.occupancy_q32 * factor + used * (Q32 - factor)) >> 32
    agent.occupancy_at_us = state.now_us


def occupancy_ppm(agent: Agent) -> int:
    return agent.occupancy_q32 * PPM >> 32


# Terms


def efficiency(agent: Agent, queue: str) -> int:
    return agent.learned[queue].efficiency_ppm if queue in agent.learned else HALF


def load(state: State, agent: Agent) -> int:
    return PPM - (in_use_ppm(state, agent) + occupancy_ppm(agent)) // 2


def affinity(agent: Agent, call: Call) -> int:
    return PPM if agent.name in call.preferred_agents else 0


def asked_level(step: Step, skill: str) -> int:
    if any(preference.skill == skill for preference in step.prefer):
        return 10
    levels = [0]
    for term in step.terms:
        for one in term.terms if isinstance(term, AnyOf) else (term,):
            if isinstance(one, SkillTerm) and one.skill == skill:
                levels.append(one.level)
    return max(levels)


def scarcity(state: State, skill: str) -> int:
    signed_in = [agent for agent in state.agents.values() if agent.signed_in]
    return sum(skill not in agent.skills for agent in signed_in) * PPM // len(signed_in)


def reserve(state: State, agent: Agent, step: Step) -> int:
    total = surplus = 0
    for skill, level in agent.skills.items():
        scarce = scarcity(state, skill)
        total += scarce
        surplus += scarce * max(0, level - asked_level(step, skill))
    return PPM - surplus * 100_000 // total if total else PPM


# The two rankings


def agent_total(state: State, call: Call, agent: Agent) -> int:
    """Return the exact total of an agent for a call, in units of ppm x thousandths x idle scale."""
    weights = state.queue_settings(call).agent_weights
    step = call.active_step
    others = (
        weights.skill_fit * fit(agent, step)
        + weights.load * load(state, agent)
        + weights.efficiency * efficiency(agent, call.queue)
        + weights.affinity * affinity(agent, call)
        + weights.reserve * reserve(state, agent, step)
    )
    idle_us = 0 if agent.engaged else state.now_us - agent.idle_since_us
    return state.settings.idle_scale_us * others + weights.idle * idle_us * PPM


def agent_key(state: State, call: Call, agent: Agent) -> tuple[int, ...]:
    """Return the sort key of an agent for a call; the lowest is the best."""
    return (-agent_total(state, call, agent), agent.engaged, agent.idle_since_us, agent.sign_in_order)


def wait_and_target(state: State, call: Call) -> tuple[int, int]:
    target = by_urgency(state.queue_settings(call).target_us, call.urgency)
    assert target is not None, "a target is never absent"
    return state.now_us - call.effective_arrival_us, target


def priority(call: Call) -> int:
    return call.priority * PPM // 9


def age(state: State, call: Call) -> int:
    wait, target = wait_and_target(state, call)
    return min(wait * PPM // target, 10 * PPM)


def deadline(state: State, call: Call) -> int:
    wait, target = wait_and_target(state, call)
    half = target // 2
    return min(max((wait - half) * PPM // (target - half), 0), PPM)


def call_total(state: State, call: Call, agent: Agent) -> int:
    weights = state.queue_settings(call).call_weights
    return (
        weights.priority * priority(call)
        + weights.age * age(state, call)
        + weights.deadline * deadline(state, call)
        + weights.skill_fit * best_fit(agent, call.requirement)
        + weights.efficiency * efficiency(agent, call.queue)
        + weights.affinity * affinity(agent, call)
    )


def call_key(state: State, call: Call, agent: Agent) -> tuple[int, ...]:
    """Return the sort key of a call for an agent; the lowest is the best."""
    its_tier = tier(call)
    if its_tier in (Tier.URGENT_OVERDUE, Tier.OVERDUE):
        due = due_us(state, call)
        assert due is not None, "an overdue call has a bound"
        return (its_tier, due, call.effective_arrival_us, call.order)
    return (its_tier, -call_total(state, call, agent), call.effective_arrival_us, call.order)
