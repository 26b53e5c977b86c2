"""Scenarios written out as TOML: the inverse of reading, and random scenarios to try it on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from hypothesis import strategies as st

from router.config.durations import format_duration
from router.engine.requirements import AgentTerm, AnyOf, Preference, Requirement, SkillTerm, Step
from router.engine.vocabulary import Urgency
from router.simulation import (
    AgentGroup,
    Callers,
    Distribution,
    Ending,
    Family,
    HuntedAgent,
    Hunting,
    LineOrder,
    PoissonArrivals,
    RecordedArrivals,
    Redial,
    RenewalArrivals,
    Scenario,
    ShiftEnd,
    parse_scenario,
)
from router.simulation.scenario.distributions import empirical

ROUTER = """\
[router.channels.voice]
[router.channels.chat]
exclusive = false
[router.queues.offered]
[router.queues.skilled]
skills = { loans = 3 }
overflow = "offered"
[router.queues.manual]
wrap_up = { mode = "manual", duration = "10m" }
[router.queues.automatic]
automatic = true
"""
SKILLS = ("loans", "cards", "tax")
SETTINGS = parse_scenario(
    f"[simulation]\nlength = 60\n{ROUTER}[callers.offered]\nrate = '1/s'\nhandle_time = 1\n[agents.a]\n", "x"
).settings


# --- Writing ----------------------------------------------------------------------------------------------------------


def text_of(scenario: Scenario) -> str:
    """Return a scenario of the router above as TOML."""
    run = {
        "length": duration(scenario.length_us),
        "warm_up": duration(scenario.warm_up_us),
        "replications": scenario.replications,
        "seed": scenario.seed,
        "ending": quoted(scenario.ending.value),
    }
    parts = ["[simulation]\n", lines(run), ROUTER]
    if scenario.hunting is not None:
        hunting = {"order": quoted(scenario.hunting.order.value), "agent": quoted(scenario.hunting.agent.value)}
        parts += ["[hunting]\n", lines(hunting)]
    for callers in scenario.callers:
        parts += [f"[callers.{quoted(callers.name)}]\n", lines(callers_table(callers))]
    for group in scenario.agents:
        parts += [f"[agents.{quoted(group.name)}]\n", lines(group_table(group))]
    return "".join(parts)


def callers_table(callers: Callers) -> dict[str, Any]:
    """Return the keys of callers, the defaults left out."""
    keys: dict[str, Any] = {
        "queue": quoted(callers.queue),
        **arrivals_table(callers.arrivals),
        **(requirement_table(callers.requirement) if callers.requirement else {}),
        "handle_time": distribution(callers.handle_time),
    }
    for name in ("handle_factor_by_level", "resolution_by_level", "satisfaction_by_wait"):
        if entries := getattr(callers, name):
            wait = name == "satisfaction_by_wait"
            keys[name] = inline({format_duration(at) if wait else str(at): value for at, value in entries})
    for name in ("patience", "wrap_up"):
        if (value := getattr(callers, name)) is not None:
            keys[name] = distribution(value)
    for name in ("redial_unresolved", "redial_abandoned"):
        if (redial := getattr(callers, name)) is not None:
            keys[name] = redial_table(redial)
    if callers.skill is not None:
        keys["skill"] = quoted(callers.skill)
    keys |= {"channel": quoted(callers.channel), "urgency": quoted(callers.urgency.name.lower())}
    return keys | {"priority": callers.priority, "customers": callers.customers, "known": str(callers.known).lower()}


def arrivals_table(arrivals: PoissonArrivals | RenewalArrivals | RecordedArrivals) -> dict[str, Any]:
    assert not isinstance(arrivals, RecordedArrivals)  # they stand in files
    if isinstance(arrivals, RenewalArrivals):
        return {"interval": distribution(arrivals.interval)}
    rates = [quoted(f"{rate!r}/s") for rate in arrivals.rates_per_s]
    when = {"rates": f"[{', '.join(rates)}]", "period": duration(arrivals.period_us)}
    return (when if arrivals.period_us else {"rate": rates[0]}) | {
        "day_factor_cv": repr(arrivals.day_factor_cv),
        "day": duration(arrivals.day_us),
    }


def requirement_table(requirement: Requirement) -> dict[str, Any]:
    steps = [inline({"after": duration(step.after_us)} | step_table(step)) for step in requirement.steps[1:]]
    return step_table(requirement.steps[0]) | {"steps": f"[{', '.join(steps)}]"}


def step_table(step: Step) -> dict[str, Any]:
    keys = {
        "skills": inline({term.skill: term.level for term in step.terms if isinstance(term, SkillTerm)}),
        "prefer": inline({preference.skill: preference.importance for preference in step.prefer}),
    }
    groups = [
        inline({term.skill: term.level for term in any_of.terms}) for any_of in step.terms if isinstance(any_of, AnyOf)
    ]
    agents = [quoted(term.agent) for term in step.terms if isinstance(term, AgentTerm)]
    return keys | {"any_of": f"[{', '.join(groups)}]"} | ({"agent": agents[0]} if agents else {})


def redial_table(redial: Redial) -> str:
    keys = {"chance": repr(redial.chance), "after": distribution(redial.after)}
    return inline(keys | ({} if redial.times_max is None else {"times_max": redial.times_max}))


def group_table(group: AgentGroup) -> dict[str, Any]:
    """Return the keys of a group."""
    keys: dict[str, Any] = {
        "count": group.count,
        "skills": inline(group.skills),
        "handle_times": inline({name: distribution(drawn) for name, drawn in group.handle_times.items()}),
        "handle_factor": repr(group.handle_factor),
        "ring": distribution(group.ring),
        "reject": repr(group.reject),
        "reject_after": distribution(group.reject_after),
        "no_answer": repr(group.no_answer),
        "return_after": distribution(group.return_after),
        "at_shift_end": quoted(group.at_shift_end.value),
    }
    if group.capacity is not None:
        keys["capacity"] = inline(group.capacity)
    if group.handle_time is not None:
        keys["handle_time"] = distribution(group.handle_time)
    if group.staffing:
        keys |= {"staffing": str(list(group.staffing)), "staffing_period": duration(group.staffing_period_us)}
    if group.shifts:
        keys["shifts"] = f"[{', '.join(f'[{duration(start)}, {duration(end)}]' for start, end in group.shifts)}]"
    return keys


def distribution(drawn: Distribution) -> str:
    """Return a distribution as a value."""
    keys: dict[str, Any] = {"family": quoted(drawn.family.name.lower())}
    if drawn.family is Family.EMPIRICAL:
        return inline(keys | {"values": f"[{', '.join(map(duration, drawn.values_us))}]"})
    keys["mean"] = duration(drawn.mean_us)
    return inline(keys | ({"cv": repr(drawn.cv)} if drawn.cv else {}))


def lines(table: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in table.items())


def inline(table: Mapping[str, Any]) -> str:
    return f"{{ {', '.join(f'{quoted(name)} = {value}' for name, value in table.items())} }}"


def duration(duration_us: int) -> str:
    return quoted(format_duration(duration_us))


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# --- Random scenarios -------------------------------------------------------------------------------------------------

TIMES = st.integers(1, 3_600_000_000)
CHANCES = st.floats(0, 0.4)
NAMES = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=8)
SHORT = st.builds(Distribution, st.just(Family.DETERMINISTIC), st.integers(0, 9_000_000))
DRAWS = st.one_of(
    st.builds(Distribution, st.sampled_from((Family.DETERMINISTIC, Family.EXPONENTIAL)), TIMES),
    st.builds(Distribution, st.sampled_from((Family.GAMMA, Family.LOGNORMAL)), TIMES, st.floats(0.001, 20)),
    st.builds(Distribution, st.just(Family.UNIFORM), TIMES, st.floats(0.001, 0.577)),
    st.lists(TIMES, min_size=1, max_size=5).map(lambda values: empirical(tuple(values))),
)
RATES = st.floats(0.001, 1_000)
ARRIVALS = st.one_of(
    st.builds(PoissonArrivals, st.tuples(RATES), st.just(0), st.floats(0, 5), st.integers(1_000_000, 10**12)),
    st.builds(
        PoissonArrivals,
        st.lists(RATES, min_size=1, max_size=4).map(tuple),
        st.integers(1_000_000, 10**12),
        st.floats(0, 5),
    ),
    st.builds(RenewalArrivals, DRAWS),
)
LEVELS = st.integers(1, 10)
SKILL_LEVELS = st.dictionaries(st.sampled_from(SKILLS), LEVELS)
REDIALS = st.builds(Redial, CHANCES, DRAWS, st.none() | st.integers(1, 9))


def by_level(values: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[tuple[int, float], ...]]:
    return st.dictionaries(st.integers(0, 10), values, max_size=4).map(lambda table: tuple(sorted(table.items())))


@st.composite
def steps(draw: st.DrawFn, agents: tuple[str, ...]) -> Step:
    """Draw a step in the order in which reading gives its terms."""
    terms: list[SkillTerm | AgentTerm | AnyOf] = [SkillTerm(*item) for item in sorted(draw(SKILL_LEVELS).items())]
    if draw(st.booleans()):
        terms.append(AgentTerm(draw(st.sampled_from(agents))))
    for group in draw(st.lists(st.dictionaries(st.sampled_from(SKILLS), LEVELS, min_size=1), max_size=2)):
        terms.append(AnyOf(tuple(SkillTerm(*item) for item in sorted(group.items()))))
    return Step(tuple(terms), tuple(Preference(*item) for item in sorted(draw(SKILL_LEVELS).items())))


@st.composite
def requirements(draw: st.DrawFn, agents: tuple[str, ...]) -> Requirement:
    times_us = [0, *sorted(draw(st.sets(st.integers(1_000, 10**9), max_size=3)))]
    return Requirement(tuple(msgspec.structs.replace(draw(steps(agents)), after_us=time_us) for time_us in times_us))


@st.composite
def callers(draw: st.DrawFn, name: str, agents: tuple[str, ...]) -> Callers:
    """Draw callers whose skill is named, so that no default comes in."""
    queue = draw(st.sampled_from(sorted(SETTINGS.queues)))
    resolution = draw(by_level(st.floats(0, 1)))
    wait_scores = draw(st.dictionaries(st.integers(0, 10**9), st.floats(1, 5), max_size=3))
    return Callers(
        name=name,
        queue=queue,
        arrivals=draw(ARRIVALS),
        handle_time=draw(DRAWS),
        channel=draw(st.sampled_from(("voice", "chat"))),
        urgency=draw(st.sampled_from(Urgency)),
        priority=draw(st.integers(0, 9)),
        requirement=draw(st.none() | requirements(agents)),
        skill=draw(st.sampled_from(SKILLS)),
        handle_factor_by_level=draw(by_level(st.floats(0.01, 100))),
        resolution_by_level=resolution,
        satisfaction_by_wait=tuple(sorted(wait_scores.items())),
        patience=draw(st.none() | DRAWS),
        wrap_up=draw(st.none() | DRAWS) if queue == "manual" else None,
        redial_unresolved=draw(st.none() | REDIALS) if resolution else None,
        redial_abandoned=draw(st.none() | REDIALS),
        customers=draw(st.integers(0, 10**9)),
        known=draw(st.booleans()),
    )


@st.composite
def groups(draw: st.DrawFn, name: str, callers_names: tuple[str, ...]) -> AgentGroup:
    """Draw a group that is always there, by staffing or by shifts."""
    count = draw(st.integers(1, 9))
    presence: dict[str, Any] = {}
    match draw(st.integers(0, 2)):
        case 1:
            staffing = draw(st.lists(st.integers(0, count), min_size=1, max_size=4).filter(any))
            presence = {"staffing": tuple(staffing), "staffing_period_us": draw(st.integers(1_000_000, 10**12))}
        case 2:
            bounds = sorted(draw(st.sets(st.integers(0, 10**11), min_size=2, max_size=6)))
            presence = {"shifts": tuple(zip(bounds[::2], bounds[1::2], strict=False))}
    return AgentGroup(
        name=name,
        count=count,
        skills=draw(SKILL_LEVELS),
        capacity=draw(st.none() | st.dictionaries(st.sampled_from(("voice", "chat")), st.integers(1, 1000))),
        handle_time=draw(st.none() | DRAWS),
        handle_times=draw(st.dictionaries(st.sampled_from(callers_names), DRAWS)),
        handle_factor=draw(st.floats(0.01, 100)),
        ring=draw(SHORT),
        reject=draw(CHANCES),
        reject_after=draw(SHORT),
        no_answer=draw(CHANCES),
        return_after=draw(DRAWS),
        at_shift_end=draw(st.sampled_from(ShiftEnd)),
        **presence,
    )


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Draw a scenario with everything in it but recorded days."""
    names = tuple(draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)))
    group_names = tuple(draw(st.lists(st.sampled_from(("a", "b", "ü c", "d.e")), min_size=1, max_size=3, unique=True)))
    agents = tuple(draw(groups(name, names)) for name in group_names)
    agent_names = tuple(name for group in agents for name in group.agent_names())
    return Scenario(
        source="written.toml",
        settings=SETTINGS,
        callers=tuple(draw(callers(name, agent_names)) for name in names),
        agents=agents,
        length_us=draw(st.integers(1_000_000, 10**15)),
        warm_up_us=draw(st.integers(0, 10**15)),
        replications=draw(st.integers(1, 10_000)),
        seed=draw(st.integers(0, (1 << 63) - 1)),
        ending=draw(st.sampled_from(Ending)),
        hunting=draw(st.none() | st.builds(Hunting, st.sampled_from(LineOrder), st.sampled_from(HuntedAgent))),
    )
