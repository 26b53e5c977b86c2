"""The demo's commands once more, in an engine of our own: the same commands at the same times give the same events."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from router.cli.demo_result import Rerun
from router.engine import CallAssigned, Command, Engine, Event, Result, Settings


def run_again(
    settings: Settings, start_us: int, commands: Iterable[tuple[Result, Command]], seen: Sequence[Event]
) -> Rerun:
    """Apply what the server applied, in its order and at its times, and compare the assignments with those seen.

    The server also woke up for deadlines in between; the engine here fires them on its own, each at its own time.
    """
    engine = Engine(settings, time_us=start_us)
    ordered = sorted(commands, key=lambda entry: entry[0].sequence)
    events: list[Event] = []
    started_ns = time.perf_counter_ns()
    for result, command in ordered:
        events += engine.apply(command, result.time_us)
    if seen:
        events += engine.advance(max(engine.time_us, seen[-1].time_us))
    elapsed_us = (time.perf_counter_ns() - started_ns) / 1000
    ours, theirs = assignments(events), assignments(seen)
    return Rerun(
        commands=len(ordered),
        assignments=len(ours),
        same=ours == theirs,
        engine_us_per_decision=elapsed_us / max(1, engine.statistics().decisions),
    )


def assignments(events: Iterable[Event]) -> list[tuple[int, int, str, str]]:
    """List who got which call when, under which offer number."""
    return [
        (event.time_us, event.offer, event.call, event.agent) for event in events if isinstance(event, CallAssigned)
    ]
