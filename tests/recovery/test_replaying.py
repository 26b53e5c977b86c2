"""What is replayed natively leads to where Python leads, and what cannot be replayed is said in the same words.

Method: the same journal is replayed into two servers without a network; in one of them every entry is left to Python.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from router.config.model import ServerSettings
from router.engine import Engine
from router.engine import commands as c
from router.engine.errors import InvariantViolated
from router.journal import EncodedEntries, Entry, Journal, JournalCorrupt, ServiceState, Snapshot, SqliteJournal
from router.journal.records import encode_record
from router.journal.replay import apply_entry
from router.server._native import EventFilter, Replay
from router.server.clock import Clock
from router.server.metrics import Metrics
from router.server.recovery import replaying
from router.server.recovery.replaying import Replaying
from router.server.shell import Shell
from router.server.writing.journal_thread import JournalThread
from tests.journal.story import SERVICE, snapshot_of, tell
from tests.server.scripted_journal import ScriptedJournal


class CountedReplay(Replay):
    """Counts what is carried out natively."""

    count = 0

    def run(self, end: int) -> None:
        begun = self.next
        super().run(end)
        CountedReplay.count += self.next - begun


class NoReplay(Replay):
    """Leaves everything to Python."""

    def run(self, end: int) -> None:
        pass


def engine_after(entries: Sequence[Entry]) -> Engine:
    engine = Engine()
    for sequence, entry in enumerate(entries, 1):
        apply_entry(engine, sequence, entry)
    return engine


def everything(shell: Shell, metrics: Metrics) -> dict[str, Any]:
    """Return all that follows from the commands."""
    history, commands = shell.hub.history, metrics.commands.native
    calls, agents = metrics.followers[:2]
    return {
        "state": shell.engine.snapshot(),
        "service": shell.service_state(),
        "events": history.take(history.first, EventFilter(history), 1_000_000, 0),
        "history": (history.first, history.end, history.forgotten_sequence, history.time_us),
        "learnt": shell.estimation.predicting.native.save(),
        "agents": shell.agents.page("", 1_000),
        "commands": (commands.commands, commands.rejections),
        "calls": calls.queues(),  # type: ignore[attr-defined]
        "times": agents.times_us,  # type: ignore[attr-defined]
    }


async def replayed(journal: Journal, begun: Sequence[Entry] = (), **settings: Any) -> dict[str, Any]:
    """Replay a journal from where these entries of it lead, and return everything."""
    thread = await JournalThread.open(lambda: journal)
    try:
        service = ServiceState(config=SERVICE.config, file_etag="")
        shell = Shell(engine_after(begun), Clock(), ServerSettings(**settings), service, journal=thread)
        metrics = Metrics(shell)
        for follower in metrics.followers:
            shell.followers.append(follower)
        await thread.call(Replaying(journal, shell, lambda: False).run)
        return everything(shell, metrics)
    finally:
        await thread.close(5)


async def both(monkeypatch: pytest.MonkeyPatch, run: Callable[[], Awaitable[Any]]) -> tuple[Any, Any]:
    """Return what comes of it natively and in Python, or the error."""
    found: list[Any] = []
    for kind in (CountedReplay, NoReplay):
        monkeypatch.setattr(replaying, "Replay", kind)
        try:
            found.append(await run())
        except JournalCorrupt as error:
            found.append(str(error))
    return found[0], found[1]


@pytest.mark.parametrize("seed", range(1, 5))
async def test_both_ways_lead_to_the_same(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    entries = tell(400, seed)
    CountedReplay.count = 0
    native, python = await both(monkeypatch, lambda: replayed(ScriptedJournal(entries), watch_history_events=150))
    assert native == python
    assert native["state"] == engine_after(entries).snapshot()
    assert 150 <= CountedReplay.count < 400, "some kinds of command are Python's turn"


@pytest.mark.parametrize("begun", [1, 40, 101, 199, 200])
async def test_from_the_middle_of_a_record_and_past_snapshots(monkeypatch: pytest.MonkeyPatch, begun: int) -> None:
    monkeypatch.setattr(replaying, "_CHECK_EVERY", 10)
    compared: list[int] = []
    check_state = replaying.check_state

    def check(engine: Engine, snapshot: Snapshot) -> None:
        compared.append(snapshot.sequence)
        check_state(engine, snapshot)

    monkeypatch.setattr(replaying, "check_state", check)
    entries = tell(200)
    journal = ScriptedJournal(entries)
    journal.snapshots = [snapshot_of(engine_after(entries[:sequence])) for sequence in (60, 150)]
    native, python = await both(monkeypatch, lambda: replayed(journal, entries[:begun]))
    assert native == python
    assert native["state"] == engine_after(entries).snapshot()
    assert compared == [sequence for sequence in (60, 150) if sequence > begun] * 2


async def test_in_shadow_mode_each_command_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "Replay", CountedReplay)
    CountedReplay.count = 0
    entries = tell(100)
    found = await replayed(ScriptedJournal(entries), shadow=True)
    assert found["state"] == engine_after(entries).snapshot()
    assert CountedReplay.count == 0


ENQUEUE = Entry(time_us=tell(30)[-1].time_us, command=c.Enqueue("new", "q1"), client_id="pbx", actor="local")


def request(request_id: str = "new", content: bytes = b"digest-of-it", client_id: str = "pbx") -> bytes:
    entry = Entry(
        time_us=ENQUEUE.time_us,
        command=c.Enqueue("new", "q1"),
        client_id=client_id,
        request_id=request_id,
        content=content,
    )
    return encode_record([entry])


GOOD = encode_record([ENQUEUE])
WRONG: dict[str, tuple[int, bytes]] = {
    "time goes back": (1, encode_record([Entry(time_us=5, command=c.Enqueue("new", "q1"))])),
    "time is too high": (1, encode_record([Entry(time_us=2**62, command=c.Advance())])),
    "a request comes again": (2, request() + request()),
    "a request id has other content": (2, request() + request(content=b"another digest")),
    "a digest is too short": (1, request(content=b"short")),
    "a digest is too long": (1, request(content=b"d" * 65)),
    "a request has no client": (1, request(client_id="")),
    "a request id is no name": (1, request("r\n1")),
    "a client is no name": (1, request(client_id="c" * 256)),
    "a name is empty": (1, encode_record([Entry(time_us=ENQUEUE.time_us, command=c.Enqueue("", "q1"))])),
    "no entry": (1, b"what is this"),
    "an unknown field of an entry": (1, b"\x0a\x05\x08\x01\xd0\x0f\x01"),
    "an unknown field of a record": (1, GOOD + b"\x10\x01"),
    "one too few": (3, GOOD + request()),
    "one too many": (1, GOOD + request()),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_wrong_is_said_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    count, content = WRONG[wrong]

    async def run() -> dict[str, Any]:
        journal = SqliteJournal.open(tmp_path)
        if journal.last_sequence == 0:
            journal.append(1, tell(30))
            journal.append(31, [EncodedEntries(count, content)])
        return await replayed(journal)

    native, python = await both(monkeypatch, run)
    assert native == python
    assert isinstance(native, str), "it must be an error"
    assert "31" in native or "32" in native


async def test_an_engine_that_fails_is_told_at_its_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Replay):
        def run(self, end: int) -> None:
            super().run(min(end, 2))
            if self.next == 2:
                raise InvariantViolated("two offers")

    monkeypatch.setattr(replaying, "Replay", Failing)
    entries = [*tell(1), *(Entry(time_us=tell(1)[0].time_us, command=c.Advance()) for _ in range(5))]
    with pytest.raises(
        JournalCorrupt, match="entry 3, Advance, cannot be carried out again: InvariantViolated: two offers"
    ):
        await replayed(ScriptedJournal(entries))


async def test_what_is_unusual_is_carried_out_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids that are none where nobody needs them, and keys of which one begins with the other."""
    unusual = Entry(
        time_us=ENQUEUE.time_us,
        command=c.Enqueue("new", "q1", attributes={"a": "1", "ab": "2"}),
        client_id="c\n",
        actor="a\n",
    )
    journal = ScriptedJournal([*tell(30), unusual])
    native, python = await both(monkeypatch, lambda: replayed(journal))
    assert native == python
    assert native["state"] == engine_after(journal.entries).snapshot()
