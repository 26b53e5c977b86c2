"""Exact results for one line of callers in front of equal agents, with where each is from.

Rates are per unit of time, whatever the unit; times come out in that unit. `a` is the offered load λ ÷ μ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy
from numpy.typing import NDArray
from scipy import integrate, linalg, optimize, special

Floats = NDArray[numpy.float64]


def erlang_b(a: float, agents: int) -> float:
    """Return the share of calls lost when nobody can wait (Erlang 1917); for any handle time with that load."""
    blocked = 1.0
    for n in range(1, agents + 1):
        blocked = a * blocked / (n + a * blocked)
    return blocked


def erlang_c(a: float, agents: int) -> float:
    """Return the share of calls that wait when all wait as long as it takes (Erlang 1917)."""
    blocked = erlang_b(a, agents)
    return agents * blocked / (agents - a * (1 - blocked))


def wait_mean(arrivals: float, service: float, agents: int) -> float:
    """Return the mean wait of M/M/n, those included who do not wait."""
    return erlang_c(arrivals / service, agents) / (agents * service - arrivals)


def wait_beyond(arrivals: float, service: float, agents: int, time: float) -> float:
    """Return P(wait > time) of M/M/n, first come, first served."""
    return erlang_c(arrivals / service, agents) * math.exp(-(agents * service - arrivals) * time)


def wait_quantile(arrivals: float, service: float, agents: int, share: float) -> float:
    """Return the wait that this share of all calls does not exceed: M/M/n, first come, first served."""
    delayed = erlang_c(arrivals / service, agents)
    return max(0.0, math.log(delayed / (1 - share)) / (agents * service - arrivals))


class Line(NamedTuple):
    """Steady state of a line; waits are of all who call, blocked ones with 0, or of those who are served."""

    delayed: float
    blocked: float
    abandoned: float
    wait_all: float
    wait_served: float
    waiting: float
    busy: float  # mean number of busy agents


def markov_line(arrivals: float, service: float, agents: int, patience: float = 0.0, places: int | None = None) -> Line:
    """Return M/M/n+M with so many places to wait (None: no bound), from its birth-death process.

    `patience` is the rate at which each who waits gives up: Erlang A (Palm 1946); 0 is M/M/n/n+places.
    """
    places = 5000 if places is None else places
    chances = [1.0]
    for n in range(1, agents + places + 1):
        chances.append(chances[-1] * arrivals / (min(n, agents) * service + max(0, n - agents) * patience))
        if n > agents and chances[-1] < 1e-18 * max(chances):
            break
    whole = math.fsum(chances)
    chances = [chance / whole for chance in chances]
    full = chances[-1] if len(chances) == agents + places + 1 else 0.0
    waiting = math.fsum((n - agents) * chance for n, chance in enumerate(chances) if n > agents)
    served, wait = _served_from(chances[agents:], agents * service, patience, full)
    idle = math.fsum(chances[:agents])
    return Line(
        delayed=math.fsum(chances[agents:]) - full,
        blocked=full,
        abandoned=patience * waiting / arrivals,
        wait_all=waiting / arrivals,
        wait_served=wait / (idle + served),
        waiting=waiting,
        busy=math.fsum(min(n, agents) * chance for n, chance in enumerate(chances)),
    )


def _served_from(chances: Sequence[float], service: float, patience: float, full: float) -> tuple[float, float]:
    """Return P(waits and is served) and E[wait; served] of a call by how many wait ahead of it."""
    share, wait, ahead_share, ahead_wait = 0.0, 0.0, 1.0, 0.0
    for ahead, chance in enumerate(chances):
        forward = service + ahead * patience
        ahead_share *= forward / (forward + patience)
        ahead_wait = (ahead_share + forward * ahead_wait) / (forward + patience)
        seen = chance - (full if ahead == len(chances) - 1 else 0.0)
        share += seen * ahead_share
        wait += seen * ahead_wait
    return share, wait


class Impatience(NamedTuple):
    """What impatience does to a line."""

    delayed: float
    abandoned: float
    wait_all: float


def general_patience(
    arrivals: float, service: float, agents: int, survival: Callable[[Floats], Floats], horizon: float
) -> Impatience:
    """Return M/M/n+G for patience of any distribution (Zeltyn & Mandelbaum 2005, section 4).

    `survival` is P(patience > t); beyond `horizon` nothing of weight happens. A constant patience is a wait limit.
    """
    grid = numpy.linspace(0.0, horizon, 400_001)
    patient = integrate.cumulative_trapezoid(survival(grid), grid, initial=0.0)  # H(x) = ∫ survival
    weight = numpy.exp(arrivals * patient - agents * service * grid)
    whole = float(integrate.simpson(weight, x=grid))
    a = arrivals / service
    terms = (math.lgamma(agents) - math.lgamma(n + 1) + (n + 1 - agents) * math.log(a) for n in range(agents))
    bottom = math.fsum(math.exp(term) for term in terms) + arrivals * whole
    return Impatience(
        delayed=arrivals * whole / bottom,
        abandoned=(1 + (arrivals - agents * service) * whole) / bottom,
        wait_all=arrivals * float(integrate.simpson(patient * weight, x=grid)) / bottom,
    )


def class_waits(arrivals: Sequence[float], service: float, agents: int) -> list[float]:
    """Return each class's mean wait in M/M/n with strict classes that do not interrupt (Cobham 1954)."""
    top = erlang_c(sum(arrivals) / service, agents) / (agents * service)
    below = [math.fsum(arrivals[:k]) / (agents * service) for k in range(len(arrivals) + 1)]
    return [top / ((1 - below[k]) * (1 - below[k + 1])) for k in range(len(arrivals))]


