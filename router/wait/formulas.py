"""Wait formulas of queueing theory. Rates and waits share one unit of time, whichever it is."""

from __future__ import annotations

import math
from typing import Final

EXACT_TERMS: Final = 64


def ql_modified(ahead: int, servers: int, service_rate: float, patience_rate: float) -> float:
    """Return the mean wait of a patient caller with `ahead` calls in front: Σ_{i=0..n} 1 / (sμ + iθ).

    All `servers` (1 or more) are busy and serve at `service_rate` (above 0) each; every caller ahead gives up at
    `patience_rate` (0 or more). QLm of Ibrahim & Whitt (2009); without abandonment it is (n + 1) / (sμ).
    O(1): past 64 terms the sum is completed by the Euler-Maclaurin formula, with a relative error below 1e-9.
    """
    if ahead < 0 or servers < 1 or not 0 < service_rate < math.inf or not 0 <= patience_rate < math.inf:
        raise ValueError(
            f"ahead {ahead}, servers {servers}, service_rate {service_rate}, patience_rate {patience_rate}: "
            "0 or more, 1 or more, above 0 and 0 or more are right"
        )
    capacity = servers * service_rate
    if patience_rate == 0:
        return (ahead + 1) / capacity
    head = sum(1 / (capacity + place * patience_rate) for place in range(min(ahead + 1, EXACT_TERMS)))
    return head + _sum_tail(capacity, patience_rate, EXACT_TERMS, ahead)


def _sum_tail(capacity: float, patience_rate: float, first: int, last: int) -> float:
    if last < first:
        return 0.0
    low, high = capacity + first * patience_rate, capacity + last * patience_rate
    growth = (last - first) * patience_rate / low
    integral = (last - first) / low * (math.log1p(growth) / growth if growth else 1.0)
    ends = (1 / low + 1 / high) / 2
    slopes = patience_rate / 12 * (1 / low**2 - 1 / high**2)
    return integral + ends + slopes
