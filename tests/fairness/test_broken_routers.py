"""Routers that are broken on purpose, each in one way: the checker must find the point that each breaks.

Method: the oracle is an engine in plain Python, so that one rule of it can be replaced. Random centres are driven on
the broken oracle until the wanted point turns up; a checker that looks away never finds it, and the test fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from router.engine import commands as c
from router.engine import events as e
from router.engine.settings import Settings
from router.engine.vocabulary import Availability, CallState, EngagementState
from router.fairness import Point, check
from router.fairness.follower import Follower
from router.fairness.report import Findings
from tests.fairness import centres as make
from tests.fairness.centres import Centre, drive
from tests.oracle import Oracle, deadlines, matching, oracle, restart, scoring
from tests.oracle.state import Agent, State

EXAMPLES = 75
SEEDS_MAX = 12
NEVER_DOWN = {"restart": 0, "detach": 0, "attach": 0}
CENTRES = st.one_of(
    make.centres(favour=NEVER_DOWN | {"enqueue": 20, "pause": 3}),
    make.centres(plain=True, favour=NEVER_DOWN | {"sign_in": 6, "requeue": 6}),
    make.alike(favour=NEVER_DOWN | make.CROWDED | {"reject": 9, "requeue": 6}),
    make.alike(
        plain=True, favour=NEVER_DOWN | make.CROWDED | {"reject": 9, "requeue": 9, "sign_out": 0, "transfer": 0}
    ),
    make.centres(
        favour=NEVER_DOWN | {"advance": 9, "reject": 9, "enqueue": 9, "accept": 3, "sign_out": 0, "cancel": 0}
    ),
)
RESTARTING = make.centres(favour={"restart": 12, "detach": 9, "attach": 14, "enqueue": 22, "accept": 2, "cancel": 0})
Patch = pytest.MonkeyPatch


def serves_the_worst(patch: Patch) -> None:
    best = scoring.call_key
    patch.setattr(scoring, "call_key", lambda *given: Reversed(best(*given)))


def seeks_the_worst(patch: Patch) -> None:
    best = scoring.agent_key
    patch.setattr(scoring, "agent_key", lambda *given: Reversed(best(*given)))


class Reversed:
    """A sort key the other way round."""

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: Reversed) -> bool:
        return bool(other.key < self.key)


def never_seeks_again(patch: Patch) -> None:
    patch.setattr(matching, "seek_each", lambda state, calls: None)


def never_serves(patch: Patch) -> None:
    patch.setattr(matching, "serve", lambda state, agent, settling: None)


def forgets_bars(patch: Patch) -> None:
    patch.setattr(matching, "bar", lambda state, call, agent, offer: None)


def bars_without_end(patch: Patch) -> None:
    patch.setattr(deadlines, "end_bar", lambda state, offer: drop_bar_silently(state, offer))


def drop_bar_silently(state: State, offer: int) -> None:
    for call in state.live_calls():
        call.bars = [one for one in call.bars if one.offer != offer]


def never_overdue(patch: Patch) -> None:
    patch.setattr(matching, "is_overdue", lambda state, call: False)
    patch.setattr(scoring, "due_us", lambda state, call: None)


def ignores_holds(patch: Patch) -> None:
    def may_take(state: State, agent: Agent, call: Any) -> bool:
        held, call.held = call.held, False
        try:
            return real(state, agent, call)
        finally:
            call.held = held

    real = matching.may_take
    patch.setattr(matching, "may_take", may_take)


def ignores_skills(patch: Patch) -> None:
    patch.setattr(scoring, "satisfies", lambda agent, step: True)


def ignores_pauses(patch: Patch) -> None:
    def may_take(state: State, agent: Agent, call: Any) -> bool:
        queue = state.queues[call.queue]
        paused, queue.paused = queue.paused, False
        try:
            return real(state, agent, call)
        finally:
            queue.paused = paused

    real = matching.may_take
    patch.setattr(matching, "may_take", may_take)


def ignores_capacity(patch: Patch) -> None:
    real = scoring.open_channels

    def open_channels(state: State, agent: Agent, *given: Any, **named: Any) -> Any:
        return set(agent.capacity) if len(agent.engagements) < 2 else real(state, agent, *given, **named)

    patch.setattr(scoring, "open_channels", open_channels)


def returns_to_the_end(patch: Patch) -> None:
    real = matching.settle

    def settle(state: State, agent: Any, calls: Any = (), **named: Any) -> None:
        returning = list(calls)
        for call in returning:
            if call.state != CallState.WAITING:
                call.effective_arrival_us = state.now_us
        real(state, agent, returning, **named)

    patch.setattr(matching, "settle", settle)


def counts_the_wait_anew(patch: Patch) -> None:
    real = matching.settle

    def settle(state: State, agent: Any, calls: Any = (), **named: Any) -> None:
        returning = list(calls)
        for call in returning:
            if call.offer is not None:
                call.wait_started_us = state.now_us
        real(state, agent, returning, **named)

    patch.setattr(matching, "settle", settle)


def idle_from_every_offer(patch: Patch) -> None:
    real = matching.release

    def release(state: State, agent: Agent, engagement: Any) -> None:
        real(state, agent, engagement)
        if engagement.state == EngagementState.OFFERED:
            agent.idle_since_us = state.now_us

    patch.setattr(matching, "release", release)


def serves_the_released_first(patch: Patch) -> None:
    """The rule that the contract's point 4 once fell over: a returned call goes back to who gave it up."""
    real = matching.serve
    patch.setattr(matching, "serve", lambda state, agent, settling: real(state, agent, []))


