"""Two scenarios on common random numbers: the differences B − A of runs with the same number, with their intervals.

Invariant: a difference is one observation of a pair, so whatever both runs share cancels out before it is averaged.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from router.simulation.scenario.model import Callers, Scenario
from router.simulation.student import Estimate, estimate
from router.simulation.summary import Estimates, Scope, Summary


class SharedCallers(msgspec.Struct, frozen=True, kw_only=True):
    """Which callers two scenarios share. The `same` ones meet both with the same arrivals, work and patience."""

    same: tuple[str, ...]
    changed: tuple[str, ...]  # in both under one name, with another definition
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Estimates of A, of B, and of the paired difference B − A for what both have."""

    a: Summary
    b: Summary
    difference: Summary
    callers: SharedCallers


def align(a: Scenario, b: Scenario) -> Scenario:
    """Return B with A's seed, replications, length, warm-up and ending, so that its runs pair with A's."""
    return msgspec.structs.replace(
        b, seed=a.seed, replications=a.replications, length_us=a.length_us, warm_up_us=a.warm_up_us, ending=a.ending
    )


def compare(a: Summary, b: Summary, callers: SharedCallers) -> Comparison:
    """Return the paired comparison of two summaries of as many runs, of the same numbers in the same order."""
    if a.replications != b.replications:
        problem = f"{a.replications} and {b.replications} runs do not pair"
        raise ValueError(f"{problem}; the same replications of both, in the same order, are right")
    return Comparison(a=a, b=b, difference=subtract(b, a), callers=callers)


def subtract(b: Summary, a: Summary) -> Summary:
    """Return the paired differences of all that both have."""
    found = {
        scope.value: {
            name: _difference(estimates, a.subjects(scope)[name])
            for name, estimates in b.subjects(scope).items()
            if name in a.subjects(scope)
        }
        for scope in Scope
    }
    return Summary(replications=a.replications, overall=_difference(b.overall, a.overall), **found)


def _difference(b: Mapping[str, Estimate], a: Mapping[str, Estimate]) -> Estimates:
    return {name: estimate(_pairs(b[name], a[name])) for name in b if name in a}


def _pairs(b: Estimate, a: Estimate) -> list[float | None]:
    return [
        None if left is None or right is None else right - left for left, right in zip(a.values, b.values, strict=True)
    ]


def shared_callers(a: Scenario, b: Scenario) -> SharedCallers:
    """Say which callers of the two are the same. Where and how they are routed (queue, urgency, …) may differ."""
    ours, theirs = ({callers.name: callers for callers in scenario.callers} for scenario in (a, b))
    both = [name for name in ours if name in theirs]
    return SharedCallers(
        same=tuple(name for name in both if _behaviour(ours[name]) == _behaviour(theirs[name])),
        changed=tuple(name for name in both if _behaviour(ours[name]) != _behaviour(theirs[name])),
        only_a=tuple(name for name in ours if name not in theirs),
        only_b=tuple(name for name in theirs if name not in ours),
    )


def _behaviour(callers: Callers) -> Callers:
    """Return the callers without what concerns their routing alone."""
    plain = Callers(name="", queue="", arrivals=callers.arrivals, handle_time=callers.handle_time)
    routing = ("name", "queue", "channel", "urgency", "priority", "requirement", "known")
    return msgspec.structs.replace(callers, **{field: getattr(plain, field) for field in routing})
