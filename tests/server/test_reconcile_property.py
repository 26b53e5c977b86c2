"""Reconcile as a property: whatever a telephone system says that it has, the router agrees with it afterwards.

Method: a random centre is driven, its agents and calls brought by two clients and by nobody. One client's picture is
what the engine has; then as much of it as chance wants becomes something else (ended, elsewhere, unknown, …), while its
session is lost or not. After Reconcile each call and agent is where the picture has it, or a difference says why not;
nothing of the others' is touched; nobody holds more than they may; no call is gone; and with the picture as the client
then has it, doing it again does nothing at all.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from router.engine import commands as c
from router.engine import events as e
from router.engine.views import AgentView, CallView
from router.engine.vocabulary import Availability, CallState, EngagementState
from router.fairness import check
from router.server.sessions.reconcile.reconciliation import Reconciliation
from router.wire.sessions import DifferenceKind, LiveAgent, LiveCall
from tests.fairness import centres as make
from tests.server.desk import Desk, Driven

CLIENT = "pbx"
EXAMPLES = make.examples(150)
ENDINGS = e.CallCompleted | e.CallAbandoned | e.CallRefused


class Change(NamedTuple):
    """What becomes of one entry of the picture, as numbers."""

    what: int
    which: int
    more: int


changes = st.lists(st.builds(Change, st.integers(0, 11), st.integers(0, 255), st.integers(0, 255)), max_size=14)
drives = make.centres(most=45, favour={"enqueue": 16, "sign_in": 12, "detach": 0, "attach": 0})


class Picture:
    """What the client believes."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.calls = {one.call: live_call(one) for one in own_calls(desk)}
        self.agents = {one.agent: live_agent(one) for one in own_agents(desk)}

    def change(self, change: Change) -> None:
        """Let the picture differ from the engine's in one more way."""
        what, which, more = change
        calls, agents = sorted(self.calls), sorted(self.agents)
        call = calls[which % len(calls)] if calls else ""
        agent = agents[which % len(agents)] if agents else ""
        if what == 0 and call:
            del self.calls[call]
        elif what == 1 and agent:
            del self.agents[agent]
        elif what in (2, 3) and call:
            self.put(call, self.calls[call].enqueue, talks_with=self.somebody(more))
        elif what == 4 and call:
            self.put(call, self.calls[call].enqueue)
        elif what == 5 and call:
            self.put(call, self.calls[call].enqueue, rings_as=1 + more % 40)
        elif what in (6, 7):
            queue = sorted(self.desk.engine.settings.queues)[which % len(self.desk.engine.settings.queues)]
            name = f"pbx-only-{which % 8}"
            enqueue = c.Enqueue(name, queue, credited_wait_us=more * 1_000_000) if more % 8 else None
            self.put(name, enqueue, talks_with=self.somebody(more) if what == 7 else None)
        elif what == 8:
            others = [one.call for one in self.desk.engine.calls() if one.call not in self.calls]
            if others:
                self.put(others[which % len(others)], None, talks_with=self.somebody(more) if more % 2 else None)
        elif what == 9 and agent:
            ready = not self.agents[agent].sign_in.ready
            self.agents[agent] = LiveAgent(msgspec.structs.replace(self.agents[agent].sign_in, ready=ready))
        elif what == 10 and agent and not self.agents[agent].sign_in.ready:
            self.agents[agent] = LiveAgent(self.agents[agent].sign_in, "lunch")
        elif what == 11:
            names = (*make.AGENTS, "pbx-gus", "pbx-hal")
            name = names[which % len(names)]
            self.agents.setdefault(name, LiveAgent(c.SignIn(name, {"loans": 5}, ready=more % 3 > 0)))

    def put(
        self, call: str, enqueue: c.Enqueue | None, talks_with: str | None = None, rings_as: int | None = None
    ) -> None:
        self.calls[call] = LiveCall(call, rings_as, talks_with, enqueue)

    def somebody(self, number: int) -> str:
        names = sorted({*self.agents, *make.AGENTS})
        return names[number % len(names)]

    def follow(self, found: Reconciliation) -> None:
        """Do what the differences leave to the client, and learn what happened since, as from the watch."""
        for difference in found.differences:
            if difference.repaired:
                continue
            if difference.kind is DifferenceKind.TALKING:
                # they hang up
                self.desk.do(c.Cancel(difference.call))
            if difference.kind is DifferenceKind.OFFER_ENDED:
                continue
            if difference.call in self.calls and self.desk.sessions.calls.owner(difference.call) == CLIENT:
                view = self.desk.engine.call(difference.call)
                if view.state is not CallState.ASSIGNED:
                    self.desk.do(c.Cancel(difference.call))
            self.calls.pop(difference.call, None)
            if difference.kind is DifferenceKind.AVAILABILITY:
                self.desk.do(c.SetAvailability(difference.agent, True))
            elif difference.kind in (DifferenceKind.OTHER_OWNER, DifferenceKind.AGENT_UNKNOWN):
                self.agents.pop(difference.agent, None)
        self.calls = {one.call: live_call(one) for one in own_calls(self.desk) if one.call in self.calls}
        self.agents = {one.agent: live_agent(one) for one in own_agents(self.desk)}


