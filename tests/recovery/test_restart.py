"""A restart as clients see it, over real processes: killed or told to end, and started again."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from router.client import Reply, RouterClient, RouterError
from router.engine import commands as c
from router.engine import events as e
from router.engine.vocabulary import CallState, WithdrawalCause
from tests.server.support import CONFIG, Seen, ServerProcess, refused, run_cli

QUICK = CONFIG.replace('offer_timeout = "20s"', 'offer_timeout = "2s"')


class Place:
    """A config file, a data directory, and the servers that run on them, one at a time, at one address."""

    def __init__(self, path: Path) -> None:
        self.config = path / "router.toml"
        self.data = path / "data"
        self.address = ""
        self.process: ServerProcess | None = None

    def start(self, text: str = QUICK) -> str:
        self.config.write_text(text)
        arguments = ["--listen", self.address] if self.address else []
        self.process = ServerProcess(self.config, "--data-dir", str(self.data), *arguments)
        self.address = self.process.await_listening()
        return self.address

    def end(self, number: signal.Signals) -> str:
        assert self.process is not None
        code, errors = self.process.end(number)
        assert code == (0 if number is signal.SIGTERM else -number), errors
        assert "Traceback" not in errors
        return errors


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    if place.process is not None and place.process.process.poll() is None:
        place.process.end(signal.SIGKILL)


ENDS = pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])


@ENDS
async def test_a_client_goes_on_as_if_nothing_had_been(place: Place, end: signal.Signals) -> None:
    """One client, one watch, one set of request ids, over three lives of the server."""
    place.start()
    async with RouterClient(place.address, client_id="pbx", timeout_s=30.0) as client:
        seen = await Seen(client.watch()).begun()
        first: dict[str, Reply] = {}
        for life in range(3):
            for number in range(20):
                request = f"r{life}-{number}"
                first[request] = await client.apply(c.Enqueue(f"c{life}-{number}", "loans"), request_id=request)
            if life < 2:
                # sent into the server's end, and answered by the next one
                ending = asyncio.to_thread(place.end, end)
                late = [
                    asyncio.create_task(
                        client.apply(c.SignIn(f"late-{life}-{number}"), request_id=f"late-{life}-{number}")
                    )
                    for number in range(20)
                ]
                await ending
                await asyncio.to_thread(place.start)
                await asyncio.gather(*late)
        for request, reply in first.items():
            again = await client.apply(c.Enqueue(request.replace("r", "c"), "loans"), request_id=request)
            assert again.result == msgspec.structs.replace(reply.result, repeated=True)
        last = (await client.statistics()).sequence
        await seen.until(lambda s: s.moments[-1].sequence >= last, timeout_s=20.0)
        await seen.end()
    assert seen.error is None
    sequences = [event.sequence for event in seen.events]
    assert sequences == sorted(sequences)
    assert [event.call for event in seen.of(e.CallEnqueued)] == [request.replace("r", "c") for request in first]
    assert sorted(event.agent for event in seen.of(e.AgentSignedIn)) == sorted(
        f"late-{life}-{number}" for life in range(2) for number in range(20)
    )
    assert len(seen.of(e.Restarted)) == 2
    assert not seen.of(e.CommandRejected)


@ENDS
async def test_nobody_is_punished_for_the_time_it_was_down(place: Place, end: signal.Signals) -> None:
    place.start()
    async with RouterClient(place.address) as client:
        await client.apply(c.SignIn("ada", {"loans": 9}))
        before = (await client.apply(c.Enqueue("c1", "loans"))).result
        assert before.call_state is CallState.OFFERED
        offered = time.monotonic()
        await asyncio.to_thread(place.end, end)
        await asyncio.sleep(max(0.0, offered + 2.2 - time.monotonic()))
        await asyncio.to_thread(place.start)
        events = [event async for event in since(client, before.sequence)]
        kinds = [type(event) for event in events]
        assert kinds[:2] == [e.Restarted, e.OfferWithdrawn]
        assert events[1].cause is WithdrawalCause.RESTARTED
        assert e.OfferExpired not in kinds[:3]
        # neither barred nor made not ready: the same agent is asked again
        assert kinds[2] is e.OfferMade
        assert events[2].agent == "ada"
        call = await client.call("c1")
        assert call.bars == ()
        assert call.effective_arrival_us == before.time_us


async def since(client: RouterClient, sequence: int) -> AsyncIterator[Any]:
    last = (await client.statistics()).sequence
    async for moment in client.watch(after_sequence=sequence):
        for event in moment.events:
            yield event
        if moment.sequence >= last:
            return


async def test_what_is_said_at_the_start_and_at_the_end(place: Place) -> None:
    place.start()
    async with RouterClient(place.address) as client:
        await client.apply(c.SignIn("ada"))
        await client.apply(c.Enqueue("c1", "loans"))
    said = place.end(signal.SIGTERM)
    assert "a new journal was begun" in said
    assert "in memory only" not in said
    assert "snapshot at sequence 3" in said
    place.start()
    said = place.end(signal.SIGTERM)
    assert "recovered up to sequence 3: 1 live calls, 1 agents; 3 commands replayed" in said


async def test_a_second_server_on_the_same_journal_is_refused(place: Place) -> None:
    place.start()
    assert place.process is not None
    result = run_cli("serve", "--config", str(place.config), "--data-dir", str(place.data), "--listen", "127.0.0.1:0")
    assert result.returncode == 1
    assert "the server was not started" in result.stderr
    assert str(place.process.process.pid) in result.stderr
    assert "Traceback" not in result.stderr
    async with RouterClient(place.address) as client:
        assert (await client.apply(c.SignIn("ada"))).result.sequence == 2


def test_a_data_directory_that_cannot_be(place: Place) -> None:
    place.config.write_text(CONFIG)
    place.data.write_text("a file")
    result = run_cli("serve", "--config", str(place.config), "--data-dir", str(place.data / "below"))
    assert result.returncode == 1
    assert "the server was not started" in result.stderr
    assert str(place.data) in result.stderr
    assert "Traceback" not in result.stderr


def test_damage_stops_the_start_and_names_the_way_out(place: Place) -> None:
    place.start()

    async def live() -> None:
        async with RouterClient(place.address) as client:
            for number in range(50):
                await client.apply(c.Enqueue(f"call-number-{number}", "loans"))

    asyncio.run(live())
    place.end(signal.SIGTERM)
    database = place.data / "journal.sqlite"
    content = bytearray(database.read_bytes())
    at = content.index(b"call-number-20")
    content[at + 5] ^= 1
    database.write_bytes(content)
    result = run_cli("serve", "--config", str(place.config), "--data-dir", str(place.data), "--listen", "127.0.0.1:0")
    assert result.returncode == 1
    assert "the server was not started" in result.stderr
    assert "entry 22" in result.stderr or "entries 22" in result.stderr
    assert "skill-router journal repair" in result.stderr
    assert "Traceback" not in result.stderr


async def test_without_a_journal_a_restarted_server_is_empty(place: Place) -> None:
    place.config.write_text(CONFIG)
    process = ServerProcess(place.config)
    address = process.await_listening()
    async with RouterClient(address) as client:
        await client.apply(c.SignIn("ada"))
        sequence = (await client.statistics()).sequence
        stream = client.watch(after_sequence=sequence)
        await anext(stream)
        process.end(signal.SIGKILL)
        again = ServerProcess(place.config, "--listen", address)
        again.await_listening()
        assert (await refused(client.agent("ada"))).reason == "UNKNOWN_AGENT"
        with pytest.raises(RouterError, match="HISTORY_GONE"):
            await anext(stream)
    code, errors = again.end()
    assert code == 0
    assert "state is in memory only" in errors


async def test_a_second_signal_ends_it_at_once(place: Place) -> None:
    place.start(QUICK.replace("[engine]", 'drain = "30s"\n[engine]'))
    process = place.process
    assert process is not None
    async with RouterClient(place.address) as client, client.stream() as stream:
        (reply,) = await stream.apply([c.Enqueue("c1", "general")])
        assert isinstance(reply, Reply)
        assert reply.result.call_state is CallState.WAITING
        started = time.monotonic()
        process.send(signal.SIGTERM)
        process.send(signal.SIGTERM)
        code, errors = await asyncio.to_thread(process.end, signal.SIGTERM)
        assert code == 0, errors
        assert time.monotonic() - started < 15
    await asyncio.to_thread(place.start)
    async with RouterClient(place.address) as client:
        assert (await client.call("c1")).state is CallState.WAITING
