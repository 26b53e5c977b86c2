"""Points 1 to 5 and 7 of the fairness contract as properties over random centres, by the checker and by the views.

Method: a centre is driven on the engine, each time with more of what puts the point under strain, and the checker
must find nothing at all. Where the engine's own views can show a point without the checker, they are asked too.
"""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.settings import ByUrgency, Settings
from router.engine.views import CallView
from router.engine.vocabulary import CallState, Tier
from router.fairness import check
from tests.fairness import centres as make
from tests.fairness.centres import Centre, History, drive, examples

EXAMPLES = examples(120)


def history_of(centre: Centre) -> History:
    """Drive the centre on an engine and let the checker judge the whole history."""
    history = drive(Engine(centre.settings), centre)
    report = check(history, centre.settings)
    assert report.ok, report.summary()
    return history


class Watched:
    """An engine that is looked at before and after every command."""

    def __init__(self, settings: Settings) -> None:
        self.engine = Engine(settings)

    def apply(self, command: c.Command, time_us: int) -> list[e.Event]:
        self.before(command, time_us)
        events = self.engine.apply(command, time_us)
        self.after(command, events)
        return events

    def next_deadline(self) -> int | None:
        return self.engine.next_deadline()

    def before(self, command: c.Command, time_us: int) -> None: ...

    def after(self, command: c.Command, events: list[e.Event]) -> None: ...


# 1. No call is lost or handled twice; an agent never holds more than its capacity.


class Accounts(Watched):
    """Every call that entered is where the events left it, and no agent holds too much."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.entered = 0
        self.ended = 0

    def after(self, command: c.Command, events: list[e.Event]) -> None:
        self.entered += sum(isinstance(event, e.CallEnqueued) for event in events)
        self.ended += sum(isinstance(event, e.CallCompleted | e.CallAbandoned | e.CallRefused) for event in events)
        calls = self.engine.calls()
        live = [call for call in calls if call.state <= CallState.ASSIGNED]
        assert len(live) == self.entered - self.ended
        held = {one.offer: one.call for agent in self.engine.agents() for one in agent.engagements if one.state <= 1}
        assert held == {call.offer: call.call for call in live if call.state != CallState.WAITING}
        for agent in self.engine.agents():
            channels = [one.channel for one in agent.engagements]
            exclusive = [channel for channel in channels if self.engine.settings.channels[channel].exclusive]
            assert not exclusive or len(channels) == 1
            assert all(channels.count(channel) <= agent.capacity[channel] for channel in channels)


@EXAMPLES
@given(make.centres(favour={"assign": 4, "transfer": 5, "requeue": 5, "sign_out": 3, "update_agent": 4}))
def test_point_1_no_call_is_lost_or_handled_twice(centre: Centre) -> None:
    history_of(centre)
    accounts = Accounts(centre.settings)
    drive(accounts, centre)
    accounts.engine.audit()


# 2. Work conservation: at rest, no agent may take a waiting call.


class AtRest(Watched):
    """After each command the engine says of every agent and waiting call that they may not come together."""

    def after(self, command: c.Command, events: list[e.Event]) -> None:
        waiting = [call.call for call in self.engine.calls() if call.state == CallState.WAITING]
        free = [agent.agent for agent in self.engine.agents() if agent.availability == 2]
        for call in waiting:
            for agent in free:
                assert not self.engine.explain_agent(call, agent).eligible, (call, agent)


@EXAMPLES
@given(make.centres(favour={"pause": 2, "resume": 4, "update_agent": 4, "update_call": 4, "configure": 3}))
def test_point_2_no_agent_at_rest_may_take_a_waiting_call(centre: Centre) -> None:
    history_of(centre)
    drive(AtRest(centre.settings), centre)


# 3. Kin are served first come, first served.


@EXAMPLES
@given(make.alike(favour=make.CROWDED | {"requeue": 5, "reject": 6}))
def test_point_3_kin_are_served_first_come_first_served(centre: Centre) -> None:
    history_of(centre)


# 4. Among agents equal in every other term, the longest idle is chosen.


@EXAMPLES
@given(st.one_of(make.alike(plain=True, favour={"sign_in": 6}), make.centres(favour={"sign_in": 6, "update_agent": 0})))
def test_point_4_the_longest_idle_of_equal_agents_is_chosen(centre: Centre) -> None:
    same = {sign_in.agent: c.SignIn(sign_in.agent, {"loans": 5}) for sign_in in centre.agents}
    history_of(centre)
    history_of(centre._replace(agents=tuple(same.values())))


# 5. Bounded wait.


class Overdue(Watched):
    """No call is held past its bound, and the tiers are as the clock says."""

    def after(self, command: c.Command, events: list[e.Event]) -> None:
        for call in self.engine.calls():
            if call.state != CallState.WAITING:
                continue
            bounds = self.engine.settings.queues[call.queue].max_overtake_wait_us
            bound_us = (bounds.normal, bounds.important, bounds.urgent)[call.urgency]
            due = bound_us is not None and self.engine.time_us >= call.effective_arrival_us + bound_us
            assert due == (call.tier in (Tier.URGENT_OVERDUE, Tier.OVERDUE))
            assert not (due and call.held)


SHORT_US = make.GRID_US


@EXAMPLES
@given(make.centres(favour=make.CROWDED), st.sampled_from((0, SHORT_US, 3 * SHORT_US)))
def test_point_5_overdue_calls_go_before_lower_tiers(centre: Centre, bound_us: int) -> None:
    bound = ByUrgency(bound_us + SHORT_US, bound_us + SHORT_US, bound_us)

    def bounded(settings: Settings) -> Settings:
        queues = {
            name: msgspec.structs.replace(queue, max_overtake_wait_us=bound) for name, queue in settings.queues.items()
        }
        return msgspec.structs.replace(settings, queues=queues)

    centre = centre._replace(settings=bounded(centre.settings), later=tuple(map(bounded, centre.later)))
    history_of(centre)
    drive(Overdue(centre.settings), centre)


# 7. A requeued call keeps its place.


RETURNS = e.OfferRejected | e.OfferExpired | e.OfferWithdrawn | e.CallRequeued | e.CallTransferred


class Places(Watched):
    """A call that comes back without a command to give up its place stands where it stood before it was offered."""

    def before(self, command: c.Command, time_us: int) -> None:
        if not isinstance(command, c.Restart):
            self.engine.advance(time_us)
        self.known: dict[str, CallView] = {call.call: call for call in self.engine.calls()}

    def after(self, command: c.Command, events: list[e.Event]) -> None:
        told_to_go = isinstance(command, c.Requeue | c.Transfer) and not command.keep_place
        for event in events:
            if isinstance(event, RETURNS) and not (told_to_go and event.call == command.call):
                before, after = self.known.get(event.call), self.engine.call(event.call)
                if before is not None and after.state <= CallState.ASSIGNED:
                    assert (after.effective_arrival_us, after.order) == (before.effective_arrival_us, before.order)


@EXAMPLES
@given(make.centres(favour={"requeue": 8, "reject": 8, "transfer": 8, "set_availability": 6, "enqueue": 18}))
def test_point_7_a_requeued_call_keeps_its_place(centre: Centre) -> None:
    history_of(centre)
    drive(Places(centre.settings), centre)
