"""Keys: a caller who waits presses one, and goes on in the dialplan, or is to be called back.

Keeps one invariant: a key counts only while the caller waits, never once an agent has answered.
"""

from __future__ import annotations

from router.bridge.asterisk.callbacks import CallingBack
from router.bridge.asterisk.calls import Call
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.floor_settings import CALLBACK
from router.bridge.asterisk.leaving import Leaving


class Keys:
    """What callers press."""

    def __init__(self, desk: Desk, leaving: Leaving, callbacks: CallingBack) -> None:
        self._desk = desk
        self._leaving = leaving
        self._callbacks = callbacks

    def pressed(self, call: Call, key: str) -> None:
        """A caller has pressed a key."""
        if not call.waits or key not in call.keys:
            return
        action = call.keys[key]
        if action == CALLBACK:
            self._callbacks.want(call)
            return
        given = call.leg is not None and call.leg.agreed
        self._desk.note("info", f"the caller has pressed {key}", call=call.id, channel=call.channel)
        self._leaving.leave(call, action, "key")
        # an agent who was given the call without an offer has it already, though the telephone only rings
        self._leaving.over(call, talked=given, why=f"key {key}")
