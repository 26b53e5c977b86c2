"""What has happened to callers and agents, read from Asterisk's own events.

A *leg* is an agent's channel, a *visit* a caller's. All times are Asterisk's, in seconds. The figures are the same for
every system that routes calls on that Asterisk.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence

from bench.asterisk.manager import Event

_QUEUEING = ("Stasis", "Queue")
_ENDS = ("HangupRequest", "SoftHangupRequest", "BridgeLeave", "Hangup")
_UP = "6"


class Leg:
    """An agent's channel: rung, answered, bridged, over (the first sign of its end counts)."""

    def __init__(self, channel: str, agent: str, rung_s: float) -> None:
        self.channel = channel
        self.agent = agent
        self.rung_s = rung_s
        self.up_s = self.bridged_s = self.over_s = float("inf")
        self.bridge = ""


class Visit:
    """A caller's channel: joined the line of a number, was bridged, and is over."""

    def __init__(self) -> None:
        self.number = ""
        self.joined_s = self.bridged_s = self.over_s = float("inf")
        self.bridge = ""
        self.leg: Leg | None = None


class Freed:
    """An agent who was freed while somebody waited, and got the next caller."""

    def __init__(self, before: Leg, leg: Leg, visit: Visit) -> None:
        self.before = before
        self.leg = leg
        self.all_ms = (max(leg.bridged_s, visit.bridged_s) - before.over_s) * 1e3


class Story:
    """All of a run."""

    def __init__(self, events: Iterable[Event], agents: str, callers: str) -> None:
        """`agents` and `callers` are how the names of their channels begin."""
        self.legs: dict[str, Leg] = {}
        self.visits: dict[str, Visit] = {}
        for event in events:
            name, channel, at_s = event.get("Channel", ""), event.get("Uniqueid", ""), float(event["Timestamp"])
            if name.startswith(agents):
                self._of_leg(event["Event"], name, channel, at_s, event)
            elif name.startswith(callers):
                self._of_visit(event["Event"], channel, at_s, event)
        by_bridge = {leg.bridge: leg for leg in self.legs.values() if leg.bridge}
        for visit in self.visits.values():
            visit.leg = by_bridge.get(visit.bridge)

    def _of_leg(self, kind: str, name: str, channel: str, at_s: float, event: Event) -> None:
        if kind == "Newchannel":
            self.legs[channel] = Leg(channel, name.partition("-")[0], at_s)
        leg = self.legs.get(channel)
        if leg is None:
            return
        if kind == "Newstate" and event["ChannelState"] == _UP:
            leg.up_s = min(leg.up_s, at_s)
        elif kind == "BridgeEnter":
            leg.bridged_s, leg.bridge = at_s, event["BridgeUniqueid"]
        elif kind in _ENDS:
            leg.over_s = min(leg.over_s, at_s)

    def _of_visit(self, kind: str, channel: str, at_s: float, event: Event) -> None:
        visit = self.visits.setdefault(channel, Visit())
        if kind == "Newexten" and event.get("Application") in _QUEUEING:
            visit.number, visit.joined_s = event["Extension"], at_s
        elif kind == "BridgeEnter":
            visit.bridged_s, visit.bridge = at_s, event["BridgeUniqueid"]
        elif kind in _ENDS:
            visit.over_s = min(visit.over_s, at_s)

    # --- figures

    def served(self) -> list[Visit]:
        return [visit for visit in self.visits.values() if visit.leg is not None]

    def lost(self) -> int:
        """Return how many callers joined the line and were hung up without having talked to anybody."""
        return sum(visit.leg is None and visit.joined_s < float("inf") for visit in self.visits.values())

    def calls_per_s(self) -> float:
        """Return the rate in the middle of the run, between the first and the last tenth of the calls."""
        times = sorted(visit.bridged_s for visit in self.served())
        first, last = len(times) // 10, len(times) * 9 // 10
        return (last - first) / (times[last] - times[first])

    def freed(self) -> list[Freed]:
        """Return every agent's change from one caller to the next, where somebody waited when the first was over.

        An agent who was rung for the next one before that was booked twice, and never free.
        """
        visit_of = {id(visit.leg): visit for visit in self.served()}
        by_agent: defaultdict[str, list[Leg]] = defaultdict(list)
        for leg in sorted(self.legs.values(), key=lambda leg: leg.bridged_s):
            if id(leg) in visit_of:
                by_agent[leg.agent].append(leg)
        found = []
        for legs in by_agent.values():
            for before, leg in itertools.pairwise(legs):
                if before.over_s <= leg.rung_s and self._somebody_waits(before.over_s):
                    found.append(Freed(before, leg, visit_of[id(leg)]))
        return found

    def _somebody_waits(self, at_s: float) -> bool:
        return any(
            visit.joined_s < at_s and visit.leg is not None and visit.leg.rung_s > at_s
            for visit in self.visits.values()
        )

    def overtaken(self, ties_s: float) -> int:
        """Return how many callers were presented to an agent after one who joined the same line later.

        Who joined within `ties_s` joined at once, and who is rung for within it is rung for at once: each has a thread
        of Asterisk's, and no order was promised.
        """
        lines: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        for visit in self.served():
            assert visit.leg is not None
            lines[visit.number].append((visit.joined_s, visit.leg.rung_s))
        return sum(_overtaken(sorted(line), ties_s) for line in lines.values())

    def double_bookings(self) -> int:
        """Return how many times an agent was rung while in another call, or while ringing for one."""
        by_agent: defaultdict[str, list[Leg]] = defaultdict(list)
        for leg in sorted(self.legs.values(), key=lambda leg: leg.rung_s):
            by_agent[leg.agent].append(leg)
        return sum(_overlaps(legs) for legs in by_agent.values())


def _overtaken(line: Sequence[tuple[float, float]], ties_s: float) -> int:
    """Count those after whom somebody joined who was presented earlier; `line` is joined and presented, in order."""
    count, later, earliest_s = 0, len(line) - 1, float("inf")
    for joined_s, presented_s in reversed(line):
        while later >= 0 and line[later][0] > joined_s + ties_s:
            earliest_s = min(earliest_s, line[later][1])
            later -= 1
        count += earliest_s < presented_s - ties_s
    return count


def _overlaps(legs: Sequence[Leg]) -> int:
    count, over_s = 0, float("-inf")
    for leg in legs:
        count += leg.rung_s < over_s
        over_s = max(over_s, leg.over_s)
    return count
