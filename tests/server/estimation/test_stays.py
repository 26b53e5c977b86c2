"""Stays against the engine, over random runs: whenever they are read they are the calls that wait or are on offer."""

from __future__ import annotations

from collections import Counter

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.settings import QueueSettings, Settings
from router.engine.vocabulary import CallState
from router.server._native import Followers, Waiting
from router.server.estimation.stays import Stay, Stays
from tests.engine.choices import SeededChoices
from tests.engine.drive import world_of
from tests.engine.generate import settings
from tests.engine.generate_commands import CommandSource, mix_of, next_time, restart_time
from tests.oracle import Oracle
from tests.server.estimation.plain_stays import PlainStays


def check(stays: Stays, engine: Engine) -> None:
    live = [call for call in engine.calls() if call.state in (CallState.WAITING, CallState.OFFERED)]
    expected = {call.call: (call.queue, call.state is CallState.OFFERED) for call in live}
    assert {call: (stay.queue, stay.offered) for call, stay in stays.of_call.items()} == expected
    assert stays.waiting == sum(call.state is CallState.WAITING for call in live)
    lines = {queue: set(line) for queue, line in stays.of_queue.items()}
    assert lines == {queue: {call.call for call in live if call.queue == queue} for queue in {c.queue for c in live}}
    assert stays.fresh <= {call for call, stay in stays.of_call.items() if not stay.offered}


class Side:
    """Stays that are read now and then, beside plain ones that are told of each event."""

    def __init__(self, engine: Engine, percent: int) -> None:
        self.engine = engine
        self.percent = percent
        self.changes = Waiting(engine)
        self.stays = Stays(self.changes, self._on_news)
        self.plain = PlainStays()
        self.news = 0
        self.reads = 0
        self._known: dict[str, tuple[Stay, object]] = {}
        self.stays.begin(engine)
        self.plain.begin(engine)
        self.compare()
        assert all(stay.judged for stay in self.stays.of_call.values())

    def _on_news(self) -> None:
        self.news += 1

    def observe(self, events: list[e.Event], choices: SeededChoices) -> None:
        self.plain.observe(events)
        self.stays.caught_up()
        assert self.news == self.plain.news
        if choices.chance(self.percent):
            self.compare()
            self.mark(choices)

    def compare(self) -> None:
        """Read, and hold what is read against the engine and against what each event has done to the plain ones."""
        self.reads += 1
        if self.stays.fresh:
            assert self.stays.may_have_fresh
        check(self.stays, self.engine)
        assert len(self.changes) == 0
        assert not self.changes.has_waiting
        of_call, plain = self.stays.of_call, self.plain.of_call
        assert list(of_call) == list(plain)
        for call, stay in of_call.items():
            same = plain[call]
            assert (stay.queue, stay.sequence, stay.offered, stay.judged, stay.left) == (
                same.queue,
                same.sequence,
                same.offered,
                same.judged,
                same.left,
            )
            before = self._known.get(call)
            if before is not None:
                # a stay goes on exactly where the plain one does
                assert (before[0] is stay) == (before[1] is same)
        self._known = {call: (stay, plain[call]) for call, stay in of_call.items()}
        assert self.stays.fresh == self.plain.fresh

    def mark(self, choices: SeededChoices) -> None:
        """Do what estimation does: judge stays, note what they have left, ask about all that are fresh."""
        for call, stay in self.stays.of_call.items():
            if choices.chance(30):
                stay.judged = self.plain.of_call[call].judged = True
            if choices.chance(30):
                stay.left |= {stay.queue}
                self.plain.of_call[call].left |= {stay.queue}
        if choices.chance(30):
            self.stays.fresh.clear()
            self.plain.fresh.clear()


class Run:
    """One random run, followed from its beginning and from its middle, by who reads often and by who reads rarely."""

    def __init__(self, seed: int) -> None:
        self.choices = SeededChoices(str(seed))
        self.world = world_of(self.choices)
        chosen = settings(self.choices, self.world)
        self.oracle = Oracle(chosen, time_us=0)
        self.engine = Engine(chosen, time_us=0)
        self.mix = mix_of(self.choices) if self.choices.chance(70) else None
        self.sides = [Side(self.engine, percent) for percent in (100, 20, 3)]
        self.kinds: Counter[str] = Counter()

    def go(self, commands: int) -> None:
        for number in range(commands):
            if number == commands // 2:
                self.sides += [Side(self.engine, percent) for percent in (100, 10)]
            if self.choices.chance(4):
                self.apply(c.Restart(), restart_time(self.choices, self.oracle))
            else:
                time_us = next_time(self.choices, self.oracle)
                self.apply(CommandSource(self.choices, self.world, self.oracle, self.mix).command(), time_us)
        for side in self.sides:
            side.compare()

    def apply(self, command: c.Command, time_us: int) -> None:
        self.oracle.apply(command, time_us)
        events = self.engine.apply(command, time_us)
        self.kinds.update(type(event).__name__ for event in events)
        Followers(self.engine, [side.changes for side in self.sides]).observe("", 0)
        for side in self.sides:
            side.observe(events, self.choices)


def test_stays_are_the_calls_that_wait_or_are_on_offer() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(40):
        run = Run(seed)
        run.go(150)
        kinds += run.kinds
    for kind in (e.CallOverflowed, e.CallTransferred, e.CallRequeued, e.CallMoved, e.CallRefused, e.OfferExpired):
        assert kinds[kind.__name__] > 0, kind


