"""Situations in which customers are called back."""

from __future__ import annotations

import msgspec

from router.bridge.asterisk.floor_settings import FloorSettings
from router.engine import commands as c
from router.engine.vocabulary import CallState
from tests.bridge.model_pbx import ModelChannel
from tests.bridge.situation import Situation
from tests.bridge.world import floor_settings

AGREED = ("sound:auth-thankyou",)
REFUSED = ("sound:im-sorry",)
UNREACHED = ("sound:vm-nobodyavail",)


def settings(**changes: object) -> FloorSettings:
    usual = floor_settings()
    assert usual.callbacks is not None
    return msgspec.structs.replace(usual, callbacks=msgspec.structs.replace(usual.callbacks, **changes))


class Play(Situation):
    """Situations with callbacks."""

    def asks(self) -> str:
        """Let somebody call while nobody is ready, press the key and be hung up; return the call."""
        self.supervise(c.SetAvailability("ben", False, "break"))
        caller = self.calls()
        self.pbx.press(caller, "1")
        self.deliver_all()
        assert caller.id not in self.pbx.channels
        return f"asterisk-{caller.id}"

    def agent_takes(self) -> ModelChannel:
        """Let Ben be ready and answer."""
        self.supervise(c.SetAvailability("ben", True))
        self.deliver_all()
        return self.answers()

    def assigned(self, call: str) -> ModelChannel:
        """Let a supervisor give a callback to Ben, who answers."""
        self.supervise(c.Assign(call, "ben"))
        self.deliver_all()
        return self.answers()

    def rung(self) -> ModelChannel:
        """Return the only line to a customer."""
        (line,) = self.pbx.lines("Down", "Ringing")
        return line

    def reached(self) -> ModelChannel:
        """Let the customer answer."""
        line = self.rung()
        self.pbx.ring(line, dial_first=True)
        self.pbx.lift(line)
        self.pbx.enter(line)
        self.deliver_all()
        return line

    def refuses(self, cause: int = 19) -> None:
        """Let the customer's telephone not answer, with a cause of Asterisk's."""
        self.pbx.refuse(self.rung(), cause)
        self.deliver_all()

    def is_(self, call: str) -> CallState:
        return self.router.engine.call(call).state

    def said(self, media: tuple[str, ...]) -> int:
        return sum(one == media for _, one in self.pbx.said)