def loses_calls(patch: Patch) -> None:
    real = matching.become_waiting

    def become_waiting(call: Any) -> None:
        real(call)
        if call.order % 3 == 0:
            call.state = CallState.REFUSED

    patch.setattr(matching, "become_waiting", become_waiting)


def offers_without_end(patch: Patch) -> None:
    real = deadlines.engagement_deadlines

    def without_offers(state: State) -> Any:
        return [one for one in real(state) if one.kind != deadlines.OFFER_EXPIRES]

    patch.setattr(deadlines, "engagement_deadlines", without_offers)


def offers_detached_calls(patch: Patch) -> None:
    def may_take(state: State, agent: Agent, call: Any) -> bool:
        detached, call.detached = call.detached, False
        try:
            return real(state, agent, call)
        finally:
            call.detached = detached

    real = matching.may_take
    patch.setattr(matching, "may_take", may_take)


def never_seeks_when_attached(patch: Patch) -> None:
    def attach(state: State, command: c.Attach) -> None:
        with pytest.MonkeyPatch.context() as within:
            within.setattr(matching, "seek", lambda state, call: None)
            real(state, command)

    real = oracle.ACTIONS[c.Attach]
    patch.setitem(oracle.ACTIONS, c.Attach, attach)


def offers_expire_at_a_restart(patch: Patch) -> None:
    patch.setattr(restart, "take_due_offers_back", lambda state, downtime_us: ([], []))


def restarts_fire_what_was_due(patch: Patch) -> None:
    """As if a restart were an ordinary command: everything happens at its own time, in the downtime."""

    def fire_first(state: State, command: c.Restart) -> None:
        now_us, state.now_us = state.now_us, state.last_us
        deadlines.fire_due(state, now_us)
        real(state, command)

    real = oracle.ACTIONS[c.Restart]
    patch.setitem(oracle.ACTIONS, c.Restart, fire_first)


def limits_count_downtimes(patch: Patch) -> None:
    patch.setattr(restart, "extend_limits", lambda state, call, downtime_us: None)


def takes_every_offer_back(patch: Patch) -> None:
    def all_due(state: State, downtime_us: int) -> Any:
        for agent in state.agents.values():
            for one in agent.engagements:
                if one.until_us is not None and one.state == EngagementState.OFFERED:
                    one.until_us = min(one.until_us, state.now_us)
        return real(state, downtime_us)

    real = restart.take_due_offers_back
    patch.setattr(restart, "take_due_offers_back", all_due)


def not_ready_after_a_restart(patch: Patch) -> None:
    """As if those whose offers were due had not answered."""

    def close(state: State, agent: Agent) -> None:
        if agent.availability == Availability.READY and state.last_us < state.now_us:
            agent.availability = Availability.NOT_READY
            matching.tell_availability(state, agent)

    def restarting(state: State, command: c.Restart) -> None:
        with pytest.MonkeyPatch.context() as within:
            within.setattr(matching, "close_if_done", close)
            real(state, command)

    real = oracle.ACTIONS[c.Restart]
    patch.setitem(oracle.ACTIONS, c.Restart, restarting)


