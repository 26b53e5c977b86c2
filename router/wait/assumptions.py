"""What is assumed of callers and agents when futures are run by hand: for who embeds the engine and knows its centre.

The service learns all this instead. Times are microseconds, rates are per second. Everything is checked when it is
made: bad numbers raise `ValueError`, wrong types `TypeError`, and each error says what would be right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from router.engine import Urgency

LENGTH_US_MAX = 366 * 24 * 3600 * 1_000_000
DAY_S = 24 * 3600
DAYS_MIN = 3
DAYS_MAX = 16
PRIORITY_MAX = 9


def _number(value: object, name: str, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: {value!r} is not a number; {least:g} to {most:g} is wanted")
    if not least <= value <= most:
        raise ValueError(f"{name}: {value!r} is out of range; {least:g} to {most:g} is wanted")


def _chance(value: object, name: str) -> None:
    _number(value, name, 0, 1)


def _sequence(values: object, name: str) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"{name}: {values!r} is not a sequence; a list or tuple of numbers is wanted")
    if len(values) == 0:
        raise ValueError(f"{name}: it is empty; at least one number is wanted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential:
    """A time with this mean, without memory. `mean_us`: 0 up to 366 days."""

    mean_us: float

    def __post_init__(self) -> None:
        _number(self.mean_us, "mean_us", 0, LENGTH_US_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """Always the same time; what has lasted longer ends at once. `length_us`: 0 up to 366 days."""

    length_us: float

    def __post_init__(self) -> None:
        _number(self.length_us, "length_us", 0, LENGTH_US_MAX)


@dataclass(frozen=True, slots=True)
class Samples:
    """As one of these times, equally likely. `lengths_us`: at least one, in any order, each 0 up to 366 days.

    What has lasted longer than nearly all of them goes on without memory, by the mean of what the longest still had
    to go.
    """

    lengths_us: Sequence[float]

    def __post_init__(self) -> None:
        _sequence(self.lengths_us, "lengths_us")
        for index, length_us in enumerate(self.lengths_us):
            _number(length_us, f"lengths_us[{index}]", 0, LENGTH_US_MAX)


@dataclass(frozen=True, slots=True)
class Hazard:
    """A time with a rate of ending that is constant between ages.

    `edges_us`: ages from 0 on, rising. `rates_per_s`: as many, 0 or more; each rules from its edge on, the last for
    ever.
    """

    edges_us: Sequence[float]
    rates_per_s: Sequence[float]

    def __post_init__(self) -> None:
        _sequence(self.edges_us, "edges_us")
        _sequence(self.rates_per_s, "rates_per_s")
        if len(self.edges_us) != len(self.rates_per_s):
            counts = f"{len(self.rates_per_s)} rates for {len(self.edges_us)} edges"
            raise ValueError(f"rates_per_s: {counts}; a rate for each edge is wanted")
        for index, edge_us in enumerate(self.edges_us):
            _number(edge_us, f"edges_us[{index}]", 0, LENGTH_US_MAX)
            _number(self.rates_per_s[index], f"rates_per_s[{index}]", 0, 1e9)
            if (index == 0 and edge_us != 0) or (index > 0 and edge_us <= self.edges_us[index - 1]):
                raise ValueError(f"edges_us[{index}]: {edge_us!r} will not do; 0 first, then rising ages are wanted")


Lifetime: TypeAlias = Exponential | Fixed | Samples | Hazard


def _lifetime(value: object, name: str, *, may_be_endless: bool = True) -> None:
    if value is None and may_be_endless:
        return
    if not isinstance(value, Exponential | Fixed | Samples | Hazard):
        endless = ", or None for a time that does not end" if may_be_endless else ""
        raise TypeError(f"{name}: {value!r} will not do; Exponential, Fixed, Samples or Hazard is wanted{endless}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """New calls of one kind, at random (Poisson), for a queue, with the requirement that it has.

    `rates_per_s`: calls a second in periods of `period_us` from now on, the last for ever; one rate needs no period.
    `priority`: 0 to 9. `channel`: None where the settings have only one.
    """

    rates_per_s: Sequence[float]
    period_us: int = 0
    urgency: Urgency = Urgency.NORMAL
    priority: int = 0
    channel: str | None = None

    def __post_init__(self) -> None:
        _sequence(self.rates_per_s, "rates_per_s")
        for index, rate in enumerate(self.rates_per_s):
            _number(rate, f"rates_per_s[{index}]", 0, 1e6)
        _number(self.period_us, "period_us", 0 if len(self.rates_per_s) == 1 else 1, LENGTH_US_MAX)
        Urgency(self.urgency)
        if type(self.priority) is not int or not 0 <= self.priority <= PRIORITY_MAX:
            raise ValueError(f"priority: {self.priority!r} will not do; 0 to {PRIORITY_MAX} is wanted")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueAssumptions:
    """What is assumed of a queue's calls.

    `handle_time`: of a talk. `patience`: how long callers wait; None: nobody gives up. `wrap_up`: how long agents
    take where they end it themselves, or end it before its time; None: only its time ends it. `arrivals`: new calls;
    they are drawn only where some could go before one whose wait is asked for.
    """

    handle_time: Lifetime
    patience: Lifetime | None = None
    wrap_up: Lifetime | None = None
    arrivals: Sequence[Arrivals] = ()

    def __post_init__(self) -> None:
        _lifetime(self.handle_time, "handle_time", may_be_endless=False)
        _lifetime(self.patience, "patience")
        _lifetime(self.wrap_up, "wrap_up")
        for index, arrivals in enumerate(self.arrivals):
            if not isinstance(arrivals, Arrivals):
                raise TypeError(f"arrivals[{index}]: {arrivals!r} will not do; Arrivals(...) is wanted")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAssumptions:
    """What is assumed of one agent.

    `handle_factor`: of talks and wrap-ups, 0.01 to 100; 1.2 is slower. `days`: when the agent comes and leaves, as was
    seen on the last days, or is known: 3 to 16 pairs of whole seconds from the engine's time (negative: before; within
    a day of it), None for a day off. Each future draws one that fits: who is signed in leaves later than now, who is
    not comes later than now or not at all. Who comes is ready, with the skills of last time; who leaves finishes the
    call in hand. Fewer than three would say too little: for a shift that is known, give the same pair three times.
    """

    handle_factor: float = 1
    days: Sequence[tuple[int, int] | None] = ()

    def __post_init__(self) -> None:
        _number(self.handle_factor, "handle_factor", 0.01, 100)
        if len(self.days) != 0 and not DAYS_MIN <= len(self.days) <= DAYS_MAX:
            raise ValueError(
                f"days: {len(self.days)} of them will not do; none, or {DAYS_MIN} to {DAYS_MAX} are wanted"
            )
        for index, day in enumerate(self.days):
            if day is not None:
                _check_day(day, f"days[{index}]")


def _check_day(day: object, name: str) -> None:
    whole = isinstance(day, tuple) and len(day) == 2 and all(type(time_s) is int for time_s in day)
    if not whole:
        raise TypeError(f"{name}: {day!r} will not do; None or a pair of whole seconds is wanted")
    assert isinstance(day, tuple)
    comes_s, leaves_s = day
    if not -DAY_S <= comes_s < leaves_s <= DAY_S:
        raise ValueError(
            f"{name}: {day!r} will not do; {-DAY_S} or more, and then a later time up to {DAY_S} is wanted"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """All that is assumed.

    `queues`: by name; each queue that has calls must be there. `agents`: by name, of whom something special is known.
    `ring`: from an offer to its answer, where the queue makes offers. `reject`, `no_answer`: the chances that an
    offer is rejected after the ring, or left until it expires; together below 1. `not_ready`: how long agents stay
    not ready; None: for good. `break_chance`: that an agent who has finished a call goes not ready. `return_lag`:
    given where an outside system decides and the engine follows by forced assignments (shadow mode): how long a free
    agent takes to get a call while one waits, counted from when the agent became free. Then queues count as not
    paused, and `ring`, `reject`, `no_answer` and wrap-ups as part of the lag.
    """

    queues: Mapping[str, QueueAssumptions]
    agents: Mapping[str, AgentAssumptions] = field(default_factory=dict)
    ring: Lifetime = Fixed(length_us=0)
    reject: float = 0
    no_answer: float = 0
    not_ready: Lifetime | None = None
    break_chance: float = 0
    return_lag: Lifetime | None = None

    def __post_init__(self) -> None:
        for name, queue in self.queues.items():
            if not isinstance(queue, QueueAssumptions):
                raise TypeError(f"queues: {name!r}: {queue!r} will not do; QueueAssumptions(...) is wanted")
        for name, agent in self.agents.items():
            if not isinstance(agent, AgentAssumptions):
                raise TypeError(f"agents: {name!r}: {agent!r} will not do; AgentAssumptions(...) is wanted")
        _lifetime(self.ring, "ring", may_be_endless=False)
        _lifetime(self.not_ready, "not_ready")
        _lifetime(self.return_lag, "return_lag")
        for name in ("reject", "no_answer", "break_chance"):
            _chance(getattr(self, name), name)
        if not math.fsum((self.reject, self.no_answer)) < 1:
            raise ValueError(
                f"reject: with no_answer it is {self.reject + self.no_answer:g}; together below 1 is wanted"
            )
