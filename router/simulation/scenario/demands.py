"""Whether callers find agents, and agents calls: demands for agents that there are not, answers that come too late.

What is only hardly meant is a hint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from router.config.durations import format_duration
from router.config.report import Place, nearest, shown_text
from router.engine.requirements import AgentTerm, AnyOf, Requirement, SkillTerm
from router.engine.settings import QueueSettings, Settings
from router.simulation.scenario.keys import CHANCE_MAX
from router.simulation.scenario.matching import Groups, Kinds, Matching, has_agent
from router.simulation.scenario.model import AgentGroup, Family

_NAMES_MAX: Final = 200


def check_demands(matching: Matching) -> None:
    """Note demands for agents that there are not; hint at callers nobody may serve and at what has no effect."""
    for callers, place in matching.kinds:
        queues = matching.queues(callers).values()
        if callers.requirement is not None:
            _check_agents_named(callers.requirement, matching.groups, place)
        if not any(matching.takers(callers, queue) for queue in queues):
            place.hint("no agent has what they demand, so that nobody ever serves them", "agents with these skills")
        if callers.known and not any(queue.last_agent_preferred for queue in queues):
            (place / "known").hint(
                "their queue does not care who served them last", "last_agent_preferred in the queue"
            )
    _hint_skills(set(_skills_asked(matching.kinds, matching.settings)), matching.groups)


def _hint_skills(asked: set[str], groups: Groups) -> None:
    for group, place in groups:
        for skill in sorted(group.skills.keys() - asked):
            near = nearest(skill, asked)
            (place / "skills" / skill).hint(
                "nothing asks for this skill",
                f"did you mean {shown_text(near)}?" if near else "a skill that is demanded",
            )


def _check_agents_named(requirement: Requirement, groups: Groups, place: Place) -> None:
    for index, step in enumerate(requirement.steps):
        key = place / "agent" if index == 0 else place / "steps" / (index - 1) / "agent"
        for term in step.terms:
            if isinstance(term, AgentTerm) and not any(has_agent(group, term.agent) for group, _ in groups):
                near = nearest(term.agent, _some_names(groups))
                wanted = f"did you mean {shown_text(near)}?" if near else "an agent of this scenario, such as GROUP-1"
                key.note(f"there is no agent {shown_text(term.agent)}", wanted)


def _some_names(groups: Groups) -> tuple[str, ...]:
    """Return the names of the agents, of the groups alone where there are very many."""
    few = sum(group.count for group, _ in groups) <= _NAMES_MAX
    return tuple(name for group, _ in groups for name in (group.agent_names() if few else (group.name,)))


def _skills_asked(kinds: Kinds, settings: Settings) -> Iterator[str]:
    requirements = [queue.requirement for queue in settings.queues.values()]
    requirements += [callers.requirement for callers, _ in kinds if callers.requirement is not None]
    for requirement in requirements:
        for step in requirement.steps:
            yield from (preference.skill for preference in step.prefer)
            for term in step.terms:
                if isinstance(term, SkillTerm):
                    yield term.skill
                elif isinstance(term, AnyOf):
                    yield from (alternative.skill for alternative in term.terms)
    yield from (callers.skill for callers, _ in kinds if callers.skill is not None)


def check_offers(matching: Matching) -> None:
    """Note answers that always come too late or go round for ever; hint at late ones and at habits without effect."""
    offering, served = matching.offers()
    for index, (group, place) in enumerate(matching.groups):
        queues = offering[index]
        if not queues and index in served:
            _hint_habits(group, place)
        for key, chance in (("ring", 1 - group.reject - group.no_answer), ("reject_after", group.reject)):
            if chance > 0:
                _check_answer(group, key, queues, place / key)
        if group.reject > CHANCE_MAX and group.reject_after.mean_us == 0:
            _check_rounds(queues, place / "reject")


def _hint_habits(group: AgentGroup, place: Place) -> None:
    for key in ("reject", "no_answer"):
        if getattr(group, key) > 0:
            (place / key).hint("all their calls come without an offer", "automatic = false in the queue")


def _check_rounds(queues: Mapping[str, QueueSettings], place: Place) -> None:
    for name, queue in queues.items():
        if queue.reject_backoff_us == 0:
            place.note(
                f"queue {name} offers what was rejected again at once, and so for ever",
                "a smaller chance, a reject_after, or a reject_backoff in the queue",
            )


def _check_answer(group: AgentGroup, key: str, queues: Mapping[str, QueueSettings], place: Place) -> None:
    answer = getattr(group, key)
    for name, queue in queues.items():
        if answer.mean_us < queue.offer_timeout_us:
            continue
        timeout = format_duration(queue.offer_timeout_us)
        problem = f"an offer of queue {name} expires after {timeout}"
        if answer.family is Family.DETERMINISTIC:
            place.note(f"{problem}: every answer would be too late", f"less than {timeout}")
        else:
            place.hint(f"{problem}: many answers would be too late", f"a mean below {timeout}")
