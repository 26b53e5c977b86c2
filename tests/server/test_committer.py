"""Nothing leaves before it is durable: order, flushes, failures, bounds, and those who do not wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from router.engine import Engine
from router.engine import commands as c
from router.engine.errors import UnknownName
from router.engine.settings import QueueSettings, Settings
from router.journal import Change, ConfigText, Entry, SessionChange
from router.server._native import Followers
from router.server.clock import Clock
from router.server.errors import Refusal
from router.server.writing.journal_thread import JournalThread
from router.server.writing.requests import Answer, Identity, Submission
from router.server.writing.work import Happening
from router.server.writing.writer import Writer
from tests.server.scripted_journal import ScriptedJournal
from tests.server.support import NoEstimates

SETTINGS = Settings(queues={"q": QueueSettings()})


class Bench:
    """A writer over a real engine and a scripted journal, and what it let out, in order. Sequence 1 is the config's."""

    def __init__(
        self, thread: JournalThread, journal: ScriptedJournal, clock: Clock | None = None, **settings: Any
    ) -> None:
        self.journal = journal
        self.engine = Engine(SETTINGS, time_us=0)
        journal.entries.append(Entry(time_us=0, command=c.Configure(SETTINGS)))
        self.out: list[str] = []
        self.observed: list[Happening] = []
        self.failures = 0
        self.writer = Writer(
            self.engine,
            clock or Clock(),
            NoEstimates(),
            self._publish,
            followers=Followers(self.engine),
            journal=thread,
            observers=[self],
            on_failure=self._on_failure,
            **settings,
        )

    def observe(self, happening: Happening) -> None:
        self.observed.append(happening)

    def _publish(self, happenings: Sequence[Happening], sequence: int) -> None:
        for happening in happenings:
            assert happening.sequence <= len(self.journal.entries), "published before it was durable"
            self.out.append(f"event {happening.sequence}")

    def _on_failure(self) -> None:
        self.failures += 1

    async def sign_in(self, *agents: str, **fields: Any) -> list[Answer]:
        answers = await self.writer.submit([Submission(c.SignIn(agent), **fields) for agent in agents])
        for answer in answers:
            assert answer.result is not None
            assert answer.result.sequence <= len(self.journal.entries), "answered before it was durable"
            self.out.append(f"answer {answer.result.sequence}")
        return answers

    async def held_up(self) -> None:
        """Close the journal's gate and wait until an append stands before it."""
        self.journal.open.clear()
        self.task = asyncio.create_task(self.sign_in("held-up"))
        await until(self.journal.under_way.is_set)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


@asynccontextmanager
async def bench_of(journal: ScriptedJournal | None = None, **settings: Any) -> AsyncIterator[Bench]:
    journal = journal or ScriptedJournal()
    thread = await JournalThread.open(lambda: journal)
    bench = Bench(thread, journal, **settings)
    running = asyncio.create_task(bench.writer.run())
    await asyncio.sleep(0)
    try:
        yield bench
    finally:
        journal.open.set()
        bench.writer.stop()
        await running
        assert await thread.close(5)
        assert journal.closed


async def refused(waiting: Awaitable[object]) -> str:
    with pytest.raises(Refusal) as caught:
        await waiting
    return caught.value.reason


async def test_one_flush_takes_all_that_came_meanwhile_and_lets_it_out_in_order() -> None:
    async with bench_of() as bench:
        await bench.held_up()
        tasks = [bench.task, *(asyncio.create_task(bench.sign_in(f"a{n}", f"b{n}")) for n in range(20))]
        await until(lambda: bench.engine.sequence == 42)
        assert bench.out == [], "the engine went on, but nothing left"
        bench.journal.open.set()
        await asyncio.gather(*tasks)
        assert bench.journal.appends == [1, 40]
        events = [int(out.split()[1]) for out in bench.out if out.startswith("event")]
        answers = [int(out.split()[1]) for out in bench.out if out.startswith("answer")]
        assert events == answers == list(range(2, 43))
        assert all(bench.out.index(f"event {n}") < bench.out.index(f"answer {n}") for n in events)


async def test_the_loop_never_waits_for_the_disk() -> None:
    async with bench_of() as bench:
        await bench.sign_in("ada")
        assert bench.journal.threads == {"journal"}


async def test_what_an_entry_holds() -> None:
    async with bench_of() as bench:
        identity = Identity("pbx", "r1", b"digest-1")
        note = ConfigText("text", "etag", from_file=False)
        await bench.sign_in("ada", identity=identity, client_id="pbx", actor="local", note=note)
        await bench.writer.submit([Submission(c.Complete("nothing"), client_id="pbx", actor="ops")])
        _, first, second = bench.journal.entries
        assert first == Entry(
            time_us=first.time_us,
            command=c.SignIn("ada"),
            client_id="pbx",
            request_id="r1",
            content=b"digest-1",
            actor="local",
            note=note,
        )
        assert second == Entry(time_us=second.time_us, command=c.Complete("nothing"), client_id="pbx", actor="ops")
        assert first.time_us <= second.time_us == bench.engine.time_us
        assert [(h.sequence, h.client_id, h.note, h.command) for h in bench.observed] == [
            (2, "pbx", note, c.SignIn("ada")),
            (3, "pbx", None, c.Complete("nothing")),
        ]


