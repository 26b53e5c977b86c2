"""What must hold when nothing is under way: every channel, mixing bridge, call, agent and promise is accounted for."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Final

from router.bridge.asterisk.callback_memory import ATTRIBUTE, read_memory
from router.bridge.asterisk.floor import Floor
from router.bridge.asterisk.floor_settings import FloorSettings
from router.bridge.asterisk.ids import CALL_VARIABLE
from router.engine.views import CallView
from router.engine.vocabulary import Availability, CallState, EngagementState
from tests.bridge.model_pbx import ModelChannel, ModelPbx
from tests.server.desk import Desk

CLIENT: Final = "asterisk"


class AtRest:
    """A world that can be checked when it is at rest."""

    settings: FloorSettings
    pbx: ModelPbx
    router: Desk
    floor: Floor
    waits: set[str]
    insist: set[str]
    promised: set[str]
    forgotten: set[str]
    ended_by_others: set[str]

    def check(self) -> None:
        engine, pbx = self.router.engine, self.pbx
        engine.audit()
        assert self.floor.pbx_known, "Asterisk's side is not known"
        assert self.floor.router_together, "the router's side is not known"
        live = {
            view.call: view
            for view in engine.calls()
            if view.state <= CallState.ASSIGNED and self.router.sessions.calls.owner(view.call) == CLIENT
        }
        callers = {_name_of(caller, live): caller for caller in pbx.callers()}
        handed_over = self._handed_over()
        callers = {call: caller for call, caller in callers.items() if caller.id not in handed_over}
        left = self._left_to_talk(callers.keys() - live.keys())
        for call in left:
            del callers[call]
        astray = (live.keys() - self._off_line(live)) ^ callers.keys()
        assert not astray, f"{astray}: each live call has its caller's channel, and the other way"
        wanted_legs = set(left.values())
        wanted_legs |= self._check_off_line(live)
        for call, view in live.items():
            if call not in callers:
                continue
            caller = callers[call]
            legs = [leg for leg in pbx.legs("Down", "Ringing", "Up") if leg.args[-1] == call]
            if view.detached:
                assert self._left_to_talk([call]), f"{call} is detached, and does not talk"
                wanted_legs.add(legs[0].id)
                continue
            if view.state is CallState.WAITING:
                assert not legs, f"{call} waits, and {legs[0].id} is rung for it"
            else:
                assert [leg.args[1] for leg in legs] == [view.agent], f"{call}: {view.agent} should have it"
                rung = legs[0].id.removesuffix("-leg").partition("~")[0]
                assert view.state is CallState.ASSIGNED or f"{CLIENT}-offer-{view.offer}" == rung
                wanted_legs.add(legs[0].id)
            talks = view.state is CallState.ASSIGNED and legs[0].state == "Up"
            if talks:
                assert set(pbx.bridges.get(caller.bridge, ())) == {caller.id, legs[0].id}, (
                    f"{call} is not with {legs[0].id}"
                )
                assert caller.state == "Up"
                assert (caller.music, caller.ringing) == (False, False), f"{call} hears music while talking"
            else:
                assert not caller.bridge, f"{call} is in a mixing bridge, with nobody"
                assert all(leg.state != "Up" for leg in legs), f"{legs[0].id} has answered and is not connected"
                assert caller.music or (caller.ringing and caller.state == "Ring"), f"{call} hears nothing"
            assert (call in self.waits) == (not talks), f"announcements to {call}"
        assert {leg.id for leg in pbx.legs("Down", "Ringing", "Up")} == wanted_legs, "a leg is nobody's"
        ours = {_bridge_of(f"{CLIENT}-{caller.id}") for caller in pbx.callers()}
        ours |= {_bridge_of(_name_of(caller, live)) for caller in pbx.callers()}
        ours |= {caller.bridge or f"{CLIENT}-call-{caller.line}" for caller in pbx.callers()}
        assert pbx.bridges.keys() <= ours, "a bridge is nobody's"
        assert self.waits <= callers.keys()
        self._check_agents()

    def _off_line(self, live: Mapping[str, CallView]) -> set[str]:
        """Return the callbacks that nobody is on the line for."""
        return {call for call in live if (known := self.floor._desk.calls.get(call)) is not None and known.off_line}

    def _check_off_line(self, live: Mapping[str, CallView]) -> set[str]:
        """Check the callbacks, and return the legs of those who are to get them."""
        wanted_legs, wanted_lines = set(), set()
        for call in self._off_line(live):
            view = live[call]
            assert view.callback or view.state is CallState.ASSIGNED, (
                f"{call} has nobody on the line, and the router does not know it"
            )
            assert not view.detached
            legs = [leg for leg in self.pbx.legs("Down", "Ringing", "Up") if leg.args[-1] == call]
            lines = [line for line in self.pbx.lines("Down", "Ringing", "Up") if line.args[-1] == call]
            if view.state is CallState.WAITING:
                assert not legs, f"{call} waits, and {legs[0].id} is rung for it"
                assert not lines, f"{call} waits, and its customer is called"
                continue
            assert [leg.args[1] for leg in legs] == [view.agent], f"{call}: {view.agent} should have it"
            wanted_legs.add(legs[0].id)
            if legs[0].state == "Up":
                assert view.state is CallState.ASSIGNED
                assert legs[0].ringing, f"{legs[0].id} hears nothing"
                assert len(lines) == 1, f"{call}: {lines} are called while {view.agent} waits"
                wanted_lines.add(lines[0].id)
            else:
                assert not lines, f"{call}: the customer is called before the agent has answered"
        assert {line.id for line in self.pbx.lines("Down", "Ringing", "Up")} == wanted_lines, "a line is nobody's"
        self._check_promises()
        return wanted_legs

    def _check_promises(self) -> None:
        """Nobody who was promised a callback is given up, unless somebody was reached or a supervisor has ended it."""
        for call in self.promised - self.ended_by_others - self.forgotten:
            view = self.router.engine.call(call)
            memory = read_memory(view.attributes[ATTRIBUTE])
            assert memory is not None
            tries = self.settings.callbacks.tries if self.settings.callbacks else 0
            over = call in self.pbx.reached or memory.tries >= tries - 1
            assert view.state <= CallState.ASSIGNED or over, f"{call} was promised a callback: {view}"

    def _handed_over(self) -> set[str]:
        """Return the callers whose agents have handed them over: they talk with somebody else, and nobody is alone."""
        found = set()
        for stranger in self.pbx.strangers():
            if not stranger.stasis:
                continue  # it rings until Asterisk gives up, or it comes in
            others = [one for one in self.pbx.bridges.get(stranger.bridge, ()) if one != stranger.id]
            assert len(others) == 1, f"{stranger.id} is left, with {others}"
            assert not self.pbx.channels[others[0]].music, f"{others[0]} hears music while talking"
            found.add(others[0])
        return found

    def _left_to_talk(self, calls: Iterable[str]) -> dict[str, str]:
        """Return those of the calls, with their legs, who talk while the call is over for the router."""
        left = {}
        for call in calls:
            for leg in self.pbx.legs("Up"):
                if len(self.pbx.bridges.get(leg.bridge, ())) == 2 and leg.args[-1] == call:
                    ours = self.router.sessions.agents.owner(leg.args[1]) == CLIENT
                    left[call] = leg.id
                    if not ours:
                        continue
                    view = self.router.engine.agent(leg.args[1])
                    ready = view.availability is Availability.READY and view.agent not in self.insist
                    assert not ready, f"{view.agent} talks, and is ready"
        return left

    def _check_agents(self) -> None:
        for view in self.router.engine.agents():
            for engagement in view.engagements:
                if engagement.state is not EngagementState.WRAP_UP:
                    assert self.router.engine.call(engagement.call).state <= CallState.ASSIGNED
            if view.availability is Availability.NOT_READY and self.router.sessions.agents.owner(view.agent) == CLIENT:
                assert view.reason != "connection_lost", f"{view.agent} is stuck"
                if view.reason == "unknown_call":
                    assert any(leg.args[1] == view.agent for leg in self.pbx.legs("Up")), f"{view.agent} is stuck"
                if view.reason in ("busy", "unreachable"):
                    assert ("agent", view.agent) in self.floor._desk.timers, f"{view.agent} is stuck: {view.reason}"


def _name_of(caller: ModelChannel, live: Container[str]) -> str:
    """Return the name of a caller's call. Who was put through is a new caller if nobody heard of that."""
    usual, anew = (f"{CLIENT}-{channel}" for channel in (caller.line, caller.id))
    name = caller.variables.get(CALL_VARIABLE, "")
    if name:
        return anew if name not in live and anew in live else name
    return anew if anew in live or usual not in live else usual


def _bridge_of(call: str) -> str:
    return f"{CLIENT}-call-{call.removeprefix(f'{CLIENT}-').partition('~')[0]}"
