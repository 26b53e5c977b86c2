"""What an evaluation says: the scores of each forecast by group of calls, and where the intervals held and where not.

Invariant: within a group every forecast is scored on the same calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from router.wait.scoring.conformal import LEVEL_EDGES_S
from router.wait.scoring.scored_calls import ScoredCalls
from router.wait.scoring.scores import (
    Floats,
    PointScore,
    QuantileScore,
    score_point,
    score_quantiles,
    weigh_censored,
)

OURS: Final = "ours"
BIG_TYPES: Final = 5  # the types with the most calls get scores of their own

# name -> column of its mean
FORECASTS: Final = {
    OURS: "mean_s",
    "les": "les_s",
    "hol": "hol_s",
    "average_les": "average_s",
    "average_same_length": "same_length_s",
    "mean_by_type": "mean_by_type_s",
}
# name -> columns of its quantiles at 10, 50 and 90 %, and of its 80 % interval
QUANTILE_COLUMNS: Final = {
    OURS: (("p10_s", "p50_s", "p90_s"), ("low_s", "high_s")),
    "les": (("les_p10_s", "les_p50_s", "les_p90_s"), ("les_p10_s", "les_p90_s")),
}
STATED: Final = ((0.1, "p10_s"), (0.5, "p50_s"), (0.8, "p80_s"), (0.9, "p90_s"))
Rows = npt.NDArray[np.bool_]


class ForecastScore(msgspec.Struct, frozen=True):
    """One forecast on a group of calls; `quantiles` where it gives any."""

    point: PointScore
    quantiles: QuantileScore | None = None


class GroupScore(msgspec.Struct, frozen=True):
    """Every forecast on one group of calls."""

    group: str
    calls: int
    mean_wait_s: float
    forecasts: dict[str, ForecastScore]


class Part(msgspec.Struct, frozen=True):
    """Our forecast on the calls of a part, such as an hour; `begins`: where it does, in seconds or hours."""

    begins: float
    calls: int
    mean_wait_s: float
    point: PointScore
    quantiles: QuantileScore | None


class StatedQuantile(msgspec.Struct, frozen=True):
    """How often waits lay at or below a quantile that should have that share below it."""

    stated: float
    held: float


class ScoreReport(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of answered calls that waited over a second, in groups: the big types together, all types, each big type.

    `censored`: the same weighted so that answered callers stand for those who gave up. `contradicted`: the share of
    callers who gave up having waited longer than the forecast's mean, by forecast; `abandoned`: how many gave up
    after a second. The rest is over the big types.
    """

    big_types: tuple[str, ...]
    served: tuple[GroupScore, ...]
    censored: tuple[GroupScore, ...]
    abandoned: int
    contradicted: dict[str, float]
    stated: tuple[StatedQuantile, ...]
    by_level: tuple[Part, ...]
    by_hour: tuple[Part, ...]
    by_day: dict[str, Part]
    methods: dict[str, int]

    @property
    def overall(self) -> GroupScore | None:
        """Return the scores over the big types."""
        return self.served[0] if self.served else None


def make_report(calls: ScoredCalls, big_types: Sequence[str], still_there: Floats) -> ScoreReport:
    """Score calls. `still_there`: for each, the chance that its caller's patience lasts as long as it waited."""
    in_big = np.isin(calls.kind, [calls.kinds.index(kind) for kind in big_types if kind in calls.kinds])
    big = calls.only(in_big & calls.answered)
    gone = calls.only(in_big & ~calls.answered)
    return ScoreReport(
        big_types=tuple(big_types),
        served=_score_groups(calls, big_types, np.ones(len(calls))),
        censored=_score_groups(calls, big_types, weigh_censored(still_there)),
        abandoned=len(gone),
        contradicted={
            name: float((gone.values[FORECASTS[name]] < gone.waited_s).mean()) for name in (OURS, "les") if len(gone)
        },
        stated=tuple(_score_stated(big)),
        by_level=_split(
            big, np.digitize(big.values["mean_s"], LEVEL_EDGES_S), lambda place: (0.0, *LEVEL_EDGES_S)[place]
        ),
        by_hour=_split(big, big.hour, float),
        by_day={big.days[int(part.begins)]: part for part in _split(big, big.day, float)},
        methods={name: int((big.method == place).sum()) for place, name in enumerate(calls.methods)},
    )


def count_big_types(counts: dict[str, int]) -> tuple[str, ...]:
    """Return the types with the most calls, the biggest first."""
    return tuple(sorted(counts, key=lambda kind: (-counts[kind], kind))[:BIG_TYPES])


def _score_groups(calls: ScoredCalls, big_types: Sequence[str], weights: Floats) -> tuple[GroupScore, ...]:
    kinds = {kind: calls.kind == calls.kinds.index(kind) for kind in big_types if kind in calls.kinds}
    everybody = np.ones(len(calls), dtype=bool)
    groups = {"big types": np.logical_or.reduce([~everybody, *kinds.values()]), "all types": everybody}
    groups |= {f"type {kind}": rows for kind, rows in kinds.items()}
    found = (
        _score_group(name, calls.only(rows & calls.answered), weights[rows & calls.answered])
        for name, rows in groups.items()
    )
    return tuple(group for group in found if group is not None)


def _score_group(name: str, calls: ScoredCalls, weights: Floats) -> GroupScore | None:
    if not len(calls):
        return None
    forecasts = {}
    for forecast, column in FORECASTS.items():
        point = score_point(calls.waited_s, calls.values[column], weights)
        assert point is not None
        forecasts[forecast] = ForecastScore(point, _score_quantiles(calls, forecast, weights))
    return GroupScore(name, len(calls), float(np.average(calls.waited_s, weights=weights)), forecasts)


def _score_quantiles(calls: ScoredCalls, forecast: str, weights: Floats | None = None) -> QuantileScore | None:
    """Score a forecast's quantiles on the calls of which all forecasts have some."""
    if forecast not in QUANTILE_COLUMNS:
        return None
    known = np.ones(len(calls), dtype=bool)
    for names, interval in QUANTILE_COLUMNS.values():
        known &= np.isfinite([calls.values[name] for name in (*names, *interval)]).all(axis=0)
    calls = calls.only(known)
    names, interval = QUANTILE_COLUMNS[forecast]
    return score_quantiles(
        calls.waited_s,
        np.stack([calls.values[name] for name in names], axis=1),
        calls.values[interval[0]],
        calls.values[interval[1]],
        None if weights is None else weights[known],
    )


def _score_stated(calls: ScoredCalls) -> list[StatedQuantile]:
    found = []
    for stated, column in STATED:
        known = np.isfinite(calls.values[column])
        if known.any():
            held = (calls.waited_s[known] <= calls.values[column][known]).mean()
            found.append(StatedQuantile(stated, float(held)))
    return found


def _split(calls: ScoredCalls, places: npt.NDArray[np.int64], begins: Callable[[int], float]) -> tuple[Part, ...]:
    parts = []
    for place in np.unique(places).tolist():
        part = calls.only(places == place)
        point = score_point(part.waited_s, part.values["mean_s"])
        assert point is not None
        mean_s = float(part.waited_s.mean())
        parts.append(Part(begins(place), len(part), mean_s, point, _score_quantiles(part, OURS)))
    return tuple(parts)