class Desk:
    """An engine with two queues that nobody reads unless told to."""

    def __init__(self, *, retention_us: int = 3_600_000_000) -> None:
        two = {"loans": QueueSettings(), "cards": QueueSettings()}
        self.engine = Engine(Settings(queues=two, finished_retention_us=retention_us), time_us=0)
        self.told: list[int] = []
        self.changes = Waiting(self.engine)
        self.stays = Stays(self.changes, lambda: self.told.append(self.engine.sequence))
        self.stays.begin(self.engine)
        self._followers = Followers(self.engine, [self.changes])
        self._time_us = 0

    def do(self, *commands: c.Command) -> None:
        for command in commands:
            self._time_us += 1
            self.engine.apply(command, self._time_us)
            self._followers.observe("", 0)

    @property
    def stay(self) -> Stay:
        return self.stays.of_call["c1"]


def test_a_new_queue_is_a_new_stay_and_what_was_left_is_known() -> None:
    desk = Desk()
    desk.do(c.Enqueue("c1", "loans"))
    first = desk.stay
    first.left = frozenset({"loans"})
    first.judged = True
    desk.do(c.Transfer("c1", "cards", keep_place=True))
    second = desk.stay
    assert second is not first
    assert (second.queue, second.sequence, second.judged, second.left) == ("cards", 3, False, frozenset({"loans"}))
    # there and back again, unseen
    desk.do(c.Transfer("c1", "loans"), c.UpdateCall("c1", priority=1), c.Transfer("c1", "cards"))
    third = desk.stay
    assert third is not second
    assert (third.queue, third.sequence, third.left) == ("cards", 6, frozenset({"loans"}))


def test_who_was_with_an_agent_meanwhile_begins_anew() -> None:
    desk = Desk()
    desk.do(c.Enqueue("c1", "loans"))
    desk.stay.left = frozenset({"cards"})
    desk.do(c.SignIn("ada"), c.Accept(1), c.Requeue("c1", keep_place=True), c.SetAvailability("ada", False))
    assert (desk.stay.sequence, desk.stay.left) == (5, frozenset())


def test_an_offer_that_came_and_went_unseen_makes_a_stay_fresh_and_leaves_its_estimate() -> None:
    desk = Desk()
    desk.do(c.SignIn("ada", ready=False), c.Enqueue("c1", "loans"))
    before = desk.stay
    desk.stays.fresh.clear()
    desk.do(c.SetAvailability("ada", True), c.Reject(1))
    assert desk.stays.fresh == {"c1"}
    assert desk.stay is before
    assert not before.offered


def test_who_came_and_went_unseen_leaves_nothing_but_the_news() -> None:
    desk = Desk(retention_us=1)
    desk.stays.caught_up()
    for number in range(1_000):
        desk.do(c.Enqueue("c1", "loans"), c.Cancel("c1"))
        assert len(desk.changes) == 0
        assert not desk.stays.may_have_fresh
        desk.stays.caught_up()
        assert len(desk.told) == number + 1
    assert desk.changes.take() == []
    assert not desk.stays.of_call


def test_a_name_that_comes_again_is_another_stay() -> None:
    desk = Desk(retention_us=1)
    desk.do(c.Enqueue("c1", "loans"))
    desk.stay.left = frozenset({"loans"})
    # forgotten at once; the name and the number inside the engine are free for others
    desk.do(c.Cancel("c1"), c.Advance(), c.Advance(), c.Enqueue("c2", "cards"), c.Enqueue("c1", "cards"))
    assert sorted(desk.stays.of_call) == ["c1", "c2"]
    assert (desk.stay.queue, desk.stay.sequence, desk.stay.left) == ("cards", 7, frozenset())
    desk.do(c.Cancel("c1"), c.Cancel("c2"), c.Advance(), c.Advance())
    for number in range(300):
        desk.do(c.Enqueue(f"d{number}", "loans"), c.Cancel(f"d{number}"), c.Advance())
    assert [change[:2] for change in desk.changes.take()] == [("left", "c1"), ("left", "c2")]


def test_news_are_told_once_for_a_work_and_only_if_there_are_any() -> None:
    desk = Desk()
    desk.do(c.Enqueue("c1", "loans"), c.Enqueue("c2", "loans"))
    desk.stays.caught_up()
    desk.do(c.PauseQueue("loans"))
    desk.stays.caught_up()
    assert desk.told == [3]


def test_no_more_than_a_portion_is_left_to_who_reads() -> None:
    desk = Desk()
    most = 0
    for number in range(2_000):
        desk.do(c.Enqueue(f"c{number}", "loans"))
        desk.stays.caught_up()
        most = max(most, len(desk.changes))
    assert 100 <= most <= 1_000
    assert len(desk.stays.of_call) == len(desk.told) == 2_000


def test_nothing_is_followed_before_the_beginning() -> None:
    engine = Engine(Settings(queues={"loans": QueueSettings()}), time_us=0)
    changes = Waiting(engine)
    followers = Followers(engine, [changes])
    engine.apply(c.Enqueue("c1", "loans"), 1)
    followers.observe("", 0)
    assert len(changes) == 0
    assert not changes.take_news()


def test_a_filter_is_met_by_both_its_lists() -> None:
    desk = Desk()
    desk.do(c.Enqueue("c0", "loans"), c.Enqueue("c1", "cards"), c.Enqueue("c2", "loans"))

    def names(found: list[Stay]) -> list[str]:
        return sorted(stay.call for stay in found)

    stays = desk.stays
    assert names(stays.passing((), ())) == ["c0", "c1", "c2"]
    assert names(stays.passing(("loans", "empty"), ())) == ["c0", "c2"]
    assert names(stays.passing((), ("c1", "unknown"))) == ["c1"]
    assert names(stays.passing(("loans",), ("c1", "c2"))) == ["c2"]
