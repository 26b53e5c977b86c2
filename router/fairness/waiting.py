"""Waiting calls, indexed by what decides about them; the indexes always hold exactly the calls that wait."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from router.engine.vocabulary import Tier, Urgency
from router.fairness.model import Call

KinKey = tuple[str, str, int, Urgency, int, tuple[str, ...]]
Place = tuple[int, int, str]
ClassAt = tuple[Tier, tuple[str, str, int]]


class WaitingClass:
    """Waiting calls, neither held nor detached, of one tier, queue, channel and step: an agent fits all or none."""

    __slots__ = ("calls", "channel", "queue", "step")

    def __init__(self, call: Call) -> None:
        self.queue = call.queue
        self.channel = call.channel
        self.step = call.active_step
        self.calls: dict[str, Call] = {}


class WaitingCalls:
    """All waiting calls: by tier and class, those held by their preferred agents, and kin in their order.

    Detached calls are among their kin, and nowhere else.
    """

    def __init__(self) -> None:
        self.tiers: tuple[dict[tuple[str, str, int], WaitingClass], ...] = tuple({} for _ in Tier)
        self.held_for: dict[str, dict[str, Call]] = {}
        self._kin: dict[KinKey, list[Place]] = {}
        self._entries: dict[str, tuple[ClassAt | None, KinKey, Place, tuple[str, ...]]] = {}

    def add(self, call: Call) -> None:
        """Enter a call as it is now; it must leave before anything of it changes."""
        kin_key = kin_key_of(call)
        place = (call.effective_arrival_us, call.order, call.name)
        holders = call.preferred_agents if call.held and not call.detached else ()
        for agent in holders:
            self.held_for.setdefault(agent, {})[call.name] = call
        class_at = None
        if not holders and not call.detached:
            class_at = (call.tier, (call.queue, call.channel, call.active_step.number))
            classes = self.tiers[call.tier]
            if class_at[1] not in classes:
                classes[class_at[1]] = WaitingClass(call)
            classes[class_at[1]].calls[call.name] = call
        kin = self._kin.setdefault(kin_key, [])
        kin.insert(bisect_left(kin, place), place)
        self._entries[call.name] = (class_at, kin_key, place, holders)

    def remove(self, call: Call) -> None:
        """Take a call out, wherever it was entered; calls that are not in are left alone."""
        entry = self._entries.pop(call.name, None)
        if entry is None:
            return
        class_at, kin_key, place, holders = entry
        for agent in holders:
            del self.held_for[agent][call.name]
        if class_at is not None:
            tier, class_key = class_at
            found = self.tiers[tier][class_key]
            del found.calls[call.name]
            if not found.calls:
                del self.tiers[tier][class_key]
        kin = self._kin[kin_key]
        del kin[bisect_left(kin, place)]
        if not kin:
            del self._kin[kin_key]

    def older_kin(self, call: Call) -> list[str]:
        """Return the names of the waiting kin before the call, the oldest first."""
        kin = self._kin.get(kin_key_of(call), [])
        before = bisect_left(kin, (call.effective_arrival_us, call.order, call.name))
        return [name for _, _, name in kin[:before]]

    def classes(self, tiers: Iterable[int]) -> Iterable[WaitingClass]:
        """Yield the classes of the given tiers."""
        for tier in tiers:
            yield from self.tiers[tier].values()


def kin_key_of(call: Call) -> KinKey:
    """Return what calls have in common that are kin."""
    return (call.queue, call.channel, call.demand.number, call.urgency, call.priority, call.preferred_agents)