async def test_what_has_no_number_is_not_journalled_but_waits_for_its_turn() -> None:
    async with bench_of() as bench:
        identity = Identity("pbx", "r1", b"digest-1")
        malformed = Submission(c.SignIn("ada", {"loans": 99}))
        (answer,) = await bench.writer.submit([malformed])
        assert answer.refusal is not None
        assert bench.journal.appends == []
        await bench.held_up()
        first = asyncio.create_task(bench.sign_in("bob", identity=identity))
        again = asyncio.create_task(bench.sign_in("bob", identity=identity))
        bad = asyncio.create_task(bench.writer.submit([malformed]))
        await until(lambda: bench.engine.sequence == 3)
        await asyncio.sleep(0)
        assert not again.done(), "a repeat must not tell what is not durable"
        assert not bad.done()
        bench.journal.open.set()
        answers = [(await first)[0], (await again)[0]]
        assert [answer.result.sequence for answer in answers if answer.result] == [3, 3]
        await asyncio.gather(bench.task, bad)
        assert len(bench.journal.entries) == 3


async def test_a_failed_append_is_never_followed_by_a_success() -> None:
    async with bench_of(ScriptedJournal(fail_after=4)) as bench:
        await bench.sign_in("a", "b")
        await bench.held_up()
        later = [asyncio.create_task(bench.sign_in(f"later-{n}")) for n in range(10)]
        await until(lambda: bench.engine.sequence == 14)
        reading = asyncio.create_task(bench.writer.durable())
        await asyncio.sleep(0)
        bench.journal.open.set()
        await bench.task
        assert [await refused(task) for task in later] == ["JOURNAL_FAILED"] * 10
        assert await refused(reading) == "JOURNAL_FAILED"
        assert await refused(bench.sign_in("after")) == "JOURNAL_FAILED"
        assert await refused(bench.writer.durable()) == "JOURNAL_FAILED"
        assert bench.failures == 1
        assert len(bench.journal.entries) == 4
        assert bench.out == ["event 2", "event 3", "answer 2", "answer 3", "event 4", "answer 4"]


async def test_a_query_waits_for_what_it_has_seen_and_for_no_more() -> None:
    async with bench_of() as bench:
        await bench.sign_in("ada")
        await asyncio.wait_for(bench.writer.durable(), 1)
        await bench.held_up()
        await asyncio.wait_for(bench.writer.durable(2), 1)
        waiting = asyncio.create_task(bench.writer.durable())
        given_up = asyncio.create_task(bench.writer.durable())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        given_up.cancel()
        bench.journal.open.set()
        await asyncio.wait_for(waiting, 5)
        await bench.task


async def test_commands_that_are_not_durable_count_as_under_way() -> None:
    async with bench_of(pending_max=5) as bench:
        await bench.held_up()
        others = asyncio.create_task(bench.sign_in("a", "b", "c", "d"))
        await until(lambda: bench.engine.sequence == 6)
        with pytest.raises(Refusal) as caught:
            await bench.sign_in("more")
        assert caught.value.reason == "OVERLOADED"
        assert 50_000 <= (caught.value.retry_after_us or 0) <= 5_000_000
        bench.journal.open.set()
        await asyncio.gather(bench.task, others)
        assert bench.writer.pending == 0
        await bench.sign_in("more")


async def test_who_gives_up_before_the_turn_is_not_carried_out_and_after_it_is() -> None:
    async with bench_of() as bench:
        await bench.held_up()
        applied = asyncio.create_task(bench.sign_in("applied"))
        await until(lambda: bench.engine.sequence == 3)
        waiting = asyncio.create_task(bench.sign_in("waiting"))
        applied.cancel()
        await asyncio.sleep(0)
        waiting.cancel()
        bench.journal.open.set()
        await bench.task
        await bench.sign_in("last")
        assert bench.engine.agent("applied").agent == "applied"
        with pytest.raises(UnknownName):
            bench.engine.agent("waiting")
        commands = [entry.command for entry in bench.journal.entries[1:]]
        assert commands == [c.SignIn("held-up"), c.SignIn("applied"), c.SignIn("last")]


async def test_a_plan_sees_every_answer_and_nothing_comes_between() -> None:
    async with bench_of() as bench:
        note = SessionChange("pbx", Change.BEGAN)

        def plan() -> Generator[Submission, Answer, list[str]]:
            seen = []
            for agent in ("ada", "ada", "bob"):
                answer = yield Submission(c.SignIn(agent))
                seen.append(answer.refusal.reason if answer.refusal else f"sequence {bench.engine.sequence}")
            yield Submission(c.Advance(), note=note)
            return seen

        await bench.held_up()
        planned = asyncio.ensure_future(bench.writer.carry_out(plan()))
        other = asyncio.create_task(bench.sign_in("other"))
        await until(lambda: bench.engine.sequence == 7)
        assert not planned.done()
        bench.journal.open.set()
        assert await planned == ["sequence 3", "ALREADY_SIGNED_IN", "sequence 5"]
        await asyncio.gather(bench.task, other)
        assert bench.journal.entries[5].note == note
        assert bench.writer.pending == 0


