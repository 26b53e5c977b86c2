"""What there is to read of wait estimates: counts of the estimation room, and how well intervals held.

Keeps one invariant: reading costs O(queues) and asks the predictor for counts only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.server.metrics import catalogue as m
from router.server.metrics.catalogue import Reading, single
from router.server.shell import Shell


def estimate_readings(shell: Shell) -> Iterator[Reading]:
    """Yield everything about estimates and shadow mode."""
    meter = shell.estimation.meter
    yield _by(m.ESTIMATES, meter.estimates)
    native = shell.estimation.predicting.native
    coverages = {"futures": native.coverage, "learned": native.coverage_learned}
    lately = {method: coverage.lately for method, coverage in coverages.items() if coverage.lately is not None}
    yield _by(m.COVERAGE, lately)
    yield _by(m.COVERAGE_CALLS, {method: coverage.counted for method, coverage in coverages.items()})
    yield _by(m.ANNOUNCEMENTS, meter.announcements)
    yield _by(m.ESTIMATE_OVERFLOWS, {name: meter.overflowed.get(name, 0) for name in shell.engine.settings.queues})
    yield _by(m.FUTURE_SETS, meter.sets)
    yield single(m.FUTURES, meter.futures)
    yield single(m.FUTURES_LAST, meter.futures_last)
    yield single(m.FUTURE_SET_TIME, meter.set_times.distribution())
    yield single(m.FUTURE_SET_PAUSE, meter.pauses.distribution())
    yield single(m.FUTURE_SET_AGE, meter.newest_age_s)
    yield single(m.WAIT_WATCHERS, len(shell.wait_hub))
    agreed = {True: 0, False: 0} if shell.shadow is None else shell.shadow.agreed
    yield Reading(m.SHADOW, [(("yes" if is_agreed else "no",), count) for is_agreed, count in agreed.items()])


def _by(metric: m.Metric, values: dict[str, Any]) -> Reading:
    return Reading(metric, [((name,), value) for name, value in values.items()])
