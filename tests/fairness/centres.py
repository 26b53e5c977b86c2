"""Random centres for the properties: settings and intents that become a rich, mostly valid history when driven.

An intent is a few small numbers. What it means is decided by what the events so far have left behind (pending
offers, assigned calls, …), so that any list of intents gives a sensible history, and a shorter list a shorter one.
Durations lie on a coarse grid, so that deadlines often fall on the same instant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import hypothesis
import msgspec
from hypothesis import strategies as st

from router.engine import commands as c
from router.engine import events as e
from router.engine.requirements import AgentTerm, AnyOf, Preference, Requirement, SkillTerm, Step
from router.engine.settings import (
    AgentWeights,
    ByUrgency,
    CallWeights,
    ChannelSettings,
    EfficiencySettings,
    QueueSettings,
    Settings,
    WrapUp,
)
from router.engine.vocabulary import NoAnswerAction, Urgency, WrapUpMode

SECOND_US = 1_000_000
GRID_US = 5 * SECOND_US
START_US = 1_000 * SECOND_US

SKILLS = ("loans", "cards", "english", "german")
AGENTS = ("ada", "bob", "cyd", "dan", "eve", "fay")
QUEUES = ("alpha", "beta", "gamma")
CAPACITIES: tuple[dict[str, int], ...] = (
    {},
    {},
    {"voice": 1},
    {"chat": 2},
    {"voice": 1, "chat": 3},
    {"chat": 2, "mail": 1},
)
UNKNOWN = "nobody"

PROFILE_EXAMPLES = 100
"""Examples of an unscaled Hypothesis profile."""

History = list[tuple[int, c.Command, list[e.Event]]]


class Router(Protocol):
    """What drives a history: the engine, or anything with its interface."""

    def apply(self, command: c.Command, time_us: int) -> list[e.Event]: ...
    def next_deadline(self) -> int | None: ...


class Intent(NamedTuple):
    """What is to happen next, as numbers; `gap` chooses how long after the last command."""

    kind: int
    first: int
    second: int
    third: int
    gap: int


class Centre(NamedTuple):
    """Settings to begin with, others to change to, the agents of the first minute, and what happens."""

    settings: Settings
    later: tuple[Settings, ...]
    agents: tuple[c.SignIn, ...]
    intents: tuple[Intent, ...]
    actions: tuple[str, ...]


# Settings

levels = st.sampled_from((1, 1, 3, 5, 8))
durations = st.sampled_from((0, 1, 2, 4, 8)).map(lambda count: count * GRID_US)
some_durations = st.sampled_from((1, 2, 4, 8)).map(lambda count: count * GRID_US)
bounds = st.one_of(st.none(), some_durations)
weights = st.sampled_from((0, 0, 1, 500, 1000, 3000))
skill_terms = st.builds(SkillTerm, skill=st.sampled_from(SKILLS), level=levels)
terms = st.one_of(
    skill_terms,
    skill_terms,
    st.builds(AnyOf, terms=st.lists(skill_terms, min_size=1, max_size=3).map(tuple)),
    st.builds(AgentTerm, agent=st.sampled_from(AGENTS)),
)
preferences = st.builds(Preference, skill=st.sampled_from(SKILLS), importance=levels)


@st.composite
def requirements(draw: st.DrawFn) -> Requirement:
    """One to three steps; the last often demands nothing, so that calls find someone in the end."""
    count = draw(st.integers(1, 3))
    steps = []
    for index in range(count):
        demanding = index == 0 or draw(st.booleans())
        steps.append(
            Step(
                terms=tuple(draw(st.lists(terms, max_size=2))) if demanding else (),
                prefer=tuple(draw(st.lists(preferences, max_size=2))),
                after_us=index * draw(st.sampled_from((1, 2))) * GRID_US,
            )
        )
    ordered = [msgspec.structs.replace(step, after_us=step.after_us + index) for index, step in enumerate(steps)]
    grown = [ordered[0]]
    for step in ordered[1:]:
        after_us = max(step.after_us - step.after_us % GRID_US, grown[-1].after_us + GRID_US)
        grown.append(msgspec.structs.replace(step, after_us=after_us))
    return Requirement(tuple(grown))


agent_weights = st.one_of(
    st.just(AgentWeights()),
    st.builds(
        AgentWeights,
        skill_fit=weights,
        idle=weights,
        load=weights,
        efficiency=weights,
        affinity=weights,
        reserve=weights,
    ),
)
call_weights = st.one_of(
    st.just(CallWeights()),
    st.builds(
        CallWeights,
        priority=weights,
        age=weights,
        deadline=weights,
        skill_fit=weights,
        efficiency=weights,
        affinity=weights,
    ),
)
wrap_ups = st.one_of(
    st.just(WrapUp()),
    st.builds(WrapUp, mode=st.sampled_from((WrapUpMode.FIXED, WrapUpMode.MANUAL)), duration_us=some_durations),
)


def queue_settings(plain: bool = False) -> st.SearchStrategy[QueueSettings]:
    """Settings of one queue; `plain` leaves all weights at 0 (`fcfs-longest-idle`)."""
    return st.builds(
        QueueSettings,
        requirement=requirements(),
        target_us=st.builds(ByUrgency, some_durations, some_durations, some_durations),
        max_overtake_wait_us=st.builds(ByUrgency, bounds, bounds, bounds),
        automatic=st.booleans(),
        offer_timeout_us=some_durations,
        no_answer_action=st.sampled_from((*NoAnswerAction, NoAnswerAction.KEEP_READY)),
        reject_backoff_us=durations,
        wrap_up=wrap_ups,
        preferred_hold_us=durations,
        last_agent_preferred=st.booleans(),
        last_agent_hold_us=durations,
        waiting_max=st.sampled_from((None, None, None, None, None, 0, 1, 3)),
        wait_max_us=st.sampled_from((None, None, None, None, 4 * GRID_US, 8 * GRID_US)),
        overflow=st.sampled_from((None, *QUEUES)),
        agent_weights=st.just(AgentWeights()) if plain else agent_weights,
        call_weights=st.just(CallWeights()) if plain else call_weights,
    )


@st.composite
def settings(draw: st.DrawFn, plain: bool = False) -> Settings:
    """Settings with one to three queues and channels of both kinds."""
    names = QUEUES[: draw(st.integers(1, 3))]
    queues = {}
    for name in names:
        queue = draw(queue_settings(plain))
        overflow = queue.overflow if queue.overflow in names and queue.overflow != name else None
        queues[name] = msgspec.structs.replace(queue, overflow=overflow)
    return Settings(
        queues=queues,
        channels={
            "voice": ChannelSettings(True),
            "chat": ChannelSettings(False),
            **draw(st.sampled_from(({}, {"mail": ChannelSettings(False)}, {"mail": ChannelSettings(True)}))),
        },
        efficiency=draw(st.sampled_from((EfficiencySettings(), EfficiencySettings(2, 1000, 0, 500)))),
    )


intents = st.builds(
    Intent, st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.integers(0, 15)
)


sign_ins = st.builds(
    c.SignIn,
    agent=st.sampled_from(AGENTS),
    skills=st.dictionaries(st.sampled_from(SKILLS), levels),
    capacity=st.sampled_from(CAPACITIES),
)


@st.composite
def centres(
    draw: st.DrawFn, *, plain: bool = False, fewest: int = 20, most: int = 70, favour: Mapping[str, int] | None = None
) -> Centre:
    """A centre with up to `most` intents; `favour` sets how often actions are chosen, 0 for never."""
    often = OFTEN | dict(favour or {})
    return Centre(
        draw(settings(plain)),
        tuple(draw(st.lists(settings(plain), max_size=2))) if often["configure"] else (),
        tuple(draw(st.lists(sign_ins, max_size=5, unique_by=lambda one: one.agent))),
        tuple(draw(st.lists(intents, min_size=fewest, max_size=most))),
        tuple(name for name, count in often.items() for _ in range(count)),
    )


CROWDED = {"sign_in": 1, "set_availability": 2, "update_call": 0, "enqueue": 24}


@st.composite
def alike(draw: st.DrawFn, **wanted: Any) -> Centre:
    """A centre in which most calls are kin: what tells them apart is mostly when they came."""
    centre = draw(centres(**wanted))
    same = tuple(
        one._replace(second=one.second & 0b11, third=one.third & 0b1111) if one.kind % 3 else one
        for one in centre.intents
    )
    return centre._replace(intents=same)


# Driving


class Floor:
    """What the events have left behind, as an outsider sees it."""

    def __init__(self, centre: Centre) -> None:
        self.centre = centre
        self.settings = centre.settings
        self.waiting: dict[str, None] = {}
        self.pending: dict[int, str] = {}
        self.assigned: dict[str, None] = {}
        self.finished: list[str] = []
        self.in_wrap_up: dict[int, tuple[str, str]] = {}
        self.signed_in: dict[str, None] = {}
        self.paused: dict[str, None] = {}
        self.detached: dict[str, None] = {}
        self.calls = 0

    def follow(self, event: e.Event) -> None:
        match event:
            case e.AgentSignedIn():
                self.signed_in[event.agent] = None
            case e.AgentSignedOut():
                self.signed_in.pop(event.agent, None)
            case e.QueuePaused():
                self.paused[event.queue] = None
            case e.QueueResumed():
                self.paused.pop(event.queue, None)
            case e.CallEnqueued():
                self.waiting[event.call] = None
            case e.OfferMade():
                self.waiting.pop(event.call, None)
                self.pending[event.offer] = event.call
            case e.OfferRejected() | e.OfferExpired() | e.OfferWithdrawn():
                self.pending.pop(event.offer, None)
                self.waiting[event.call] = None
            case e.CallAssigned():
                self.pending.pop(event.offer, None)
                self.waiting.pop(event.call, None)
                self.assigned[event.call] = None
            case e.CallRequeued() | e.CallTransferred():
                self.assigned.pop(event.call, None)
                self.waiting[event.call] = None
            case e.CallDetached():
                self.detached[event.call] = None
            case e.CallAttached():
                self.detached.pop(event.call, None)
            case e.CallCompleted() | e.CallAbandoned() | e.CallRefused():
                self.detached.pop(event.call, None)
                self.assigned.pop(event.call, None)
                self.waiting.pop(event.call, None)
                self.finished.append(event.call)
            case e.WrapUpStarted():
                self.in_wrap_up[event.offer] = (event.agent, event.call)
            case e.WrapUpEnded():
                self.in_wrap_up.pop(event.offer, None)

    def follow_all(self, command: c.Command, events: Iterable[e.Event]) -> None:
        for event in events:
            self.follow(event)
            if isinstance(event, e.Configured) and isinstance(command, c.Configure):
                self.settings = command.settings

    def some_call(self, number: int) -> str:
        """Return a call of any kind, sometimes one that does not exist."""
        return pick([*self.waiting, *self.pending.values(), *self.assigned, *self.finished[-2:], UNKNOWN], number)

    def new_call(self) -> str:
        self.calls += 1
        return f"call-{self.calls}"


def examples(count: int) -> hypothesis.settings:
    """Return settings for so many examples; a profile that asks for more has more, in proportion."""
    return hypothesis.settings(max_examples=count * hypothesis.settings().max_examples // PROFILE_EXAMPLES)


def pick(choices: Iterable[Any], number: int) -> Any:
    """Return one of the choices."""
    found = list(choices)
    return found[number % len(found)]


def skills_of(first: int, second: int) -> dict[str, int]:
    """Return skills from two numbers; often those of another agent too."""
    picked = [skill for index, skill in enumerate(SKILLS) if first >> index & 1]
    return {skill: (1, 3, 5, 8, 10)[(second >> index) % 5] for index, skill in enumerate(picked)}


def capacity_of(number: int) -> dict[str, int]:
    return pick(CAPACITIES, number)


def preferred_of(number: int) -> tuple[str, ...]:
    return pick(((), (), (), ("ada",), ("ada", "bob"), ("fay", "ada", "ada"), (UNKNOWN, "cyd")), number)


OWN_REQUIREMENTS = (
    None,
    None,
    None,
    Requirement(),
    Requirement(
        (
            Step((SkillTerm("loans", 5),)),
            Step((SkillTerm("loans", 1),), after_us=GRID_US),
            Step(after_us=2 * GRID_US),
        )
    ),
    Requirement(
        (
            Step((AgentTerm("bob"),)),
            Step((AnyOf((SkillTerm("cards", 3), SkillTerm("german", 8))),), after_us=GRID_US),
        )
    ),
)


def sign_in(floor: Floor, one: Intent) -> c.Command:
    out = [agent for agent in AGENTS if agent not in floor.signed_in]
    if not out:
        return enqueue(floor, one)
    return c.SignIn(pick(out, one.first), skills_of(one.second, one.third), capacity_of(one.third), one.third % 8 > 0)


def agent_of(floor: Floor, number: int) -> str:
    return pick([*floor.signed_in, *floor.signed_in, UNKNOWN] if floor.signed_in else AGENTS, number)


def enqueue(floor: Floor, one: Intent) -> c.Command:
    return c.Enqueue(
        floor.new_call() if one.third % 32 else floor.some_call(one.first),
        pick(floor.settings.queues, one.first),
        channel=pick(("voice", "voice", "voice", "chat", "chat", "mail"), one.second),
        requirement=pick(OWN_REQUIREMENTS, one.first // 4),
        urgency=pick((Urgency.NORMAL, Urgency.NORMAL, Urgency.NORMAL, Urgency.IMPORTANT, Urgency.URGENT), one.third),
        priority=pick((0, 0, 0, 4, 9), one.second // 8),
        preferred_agents=preferred_of(one.third // 8),
        hold_us=pick((None, None, 0, GRID_US, 4 * GRID_US), one.second // 4),
        credited_wait_us=pick((0, 0, 0, GRID_US, 2 * GRID_US, 6 * GRID_US), one.first // 8),
        customer=pick(("", "", "kim", "lee"), one.third // 4),
        callback=one.second % 16 == 0,
        explain=one.first % 8 == 0,
    )


def update_call(floor: Floor, one: Intent) -> c.Command:
    return c.UpdateCall(
        floor.some_call(one.first),
        urgency=pick((None, None, *Urgency), one.second),
        priority=pick((None, 0, 4), one.third),
        requirement=pick(OWN_REQUIREMENTS, one.second // 4),
        preferred_agents=pick((None, None, (), ("ada",), ("bob", "cyd")), one.third // 4),
    )


def transfer(floor: Floor, one: Intent) -> c.Command:
    return c.Transfer(
        pick([*floor.assigned, *floor.pending.values(), floor.some_call(one.first)], one.first),
        pick(floor.settings.queues, one.second),
        keep_place=one.third % 3 > 0,
        requirement=pick(OWN_REQUIREMENTS, one.second // 4),
        preferred_agents=pick((None, None, (), ("ada",), ("bob", "cyd")), one.third // 4),
        hold_us=pick((None, 0, GRID_US), one.third),
    )


def update_agent(floor: Floor, one: Intent) -> c.Command:
    return c.UpdateAgent(
        agent_of(floor, one.first),
        skills_of(one.second, one.third) if one.third % 3 else None,
        capacity_of(one.second) if one.third % 2 else None,
    )


def configure(floor: Floor, one: Intent) -> c.Command:
    chosen = pick((floor.centre.settings, *floor.centre.later), one.first)
    gone = [queue for queue in floor.settings.queues if queue not in chosen.queues]
    return c.Configure(chosen, dict.fromkeys(gone, pick(chosen.queues, one.second)))


def end_wrap_up(floor: Floor, one: Intent) -> c.Command:
    if not floor.in_wrap_up and one.second % 8:
        return complete(floor, one)
    agent, call = pick(list(floor.in_wrap_up.values()) or [(agent_of(floor, one.first), "")], one.first)
    return c.EndWrapUp(agent, call if one.second % 2 else "")


def accept(floor: Floor, one: Intent) -> c.Command:
    if floor.pending:
        return c.Accept(pick(floor.pending, one.first))
    return c.Accept(1 + one.first % 5) if one.second % 8 == 0 else enqueue(floor, one)


def reject(floor: Floor, one: Intent) -> c.Command:
    return c.Reject(pick(floor.pending, one.first), "busy") if floor.pending else c.Reject(1 + one.first % 5)


def complete(floor: Floor, one: Intent) -> c.Command:
    if floor.assigned:
        return c.Complete(pick(floor.assigned, one.first))
    return c.Complete(floor.some_call(one.first)) if one.second % 8 == 0 else accept(floor, one)


def requeue(floor: Floor, one: Intent) -> c.Command:
    with_agent = [*floor.assigned, *floor.assigned, *floor.pending.values()] or [floor.some_call(one.first)]
    return c.Requeue(pick(with_agent, one.first), one.second % 4 > 0)


def resume(floor: Floor, one: Intent) -> c.Command:
    return c.ResumeQueue(pick(floor.paused or floor.settings.queues, one.first))


def set_availability(floor: Floor, one: Intent) -> c.Command:
    reason = pick(("", "lunch", "training"), one.second)
    return c.SetAvailability(agent_of(floor, one.first), one.second % 2 == 0, reason, one.third % 2 == 0)


def record_outcome(floor: Floor, one: Intent) -> c.Command:
    return c.RecordOutcome(
        pick([*floor.finished[-4:], UNKNOWN], one.first),
        resolved=pick((None, True, False), one.second),
        satisfaction=pick((1, 3, 5), one.third),
    )


def sign_out(floor: Floor, one: Intent) -> c.Command:
    return c.SignOut(agent_of(floor, one.first))


def cancel(floor: Floor, one: Intent) -> c.Command:
    return c.Cancel(floor.some_call(one.first), "gave up")


def assign(floor: Floor, one: Intent) -> c.Command:
    return c.Assign(floor.some_call(one.first), agent_of(floor, one.second))


def turn_into_callback(floor: Floor, one: Intent) -> c.Command:
    return c.TurnIntoCallback(floor.some_call(one.first))


def pause(floor: Floor, one: Intent) -> c.Command:
    return c.PauseQueue(pick(floor.settings.queues, one.first))


def detach(floor: Floor, one: Intent) -> c.Command:
    return c.Detach(floor.some_call(one.first))


def attach(floor: Floor, one: Intent) -> c.Command:
    return c.Attach(
        pick(floor.detached, one.first) if floor.detached and one.second % 8 else floor.some_call(one.first)
    )


def restart(floor: Floor, one: Intent) -> c.Command:
    """Come back after a downtime; before anything has happened there is nothing to come back to."""
    return c.Restart() if floor.signed_in or floor.calls else enqueue(floor, one)


def advance(floor: Floor, one: Intent) -> c.Command:
    return c.Advance()


OFTEN: dict[str, int] = {
    "sign_in": 3,
    "sign_out": 1,
    "set_availability": 4,
    "update_agent": 2,
    "enqueue": 14,
    "update_call": 2,
    "cancel": 1,
    "requeue": 3,
    "transfer": 3,
    "assign": 1,
    "turn_into_callback": 1,
    "accept": 9,
    "reject": 4,
    "complete": 9,
    "end_wrap_up": 2,
    "record_outcome": 1,
    "configure": 1,
    "pause": 1,
    "resume": 1,
    "detach": 1,
    "attach": 1,
    "restart": 1,
    "advance": 1,
}
ACTIONS: dict[str, Callable[[Floor, Intent], c.Command]] = {name: globals()[name] for name in OFTEN}

GAPS_US = (0, 0, 0, 0, 0, 0, 0, SECOND_US, SECOND_US, SECOND_US, 1, GRID_US, GRID_US, 4 * GRID_US)


DOWNTIMES_US = (0, 0, 1, SECOND_US, GRID_US, 2 * GRID_US, 8 * GRID_US, 40 * GRID_US, 3600 * SECOND_US)


def gap_us(router: Router, now_us: int, number: int) -> int:
    """Return how long to wait: from a list, or to the next deadline."""
    if number < len(GAPS_US):
        return GAPS_US[number]
    deadline = router.next_deadline()
    return 0 if deadline is None else max(0, deadline - now_us)


def drive(router: Router, centre: Centre) -> History:
    """Carry the intents out on a router that already has the centre's settings; return what was recorded."""
    floor = Floor(centre)
    now_us = START_US
    history: History = []
    for index, one in enumerate((*centre.agents, *centre.intents)):
        if isinstance(one, c.SignIn):
            now_us, command = START_US + index * SECOND_US, one
        else:
            now_us += gap_us(router, now_us, one.gap)
            command = ACTIONS[pick(centre.actions, one.kind)](floor, one)
            if isinstance(command, c.Restart):
                now_us += pick(DOWNTIMES_US, one.second)
        events = router.apply(command, now_us)
        history.append((now_us, command, events))
        floor.follow_all(command, events)
    return history


def commands_of(history: History) -> list[tuple[int, c.Command]]:
    """Return the commands and their times, to be applied elsewhere."""
    return [(time_us, command) for time_us, command, _ in history]
