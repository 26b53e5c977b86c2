"""What a demo run brings back, for the report and for `--json`."""

from __future__ import annotations

import msgspec

from router.cli.demo_figures import DemoFigures
from router.engine.views import CallView, Decision


class EngineFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The work of the engine as the server measured it, and the round trips as the demo's client saw them."""

    commands: int
    decisions: int
    candidates_per_decision: float
    engine_s: float
    engine_us_per_decision: float
    rpc_p50_ms: float
    rpc_p99_ms: float


class Rerun(msgspec.Struct, frozen=True, kw_only=True):
    """The same commands at the same times in an engine of our own: do the same assignments come out?"""

    commands: int
    assignments: int
    same: bool
    engine_us_per_decision: float


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run. Times and shares are as in the parts; `real_s` is how long it took."""

    seed: int
    speed: float
    seconds: int
    real_s: float
    figures: DemoFigures
    engine: EngineFigures
    rerun: Rerun | None
    decision: Decision | None
    decided_call: CallView | None
