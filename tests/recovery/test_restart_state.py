"""What a server knows after a restart: the same as before, or the start says why not."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from router.client import Reply
from router.config import parse_config
from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.vocabulary import Urgency
from router.journal import ConfigText, Entry, JournalCorrupt, JournalError, ServiceState, Snapshot, SqliteJournal
from router.server.clock import Clock
from router.server.recovery.recovery import Recovered, recover
from router.server.recovery.replaying import Stopped
from router.server.writing.journal_thread import JournalThread
from tests.server.scripted_journal import ScriptedJournal
from tests.server.support import CONFIG, Seen, client_of, durable, refused

LIFE: list[c.Command] = [
    c.SignIn("ada", {"loans": 7}),
    c.SignIn("bob", {"cards": 7}),
    c.Enqueue("c1", "loans", customer="zoe"),
    c.Enqueue("c2", "cards"),
    c.Accept(1),
    c.Complete("c1"),
    c.EndWrapUp("ada"),
    c.SetAvailability("ada", ready=False, reason="lunch"),
    c.Enqueue("c3", "loans"),
    c.Enqueue("c4", "general", urgency=Urgency.URGENT),
    c.Complete("nothing"),
    c.PauseQueue("general"),
]


def without_repeated(reply: Reply) -> Reply:
    assert reply.result.repeated
    return Reply(msgspec.structs.replace(reply.result, repeated=False))


@pytest.mark.parametrize("crash", [False, True])
async def test_everything_is_there_again(tmp_path: Path, crash: bool) -> None:
    async with durable(tmp_path, crash=crash) as server, client_of(server, client_id="pbx") as client:
        for command in LIFE[:-2]:
            await client.apply(command)
        await refused(client.apply(LIFE[-2]))
        await client.apply(LIFE[-1])
        before = server.shell.engine
        views = (before.calls(), before.agents(), before.queues(), before.customers())
        sequence, history_id = before.sequence, server.shell.hub.history_id
        pages = [agent async for agent in client.agents()]
    async with durable(tmp_path) as server, client_of(server, client_id="pbx") as client:
        after = server.shell.engine
        assert after.sequence == sequence + 1, "Restart is the first command"
        (restarted,) = [event for event in await everything(client, sequence) if isinstance(event, e.Restarted)]
        assert restarted.sequence == sequence + 1
        shifted = [
            msgspec.structs.replace(call, queue_entered_us=call.queue_entered_us + restarted.downtime_us)
            if call.finished_us is None
            else call
            for call in views[0]
        ]
        assert (after.calls(), after.agents(), after.queues(), after.customers()) == (shifted, *views[1:])
        assert server.shell.hub.history_id == history_id
        assert [agent async for agent in client.agents()] == pages
        assert (await client.config()).toml == CONFIG
        after.audit()


async def everything(client: Any, after_sequence: int) -> list[Any]:
    last = (await client.statistics()).sequence
    seen = Seen(client.watch(after_sequence=after_sequence))
    await seen.until(lambda s: s.error or (s.moments and s.moments[-1].sequence >= last))
    await seen.end()
    assert seen.error is None, seen.error
    return seen.events


@pytest.mark.parametrize("crash", [False, True])
async def test_repeats_are_answered_as_before(tmp_path: Path, crash: bool) -> None:
    more = CONFIG + "\n[queues.more]\n"
    async with durable(tmp_path, crash=crash) as server, client_of(server, client_id="pbx") as client:
        await client.apply(c.SignIn("ada", {"loans": 7}), request_id="r1")
        first = await client.apply(c.Enqueue("c1", "loans"), request_id="r2")
        rejected = await refused(client.apply(c.Complete("c9"), request_id="r3"))
        etag = (await client.config()).etag
        applied = await client.apply_config(more, expected_etag=etag, request_id="r4")
        async with client.stream() as stream:
            (streamed,) = await stream.apply([c.Accept(1)], ["r5"])
        assert isinstance(streamed, Reply)
    async with durable(tmp_path) as server, client_of(server, client_id="pbx") as client:
        sequence = server.shell.engine.sequence
        again = await client.apply(c.Enqueue("c1", "loans"), request_id="r2")
        assert without_repeated(again).result == first.result
        error = await refused(client.apply(c.Complete("c9"), request_id="r3"))
        assert (error.reason, error.sequence) == (rejected.reason, rejected.sequence)
        once_more = await client.apply_config(more, expected_etag=etag, request_id="r4")
        assert once_more.result == msgspec.structs.replace(applied.result, repeated=True)
        assert once_more.etag == applied.etag
        assert without_repeated(await client.apply(c.Accept(1), request_id="r5")).result == streamed.result
        other = await refused(client.apply(c.Enqueue("c8", "loans"), request_id="r2"))
        assert other.reason == "REQUEST_ID_REUSED"
        assert server.shell.engine.sequence == sequence, "nothing was carried out"


async def test_a_watch_goes_on_over_any_point_of_the_past(tmp_path: Path) -> None:
    async with durable(tmp_path, crash=True) as server, client_of(server) as client:
        for command in LIFE[:8]:
            await client.apply(command)
        whole = await everything(client, 0)
        last = server.shell.engine.sequence
    async with durable(tmp_path) as server, client_of(server) as client:
        assert (await everything(client, 0))[: len(whole)] == whole
        for after in range(last):
            events = await everything(client, after)
            assert events[:-1] == [event for event in whole if event.sequence > after]
            assert isinstance(events[-1], e.Restarted)
        # which queue a call is in was learned again too
        seen = Seen(client.watch(after_sequence=last, queues=["loans"]))
        await client.apply(c.Enqueue("c3", "loans"))
        await client.apply(c.Cancel("c3"))
        await seen.until(lambda s: s.of(e.CallAbandoned))
        await seen.end()


async def test_the_config_that_was_applied_rules_until_the_file_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    applied, changed = CONFIG + "\n[queues.applied]\n", CONFIG + "\n[queues.file]\n"
    async with durable(tmp_path) as server, client_of(server, client_id="ops") as client:
        await client.apply_config(applied)
    async with durable(tmp_path, CONFIG + "\n# only a comment\n") as server, client_of(server) as client:
        assert (await client.config()).toml == applied
        assert (await client.config()).etag == parse_config(applied, "x").etag
        assert (await client.queue("applied")).waiting == 0
        await client.apply(c.Enqueue("c1", "applied"))
    # the new file has no such queue, and a call is in it
    async with durable(tmp_path, changed) as server, client_of(server) as client:
        assert (await client.config()).toml == applied
        assert "QUEUE_HAS_CALLS applied" in caplog.text
        await client.apply(c.Cancel("c1"))
    async with durable(tmp_path, changed) as server, client_of(server) as client:
        assert (await client.config()).toml == changed
        assert (await refused(client.queue("applied"))).reason == "UNKNOWN_QUEUE"
        assert "the config file has changed since it was last applied" in caplog.text
    sequence = server.shell.engine.sequence
    async with durable(tmp_path, changed) as server:
        assert server.shell.engine.sequence == sequence + 1, "only the restart: the file is the one that rules"
    notes = [entry for _, entry in SqliteJournal.open(tmp_path, read_only=True).read(0) if entry.note is not None]
    assert [(entry.actor, entry.note.from_file) for entry in notes if isinstance(entry.note, ConfigText)] == [
        ("file", True),
        ("local", False),
        ("file", True),
        ("file", True),
    ]


async def test_estimates_are_learned_again(tmp_path: Path) -> None:
    async with durable(tmp_path) as server, client_of(server) as client:
        await client.apply(c.SignIn("ada", {"cards": 7}))
        for number in range(5):
            await client.apply(c.Enqueue(f"c{number}", "cards"))
            await client.apply(c.Complete(f"c{number}"))
        await client.apply(c.Enqueue("busy", "cards"))
        await client.apply(c.Enqueue("waits", "cards"))
        before = await client.wait_estimate("waits")
        assert before.method != "none"
    async with durable(tmp_path) as server, client_of(server) as client:
        after = await client.wait_estimate("waits")
        assert (after.method, after.position, after.samples) == (before.method, before.position, before.samples)


async def test_snapshots_are_taken_and_started_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.server.recovery.recovery.REPLAYED_MIN", 50)
    monkeypatch.setattr("router.server.recovery.snapshots._LOOK_S", 0.01)
    config = CONFIG.replace("[engine]", "snapshot_commands = 100\n[engine]")
    async with durable(tmp_path, config, crash=True) as server, client_of(server) as client:
        journal = server.shell.journal
        assert journal is not None
        async with client.stream() as stream:
            for number in range(30):
                await stream.apply([c.Enqueue(f"c{number}-{n}", "loans") for n in range(10)])
        async with asyncio.timeout(10):
            while len(journal.journal.snapshot_sequences()) < 2:
                await asyncio.sleep(0.01)
    thread = await JournalThread.open(partial(SqliteJournal.open, tmp_path))
    recovered: Recovered = await thread.call(partial(recover, thread, parse_config(config, "x"), config, Clock()))
    newest = [sequence for sequence in thread.journal.snapshot_sequences() if sequence <= 301 - 50][-1]
    await thread.close(5)
    assert recovered.sequence == 301
    assert recovered.replayed == 301 - newest < 301
    assert "300 live calls, 0 agents" in recovered.summary()
    assert recovered.shell.hub.history.forgotten_sequence == newest


async def test_an_orderly_end_leaves_a_snapshot_of_the_end(tmp_path: Path) -> None:
    async with durable(tmp_path) as server, client_of(server) as client:
        await client.apply(c.SignIn("ada"))
        state_hash, sequence = server.shell.engine.state_hash(), server.shell.engine.sequence
    journal = SqliteJournal.open(tmp_path)
    snapshot = journal.load_snapshot(sequence)
    journal.close()
    assert snapshot is not None
    assert (snapshot.sequence, snapshot.state_hash) == (sequence, state_hash)


# --- recovery over a scripted journal


def a_history(length: int = 40) -> tuple[list[Entry], Engine]:
    """Return entries and the engine that they lead to."""
    config = parse_config(CONFIG, "x")
    note = ConfigText(CONFIG, config.etag, from_file=True)
    entries = [Entry(time_us=10**6, command=c.Configure(config.settings), actor="file", note=note)]
    entries += [
        Entry(time_us=(number + 2) * 10**6, command=c.Enqueue(f"c{number}", "loans"), actor="local")
        for number in range(length - 1)
    ]
    engine = Engine()
    for entry in entries:
        engine.apply(entry.command, entry.time_us)
    return entries, engine


def snapshot_of(entries: list[Entry], sequence: int) -> Snapshot:
    engine = Engine()
    for entry in entries[:sequence]:
        engine.apply(entry.command, entry.time_us)
    note = entries[0].note
    assert isinstance(note, ConfigText)
    service = ServiceState(config=note, file_etag=note.etag)
    return Snapshot(sequence, engine.time_us, engine.snapshot(), engine.state_hash(), service)


async def recovered_from(journal: Any, **settings: Any) -> Recovered:
    thread = await JournalThread.open(lambda: journal)
    try:
        config = parse_config(CONFIG, "x")
        return await thread.call(partial(recover, thread, config, CONFIG, settings.pop("clock", Clock()), **settings))
    finally:
        await thread.close(5)


async def test_a_replay_that_leads_elsewhere_stops_the_start() -> None:
    entries, _ = a_history()
    journal = ScriptedJournal(entries)
    journal.snapshots = [snapshot_of(entries, 30)]
    await recovered_from(ScriptedJournal(entries))
    journal.entries[12] = Entry(time_us=entries[12].time_us, command=c.Enqueue("another", "loans"))
    with pytest.raises(JournalCorrupt, match=r"commands 1 to 30 does not lead to the snapshot at 30.*--from-snapshot"):
        await recovered_from(journal)
    assert len(journal.entries) == 40, "nothing was added"


async def test_an_entry_that_cannot_be_replayed_stops_the_start() -> None:
    entries, _ = a_history()
    entries[20] = Entry(time_us=5, command=c.Enqueue("too-early", "loans"))
    with pytest.raises(JournalCorrupt, match="entry 21, Enqueue, cannot be carried out again"):
        await recovered_from(ScriptedJournal(entries))


async def test_a_damaged_snapshot_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("router.server.recovery.recovery.REPLAYED_MIN", 5)
    entries, engine = a_history()
    journal = ScriptedJournal(entries)
    unreadable = msgspec.structs.replace(snapshot_of(entries, 30), engine=b"another version")
    journal.snapshots = [snapshot_of(entries, 10), unreadable, snapshot_of(entries, 36)]
    recovered = await recovered_from(journal)
    assert recovered.replayed == 30
    assert recovered.sequence == 40
    assert "the snapshot of entry 30 cannot be restored" in caplog.text
    assert [call.call for call in recovered.shell.engine.calls()] == [call.call for call in engine.calls()]


async def test_without_beginning_and_snapshot_there_is_no_start() -> None:
    entries, _ = a_history()
    journal = ScriptedJournal(entries)
    journal.first_sequence = 5
    with pytest.raises(JournalCorrupt, match="no snapshot can be read, and the commands before 5 are not kept"):
        await recovered_from(journal)


async def test_a_long_recovery_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("router.server.recovery.replaying._CHECK_EVERY", 10)
    monkeypatch.setattr("router.server.recovery.replaying._PROGRESS_S", 0.0)
    caplog.set_level(logging.INFO)
    entries, _ = a_history()
    await recovered_from(ScriptedJournal(entries))
    assert "recovering: 20 of 40 commands replayed (50 %)" in caplog.text


async def test_a_recovery_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.server.recovery.replaying._CHECK_EVERY", 10)
    entries, _ = a_history()
    journal = ScriptedJournal(entries)
    with pytest.raises(Stopped):
        await recovered_from(journal, is_stopped=lambda: True)
    assert len(journal.entries) == 40


async def test_time_goes_on_from_the_journal_when_the_clock_stands_behind_it(caplog: pytest.LogCaptureFixture) -> None:
    entries, engine = a_history()
    behind = Clock(wall_ns=lambda: 0, monotonic_ns=lambda: 0)
    recovered = await recovered_from(ScriptedJournal(entries), clock=behind)
    assert recovered.shell.engine.time_us == engine.time_us == recovered.shell.clock.now_us()
    assert not caplog.records
    entries[-1] = msgspec.structs.replace(entries[-1], time_us=10**9)
    await recovered_from(ScriptedJournal(entries), clock=Clock(wall_ns=lambda: 0, monotonic_ns=lambda: 0))
    assert "1000 s ahead of this machine's clock" in caplog.text


async def test_a_journal_that_cannot_be_written_stops_the_start() -> None:
    entries, _ = a_history()
    with pytest.raises(JournalError, match="the disk is full"):
        await recovered_from(ScriptedJournal(entries, fail_after=40))
