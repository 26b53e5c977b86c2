"""What clients see of the journal: nothing before it is durable, a clear error when it fails, and an end in time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from router.client import RouterClient, RouterError
from router.config import parse_config
from router.engine import commands as c
from router.engine.events import AgentSignedIn
from router.journal import Change, SessionChange
from router.server.clock import Clock
from router.server.errors import Refusal
from router.server.security.principals import LOCAL, Caller, set_caller
from router.server.server import RouterServer
from router.server.services.command_service import CommandService
from router.server.services.command_stream import BATCHES_MAX
from router.server.sessions.session_plans import SessionPlans
from router.server.shell import new_shell
from router.server.writing.requests import Submission
from router.v1 import command_service_pb2
from router.wire.commands import encode_any_command
from tests.server.scripted_journal import ScriptedJournal
from tests.server.support import CONFIG, Seen, client_of, durable, refused, running


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


async def held_up(journal: ScriptedJournal, server: RouterServer, client: RouterClient) -> asyncio.Task[Any]:
    """Send a command that is applied and not durable."""
    sequence = server.shell.engine.sequence
    journal.open.clear()
    task = asyncio.create_task(client.apply(c.Enqueue("held-up", "loans")))
    await until(lambda: server.shell.engine.sequence == sequence + 1)
    return task


async def health(server: RouterServer) -> Any:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        return answer.status


async def test_queries_and_watches_show_only_what_is_durable() -> None:
    journal = ScriptedJournal()
    async with durable(journal) as server, client_of(server) as client:
        seen = await Seen(client.watch()).begun()
        task = await held_up(journal, server, client)
        queries = [
            asyncio.create_task(query)
            for query in (
                client.call("held-up"),
                client.queue("loans"),
                client.statistics(),
                client.config(),
                client.wait_estimate("held-up"),
                client.explain_call("held-up"),
                refused(client.call("nothing")),
            )
        ]
        new = await Seen(client.watch()).begun()
        assert new.moments[0].sequence == 1, "a watch begins at what is durable"
        await asyncio.sleep(0.05)
        assert not any(query.done() for query in [*queries, task])
        assert seen.events == []
        journal.open.set()
        await asyncio.gather(task, *queries)
        await seen.until(lambda s: s.events)
        await seen.end()
        await new.end()


async def test_a_stream_tells_only_what_is_durable() -> None:
    journal = ScriptedJournal()
    async with durable(journal) as server, client_of(server) as client, client.stream() as stream:
        task = await held_up(journal, server, client)
        batch = await stream.send([c.SignIn("ada"), c.Complete("nothing")])
        await until(lambda: server.shell.engine.sequence == 4)
        await asyncio.sleep(0.02)
        assert not batch.done()
        journal.open.set()
        first, second = await batch
        assert isinstance(second, RouterError)
        assert (first.result.sequence, second.sequence) == (3, 4)  # type: ignore[union-attr]
        await task


async def test_an_unknown_name_is_told_only_when_the_config_without_it_is_durable() -> None:
    journal = ScriptedJournal()
    general, chat = c.Enqueue("c1", "general"), c.Enqueue("c1", "loans", channel="chat")
    smaller = CONFIG.split("[queues.general]")[0].replace("[channels.chat]\nexclusive = false\n", "")
    async with durable(journal) as server, client_of(server) as client:
        await client.wait_estimate(general)
        await client.wait_estimate(chat)
        sequence = server.shell.engine.sequence
        journal.open.clear()
        applying = asyncio.create_task(client.apply_config(smaller))
        await until(lambda: server.shell.engine.sequence == sequence + 1)
        queries = [asyncio.create_task(refused(client.wait_estimate(call))) for call in (general, chat)]
        watch = client.watch_wait_estimates(queues=["general"])
        queries.append(asyncio.create_task(refused(anext(watch))))
        await asyncio.sleep(0.05)
        assert not any(query.done() for query in queries)
        journal.open.set()
        await applying
        assert [(await query).reason for query in queries] == ["UNKNOWN_QUEUE", "UNKNOWN_CHANNEL", "UNKNOWN_QUEUE"]


async def test_a_loss_of_a_session_that_never_becomes_durable_is_not_told() -> None:
    journal = ScriptedJournal(fail_after=3)
    async with durable(journal) as server, client_of(server, client_id="pbx") as client:
        shell = server.shell
        async with client.stream(hold_session=True) as stream:
            await stream.apply([])
            journal.open.clear()
            batch = await stream.send([c.SignIn("ada")])
            await until(journal.under_way.is_set)
            losing = asyncio.ensure_future(
                shell.writer.carry_out(SessionPlans(shell.engine, shell.sessions).lose("pbx"))
            )
            await until(lambda: shell.sessions.lost)
            journal.open.set()
            (reply,) = await batch
            assert not isinstance(reply, RouterError)
            assert stream.session_state is None
            with pytest.raises(Refusal) as caught:
                await losing
        assert caught.value.reason == "JOURNAL_FAILED"


async def test_a_deadline_that_passes_before_the_turn_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as server, client_of(server, timeout_s=0.1) as hasty, client_of(server) as client:
        writer = server.shell.writer
        with monkeypatch.context() as patch:
            patch.setattr(writer, "_run_group", lambda: None)
            assert (await refused(hasty.apply(c.SignIn("late")))).reason == "DEADLINE_EXCEEDED"
            await until(lambda: [work.future.cancelled() for work in writer._works] == [True])
        assert (await client.apply(c.SignIn("ada"))).result.sequence == 2
        assert [agent.agent for agent in server.shell.engine.agents()] == ["ada"]


async def test_a_deadline_that_passes_on_the_way_to_the_disk_leaves_it_to_a_retry() -> None:
    journal = ScriptedJournal()
    async with durable(journal) as server:
        hasty, patient = client_of(server, client_id="pbx", timeout_s=0.1), client_of(server, client_id="pbx")
        async with hasty, patient:
            journal.open.clear()
            error = await refused(hasty.apply(c.SignIn("ada"), request_id="r1"))
            assert error.reason == "DEADLINE_EXCEEDED"
            journal.open.set()
            result = (await patient.apply(c.SignIn("ada"), request_id="r1")).result
            assert (result.sequence, result.repeated) == (2, True)


async def test_a_journal_that_fails_is_told_and_ends_the_server() -> None:
    journal = ScriptedJournal(fail_after=2)
    async with durable(journal) as server, client_of(server) as client:
        seen = await Seen(client.watch(resume=False)).begun()
        await client.apply(c.SignIn("ada"))
        task = await held_up(journal, server, client)
        reading = asyncio.create_task(refused(client.call("held-up")))
        async with client.stream() as stream:
            batch = await stream.send([c.SignIn("bob")])
            await until(lambda: server.shell.engine.sequence == 4)
            journal.open.set()
            errors = [await refused(task), await refused(batch), await reading]
        errors.append(await refused(client.apply(c.SignIn("eve"))))
        assert {(error.reason, error.code) for error in errors} == {("JOURNAL_FAILED", grpc.StatusCode.UNAVAILABLE)}
        await asyncio.wait_for(server.ended.wait(), 5)
        assert server.failed
        async with asyncio.timeout(5):
            while await health(server) != health_pb2.HealthCheckResponse.NOT_SERVING:
                await asyncio.sleep(0.01)
        assert [type(event) for event in seen.events] == [AgentSignedIn]
        await seen.end()
    assert len(journal.entries) == 2
    assert journal.snapshots == [], "memory is ahead of the disk: that is no state to keep"


async def test_stopping_is_bounded_although_the_disk_does_not_answer() -> None:
    journal = ScriptedJournal()
    async with durable(journal) as server, client_of(server) as client:
        await client.apply(c.SignIn("ada"))
        task = await held_up(journal, server, client)
        started = time.monotonic()
        await server.stop(drain_s=0.3)
        assert time.monotonic() - started < 5
        assert server.stuck
        assert not server.failed, "it was told to end, and did"
        assert (await refused(task)).reason in ("JOURNAL_FAILED", "UNAVAILABLE")
        journal.open.set()


async def test_stopping_finishes_what_was_taken() -> None:
    journal = ScriptedJournal()
    async with durable(journal) as server, client_of(server, timeout_s=5) as client:
        task = await held_up(journal, server, client)
        stopping = asyncio.create_task(server.stop())
        assert (await refused(client.apply(c.SignIn("late")))).reason == "SHUTTING_DOWN"
        assert await health(server) == health_pb2.HealthCheckResponse.NOT_SERVING
        journal.open.set()
        assert (await task).result.sequence == 2
        await stopping
        assert not server.stuck
    assert journal.closed
    assert [snapshot.sequence for snapshot in journal.snapshots] == [2]


async def test_a_snapshot_that_fails_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    journal = ScriptedJournal()
    journal.fail_snapshots = True
    async with durable(journal) as server, client_of(server) as client:
        await client.apply(c.SignIn("ada"))
    assert not server.failed
    assert journal.closed
    assert "the snapshot at sequence 2 could not be saved" in caplog.text


async def test_a_snapshot_waits_for_what_it_has_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.server.recovery.snapshots._LOOK_S", 0.005)
    journal = ScriptedJournal()
    config = CONFIG.replace("[engine]", "snapshot_commands = 100\n[engine]")
    async with durable(journal, config) as server, client_of(server) as client, client.stream() as stream:
        journal.open.clear()
        batch = await stream.send([c.SignIn(f"agent-{number}") for number in range(150)])
        await until(lambda: server.shell.engine.sequence == 151)
        await asyncio.sleep(0.05)
        assert journal.snapshots == []
        journal.open.set()
        await batch
        await until(lambda: journal.snapshots)
        assert journal.snapshots[0].sequence == 151


async def test_of_a_stream_that_is_cut_off_no_batch_is_carried_out_without_those_before_it() -> None:
    set_caller(Caller(LOCAL, lambda refusal: None))
    shell = new_shell(parse_config(CONFIG, "x"), CONFIG, Clock())
    endless = asyncio.Event()

    async def requests() -> AsyncIterator[bytes]:
        for number in range(5):
            command = encode_any_command(c.SignIn(f"agent-{number}"))
            yield command_service_pb2.ApplyRequest(batch=number, commands=[command]).SerializeToString()
        await endless.wait()

    context: Any = SimpleNamespace(write=None)
    stream = asyncio.create_task(CommandService(shell, 100).Apply(requests(), context))
    await until(lambda: shell.writer.pending == 5)
    # the writer's turn comes before the stream learns of its end
    running = asyncio.create_task(shell.writer.run())
    stream.cancel()
    await asyncio.gather(stream, return_exceptions=True)
    shell.writer.stop()
    await running
    names = [agent.agent for agent in shell.engine.agents()]
    assert names == [f"agent-{number}" for number in range(5)]
    assert shell.writer.pending == 0


async def test_at_the_end_each_batch_that_was_carried_out_is_answered_to_a_client_that_reads_late() -> None:
    set_caller(Caller(LOCAL, lambda refusal: None))
    shell = new_shell(parse_config(CONFIG, "x"), CONFIG, Clock())
    reading = asyncio.Event()
    answered = []

    async def requests() -> AsyncIterator[bytes]:
        for number in range(3 * BATCHES_MAX):
            command = encode_any_command(c.SignIn(f"agent-{number:03}"))
            yield command_service_pb2.ApplyRequest(batch=number, commands=[command]).SerializeToString()

    async def write(content: bytes | command_service_pb2.ApplyResponse) -> None:
        await reading.wait()
        response = command_service_pb2.ApplyResponse.FromString(content) if isinstance(content, bytes) else content
        if not response.results[0].HasField("error"):
            answered.append(f"agent-{response.batch:03}")

    context: Any = SimpleNamespace(write=write)
    stream = asyncio.create_task(CommandService(shell, 100).Apply(requests(), context))
    await until(lambda: shell.writer.pending >= BATCHES_MAX)
    shell.writer.stop()
    await shell.writer.run()
    shell.closing.set()
    await asyncio.sleep(0.02)
    reading.set()
    with pytest.raises(Refusal) as caught:
        await stream
    assert caught.value.reason == "SHUTTING_DOWN"
    assert answered == sorted(agent.agent for agent in shell.engine.agents())
    assert len(answered) == BATCHES_MAX


async def test_the_time_is_journalled_while_there_is_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.server.writing.writer.QUIET_S_MAX", 0.02)
    journal = ScriptedJournal()
    async with durable(journal) as server, client_of(server) as client:
        await client.apply(c.SignIn("ada", {"cards": 9}))
        await client.apply(c.Enqueue("c1", "cards"))
        assert (await client.call("c1")).state.name == "ASSIGNED"
        assert server.shell.engine.next_deadline() is None
        begun = len(journal.entries)
        await until(lambda: len(journal.entries) >= begun + 3)
        assert {type(entry.command) for entry in journal.entries[begun:]} == {c.Advance}
        await client.apply(c.Complete("c1"))
        await until(lambda: not server.shell._is_timed())


async def test_the_time_is_journalled_while_a_session_is_lost() -> None:
    journal = ScriptedJournal()
    async with durable(journal) as server:
        shell = server.shell
        assert not shell._is_timed()
        for change, is_timed in ((Change.BEGAN, False), (Change.LOST, True), (Change.ENDED, False)):
            await shell.writer.submit([Submission(c.Advance(), note=SessionChange("pbx", change))])
            assert shell._is_timed() == is_timed


async def test_the_audit_tells_only_of_what_is_durable(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    journal = ScriptedJournal()
    async with durable(journal) as server, client_of(server) as client:
        await client.apply(c.PauseQueue("cards"))
        assert "queue cards paused by local (done)" in caplog.text
        journal.fail_after = len(journal.entries)
        assert (await refused(client.apply(c.PauseQueue("loans")))).reason == "JOURNAL_FAILED"
        await server.ended.wait()
    assert server.shell.engine.queue("loans").paused, "it was carried out"
    assert "queue loans" not in caplog.text


async def test_snapshots_take_no_more_than_a_tenth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = time.monotonic()
    monkeypatch.setattr("router.server.recovery.snapshots.monotonic", lambda: now_s)
    config = CONFIG.replace("[engine]", "snapshot_commands = 100\n[engine]")
    async with durable(ScriptedJournal(), config) as server, client_of(server) as client:
        snapshots = server._snapshots
        assert snapshots is not None
        assert server._snapshotting is not None
        server._snapshotting.cancel()
        async with client.stream() as stream:
            await stream.apply([c.SignIn(f"a{number}") for number in range(100)])
            assert snapshots._is_due(), "the first is due at once"
            await snapshots.take()
            rest_s = snapshots._rest_s
            assert rest_s > 9 * snapshots._wrote_s > 0
            await stream.apply([c.SignIn(f"b{number}") for number in range(100)])
        assert not snapshots._is_due()
        now_s += 1.01 * rest_s
        assert snapshots._is_due()


async def test_no_last_snapshot_if_there_is_no_time_for_its_pause(caplog: pytest.LogCaptureFixture) -> None:
    journal = ScriptedJournal()
    async with durable(journal) as server, client_of(server) as client:
        snapshots = server._snapshots
        assert snapshots is not None
        await client.apply(c.SignIn("ada"))
        assert snapshots.fits(0.0), "no pause is known yet"
        await snapshots.take()
        assert not snapshots.fits(0.0)
        assert "no last snapshot: 0.0 s are left to end in" in caplog.text
        assert snapshots.fits(100.0)
        await client.apply(c.SignIn("bob"))
        snapshots._wrote_s = 5.1  # drain is 10 s
    assert [snapshot.sequence for snapshot in journal.snapshots] == [2]