async def test_a_plan_that_raises_tells_its_caller_and_harms_nobody() -> None:
    async with bench_of() as bench:

        def plan() -> Generator[Submission, Answer, None]:
            yield Submission(c.SignIn("ada"))
            raise Refusal("UNKNOWN_CALL", "c1")

        assert await refused(bench.writer.carry_out(plan())) == "UNKNOWN_CALL"
        await bench.sign_in("bob")
        assert len(bench.journal.entries) == 3, "what it had done before stays"


async def test_a_plan_whose_caller_has_gone_is_not_begun() -> None:
    async with bench_of() as bench:
        ended = []

        def plan() -> Generator[Submission, Answer, None]:
            try:
                yield Submission(c.SignIn("ada"))
            finally:
                ended.append(True)

        asyncio.ensure_future(bench.writer.carry_out(plan())).cancel()
        await bench.sign_in("bob")
        assert bench.engine.sequence == 2
        assert ended == []


async def test_stopping_waits_for_the_disk() -> None:
    async with bench_of() as bench:
        await bench.held_up()
        bench.writer.stop()
        assert await refused(bench.sign_in("late")) == "SHUTTING_DOWN"
        assert not bench.task.done()
        bench.journal.open.set()
        await bench.task


async def test_what_is_abandoned_is_refused_as_unknown() -> None:
    async with bench_of() as bench:
        await bench.held_up()
        waiting = asyncio.create_task(bench.writer.durable())
        await asyncio.sleep(0)
        bench.writer.abandon()
        assert await refused(bench.task) == "JOURNAL_FAILED"
        assert await refused(waiting) == "JOURNAL_FAILED"
        assert bench.failures == 0, "it was wanted"


async def test_while_deadlines_are_pending_the_time_is_journalled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.server.writing.writer.QUIET_S_MAX", 0.02)
    async with bench_of() as bench:
        await bench.writer.submit([Submission(c.Configure(Settings(queues={"q": QueueSettings(wait_max_us=10**12)})))])
        await asyncio.sleep(0.1)
        assert len(bench.journal.entries) == 2, "nothing is pending"
        await bench.writer.submit([Submission(c.Enqueue("c1", "q"))])
        await until(lambda: len(bench.journal.entries) >= 6)
        assert {type(entry.command) for entry in bench.journal.entries[3:]} == {c.Advance}
        assert {entry.actor for entry in bench.journal.entries[3:]} == {"server"}
        assert bench.journal.entries[-1].time_us > bench.journal.entries[2].time_us


async def test_while_a_downtime_would_matter_the_time_is_journalled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.server.writing.writer.QUIET_S_MAX", 0.02)
    matters = False
    async with bench_of(is_timed=lambda: matters) as bench:
        await asyncio.sleep(0.1)
        assert len(bench.journal.entries) == 1, "it does not matter"
        matters = True
        await until(lambda: len(bench.journal.entries) >= 4)
        assert {type(entry.command) for entry in bench.journal.entries[1:]} == {c.Advance}
        assert bench.engine.next_deadline() is None


async def test_a_mass_of_deadlines_fires_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.server.writing.writer.DEADLINES_MAX", 10)
    now_ns = 10**18
    clock = Clock(wall_ns=lambda: 10**18, monotonic_ns=lambda: now_ns)
    async with bench_of(clock=clock) as bench:
        settings = Settings(queues={"q": QueueSettings(wait_max_us=10**9)})
        await bench.writer.submit([Submission(c.Configure(settings))])
        for number in range(200):
            now_ns += 1_000_000
            await bench.writer.submit([Submission(c.Enqueue(f"c{number}", "q"))])
        begun = len(bench.observed)
        # as if the process had been stopped for an hour
        now_ns += 3_600 * 10**9
        await bench.sign_in("ada")
        steps = [happening for happening in bench.observed[begun:] if happening.command == c.Advance()]
        assert len(steps) >= 19
        assert max(len(step.events) for step in steps) == 10
        assert bench.observed[-1].command == c.SignIn("ada")
        assert sum(len(happening.events) for happening in bench.observed[begun:]) == 2 * 200 + 1, (
            "each became overdue, and then was refused"
        )
        assert len(bench.journal.entries) == bench.engine.sequence


async def test_a_fault_in_publishing_ends_the_server_and_leaves_nobody_waiting() -> None:
    async with bench_of() as bench:
        await bench.held_up()
        tasks = [bench.task, asyncio.create_task(bench.sign_in("a")), asyncio.create_task(bench.sign_in("b"))]
        await until(lambda: bench.engine.sequence == 4)
        for group in (*bench.writer.committer._flushing, *bench.writer.committer._groups):
            group._publish = None  # type: ignore[attr-defined]
        bench.journal.open.set()
        assert [await refused(task) for task in tasks] == ["JOURNAL_FAILED"] * 3
        assert bench.failures == 1
