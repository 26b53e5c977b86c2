"""Callers: who is there, how long they wait for the router, and what became of requests about their channels.

Keeps one invariant: what could not be done for a caller is tried again, as long as the channel is there.
"""

from __future__ import annotations

from router.bridge.asterisk.ari.requests import (
    Answer,
    Continue,
    Done,
    GetChannel,
    Gone,
    HangUp,
    Outcome,
    Play,
    Request,
    SetVariable,
)
from router.bridge.asterisk.calls import Call, CallPhase, Sound
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.hearing import Hearing
from router.bridge.asterisk.leaving import Leaving
from router.bridge.asterisk.link import Link

_RINGING_PATIENCE_US = 1_000_000


class Callers:
    """What is done for callers as long as they are there."""

    def __init__(self, desk: Desk, link: Link, hearing: Hearing, leaving: Leaving) -> None:
        self._desk = desk
        self._hearing = hearing
        self._leaving = leaving
        self._link = link

    def be_patient(self, call: Call) -> None:
        """While the router is out of reach, a caller waits no longer than `patience`."""
        waits = call.phase in (CallPhase.WAITING, CallPhase.RINGING) and not call.off_line
        if waits and not self._link.together:
            self._desk.timers.set(("patience", call.id), self._desk.now_us + self._desk.settings.patience_us)

    def patience_over(self, call: Call) -> None:
        """The router has been out of reach for too long."""
        if self._link.together:
            return
        if call.phase is CallPhase.WAITING:
            self._leaving.leave(call, self._desk.settings.fallback, "fallback")
            # where lists are being compared, this call is in ours
            self._leaving.over(call, talked=False)
        elif call.phase is CallPhase.RINGING:
            # perhaps it is answered yet
            self._desk.timers.set(("patience", call.id), self._desk.now_us + _RINGING_PATIENCE_US)

    # --- what became of requests

    def answered(self, call: Call, request: Request, outcome: Outcome) -> None:
        """A request about a caller's channel was answered."""
        if isinstance(outcome, Done):
            call.tries = 0
            call.went = call.went or isinstance(request, Continue)
            return
        if isinstance(outcome, Gone) and not isinstance(request, Play):
            self._look(call)
            return
        call.tries += 1
        at_us = self._desk.now_us + self._desk.pause_us(call.tries)
        match request:
            case Play() if call.phase is CallPhase.LEAVING:
                self._leaving.go(call)
            case Play(playback=playback):
                call.sound = Sound.UNSURE
                if playback == call.saying:
                    call.saying = ""
                self._hearing.settle(call)
            case Continue() | HangUp():
                self._desk.timers.set(("go", call.id), at_us)
            case SetVariable():
                self._desk.timers.set(("name", call.id), at_us)
            case _:
                self._desk.timers.set(("sound", call.id), at_us)
                if isinstance(request, Answer):
                    call.answered = call.up
                else:
                    call.sound = Sound.UNSURE

    def _look(self, call: Call) -> None:
        """An answer says that the caller is gone, but it may be about an earlier visit: ask."""
        if call.look is None:
            request = GetChannel(call.channel)
            call.look = request
            self._desk.request(request)

    def looked(self, call: Call, request: GetChannel, outcome: Outcome) -> None:
        """It is known whether a caller is there, or not yet."""
        if request is not call.look:
            return
        call.look = None
        if isinstance(outcome, Gone):
            self._leaving.gone(call)
        elif not isinstance(outcome, Done):
            self._look(call)
