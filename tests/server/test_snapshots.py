"""Snapshots of a server: written by a child while commands go on, in place where there can be none."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from router.client import RouterClient
from router.engine import Engine
from router.engine import commands as c
from router.journal import Snapshot, SqliteJournal
from router.journal.records import decode_service_state, encode_service_state
from router.server.forking import MAY_FORK
from router.server.recovery import snapshot_writing
from router.server.recovery.snapshots import Snapshots
from router.server.server import RouterServer
from tests.server.scripted_journal import ScriptedJournal
from tests.server.support import CONFIG, client_of, durable

pytestmark = pytest.mark.skipif(not MAY_FORK, reason="no child can be made here")
NOTE = "x" * 200
CALLS = 7_000
"""So many with such a note do not fit into the child's pipe."""


def snapshots_of(server: RouterServer) -> Snapshots:
    """Return what takes a server's snapshots, which is left to the test."""
    assert server._snapshots is not None
    assert server._snapshotting is not None
    server._snapshotting.cancel()
    return server._snapshots


async def fill(client: RouterClient, calls: int = CALLS) -> None:
    async with client.stream() as stream:
        await stream.apply([c.SignIn("ada", {"loans": 7})])
        for first in range(0, calls, 500):
            made = [f"call-{number}" for number in range(first, min(calls, first + 500))]
            await stream.apply([c.Enqueue(call, "loans", attributes={"note": NOTE + call}) for call in made])


def counted(server: RouterServer) -> tuple[float, float, float]:
    """Return how many snapshots were saved, have failed, and were written in place."""
    readings = {reading.metric.name: dict(reading.values) for reading in server.metrics.commands.readings()}
    outcomes: Any = readings["skill_router_snapshots_total"]
    in_place: Any = readings["skill_router_snapshots_in_place_total"]
    return outcomes[("saved",)], outcomes[("failed",)], in_place[()]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.002)


def children() -> list[int]:
    return [one.pid for one in psutil.Process().children()]


class Stopped:
    """Children that are stopped as soon as they are there, and their process ids."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pids: list[int] = []
        self._make = snapshot_writing.Child
        monkeypatch.setattr(snapshot_writing, "Child", self)

    def __call__(self, parts: Any) -> Any:
        child = self._make(parts)
        os.kill(child.pid, signal.SIGSTOP)
        self.pids.append(child.pid)
        return child


def go_on(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)


async def test_commands_go_on_while_a_child_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    journal, stopped = ScriptedJournal(), Stopped(monkeypatch)
    async with durable(journal) as server, client_of(server, client_id="pbx") as client:
        snapshots = snapshots_of(server)
        await fill(client)
        engine, service = server.shell.engine.snapshot(), server.shell.service_state()
        learnt = server.shell.estimation.predicting.native.save()
        sequence, time_us = server.shell.engine.sequence, server.shell.engine.time_us
        taking = asyncio.create_task(snapshots.take())
        await until(lambda: stopped.pids)
        await client.apply(c.Accept(1))
        await client.apply(c.Complete("call-0"))
        await client.apply(c.SignOut("ada"))
        assert not taking.done()
        go_on(stopped.pids[0])
        await taking
        assert counted(server) == (1, 0, 0)
        assert server.shell.engine.snapshot() != engine
        (snapshot,) = journal.snapshots
        assert (snapshot.sequence, snapshot.time_us, snapshot.engine) == (sequence, time_us, engine)
        assert Engine.restore(engine).state_hash() == snapshot.state_hash
        assert snapshot.service.wait == learnt
        assert as_read(snapshot).owned == service.owned
        assert len(service.owned[0].calls) == CALLS
    assert children() == []


def as_read(snapshot: Snapshot) -> Any:
    return decode_service_state(encode_service_state(snapshot.service))


async def test_a_server_comes_back_from_what_a_child_has_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.server.recovery.recovery.REPLAYED_MIN", 0)
    stopped = Stopped(monkeypatch)
    async with durable(tmp_path, crash=True) as server, client_of(server, client_id="pbx") as client:
        snapshots = snapshots_of(server)
        await fill(client, 1_000)
        taking = asyncio.create_task(snapshots.take())
        await until(lambda: stopped.pids)
        await client.apply(c.Enqueue("late", "loans"))
        go_on(stopped.pids[0])
        await taking
        state, service = server.shell.engine.snapshot(), server.shell.service_state()
    journal = SqliteJournal.open(tmp_path, read_only=True)
    assert journal.snapshot_sequences()[-1] == server.shell.engine.sequence - 1
    journal.close()
    async with durable(tmp_path) as server:
        # the start itself is a command
        assert server.shell.engine.sequence == Engine.restore(state).sequence + 1
        assert server.shell.service_state().owned == service.owned
        assert server.shell.engine.call("late").position == 1_000


async def test_after_a_child_that_was_killed_one_is_written_in_place(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal, stopped = ScriptedJournal(), Stopped(monkeypatch)
    async with durable(journal) as server, client_of(server) as client:
        snapshots = snapshots_of(server)
        await fill(client)
        taking = asyncio.create_task(snapshots.take())
        await until(lambda: stopped.pids)
        os.kill(stopped.pids[0], signal.SIGKILL)
        await taking
        assert counted(server) == (0, 1, 0)
        assert "has failed: it ended early (killed by signal 9)" in caplog.text
        await client.apply(c.Enqueue("one more", "loans"))
        await snapshots.take()
        assert counted(server) == (1, 1, 1)
        assert len(stopped.pids) == 1
        await client.apply(c.Enqueue("and one more", "loans"))
        taking = asyncio.create_task(snapshots.take())
        await until(lambda: len(stopped.pids) == 2)
        go_on(stopped.pids[1])
        await taking
        assert counted(server) == (2, 1, 1)
        assert [one.sequence for one in journal.snapshots] == [CALLS + 3, CALLS + 4]
    assert children() == []


async def test_a_child_that_is_stuck_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_writing, "CHILD_S_MAX", 0.05)
    Stopped(monkeypatch)
    async with durable(ScriptedJournal()) as server, client_of(server) as client:
        snapshots = snapshots_of(server)
        await fill(client)
        await snapshots.take()
        assert counted(server) == (0, 1, 0)
        assert children() == []


async def test_where_no_child_can_be_made_it_is_said_once_and_written_in_place(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(parts: Any) -> Any:
        raise OSError(11, "no child can be made")

    monkeypatch.setattr(snapshot_writing, "Child", refuse)
    journal = ScriptedJournal()
    async with durable(journal) as server, client_of(server) as client:
        snapshots = snapshots_of(server)
        for number in range(3):
            await client.apply(c.SignIn(f"ada-{number}"))
            await snapshots.take()
            assert journal.snapshots[-1].engine == server.shell.engine.snapshot()
        assert counted(server) == (3, 0, 3)
    assert [record.levelno for record in caplog.records if "written in place" in record.getMessage()] == [
        logging.WARNING
    ]


async def test_one_that_cannot_even_be_begun_harms_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As when memory has ended, the child was killed for it, and the next one is written in place."""

    def no_memory(parts: Any) -> Any:
        raise MemoryError

    journal = ScriptedJournal()
    config = CONFIG.replace("[engine]", "snapshot_child = false\n[engine]")
    async with durable(journal, config) as server, client_of(server) as client:
        snapshots = snapshots_of(server)
        await client.apply(c.SignIn("ada"))
        with monkeypatch.context() as patched:
            patched.setattr(snapshot_writing, "write_parts", no_memory)
            await snapshots.take()
        assert counted(server) == (0, 1, 0)
        assert "could not be saved" in caplog.text
        await snapshots.take()
        assert counted(server) == (1, 1, 1)
        assert journal.snapshots[-1].engine == server.shell.engine.snapshot()


