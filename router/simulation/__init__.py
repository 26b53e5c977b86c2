"""Virtual time around the same engine: recorded days are read, planned and replayed.

Invariant: nothing here reads a clock or draws from a shared random state; a seed and a log fix every outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from router.simulation.behaviour import AgentBehaviour, Answer
from router.simulation.centre import SKILL_LEVEL, Centre, queue_name
from router.simulation.day_plan import (
    DayPlan,
    NothingToReplay,
    PlannedAgent,
    PlannedCall,
    Window,
    busiest_minutes,
    plan_day,
)
from router.simulation.figures import CallFigures, DayFigures, Ledger, figure_recording
from router.simulation.idle_gaps import IdleGaps, measure_idle_gaps
from router.simulation.patience import PatienceCurve, PatienceModel
from router.simulation.recorded_day import Log, Reader, RecordedCall, RecordedDay, RecordingError, UnknownDay, read_log
from router.simulation.replay import EventHash, Happening, Replay, ReplayError, missing_queues, replay_settings
from router.simulation.vanad import read_vanad

READERS: Final[Mapping[str, Reader]] = {"vanad": read_vanad}  # formats of call logs by name

__all__ = [
    "READERS",
    "SKILL_LEVEL",
    "AgentBehaviour",
    "Answer",
    "CallFigures",
    "Centre",
    "DayFigures",
    "DayPlan",
    "EventHash",
    "Happening",
    "IdleGaps",
    "Ledger",
    "Log",
    "NothingToReplay",
    "PatienceCurve",
    "PatienceModel",
    "PlannedAgent",
    "PlannedCall",
    "Reader",
    "RecordedCall",
    "RecordedDay",
    "RecordingError",
    "Replay",
    "ReplayError",
    "UnknownDay",
    "Window",
    "busiest_minutes",
    "figure_recording",
    "measure_idle_gaps",
    "missing_queues",
    "plan_day",
    "queue_name",
    "read_log",
    "read_vanad",
    "replay_settings",
]
