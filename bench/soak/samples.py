"""What is measured each minute, the table of it, and whether it is flat.

Keeps one invariant: a verdict comes from the minutes after the warm-up only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

MIB = 1 << 20
MEMORY_GROWTH_MAX = 0.05
"""By how much memory may grow over the minutes that count, as a share."""
LATENCY_GROWTH_MAX = 1.5
LATENCY_SLACK_S = 0.010


class Sample(NamedTuple):
    """One minute."""

    minute: float
    commands_per_s: float
    unary_s: tuple[float, float, float]
    stream_s: tuple[float, float, float]
    lag_s: tuple[float, float, float]
    rejected: int
    errors: int
    memory_bytes: int
    journal_bytes: int
    sequence: int
    waiting: int
    behind_s: float


def percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the median, the 99th and the 99.9th percentile; zeros of nothing."""
    if not values:
        return 0.0, 0.0, 0.0
    p50, p99, p999 = np.percentile(values, (50, 99, 99.9))
    return float(p50), float(p99), float(p999)


def size_of(directory: Path) -> int:
    """Return the bytes in a directory."""
    return sum(path.stat().st_size for path in directory.iterdir() if path.is_file())


def table_of(samples: Sequence[Sample]) -> Table:
    """Return one row for each minute."""
    table = Table(title="soak: each row is one minute; latencies are p50 / p99 / p99.9 in ms, from the intended time")
    for name in (
        "minute", "commands/s", "unary", "stream", "watch lag", "rejected", "errors", "RSS MiB", "journal MiB",
        "sequence", "waiting", "driver late ms",
    ):  # fmt: skip
        table.add_column(name, justify="right", no_wrap=True)
    for one in samples:
        table.add_row(
            f"{one.minute:.1f}",
            f"{one.commands_per_s:,.0f}",
            *(" / ".join(f"{value * 1000:.1f}" for value in three) for three in (one.unary_s, one.stream_s, one.lag_s)),
            f"{one.rejected:,}",
            f"{one.errors:,}",
            f"{one.memory_bytes / MIB:.1f}",
            f"{one.journal_bytes / MIB:.1f}",
            f"{one.sequence:,}",
            f"{one.waiting:,}",
            f"{one.behind_s * 1000:.0f}",
        )
    return table


def faults_of(samples: Sequence[Sample], warm_up_minutes: float) -> list[str]:
    """Return what is not flat, or not well, in words; nothing if all is as it should be."""
    counted = [one for one in samples if one.minute > warm_up_minutes]
    if len(counted) < 3:
        return [f"only {len(counted)} minutes count after the warm-up of {warm_up_minutes:g}: 3 are wanted at least"]
    faults = []
    minutes = np.array([one.minute for one in counted])
    memory = np.array([one.memory_bytes for one in counted], dtype=float)
    slope = float(np.polyfit(minutes, memory, 1)[0])
    growth = slope * float(minutes[-1] - minutes[0]) / float(memory.mean())
    if growth > MEMORY_GROWTH_MAX:
        faults.append(f"memory grows by {growth:.1%} over {minutes[-1] - minutes[0]:.0f} minutes: at most 5 % is flat")
    third = len(counted) // 3
    for name in ("unary_s", "stream_s", "lag_s"):
        first = _middle([getattr(one, name)[1] for one in counted[:third]])
        last = _middle([getattr(one, name)[1] for one in counted[-third:]])
        if last > first * LATENCY_GROWTH_MAX + LATENCY_SLACK_S:
            faults.append(f"the p99 of {name} was {first * 1000:.1f} ms at first and is {last * 1000:.1f} ms at last")
    if errors := sum(one.errors for one in samples):
        faults.append(f"{errors} commands failed with what is no rule of the engine")
    return faults


def verdict_of(samples: Sequence[Sample], warm_up_minutes: float) -> str:
    """Return the figures of the minutes that count, in a sentence."""
    counted = [one for one in samples if one.minute > warm_up_minutes]
    memory: npt.NDArray[np.float64] = np.array([one.memory_bytes / MIB for one in counted])
    unary = np.array([one.unary_s[1] * 1000 for one in counted])
    stream = np.array([one.stream_s[1] * 1000 for one in counted])
    return (
        f"over the {len(counted)} minutes after the warm-up: memory {memory.min():.1f} to {memory.max():.1f} MiB, "
        f"p99 of a minute {unary.min():.1f} to {unary.max():.1f} ms unary, "
        f"{stream.min():.1f} to {stream.max():.1f} ms streamed, "
        f"{np.mean([one.commands_per_s for one in counted]):,.0f} commands/s"
    )


def print_table(samples: Sequence[Sample]) -> None:
    """Print the table, wide enough wherever it goes."""
    Console(width=190).print(table_of(samples))


def _middle(values: Sequence[float]) -> float:
    return float(np.median(values))
