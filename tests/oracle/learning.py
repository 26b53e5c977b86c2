"""Learned efficiency of the oracle: counts grow first, then the agent's value for the queue is set anew."""

from __future__ import annotations

from router.engine.settings import EfficiencySettings
from tests.oracle.scoring import HALF, PPM
from tests.oracle.state import Agent, Counts, Learned, State


def add_call(counts: Counts, handle_us: int, limit: int) -> None:
    counts.calls += 1
    counts.handle_sum_us += min(handle_us, 366 * 24 * 3600 * 1_000_000)
    if counts.calls >= limit:
        counts.calls //= 2
        counts.handle_sum_us //= 2


def add_resolution(counts: Counts, resolved: bool, limit: int) -> None:
    counts.resolutions += 1
    counts.resolved += int(resolved)
    if counts.resolutions >= limit:
        counts.resolutions //= 2
        counts.resolved //= 2


def add_satisfaction(counts: Counts, satisfaction: int, limit: int) -> None:
    counts.satisfactions += 1
    counts.satisfaction_sum += satisfaction
    if counts.satisfactions >= limit:
        counts.satisfactions //= 2
        counts.satisfaction_sum //= 2


def handle_part(prior: int, queue: Counts, agent: Counts) -> int:
    if not queue.calls:
        return HALF
    norm = queue.handle_sum_us // queue.calls
    mean = (prior * norm + agent.handle_sum_us) // (prior + agent.calls)
    return norm * PPM // (norm + mean) if norm + mean else HALF


def share_part(prior: int, queue_count: int, queue_sum: int, agent_count: int, agent_sum: int) -> int:
    """Return the part for resolution and for satisfaction, where more is better."""
    if not queue_count:
        return HALF
    norm = queue_sum * PPM // queue_count
    share = (prior * norm + agent_sum * PPM) // (prior + agent_count)
    return share * PPM // (share + norm) if share + norm else HALF


def mixed_efficiency(settings: EfficiencySettings, queue: Counts, agent: Counts) -> int:
    prior = settings.prior_calls
    weighted = [
        (settings.handle_time, handle_part(prior, queue, agent)),
        (
            settings.resolution,
            share_part(prior, queue.resolutions, queue.resolved, agent.resolutions, agent.resolved),
        ),
        (
            settings.satisfaction,
            share_part(prior, queue.satisfactions, queue.satisfaction_sum, agent.satisfactions, agent.satisfaction_sum),
        ),
    ]
    total = sum(weight for weight, _ in weighted)
    return sum(weight * part for weight, part in weighted) // total if total else HALF


def learn(
    state: State,
    agent: Agent,
    queue_name: str,
    *,
    handle_us: int | None = None,
    resolved: bool | None = None,
    satisfaction: int | None = None,
) -> None:
    """Count what is given for the queue and the agent, and set the agent's efficiency there."""
    queue = state.queues[queue_name]
    learned = agent.learned.setdefault(queue_name, Learned(HALF, Counts()))
    for counts, limit in ((queue.counts, 4096), (learned.counts, 256)):
        if handle_us is not None:
            add_call(counts, handle_us, limit)
        if resolved is not None:
            add_resolution(counts, resolved, limit)
        if satisfaction is not None:
            add_satisfaction(counts, satisfaction, limit)
    learned.efficiency_ppm = mixed_efficiency(state.settings.efficiency, queue.counts, learned.counts)
