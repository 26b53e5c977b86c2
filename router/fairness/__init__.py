"""The fairness contract as a checker over recorded commands and events; it shares no code with the engine."""

from router.fairness.checker import Checker, check
from router.fairness.report import Point, Report, Violation

__all__ = ["Checker", "Point", "Report", "Violation", "check"]
