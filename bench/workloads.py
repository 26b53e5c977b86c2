"""Populations for the benchmarks: 500 skill profiles, 500 requirements and 20 queues, unless told, at every size.

Everything is drawn from a seed, so two runs time the same commands. Every requirement can be met by some profile.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import router
from router import AgentWeights, CallWeights, Enqueue, QueueSettings, RecordOutcome, Requirement, Settings, SignIn
from router.config import with_preset

PROFILES = 500
REQUIREMENTS = 500
QUEUES = 20
SKILLS = 60
PRIORITIES = 2
SECOND_US = router.SECOND_US
DAY_START_US = 1_700_000_000 * SECOND_US

AGENT_WEIGHTS = (
    AgentWeights(skill_fit=1000, idle=500, load=800, efficiency=700, affinity=2000, reserve=600),
    AgentWeights(skill_fit=400, idle=1000, load=300, efficiency=900, affinity=1500, reserve=900),
)
CALL_WEIGHTS = CallWeights(priority=1000, age=1000, deadline=500, skill_fit=700, efficiency=400, affinity=1000)


@dataclass(frozen=True)
class Population:
    """Skill profiles, and requirements with the queue that each belongs to."""

    profiles: tuple[dict[str, int], ...]
    requirements: tuple[tuple[str, Requirement], ...]


def queue_per_requirement(drawn: Population, preset: str) -> Settings:
    """Every requirement is that of a queue of its own; all rank as the preset says and assign at once."""
    never = router.ByUrgency(router.NEVER, router.NEVER, router.NEVER)
    queues = {
        queue_name(number): QueueSettings(
            requirement=requirement, automatic=True, max_overtake_wait_us=never, preferred_hold_us=0
        )
        for number, (_, requirement) in enumerate(drawn.requirements)
    }
    return with_preset(Settings(queues=queues), preset)


def settings() -> Settings:
    """Twenty automatic queues, every term of both rankings weighing, in two mixes, so that two orders are kept.

    No bound on overtaking: overdue calls would be classes of their own, more of them at the larger size, and the
    comparison is about the same classes holding more.
    """
    never = router.ByUrgency(router.NEVER, router.NEVER, router.NEVER)
    queues = {
        queue_name(number): QueueSettings(
            automatic=True,
            max_overtake_wait_us=never,
            agent_weights=AGENT_WEIGHTS[number % len(AGENT_WEIGHTS)],
            call_weights=CALL_WEIGHTS,
            preferred_hold_us=0,
        )
        for number in range(QUEUES)
    }
    return Settings(queues=queues)


def offering(base: Settings) -> Settings:
    """The same queues with the offer step, for commands about offers."""
    queues = {
        name: QueueSettings(
            max_overtake_wait_us=queue.max_overtake_wait_us,
            agent_weights=queue.agent_weights,
            call_weights=queue.call_weights,
            preferred_hold_us=0,
            wrap_up=router.WrapUp(router.WrapUpMode.MANUAL, 600 * SECOND_US),
        )
        for name, queue in base.queues.items()
    }
    return Settings(queues=queues)


def queue_name(number: int) -> str:
    return f"queue-{number:02}"


def agent_name(number: int) -> str:
    return f"agent-{number:06}"


def population(seed: int = 2026, *, profile_count: int = PROFILES, requirement_count: int = REQUIREMENTS) -> Population:
    """Draw distinct profiles of 3 to 8 skills, and distinct requirements that some profile meets."""
    draw = random.Random(seed)
    skills = [f"skill-{number:02}" for number in range(SKILLS)]
    profiles: dict[tuple[tuple[str, int], ...], dict[str, int]] = {}
    while len(profiles) < profile_count:
        profile = {skill: draw.randint(3, 10) for skill in draw.sample(skills, draw.randint(3, 8))}
        profiles[tuple(sorted(profile.items()))] = profile
    drawn = list(profiles.values())
    requirements: dict[Requirement, None] = {}
    while len(requirements) < requirement_count:
        requirements[_requirement(draw, draw.choice(drawn))] = None
    owned = tuple((queue_name(number % QUEUES), requirement) for number, requirement in enumerate(requirements))
    return Population(tuple(drawn), owned)


def _requirement(draw: random.Random, profile: dict[str, int]) -> Requirement:
    """One or two skills of the profile, at its level or below; half of them prefer another skill."""
    wanted = draw.sample(sorted(profile), draw.choice((1, 1, 2)))
    terms = tuple(router.SkillTerm(skill, draw.randint(1, profile[skill])) for skill in wanted)
    prefer = (router.Preference(draw.choice(sorted(profile)), draw.randint(1, 10)),) if draw.random() < 0.5 else ()
    return Requirement((router.Step(terms, prefer),))


def never_seen_requirement(drawn: Population, number: int) -> Requirement:
    """A demand that no earlier call had: an ordinary one that also prefers a skill of its own."""
    _, known = drawn.requirements[number % len(drawn.requirements)]
    step = known.steps[0]
    return Requirement((router.Step(step.terms, (*step.prefer, router.Preference(f"never-seen-{number}", 1))),))


def satisfies(skills: dict[str, int], requirement: Requirement) -> bool:
    """Say whether skills meet the first step, by the definition and not by the engine."""
    return all(
        isinstance(term, router.SkillTerm) and skills.get(term.skill, 0) >= term.level
        for term in requirement.steps[0].terms
    )


def sign_ins(drawn: Population, agents: int) -> Iterator[SignIn]:
    """Agents spread evenly over the profiles."""
    for number in range(agents):
        yield SignIn(agent_name(number), drawn.profiles[number % len(drawn.profiles)])


def outcomes(agents: int, per_agent: int, seed: int = 7) -> Iterator[RecordOutcome]:
    """What was learned before the day: satisfaction of each agent in a few queues."""
    draw = random.Random(seed)
    for number in range(agents):
        for queue in draw.sample(range(QUEUES), per_agent):
            yield RecordOutcome(
                f"past-{number}-{queue}",
                satisfaction=draw.randint(1, 5),
                agent=agent_name(number),
                queue=queue_name(queue),
            )


def calls(drawn: Population, count: int, agents: int, seed: int = 11, first: int = 0) -> Iterator[Enqueue]:
    """Calls spread evenly over requirements and priorities; one in ten is for an agent the caller knows."""
    draw = random.Random(seed)
    for number in range(first, first + count):
        queue, requirement = drawn.requirements[number % len(drawn.requirements)]
        known = draw.random() < 0.1
        yield Enqueue(
            f"call-{number:07}",
            queue,
            requirement=requirement,
            priority=number // len(drawn.requirements) % PRIORITIES,
            preferred_agents=(agent_name(draw.randrange(agents)),) if known else (),
        )