async def test_who_wants_no_child_gets_none(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    stopped = Stopped(monkeypatch)
    config = CONFIG.replace("[engine]", "snapshot_child = false\n[engine]")
    async with durable(ScriptedJournal(), config) as server, client_of(server) as client:
        await client.apply(c.SignIn("ada"))
        await snapshots_of(server).take()
        assert counted(server) == (1, 0, 1)
    assert not stopped.pids
    assert "in place" not in caplog.text


async def test_where_grpc_handles_forks_no_child_is_made(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(snapshot_writing, "MAY_FORK", False)
    stopped = Stopped(monkeypatch)
    async with durable(ScriptedJournal()) as server, client_of(server) as client:
        await client.apply(c.SignIn("ada"))
        await snapshots_of(server).take()
        assert counted(server) == (1, 0, 1)
    assert not stopped.pids
    assert "written in place" in caplog.text
    assert "gRPC" in caplog.text


async def test_a_server_that_ends_does_not_wait_for_its_child(monkeypatch: pytest.MonkeyPatch) -> None:
    journal, stopped = ScriptedJournal(), Stopped(monkeypatch)
    config = CONFIG.replace("[engine]", "snapshot_commands = 100\n[engine]")
    async with durable(journal, config) as server, client_of(server) as client:
        await fill(client)
        await until(lambda: stopped.pids)
        assert children() == stopped.pids
    assert children() == []
    assert [one.sequence for one in journal.snapshots] == [server.shell.engine.sequence], "the last one, in place"


async def test_many_snapshots_leave_nothing_behind() -> None:
    journal = ScriptedJournal()
    async with durable(journal) as server, client_of(server) as client:
        snapshots = snapshots_of(server)
        await client.apply(c.SignIn("flipper"))
        files = len(os.listdir("/proc/self/fd"))
        for number in range(200):
            await client.apply(c.SetAvailability("flipper", ready=number % 2 == 1))
            await snapshots.take()
        assert counted(server) == (200, 0, 0)
        assert children() == []
        assert len(os.listdir("/proc/self/fd")) == files
    assert len({one.state_hash for one in journal.snapshots}) == 200
