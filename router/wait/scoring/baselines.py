"""What delay history alone would have said: LES, HOL, Avg-LES, AvgC and the mean by type.

Definitions as in Ibrahim & Whitt (2009) and Thiongane, Chan & L'Ecuyer (2015). Independent of the predictor that they
are compared with. Invariant: what is said at a moment follows from what was told before it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Final

import msgspec

AVERAGED: Final = 10  # answered calls that Avg-LES and AvgC average
WAITED_MIN_S: Final = 1.0  # who was answered sooner did not wait: no part of averages


class DelayBaselines(msgspec.Struct, frozen=True):
    """What each says, in seconds; None where it has nothing to go by.

    `les`: the wait of the last answered call of the type. `hol`: how long the first of the type in line has waited, 0
    if nobody waits. `average`: mean of the last 10 answered that waited over a second. `same_length`: the same among
    those that found as many of their type waiting.
    """

    les: float | None
    hol: float
    average: float | None
    same_length: float | None


class _OfType:
    """Today's history of one type."""

    def __init__(self) -> None:
        self.waiting: dict[int, float] = {}  # call -> arrival, in order of arrival
        self.les: float | None = None
        self.last: deque[float] = deque(maxlen=AVERAGED)
        self.by_length: defaultdict[int, deque[float]] = defaultdict(lambda: deque(maxlen=AVERAGED))
        self.found: dict[int, int] = {}


class DelayHistory:
    """Follows the calls of one day; `forget` it in the morning. Times in seconds. O(1) a step."""

    def __init__(self) -> None:
        self._types: defaultdict[str, _OfType] = defaultdict(_OfType)

    def forget(self) -> None:
        """Begin a new day, with nothing."""
        self._types.clear()

    def arrive(self, call: int, kind: str, time_s: float) -> DelayBaselines:
        """Take a call in and return what is said of it. It does not count itself."""
        own = self._types[kind]
        length = len(own.waiting)
        said = DelayBaselines(
            les=own.les,
            hol=time_s - next(iter(own.waiting.values())) if own.waiting else 0.0,
            average=_mean(own.last),
            same_length=_mean(own.by_length[length]) if length in own.by_length else None,
        )
        own.waiting[call] = time_s
        own.found[call] = length
        return said

    def answer(self, call: int, kind: str, time_s: float) -> None:
        """An agent has the call."""
        own = self._types[kind]
        waited_s = time_s - own.waiting.pop(call)
        length = own.found.pop(call)
        own.les = waited_s
        if waited_s > WAITED_MIN_S:
            own.last.append(waited_s)
            own.by_length[length].append(waited_s)

    def give_up(self, call: int, kind: str) -> None:
        """The caller is gone."""
        own = self._types[kind]
        del own.waiting[call], own.found[call]


class MeanByType:
    """The mean wait of the answered that waited over a second, by type; of all types where a type has none yet."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._all = [0.0, 0.0]

    def learn(self, kind: str, waited_s: float) -> None:
        """Count an answered call."""
        for sums in (self._sums[kind], self._all):
            sums[0] += 1
            sums[1] += waited_s

    def say(self, kind: str) -> float:
        """Return the mean of a type in seconds; 0 before anybody was answered."""
        count, total = self._sums.get(kind, self._all)
        return total / count if count else 0.0


def _mean(values: deque[float]) -> float | None:
    return sum(values) / len(values) if values else None
