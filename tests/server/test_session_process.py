"""The whole of it with real processes: a telephone system is killed, then the router, and both come back."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from router.client import RouterClient
from router.engine import commands as c
from router.engine import events as e
from router.engine.vocabulary import Availability, CallState
from tests.server.support import CONFIG, Seen, ServerProcess

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def telephone_system(address: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.server.pbx_process", address]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


async def says(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), 20)).strip()


async def never() -> None:
    raise AssertionError("the chat platform's session was lost")


async def test_killed_and_back_on_both_sides(tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    config.write_text(CONFIG.replace("[server]", '[server]\nlease = "3s"'))
    server = ServerProcess(config, "--data-dir", str(tmp_path / "data"))
    address = await asyncio.to_thread(server.await_listening)
    client = RouterClient(address, client_id="chat")
    seen = await Seen(client.watch()).begun()
    try:
        async with client.keep_session(never):
            await client.apply(c.Enqueue("theirs", "loans"))
            with telephone_system(address) as pbx:
                assert await says(pbx) == "brought"
                # "theirs" was first in line when ada came
                assert (await client.call("theirs")).agent == "ada"
                await client.apply(c.SignIn("dan", {"loans": 3}))
                offer = (await client.call("first")).offer
                assert (await client.call("first")).agent == "dan"
                assert offer is not None
                await client.apply(c.Accept(offer))
                pbx.send_signal(signal.SIGKILL)
                await seen.until(lambda s: len(s.of(e.CallDetached)) == 4)
            await lost_picture(client)
            # the router dies too, and comes back where it was
            await asyncio.to_thread(server.end, signal.SIGKILL)
            port = address.rpartition(":")[2]
            server = ServerProcess(config, "--data-dir", str(tmp_path / "data"), "--listen", f"127.0.0.1:{port}")
            await asyncio.to_thread(server.await_listening)
            await client.wait_until_ready()
            await lost_picture(client)
            with telephone_system(address) as pbx:
                # what was with dan is not what the telephone system has, and one caller is gone
                assert await says(pbx) == "reconciled AVAILABILITY CALL_ENDED NOT_TALKING"
                assert (await client.call("fourth")).state is CallState.ABANDONED
                assert await picture(client) == {"theirs": "dan", "first": "ada", "second": None, "third": None}
                assert await client.waiting("loans") == ["second", "third"]
                ada, dan = [await client.agent(agent) for agent in ("ada", "dan")]
                assert [one.availability for one in (ada, dan)] == [Availability.READY] * 2
        await seen.until(lambda s: len(s.of(e.CallAttached)) == 3)
        assert [event.call for event in seen.of(e.CallAttached)] == ["first", "second", "third"]
    finally:
        await seen.end()
        await client.close()
        code, errors = await asyncio.to_thread(server.end)
    assert (code, "Traceback" in errors) == (0, False), errors


async def picture(client: RouterClient) -> dict[str, str | None]:
    calls = [await client.call(call) for call in ("theirs", "first", "second", "third")]
    return {one.call: one.agent if one.state in (CallState.OFFERED, CallState.ASSIGNED) else None for one in calls}


async def lost_picture(client: RouterClient) -> None:
    """The killed system's agent is not ready, what it brought is offered to nobody; others have what they had."""
    ada, dan = await client.agent("ada"), await client.agent("dan")
    assert (ada.availability, ada.reason) == (Availability.NOT_READY, "connection_lost")
    assert (dan.availability, dan.reason) == (Availability.READY, "")
    assert await picture(client) == {"theirs": None, "first": "dan", "second": None, "third": None}
    assert await client.waiting("loans") == ["theirs", "second", "third", "fourth"]
    assert [(await client.call(call)).detached for call in ("theirs", "first", "second")] == [False, True, True]
