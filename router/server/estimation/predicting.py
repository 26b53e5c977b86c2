"""The predictor, so guarded that no fault of it can harm routing.

Keeps one invariant: no exception gets out but for what is wrong with a question; each kind of fault is logged once.
"""

from __future__ import annotations

import logging
import sys

from router.engine import Engine
from router.engine.commands import Enqueue
from router.engine.errors import CorruptSnapshot, EngineError
from router.wait import Predictor, WaitEstimate

logger = logging.getLogger(__name__)

NOBODY_KNOWS = WaitEstimate("none", None, None, 0)


class Predicting:
    """Learn from each command of an engine, and estimate at once, without futures."""

    def __init__(self, engine: Engine, *, shadow: bool, time_zone: str) -> None:
        self.native = Predictor(engine, shadow=shadow, time_zone=time_zone)
        self._logged: set[str] = set()

    def observe(self) -> None:
        """Learn of the command that the engine has just carried out."""
        try:
            self.native.observe()
        except Exception:
            self.not_learnt()

    def not_learnt(self) -> None:
        """Report the exception under way, which learning of a command has raised."""
        self.report("wait prediction could not learn from a command; routing goes on")

    def quick(self, of: str | Enqueue, now_us: int) -> WaitEstimate:
        """Estimate without futures. Raises `UnknownName` and `InvalidCommand`."""
        try:
            return self.native.quick(of, now_us)
        except EngineError:
            raise
        except Exception:
            self.report("a wait could not be estimated")
            return NOBODY_KNOWS

    def settled(self, of: str | Enqueue, now_us: int) -> WaitEstimate | None:
        """Return the estimate where futures could tell no more, else None. Raises `UnknownName`, `InvalidCommand`."""
        try:
            return self.native.settled(of, now_us)
        except EngineError:
            raise
        except Exception:
            self.report("a wait could not be estimated")
            return NOBODY_KNOWS

    def part(self) -> object:
        """Return what was learnt as a part of a snapshot, which is empty if it cannot be saved."""
        return self.native.part()

    def not_saved(self) -> None:
        """Report that what was learnt could not be saved."""
        self.report("what wait prediction has learnt could not be saved")

    def restore(self, content: bytes) -> None:
        """Go on with what was learnt before, as far as it can be read."""
        if not content:
            return
        try:
            self.native.restore(content)
        except CorruptSnapshot as error:
            logger.warning("what wait prediction had learnt cannot be read, and it starts anew: %s", error)

    def report(self, what: str) -> None:
        """Log it, with the exception under way if there is one, unless its like was logged before."""
        if what not in self._logged:
            self._logged.add(what)
            logger.error("%s; this is logged once", what, exc_info=sys.exc_info()[0] is not None)
