"""The floor: what the bridge knows of callers and agents, and what it asks of Asterisk and of the router.

Pure: no I/O, no clock. Whatever happens is told to the floor with the time, and it answers with actions. Keeps one
invariant: what is asked for follows from what was told, in order, and from nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from router.bridge.asterisk import agent_book, rulings
from router.bridge.asterisk.actions import Action, Answer, Asked, LearnAgents, Learned, Reconcile, Send
from router.bridge.asterisk.ari import events as ari
from router.bridge.asterisk.ari.requests import Outcome
from router.bridge.asterisk.calls import Call, CallPhase, LegPhase
from router.bridge.asterisk.deadlines import Deadlines
from router.bridge.asterisk.floor_settings import FloorSettings
from router.bridge.asterisk.parts import Parts
from router.bridge.asterisk.pbx_answers import PbxAnswers
from router.bridge.asterisk.pbx_events import PbxEvents
from router.client import LiveAgent, LiveCall
from router.engine import events

HEEDED: Final[tuple[type[events.Event], ...]] = (*agent_book.HEEDED, *rulings.HEEDED)
"""The kinds of events of the router that the floor wants to be told."""


class Floor:
    """All calls and agents of one bridge. All times are microseconds of one clock that never goes back."""

    def __init__(self, settings: FloorSettings, now_us: int) -> None:
        self._parts = parts = Parts(settings, now_us, self.live)
        self._desk, self._link = parts.desk, parts.link
        self._book, self._callers, self._leaving = parts.book, parts.callers, parts.leaving
        self._events, self._answers, self._deadlines = PbxEvents(parts), PbxAnswers(parts), Deadlines(parts)
        link = parts.link
        link.on_learned = self._learned
        link.doubtful = self._leaving.alone
        link.earlier = self._earlier
        link.on_reconciled = parts.rulings.reconciled
        link.on_together = self._together
        link.on_away = self._away

    # --- what may be seen

    @property
    def next_deadline_us(self) -> int | None:
        """When `tick` is to be called next; None while nothing is timed."""
        return self._desk.timers.next_us

    @property
    def pbx_known(self) -> bool:
        """Whether the bridge knows what Asterisk has."""
        return self._link.pbx_known

    @property
    def router_together(self) -> bool:
        """Whether bridge and router are of one mind."""
        return self._link.together

    def counts(self) -> Mapping[str, int]:
        """Return how many calls are in each phase, and how many legs and agents there are."""
        phases = Counter(call.phase for call in self._desk.calls.values())
        return {phase.value: phases[phase] for phase in CallPhase} | {
            "legs": len(self._desk.legs),
            "agents": len(self._book.live()),
            "callbacks": sum(call.off_line for call in self._desk.calls.values()),
        }

    def live(self) -> tuple[tuple[LiveCall, ...], tuple[LiveAgent, ...]]:
        """Return all calls and agents as the router should have them."""
        calls = (self._live(call) for call in self._desk.calls.values() if call.phase is not CallPhase.LEAVING)
        return tuple(call for call in calls if call is not None), self._book.live()

    def _earlier(self) -> tuple[LiveCall, ...]:
        calls = (self._live(call) for call in self._desk.calls.values() if call.brought)
        return tuple(call for call in calls if call is not None)

    def _live(self, call: Call) -> LiveCall | None:
        if call.enqueue is None or not call.known:
            return None
        leg = call.leg
        if leg is None or leg.phase is LegPhase.ENDING:
            return LiveCall(call.id, enqueue=call.enqueue)
        if leg.agreed:
            return LiveCall(call.id, talking=leg.agent, enqueue=call.enqueue)
        return LiveCall(call.id, ringing=leg.offer, enqueue=call.enqueue)

    # --- what happens

    def hear(self, event: ari.Event, now_us: int) -> list[Action]:
        """Take in an event of Asterisk, or what became of the connection to it."""
        self._desk.now_us = now_us
        self._events.hear(event)
        return self._settled()

    def told(self, event: events.Event, now_us: int) -> list[Action]:
        """Take in an event of the router's watch, of a kind in `HEEDED`."""
        self._desk.now_us = now_us
        if not self._book.heard(event):
            self._parts.rulings.heard(event)
        return self._settled()

    def answered(self, action: Asked, answer: Answer, now_us: int) -> list[Action]:
        """Take in what became of an action: the same object that was asked for."""
        self._desk.now_us = now_us
        match action:
            case Send():
                self._link.answered(action, answer)
            case Reconcile() | LearnAgents():
                self._link.told(action, answer)
            case _ if isinstance(answer, Outcome):
                self._answers.answered(action, answer)
        return self._settled()

    def router_lost(self, now_us: int) -> list[Action]:
        """The router is out of reach."""
        self._desk.now_us = now_us
        self._link.lost()
        return self._settled()

    def router_back(self, now_us: int) -> list[Action]:
        """The router is in reach: commands can be sent, and the watch goes on."""
        self._desk.now_us = now_us
        self._link.back()
        return self._settled()

    def announce(self, call: str, media: tuple[str, ...], now_us: int) -> list[Action]:
        """Say something to a caller who waits; to nobody else."""
        self._desk.now_us = now_us
        found = self._desk.calls.get(call)
        if found is not None:
            self._parts.hearing.say(found, media)
        return self._settled()

    def tick(self, now_us: int) -> list[Action]:
        """Do what is due."""
        self._desk.now_us = now_us
        for key in self._desk.timers.due(now_us):
            self._deadlines.due(key)
        return self._settled()

    def _settled(self) -> list[Action]:
        self._parts.resync.settle()
        for event in self._parts.resync.take_later():
            self._events.hear(event)
        self._link.go_on()
        return self._desk.take()

    # --- the router

    def _learned(self, learned: Learned) -> None:
        self._book.learn(learned.agents)
        self._parts.callbacks.learn(learned.callbacks)
        for call in learned.assigned:
            self._leaving.left_alone(call)

    def _together(self) -> None:
        for call in self._desk.calls.values():
            self._desk.timers.clear(("patience", call.id))
        self._parts.callbacks.together()

    def _away(self) -> None:
        for call in self._desk.calls.values():
            self._callers.be_patient(call)
