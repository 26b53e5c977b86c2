"""What was learnt of waits over a restart: it comes back with the snapshot, and from the commands after it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

from router.client import RouterClient
from router.engine import commands as c
from router.journal import SqliteJournal
from router.server._native import write_parts
from router.server.recovery import snapshot_writing
from router.server.server import RouterServer
from tests.server.estimation.rig import CONFIG, fill
from tests.server.support import client_of, durable


def learnt(server: RouterServer) -> tuple[Any, ...]:
    """Return what the server knows of waits."""
    native = server.shell.estimation.predicting.native
    return native.queue_history("loans"), native.delay_figures("loans", server.shell.engine.time_us), native.coverage


async def go_on(client: RouterClient) -> None:
    await client.apply(c.Complete("in-talk"))
    await client.apply(c.Enqueue("last", "loans"))


async def test_what_was_learnt_before_and_after_a_snapshot_comes_back(tmp_path: Path) -> None:
    async with durable(tmp_path, CONFIG, crash=True) as server, client_of(server) as client:
        await fill(client, waiting=3)
        assert server._snapshots is not None
        await server._snapshots.take()
        await go_on(client)
        before = learnt(server)
        assert before[0].completed == 4
    async with durable(tmp_path, CONFIG) as server:
        after = learnt(server)
        assert after[0].completed == 4
        # a downtime is neither a wait nor a talk
        assert after[0].service_us == before[0].service_us
        assert after[1].les_us == before[1].les_us


@pytest.mark.parametrize("harm", [b"", b"\x00", b"no such thing at all"])
async def test_a_snapshot_without_it_or_that_cannot_be_read_starts_anew(
    tmp_path: Path, harm: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    # nothing before a snapshot is replayed
    monkeypatch.setattr("router.server.recovery.recovery.REPLAYED_MIN", 0)
    async with durable(tmp_path, CONFIG, crash=True) as server, client_of(server) as client:
        await fill(client, waiting=1)
        monkeypatch.setattr(snapshot_writing, "write_parts", lambda parts: [*write_parts(parts)[:-1], harm])
        assert server._snapshots is not None
        await server._snapshots.take(in_place=True)
        monkeypatch.undo()
    candidates = "router.server.recovery.recovery._candidates"
    monkeypatch.setattr(candidates, lambda journal: journal.snapshot_sequences()[::-1])
    async with durable(tmp_path, CONFIG) as server, client_of(server) as client:
        assert learnt(server)[0].completed == 0
        assert (await client.call("w0")).position == 1
        assert (await client.wait_estimate("w0", quick=True)).position == 1
    told = [record.getMessage() for record in caplog.records if "starts anew" in record.getMessage()]
    assert len(told) == (1 if harm else 0)


async def test_the_snapshot_has_what_was_learnt(tmp_path: Path) -> None:
    async with durable(tmp_path, CONFIG) as server, client_of(server) as client:
        await fill(client, waiting=3)
    journal = SqliteJournal.open(tmp_path)
    snapshot = journal.load_snapshot(journal.last_sequence)
    journal.close()
    assert snapshot is not None
    assert len(snapshot.service.wait) > 100
    assert msgspec.structs.replace(snapshot.service, wait=b"") == server.shell.service_state()
