"""Exact results for one agent whose handle times, or whose callers' intervals, are of any distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from scipy import optimize


class Moments(NamedTuple):
    """The first moments of a duration."""

    first: float
    second: float
    third: float

    def __add__(self, other: object) -> Moments:
        """Return the moments of the sum of two independent durations."""
        assert isinstance(other, Moments)
        return Moments(
            self.first + other.first,
            self.second + 2 * self.first * other.first + other.second,
            self.third + 3 * self.second * other.first + 3 * self.first * other.second + other.third,
        )


def deterministic(mean: float) -> Moments:
    return Moments(mean, mean**2, mean**3)


def exponential(mean: float) -> Moments:
    return Moments(mean, 2 * mean**2, 6 * mean**3)


def gamma(mean: float, cv: float) -> Moments:
    shape = cv**-2
    return Moments(mean, mean**2 * (shape + 1) / shape, mean**3 * (shape + 1) * (shape + 2) / shape**2)


def lognormal(mean: float, cv: float) -> Moments:
    spread = 1 + cv**2
    return Moments(mean, mean**2 * spread, mean**3 * spread**3)


def uniform(low: float, high: float) -> Moments:
    return Moments(*((high ** (k + 1) - low ** (k + 1)) / ((k + 1) * (high - low)) for k in (1, 2, 3)))


def geometric_sum(part: Moments, more: float) -> Moments:
    """Return the moments of a sum of N independent parts, N = 0, 1, … with P(N ≥ k) = more^k."""
    counts = Moments(more / (1 - more), 0.0, 0.0)
    pairs = 2 * (more / (1 - more)) ** 2  # E[N (N − 1)]
    triples = 6 * (more / (1 - more)) ** 3  # E[N (N − 1) (N − 2)]
    return Moments(
        counts.first * part.first,
        counts.first * part.second + pairs * part.first**2,
        counts.first * part.third + 3 * pairs * part.first * part.second + triples * part.first**3,
    )


def wait_mean(arrivals: float, service: Moments) -> float:
    """Return the mean wait of M/G/1 in any order that is blind to handle times (Pollaczek 1930, Khinchine 1932)."""
    return arrivals * service.second / (2 * (1 - arrivals * service.first))


def wait_square_mean(arrivals: float, service: Moments) -> float:
    """Return E[wait²] of M/G/1, first come, first served (Takács 1962)."""
    return 2 * wait_mean(arrivals, service) ** 2 + arrivals * service.third / (3 * (1 - arrivals * service.first))


def constant_service_within(arrivals: float, service: float, time: float) -> float:
    """Return P(wait ≤ time) of M/D/1, first come, first served (Erlang 1909; Crommelin 1932)."""
    terms = (arrivals * (k * service - time) for k in range(int(time / service) + 1))
    return (1 - arrivals * service) * math.fsum(x**k / math.factorial(k) * math.exp(-x) for k, x in enumerate(terms))


def class_waits(arrivals: Sequence[float], services: Sequence[Moments]) -> list[float]:
    """Return each class's mean wait in M/G/1 with strict classes that do not interrupt (Cobham 1954)."""
    residual = math.fsum(rate * service.second / 2 for rate, service in zip(arrivals, services, strict=True))
    loads = [rate * service.first for rate, service in zip(arrivals, services, strict=True)]
    below = [math.fsum(loads[:k]) for k in range(len(loads) + 1)]
    return [residual / ((1 - below[k]) * (1 - below[k + 1])) for k in range(len(loads))]


def renewal_delayed(transform: Callable[[float], float], service: float) -> float:
    """Return P(wait) of GI/M/1, the root σ of σ = A*(μ (1 − σ)) (Kendall 1953).

    A wait above 0 is exponential with rate μ (1 − σ). `transform` is the Laplace transform of the time between calls.
    """
    return float(optimize.brentq(lambda sigma: sigma - transform(service * (1 - sigma)), 0.0, 1 - 1e-9))
