"""Every figure of a simulation once: its name, its unit, what it means, and how one run tells it.

Reports, JSON, comparisons, plots and docs all read these tables. Invariant: a ratio whose divisor is 0 is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, Generic, TypeVar

import msgspec

from router.fairness.measures import jain_index
from router.simulation.results import AgentFigures, CallFigures, QueueFigures, Replication

Subject = TypeVar("Subject")


class Unit(Enum):
    """What a figure counts in; JSON has the figure in this unit."""

    COUNT = "count"
    DURATION = "microseconds"
    SHARE = "share"
    PER_THOUSAND = "per thousand calls"
    CALLS = "calls"
    AGENTS = "agents"
    INDEX = "index"
    SCORE = "score"
    VARIANCE = "seconds squared"


class Metric(msgspec.Struct, Generic[Subject], frozen=True):
    """One figure of one run; `read` gives None where the run has no such thing. `doc` says what it is."""

    name: str
    title: str
    unit: Unit
    doc: str
    read: Callable[[Subject], float | None]


class Line(msgspec.Struct, frozen=True):
    """Who waited in one queue, or in all, in a measured time."""

    length_integral_us: int
    length_max: int | None
    length_us: int


class Load(msgspec.Struct, frozen=True):
    """What some agents did in a measured time."""

    agents: tuple[AgentFigures, ...]
    length_us: int

    def total(self, field: str) -> int:
        """Return the sum of a field over the agents."""
        return sum(getattr(agent, field) for agent in self.agents)


def ratio(part: float, whole: float, scale: float = 1.0) -> float | None:
    """Return part ÷ whole × scale; None where there is no whole."""
    return scale * part / whole if whole else None


def _count(name: str, doc: str) -> Metric[CallFigures]:
    return Metric(name, name, Unit.COUNT, doc, lambda calls: float(getattr(calls, name)))


def _of_offered(name: str, title: str, part: str, doc: str) -> Metric[CallFigures]:
    return Metric(name, title, Unit.SHARE, doc, lambda calls: ratio(getattr(calls, part), calls.offered))


def _per_thousand(name: str, part: str, doc: str) -> Metric[CallFigures]:
    return Metric(
        name,
        name.replace("_", " "),
        Unit.PER_THOUSAND,
        doc,
        lambda calls: ratio(getattr(calls, part), calls.offered, 1000),
    )


def _percentile(whose: str, percent: int, of_whom: str) -> Metric[CallFigures]:
    def read(calls: CallFigures) -> float | None:
        percentiles: tuple[float, ...] | None = getattr(calls, f"wait_{whose}_percentiles_us")
        return percentiles[percent - 1] if percentiles else None

    doc = f"{percent} % of the calls {of_whom} waited at most this long."
    title = f"p{percent} wait of {'all' if whose == 'all' else 'the answered'}"
    return Metric(f"wait_{whose}_p{percent}_us", title, Unit.DURATION, doc, read)


CALL_METRICS: Final[tuple[Metric[CallFigures], ...]] = (
    _count("offered", "Calls that arrived in the measured time, redials included."),
    _count("answered", "Of these, calls that an agent answered."),
    _count("abandoned", "Calls whose caller gave up."),
    _count("blocked", "Calls that found no room in their queue, nor where it overflows to."),
    _count("refused", "Calls that met their queue's wait limit."),
    _count("unfinished", "Calls that still waited when the run ended."),
    _of_offered(
        "delayed_share", "P(wait)", "delayed", "Calls not presented to an agent at the instant they arrived, of all."
    ),
    _of_offered(
        "service_level",
        "service level",
        "answered_in_target",
        "Calls answered within the target of their queue, of all.",
    ),
    _of_offered("abandoned_share", "P(abandon)", "abandoned", "Calls whose caller gave up, of all."),
    _of_offered("blocked_share", "P(block)", "blocked", "Calls that found no room, of all."),
    Metric(
        "wait_served_mean_us",
        "mean wait of the answered",
        Unit.DURATION,
        "Mean wait of the answered calls, ringing included.",
        lambda calls: ratio(calls.wait_served_sum_us, calls.answered),
    ),
    *(_percentile("served", percent, "that were answered") for percent in (50, 80, 95)),
    Metric(
        "wait_all_mean_us",
        "mean wait of all",
        Unit.DURATION,
        "Mean wait of all calls, until the answer or the end without one.",
        lambda calls: ratio(calls.wait_all_sum_us, calls.offered),
    ),
    *(_percentile("all", percent, "offered") for percent in (50, 80, 95)),
    Metric(
        "talk_mean_us",
        "mean talk",
        Unit.DURATION,
        "Mean time from the answer to the end of the talk.",
        lambda calls: ratio(calls.talk_sum_us, calls.answered),
    ),
    _of_offered("redial_share", "redials", "redials", "Calls that are further attempts of a caller, of all."),
    Metric(
        "resolution",
        "resolved",
        Unit.SHARE,
        "Resolved calls, of the answered ones whose outcome was told.",
        lambda calls: ratio(calls.resolved, calls.resolved + calls.unresolved),
    ),
    Metric(
        "first_call_resolution",
        "resolved at the first call",
        Unit.SHARE,
        "Callers whose first attempt was answered and resolved, of all first attempts.",
        lambda calls: ratio(calls.first_resolved, calls.first_calls) if calls.resolved + calls.unresolved else None,
    ),
    Metric(
        "satisfaction",
        "satisfaction",
        Unit.SCORE,
        "Mean score, 1 to 5, of the calls that were given one.",
        lambda calls: ratio(calls.satisfaction_sum, calls.satisfactions),
    ),
    _per_thousand("slips", "slips", "How often a call was overtaken by a later one of its queue, per 1000 calls."),
    _per_thousand("skips", "skips", "How often a call overtook an earlier one of its queue, per 1000 calls."),
    _per_thousand("kin_slips", "kin_slips", "Slips among equals (kin), per 1000 calls."),
    _of_offered("overtaken_share", "overtaken", "overtaken", "Calls that were overtaken at least once, of all."),
)

LINE_METRICS: Final[tuple[Metric[Line], ...]] = (
    Metric(
        "length_mean",
        "calls waiting, mean",
        Unit.CALLS,
        "Mean number of calls that wait, over the measured time.",
        lambda line: ratio(line.length_integral_us, line.length_us),
    ),
    Metric(
        "length_max",
        "calls waiting, most",
        Unit.CALLS,
        "Most calls that ever waited at once in the measured time.",
        lambda line: None if line.length_max is None else float(line.length_max),
    ),
)

LOAD_METRICS: Final[tuple[Metric[Load], ...]] = (
    Metric(
        "present_mean",
        "agents present",
        Unit.AGENTS,
        "Mean number of agents signed in.",
        lambda load: ratio(load.total("present_us"), load.length_us),
    ),
    Metric(
        "utilisation",
        "utilisation",
        Unit.SHARE,
        "Busy time over time signed in; busy is offer, talk and wrap-up, by the share of capacity in use.",
        lambda load: ratio(load.total("busy_us"), load.total("present_us")),
    ),
    Metric(
        "occupancy",
        "occupancy",
        Unit.SHARE,
        "Busy time over time ready or engaged.",
        lambda load: ratio(load.total("busy_us"), load.total("ready_us")),
    ),
    Metric(
        "agent_answered",
        "answered by them",
        Unit.COUNT,
        "Calls that they answered in the measured time, whenever those arrived.",
        lambda load: float(load.total("answered")),
    ),
    Metric(
        "agent_rejected",
        "offers rejected",
        Unit.COUNT,
        "Offers that they rejected.",
        lambda load: float(load.total("rejected")),
    ),
    Metric(
        "agent_not_answered",
        "offers not answered",
        Unit.COUNT,
        "Offers that they let ring until they expired.",
        lambda load: float(load.total("not_answered")),
    ),
    Metric(
        "jain",
        "Jain's index",
        Unit.INDEX,
        "Jain's index (Σx)² ÷ (n Σx²) of the agents' own occupancies: 1 when all are equally busy.",
        lambda load: jain_index(agent.busy_us / agent.ready_us for agent in load.agents if agent.ready_us),
    ),
)

RUN_METRICS: Final[tuple[Metric[Replication], ...]] = (
    Metric(
        "raqfm_variance_s2",
        "RAQFM variance",
        Unit.VARIANCE,
        "RAQFM: variance of the calls' discrimination; the lower, the fairer the order of service.",
        lambda run: run.discrimination.variance_s2,
    ),
)

AnyMetric = Metric[CallFigures] | Metric[Line] | Metric[Load] | Metric[Replication]
METRICS: Final[Mapping[str, AnyMetric]] = MappingProxyType(
    {metric.name: metric for table in (CALL_METRICS, LINE_METRICS, LOAD_METRICS, RUN_METRICS) for metric in table}
)


def _read(metrics: Iterable[Metric[Subject]], subject: Subject) -> dict[str, float | None]:
    return {metric.name: metric.read(subject) for metric in metrics}


def read_calls(calls: CallFigures) -> dict[str, float | None]:
    """Return the figures of calls."""
    return _read(CALL_METRICS, calls)


def read_queue(queue: QueueFigures, length_us: int) -> dict[str, float | None]:
    """Return the figures of a queue: its calls and its line."""
    line = Line(queue.length_integral_us, queue.length_max, length_us)
    return read_calls(queue.calls) | _read(LINE_METRICS, line)


def read_agents(agents: Iterable[AgentFigures], length_us: int) -> dict[str, float | None]:
    """Return the figures of some agents together."""
    return _read(LOAD_METRICS, Load(tuple(agents), length_us))


def read_run(run: Replication) -> dict[str, float | None]:
    """Return the figures of a whole run. Of several queues the longest lines are of different instants: no maximum."""
    queues = tuple(run.queues.values())
    length_max = queues[0].length_max if len(queues) == 1 else None
    line = Line(sum(queue.length_integral_us for queue in queues), length_max, run.length_us)
    figures = read_calls(run.calls) | _read(LINE_METRICS, line)
    return figures | read_agents(run.agents, run.length_us) | _read(RUN_METRICS, run)
