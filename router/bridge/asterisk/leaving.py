"""Leaving: callers who go on in the dialplan, are hung up, or have hung up.

Keeps one invariant: whoever leaves is told to the router once, and nothing that was made for the call is left behind.
"""

from __future__ import annotations

from collections.abc import Callable

from router.bridge.asterisk.actions import Applied, Refused, Unanswered
from router.bridge.asterisk.ari.requests import Continue, HangUp, Play, SetVariable
from router.bridge.asterisk.calls import Call, CallPhase, Mixing
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.floor_settings import Place
from router.bridge.asterisk.hearing import Hearing
from router.bridge.asterisk.ids import CALLBACK_VARIABLE
from router.bridge.asterisk.lines import Lines
from router.bridge.asterisk.link import Link
from router.bridge.asterisk.unmixing import Unmixing
from router.engine.commands import Cancel, Complete

_WORDS_US = 15_000_000
"""So long a caller who leaves is told something at most."""
_LEFT = "left"
_OVER = frozenset({"CALL_FINISHED", "UNKNOWN_CALL"})


class Leaving:
    """What is done for callers who leave."""

    def __init__(self, desk: Desk, link: Link, hearing: Hearing, lines: Lines, unmixing: Unmixing) -> None:
        self._desk = desk
        self._hearing = hearing
        self._link = link
        self._lines = lines
        self._unmixing = unmixing
        self.on_gone_to_wait: Callable[[Call], None]
        """Is told of a caller who has hung up and wants to be called back."""

    def leave(self, call: Call, place: Place | None, how: str = "fallback", words: tuple[str, ...] = ()) -> None:
        """A call is over for us: the caller, who may be told something first, goes on in the dialplan or is hung up."""
        if call.phase is CallPhase.LEAVING:
            return
        if call.off_line:
            self._desk.count("calls_ended", how)
            self._desk.note("info", f"nobody is to be called back any more ({how.replace('_', ' ')})", call=call.id)
            self.end_leg(call)
            self._lines.stop(call)
            self._desk.forget_call(call)
            return
        call.phase = CallPhase.LEAVING
        call.place = place
        self._desk.count("calls_ended", how)
        where = "is hung up" if place is None else f"goes on at {place.context or 'the next step'}"
        self._desk.note("info", f"{where} ({how.replace('_', ' ')})", call=call.id, channel=call.channel)
        self._unmixing.unmix(call)
        self._hearing.settle(call)
        self.end_leg(call)
        self._desk.timers.clear(("patience", call.id))
        if words and call.answered:
            call.farewell, call.saying = True, self._desk.ids.playback(call.channel)
            self._desk.request(SetVariable(call.channel, CALLBACK_VARIABLE, _LEFT))
            self._desk.request(Play(call.channel, call.saying, words))
            self._desk.timers.set(("go", call.id), self._desk.now_us + _WORDS_US)
        else:
            self.go(call)

    def go(self, call: Call) -> None:
        """Send a leaving caller on."""
        place = call.place
        if isinstance(place, Place):
            self._desk.request(
                Continue(call.channel, place.context, place.extension, place.priority if place.context else 0)
            )
        else:
            self._desk.request(HangUp(call.channel))

    def go_again(self, call: Call) -> None:
        """A leaving caller could not go."""
        if call.phase is CallPhase.LEAVING:
            if call.tries > 3:
                call.place = None
            self.go(call)

    def said_farewell(self, call: Call) -> None:
        """A caller who leaves has heard what was to be said first."""
        if call.phase is CallPhase.LEAVING and ("go", call.id) in self._desk.timers:
            self._desk.timers.clear(("go", call.id))
            self.go(call)

    def alone(self) -> tuple[str, ...]:
        """Return the calls whose callers an earlier run has left in their mixing bridges with nobody."""
        calls = self._desk.calls.values()
        return tuple(call.id for call in calls if call.alone and call.leg is None and call.phase is CallPhase.WAITING)

    def left_alone(self, name: str) -> None:
        """The router has given a call to an agent who is not there: he has hung up while nobody heard it."""
        call = self._desk.calls.get(name)
        if call is not None and call.leg is None:
            self.leave(call, self._desk.settings.after_agent, "agent_hung_up")

    def gone(self, call: Call) -> None:
        """The caller's channel is gone: the router is told, and everything that was made for the call is removed."""
        if call.wants_back and call.phase in (CallPhase.WAITING, CallPhase.RINGING):
            self.on_gone_to_wait(call)
        over = call.phase is CallPhase.LEAVING
        talked = call.phase is CallPhase.HANDED_OVER or (call.leg is not None and call.leg.agreed)
        if ("unmix", call.id) in self._desk.timers:
            call.mixing = Mixing.MADE  # it is still there
        self._unmixing.unmix(call)
        self.end_leg(call)
        self._desk.forget_call(call)
        if not over:
            self._desk.count("calls_ended", "completed" if talked else "abandoned")
            self._desk.note("info", "the caller has hung up", call=call.id, channel=call.channel)
        if not over and call.known:
            self.over(call, talked=talked)

    def over(self, call: Call, *, talked: bool, why: str = "hung up") -> None:
        """Tell the router that a call is over. Which of the two commands fits may change on the way there."""

        def then(answer: Applied | Refused | Unanswered) -> None:
            match answer:
                case Refused(reason="CALL_ASSIGNED"):
                    self.over(call, talked=True, why=why)
                case Refused(reason="CALL_NOT_ASSIGNED" | "CALL_WAITING"):
                    self.over(call, talked=False, why=why)
                case Refused(reason=reason) if reason not in _OVER:
                    self._link.compare_again(f"the end of a call was refused: {reason}")

        command = Complete(call.id) if talked else Cancel(call.id, why)
        self._link.send(command, call=call.id, then=then)

    def end_leg(self, call: Call) -> None:
        """End whoever the caller talks with, or would have."""
        leg, call.leg = call.leg, None
        if leg is not None:
            self._desk.end_leg(leg, "the call is over")
        if call.peer:
            self._desk.request(HangUp(call.peer))
            self._desk.peers.pop(call.peer, None)
            call.peer = ""
