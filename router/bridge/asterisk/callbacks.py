"""Callbacks: a caller who waits hangs up and keeps the place; an agent gets the call, and the customer is called.

While nobody is on the line, the call lives in the router, with all that is to be known of it. Keeps one invariant: a
caller to whom a callback was promised has a call in the router, until a customer was reached, or in vain often enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from router.bridge.asterisk.actions import Applied, Refused, Unanswered
from router.bridge.asterisk.ari.requests import Done, Gone, HangUp, Outcome, Play, StopRing
from router.bridge.asterisk.arriving import Arriving
from router.bridge.asterisk.callback_memory import ATTRIBUTE, Memory, attributes_of, fits, read_memory
from router.bridge.asterisk.calls import Call, Callback, CallPhase, LegPhase, Line, Mixing, Sound
from router.bridge.asterisk.connecting import Connecting
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.hearing import Hearing
from router.bridge.asterisk.leaving import Leaving
from router.bridge.asterisk.lines import Lines
from router.bridge.asterisk.link import Link
from router.bridge.asterisk.naming import Naming
from router.bridge.asterisk.returns import Returns
from router.engine.commands import Command, Enqueue, Transfer, TurnIntoCallback, UpdateCall
from router.engine.requirements import AgentTerm, Requirement, Step
from router.engine.views import CallView

LATER: Final = Requirement((Step((AgentTerm("callback-later"),)),))
"""What a callback asks for between two tries: an agent who is nobody, so that it keeps its place and nobody gets it."""
_TOLD_US: Final = 10_000_000
_BUSY_US: Final = 1_000_000
_THERE: Final = "ALREADY_CALLBACK"


def _asked_for(call: Call) -> Requirement | None:
    """Return what a call itself asks of an agent, while it is not paused."""
    assert call.enqueue is not None
    return call.enqueue.requirement if call.callback is None else call.callback.requirement


class CallingBack:
    """All callbacks."""

    def __init__(
        self,
        desk: Desk,
        link: Link,
        hearing: Hearing,
        arriving: Arriving,
        leaving: Leaving,
        naming: Naming,
        returns: Returns,
        connecting: Connecting,
        lines: Lines,
    ) -> None:
        self._desk = desk
        self._link = link
        self._hearing = hearing
        self._arriving = arriving
        self._leaving = leaving
        self._naming = naming
        self._returns = returns
        self._connecting = connecting
        self._lines = lines

    # --- the caller leaves

    def want(self, call: Call) -> None:
        """A caller who waits wants to be called back."""
        settings = self._desk.settings.callbacks
        if settings is None or call.wants_back or call.enqueue is None:
            return
        number = settings.number_of(call.arrival)
        attributes = self._attributes(call, number)
        why = self._obstacle(call, number, attributes)
        if why:
            self._refuse(call, why)
            return
        call.wants_back = number
        self._link.send(UpdateCall(call.id, attributes=attributes), call=call.id)
        self._turn(call, call.id)

    def _obstacle(self, call: Call, number: str, attributes: Mapping[str, str]) -> str:
        """Return why nobody can be called back, nothing if that is possible."""
        if self._desk.ids.was_put_through(call.channel):
            return "the number is that of who has put the caller through"
        if not number:
            return "there is no number that may be called"
        if not fits(attributes):
            return "the router has no room for what is to be known of it"
        return "" if self._link.together else "the router is out of reach"

    def _turn(self, call: Call, name: str) -> None:
        self._link.send(TurnIntoCallback(name), call=name, then=lambda answer: self._turned(call, name, answer))

    def _attributes(self, call: Call, number: str) -> dict[str, str]:
        """Return the attributes that a call would have as a callback."""
        assert call.enqueue is not None
        wanted = Call(call.id, self._naming.arrival_to_keep(call), self._desk.now_us)
        wanted.enqueue, wanted.callback = call.enqueue, Callback(number, _asked_for(call))
        return dict(attributes_of(wanted))

    def _refuse(self, call: Call, why: str) -> None:
        self._desk.count("callbacks", "refused")
        self._desk.note("warning", f"no callback: {why}", call=call.id, channel=call.channel)
        sound = self._desk.settings.sounds.callback_refused
        if sound:
            self._hearing.say(call, (sound,))

    def _turned(self, call: Call, name: str, answer: Applied | Refused | Unanswered) -> None:
        """The router has made a callback of a call, or not."""
        agreed = isinstance(answer, Applied) or (isinstance(answer, Refused) and answer.reason == _THERE)
        if call.id != name and call.wants_back:
            # it has another id now, and is to be a callback under that
            call.wants_back = ""
            if call.waits:
                self.want(call)
            return
        if call.off_line or call.id != name:
            self._turned_off_line(name, answer, agreed)
        elif agreed and call.waits and call.wants_back:
            self.part(call, turned=True)
            settings = self._desk.settings
            assert settings.callbacks is not None
            words = tuple(sound for sound in (settings.sounds.callback_agreed,) if sound)
            self._leaving.leave(call, settings.callbacks.place, "callback", words)
        elif call.waits:
            self._refuse(call, str(answer))
        call.wants_back = ""

    def _turned_off_line(self, name: str, answer: Applied | Refused | Unanswered, agreed: bool) -> None:
        """The caller has not waited for the answer."""
        call = self._desk.calls.get(name)
        if call is None or call.callback is None:
            return
        if agreed:
            call.callback.turned = True
        elif isinstance(answer, Refused) and answer.reason == "CALL_ASSIGNED":
            self._desk.timers.set(("turn", name), self._desk.now_us + _BUSY_US)
        elif isinstance(answer, Refused) and call.off_line:
            self._leaving.leave(call, None, "refused")

    def part(self, call: Call, *, turned: bool = False) -> None:
        """Go on without the caller; `turned` says whether the router knows it."""
        on = self._naming.part(call)
        assert on.enqueue is not None
        before = call.callback
        back = on.callback = Callback(call.wants_back, _asked_for(call))
        back.turned = turned
        back.later = before is not None and before.later
        call.wants_back = ""
        self._note_down(on)
        if not turned:
            # by then it is known, unless the call has got another id in this instant
            self._desk.timers.set(("turn", on.id), self._desk.now_us + _BUSY_US)
        if back.later:
            self._tell_anew(on)
        self._desk.count("callbacks", "agreed")
        self._desk.note("info", "the customer will be called back", call=on.id, number=back.number)

    def _note_down(self, call: Call) -> Command:
        """See that the call comes back as it is, should the router not know it; return what tells the router."""
        back = call.callback
        assert back is not None
        assert call.enqueue is not None
        attributes = attributes_of(call)
        requirement = LATER if back.paused else back.requirement
        call.enqueue = msgspec.structs.replace(
            call.enqueue, attributes=attributes, requirement=requirement, callback=True
        )
        return UpdateCall(call.id, requirement=LATER if back.paused else None, attributes=attributes)

    # --- the customer is called

    def dialled(self, call: Call, outcome: Outcome) -> None:
        """The request to call the customer was answered."""
        if isinstance(outcome, Done):
            return
        # it may be there all the same, where no answer came
        self._desk.request(HangUp(call.channel))
        self._desk.note("warning", f"the customer could not be called: {outcome}", call=call.id)
        # the agent has hung up in this instant: the customer is not to blame
        self._unreached(call, counts=not isinstance(outcome, Gone))

    def late(self, call: Call) -> None:
        """The customer's telephone has rung for too long, and nothing was heard of it."""
        self._desk.request(HangUp(call.channel))
        self._unreached(call)

    def up(self, call: Call) -> None:
        """The customer has answered."""
        leg, back = call.leg, call.callback
        if leg is None or back is None or leg.phase is not LegPhase.ANSWERED:
            self._lines.stop(call)
            return
        self._lines.settled(call)
        back.line = Line.ON
        self._desk.callers[call.channel] = call
        call.up = call.answered = True
        call.sound, call.mixing, call.in_mixing = Sound.NOTHING, Mixing.NONE, False
        leg.answered_us = self._desk.now_us
        self._desk.count("callbacks", "reached")
        self._desk.note("info", "the customer has answered", leg=leg)
        self._desk.request(StopRing(leg.id))
        self._tell(call)
        if back.paused:
            # somebody has assigned it meanwhile: once it waits again, the customer waits on the line
            self._desk.timers.set(("back", call.id), self._desk.now_us + _BUSY_US)
        self._connecting.connect(call, leg)

    def gone(self, call: Call, cause: int) -> None:
        """The customer's telephone rings no more, and was not answered."""
        self._desk.note("info", f"the customer was not reached (cause {cause})", call=call.id)
        self._unreached(call)

    def _unreached(self, call: Call, *, counts: bool = True) -> None:
        back, leg, settings = call.callback, call.leg, self._desk.settings
        assert back is not None
        self._lines.off(call)
        self._desk.count("callbacks", "unreached")
        back.tries += counts
        if settings.callbacks is not None and settings.callbacks.pause_us:
            # at once: whoever takes the call from the agent meanwhile, nobody else shall have it yet
            back.paused = True
            self._desk.timers.set(("back", call.id), self._desk.now_us + settings.callbacks.pause_us)
        self._tell(call)
        if leg is None:
            return
        back.line = Line.UNREACHED
        self._desk.request(StopRing(leg.id))
        if not settings.sounds.callback_unreached:
            self.told(call)
            return
        back.playback = self._desk.ids.playback(leg.id)
        self._desk.request(Play(leg.id, back.playback, (settings.sounds.callback_unreached,)))
        self._desk.timers.set(("told", call.id), self._desk.now_us + _TOLD_US)

    def said(self, leg_id: str, playback: str) -> bool:
        """Something has been said to an agent; return whether it was that the customer was not reached."""
        leg = self._desk.legs.get(leg_id)
        call = None if leg is None else self._desk.call_of(leg)
        if call is None or call.callback is None or call.callback.playback != playback:
            return False
        self.told(call)
        return True

    def told(self, call: Call) -> None:
        """The agent knows that the customer was not reached: it is tried again later, or over."""
        back, leg, settings = call.callback, call.leg, self._desk.settings.callbacks
        if back is None or leg is None or settings is None or back.line is not Line.UNREACHED:
            return
        if back.tries >= settings.tries:
            self._desk.count("callbacks", "given_up")
            self._leaving.leave(call, None, "callback_given_up")
            self._leaving.over(call, talked=True)
            return
        self._returns.back_to_waiting(call, leg, "the customer was not reached")
        self._returns.give_back(call, leg.offer, "customer not reached")

    # --- between two tries

    def resume(self, call: Call) -> None:
        """The pause is over."""
        back = call.callback
        if back is None or not back.paused:
            return
        if call.phase is not CallPhase.WAITING:
            # somebody has assigned it meanwhile
            self._desk.timers.set(("back", call.id), self._desk.now_us + _BUSY_US)
            return
        back.paused = False
        self._tell(call)

    def turn_again(self, call: Call) -> None:
        """Make a callback of a call that an agent had when its caller hung up, once it waits again."""
        if call.callback is None or call.callback.turned or not call.off_line:
            return
        if call.leg is not None and call.leg.agreed:
            self._desk.timers.set(("turn", call.id), self._desk.now_us + _BUSY_US)
        else:
            self._link.send(self._note_down(call), call=call.id)
            self._turn(call, call.id)

    def _tell(self, call: Call) -> None:
        """Tell the router whether a callback is paused, and the rest of what is to be known of it."""
        back, enqueue = call.callback, call.enqueue
        assert back is not None
        assert enqueue is not None
        back.told = False
        back.later = back.later or back.paused

        def then(answer: Applied | Refused | Unanswered) -> None:
            back.told = not isinstance(answer, Unanswered)
            back.later = back.paused or (back.later and not back.told)

        note = self._note_down(call)
        if back.paused or not back.later:
            self._link.send(note, call=call.id, then=then)
            return
        self._link.send(note, call=call.id)
        # the queue's own requirement comes back only by entering the queue
        requirement = back.requirement if enqueue.queue == call.queue else None
        self._link.send(Transfer(call.id, call.queue, True, requirement), call=call.id, then=then)

    # --- router and bridge

    def together(self) -> None:
        """Tell the router what could not be told while it was out of reach."""
        for call in list(self._desk.calls.values()):
            back = call.callback
            if back is None:
                continue
            if not back.turned and call.off_line:
                self._turn(call, call.id)
            if not back.told:
                self._tell_anew(call)

    def _tell_anew(self, call: Call) -> None:
        back = call.callback
        assert back is not None
        if back.later and not back.paused and call.leg is not None:
            # it cannot enter its queue anew while an agent has it
            back.paused = True
            self._desk.timers.set(("back", call.id), self._desk.now_us)
        else:
            self._tell(call)

    def learn(self, views: Iterable[CallView]) -> None:
        """Take over the callbacks of an earlier run."""
        settings = self._desk.settings.callbacks
        for view in views:
            memory = read_memory(view.attributes.get(ATTRIBUTE, ""))
            if memory is None or memory.reached or settings is None or not settings.allows(memory.number):
                self._desk.note("info", "nobody is on the line, and nobody is to be called back", call=view.call)
            elif self._is_free(view.call):
                self._take_over(view, memory)

    def _is_free(self, name: str) -> bool:
        """See that no call bears a name, if that can be: a caller who has just come back may, before we knew of it."""
        call = self._desk.calls.get(name)
        if call is not None and not call.brought and call.leg is None and not call.off_line:
            self._arriving.bring_again(call)
        return name not in self._desk.calls

    def _take_over(self, view: CallView, memory: Memory) -> None:
        settings = self._desk.settings
        assert settings.callbacks is not None
        call = self._desk.calls[view.call] = Call(view.call, memory.arrival, self._desk.now_us)
        call.phase, call.queue, call.known, call.brought = CallPhase.WAITING, view.queue, True, True
        back = call.callback = Callback(memory.number, memory.requirement, tries=memory.tries)
        asks_later = view.requirement == LATER
        back.turned, back.paused, back.later = True, memory.paused, memory.paused or asks_later
        back.told = memory.paused == asks_later
        call.enqueue = Enqueue(
            view.call,
            view.queue,
            channel=view.channel,
            urgency=view.urgency,
            priority=view.priority,
            preferred_agents=view.preferred_agents,
            customer=view.customer,
            attributes=view.attributes,
            explain=view.explain,
        )
        self._note_down(call)
        self._arriving.set_manner(call)
        if back.paused:
            self._desk.timers.set(("back", call.id), self._desk.now_us + settings.callbacks.pause_us)
        self._desk.count("calls", "adopted")
        self._desk.note("info", "the customer will be called back, as an earlier run has promised", call=call.id)
