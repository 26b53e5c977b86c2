"""Scenarios for tests of the run: the plainest ones, and small ones with everything on, drawn by Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from router.engine.requirements import Preference, Requirement, SkillTerm, Step
from router.engine.settings import (
    MINUTE_US,
    SECOND_US,
    AgentWeights,
    ByUrgency,
    CallWeights,
    ChannelSettings,
    QueueSettings,
    Settings,
    WrapUp,
)
from router.engine.vocabulary import NoAnswerAction, Urgency, WrapUpMode
from router.simulation.scenario.model import (
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
)

NEVER_OVERDUE = ByUrgency(None, None, None)
SKILLS = ("loans", "cards")


def exactly(seconds: float) -> Distribution:
    return Distribution(Family.DETERMINISTIC, round(seconds * SECOND_US))


def about(seconds: float) -> Distribution:
    return Distribution(Family.EXPONENTIAL, round(seconds * SECOND_US))


def queue(**changes: Any) -> QueueSettings:
    return QueueSettings(**{"automatic": True, "max_overtake_wait_us": NEVER_OVERDUE, **changes})


def scenario(
    callers: Callers | tuple[Callers, ...],
    agents: AgentGroup | tuple[AgentGroup, ...],
    *,
    queues: dict[str, QueueSettings] | None = None,
    channels: dict[str, ChannelSettings] | None = None,
    **changes: Any,
) -> Scenario:
    """Make a scenario of an hour with an automatic queue for each kind of callers, unless told otherwise."""
    callers = callers if isinstance(callers, tuple) else (callers,)
    agents = agents if isinstance(agents, tuple) else (agents,)
    settings = Settings(
        queues=queues or {one.queue: queue() for one in callers}, channels=channels or {"voice": ChannelSettings()}
    )
    return Scenario(
        **{"source": "test", "settings": settings, "callers": callers, "agents": agents, "length_us": 60 * MINUTE_US}
        | changes
    )


def plain(rate_per_s: float = 0.8, service_s: float = 1.0, agents: int = 1, **changes: Any) -> Scenario:
    """Make M/M/n."""
    callers = Callers(name="c", queue="q", arrivals=PoissonArrivals((rate_per_s,)), handle_time=about(service_s))
    return scenario(callers, AgentGroup(name="a", count=agents), **changes)


# ---- everything on ----


def durations(seconds_max: float) -> st.SearchStrategy[Distribution]:
    return st.builds(
        lambda family, mean, cv, values: (
            Distribution(family, round(mean * SECOND_US), cv, tuple(round(value * SECOND_US) for value in values))
            if family is not Family.EMPIRICAL
            else Distribution(
                family, round(sum(values) / len(values) * SECOND_US), 0.0, tuple(round(v * SECOND_US) for v in values)
            )
        ),
        st.sampled_from(
            [Family.DETERMINISTIC, Family.EXPONENTIAL, Family.GAMMA, Family.LOGNORMAL, Family.UNIFORM, Family.EMPIRICAL]
        ),
        st.floats(1, seconds_max),
        st.floats(0.1, 0.5),
        st.lists(st.floats(0, seconds_max), min_size=1, max_size=4),
    )


def requirements() -> st.SearchStrategy[Requirement]:
    first = st.builds(
        lambda skill, level, prefer: Step(terms=(SkillTerm(skill, level),), prefer=(Preference(prefer),)),
        st.sampled_from(SKILLS),
        st.integers(1, 6),
        st.sampled_from(SKILLS),
    )
    later = st.builds(lambda after: Step(after_us=after * SECOND_US), st.integers(1, 120))
    return st.builds(lambda one, more: Requirement(steps=(one, *more)), first, st.lists(later, max_size=1))


weights = st.sampled_from([0, 0, 500, 1000, 3000])


def queues(names: list[str]) -> st.SearchStrategy[dict[str, QueueSettings]]:
    one = st.fixed_dictionaries(
        {
            "requirement": requirements() | st.just(Requirement()),
            "automatic": st.booleans(),
            "offer_timeout_us": st.integers(7, 20).map(lambda s: s * SECOND_US),
            "no_answer_action": st.sampled_from(list(NoAnswerAction)),
            "reject_backoff_us": st.sampled_from([0, 5 * SECOND_US, 60 * SECOND_US]),
            "max_overtake_wait_us": st.sampled_from([NEVER_OVERDUE, ByUrgency(60 * SECOND_US, 30 * SECOND_US, 0)]),
            "wrap_up": st.sampled_from(
                [WrapUp(), WrapUp(WrapUpMode.FIXED, 7 * SECOND_US), WrapUp(WrapUpMode.MANUAL, 60 * SECOND_US)]
            ),
            "waiting_max": st.sampled_from([None, None, 0, 3]),
            "wait_max_us": st.sampled_from([None, None, 45 * SECOND_US]),
            "last_agent_preferred": st.booleans(),
            "last_agent_hold_us": st.sampled_from([0, 20 * SECOND_US]),
            "overflow": st.sampled_from([None, *names]),
            "agent_weights": st.builds(AgentWeights, *[weights] * 6),
            "call_weights": st.builds(CallWeights, *[weights] * 6),
        }
    )

    def built(settings: tuple[dict[str, Any], ...]) -> dict[str, QueueSettings]:
        made = {}
        for name, values in zip(names, settings, strict=True):
            overflow = values["overflow"] if values["overflow"] != name else None
            made[name] = QueueSettings(**{**values, "overflow": overflow})
        return made

    return st.tuples(*[one] * len(names)).map(built)


redials = st.none() | st.builds(
    Redial,
    chance=st.floats(0.3, 0.9),
    after=st.floats(1, 200).map(exactly) | st.floats(20, 200).map(about),
    times_max=st.sampled_from([None, 1, 2]),
)


def arrivals() -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(PoissonArrivals, st.tuples(st.floats(0.01, 0.08))),
        st.builds(
            PoissonArrivals,
            st.tuples(st.floats(0.01, 0.08), st.just(0.0), st.floats(0.01, 0.08)),
            st.just(200 * SECOND_US),
            st.sampled_from([0.0, 0.5]),
            st.just(300 * SECOND_US),
        ),
        st.builds(RenewalArrivals, st.floats(5, 60).map(exactly) | st.floats(10, 60).map(about)),
        st.lists(st.integers(0, 900), min_size=1, max_size=20).map(
            lambda seconds: RecordedArrivals(tuple(second * SECOND_US for second in sorted(seconds)))
        ),
    )


def callers(name: str) -> st.SearchStrategy[Callers]:
    return st.builds(
        Callers,
        name=st.just(name),
        queue=st.sampled_from(["x", "y"]),
        channel=st.sampled_from(["voice", "voice", "chat"]),
        urgency=st.sampled_from([*list(Urgency), Urgency.NORMAL, Urgency.NORMAL]),
        priority=st.sampled_from([0, 0, 5]),
        requirement=st.none() | requirements(),
        arrivals=arrivals(),
        handle_time=durations(90),
        skill=st.sampled_from(SKILLS),
        handle_factor_by_level=st.sampled_from([(), ((1, 1.5), (5, 0.7))]),
        resolution_by_level=st.sampled_from([(), ((1, 0.2), (5, 0.8))]),
        satisfaction_by_wait=st.sampled_from([(), ((0, 4.8), (30 * SECOND_US, 2.3))]),
        patience=st.none() | durations(120),
        wrap_up=st.none() | durations(30),
        redial_unresolved=redials,
        redial_abandoned=redials,
        customers=st.sampled_from([0, 0, 5]),
        known=st.booleans(),
    )


def groups(name: str) -> st.SearchStrategy[AgentGroup]:
    base = st.fixed_dictionaries(
        {
            "name": st.just(name),
            "count": st.integers(1, 3),
            "skills": st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 10)),
            "capacity": st.sampled_from([None, {"voice": 1, "chat": 3}, {"chat": 2}]),
            "handle_time": st.none() | durations(60),
            "handle_times": st.sampled_from([{}, {"c1": exactly(20)}]),
            "handle_factor": st.sampled_from([1.0, 0.5]),
            "ring": st.floats(0, 6).map(exactly) | st.floats(1, 3).map(about),
            "reject": st.sampled_from([0.0, 0.2]),
            "reject_after": durations(4),
            "no_answer": st.sampled_from([0.0, 0.2]),
            "return_after": durations(60),
            "at_shift_end": st.sampled_from(list(ShiftEnd)),
        }
    )
    presence = st.sampled_from(
        [
            {},
            {"staffing": (2, 0, 1), "staffing_period_us": 150 * SECOND_US},
            {"shifts": ((0, 200 * SECOND_US), (260 * SECOND_US, 700 * SECOND_US))},
        ]
    )
    return st.builds(lambda one, there: AgentGroup(**one, **there), base, presence)


def full(*, hunted: bool = False) -> st.SearchStrategy[Scenario]:
    """Draw a quarter of an hour of two queues, two channels, up to three kinds of callers and up to three groups."""
    hunting = st.builds(Hunting, st.sampled_from(list(LineOrder)), st.sampled_from(list(HuntedAgent)))
    return st.builds(
        lambda kinds, teams, lines, exclusive, **more: scenario(
            tuple(kinds),
            tuple(teams),
            queues=lines,
            channels={"voice": ChannelSettings(), "chat": ChannelSettings(exclusive)},
            length_us=720 * SECOND_US,
            warm_up_us=180 * SECOND_US,
            **more,
        ),
        st.integers(1, 3).flatmap(lambda n: st.tuples(*[callers(f"c{k}") for k in range(1, n + 1)])),
        st.integers(1, 3).flatmap(lambda n: st.tuples(*[groups(f"g{k}") for k in range(1, n + 1)])),
        queues(["x", "y"]),
        st.booleans(),
        ending=st.sampled_from(list(Ending)),
        seed=st.integers(0, 2**63),
        hunting=hunting if hunted else st.none(),
    )
