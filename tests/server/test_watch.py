"""The watch: everything once and in order, resumable, filtered; a slow watcher is cut off and delays nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from router.client import RouterClient, RouterError
from router.client.watch import Watch
from router.engine import commands as c
from router.engine import events as e
from router.server.server import RouterServer
from router.server.watch import RESPONSE_EVENTS_MAX
from router.v1 import watch_service_pb2, watch_service_pb2_grpc
from router.wire.events import encode_event
from router.wire.results import encode_header
from tests.server.support import CONFIG, Seen, client_of, running

LIFE = [
    c.SignIn("ada", {"loans": 7}),
    c.SignIn("bob", {"cards": 7}),
    c.Enqueue("c1", "loans"),
    c.Enqueue("c2", "cards"),
    c.Accept(1),
    c.Complete("c1"),
    c.EndWrapUp("ada"),
    c.Complete("c2"),
    c.Enqueue("c3", "loans"),
    c.Reject(3),
    c.Transfer("c3", "cards"),
    c.SignOut("ada"),
    c.Complete("nothing"),
]


async def live(client: RouterClient) -> None:
    async with client.stream() as stream:
        for command in LIFE:
            await stream.apply([command])


async def everything(client: RouterClient, **filters: object) -> Seen:
    """Watch from the beginning until the last event that is there."""
    last = (await client.statistics()).sequence
    seen = Seen(client.watch(after_sequence=1, **filters))  # type: ignore[arg-type]
    await seen.until(lambda s: s.error or (s.moments and s.moments[-1].sequence >= last))
    await seen.end()
    return seen


async def test_a_live_watch_sees_what_a_resumed_one_sees(client: RouterClient) -> None:
    watching = await Seen(client.watch()).begun()
    await live(client)
    resumed = await everything(client)
    await watching.until(lambda s: len(s.events) == len(resumed.events))
    await watching.end()
    assert watching.events == resumed.events
    assert [type(event) for event in resumed.events[:4]] == [
        e.AgentSignedIn,
        e.AgentSignedIn,
        e.CallEnqueued,
        e.OfferMade,
    ]
    assert [event.sequence for event in resumed.events] == sorted(event.sequence for event in resumed.events)
    assert isinstance(resumed.events[-1], e.CommandRejected)


async def test_a_watch_resumes_after_any_sequence(client: RouterClient) -> None:
    await live(client)
    whole = (await everything(client)).events
    last = (await client.statistics()).sequence
    for after in range(1, last + 1):
        seen = Seen(client.watch(after_sequence=after))
        await seen.until(lambda s: s.moments and s.moments[-1].sequence >= last)
        await seen.end()
        assert seen.events == [event for event in whole if event.sequence > after]


async def test_events_of_a_command_come_together(client: RouterClient) -> None:
    watching = await Seen(client.watch()).begun()
    await live(client)
    await watching.until(lambda s: s.of(e.CommandRejected))
    await watching.end()
    for earlier, later in zip(watching.moments, watching.moments[1:], strict=False):
        assert all(event.sequence > earlier.sequence for event in later.events)
        assert all(event.sequence <= later.sequence for event in later.events)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"agents": ["bob"]}, lambda event: getattr(event, "agent", None) == "bob"),
        ({"calls": ["c1", "c3"]}, lambda event: getattr(event, "call", None) in ("c1", "c3")),
        ({"kinds": [e.OfferMade, e.CallAssigned]}, lambda event: isinstance(event, e.OfferMade | e.CallAssigned)),
        (
            {"agents": ["ada"], "kinds": [e.OfferMade]},
            lambda event: isinstance(event, e.OfferMade) and event.agent == "ada",
        ),
        ({"calls": ["nothing"]}, lambda event: False),
    ],
)
async def test_filters(client: RouterClient, filters: dict[str, object], expected: object) -> None:
    await live(client)
    whole = (await everything(client)).events
    assert (await everything(client, **filters)).events == [event for event in whole if expected(event)]  # type: ignore[operator]


async def test_the_queue_filter_follows_calls_through_queues(client: RouterClient) -> None:
    await live(client)
    loans = (await everything(client, queues=["loans"])).events
    cards = (await everything(client, queues=["cards"])).events
    both = (await everything(client, queues=["cards", "loans"])).events
    whole = (await everything(client)).events
    about_calls = [event for event in whole if getattr(event, "call", None)]
    assert both == about_calls
    assert [event.call for event in cards if event.call == "c1"] == []
    assert [type(event) for event in loans if event.call == "c1"] == [
        e.CallEnqueued,
        e.OfferMade,
        e.OfferAccepted,
        e.CallAssigned,
        e.CallCompleted,
        e.WrapUpStarted,
        e.WrapUpEnded,
    ]
    moved = [event for event in about_calls if isinstance(event, e.CallTransferred)]
    assert moved[0] in loans
    assert moved[0] in cards
    after_the_move = [event for event in about_calls if event.call == "c3" and event.sequence > moved[0].sequence]
    assert after_the_move == [event for event in cards if event.call == "c3" and event.sequence > moved[0].sequence]


async def test_history_that_is_gone_is_said_so() -> None:
    small = CONFIG.replace("[engine]", "watch_history_events = 100\nwatch_buffer_events = 100\n[engine]")
    async with running(small) as server, client_of(server) as client:
        async with client.stream() as stream:
            await stream.apply([c.Enqueue(f"c{number}", "loans") for number in range(300)])
        history = server.shell.hub.history
        assert history.end - history.first <= 113
        gone = await Seen(client.watch(after_sequence=history.forgotten_sequence - 1)).begun()
        assert gone.error is not None
        assert (gone.error.reason, gone.error.code) == ("HISTORY_GONE", grpc.StatusCode.OUT_OF_RANGE)
        seen = Seen(client.watch(after_sequence=history.forgotten_sequence))
        await seen.until(lambda s: len(s.events) == history.end - history.first)
        await seen.end()
        assert seen.error is None


async def test_a_new_history_is_noticed_even_where_numbers_fit() -> None:
    async with running() as first, client_of(first) as client:
        seen = await Seen(client.watch()).begun()
        port = first.port
        await client.apply(c.SignIn("ada"))
        await seen.until(lambda s: s.events)
        await first.stop(grace_s=0.1)
        async with running(listen=f"127.0.0.1:{port}"):
            async with RouterClient(f"127.0.0.1:{port}") as other:
                for number in range(5):
                    await other.apply(c.SignIn(f"agent-{number}"))
            await seen.until(lambda s: s.error)
            assert seen.error is not None
            assert seen.error.reason == "HISTORY_GONE"
            assert "new history" in seen.error.message


async def test_a_command_with_very_many_events_comes_in_parts() -> None:
    count = 3 * RESPONSE_EVENTS_MAX
    async with running() as server, client_of(server) as client:
        async with client.stream() as stream:
            await stream.apply([c.PauseQueue("cards")])
            await stream.apply([c.SignIn(f"a{number}", {"cards": 1}) for number in range(500)])
            for start in range(0, count, 500):
                await stream.apply([c.Enqueue(f"c{number}", "cards", "chat") for number in range(start, start + 500)])
            await stream.apply([c.UpdateAgent(f"a{number}", capacity={"voice": 1, "chat": 3}) for number in range(500)])
        seen = await Seen(client.watch()).begun()
        resumed = (await client.apply(c.ResumeQueue("cards"))).result.sequence
        await seen.until(lambda s: len(s.of(e.CallAssigned)) == count)
        await seen.until(lambda s: s.moments[-1].sequence >= resumed)
        await seen.end()
        assert seen.of(e.CallAssigned) == sorted(seen.of(e.CallAssigned), key=lambda event: event.offer)
        parts = [moment for moment in seen.moments if moment.events]
        assert len(parts) >= 4
        assert max(len(moment.events) for moment in parts) <= RESPONSE_EVENTS_MAX
        # until the last part has come, a resumed watch would begin at the command again
        assert [moment.sequence for moment in parts][-2:] == [resumed - 1, resumed]


async def test_the_client_resumes_by_itself_and_misses_nothing() -> None:
    async with running() as server, client_of(server) as client:
        watching = await Seen(client.watch()).begun()
        for number in range(40):
            await client.apply(c.SignIn(f"a{number}"))
            if number % 10 == 5:
                # cut every watcher off, as a slow one would be
                for watcher in list(server.shell.hub._watchers):
                    watcher._lag_max = -1
                    watcher.notice()
        await watching.until(lambda s: len(s.events) >= 40)
        await watching.end()
        assert [event.agent for event in watching.events] == [f"a{number}" for number in range(40)]


async def test_each_opening_is_told_before_its_first_moment() -> None:
    async with running() as server, client_of(server) as client:
        heard: list[str] = []

        async def follow() -> None:
            async for _ in client.watch(on_open=lambda: heard.append("open")):
                heard.append("moment")

        following = asyncio.create_task(follow())
        async with asyncio.timeout(10):
            while "moment" not in heard:
                await asyncio.sleep(0.005)
            for watcher in list(server.shell.hub._watchers):
                watcher._lag_max = -1
                watcher.notice()
            await client.apply(c.SignIn("ada"))
            while heard.count("open") < 2 or heard[-1] != "moment":
                await asyncio.sleep(0.005)
        following.cancel()
        assert heard[:2] == ["open", "moment"]
        assert heard.count("open") == 2


async def read_to_the_end(stream: Any) -> None:
    while await stream.read() is not grpc.aio.EOF:
        pass


class FlakyStream:
    """A watch stream that gives some responses and then breaks, or ends if it is the last."""

    def __init__(self, responses: list[watch_service_pb2.WatchResponse], breaks: bool) -> None:
        self._responses = responses
        self._breaks = breaks

    async def __aiter__(self) -> AsyncIterator[watch_service_pb2.WatchResponse]:
        for response in self._responses:
            yield response
        if self._breaks:
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())

    def cancel(self) -> None:
        pass


@pytest.mark.parametrize("breaks_after", range(6))
async def test_a_break_within_a_command_neither_doubles_nor_loses_events(breaks_after: int) -> None:
    """Commands 2 and 3; the second in three parts. The server sends all of a command again after a break in it."""

    def part(sequence: int, events: list[e.Event]) -> watch_service_pb2.WatchResponse:
        return watch_service_pb2.WatchResponse(
            header=encode_header(sequence, 0), events=[encode_event(event) for event in events]
        )

    all_events: list[e.Event] = [e.QueuePaused(time_us=0, sequence=2, queue="q")]
    all_events += [e.CallOverdue(time_us=0, sequence=3, call=f"c{number}") for number in range(6)]
    parts = [
        part(1, []),
        part(2, all_events[:1]),
        part(2, all_events[1:3]),
        part(2, all_events[3:5]),
        part(3, all_events[5:]),
    ]
    asked: list[int | None] = []

    def open_stream(request: watch_service_pb2.WatchRequest) -> FlakyStream:
        after = request.after_sequence if request.HasField("after_sequence") else None
        asked.append(after)
        if len(asked) == 1:
            return FlakyStream(parts[:breaks_after], breaks=True)
        if len(asked) == 2:
            # breaks again before anything new has come
            return FlakyStream([part(after or 1, [])], breaks=True)
        later = [event for event in all_events if event.sequence > (after or 1)]
        return FlakyStream([part(after or 1, []), part(3, later)], breaks=False)

    watch = Watch(open_stream, watch_service_pb2.WatchRequest(), resume=True)
    moments = [moment async for moment in watch.moments()]
    assert [event for moment in moments for event in moment.events] == all_events
    assert moments[-1].sequence == 3


async def test_a_slow_watcher_is_cut_off_and_delays_nobody() -> None:
    small = CONFIG.replace("[engine]", "watch_buffer_events = 500\n[engine]")
    async with running(small) as server, client_of(server) as client:
        quick = await Seen(client.watch()).begun()
        # the window stays as it is, so that what the connection buffers does not grow with the server's speed
        fixed = [("grpc.http2.bdp_probe", 0)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=fixed) as channel:
            slow = watch_service_pb2_grpc.WatchServiceStub(channel).Watch(watch_service_pb2.WatchRequest())
            first = await slow.read()
            assert first.history_id
            async with client.stream() as stream:
                started = time.monotonic()
                number = 0
                # the slow one reads nothing; what it may buffer fills up, then it falls behind
                while len(server.shell.hub) == 2:
                    await stream.apply([c.Enqueue(f"{'c' * 200}{number + n}", "loans") for n in range(200)])
                    number += 200
                    assert time.monotonic() - started < 30
            await quick.until(lambda s: len(s.events) == number)
            assert quick.error is None
            # 500 events it may be behind, and what the connection buffers
            assert number < 20_000
            with pytest.raises(grpc.aio.AioRpcError, match="did not keep up"):
                await read_to_the_end(slow)
            assert await slow.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await quick.end()


async def test_progress_is_told_when_nothing_passes() -> None:
    async with running(heartbeat_s=0.1) as server, client_of(server) as client:
        seen = await Seen(client.watch(agents=["nobody"])).begun()
        await client.apply(c.SignIn("ada"))
        await client.apply(c.SignIn("bob"))
        await seen.until(lambda s: s.moments[-1].sequence == 3)
        assert seen.events == []
        await seen.end()


async def test_watchers_are_bounded(server: RouterServer, client: RouterClient) -> None:
    server.shell.hub._watchers_max = 2
    watching = [await Seen(client.watch()).begun() for _ in range(2)]
    third = await Seen(client.watch(resume=False)).begun()
    assert third.error is not None
    assert third.error.reason == "OVERLOADED"
    assert third.error.retry_after_us
    for seen in watching:
        await seen.end()
    async with asyncio.timeout(5):
        while len(server.shell.hub):
            await asyncio.sleep(0.01)


async def test_a_watcher_learns_that_the_server_stops() -> None:
    async with running() as server, client_of(server) as client:
        seen = await Seen(client.watch(resume=False)).begun()
        await client.apply(c.SignIn("ada"))
        await server.stop(grace_s=2.0)
        await seen.until(lambda s: s.error)
        assert isinstance(seen.error, RouterError)
        assert seen.error.reason == "SHUTTING_DOWN"
        assert len(seen.events) == 1, "what had happened was told first"


@pytest.mark.parametrize("field", ["queues", "agents", "calls"])
async def test_a_text_in_place_of_names_is_refused(client: RouterClient, field: str) -> None:
    with pytest.raises(TypeError, match=f"{field}: 'loans' is a single text"):
        client.watch(**{field: "loans"})  # type: ignore[arg-type]
