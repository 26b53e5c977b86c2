"""Stays against the engine, over random runs: after each command they are the calls that wait or are on offer."""

from __future__ import annotations

from collections import Counter

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.vocabulary import CallState
from router.server.estimation.stays import Stay, Stays
from router.server.work import Happening
from tests.engine.choices import SeededChoices
from tests.engine.drive import world_of
from tests.engine.generate import settings
from tests.engine.generate_commands import CommandSource, mix_of, next_time, restart_time
from tests.oracle import Oracle


def check(stays: Stays, engine: Engine) -> None:
    live = [call for call in engine.calls() if call.state in (CallState.WAITING, CallState.OFFERED)]
    expected = {call.call: (call.queue, call.state is CallState.OFFERED) for call in live}
    assert {call: (stay.queue, stay.offered) for call, stay in stays.of_call.items()} == expected
    assert stays.waiting == sum(call.state is CallState.WAITING for call in live)
    lines = {queue: set(line) for queue, line in stays.of_queue.items()}
    assert lines == {queue: {call.call for call in live if call.queue == queue} for queue in {c.queue for c in live}}
    assert stays.fresh <= {call for call, stay in stays.of_call.items() if not stay.offered}


class Run:
    """One random run, followed from its beginning and from its middle."""

    def __init__(self, seed: int) -> None:
        self.choices = SeededChoices(str(seed))
        self.world = world_of(self.choices)
        chosen = settings(self.choices, self.world)
        self.oracle = Oracle(chosen, time_us=0)
        self.engine = Engine(chosen, time_us=0)
        self.mix = mix_of(self.choices) if self.choices.chance(70) else None
        self.sides = [Stays()]
        self.kinds: Counter[str] = Counter()

    def go(self, commands: int) -> None:
        for number in range(commands):
            if number == commands // 2:
                late = Stays()
                late.begin(self.engine)
                assert all(stay.judged for stay in late.of_call.values())
                self.sides.append(late)
            if self.choices.chance(4):
                self.apply(c.Restart(), restart_time(self.choices, self.oracle))
            else:
                time_us = next_time(self.choices, self.oracle)
                self.apply(CommandSource(self.choices, self.world, self.oracle, self.mix).command(), time_us)

    def apply(self, command: c.Command, time_us: int) -> None:
        self.oracle.apply(command, time_us)
        events = self.engine.apply(command, time_us)
        self.kinds.update(type(event).__name__ for event in events)
        for stays in self.sides:
            stays.observe(Happening(self.engine.sequence, time_us, events))
            check(stays, self.engine)


def test_stays_are_the_calls_that_wait_or_are_on_offer() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(30):
        run = Run(seed)
        run.go(120)
        kinds += run.kinds
    for kind in (e.CallOverflowed, e.CallTransferred, e.CallRequeued, e.CallMoved, e.CallRefused, e.OfferExpired):
        assert kinds[kind.__name__] > 0, kind


def enqueued(call: str, queue: str, sequence: int) -> Happening:
    event = e.CallEnqueued(
        sequence=sequence,
        time_us=0,
        call=call,
        queue=queue,
        effective_arrival_us=0,
        preferred_agents=(),
        hold_until_us=None,
    )
    return Happening(sequence, 0, [event])


def test_a_new_queue_is_a_new_stay_and_what_was_left_is_known() -> None:
    stays = Stays()
    stays.observe(enqueued("c1", "loans", 1))
    first = stays.of_call["c1"]
    first.left = frozenset({"loans"})
    first.judged = True
    event = e.CallTransferred(
        sequence=2,
        time_us=0,
        call="c1",
        from_queue="loans",
        queue="cards",
        agent="",
        kept_place=True,
        hold_until_us=None,
    )
    stays.observe(Happening(2, 0, [event]))
    second = stays.of_call["c1"]
    assert second is not first
    assert (second.queue, second.sequence, second.judged, second.left) == ("cards", 2, False, frozenset({"loans"}))


def test_news_are_told_once_for_a_command_and_only_if_there_are_any() -> None:
    told: list[int] = []
    stays = Stays(lambda: told.append(len(stays.of_call)))
    stays.observe(enqueued("c1", "loans", 1))
    stays.observe(Happening(2, 0, [e.QueuePaused(sequence=2, time_us=0, queue="loans")]))
    assert told == [1]


def test_a_filter_is_met_by_both_its_lists() -> None:
    stays = Stays()
    for number, queue in enumerate(("loans", "cards", "loans")):
        stays.observe(enqueued(f"c{number}", queue, number + 1))

    def names(found: list[Stay]) -> list[str]:
        return sorted(stay.call for stay in found)

    assert names(stays.passing((), ())) == ["c0", "c1", "c2"]
    assert names(stays.passing(("loans", "empty"), ())) == ["c0", "c2"]
    assert names(stays.passing((), ("c1", "unknown"))) == ["c1"]
    assert names(stays.passing(("loans",), ("c1", "c2"))) == ["c2"]
