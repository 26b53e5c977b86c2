"""Legs: agents' telephones, from being rung to being hung up.

Keeps one invariant: whatever becomes of a telephone that was rung for a call, the router is told.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import msgspec

from router.bridge.asterisk.actions import Applied, Refused, Unanswered
from router.bridge.asterisk.agent_book import AgentBook
from router.bridge.asterisk.ari.requests import Done, Gone, HangUp, Originate, Outcome, Play, Request, Unreachable
from router.bridge.asterisk.calls import Call, CallPhase, Leg, LegPhase, Line
from router.bridge.asterisk.causes import SECOND_US, Ending, LegEnd, end_of
from router.bridge.asterisk.connecting import Connecting
from router.bridge.asterisk.desk import LEG_CHECK_US, Desk
from router.bridge.asterisk.hearing import Hearing
from router.bridge.asterisk.ids import AGENT_VARIABLE, CALL_VARIABLE, LEG_ROLE
from router.bridge.asterisk.leaving import Leaving
from router.bridge.asterisk.link import Link
from router.bridge.asterisk.returns import Returns
from router.engine.commands import Accept, Reject, SetAvailability

_NO_ENDPOINT = "no endpoint"
_GONE = "agent hung up"
_LATER = "callback later"
_RUNG_MAX = 10_000


class Legs:
    """What is done about agents' telephones."""

    def __init__(
        self,
        desk: Desk,
        link: Link,
        book: AgentBook,
        hearing: Hearing,
        leaving: Leaving,
        returns: Returns,
        connecting: Connecting,
    ) -> None:
        self._desk = desk
        self._link = link
        self._book = book
        self._hearing = hearing
        self._leaving = leaving
        self._returns = returns
        self._connecting = connecting
        self.on_heard_enough: Callable[[Call], None]
        """Is told of an agent who hangs up while being told that the customer was not reached."""
        self._accepting: set[int] = set()
        self._rung: dict[str, int] = {}
        """How often the last ids were used."""

    def awaits_accept(self, offer: int) -> bool:
        """Say whether the router has still to answer our Accept of an offer."""
        return offer in self._accepting

    # --- ringing

    def ring(self, call: Call, agent: str, offer: int, ring_us: int, *, direct: bool) -> None:
        """Ring an agent for a call."""
        if call.callback is not None and call.callback.paused and not direct:
            # from before the router knew it
            self._link.send(Reject(offer, _LATER), call=call.id)
            return
        endpoint = self._desk.settings.agents.endpoint_of(agent)
        if endpoint is None:
            self._unknown_endpoint(call, agent, offer, direct)
            return
        leg = Leg(self._free_id(offer, direct), call.id, agent, offer, direct=direct, now_us=self._desk.now_us)
        leg.stands_until_us = 0 if direct else self._desk.now_us + ring_us
        self.take(call, leg)
        timeout_us = ring_us + (0 if direct else self._desk.settings.ring_extra_us)
        self._desk.request(
            Originate(
                leg.id,
                endpoint=endpoint,
                app_args=(LEG_ROLE, agent, call.id),
                caller_id=self._desk.settings.caller_id(call.arrival),
                timeout_s=max(1, -(-timeout_us // SECOND_US)),
                originator=call.channel,
                variables={CALL_VARIABLE: call.id, AGENT_VARIABLE: agent},
            )
        )
        self._connecting.prepare(call)
        # Asterisk has ended it by then; should that not have been heard, it is asked
        self._desk.timers.set(("look", leg.id), self._desk.now_us + timeout_us + LEG_CHECK_US)
        self._desk.note("info", "the agent's telephone is rung", leg=leg, endpoint=endpoint)

    def _free_id(self, offer: int, direct: bool) -> str:
        """Return an id for a leg. A router that lost its memory counts offers anew, and old ids are still heard of."""
        first = self._desk.ids.leg(offer, direct=direct)
        self._use(first)
        tries = (self._desk.ids.leg(offer, direct=direct, time=time) for time in itertools.count(self._rung[first]))
        return next(leg_id for leg_id in tries if leg_id not in self._desk.legs)

    def _use(self, first: str) -> None:
        self._rung[first] = self._rung.get(first, 0) + 1
        while len(self._rung) > _RUNG_MAX:
            del self._rung[next(iter(self._rung))]

    def shun(self, leg_id: str) -> None:
        """Hang up a leg that is nobody's; its id is not given to another one."""
        parts = self._desk.ids.leg_of(leg_id)
        assert parts is not None
        self._use(self._desk.ids.leg(parts.offer, direct=parts.direct))
        self._desk.request(HangUp(leg_id))

    def take(self, call: Call, leg: Leg) -> None:
        """Make a leg the call's own."""
        self._desk.legs[leg.id] = leg
        self._desk.touch(leg.id)
        call.leg = leg
        call.phase = CallPhase.RINGING
        self._hearing.settle(call)

    def _unknown_endpoint(self, call: Call, agent: str, offer: int, direct: bool) -> None:
        self._desk.note("error", f"agent {agent} has no endpoint; see [agents]", call=call.id)
        if direct:
            self._returns.give_back(call, offer, _NO_ENDPOINT)
        self._link.send(SetAvailability(agent, False, _NO_ENDPOINT), call=call.id)
        if not direct:
            # the offer of an agent who was ready is taken back by now; otherwise this ends it
            self._link.send(Reject(offer, _NO_ENDPOINT), call=call.id)

    def dialled(self, leg: Leg, request: Originate, outcome: Outcome) -> None:
        """The request to ring was answered."""
        leg.dialled = True
        if isinstance(outcome, Done):
            return
        call = self._desk.call_of(leg)
        if isinstance(outcome, Gone) and call is not None:
            # not the telephone is to blame: the caller has hung up in this instant, or was put through
            if request.originator == call.channel:
                self._leaving.gone(call)
                call = self._desk.call_of(leg)  # it may go on without its caller, who is to be called back
            if call is not None:
                self._desk.request(msgspec.structs.replace(request, originator=call.channel))
            return
        end = LegEnd.FAILED if isinstance(outcome, Unreachable) else LegEnd.UNREACHABLE
        self._desk.note("warning", f"the agent's telephone could not be rung: {outcome}", leg=leg)
        if leg.phase is LegPhase.RINGING:
            # it may be there all the same: no answer is no proof, and 409 may mean that the id is in use
            self._desk.end_leg(leg, "it could not be rung")
            self._not_answered(leg, end)

    def ringing(self, leg: Leg) -> None:
        """A telephone rings, or lets its ringing be heard itself (183)."""
        leg.rang = True

    # --- answered

    def answered(self, leg: Leg) -> None:
        """An agent has answered."""
        if leg.phase is not LegPhase.RINGING:
            if leg.phase is LegPhase.ENDING:
                # it was on its way out; the telephone was quicker
                self._desk.hang_up(leg)
            return
        call = self._desk.call_of(leg)
        if call is None:
            self._desk.end_leg(leg, "nobody waits for it any more")
            return
        leg.phase, leg.rang, leg.answered_us = LegPhase.ANSWERED, True, self._desk.now_us
        self._desk.timers.clear(("look", leg.id))
        self._desk.count("legs", "answered")
        self._desk.observe("ring_seconds", leg.begun_us)
        self._desk.note("info", "the agent has answered", leg=leg)
        if leg.agreed:
            self._connecting.connect(call, leg)
        else:
            self._accept(call, leg)

    def _accept(self, call: Call, leg: Leg) -> None:
        at_once = self._connecting.need_not_wait(call, leg)
        self._accepting.add(leg.offer)
        self._link.send(Accept(leg.offer), call=call.id, then=lambda answer: self._accepted(leg, answer))
        if at_once:
            self._connecting.connect(call, leg)
        else:
            self._hearing.settle(call)

    def _accepted(self, leg: Leg, answer: Applied | Refused | Unanswered) -> None:
        self._accepting.discard(leg.offer)
        call = self._desk.calls.get(leg.call)
        current = call is not None and call.leg is leg
        match answer:
            case Applied() if current and call is not None:
                self._desk.observe("accept_seconds", leg.answered_us)
                self._connecting.agreed(call, leg)
            case Applied() if call is not None and call.phase is CallPhase.WAITING and not leg.agreed:
                self._agreed_late(call, leg)
            case Unanswered() if current and call is not None:
                # both are there and the router is not: they talk, and the comparison tells it
                self._connecting.agreed(call, leg)
            case Refused(reason=reason) if current and call is not None:
                self._desk.note("info", f"the agent's answer came too late: {reason}", leg=leg)
                self._returns.back_to_waiting(call, leg, "the offer was over")
                if reason not in ("OFFER_ENDED", "CALL_FINISHED"):
                    self._link.compare_again(f"an answer was refused: {reason}")
            case _:
                pass

    def _agreed_late(self, call: Call, leg: Leg) -> None:
        """The agent was gone when the router had agreed."""
        if leg.talked and not call.off_line:
            self._talk_over(call, leg)
        else:
            self._desk.note("info", "the agent was gone when the router had agreed", leg=leg)
            self._returns.give_back(call, leg.offer, _GONE)

    # --- over

    def hanging_up(self, leg: Leg) -> None:
        """An agent who had answered hangs up."""
        if leg.phase in (LegPhase.ANSWERED, LegPhase.MIXED):
            self._over(leg)
            self._desk.timers.set(("leg", leg.id), self._desk.now_us + LEG_CHECK_US)

    def gone(self, leg: Leg, cause: int) -> None:
        """A leg's channel is gone, or not ours any more."""
        if leg.phase is LegPhase.RINGING:
            end = end_of(cause, rang=leg.rang)
            self._desk.note("info", f"the agent did not answer: {end.value} (cause {cause})", leg=leg)
            leg.phase = LegPhase.ENDING
            self._not_answered(leg, end)
        else:
            self._over(leg)
        self._desk.forget_leg(leg)
        self._book.talk_over(leg.agent)

    def _not_answered(self, leg: Leg, end: LegEnd) -> None:
        call = self._desk.call_of(leg)
        self._desk.count("legs", end.value)
        if call is None:
            return
        self._returns.release(call)
        ending = self._desk.settings.endings.get(end, Ending(not_ready=False))
        if leg.agreed:
            # the agent was given the call: without this the next would be given at once
            self._book.park(leg.agent, end, Ending(True, ending.ready_again_us))
            self._returns.give_back(call, leg.offer, end.value)
        elif ending.not_ready:
            # this takes the offer back, too
            self._book.park(leg.agent, end, ending)
            self._link.send(Reject(leg.offer, end.value), call=call.id)
        else:
            self._link.send(Reject(leg.offer, end.value), call=call.id)

    def _over(self, leg: Leg) -> None:
        """An agent who had answered is gone."""
        mixed, leg.phase = leg.phase is LegPhase.MIXED, LegPhase.ENDING
        call = self._desk.call_of(leg)
        if call is None:
            return
        if call.callback is not None and call.callback.line is Line.UNREACHED:
            self.on_heard_enough(call)
            return
        if mixed and leg.agreed:
            self._talk_over(call, leg)
            return
        self._returns.release(call)
        leg.talked = mixed
        if not mixed:
            self._book.fell_through(leg.agent)
        if leg.agreed:
            self._returns.give_back(call, leg.offer, _GONE)
        # otherwise what the router says to the answer decides: see _accepted

    def _talk_over(self, call: Call, leg: Leg) -> None:
        self._desk.note("info", "the agent has hung up", leg=leg)
        self._leaving.leave(call, self._desk.settings.after_agent, "agent_hung_up")
        self._leaving.over(call, talked=True)

    # --- what became of requests

    def request_answered(self, leg: Leg, request: Request, outcome: Outcome) -> None:
        """A request about an agent's channel was answered."""
        match request, outcome:
            case Originate(), _:
                self.dialled(leg, request, outcome)
            case Play(), _:
                pass
            case _, Gone() if leg.phase is LegPhase.ENDING:
                self.gone(leg, 0)
            case _, Done():
                pass
            case _:
                leg.tries += 1
                self._desk.timers.set(("leg", leg.id), self._desk.now_us + self._desk.pause_us(leg.tries))

    def look_again(self, leg: Leg) -> None:
        """A leg that should be gone is hung up once more."""
        if leg.phase is LegPhase.ENDING:
            self._desk.hang_up(leg)
