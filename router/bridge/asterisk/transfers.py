"""Transfers: an agent sends the caller on to another queue by dialling.

Keeps one invariant: digits count only while the agent talks, and for a limited time after the last one.
"""

from __future__ import annotations

from router.bridge.asterisk.actions import Applied, Refused, Unanswered
from router.bridge.asterisk.ari.requests import Play
from router.bridge.asterisk.calls import Call, Leg, LegPhase
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.floor_settings import Transfers
from router.bridge.asterisk.link import Link
from router.engine.commands import Transfer

_DIGITS_MAX = 32


class TransferDialling:
    """What agents dial while they talk."""

    def __init__(self, desk: Desk, link: Link) -> None:
        self._desk = desk
        self._link = link

    def digit(self, call: Call, leg: Leg, digit: str) -> None:
        """An agent has pressed a key."""
        transfers = self._desk.settings.transfers
        if transfers is None or leg.phase is not LegPhase.MIXED:
            return
        digits = leg.digits + digit
        begins = digits[: len(transfers.code)] == transfers.code[: len(digits)]
        if not begins:
            # a wrong key may be the first of another try
            digits = digit if transfers.code.startswith(digit) else ""
        leg.digits = digits[:_DIGITS_MAX]
        self._desk.timers.set(("digits", leg.id), self._desk.now_us + transfers.timeout_us)
        if leg.agreed:
            self._act(call, leg, transfers, digits)

    def connected(self, call: Call, leg: Leg) -> None:
        """The router has agreed that the two talk: what was dialled before counts now."""
        if self._desk.settings.transfers is not None:
            self._act(call, leg, self._desk.settings.transfers, leg.digits)

    def _act(self, call: Call, leg: Leg, transfers: Transfers, digits: str) -> None:
        """Do what was dialled, if it is complete."""
        number = digits[len(transfers.code) :]
        if transfers.end and number.endswith(transfers.end):
            self._dialled(call, leg, transfers, number.removesuffix(transfers.end))
        elif not transfers.end and number in transfers.queues:
            self._dialled(call, leg, transfers, number)

    def forget(self, leg: Leg) -> None:
        """An agent has stopped half-way."""
        leg.digits = ""

    def _dialled(self, call: Call, leg: Leg, transfers: Transfers, number: str) -> None:
        leg.digits = ""
        queue = transfers.queues.get(number)
        if queue is None:
            self._refuse(leg, "unknown_code", f"no queue has the code {number!r}")
            return

        def then(answer: Applied | Refused | Unanswered) -> None:
            if isinstance(answer, Applied):
                self._desk.count("transfers", "done")
            elif leg.phase is LegPhase.MIXED:
                self._refuse(leg, "refused", str(answer))

        self._desk.note("info", f"the agent sends the caller on to {queue}", leg=leg)
        self._link.send(Transfer(call.id, queue, transfers.keep_place), call=call.id, then=then)

    def _refuse(self, leg: Leg, how: str, why: str) -> None:
        self._desk.count("transfers", how)
        self._desk.note("warning", f"a transfer was not done: {why}", leg=leg)
        invalid = self._desk.settings.sounds.invalid
        if invalid:
            self._desk.request(Play(leg.id, self._desk.ids.playback(leg.id), (invalid,)))
