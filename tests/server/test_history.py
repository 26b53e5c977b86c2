"""The history: the bytes of every event, what each is about, what is published, and what a watcher takes."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, get_args

import pytest

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.errors import InvariantViolated
from router.engine.settings import QueueSettings, Settings, WrapUp
from router.engine.vocabulary import WrapUpMode
from router.server._native import EventFilter, Followers, History, _encode_events
from router.v1 import events_pb2, watch_service_pb2
from router.wire.events import EVENT_TYPES, KINDS, decode_event, encode_event
from tests.engine.generate import QUEUES
from tests.server.history_model import HistoryModel, Wanted, random_commands, random_stretches

RUNS = 60
COMMANDS = 120
ADVANCE = get_args(c.Command).index(c.Advance)
SETTINGS = Settings(queues={"a": QueueSettings(), "b": QueueSettings(wrap_up=WrapUp(WrapUpMode.MANUAL, 60_000_000))})


def filter_of(history: History, wanted: Wanted) -> EventFilter:
    kinds = [EVENT_TYPES.index(kind) for kind in wanted.kinds]
    return EventFilter(history, queues=wanted.queues, agents=wanted.agents, calls=wanted.calls, kinds=kinds)


def parsed(response: bytes) -> tuple[int, list[Any]]:
    message = watch_service_pb2.WatchResponse.FromString(response)
    return message.header.sequence, [decode_event(event) for event in message.events]


class Following:
    """An engine with a history, which is told of every command."""

    def __init__(self, events_max: int = 1_000, settings: Settings = SETTINGS) -> None:
        self.engine = Engine(settings, time_us=0)
        self.history = History(self.engine, events_max)
        self._followers = Followers(self.engine)
        self._followers.append(self.history, vital=True)

    def do(self, command: c.Command, time_us: int | None = None) -> list[e.Event]:
        events = self.engine.apply(command, self.engine.time_us if time_us is None else time_us)
        self._followers.observe("", ADVANCE)
        return events

    def seen(self, **wanted: Any) -> list[Any]:
        """Publish all, and return what passes."""
        self.history.publish(self.engine.sequence)
        asked = filter_of(self.history, Wanted(**wanted))
        response, count, following, _ = self.history.take(self.history.first, asked, 10_000, 0)
        events = parsed(response)[1]
        assert (len(events), following) == (count, self.history.end)
        return events


def test_the_bytes_of_every_kind_of_event_are_those_of_the_codec() -> None:
    seen: Counter[type[Any]] = Counter()
    for run in range(RUNS):
        for engine, events in random_commands(f"events/{run}", COMMANDS):
            assert _encode_events(engine) == [encode_event(event).SerializeToString() for event in events]
            seen.update(type(event) for event in events)
    assert seen.keys() == set(EVENT_TYPES)


def test_kinds_have_their_places_in_the_order_of_their_numbers() -> None:
    assert [KINDS[number] for number in sorted(KINDS)] == list(EVENT_TYPES)
    fields = events_pb2.Event.DESCRIPTOR.oneofs_by_name["event"].fields
    assert sorted(KINDS) == sorted(field.number for field in fields)


@pytest.mark.parametrize("time_us", [0, 999_999, 1_700_000_000_123_456, 2**61 - 1])
def test_times_at_the_edges_are_written_as_the_codec_does(time_us: int) -> None:
    engine = Engine(SETTINGS, time_us=0)
    events = engine.apply(c.Enqueue("é" * 127, "a", credited_wait_us=1_500_000, hold_us=None), time_us)
    assert _encode_events(engine) == [encode_event(event).SerializeToString() for event in events]
    events = engine.apply(c.SignIn("ada"), time_us)
    assert any(isinstance(event, e.OfferMade) for event in events)
    assert _encode_events(engine) == [encode_event(event).SerializeToString() for event in events]


def random_filter(chance: random.Random) -> Wanted:
    def some(names: list[Any]) -> list[Any]:
        return chance.sample(names, chance.randint(1, 2)) if chance.random() < 0.4 else []

    return Wanted(
        queues=some(list(QUEUES)),
        agents=some([f"a{number}" for number in range(6)]),
        calls=some([f"c{number}" for number in range(9)]),
        kinds=some(list(EVENT_TYPES)),
    )


@pytest.mark.parametrize("seed", range(24))
def test_what_a_watcher_takes_is_what_the_rules_say(seed: int) -> None:
    """Random commands, published with random delay; random filters, some made before what they name has come."""
    chance = random.Random(seed)
    taken = 0
    for engine, commands in random_stretches(f"history/{seed}", 200):
        events_max = chance.choice((5, 40, 400))
        history, model = History(engine, events_max), HistoryModel(engine, events_max)
        followers = Followers(engine, (history,))
        filters = [(wanted, filter_of(history, wanted)) for wanted in (random_filter(chance) for _ in range(6))]
        for events in commands:
            followers.observe("", ADVANCE)
            model.observe(engine, events)
            if chance.random() < 0.4:
                sequence = chance.randint(model.sequence, engine.sequence)
                history.publish(sequence)
                model.publish(sequence)
            for name in ("first", "end", "sequence", "forgotten_sequence"):
                assert getattr(history, name) == getattr(model, name), name
            for wanted, asked in chance.sample(filters, 3):
                start = chance.randint(model.first, model.end)
                limits = (chance.choice((1, 3, 500)), chance.choice((0, engine.sequence)))
                answer = history.take(start, asked, *limits)
                assert answer == model.take(start, wanted, *limits)
                taken += answer[1]
    assert taken > 20


def test_a_wrap_up_belongs_to_the_queue_it_comes_from() -> None:
    both = Following()
    both.do(c.SignIn("x"))
    both.do(c.Enqueue("c", "b"))
    both.do(c.Accept(1))
    both.do(c.Transfer("c", "a"))
    both.do(c.EndWrapUp("x"))
    in_b = both.seen(queues=["b"])
    assert [type(event) for event in in_b if isinstance(event, e.WrapUpStarted | e.WrapUpEnded)] == [
        e.WrapUpStarted,
        e.WrapUpEnded,
    ]
    assert e.CallTransferred in {type(event) for event in in_b}
    in_a = both.seen(queues=["a"])
    assert [type(event) for event in in_a] == [e.CallTransferred, e.OfferMade]
    assert [type(event) for event in both.seen(queues=["b"], agents=["x"], calls=["c"], kinds=[e.OfferMade])] == [
        e.OfferMade
    ]


def test_nobody_sees_what_is_not_published() -> None:
    both = Following()
    both.do(c.PauseQueue("a"), 5)
    both.do(c.PauseQueue("b"), 9)
    history = both.history
    assert (history.sequence, history.time_us, history.first, history.end) == (1, 0, 0, 0)
    history.publish(2)
    assert (history.sequence, history.time_us, history.end) == (2, 5, 1)
    response, count, following, sequence = history.take(0, filter_of(history, Wanted()), 10, 0)
    assert (count, following, sequence) == (1, 1, 2)
    assert parsed(response) == (2, [e.QueuePaused(time_us=5, sequence=2, queue="a")])
    history.publish(2)
    assert history.end == 1
    with pytest.raises(InvariantViolated):
        history.publish(4)
    with pytest.raises(InvariantViolated):
        history.take(2, filter_of(history, Wanted()), 10, 0)


def test_a_command_that_was_not_told_is_noticed() -> None:
    both = Following()
    both.engine.apply(c.PauseQueue("a"), 0)
    with pytest.raises(InvariantViolated):
        both.do(c.PauseQueue("b"))


def test_a_filter_learns_of_names_that_come_later() -> None:
    both = Following()
    asked = filter_of(both.history, Wanted(agents=["late", "nobody", ""]))
    queues = filter_of(both.history, Wanted(queues=["new", ""]))
    both.do(c.SignIn("early"))
    both.do(c.SignIn("late"))
    both.do(c.Configure(Settings(queues={**SETTINGS.queues, "new": QueueSettings()})))
    both.do(c.Enqueue("c", "new"))
    both.do(c.Configure(SETTINGS, moves={"new": "a"}))
    both.history.publish(both.engine.sequence)
    agents = [event.agent for event in parsed(both.history.take(0, asked, 100, 0)[0])[1]]
    assert agents == ["late"]
    kinds = [type(event) for event in parsed(both.history.take(0, queues, 100, 0)[0])[1]]
    assert kinds == [e.CallEnqueued, e.OfferMade, e.CallMoved]
    # whoever asks for a queue once it is gone still gets what happened in it
    late = filter_of(both.history, Wanted(queues=["new"]))
    assert [type(event) for event in parsed(both.history.take(0, late, 100, 0)[0])[1]] == kinds


def test_the_history_keeps_its_bound_and_says_what_is_forgotten() -> None:
    both = Following(events_max=80)
    history = both.history
    everything = filter_of(history, Wanted())
    for number in range(300):
        both.do(c.Enqueue(f"c{number}", "a"))
        both.do(c.Transfer(f"c{number}", "b"))
        both.do(c.Cancel(f"c{number}"))
        history.publish(both.engine.sequence)
        assert history.end - history.first <= 80
        for after in range(history.forgotten_sequence, both.engine.sequence + 1):
            start = history.number_after(after)
            sequence, events = parsed(history.take(start, everything, 1_000, 0)[0])
            assert [event.sequence for event in events] == list(range(after + 1, both.engine.sequence + 1))
            assert sequence == both.engine.sequence
    assert history.forgotten_sequence == both.engine.sequence - 80


@pytest.mark.parametrize("events_max", [0, -1])
def test_a_history_of_nothing_is_refused(events_max: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        History(Engine(SETTINGS, time_us=0), events_max)


@pytest.mark.parametrize("kind", [-1, len(EVENT_TYPES)])
def test_a_filter_refuses_what_is_no_kind(kind: int) -> None:
    with pytest.raises(ValueError, match="no kind of event"):
        EventFilter(History(Engine(SETTINGS, time_us=0), 1), kinds=[kind])
