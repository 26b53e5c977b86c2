"""The calls that are scored: what was said of each on its arrival, and what came of it, as columns of numbers.

Invariant: row n of every column is the same call; what nobody could say is NaN.
"""

from __future__ import annotations

from array import array
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from router.wait.scoring.scores import Floats

UNKNOWN: Final = float("nan")


class ScoredCalls(msgspec.Struct, frozen=True):
    """Columns. `les_low_s` and so on: LES made conformal; `kinds` are the types by place, `methods` the methods."""

    days: tuple[str, ...]
    kinds: tuple[str, ...]
    methods: tuple[str, ...]
    day: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    method: npt.NDArray[np.int64]
    arrived_s: Floats
    waited_s: Floats
    answered: npt.NDArray[np.bool_]
    values: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.waited_s)

    @property
    def hour(self) -> npt.NDArray[np.int64]:
        """Return the hour of each call's arrival."""
        return self.arrived_s.astype(np.int64) // 3600 % 24

    def only(self, rows: npt.NDArray[np.bool_]) -> ScoredCalls:
        """Return the calls that a mask picks."""
        picked = {
            name: getattr(self, name)[rows] for name in ("day", "kind", "method", "arrived_s", "waited_s", "answered")
        }
        return msgspec.structs.replace(self, values={name: each[rows] for name, each in self.values.items()}, **picked)


POINTS: Final = ("mean_s", "les_s", "hol_s", "average_s", "same_length_s", "mean_by_type_s")
QUANTILES: Final = ("p10_s", "p50_s", "p80_s", "p90_s", "low_s", "high_s", "les_p10_s", "les_p50_s", "les_p90_s")


class Collector:
    """Makes `ScoredCalls`, call by call."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, int]] = {"day": {}, "kind": {}, "method": {}}
        self._places = {name: array("q") for name in self._names}
        self._values = {name: array("d") for name in ("arrived_s", "waited_s", "answered", *POINTS, *QUANTILES)}

    def __len__(self) -> int:
        return len(self._values["waited_s"])

    def add(self, day: str, kind: str, method: str, **values: float) -> None:
        """Add a call; all columns must be given."""
        for name, word in (("day", day), ("kind", kind), ("method", method)):
            known = self._names[name]
            self._places[name].append(known.setdefault(word, len(known)))
        for name, column in self._values.items():
            column.append(values[name])

    def close(self) -> ScoredCalls:
        """Return what was collected."""
        values = {
            name: np.frombuffer(column, np.float64) if column else np.zeros(0) for name, column in self._values.items()
        }
        places = {name: np.array(column, np.int64) for name, column in self._places.items()}
        return ScoredCalls(
            days=tuple(self._names["day"]),
            kinds=tuple(self._names["kind"]),
            methods=tuple(self._names["method"]),
            day=places["day"],
            kind=places["kind"],
            method=places["method"],
            arrived_s=values.pop("arrived_s"),
            waited_s=values.pop("waited_s"),
            answered=values.pop("answered") > 0,
            values=values,
        )
