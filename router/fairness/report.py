"""What the checker finds: points of the contract, violations and measures; a report never changes once made."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class Point(IntEnum):
    """A point of the fairness contract that recorded commands and events can show to be broken.

    Points 6 and 8 speak of two runs and need re-running, so they are not here. `RULES` stands for what the
    contract rests on: who may take what, the strict tiers, and a history that hangs together.
    """

    RULES = 0
    NOT_LOST = 1
    WORK_CONSERVED = 2
    KIN_IN_ORDER = 3
    LONGEST_IDLE = 4
    BOUNDED_WAIT = 5
    PLACE_KEPT = 7


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One breach: the point, when it happened (`time_us`, command `sequence`), who was involved, and a sentence."""

    point: Point
    sequence: int
    time_us: int
    calls: tuple[str, ...]
    agents: tuple[str, ...]
    sentence: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a history showed.

    `violations` holds the first ones, in order; `violation_counts` counts all of them by point. `offers` counts
    offers made, `assignments` calls that came to an agent, `forced` those by command.

    `slips`: how often a waiting call was passed over by a later kin; `skips`: how often a call passed over an
    earlier one; their sums are equal. `calls_overtaken` and `calls_overtaking` count the calls concerned, and
    `slips_max` is the most that one call suffered.

    `occupancy` is, for each agent who was ready or engaged at all, the share of that time in use (0 to 1);
    `jain` is Jain's index (Σx)² ÷ (n Σx²) over it: 1 is an even load, 1 ÷ n one agent doing everything. None when
    nobody worked.
    """

    violations: tuple[Violation, ...]
    violation_counts: dict[Point, int]
    commands: int
    events: int
    calls: int
    offers: int
    assignments: int
    forced: int
    slips: int
    skips: int
    calls_overtaken: int
    calls_overtaking: int
    slips_max: int
    occupancy: dict[str, float]
    jain: float | None

    @property
    def ok(self) -> bool:
        """Say whether no violation was found."""
        return not self.violation_counts

    def summary(self) -> str:
        """Return the report as a few lines of plain text."""
        found = sum(self.violation_counts.values())
        lines = [
            f"{self.commands} commands, {self.events} events, {self.calls} calls: "
            + ("the fairness contract holds" if self.ok else f"{found} violations of the fairness contract"),
            f"overtaken by a later kin: {self.calls_overtaken} calls, {self.slips} times, one of them {self.slips_max}",
            "Jain's index of occupancy: " + ("none" if self.jain is None else f"{self.jain:.4f}"),
        ]
        lines += [f"point {one.point}, sequence {one.sequence}: {one.sentence}" for one in self.violations]
        if found > len(self.violations):
            lines.append(f"and {found - len(self.violations)} more")
        return "\n".join(lines)


class Findings:
    """Collects violations as they are found; keeps the first `violations_max` and counts the rest."""

    def __init__(self, violations_max: int) -> None:
        self.violations_max = violations_max
        self.kept: list[Violation] = []
        self.counts: dict[Point, int] = {}
        self.sequence = 0
        self.time_us = 0

    def add(self, point: Point, sentence: str, *, calls: tuple[str, ...] = (), agents: tuple[str, ...] = ()) -> None:
        """Note a violation at the present sequence and time."""
        self.counts[point] = self.counts.get(point, 0) + 1
        if len(self.kept) < self.violations_max:
            self.kept.append(
                Violation(
                    point=point,
                    sequence=self.sequence,
                    time_us=self.time_us,
                    calls=calls,
                    agents=agents,
                    sentence=sentence,
                )
            )
