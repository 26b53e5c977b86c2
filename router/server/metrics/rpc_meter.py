"""What RPCs come in, how they end and how long they take.

Keeps one invariant: methods and codes are those of the contract, so that nobody outside can make new series.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import grpc

from router.server.metrics import catalogue as m
from router.server.metrics.catalogue import Reading
from router.server.rpcs.rpc import STREAM, UNARY, WATCH
from router.server.tally import LATENCY_BOUNDS, PER_SECOND_NS, Buckets

KINDS: Final = (UNARY, STREAM, WATCH)
_UNKNOWN: Final = "unknown"


class RpcMeter:
    """Count RPCs."""

    def __init__(self) -> None:
        self._served: dict[str, int] = {}
        self._ended: dict[tuple[str, grpc.StatusCode], int] = {}
        self._times: dict[str, Buckets] = {}
        self._under_way = dict.fromkeys(KINDS, 0)

    @property
    def under_way(self) -> int:
        """How many unary RPCs are being served."""
        return self._under_way[UNARY]

    def begun(self, kind: str) -> None:
        """Learn that an RPC has begun."""
        self._under_way[kind] += 1

    def ended(self, kind: str, method: str, code: grpc.StatusCode, duration_ns: int) -> None:
        """Learn that an RPC has ended, and how."""
        self._under_way[kind] -= 1
        if code is grpc.StatusCode.OK:
            self._served[method] = self._served.get(method, 0) + 1
        else:
            self._count(method, code)
        if kind == UNARY:
            times = self._times.get(method)
            if times is None:
                times = self._times[method] = Buckets(LATENCY_BOUNDS, PER_SECOND_NS)
            times.add(duration_ns)

    def unknown(self) -> None:
        """Learn that somebody asked for a method that there is not."""
        self._count(_UNKNOWN, grpc.StatusCode.UNIMPLEMENTED)

    def readings(self) -> Iterator[Reading]:
        """Yield what was counted. O(methods)."""
        served = [((method, grpc.StatusCode.OK.name), count) for method, count in self._served.items()]
        ended = [((method, code.name), count) for (method, code), count in self._ended.items()]
        yield Reading(m.RPCS, served + ended)
        yield Reading(m.RPC_TIME, [((method,), times.distribution()) for method, times in self._times.items()])
        yield Reading(m.RPCS_UNDER_WAY, [((kind,), count) for kind, count in self._under_way.items()])

    def _count(self, method: str, code: grpc.StatusCode) -> None:
        key = (method, code)
        self._ended[key] = self._ended.get(key, 0) + 1
