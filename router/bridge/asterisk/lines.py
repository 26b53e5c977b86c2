"""Lines: customers who are called back, while they are being called.

Keeps one invariant: a customer is called only while an agent has the call, is there and listens.
"""

from __future__ import annotations

from router.bridge.asterisk.ari.requests import HangUp, OriginateOnce, Ring
from router.bridge.asterisk.callback_memory import memory_of
from router.bridge.asterisk.calls import Call, CallPhase, Leg, Line
from router.bridge.asterisk.causes import SECOND_US
from router.bridge.asterisk.desk import LEG_CHECK_US, Desk
from router.bridge.asterisk.ids import CALL_VARIABLE, CALLBACK_VARIABLE, CUSTOMER_ROLE

NUMBER = "{number}"
"""What stands for the customer's number in an endpoint."""


class Lines:
    """Calling customers, and ceasing to."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._last = 0

    def dial(self, call: Call, leg: Leg) -> None:
        """Call the customer; the agent hears it ring."""
        settings, back = self._desk.settings.callbacks, call.callback
        assert settings is not None
        assert back is not None
        back.line = Line.DIALLED
        call.phase = CallPhase.CONNECTING
        # unlike any before, of an earlier run too
        self._last = max(self._last + 1, self._desk.now_us)
        call.channel = self._desk.ids.customer(call.id, self._last)
        self._desk.lines[call.channel] = call
        self._desk.touch(call.channel)
        self._desk.request(Ring(leg.id))
        self._desk.request(
            OriginateOnce(
                call.channel,
                endpoint=settings.endpoint.replace(NUMBER, back.number),
                app_args=(CUSTOMER_ROLE, call.id),
                caller_id=settings.caller_id,
                timeout_s=max(1, -(-settings.ring_us // SECOND_US)),
                originator=leg.id,
                variables={CALL_VARIABLE: call.id, CALLBACK_VARIABLE: memory_of(call)},
            )
        )
        # Asterisk has ended it by then; its end may have been missed
        self._desk.timers.set(("line", call.id), self._desk.now_us + settings.ring_us + LEG_CHECK_US)
        self._desk.note("info", "the customer is called", leg=leg, number=back.number)

    def stop(self, call: Call) -> None:
        """Call the customer no more: there is no agent."""
        if call.callback is not None and call.callback.line is Line.DIALLED:
            self._desk.request(HangUp(call.channel))
        self.off(call)

    def off(self, call: Call) -> None:
        """The customer is off the line, or has never been on it."""
        self.settled(call)
        call.channel = ""
        if call.callback is not None:
            call.callback.line = Line.OFF

    def settled(self, call: Call) -> None:
        """It is known how the calling went."""
        self._desk.lines.pop(call.channel, None)
        for kind in ("line", "told"):
            self._desk.timers.clear((kind, call.id))
