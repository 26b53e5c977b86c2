"""The checker: takes a history of commands and events in order, and reports what breaks the fairness contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from router.engine.commands import Command
from router.engine.events import Event
from router.engine.settings import Settings
from router.fairness.checks import Checks
from router.fairness.follower import Follower
from router.fairness.measures import jain_index, occupancy_of
from router.fairness.model import in_use_ppm
from router.fairness.report import Findings, Point, Report


class Checker:
    """Check a history as it is made or read, command by command, from an engine's beginning.

    `settings` are those that the engine was created with, None if its first Configure is part of the history. At most
    `violations_max` violations are kept; all are counted. Memory grows with live calls, agents and distinct
    requirements, not with the length of the history. A subclass may name other `checks_made_by`, to check more.
    """

    checks_made_by: type[Checks] = Checks

    def __init__(self, settings: Settings | None = None, *, violations_max: int = 1000) -> None:
        self._findings = Findings(violations_max)
        self._findings.sequence = 0 if settings is None else 1
        self.checks = self.checks_made_by(self._findings)
        self._picture = Follower(settings or Settings(), self._findings, self.checks.taken)
        self.checks.picture = self._picture

    def observe(self, time_us: int, command: Command, events: Sequence[Event]) -> None:
        """Take in one command with all the events that it brought. Raises `ValueError` if time goes backwards."""
        findings = self._findings
        if time_us < findings.time_us:
            raise ValueError(f"time {time_us} is before the last one, {findings.time_us}; give the history in order")
        sequence = events[0].sequence if events else findings.sequence + 1
        findings.sequence = sequence
        self._picture.begin(command, findings.time_us)
        self._picture.measures.commands += 1
        self._picture.measures.events += len(events)
        for event in events:
            if event.sequence != sequence or not findings.time_us <= event.time_us <= time_us:
                found = f"sequence {event.sequence} and time {event.time_us}"
                findings.add(Point.RULES, f"{type(event).__name__} has {found}, which is out of order")
            findings.time_us = max(findings.time_us, event.time_us)
            self._picture.follow(event)
        self._picture.end(time_us, events)
        findings.time_us = time_us
        self.checks.at_rest()

    def report(self) -> Report:
        """Return what was found so far. O(agents)."""
        picture, measures = self._picture, self._picture.measures
        for agent in picture.agents.values():
            measures.account(agent, in_use_ppm(agent, picture.settings), self._findings.time_us)
        occupancy = occupancy_of(picture.agents.values())
        return Report(
            violations=tuple(self._findings.kept),
            violation_counts=dict(sorted(self._findings.counts.items())),
            commands=measures.commands,
            events=measures.events,
            calls=measures.calls,
            offers=measures.offers,
            assignments=measures.assignments,
            forced=measures.forced,
            slips=measures.slips,
            skips=measures.skips,
            calls_overtaken=measures.calls_overtaken,
            calls_overtaking=measures.calls_overtaking,
            slips_max=measures.slips_max,
            occupancy=occupancy,
            jain=jain_index(occupancy.values()),
        )


def check(history: Iterable[tuple[int, Command, Sequence[Event]]], settings: Settings | None = None) -> Report:
    """Check a whole history of (time_us, command, events); `settings` as for `Checker`."""
    checker = Checker(settings)
    for time_us, command, events in history:
        checker.observe(time_us, command, events)
    return checker.report()
