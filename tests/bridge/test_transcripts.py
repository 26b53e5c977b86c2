"""The stand-in for Asterisk behaves as a real one did: what was asked and done there is asked and done here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from router.bridge.asterisk.ari.settings import authorization
from tests.bridge import transcripts
from tests.bridge.ari_stand_in import PASSWORD, USER, AriStandIn
from tests.bridge.pbx_parts import Channel, Json
from tests.bridge.transcripts import APP, Line

PACE = 0.05
CREDENTIALS = {"Authorization": authorization(USER, PASSWORD)}
NAMES = transcripts.names()
# How long before a request's answer its own effects may be told, and what a request to hang up does not lead to.
OWN_S = 0.02
NOT_OF_AN_END = ("StasisStart", "ChannelStateChange", "ANSWER")


class Replay:
    """Does again what a transcript's callers, telephones and application did, and hears what is told."""

    def __init__(self, lines: list[Line], pbx: AriStandIn, session: aiohttp.ClientSession) -> None:
        self.lines = lines
        self.pbx = pbx
        self.session = session
        self.heard: list[Json] = []
        self.statuses: list[tuple[str, str, int]] = []
        self.shapes: list[tuple[Any, Any]] = []
        self.socket: aiohttp.ClientWebSocketResponse | None = None
        self.callers: dict[str, Channel] = {}
        self._readers: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        await self.connect()
        for number, line in enumerate(self.lines):
            if line.closed and line.app == APP and self.socket and self._goes_on(number):
                await self.socket.close()
                self.socket = None
            elif line.event is not None and line.app == APP:
                await self.make_happen(number, line, line.event)
            elif line.rest is not None and line.app == APP:
                await self.ask(number, line, line.rest)
            elif line.rest is not None:
                await self.play_phones(number, line, line.rest)
        await self.settle()
        for reader in self._readers:
            reader.cancel()

    def _goes_on(self, number: int) -> bool:
        return any(line.rest is not None for line in self.lines[number:])

    async def connect(self) -> None:
        self.socket = await self.session.ws_connect(self.pbx.url + "/ari/events", params={"app": APP})
        self._readers.append(asyncio.create_task(self.read(self.socket)))
        await self.pbx.until(lambda: self.pbx.is_heard)

    async def read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            self.heard.append(message.json())

    async def make_happen(self, number: int, line: Line, told: Json) -> None:
        """Do what a caller did, as an event of the transcript tells."""
        kind, about = told["type"], transcripts.subject(told)
        if kind == "ApplicationReplaced":
            first = self.socket
            await self.connect()
            await self.wait_for(lambda: any(each["type"] == kind for each in self.heard))
            assert first is not None
            assert not first.closed
        elif kind == "StasisStart" and told["args"][:1] == ["inbound"] and about not in self.callers:
            self.dial_in(told)
        elif about in self.callers:
            caller = self.callers[about]
            if kind == "ChannelHangupRequest" and not told.get("soft"):
                await self.wait_for_events_before(number, about)
                self.pbx.hang_up(caller)
            elif kind in ("ChannelHold", "ChannelUnhold"):
                await self.wait_for_events_before(number, about)
                self.pbx.world.hold(caller, kind == "ChannelHold")

    def dial_in(self, told: Json) -> None:
        channel = told["channel"]
        endpoint = channel["name"].rpartition("-")[0]
        caller = Channel(channel["id"], "", "Ring", APP, tuple(told["args"]), exten=channel["dialplan"]["exten"])
        caller.caller = (channel["caller"]["name"], channel["caller"]["number"])
        asked = (line.rest["query"] for line in self.lines if line.rest and line.rest["query"])
        phone = next((query["channelId"] for query in asked if query.get("otherChannelId") == channel["id"]), "")
        self.callers[channel["id"]] = self.pbx.world.dial_in(caller, endpoint, phone)

    async def play_phones(self, number: int, line: Line, rest: Json) -> None:
        """Do what the application did that played the telephones."""
        if rest["method"] == "POST":
            other = rest["query"].get("otherChannelId", "")
            if self.socket is None:
                self.pbx.dial_in(rest["query"]["endpoint"].split("/")[1].split("@")[0], endpoint="Local/501@inbound")
            elif not any(other in str(line.event) for line in self.lines if line.app == APP):
                pytest.fail(f"nothing tells what {other} is for")
            return
        channel_id = rest["path"].rpartition("/")[2]
        caller = next((c for c in self.callers.values() if c.other_half and c.other_half.id == channel_id), None)
        await self.wait_for_events_before(number, channel_id if caller is None else caller.id)
        if caller is not None:
            self.pbx.hang_up(caller)
        else:
            await self.request(rest)

    async def ask(self, number: int, line: Line, rest: Json) -> None:
        """Send what the application sent, and note the answer beside the transcript's."""
        if self.socket is None and rest["path"] == f"/applications/{APP}":
            await self.connect()
        about = rest["path"].split("/")[2] if rest["path"].count("/") > 1 else ""
        made = rest["query"].get("channelId", "")
        await self.wait_for_events_before(number, made or about)
        if rest["method"] == "POST" and rest["path"] in ("/channels", "/channels/create") and rest["status"] == 200:
            endpoint = rest["query"]["endpoint"]
            self.pbx.phones[endpoint] = transcripts.phone_of(self.lines, made)
        status, response = await self.request(rest)
        self.statuses.append((rest["method"], rest["path"], status))
        self.shapes.append((_shape(rest["response"]), _shape(response)))

    async def request(self, rest: Json) -> tuple[int, Any]:
        url = self.pbx.url + "/ari" + rest["path"]
        async with self.session.request(rest["method"], url, params=rest["query"], json=rest["body"]) as response:
            return response.status, (await response.json() if response.status != 204 else None)

    async def wait_for_events_before(self, number: int, about: str) -> None:
        """Wait for what was told before a line, but for what that line itself may have led to."""
        now_s = self.lines[number].at_s
        rest = self.lines[number].rest
        ends = rest is not None and rest["method"] == "DELETE"
        before = [line for line in self.lines[:number] if line.event and line.app == APP]
        wanted: list[Json] = []
        for line in before:
            assert line.event is not None
            own = about and about in str(line.event) and line.at_s > now_s - OWN_S
            if not own or (ends and {line.event["type"], line.event.get("dialstatus")} & {*NOT_OF_AN_END}):
                wanted.append(line.event)
        counts = {key: len(each) for key, each in transcripts.steps(wanted).items()}

        def have_come() -> bool:
            heard = transcripts.steps(self.heard)
            return all(len(heard.get(key, ())) >= times for key, times in counts.items())

        with contextlib.suppress(TimeoutError):  # what is missing then is seen at the end
            await self.wait_for(have_come, 5.0)

    async def wait_for(self, condition: Any, time_limit_s: float = 2.0) -> None:
        await self.pbx.until(condition, time_limit_s)

    async def settle(self) -> None:
        """Wait for all that was told in the transcript, and a little more, for what should not come."""
        await self.wait_for_events_before(len(self.lines) - 1, "")
        await asyncio.sleep(0.01)


