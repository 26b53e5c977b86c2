"""The client for Asterisk: whatever the network and Asterisk do, each request has an outcome, and gaps are told."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.bridge.asterisk.ari.client import AriClient, CredentialsRefused
from router.bridge.asterisk.ari.events import (
    ApplicationReplaced,
    Back,
    ChannelDestroyed,
    DeviceState,
    Event,
    Lost,
    StasisStart,
)
from router.bridge.asterisk.ari.requests import (
    AddToMixing,
    Answer,
    Conflict,
    Continue,
    DestroyMixing,
    Done,
    Failed,
    GetApplication,
    GetDevice,
    GetVariable,
    Gone,
    HangUp,
    Http,
    ListBridges,
    ListChannels,
    MakeMixing,
    Originate,
    Outcome,
    Play,
    Request,
    SetVariable,
    StartMusic,
    StopMusic,
    SubscribeDevices,
    Unreachable,
)
from router.bridge.asterisk.ari.settings import AriSettings, pause_before
from tests.bridge.ari_stand_in import PASSWORD, USER, AriStandIn, Trouble
from tests.bridge.pbx_parts import Does, Phone
from tests.recovery.real_server import free_port
from tests.security.support import Authority


@pytest.fixture
async def pbx() -> AsyncIterator[AriStandIn]:
    async with AriStandIn(seed=3, jitter_s=0.001) as pbx:
        pbx.phones["PJSIP/ada"] = Phone(Does.RINGS)
        yield pbx


def settings(pbx: AriStandIn, **changes: object) -> AriSettings:
    values = {"time_limit_s": 3.0, "first_pause_s": 0.01, "longest_pause_s": 0.05} | changes
    return AriSettings(pbx.url, "router", USER, PASSWORD, **values)  # type: ignore[arg-type]


class Ear:
    """Hears what a client tells, in the background."""

    def __init__(self, client: AriClient) -> None:
        self.heard: list[Event] = []
        self.error: Exception | None = None
        self.is_over = asyncio.Event()
        self._client = client
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        try:
            async with contextlib.aclosing(self._client.events()) as events:
                async for event in events:
                    self.heard.append(event)
        except CredentialsRefused as error:
            self.error = error
        finally:
            self.is_over.set()

    async def until(self, *kinds: type[Event]) -> None:
        """Wait until the last events are of these kinds."""
        async with asyncio.timeout(10):
            while [type(event) for event in self.heard[-len(kinds) :]] != list(kinds):
                await asyncio.sleep(0.002)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


@contextlib.asynccontextmanager
async def connected(pbx: AriStandIn, **changes: object) -> AsyncIterator[tuple[AriClient, Ear]]:
    async with AriClient(settings(pbx, **changes)) as ari:
        ear = Ear(ari)
        await ear.until(Back)
        yield ari, ear
        await ear.stop()


def originate(channel: str, endpoint: str = "PJSIP/ada") -> Originate:
    return Originate(channel, endpoint, ("agent", "ada"), "Alice <1>", 30)


def path_ends(ending: str, method: str = "POST") -> object:
    return lambda asked_method, path: asked_method == method and path.endswith(ending)


# Events.


async def test_events_come_and_gaps_are_told(pbx: AriStandIn) -> None:
    async with connected(pbx) as (ari, ear):
        pbx.dial_in()
        await ear.until(Back, StasisStart)
        await pbx.drop_sockets()
        await ear.until(StasisStart, Lost, Back)
        assert ari.losses == 1
        assert pbx.sockets_opened == 2
        pbx.dial_in()
        await ear.until(Back, StasisStart)


async def test_a_network_that_is_cut_is_noticed(pbx: AriStandIn) -> None:
    async with connected(pbx) as (_, ear):
        pbx.cut_sockets()
        await ear.until(Back, Lost, Back)


async def test_a_network_that_is_silent_is_noticed(pbx: AriStandIn) -> None:
    pbx.answers_pings = False
    async with connected(pbx, heartbeat_s=0.1) as (_, ear):
        await ear.until(Back, Lost)
        pbx.answers_pings = True
        await ear.until(Lost, Back)


async def test_a_restart_of_asterisk(pbx: AriStandIn) -> None:
    async with connected(pbx) as (ari, ear):
        pbx.dial_in()
        await ear.until(Back, StasisStart)
        await pbx.stop()
        await ear.until(StasisStart, Lost)
        assert isinstance(await ari.send(ListChannels()), Unreachable)
        await pbx.start()
        await ear.until(Lost, Back)
        assert await ari.send(ListChannels()) == Done(())


async def test_asterisk_may_come_later_than_we(pbx: AriStandIn, caplog: pytest.LogCaptureFixture) -> None:
    await pbx.stop()
    async with AriClient(settings(pbx)) as ari:
        ear = Ear(ari)
        await asyncio.sleep(0.1)
        assert ear.heard == []
        assert "no connection to Asterisk" in caplog.text
        await pbx.start()
        await ear.until(Back)
        await ear.stop()


async def test_wrong_credentials_are_a_clear_error(pbx: AriStandIn) -> None:
    wrong = AriSettings(pbx.url, "router", USER, "a guess")
    async with AriClient(wrong) as ari:
        ear = Ear(ari)
        await ear.is_over.wait()
        assert "refuses user 'bridge' (401)" in str(ear.error)
        assert "a guess" not in str(ear.error)
        assert await ari.send(ListChannels()) == Failed(401, "Authentication required")


async def test_a_user_who_may_only_read_is_told_of(pbx: AriStandIn, caplog: pytest.LogCaptureFixture) -> None:
    pbx.troubles.append(Trouble(lambda method, path: path.endswith("/eventFilter"), status=403))
    async with connected(pbx) as (ari, ear):
        await ear.until(Back)
        assert isinstance(await ari.send(ListChannels()), Done)
        await asyncio.sleep(0.05)
    assert "read_only = no" in caplog.text


async def test_a_password_never_gets_into_the_log(pbx: AriStandIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with connected(pbx) as (ari, ear):
        pbx.cut_sockets()
        await ear.until(Back, Lost, Back)
        await ari.send(ListChannels())
    assert PASSWORD not in caplog.text


async def test_another_connection_takes_our_application(pbx: AriStandIn) -> None:
    async with connected(pbx) as (_, first), connected(pbx) as (_, second):
        await first.is_over.wait()
        assert isinstance(first.heard[-1], ApplicationReplaced)
        pbx.dial_in()
        await second.until(Back, StasisStart)
        await asyncio.sleep(0.05)
        assert pbx.sockets_opened == 2, "the first must not take it back"


async def test_bad_messages_are_passed_over(pbx: AriStandIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with connected(pbx) as (ari, ear):
        for text in ("{", "[]", '{"type": "StasisStart"}', '{"type": "SomethingNew"}'):
            await pbx.say(text)
        pbx.dial_in()
        await ear.until(Back, StasisStart)
        assert sum(ari.reader.misread.values()) == 4
    assert "cannot be read: StasisStart: Object missing required field `channel`" in caplog.text
    assert "unknown type is passed over: SomethingNew" in caplog.text


async def test_events_of_no_use_are_not_sent(pbx: AriStandIn) -> None:
    async with connected(pbx) as (ari, ear):
        await pbx.until(lambda: pbx.shunned)
        caller = pbx.dial_in()
        assert isinstance(await ari.send(originate("leg")), Done)
        leg = pbx.leg_of("PJSIP/ada")
        assert leg is not None
        await pbx.until(lambda: leg.state == "Ringing")
        pbx.world.phone_answers(leg)
        await ear.until(StasisStart)
        await ari.send(MakeMixing("b"))
        await ari.send(AddToMixing("b", (caller.id, "leg")))
        pbx.hang_up(caller)
        pbx.world.phone_hangs_up(leg)
        await ear.until(ChannelDestroyed)
        assert not ari.reader.misread
        assert "ChannelVarset" not in {told["type"] for told in pbx.told}


# Requests.


async def test_a_whole_call(pbx: AriStandIn) -> None:
    async with connected(pbx) as (ari, ear):
        caller = pbx.dial_in(variables={"COLOUR": "blue"})
        assert await ari.send(Answer(caller.id)) == Done()
        assert await ari.send(StartMusic(caller.id)) == Done()
        assert await ari.send(GetVariable(caller.id, "COLOUR")) == Done("blue")
        assert isinstance(await ari.send(GetVariable(caller.id, "NOTHING")), Gone)
        assert await ari.send(SetVariable(caller.id, "COLOUR", "red & green")) == Done()
        assert caller.variables == {"COLOUR": "red & green"}
        assert isinstance(await ari.send(originate("leg")), Done)
        leg = pbx.world.channels["leg"]
        await pbx.until(lambda: leg.state == "Ringing")
        pbx.world.phone_answers(leg)
        await ear.until(StasisStart)
        outcomes = [ari.send(r) for r in (StopMusic(caller.id), MakeMixing("b"), AddToMixing("b", (caller.id, "leg")))]
        assert [type(await outcome) for outcome in outcomes] == [Done, Done, Done]
        assert pbx.world.bridges["b"].members == [caller.id, "leg"]
        bridges = await ari.send(ListBridges())
        assert isinstance(bridges, Done)
        assert bridges.body[0].channels == tuple(sorted((caller.id, "leg")))
        application = await ari.send(GetApplication())
        assert isinstance(application, Done)
        assert application.body.channel_ids == tuple(sorted((caller.id, "leg")))
        assert await ari.send(HangUp("leg")) == Done()
        assert await ari.send(Continue(caller.id, "after", "s", 1)) == Done()
        assert await ari.send(DestroyMixing("b")) == Done()
        assert caller.went_to == {"context": "after", "extension": "s", "priority": "1"}


async def test_refusals(pbx: AriStandIn) -> None:
    async with connected(pbx) as (ari, _):
        caller, gone_on = pbx.dial_in(), pbx.dial_in()
        await ari.send(Continue(gone_on.id))
        await ari.send(MakeMixing("b"))
        assert await ari.send(HangUp("nobody")) == Gone("Channel not found")
        assert await ari.send(originate("leg", "PJSIP/nobody")) == Failed(500, "Allocation failed")
        assert await ari.send(AddToMixing("nothing", (caller.id,))) == Gone("Bridge not found")
        assert await ari.send(AddToMixing("b", (caller.id, "nobody"))) == Gone("Channel not found")
        assert await ari.send(AddToMixing("b", (gone_on.id,))) == Conflict("Channel not in Stasis application")
        assert await ari.send(Answer(gone_on.id)) == Conflict("Channel not in Stasis application")
        assert await ari.send(MakeMixing("b")) == Conflict("Bridge with id 'b' already exists")
        assert await ari.send(originate(caller.id)) == Conflict("Channel with given unique ID already exists")
        assert await ari.send(originate("leg", "nonsense")) == Failed(400, "Invalid endpoint specified")
        for_nobody = Originate("leg", "PJSIP/ada", ("agent",), "", 30, originator="nobody")
        assert await ari.send(for_nobody) == Gone("Provided originator channel was not found")
        assert isinstance(await ari.send(SubscribeDevices(("PJSIP/ada",))), Done)
        assert await ari.send(GetDevice("PJSIP/ada")) == Done(DeviceState("PJSIP/ada", "NOT_INUSE"))


async def test_a_duplicate_id_does_not_spoil_a_connection(pbx: AriStandIn) -> None:
    async with connected(pbx, connections=1) as (ari, ear):
        caller = pbx.dial_in()
        await ear.until(Back, StasisStart)
        assert isinstance(await ari.send(originate(caller.id)), Conflict)
        outcome = await ari.send(originate("leg", "PJSIP/nobody"))
        assert pbx.asked_for("POST", "/channels")[-1].status == 409
        assert isinstance(outcome, Failed)
        assert outcome.status == 500


async def test_few_connections_are_opened_at_a_time() -> None:
    """More than ten that Asterisk has not taken yet would lose their first packets, and be a second late."""
    waiting, at_once, opened = 0, 0, 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal waiting, at_once, opened
        waiting, opened = waiting + 1, opened + 1
        at_once = max(at_once, waiting)
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            for number in itertools.count():
                await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(0.02)
                waiting -= number == 0
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, AriClient(AriSettings(url, "router", USER, PASSWORD, connections=20)) as ari:
        outcomes = await asyncio.gather(*(ari.send(HangUp(str(number))) for number in range(60)))
        assert set(outcomes) == {Done()}
        assert at_once == 5
        assert opened == 20, "in the end there are as many as may be"


async def test_a_connection_that_fails_makes_room_for_the_next() -> None:
    closed = free_port()
    settings = AriSettings(f"http://127.0.0.1:{closed}", "router", USER, PASSWORD, attempts=1)
    async with AriClient(settings) as ari:
        outcomes = await asyncio.gather(*(ari.send(HangUp(str(number))) for number in range(30)))
        assert {type(outcome) for outcome in outcomes} == {Unreachable}


async def test_requests_of_one_channel_go_in_order_and_others_beside(pbx: AriStandIn) -> None:
    async with connected(pbx) as (ari, _):
        slow, quick = pbx.dial_in(), pbx.dial_in()
        pbx.troubles.append(Trouble(lambda method, path: slow.id in path, slow_s=0.2))
        mine = [ari.send(request) for request in (Answer(slow.id), StartMusic(slow.id), StopMusic(slow.id))]
        other = ari.send(Answer(quick.id))
        assert await other == Done()
        assert not any(outcome.done() for outcome in mine)
        await asyncio.gather(*mine)
        paths = [asked.path.rpartition("/")[2] for asked in pbx.asked if slow.id in asked.path]
        assert paths == ["answer", "moh", "moh"]
        assert not slow.has_music


async def test_no_answer_in_time_is_tried_again(pbx: AriStandIn) -> None:
    async with connected(pbx, time_limit_s=0.25) as (ari, _):
        caller = pbx.dial_in()
        pbx.troubles.append(Trouble(lambda method, path: path.endswith("/answer"), slow_s=0.5))
        assert await ari.send(Answer(caller.id)) == Done()
        assert len(pbx.asked_for("POST", "/answer")) == 2


async def test_never_an_answer(pbx: AriStandIn) -> None:
    async with connected(pbx, time_limit_s=0.05, attempts=3) as (ari, _):
        caller = pbx.dial_in()
        pbx.troubles.append(Trouble(lambda method, path: path.endswith("/answer"), times=9, slow_s=0.3))
        assert await ari.send(Answer(caller.id)) == Unreachable("no answer within 0.05 s")
        assert len(pbx.asked_for("POST", "/answer")) == 3


@pytest.mark.parametrize("request_", [originate("leg"), MakeMixing("b")], ids=["originate", "make a bridge"])
async def test_an_answer_that_was_lost(pbx: AriStandIn, request_: Request) -> None:
    """The repeat is refused, for the id is there: so the first one was carried out, and it is so told."""
    async with connected(pbx) as (ari, _):
        ending = request_.http("router").path
        pbx.troubles.append(Trouble(lambda method, path: method == "POST" and path == ending, is_lost=True))
        outcome = await ari.send(request_)
        assert isinstance(outcome, Done)
        assert outcome.body.id == request_.key
        assert [asked.status for asked in pbx.asked_for("POST", ending)] == [0, 409]


async def test_a_sound_is_not_played_twice(pbx: AriStandIn) -> None:
    async with connected(pbx) as (ari, _):
        caller = pbx.dial_in()
        pbx.troubles.append(Trouble(lambda method, path: path.endswith("/play"), is_lost=True))
        assert isinstance(await ari.send(Play(caller.id, "say-1", ("sound:hello",))), Unreachable)
        assert len(pbx.asked_for("POST", "/play")) == 1


@pytest.mark.parametrize("status", [500, 400, 302])
async def test_errors_are_told_and_not_repeated(pbx: AriStandIn, status: int) -> None:
    async with connected(pbx) as (ari, _):
        caller = pbx.dial_in()
        pbx.troubles.append(Trouble(lambda method, path: path.endswith("/answer"), status=status))
        assert await ari.send(Answer(caller.id)) == Failed(status, "trouble")
        assert len(pbx.asked_for("POST", "/answer")) == 1


async def test_asterisk_that_is_starting_is_asked_again(pbx: AriStandIn) -> None:
    async with connected(pbx) as (ari, _):
        caller = pbx.dial_in()
        pbx.troubles.append(Trouble(lambda method, path: path.endswith("/answer"), status=503, times=2))
        assert await ari.send(Answer(caller.id)) == Done()


async def test_an_answer_that_cannot_be_read(pbx: AriStandIn) -> None:
    async with connected(pbx) as (ari, _):
        pbx.troubles.append(Trouble(lambda method, path: path == "/channels", status=200, body="<html>"))
        outcome = await ari.send(ListChannels())
        assert isinstance(outcome, Failed)
        assert outcome.status == 200
        assert "unknown shape" in outcome.text
        pbx.troubles.append(Trouble(lambda method, path: path == "/channels", status=500, body="<html>broken</html>"))
        assert await ari.send(ListChannels()) == Failed(500, "<html>broken</html>")


async def test_leaving_waits_for_what_is_under_way(pbx: AriStandIn) -> None:
    told: list[tuple[Request, Outcome, float]] = []
    async with AriClient(settings(pbx), on_answer=lambda *answer: told.append(answer)) as ari:
        ear = Ear(ari)
        await ear.until(Back)
        caller = pbx.dial_in()
        pbx.troubles.append(Trouble(lambda method, path: path.endswith("/moh"), slow_s=0.1))
        ari.send(StartMusic(caller.id))
        ari.send(HangUp(caller.id))
        await ear.stop()
    assert ari.under_way == 0
    mine = [(type(request), outcome) for request, outcome, _ in told if request.key == caller.id]
    assert mine == [(StartMusic, Done()), (HangUp, Done())]
    seconds = [seconds for request, _, seconds in told if isinstance(request, HangUp)]
    assert seconds[0] >= 0.1, "the wait for its turn counts"


async def test_leaving_does_not_wait_for_ever(pbx: AriStandIn) -> None:
    told: list[tuple[Request, Outcome, float]] = []
    loop = asyncio.get_running_loop()
    async with AriClient(settings(pbx, time_limit_s=0.2), on_answer=lambda *answer: told.append(answer)) as ari:
        caller = pbx.dial_in()
        pbx.troubles.append(Trouble(lambda method, path: True, times=99, slow_s=0.5))
        for _ in range(50):
            ari.send(StartMusic(caller.id))
        began_s = loop.time()
    assert loop.time() - began_s < 5, "one after the other would be ten seconds"
    assert [type(outcome) for _, outcome, _ in told] == [Unreachable] * 50
    await asyncio.sleep(0.05)
    assert len(pbx.asked_for("POST", "/moh")) <= 2, "what had to wait for its turn was not sent any more"


async def test_giving_up_on_an_outcome_keeps_the_order(pbx: AriStandIn) -> None:
    async with connected(pbx) as (ari, _):
        caller = pbx.dial_in()
        pbx.troubles.append(Trouble(lambda method, path: path.endswith("/answer"), slow_s=0.1))
        answer, music = ari.send(Answer(caller.id)), ari.send(StartMusic(caller.id))
        music.cancel()
        assert await ari.send(StopMusic(caller.id)) == Done()
        assert answer.done()
        assert not caller.has_music
        assert len(pbx.asked_for("POST", "/moh")) == 1


async def test_a_fault_in_a_request_is_an_outcome_too(pbx: AriStandIn) -> None:
    class Faulty(HangUp, frozen=True):
        def http(self, app: str) -> Http:
            raise KeyError("a fault")

    async with connected(pbx) as (ari, _):
        caller = pbx.dial_in()
        assert await ari.send(Faulty(caller.id)) == Unreachable("a fault of the bridge: KeyError('a fault')")
        assert await ari.send(HangUp(caller.id)) == Done(), "what comes after it is not held up"


async def test_giving_up_tells_of_what_is_repeated(pbx: AriStandIn) -> None:
    async with connected(pbx, time_limit_s=0.05, first_pause_s=60.0, longest_pause_s=60.0) as (ari, _):
        caller = pbx.dial_in()
        pbx.troubles.append(Trouble(lambda method, path: path.endswith("/moh"), times=9, slow_s=0.08))
        music = ari.send(StartMusic(caller.id))
        await asyncio.sleep(0.15)
        assert not music.done(), "its first attempt is over, and it waits for the second"
        ari.give_up()
        assert await music == Unreachable("given up")
        assert ari.under_way == 0


async def test_what_caller_and_agent_wait_for_goes_first(pbx: AriStandIn) -> None:
    async with connected(pbx) as (ari, _):
        others, caller = [pbx.dial_in() for _ in range(20)], pbx.dial_in()
        await asyncio.gather(*(ari.send(StartMusic(one.id)) for one in others[:5]))  # there are connections now
        outcomes = [ari.send(StartMusic(one.id)) for one in others]
        outcomes.append(ari.send(StopMusic(caller.id)))
        assert set(await asyncio.gather(*outcomes)) == {Done()}
        asked = [asked.path for asked in pbx.asked if asked.path.endswith("/moh")][5:]
        assert asked.index(f"/channels/{caller.id}/moh") < 5


def test_pauses_grow_and_differ() -> None:
    limits = AriSettings("", "", "", "", first_pause_s=0.1, longest_pause_s=5)
    assert [pause_before(attempt, limits, 1.0) for attempt in (1, 2, 3, 7, 1000)] == [0.1, 0.2, 0.4, 5.0, 5.0]
    assert pause_before(3, limits, 0.0) == 0.2


async def test_what_is_held_up_on_its_way_undoes_nothing_that_was_asked_later(pbx: AriStandIn) -> None:
    async with connected(pbx, time_limit_s=0.15) as (ari, _):
        caller = pbx.dial_in()
        pbx.troubles.append(Trouble(lambda method, path: method == "POST" and path.endswith("/moh"), late_s=0.25))
        start, stop = ari.send(StartMusic(caller.id)), ari.send(StopMusic(caller.id))
        assert await start == Done(), "the second attempt"
        assert await stop == Done()
        await asyncio.sleep(0.3)
        assert [asked.method for asked in pbx.asked if asked.path.endswith("/moh")] == ["POST", "POST", "DELETE"]
        assert not caller.has_music


async def test_an_asterisk_with_a_certificate_of_a_private_authority(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*authority.write_pair())
    async with AriStandIn(seed=3, tls=tls) as pbx:
        async with connected(pbx, ca=authority.pem) as (ari, _):
            assert await ari.send(ListChannels()) == Done(())
        async with AriClient(settings(pbx, attempts=1)) as ari:
            refused = await ari.send(ListChannels())
            assert isinstance(refused, Unreachable)
            assert "CERTIFICATE_VERIFY_FAILED" in refused.text


def test_no_password_is_shown() -> None:
    assert "secret" not in repr(AriSettings("http://a", "router", "user", "secret"))
