"""Scored calls for the tests, by hand."""

from __future__ import annotations

from router.wait.scoring import Collector, ScoredCalls

FORECAST_S = {"mean_s": 60.0, "les_s": 50.0, "hol_s": 40.0, "average_s": 30.0, "same_length_s": 20.0}


def collect(rows: list[dict[str, object]]) -> ScoredCalls:
    """Return calls of which LES says 50 s, HOL 40, Avg-LES 30, AvgC 20, the mean by type 70, and we `mean` or 60."""
    collector = Collector()
    for row in rows:
        mean = float(row.get("mean", 60.0))  # type: ignore[arg-type]
        known = row.get("quantiles", True)
        collector.add(
            str(row.get("day", "2024-03-04")),
            str(row.get("type", "5")),
            str(row.get("method", "corrected")),
            arrived_s=float(row.get("arrived", 36_000.0)),  # type: ignore[arg-type]
            waited_s=float(row["waited"]),  # type: ignore[arg-type]
            answered=bool(row.get("answered", True)),
            **{**FORECAST_S, "mean_s": mean, "mean_by_type_s": 70.0},
            p10_s=mean / 2 if known else float("nan"),
            p50_s=mean,
            p80_s=mean * 1.5,
            p90_s=mean * 2,
            low_s=mean / 2,
            high_s=mean * 1.6,
            les_p10_s=10.0,
            les_p50_s=50.0,
            les_p90_s=90.0,
        )
    return collector.close()
