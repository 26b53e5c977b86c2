"""Callers: from coming in to going on.

Keeps one invariant: whoever comes in is known to the router, is on the way out, or is soon one of the two.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from router.bridge.asterisk.actions import Applied, Refused, Unanswered, Wait, WaitOver
from router.bridge.asterisk.ari.requests import (
    Answer,
    Continue,
    DestroyMixing,
    Done,
    GetChannel,
    GetVariable,
    Gone,
    HangUp,
    Outcome,
    Play,
    Request,
    SetVariable,
)
from router.bridge.asterisk.callback_memory import read_memory
from router.bridge.asterisk.calls import Call, Callback, CallPhase, Line, Mixing, Sound
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.floor_settings import Admit, Arrival, Decision, Feature, Place, Unwanted
from router.bridge.asterisk.hearing import Hearing
from router.bridge.asterisk.ids import ARRIVAL_VARIABLE, CALL_VARIABLE, CALLBACK_VARIABLE
from router.bridge.asterisk.lines import Lines
from router.bridge.asterisk.link import Link
from router.bridge.asterisk.visits import Visits
from router.engine.commands import Cancel, Complete, Enqueue
from router.engine.vocabulary import CallState

_RINGING_PATIENCE_US = 1_000_000
_TIMERS = ("patience", "sound", "said", "go", "unmix", "name")
_OFF_LINE_TIMERS = ("line", "told", "back", "turn")
_WORDS_US = 15_000_000
"""So long a caller who leaves is told something at most."""
_LEFT = "left"
_NAMED_MAX = 10_000
_OVER = frozenset({"CALL_FINISHED", "UNKNOWN_CALL"})


class Callers:
    """What is done for callers."""

    def __init__(self, desk: Desk, link: Link, hearing: Hearing, visits: Visits, lines: Lines) -> None:
        self._desk = desk
        self._hearing = hearing
        self._link = link
        self._visits = visits
        self._lines = lines
        self.on_gone_to_wait: Callable[[Call], None]
        """Is told of a caller who has hung up and wants to be called back."""
        self._named: dict[str, str] = {}
        """The last ids that were left with channels: who comes in again gets the next one."""

    # --- coming in

    def arrive(
        self,
        arrival: Arrival,
        *,
        up: bool = False,
        adopted: bool = False,
        in_mixing: bool = False,
        called_back: str = "",
    ) -> Call | None:
        """A caller is there. Return the call, None if it turned out to be none at once.

        One that is `adopted` has been brought by an earlier run, perhaps; comparing with the router will tell. A
        customer who was called back for a call may be adopted, too.
        """
        before = None if adopted else self._named.get(arrival.channel)
        if before and self._desk.ids.is_call_of(before, arrival.channel):
            name = self._desk.ids.next_call(before)
        else:
            name = called_back or self._desk.ids.call(arrival.channel)
        while name in self._desk.calls:
            name = self._desk.ids.next_call(name)
        call = Call(name, arrival, self._desk.now_us)
        call.known, call.in_mixing = adopted, in_mixing
        call.brought = adopted
        call.alone = adopted and in_mixing
        # what an earlier run has asked for may have been done or not
        call.sound = Sound.UNSURE if adopted else Sound.NOTHING
        call.up = call.answered = up
        call.mixing = Mixing.MADE if in_mixing else Mixing.NONE
        self._desk.calls[call.id] = self._desk.callers[call.channel] = call
        call.missing = {name for name in self._desk.settings.variables if name not in arrival.variables}
        if called_back:
            call.missing = {CALLBACK_VARIABLE}
        elif adopted:
            call.missing |= {CALL_VARIABLE, CALLBACK_VARIABLE} if self._desk.settings.callbacks else {CALL_VARIABLE}
        for name in sorted(call.missing):
            self._desk.request(GetVariable(call.channel, name))
        if not call.missing:
            self._decide(call)
        return self._desk.calls.get(call.id)

    def variable(self, call: Call, name: str, outcome: Outcome) -> None:
        """A channel variable that the rules need is known, or is not set."""
        if call.phase is not CallPhase.ARRIVING or name not in call.missing:
            return
        call.missing.discard(name)
        value = str(outcome.body) if isinstance(outcome, Done) else ""
        if name == CALL_VARIABLE:
            self._recognise(call, value)
        if name == CALLBACK_VARIABLE and value:
            self._recall(call, value)
            return
        if name == ARRIVAL_VARIABLE:
            call.arrival = _arrival_in(value) or call.arrival
        else:
            call.arrival = msgspec.structs.replace(call.arrival, variables={**call.arrival.variables, name: value})
        if not call.missing:
            self._decide(call)

    def _recognise(self, call: Call, name: str) -> None:
        """A caller of an earlier run bears the id of a call."""
        if self._desk.ids.is_call_of(name, call.channel):
            self._rename(call, name)
        elif (line := self._desk.ids.line_of(name)) is not None and line not in self._desk.callers:
            # it was put through, and stands for the channel that the call began with
            self._desk.ids.put_through(line, call.channel)
            self._rename(call, name)
            call.missing.add(ARRIVAL_VARIABLE)
            self._desk.request(GetVariable(call.channel, ARRIVAL_VARIABLE))

    def _recall(self, call: Call, text: str) -> None:
        """A caller was found who is called back, or has just been promised it and is to leave."""
        memory = read_memory(text)
        call.missing.clear()
        if memory is None:
            call.known = False
            self._rename(call, self._desk.ids.left(call.id))
            self.leave(call, None, "callback")
            return
        call.arrival = msgspec.structs.replace(memory.arrival, channel=call.channel)
        call.callback = Callback(memory.number, memory.requirement, tries=memory.tries)
        call.callback.line, call.callback.turned = Line.ON, True
        self._decide(call)

    def _ruling(self, call: Call) -> Decision:
        try:
            return self._desk.settings.rules(call.arrival)
        except Exception as error:
            self._desk.note("error", f"the rules failed for this caller: {error!r}", call=call.id)
            return Unwanted("the rules failed")

    def _decide(self, call: Call) -> None:
        decision = self._ruling(call)
        match decision:
            case Admit():
                self._admit(call, decision)
            case Feature() if call.leg is None:
                self._drop(call)
                self._desk.count("calls", "feature")
                self._visits.begin(call.arrival, decision)
            case _:
                why = decision.why if isinstance(decision, Unwanted) else "it talks with an agent"
                self._desk.count("calls", "unwanted")
                self._desk.note("info", f"not taken: {why}", call=call.id, channel=call.channel)
                self.leave(call, self._desk.settings.fallback)

    def _admit(self, call: Call, decision: Admit) -> None:
        call.enqueue = msgspec.structs.replace(decision.enqueue, call=call.id)
        call.queue = call.enqueue.queue
        self._take_manner(call, decision)
        if call.leg is None:
            call.phase = CallPhase.WAITING
        self._desk.count("calls", "adopted" if call.known else "admitted")
        self._desk.note(
            "info", "calls", call=call.id, channel=call.channel, queue=call.queue, number=call.arrival.caller_number
        )
        self._hearing.settle(call)
        self.be_patient(call)
        if not call.known:
            if call.id != self._desk.ids.call(call.channel) or call.channel in self._named:
                self.name(call)
            self._bring(call)

    def _take_manner(self, call: Call, decision: Admit) -> None:
        settings = self._desk.settings
        call.lets_in = settings.answer if decision.answer is None else decision.answer
        call.music_class = settings.music_class if decision.music_class is None else decision.music_class
        call.keys = settings.keys if decision.keys is None else decision.keys

    def set_manner(self, call: Call) -> None:
        """See that a call which nobody is on the line for has the music and the keys that the rules say."""
        decision = self._ruling(call)
        manner = decision if isinstance(decision, Admit) else Admit(Enqueue(call.id, call.queue))
        self._take_manner(call, manner)

    def _bring(self, call: Call) -> None:
        call.known = True
        assert call.enqueue is not None
        name = call.id
        self._link.send(call.enqueue, call=name, then=lambda answer: self._enqueued(call, name, answer))

    def bring_again(self, call: Call) -> None:
        """The caller was here before and has come back from the dialplan: an id is used once, so take another."""
        if call.leg is not None:
            # rung for the call that bears the old id
            self._end_leg(call)
            call.phase = CallPhase.WAITING
            if call.in_mixing:
                self.unmix(call)
            self._hearing.settle(call)
        self._rename(call, self._desk.ids.next_call(call.id))
        self.name(call)
        self._bring(call)

    def name(self, call: Call) -> None:
        """Leave the id of a call that has not the usual one with its channel, for whoever adopts it."""
        if call.phase is CallPhase.LEAVING or call.off_line:
            return
        self._named[call.channel] = call.id
        if len(self._named) > _NAMED_MAX:
            del self._named[next(iter(self._named))]
        self._desk.request(SetVariable(call.channel, CALL_VARIABLE, call.id))
        if call.channel != call.arrival.channel:
            arrival = msgspec.json.encode(call.arrival).decode()
            self._desk.request(SetVariable(call.channel, ARRIVAL_VARIABLE, arrival))
        if self._desk.settings.callbacks is not None:
            # of an earlier visit, which ended with the promise of a callback
            self._desk.request(SetVariable(call.channel, CALLBACK_VARIABLE, ""))

    def _rename(self, call: Call, name: str) -> None:
        old, call.id = call.id, name
        del self._desk.calls[old]
        self._desk.calls[name] = call
        if call.enqueue is not None:
            call.enqueue = msgspec.structs.replace(call.enqueue, call=name)
        for kind in _TIMERS:
            if (kind, old) in self._desk.timers:
                # looked at at once, which does no harm
                self._desk.timers.clear((kind, old))
                self._desk.timers.set((kind, name), self._desk.now_us)
        if call.waits:
            self._desk.ask(WaitOver(old))
            self._desk.ask(Wait(name, call.channel, call.queue))
        self._desk.note("debug", f"was {old}, and has another id now", call=name, channel=call.channel)

    def _enqueued(self, call: Call, name: str, answer: Applied | Refused | Unanswered) -> None:
        call = self._desk.calls.get(name, call)  # perhaps its caller has left it, to be called back
        if call.id != name:
            # it has got another id meanwhile
            if isinstance(answer, Applied):
                self._link.send(Cancel(name, "enqueued again"), call=name)
            return
        if self._desk.calls.get(name) is not call or call.phase is CallPhase.LEAVING:
            return
        match answer:
            case Applied(reply=reply):
                call.brought = True
                if reply.result.call_state is CallState.REFUSED:
                    self.leave(call, self._desk.settings.refused, "refused")
            case Refused(reason="DUPLICATE_CALL"):
                self.bring_again(call)
            case Refused(reason=reason, message=message):
                call.known = False
                text = f"the router does not take this call: {reason} ({message})"
                self._desk.note("error", text, call=call.id)
                self.leave(call, self._desk.settings.refused, "refused")

    # --- going on

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
            self.leave(call, self._desk.settings.fallback, "fallback")
            # where lists are being compared, this call is in ours
            self.over(call, talked=False)
        elif call.phase is CallPhase.RINGING:
            # perhaps it is answered yet
            self._desk.timers.set(("patience", call.id), self._desk.now_us + _RINGING_PATIENCE_US)

    def part(self, call: Call) -> Call:
        """Go on with a call without its caller, who is left with a name that nobody else knows. Return the new one."""
        name, leg = call.id, call.leg
        self._rename(call, self._desk.ids.left(name))
        on = Call(name, msgspec.structs.replace(call.arrival, channel=""), self._desk.now_us)
        on.phase, on.leg, on.queue, on.returned = call.phase, leg, call.queue, call.returned
        on.enqueue = None if call.enqueue is None else msgspec.structs.replace(call.enqueue, call=name)
        on.known, on.brought, on.detached = call.known, call.brought, call.detached
        on.lets_in, on.music_class, on.keys = call.lets_in, call.music_class, call.keys
        on.entered_us, on.served, on.connects_failed = call.entered_us, call.served, call.connects_failed
        self._desk.calls[name] = on
        call.leg, call.known = None, False
        return on

    def leave(self, call: Call, place: Place | None, how: str = "fallback", words: tuple[str, ...] = ()) -> None:
        """A call is over for us: the caller, who may be told something first, goes on in the dialplan or is hung up."""
        if call.phase is CallPhase.LEAVING:
            return
        if call.off_line:
            self._desk.count("calls_ended", how)
            self._desk.note("info", f"nobody is to be called back any more ({how.replace('_', ' ')})", call=call.id)
            self._end_leg(call)
            self._lines.stop(call)
            self._drop(call)
            return
        call.phase = CallPhase.LEAVING
        call.place = place
        self._desk.count("calls_ended", how)
        where = "is hung up" if place is None else f"goes on at {place.context or 'the next step'}"
        self._desk.note("info", f"{where} ({how.replace('_', ' ')})", call=call.id, channel=call.channel)
        self.unmix(call)
        self._hearing.settle(call)
        self._end_leg(call)
        self._desk.timers.clear(("patience", call.id))
        if words and call.answered:
            call.farewell, call.saying = True, self._desk.ids.playback(call.channel)
            self._desk.request(SetVariable(call.channel, CALLBACK_VARIABLE, _LEFT))
            self._desk.request(Play(call.channel, call.saying, words))
            self._desk.timers.set(("go", call.id), self._desk.now_us + _WORDS_US)
        else:
            self._go(call)

    def _go(self, call: Call) -> None:
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
            self._go(call)

    def said_farewell(self, call: Call) -> None:
        """A caller who leaves has heard what was to be said first."""
        if call.phase is CallPhase.LEAVING and ("go", call.id) in self._desk.timers:
            self._desk.timers.clear(("go", call.id))
            self._go(call)

    def alone(self) -> tuple[str, ...]:
        """Return the calls whose callers an earlier run has left in their mixing bridges with nobody."""
        calls = self._desk.calls.values()
        return tuple(call.id for call in calls if call.alone and call.leg is None and call.phase is CallPhase.WAITING)

    def left_alone(self, name: str) -> None:
        """The router has given a call to an agent who is not there: he has hung up while nobody heard it."""
        call = self._desk.calls.get(name)
        if call is not None and call.leg is None:
            self.leave(call, self._desk.settings.after_agent, "agent_hung_up")
            # as it is not in the list any more, the comparison completes it

    def gone(self, call: Call) -> None:
        """The caller's channel is gone: the router is told, and everything that was made for the call is removed."""
        if call.wants_back and call.phase in (CallPhase.WAITING, CallPhase.RINGING):
            self.on_gone_to_wait(call)
        over = call.phase is CallPhase.LEAVING
        talked = call.phase is CallPhase.HANDED_OVER or (call.leg is not None and call.leg.agreed)
        if ("unmix", call.id) in self._desk.timers:
            call.mixing = Mixing.MADE  # it is still there
        self.unmix(call)
        self._end_leg(call)
        self._drop(call)
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

    def _drop(self, call: Call) -> None:
        self._desk.calls.pop(call.id, None)
        self._desk.callers.pop(call.channel, None)
        self._desk.ids.forget(call.channel)
        for kind in (*_TIMERS, *_OFF_LINE_TIMERS):
            self._desk.timers.clear((kind, call.id))
        if call.waits:
            call.waits = False
            self._desk.ask(WaitOver(call.id))

    def _end_leg(self, call: Call) -> None:
        leg, call.leg = call.leg, None
        if leg is not None:
            self._desk.end_leg(leg, "the call is over")
        if call.peer:
            self._desk.request(HangUp(call.peer))
            self._desk.peers.pop(call.peer, None)
            call.peer = ""

    def unmix(self, call: Call) -> None:
        """Remove the mixing bridge; what the caller hears is settled once that is done."""
        if call.mixing is Mixing.MADE or (call.in_mixing and not call.removals):
            call.mixing = Mixing.GOING
            self._remove(call)

    def _remove(self, call: Call) -> None:
        call.removals += 1
        self._desk.request(DestroyMixing(self._desk.ids.mixing(call.channel)))

    def unmixed(self, call: Call, outcome: Outcome) -> None:
        """The mixing bridge is gone, or could not be removed. Of several requests the last one counts."""
        if not call.removals:
            # it was asked for by a call that the channel had before
            if not isinstance(outcome, Done | Gone) and call.mixing is Mixing.NONE:
                call.mixing = Mixing.MADE
            return
        call.removals -= 1
        if call.removals or call.mixing is not Mixing.GOING:
            return
        if isinstance(outcome, Done | Gone):
            call.mixing, call.in_mixing = Mixing.NONE, False
            self._hearing.settle(call)
        else:
            call.tries += 1
            self._desk.timers.set(("unmix", call.id), self._desk.now_us + self._desk.pause_us(call.tries))

    def unmix_again(self, call: Call) -> None:
        """Try again to remove the mixing bridge."""
        if call.mixing is Mixing.GOING and not call.removals:
            self._remove(call)

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
                self._go(call)
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
            self.gone(call)
        elif not isinstance(outcome, Done):
            self._look(call)


def _arrival_in(text: str) -> Arrival | None:
    try:
        return msgspec.json.decode(text, type=Arrival)
    except msgspec.DecodeError:
        return None