def live_call(view: CallView) -> LiveCall:
    if view.state is CallState.OFFERED:
        return LiveCall(view.call, ringing=view.offer)
    if view.state is CallState.ASSIGNED:
        return LiveCall(view.call, talking=view.agent)
    return LiveCall(view.call)


def live_agent(view: AgentView) -> LiveAgent:
    return LiveAgent(c.SignIn(view.agent, view.skills, view.capacity, view.availability is Availability.READY))


def own_calls(desk: Desk, client_id: str = CLIENT) -> list[CallView]:
    return [desk.engine.call(call) for call in desk.sessions.calls.of(client_id)]


def own_agents(desk: Desk, client_id: str = CLIENT) -> list[AgentView]:
    return [desk.engine.agent(agent) for agent in desk.sessions.agents.of(client_id)]


def others(desk: Desk) -> tuple[set[str], dict[str, tuple[Availability, str]]]:
    """Return the live calls that are not the client's, and how the others' agents stand."""
    calls = {one.call for one in desk.engine.calls() if one.state <= CallState.ASSIGNED}
    agents = {
        one.agent: (one.availability, one.reason)
        for one in desk.engine.agents()
        if one.availability is not Availability.SIGNED_OUT
    }
    return (
        {call for call in calls if desk.sessions.calls.owner(call) != CLIENT},
        {agent: stand for agent, stand in agents.items() if desk.sessions.agents.owner(agent) != CLIENT},
    )


def agrees(desk: Desk, live: LiveCall, offers_before: int) -> bool:
    """Whether the router has the call where the client has it, or has moved it on since by itself."""
    view = desk.engine.call(live.call)
    if live.talking is not None:
        return view.state is CallState.ASSIGNED and view.agent == live.talking
    if live.ringing is not None and view.state is CallState.OFFERED and view.offer == live.ringing:
        return True
    return view.state is CallState.WAITING or (view.offer is not None and view.offer > offers_before)


def offers_made(desk: Desk) -> int:
    offers = [
        event.offer
        for one in desk.happenings
        for event in one.events
        if isinstance(event, e.OfferMade | e.CallAssigned)
    ]
    return max(offers, default=0)


def check_calls(desk: Desk, picture: Picture, found: Reconciliation, offers_before: int, sequence: int) -> None:
    # a call that comes back may meet its queue's wait limit at once
    left = {one.call for one in found.differences if not one.repaired} | refused_since(desk, sequence)
    for call, live in picture.calls.items():
        if call in left:
            continue
        view = desk.engine.call(call)
        assert desk.sessions.calls.owner(call) == CLIENT
        assert not view.detached, call
        assert agrees(desk, live, offers_before), (live, view.state, view.agent, view.offer)
    assert {one.call for one in own_calls(desk)} <= picture.calls.keys()


def check_agents(desk: Desk, picture: Picture, found: Reconciliation) -> None:
    left = {one.agent: one for one in found.differences if not one.repaired and one.kind is not DifferenceKind.TALKING}
    for agent, live in picture.agents.items():
        view = desk.engine.agent(agent)
        if agent in left:
            # held back, refused, or somebody else's
            assert left[agent].problem
            continue
        assert desk.sessions.agents.owner(agent) == CLIENT
        stands = (Availability.READY,) if live.sign_in.ready else (Availability.NOT_READY, Availability.CLOSING)
        assert view.availability in stands, (agent, view.availability)
        assert view.reason != "connection_lost"
    assert {one.agent for one in own_agents(desk)} <= picture.agents.keys()


