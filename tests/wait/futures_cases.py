"""Small centres for the tests of futures: settings, agents and calls in a line or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.engine import (
    SECOND_US,
    AgentWeights,
    ByUrgency,
    CallWeights,
    Complete,
    Engine,
    Enqueue,
    QueueSettings,
    Requirement,
    Settings,
    SignIn,
    SkillTerm,
    Step,
)
from router.wait.assumptions import Assumptions, Fixed, Lifetime, QueueAssumptions
from router.wait.futures import simulate_waits

START_US = 1_700_000_000 * SECOND_US
NEVER_OVERDUE = ByUrgency(None, None, None)
FIRST_COME = CallWeights(priority=0, age=1000, deadline=0, skill_fit=0, efficiency=0, affinity=0)
BY_PRIORITY = CallWeights(priority=1000, age=0, deadline=0, skill_fit=0, efficiency=0, affinity=0)
LONGEST_IDLE = AgentWeights(skill_fit=0, idle=1000, load=0, efficiency=0, affinity=0, reserve=0)


def plain_queue(**changes: Any) -> QueueSettings:
    """First come, first served, at once: what a test is not about."""
    given: dict[str, Any] = {
        "automatic": True,
        "max_overtake_wait_us": NEVER_OVERDUE,
        "target_us": ByUrgency(20 * SECOND_US, 20 * SECOND_US, 20 * SECOND_US),
        "call_weights": FIRST_COME,
        "agent_weights": LONGEST_IDLE,
    }
    return QueueSettings(**given | changes)


def needs(skill: str, level: int = 1, after_s: float = 0) -> Step:
    return Step(after_us=round(after_s * SECOND_US), terms=(SkillTerm(skill, level),))


def anybody(after_s: float = 0) -> Step:
    return Step(after_us=round(after_s * SECOND_US))


def requiring(*steps: Step) -> Requirement:
    return Requirement(steps)


TALK = Fixed(length_us=100 * SECOND_US)
HORIZON_S = 4 * 3600.0


def seconds(length_s: float) -> Fixed:
    return Fixed(length_us=length_s * SECOND_US)


def plain(*queues: str, talk: Lifetime = TALK, patience: Lifetime | None = None, **more: Any) -> Assumptions:
    return Assumptions(
        queues={name: QueueAssumptions(handle_time=talk, patience=patience) for name in queues or ("q",)}, **more
    )


def waits(
    engine: Engine, assumptions: Assumptions, call: str | Enqueue | None = None, **limits: Any
) -> dict[str | None, float]:
    """The waits by call, which are the same in all futures."""
    limits.setdefault("futures", 3)
    found = {}
    for target in simulate_waits(engine, assumptions, call, **limits).targets:
        assert len(set(target.waits_s.tolist())) == 1, target.call
        found[target.call] = round(float(target.waits_s[0]), 3)
    return found


class Centre:
    """An engine and the time in seconds from `START_US`."""

    def __init__(self, queues: Mapping[str, QueueSettings] | None = None, **settings: Any) -> None:
        self.engine = Engine(
            Settings(queues={"q": plain_queue()} if queues is None else queues, **settings), time_us=START_US
        )

    def at(self, second: float, *commands: Any) -> None:
        for command in commands:
            self.engine.apply(command, START_US + round(second * SECOND_US))
            assert self.engine.last_result is not None
            assert self.engine.last_result.rejection is None, self.engine.last_result

    def agents(self, *names: str, second: float = 0, skills: Mapping[str, int] | None = None) -> None:
        self.at(second, *[SignIn(name, skills or {}) for name in names])

    def busy(self, agents: int, queue: str = "q") -> None:
        """So many agents, each with a call since second 0."""
        self.agents(*[f"agent-{number}" for number in range(agents)])
        self.at(0, *[Enqueue(f"busy-{number}", queue, "voice") for number in range(agents)])

    def calls(self, second: float, *names: str, queue: str = "q", **fields: Any) -> None:
        self.at(second, *[Enqueue(name, queue, "voice", **fields) for name in names])

    def complete(self, second: float, *names: str) -> None:
        self.at(second, *[Complete(name) for name in names])


def busy_line(servers: int, waiting: int, queue: QueueSettings | None = None) -> Engine:
    """All servers have a call since second 0, and so many wait: `call-0` is the first."""
    centre = Centre({"q": queue or plain_queue()})
    centre.busy(servers)
    centre.calls(0, *line(waiting))
    return centre.engine


def line(waiting: int) -> Sequence[str]:
    return [f"call-{number}" for number in range(waiting)]
