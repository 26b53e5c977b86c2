"""Hearing: what a caller hears while waiting, and that the line is answered in time.

Keeps one invariant: a caller who waits hears music or ringing, unless something is being said, or an agent has
answered and the router is asked whether the call is theirs.
"""

from __future__ import annotations

from router.bridge.asterisk.actions import Wait, WaitOver
from router.bridge.asterisk.ari.requests import Answer, Play, Ring, StartMusic, StopMusic, StopPlay, StopRing
from router.bridge.asterisk.calls import Call, CallPhase, LegPhase, Sound
from router.bridge.asterisk.desk import Desk

_SAYING_US = 180_000_000
"""After so long something that is said counts as over: its end may never be told."""


def _is_about_to_talk(call: Call) -> bool:
    """Say whether an agent has answered. The router will agree, mostly: the music is stopped while it is asked."""
    return call.answered and call.leg is not None and call.leg.phase is LegPhase.ANSWERED


class Hearing:
    """What callers hear."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def settle(self, call: Call) -> None:
        """See that a caller hears what fits, and that announcements are made exactly while the call waits."""
        if call.phase is CallPhase.ARRIVING or call.off_line:
            return
        waits = call.phase in (CallPhase.WAITING, CallPhase.RINGING) and not _is_about_to_talk(call)
        if waits != call.waits:
            call.waits = waits
            self._desk.ask(Wait(call.id, call.channel, call.queue) if waits else WaitOver(call.id))
        if not waits and not call.farewell:
            self._hush(call)
        if (waits and call.lets_in) or call.phase in (CallPhase.CONNECTING, CallPhase.TALKING):
            self.let_in(call)
        if waits and (call.in_mixing or call.saying):
            return
        self._sound(call, (Sound.MUSIC if call.answered else Sound.RINGING) if waits else Sound.NOTHING)

    def let_in(self, call: Call) -> None:
        """Answer a caller's line."""
        if not call.answered:
            # once it was tried it is tried until it is done: nobody knows what a lost answer has done
            call.answered = call.lets_in = True
            if call.sound is Sound.RINGING:
                call.sound = Sound.NOTHING
            self._desk.request(Answer(call.channel))

    def _sound(self, call: Call, wanted: Sound) -> None:
        if call.sound is wanted:
            return
        if call.sound is Sound.RINGING:
            self._desk.request(StopRing(call.channel))
        elif call.sound is Sound.MUSIC or wanted is Sound.NOTHING:
            self._desk.request(StopMusic(call.channel))
        if wanted is Sound.MUSIC:
            self._desk.request(StartMusic(call.channel, call.music_class))
        elif wanted is Sound.RINGING:
            self._desk.request(Ring(call.channel))
        call.sound = wanted

    def say(self, call: Call, media: tuple[str, ...]) -> None:
        """Say something to a caller who waits and hears music."""
        if call.waits and call.answered and not call.in_mixing and not call.saying and media:
            call.saying = self._desk.ids.playback(call.channel)
            # saying something ends the music; it begins again afterwards
            call.sound = Sound.UNSURE
            self._desk.request(Play(call.channel, call.saying, media))
            self._desk.timers.set(("said", call.id), self._desk.now_us + _SAYING_US)

    def _hush(self, call: Call) -> None:
        """Stop what is being said."""
        if call.saying:
            self._desk.request(StopPlay(call.saying))
            call.saying = ""

    def said_enough(self, call: Call) -> None:
        """The end of what is said was not heard for too long: nobody shall wait in silence."""
        self._hush(call)
        self.settle(call)

    def said(self, call: Call) -> None:
        """It has been said, or could not be."""
        call.saying = ""
        self.settle(call)

    def is_up(self, call: Call) -> None:
        """The caller's line is answered."""
        call.up = True
        if not call.answered:
            call.answered = True
            if call.sound is Sound.RINGING:
                call.sound = Sound.NOTHING
            self.settle(call)
