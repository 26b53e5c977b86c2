"""Arriving: callers who come in, until the router has them.

Keeps one invariant: whoever comes in is known to the router, is on the way out, or is soon one of the two.
"""

from __future__ import annotations

import msgspec

from router.bridge.asterisk.actions import Applied, Refused, Unanswered
from router.bridge.asterisk.ari.requests import Done, GetVariable, Outcome
from router.bridge.asterisk.callback_memory import read_memory
from router.bridge.asterisk.callers import Callers
from router.bridge.asterisk.calls import Call, Callback, CallPhase, Line, Mixing, Sound
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.floor_settings import Admit, Arrival, Decision, Feature, Unwanted
from router.bridge.asterisk.hearing import Hearing
from router.bridge.asterisk.ids import ARRIVAL_VARIABLE, CALL_VARIABLE, CALLBACK_VARIABLE
from router.bridge.asterisk.leaving import Leaving
from router.bridge.asterisk.link import Link
from router.bridge.asterisk.naming import Naming
from router.bridge.asterisk.unmixing import Unmixing
from router.bridge.asterisk.visits import Visits
from router.engine.commands import Cancel, Enqueue
from router.engine.vocabulary import CallState


class Arriving:
    """What is done for callers who come in."""

    def __init__(
        self,
        desk: Desk,
        link: Link,
        hearing: Hearing,
        callers: Callers,
        leaving: Leaving,
        naming: Naming,
        unmixing: Unmixing,
        visits: Visits,
    ) -> None:
        self._desk = desk
        self._link = link
        self._hearing = hearing
        self._callers = callers
        self._leaving = leaving
        self._naming = naming
        self._unmixing = unmixing
        self._visits = visits

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
        name = self._naming.find(arrival.channel, adopted=adopted, called_back=called_back)
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
            self._naming.rename(call, name)
        elif (line := self._desk.ids.line_of(name)) is not None and line not in self._desk.callers:
            # it was put through, and stands for the channel that the call began with
            self._desk.ids.put_through(line, call.channel)
            self._naming.rename(call, name)
            call.missing.add(ARRIVAL_VARIABLE)
            self._desk.request(GetVariable(call.channel, ARRIVAL_VARIABLE))

    def _recall(self, call: Call, text: str) -> None:
        """A caller was found who is called back, or has just been promised it and is to leave."""
        memory = read_memory(text)
        call.missing.clear()
        if memory is None:
            call.known = False
            self._naming.rename(call, self._desk.ids.left(call.id))
            self._leaving.leave(call, None, "callback")
            return
        call.arrival = msgspec.structs.replace(memory.arrival, channel=call.channel)
        back = call.callback = Callback(memory.number, memory.requirement, tries=memory.tries)
        back.line, back.turned = Line.ON, True
        back.paused = back.later = memory.paused
        if back.paused:
            self._desk.timers.set(("back", call.id), self._desk.now_us)
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
                self._desk.forget_call(call)
                self._desk.count("calls", "feature")
                self._visits.begin(call.arrival, decision)
            case _:
                why = decision.why if isinstance(decision, Unwanted) else "it talks with an agent"
                self._desk.count("calls", "unwanted")
                self._desk.note("info", f"not taken: {why}", call=call.id, channel=call.channel)
                self._leaving.leave(call, self._desk.settings.fallback)

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
        self._callers.be_patient(call)
        if not self._naming.is_usual(call) and call.callback is None:
            self._naming.name(call)
        if not call.known:
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
            self._leaving.end_leg(call)
            call.phase = CallPhase.WAITING
            if call.in_mixing:
                self._unmixing.unmix(call)
            self._hearing.settle(call)
        self._naming.rename(call, self._desk.ids.next_call(call.id))
        self._naming.name(call)
        self._bring(call)

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
                    self._leaving.leave(call, self._desk.settings.refused, "refused")
            case Refused(reason="DUPLICATE_CALL"):
                self.bring_again(call)
            case Refused(reason=reason, message=message):
                call.known = False
                text = f"the router does not take this call: {reason} ({message})"
                self._desk.note("error", text, call=call.id)
                self._leaving.leave(call, self._desk.settings.refused, "refused")


def _arrival_in(text: str) -> Arrival | None:
    try:
        return msgspec.json.decode(text, type=Arrival)
    except msgspec.DecodeError:
        return None
