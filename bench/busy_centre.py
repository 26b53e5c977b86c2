"""A centre of 100 busy agents and 100 waiting calls that has been watched for hours: where estimates are dear.

It comes from a simulated run, stepped through to a moment with just so many waiting; so talks, patience, arrivals and
rings have been learned as in life. Patterns say who can do what: the fewer agents a call may get, and the more differ,
the more futures have to find out.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from router.config import with_preset
from router.engine import Engine
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.settings import SECOND_US, ByUrgency, QueueSettings, Settings, WrapUp
from router.engine.vocabulary import CallState, WrapUpMode
from router.simulation.run import Simulation
from router.simulation.scenario.model import (
    AgentGroup,
    Callers,
    Distribution,
    Ending,
    Family,
    PoissonArrivals,
    Scenario,
)
from router.wait import Predictor

AGENTS: Final = 100
WAITING: Final = 100
TALK_S: Final = 240.0
PATIENCE_S: Final = 900.0
WATCHED_S: Final = 4 * 3600
"""At least so long."""

Skills = list[dict[str, int]]


def one_skill(queues: int) -> Skills:
    """Return agents of one skill each."""
    return [{skill(number % queues): 5} for number in range(AGENTS)]


def chain(queues: int) -> Skills:
    """Return agents of two neighbouring skills, in a circle."""
    return [{skill(number % queues): 5, skill((number + 1) % queues): 5} for number in range(AGENTS)]


def mixed(queues: int) -> Skills:
    """Return agents of sixty profiles, three to eight skills each at several levels."""
    draw = random.Random(27)
    profiles = [
        {skill(number): draw.randint(1, 9) for number in draw.sample(range(queues), draw.randint(3, 8))}
        for _ in range(60)
    ]
    return [profiles[number % len(profiles)] for number in range(AGENTS)]


PATTERNS: Final[dict[str, tuple[int, Callable[[int], Skills]]]] = {
    "one pool": (1, one_skill),
    "ten pools": (10, one_skill),
    "chain of ten": (10, chain),
    "27 queues, 60 profiles": (27, mixed),
}


def skill(number: int) -> str:
    return f"skill-{number:02}"


def scenario(pattern: str, *, automatic: bool = False) -> Scenario:
    """Return the centre as a scenario, with a quarter more callers than its agents can serve."""
    queues, skills_of = PATTERNS[pattern]
    settings = Settings(queues={f"queue-{number:02}": _queue(number, automatic) for number in range(queues)})
    rate_per_s = AGENTS / TALK_S + WAITING / PATIENCE_S
    callers = tuple(
        Callers(
            name=name,
            queue=name,
            arrivals=PoissonArrivals((rate_per_s / queues,)),
            handle_time=Distribution(Family.LOGNORMAL, round(TALK_S * SECOND_US), 0.8),
            patience=Distribution(Family.EXPONENTIAL, round(PATIENCE_S * SECOND_US)),
        )
        for name in settings.queues
    )
    ring = Distribution(Family.UNIFORM, 4 * SECOND_US, 0.3)
    agents = tuple(
        AgentGroup(name=f"agent-{number:03}", count=1, skills=skills, ring=ring)
        for number, skills in enumerate(skills_of(queues))
    )
    return Scenario(
        source=pattern,
        settings=with_preset(settings, "fcfs-longest-idle"),
        callers=callers,
        agents=agents,
        length_us=48 * 3600 * SECOND_US,
        seed=11,
        ending=Ending.CUT,
    )


def _queue(number: int, automatic: bool) -> QueueSettings:
    steps = (Step((SkillTerm(skill(number), 3),)), Step((SkillTerm(skill(number), 1),), after_us=120 * SECOND_US))
    return QueueSettings(
        requirement=Requirement(steps),
        automatic=automatic,
        max_overtake_wait_us=ByUrgency(None, None, None),
        wrap_up=WrapUp(WrapUpMode.FIXED, 15 * SECOND_US),
    )


class BusyCentre:
    """The run, at its moment, with a predictor that has seen all of it."""

    def __init__(self, pattern: str) -> None:
        self.simulation = Simulation(scenario(pattern))
        self.engine: Engine = self.simulation.engine
        self.predictor = Predictor(self.engine)
        self.now_us = 0
        self.commands = 0
        start_us: int | None = None
        while start_us is None or self.now_us < start_us + WATCHED_S * SECOND_US or len(self.waiting()) != WAITING:
            happening = self.simulation.step()
            assert happening is not None, f"{pattern}: never were {WAITING} waiting"
            self.predictor.observe()
            self.now_us = happening.time_us
            self.commands += 1
            if start_us is None:
                start_us = self.now_us

    def waiting(self) -> list[str]:
        """Return the names of the calls that wait."""
        if sum(view.waiting for view in self.engine.queues()) != WAITING:
            return []
        return [view.call for view in self.engine.calls() if view.state is CallState.WAITING]