def check_nobody_has_two(desk: Desk, picture: Picture) -> None:
    """No agent of the client who talks for it with a call that takes the agent whole is offered another."""
    channels = desk.engine.settings.channels
    known = {one.call: one for one in desk.engine.calls()}
    for call, live in picture.calls.items():
        taken_whole = call not in known or channels[known[call].channel].exclusive
        if live.talking in picture.agents and desk.sessions.agents.owner(live.talking) == CLIENT and taken_whole:
            engagements = desk.engine.agent(live.talking).engagements
            ringing = [one.call for one in engagements if one.state is EngagementState.OFFERED]
            assert ringing in ([], [call])


@EXAMPLES
@given(drives, changes, st.booleans(), st.booleans())
def test_after_reconcile_both_sides_agree(
    centre: make.Centre, divergence: list[Change], with_session: bool, loses: bool
) -> None:
    desk = Driven(centre.settings)
    if with_session:
        desk.begin(CLIENT)
    make.drive(desk, centre)
    picture = Picture(desk)
    if with_session and loses:
        desk.lose(CLIENT)
    for change in divergence:
        picture.change(change)
    reconcile_and_check(desk, picture)


def reconcile_and_check(desk: Driven, picture: Picture) -> Counter[str]:
    live_before, offers_before = {one.call for one in desk.engine.calls() if one.state <= 2}, offers_made(desk)
    calls_before, agents_before = others(desk)
    sequence = desk.engine.sequence
    dry = desk.reconcile(picture.calls.values(), picture.agents.values(), dry_run=True)
    assert desk.engine.sequence == sequence
    found = desk.reconcile(picture.calls.values(), picture.agents.values())
    # what differs is what the dry run said, but for calls that a repair before made meet a limit
    gone = refused_since(desk, sequence)
    assert told(dry, gone) == told(found, gone)
    assert all(one.repaired != bool(one.problem) for one in found.differences)
    check_calls(desk, picture, found, offers_before, sequence)
    check_agents(desk, picture, found)
    check_nobody_has_two(desk, picture)
    # what others brought is there as it was
    calls_after, agents_after = others(desk)
    ended = {
        one.call for one in desk.since(sequence) if isinstance(one, e.CallCompleted | e.CallAbandoned | e.CallRefused)
    }
    assert calls_before <= calls_after | ended
    assert not calls_before & ended - refused_since(desk, sequence)
    for agent, stand in agents_before.items():
        # one who was to go not ready after the call may have done so
        assert agents_after[agent] in (stand, closed(stand))
    # no call is gone without a word
    entered = {one.call for one in desk.since(sequence) if isinstance(one, e.CallEnqueued)}
    live_after = {one.call for one in desk.engine.calls() if one.state <= CallState.ASSIGNED}
    assert live_after == (live_before | entered) - ended
    told_ended = {one.call for one in found.differences if one.kind is DifferenceKind.CALL_ENDED}
    assert ended & live_before - refused_since(desk, sequence) == told_ended
    assert desk.sessions.lost == ()
    report = check(desk.history, desk.settings)
    assert report.ok, report.summary()
    check_again(desk, picture, found)
    return Counter(f"{one.kind.name}{'' if one.repaired else ' left'}" for one in found.differences)


def closed(stand: tuple[Availability, str]) -> tuple[Availability, str]:
    return (Availability.NOT_READY, stand[1]) if stand[0] is Availability.CLOSING else stand


def told(found: Reconciliation, gone: set[str]) -> Counter[tuple[DifferenceKind, str]]:
    return Counter(
        (one.kind, one.call or one.agent)
        for one in found.differences
        if one.kind is not DifferenceKind.AVAILABILITY and one.call not in gone
    )


def refused_since(desk: Desk, sequence: int) -> set[str]:
    return {one.call for one in desk.since(sequence) if isinstance(one, e.CallRefused)}


def check_again(desk: Driven, picture: Picture, found: Reconciliation) -> None:
    """Once the client has done its part, nothing differs, and nothing is done."""
    picture.follow(found)
    sequence = desk.engine.sequence
    again = desk.reconcile(picture.calls.values(), picture.agents.values())
    assert [(one.kind.name, one.call, one.agent, one.found) for one in again.differences] == []
    assert again.agreed == len(picture.calls) + len(picture.agents)
    assert desk.engine.sequence == sequence
