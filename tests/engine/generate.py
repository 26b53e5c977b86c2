"""Random settings and requirements over small pools of names, so that names, times and limits collide often."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from router.engine.requirements import AgentTerm, AnyOf, Preference, Requirement, SkillTerm, Step
from router.engine.settings import (
    SECOND_US,
    AgentWeights,
    ByUrgency,
    CallWeights,
    ChannelSettings,
    EfficiencySettings,
    QueueSettings,
    Settings,
    WrapUp,
)
from router.engine.vocabulary import NoAnswerAction, WrapUpMode
from tests.engine.choices import Choices, some

QUEUES = ("loans", "cards", "complaints", "repayment")
CHANNELS = ("voice", "chat", "email", "desk")
SKILLS = ("german", "loans", "cards", "fraud", "chat")
SCALE = (0, 0, 1, 500, 1000, 1000, 3000, 1_000_000)
PROFILES: tuple[dict[str, int], ...] = (
    {"german": 5, "loans": 3},
    {"german": 5, "loans": 10, "fraud": 2},
    {"cards": 1, "chat": 10},
)
DEMANDS = (
    Requirement((Step((SkillTerm("loans", 2),)),)),
    Requirement((Step((SkillTerm("german", 5),), (Preference("fraud", 3),)), Step(after_us=4 * SECOND_US))),
    Requirement((Step((AnyOf((SkillTerm("cards"), SkillTerm("loans", 10))),)),)),
)
RETENTIONS_US = tuple(seconds * SECOND_US for seconds in (3600, 3600, 60, 10, 1))


@dataclass(frozen=True)
class World:
    """How many names there are to collide."""

    agents: tuple[str, ...]
    calls: tuple[str, ...]
    customers: tuple[str, ...] = ("carol", "dave")

    @classmethod
    def of_size(cls, agents: int, calls: int) -> World:
        """Return a world with that many names of agents and of calls."""
        return cls(tuple(f"a{i}" for i in range(agents)), tuple(f"c{i}" for i in range(calls)))


WORLD = World.of_size(5, 9)


def seconds(choices: Choices, *options: int) -> int:
    return choices.pick(options) * SECOND_US


# Requirements


def skills(choices: Choices) -> dict[str, int]:
    """Return what an agent knows: half of the time one of a few profiles, so that classes have several members."""
    if choices.chance(50):
        return dict(choices.pick(PROFILES))
    return {skill: choices.pick((5, 10, 3, 2, 1)) for skill in some(choices, SKILLS, len(SKILLS))}


def skill_term(choices: Choices) -> SkillTerm:
    return SkillTerm(choices.pick(SKILLS), choices.pick((1, 1, 2, 3, 5, 10)))


def term(choices: Choices, world: World) -> SkillTerm | AgentTerm | AnyOf:
    kind = choices.pick(("skill", "skill", "skill", "any", "any", "agent"))
    if kind == "skill":
        return skill_term(choices)
    if kind == "any":
        return AnyOf(tuple(skill_term(choices) for _ in range(choices.integer(1, 3))))
    return AgentTerm(choices.pick(world.agents))


def step(choices: Choices, world: World, after_us: int) -> Step:
    terms = tuple(term(choices, world) for _ in range(choices.pick((0, 1, 1, 2, 3))))
    preferred = some(choices, SKILLS, choices.pick((0, 0, 1, 2)))
    prefer = tuple(Preference(skill, choices.pick((1, 5, 10))) for skill in preferred)
    return Step(terms, prefer, after_us)


def requirement(choices: Choices, world: World = WORLD) -> Requirement:
    """Return a requirement of one to four steps; each later one may ask for more, less or something else.

    Half of the time it is one of a few, so that classes of calls have several members.
    """
    if choices.chance(50):
        return choices.pick(DEMANDS)
    steps = []
    after_us = 0
    for _ in range(choices.pick((1, 1, 1, 2, 3, 4))):
        steps.append(step(choices, world, after_us))
        after_us += choices.pick((1, SECOND_US, 2 * SECOND_US, 5 * SECOND_US, 10 * SECOND_US))
    return Requirement(tuple(steps))


# Settings


def six_weights(choices: Choices) -> list[int]:
    """Return no weights, any weights, or a single one, so that each term now and then decides alone."""
    kind = choices.pick(("any", "any", "any", "single", "single", "none"))
    if kind == "any":
        return [choices.pick(SCALE) for _ in range(6)]
    weights = [0] * 6
    if kind == "single":
        weights[choices.integer(0, 5)] = 1000
    return weights


def agent_weights(choices: Choices) -> AgentWeights:
    return AgentWeights(*six_weights(choices))


def call_weights(choices: Choices) -> CallWeights:
    return CallWeights(*six_weights(choices))


def bound_us(choices: Choices) -> int | None:
    return choices.pick((600 * SECOND_US, None, 30 * SECOND_US, 10 * SECOND_US, 3 * SECOND_US, 0))


def wrap_up(choices: Choices) -> WrapUp:
    mode = choices.pick((WrapUpMode.NONE, WrapUpMode.FIXED, WrapUpMode.MANUAL))
    return WrapUp(mode, 0 if mode == WrapUpMode.NONE else seconds(choices, 1, 2, 5, 10))


def queue(choices: Choices, world: World, others: tuple[str, ...]) -> QueueSettings:
    """Return a queue that overflows to nowhere or to one of the others."""
    no_answer_action = choices.pick(tuple(NoAnswerAction))
    shortest_us = 2 * SECOND_US if no_answer_action == NoAnswerAction.KEEP_READY else 1
    return QueueSettings(
        requirement=requirement(choices, world) if choices.chance(60) else Requirement(),
        target_us=ByUrgency(
            seconds(choices, 20, 5, 1), choices.pick((20 * SECOND_US, 3_333_333)), seconds(choices, 10, 2)
        ),
        max_overtake_wait_us=ByUrgency(bound_us(choices), bound_us(choices), bound_us(choices)),
        automatic=choices.chance(25),
        offer_timeout_us=choices.pick((20 * SECOND_US, 20 * SECOND_US, 5 * SECOND_US, 2 * SECOND_US, shortest_us)),
        no_answer_action=no_answer_action,
        reject_backoff_us=seconds(choices, 30, 5, 1, 0),
        wrap_up=wrap_up(choices),
        preferred_hold_us=seconds(choices, 20, 5, 1, 0),
        last_agent_preferred=choices.chance(50),
        last_agent_hold_us=seconds(choices, 0, 5),
        waiting_max=choices.pick((None, None, None, 0, 1, 2, 4)),
        wait_max_us=choices.pick((None, None, 60 * SECOND_US, 10 * SECOND_US, 3 * SECOND_US)),
        overflow=choices.pick((None, *others)) if others else None,
        agent_weights=agent_weights(choices),
        call_weights=call_weights(choices),
    )


def channels(choices: Choices) -> dict[str, ChannelSettings]:
    """Return voice, mostly exclusive, and some others, mostly not."""
    found = {"voice": ChannelSettings(exclusive=not choices.chance(15))}
    for name in CHANNELS[1:]:
        if choices.chance(60):
            found[name] = ChannelSettings(exclusive=choices.chance(25))
    return found


def settings(choices: Choices, world: World = WORLD) -> Settings:
    """Return settings of one to four queues."""
    names = QUEUES[: choices.integer(1, len(QUEUES))]
    return Settings(
        queues={name: queue(choices, world, tuple(one for one in names if one != name)) for name in names},
        channels=channels(choices),
        idle_scale_us=choices.pick((60 * SECOND_US, SECOND_US, 7, 1)),
        occupancy_half_life_us=choices.pick((1800 * SECOND_US, 10 * SECOND_US, 3_000_017, 1)),
        efficiency=EfficiencySettings(
            choices.pick((10, 1, 10_000)), choices.pick(SCALE), choices.pick(SCALE), choices.pick(SCALE)
        ),
        finished_retention_us=choices.pick(RETENTIONS_US),
        customer_retention_us=choices.pick(RETENTIONS_US),
        customers_max=choices.pick((1000, 2, 1, 0)),
        request_retention_us=choices.pick(RETENTIONS_US),
        requests_max=choices.pick((1000, 3, 1)),
        agents_max=choices.pick((1000, 1000, 1000, 1000, len(world.agents) - 1)),
        calls_max=choices.pick((1000, 1000, 1000, 1000, 1000, len(world.calls), 2)),
        requirements_max=choices.pick((1000, 1000, 1000, 1000, 5, 2, 1)),
    )


def changed_settings(choices: Choices, old: Settings, world: World = WORLD) -> Settings:
    """Return settings that keep much of the old ones: most channels, and queues of which some go, come or change."""
    new = settings(choices, world)
    queues = dict(new.queues if choices.chance(20) else old.queues)
    for name in QUEUES:
        change = choices.pick(("keep", "keep", "keep", "keep", "remove", "replace"))
        if change == "remove" and len(queues) > 1:
            queues.pop(name, None)
        elif change == "replace" and name in new.queues:
            queues[name] = new.queues[name]
    return msgspec.structs.replace(
        new if choices.chance(30) else old,
        queues={name: without_lost_overflow(one, queues) for name, one in sorted(queues.items())},
        channels=changed_channels(choices, old) if choices.chance(40) else old.channels,
    )


def without_lost_overflow(queue: QueueSettings, queues: Collection[str]) -> QueueSettings:
    return queue if queue.overflow in queues else msgspec.structs.replace(queue, overflow=None)


def changed_channels(choices: Choices, old: Settings) -> dict[str, ChannelSettings]:
    """Return the channels with one of them gone, added or turned around."""
    found = dict(old.channels)
    name = choices.pick(CHANNELS)
    if name not in found or choices.chance(50):
        found[name] = ChannelSettings(exclusive=name not in found or not found[name].exclusive)
    elif len(found) > 1:
        del found[name]
    return found