def _shape(response: Any) -> Any:
    """Return the keys of an answer; a short text as it is."""
    if isinstance(response, list):
        return sorted({str(_shape(each)) for each in response})
    if isinstance(response, dict):
        return response if set(response) <= {"message", "error"} else sorted(response)
    return response


@pytest.fixture
async def pbx(request: pytest.FixtureRequest) -> AsyncIterator[AriStandIn]:
    async with AriStandIn(seed=request.param, jitter_s=0.001, pace=PACE) as pbx:
        yield pbx


@pytest.mark.parametrize("pbx", [1, 2], indirect=True)
@pytest.mark.parametrize("name", NAMES or ["none"])
async def test_replayed(name: str, pbx: AriStandIn) -> None:
    lines = transcripts.read(name)
    connector = aiohttp.TCPConnector(limit=2)
    async with aiohttp.ClientSession(headers=CREDENTIALS, connector=connector) as session:
        replay = Replay(lines, pbx, session)
        await replay.run()

    asked = [line.rest for line in lines if line.rest and line.app == APP]
    assert replay.statuses == [(rest["method"], rest["path"], rest["status"]) for rest in asked]
    for real, ours in replay.shapes:
        assert ours == real
    assert transcripts.steps(replay.heard) == transcripts.steps([x.event for x in lines if x.event and x.app == APP])


@pytest.mark.parametrize("pbx", [1], indirect=True)
async def test_events_have_the_fields_of_real_ones(pbx: AriStandIn) -> None:
    real: dict[str, set[frozenset[str]]] = {}
    for name in NAMES:
        for line in transcripts.read(name):
            if line.event:
                real.setdefault(line.event["type"], set()).add(frozenset(line.event))
    if not real:
        pytest.skip(f"there are no transcripts of a real Asterisk at {transcripts.folder()}")
    lines = transcripts.read("p01-sip-caller-bye-after-bridge")
    async with aiohttp.ClientSession(headers=CREDENTIALS) as session:
        replay = Replay(lines, pbx, session)
        await replay.run()
    assert len({told["type"] for told in replay.heard}) >= 10
    for told in replay.heard:
        assert frozenset(told) in real[told["type"]], told["type"]