BROKEN: list[tuple[Callable[[Patch], None], set[Point]]] = [
    (serves_the_worst, {Point.KIN_IN_ORDER, Point.BOUNDED_WAIT}),
    (seeks_the_worst, {Point.LONGEST_IDLE}),
    (never_seeks_again, {Point.WORK_CONSERVED}),
    (never_serves, {Point.WORK_CONSERVED}),
    (forgets_bars, {Point.RULES}),
    (bars_without_end, {Point.WORK_CONSERVED}),
    (never_overdue, {Point.BOUNDED_WAIT}),
    (ignores_holds, {Point.RULES}),
    (ignores_skills, {Point.RULES}),
    (ignores_pauses, {Point.RULES}),
    (ignores_capacity, {Point.NOT_LOST}),
    (returns_to_the_end, {Point.PLACE_KEPT}),
    (counts_the_wait_anew, {Point.PLACE_KEPT}),
    (idle_from_every_offer, {Point.LONGEST_IDLE}),
    (serves_the_released_first, {Point.LONGEST_IDLE}),
    (loses_calls, {Point.NOT_LOST}),
    (offers_without_end, {Point.NOT_LOST}),
]
BROKEN_RESTARTS: list[tuple[Callable[[Patch], None], set[Point]]] = [
    (offers_detached_calls, {Point.RULES}),
    (never_seeks_when_attached, {Point.WORK_CONSERVED}),
    (offers_expire_at_a_restart, {Point.RULES}),
    (restarts_fire_what_was_due, {Point.RULES}),
    (limits_count_downtimes, {Point.RULES}),
    (takes_every_offer_back, {Point.RULES}),
    (not_ready_after_a_restart, {Point.RULES}),
]


class Found(Exception):
    """All that was looked for has turned up."""


@pytest.fixture
def patch() -> Iterator[Patch]:
    with pytest.MonkeyPatch.context() as context:
        yield context


@pytest.mark.parametrize(("breaking", "wanted"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_the_checker_finds_what_a_broken_router_breaks(
    breaking: Callable[[Patch], None], wanted: set[Point], patch: Patch
) -> None:
    search(breaking, wanted, patch, CENTRES)


@pytest.mark.parametrize(("breaking", "wanted"), BROKEN_RESTARTS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_checker_finds_broken_restarts(breaking: Callable[[Patch], None], wanted: set[Point], patch: Patch) -> None:
    search(breaking, wanted, patch, RESTARTING)


def search(
    breaking: Callable[[Patch], None], wanted: set[Point], patch: Patch, centres: st.SearchStrategy[Centre]
) -> None:
    """Drive random centres on the broken router until the checker has found every point that is wanted.

    Examples of one seed are alike, so that several seeds find sooner what is rare.
    """
    missing = set(wanted)
    breaking(patch)

    @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
    @given(centres)
    def look(centre: Centre) -> None:
        try:
            history = drive(Oracle(centre.settings), centre)
        except (AssertionError, KeyError, ValueError, IndexError):
            return  # broken so far that it falls over by itself
        missing.difference_update(check(history, centre.settings).violation_counts)
        if not missing:
            raise Found

    for number in range(SEEDS_MAX):
        try:
            seed(number)(look)()
        except Found:
            return
    raise AssertionError(f"{breaking.__name__} broke {missing}, and the checker did not see it")


def test_the_sound_router_passes_the_same_search() -> None:
    @settings(max_examples=2 * EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.one_of(CENTRES, RESTARTING))
    def look(centre: Centre) -> None:
        report = check(drive(Oracle(centre.settings), centre), centre.settings)
        assert report.ok, report.summary()

    look()


def test_events_are_what_the_checker_follows() -> None:
    """Every kind of event is known to the checker, or listed here as telling it nothing."""
    follower = Follower(Settings(), Findings(1), lambda agent, call, forced: None)
    unknown = set(e.Event.__args__) - set(follower._handlers)
    assert unknown == {e.CallTurnedIntoCallback}