def ageing_waits(arrivals: Sequence[float], slopes: Sequence[float], service: float, agents: int) -> list[float]:
    """Return each class's mean wait in M/M/n when who has the largest slope × wait goes first (Kleinrock 1964).

    Delay-dependent priorities: slopes must fall. Kleinrock's recursion, with the load of n agents and P(wait) ÷ (nμ)
    in place of one server's residual time.
    """
    capacity = agents * service
    load = sum(arrivals) / capacity
    residual = erlang_c(sum(arrivals) / service, agents) / capacity
    waits: list[float] = [0.0] * len(arrivals)
    for k in reversed(range(len(arrivals))):
        lower = range(k + 1, len(arrivals))
        top = residual / (1 - load) - sum(
            arrivals[i] / capacity * waits[i] * (1 - slopes[i] / slopes[k]) for i in lower
        )
        waits[k] = top / (1 - sum(arrivals[i] / capacity * (1 - slopes[k] / slopes[i]) for i in range(k)))
    return waits


def last_come_beyond(arrivals: float, service: float, agents: int, time: float) -> float:
    """Return P(wait > time | waits) of M/M/n, last come, first served: a busy period of M/M/1 with service nμ."""
    rate = agents * service
    root = math.sqrt(arrivals / rate)

    def density(t: float) -> float:
        spread = 2 * t * math.sqrt(arrivals * rate)
        return float(math.exp(spread - (arrivals + rate) * t) * special.ive(1, spread) / (t * root))

    horizon = 500 / (math.sqrt(rate) - math.sqrt(arrivals)) ** 2
    edges = [horizon * 2.0**k for k in range(-20, 1)]
    parts = [(max(low, time), high) for low, high in pairwise([0.0, *edges]) if high > time]
    return math.fsum(integrate.quad(density, low, high)[0] for low, high in parts)


class RandomOrder:
    """The wait of a call that waits in M/M/n when any of those who wait is next, each as likely (Vaulot 1946).

    The line that it waits in, with it in it, is a Markov chain until it is taken; cut at `line_max`.
    """

    def __init__(self, arrivals: float, service: float, agents: int, line_max: int = 300) -> None:
        rate, load = agents * service, arrivals / (agents * service)
        others = numpy.arange(line_max)
        chain = numpy.diag(numpy.full(line_max - 1, arrivals), 1) - numpy.diag(numpy.full(line_max, arrivals + rate))
        self._chain = chain + numpy.diag(rate * others[1:] / (others[1:] + 1), -1)
        self._found = (1 - load) * load**others

    def beyond(self, time: float) -> float:
        """Return P(wait > time)."""
        return float(self._found @ linalg.expm(self._chain * time).sum(axis=1))

    def moments(self) -> tuple[float, float]:
        """Return the mean and the mean square."""
        mean = linalg.solve(-self._chain, numpy.ones(len(self._found)))
        return float(self._found @ mean), float(2 * self._found @ linalg.solve(-self._chain, mean))


def quantile(beyond: Callable[[float], float], share: float, time_max: float) -> float:
    """Return the time at which `beyond` falls to 1 − share."""
    return float(optimize.brentq(lambda time: beyond(time) - (1 - share), 1e-9, time_max, xtol=1e-6, rtol=1e-6))


def wait_square_mean(arrivals: float, service: float, order: str) -> float:
    """Return E[wait²] of M/M/1: first come ("first"), random order ("random") or last come ("last") (Kingman 1962)."""
    load = arrivals / service
    first = 2 * load / (service * (1 - load)) ** 2
    return {"first": first, "random": first * 2 / (2 - load), "last": first / (1 - load)}[order]


def growing_busy(rates: Sequence[float], period: float, service: float) -> list[float]:
    """Return the mean number in service over each period of M(t)/M/∞ that starts empty (Eick, Massey & Whitt 1993)."""
    means, busy = [], 0.0
    for rate in rates:
        settled = rate / service
        decay = (1 - math.exp(-service * period)) / (service * period)
        means.append(settled + (busy - settled) * decay)
        busy = settled + (busy - settled) * math.exp(-service * period)
    return means
