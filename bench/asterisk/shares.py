"""Who takes how long of the time from a freed agent to the next caller: the bridge and the router, or the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from bench.asterisk.story import Freed
from bench.asterisk.wire import Seen

_BUCKET = re.compile(r"skill_router_bridge_router_command_seconds_bucket\{(.*)\}")


def ours_ms(freed: Sequence[Freed], seen: Iterable[Seen]) -> list[float]:
    """Return for each change how long Asterisk waited for the bridge, and so for the router, as seen on the wire.

    From the packet that tells of the hangup to the one that asks for the next telephone, and from the one that tells
    of its answer to the one that asks for both to be mixed.
    """
    first: dict[tuple[str, str], float] = {}
    for at_s, what, leg in seen:
        first.setdefault((what, leg), at_s)
    return [
        (first["originate", one.leg.channel] - first["hangup", one.before.channel]) * 1e3
        + (first["mix", one.leg.channel] - first["answered", one.leg.channel]) * 1e3
        for one in freed
    ]


def command_ms(metrics: Mapping[str, float], command: str, shares: Sequence[float]) -> list[float]:
    """Return quantiles of how long the router took for a command, as the bridge has measured it, within its buckets."""
    found = (_BUCKET.fullmatch(name) for name in metrics)
    buckets = sorted(
        (float(labels["le"]), metrics[match[0]])
        for match in found
        if match is not None and (labels := dict(re.findall(r'(\w+)="([^"]*)"', match[1])))["command"] == command
        if labels["outcome"] == "Applied"
    )
    return [_quantile(buckets, share * buckets[-1][1]) * 1e3 for share in shares]


def _quantile(buckets: Sequence[tuple[float, float]], rank: float) -> float:
    below, before = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            return below + (bound - below) * (rank - before) / (count - before)
        below, before = bound, count
    return below
