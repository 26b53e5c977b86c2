"""Requirements and skills in shared form, so that equal ones compare by number and answers are found once."""

from __future__ import annotations

from collections.abc import Mapping

from router.engine.requirements import AgentTerm, AnyOf, Requirement, SkillTerm, Step


class Profile:
    """A set of skills with levels, shared by all agents who have just these."""

    __slots__ = ("number", "skills")

    def __init__(self, number: int, skills: Mapping[str, int]) -> None:
        self.number = number
        self.skills = dict(skills)


class DemandStep:
    """One step of a requirement. What was found out about a profile is kept, unless the step names an agent."""

    __slots__ = ("after_us", "answers", "number", "step")

    def __init__(self, number: int, step: Step) -> None:
        self.number = number
        self.step = step
        self.after_us = step.after_us
        names_agent = any(isinstance(term, AgentTerm) for term in step.terms)
        self.answers: dict[int, bool] | None = None if names_agent else {}

    def satisfied_by(self, name: str, profile: Profile) -> bool:
        """Say whether an agent of this name with these skills meets every term."""
        if self.answers is None:
            return all(meets(name, profile.skills, term) for term in self.step.terms)
        answer = self.answers.get(profile.number)
        if answer is None:
            answer = all(meets(name, profile.skills, term) for term in self.step.terms)
            self.answers[profile.number] = answer
        return answer


def meets(name: str, skills: Mapping[str, int], term: SkillTerm | AgentTerm | AnyOf) -> bool:
    """Say whether an agent of this name with these skills meets one term."""
    match term:
        case SkillTerm():
            return skills.get(term.skill, 0) >= term.level
        case AgentTerm():
            return name == term.agent
        case AnyOf():
            return any(skills.get(one.skill, 0) >= one.level for one in term.terms)


class Demand:
    """A requirement, shared by all calls that ask the same."""

    __slots__ = ("number", "steps")

    def __init__(self, number: int, steps: tuple[DemandStep, ...]) -> None:
        self.number = number
        self.steps = steps


class Catalogue:
    """Gives equal requirements and equal skills one object each, so that they compare by number."""

    def __init__(self) -> None:
        self._demands: dict[Requirement, Demand] = {}
        self._steps: dict[Step, DemandStep] = {}
        self._profiles: dict[frozenset[tuple[str, int]], Profile] = {}

    def demand(self, requirement: Requirement) -> Demand:
        """Return the shared form of a requirement."""
        found = self._demands.get(requirement)
        if found is None:
            steps = tuple(
                self._steps.setdefault(step, DemandStep(len(self._steps), step)) for step in requirement.steps
            )
            found = self._demands[requirement] = Demand(len(self._demands), steps)
        return found

    def profile(self, skills: Mapping[str, int]) -> Profile:
        """Return the shared form of an agent's skills."""
        key = frozenset(skills.items())
        found = self._profiles.get(key)
        if found is None:
            found = self._profiles[key] = Profile(len(self._profiles), skills)
        return found
