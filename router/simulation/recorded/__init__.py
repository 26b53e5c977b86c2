"""Call logs: recorded days are read, planned and replayed through the engine.

Invariant: nothing here reads a clock or draws from a shared random state; a seed and a log fix every outcome.
"""

from __future__ import annotations

from router.simulation.recorded.behaviour import AgentBehaviour, Answer
from router.simulation.recorded.centre import SKILL_LEVEL, Centre, queue_name
from router.simulation.recorded.columns import sort_types
from router.simulation.recorded.day_plan import (
    DayPlan,
    DayPlanner,
    NothingToReplay,
    PlannedAgent,
    PlannedCall,
    Window,
    busiest_minutes,
    plan_day,
)
from router.simulation.recorded.day_run import DayRun, DaySimulation, run_day
from router.simulation.recorded.days import (
    DAY_METRICS,
    DayEstimates,
    ReplayedDay,
    compare_days,
    pool_log,
    pool_runs,
    replay_days,
)
from router.simulation.recorded.figures import (
    DayCallFigures,
    DayFigures,
    End,
    Ledger,
    Outcomes,
    Shift,
    figure_recording,
)
from router.simulation.recorded.idle_gaps import IdleGaps, measure_idle_gaps
from router.simulation.recorded.patience import PatienceCurve, PatienceModel
from router.simulation.recorded.readers import READERS
from router.simulation.recorded.recorded_day import (
    Log,
    Reader,
    RecordedCall,
    RecordedDay,
    RecordingError,
    UnknownDay,
    read_log,
)
from router.simulation.recorded.replay import EventHash, Replay, ReplayError, missing_queues, replay_settings
from router.simulation.recorded.vanad import read_vanad

__all__ = [
    "DAY_METRICS",
    "READERS",
    "SKILL_LEVEL",
    "AgentBehaviour",
    "Answer",
    "Centre",
    "DayCallFigures",
    "DayEstimates",
    "DayFigures",
    "DayPlan",
    "DayPlanner",
    "DayRun",
    "DaySimulation",
    "End",
    "EventHash",
    "IdleGaps",
    "Ledger",
    "Log",
    "NothingToReplay",
    "Outcomes",
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
    "ReplayedDay",
    "Shift",
    "UnknownDay",
    "Window",
    "busiest_minutes",
    "compare_days",
    "figure_recording",
    "measure_idle_gaps",
    "missing_queues",
    "plan_day",
    "pool_log",
    "pool_runs",
    "queue_name",
    "read_log",
    "read_vanad",
    "replay_days",
    "replay_settings",
    "run_day",
    "sort_types",
]
