"""The lane as a property: whatever comes in, it is answered, journalled, watched and counted as it is without the lane.

Method: two servers without a network, with one clock, get the same requests as bytes: batches of commands that are
plain, of other forms, malformed, forbidden, repeated or rejected, and unary calls. One has its lane, the other has it
closed, so that everything goes the way through messages and structs. All that can be seen of them must be the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.config import parse_config
from router.engine import commands as c
from router.journal import EncodedEntries, Entries
from router.journal.records import encode_record
from router.server._native import EventFilter, Lane
from router.server.clock import Clock
from router.server.errors import Refusal
from router.server.metrics import Metrics
from router.server.metrics import catalogue as m
from router.server.metrics.catalogue import Metric
from router.server.recovery.recovery import recover
from router.server.rpcs.refusing import read_request
from router.server.security import Role
from router.server.security.principals import Caller, Principal, set_caller
from router.server.services.agent_service import AgentService
from router.server.services.call_service import CallService
from router.server.services.command_service import CommandService
from router.server.shell import Shell
from router.server.writing.applier import COMMAND_NUMBERS
from router.server.writing.journal_thread import JournalThread
from router.server.writing.work import WorkGroup
from router.v1 import agent_service_pb2, call_service_pb2, command_service_pb2, commands_pb2
from router.wire.commands import encode_any_command
from tests.server.scripted_journal import ScriptedJournal
from tests.server.support import CONFIG

SECOND_US = 1_000_000
START_US = 1_700_000_000 * SECOND_US
BATCH_MAX = 12
WITH_REAL_TIME = {m.APPLY, m.ANSWER, m.COMMIT, m.GROUP}
UNARY = {"enqueue": "Enqueue", "cancel": "Cancel", "complete": "Complete", "accept": "Accept", "reject": "Reject"}
UNARY |= {"requeue": "Requeue", "transfer": "Transfer", "update_call": "UpdateCall"}
UNARY |= {"set_availability": "SetAvailability", "end_wrap_up": "EndWrapUp", "record_outcome": "RecordOutcome"}


class KeptJournal(ScriptedJournal):
    """Keeps the bytes of each append, too, and how many entries came as bytes already."""

    def __init__(self) -> None:
        super().__init__()
        self.content = b""
        self.encoded = 0

    def append(self, expected_sequence: int, entries: Entries) -> None:
        super().append(expected_sequence, entries)
        self.content += encode_record(entries)
        self.encoded += sum(one.count for one in entries if isinstance(one, EncodedEntries))


class Side:
    """A server without a network."""

    def __init__(self, shell: Shell, journal: KeptJournal) -> None:
        self.shell = shell
        self.journal = journal
        self.metrics = Metrics(shell)
        shell.observers.append(self.metrics)
        for follower in self.metrics.followers:
            shell.followers.append(follower)
        shell.writer.meters = self.metrics.commands
        shell.writer.applier.lane.count_in(self.metrics.commands.native)
        self.batches = CommandService(shell, BATCH_MAX)
        self.services: dict[str, Any] = {"call": CallService(shell), "agent": AgentService(shell)}
        self.everything = EventFilter(shell.hub.history)

    async def stream(self, requests: Sequence[bytes], principal: Principal) -> list[Any]:
        """Send batches over a stream and return the responses, and why it ended if it was refused."""
        got: list[Any] = []

        async def sent() -> AsyncIterator[bytes]:
            for request in requests:
                yield request

        async def write(response: Any) -> None:
            if not isinstance(response, bytes):
                response = response.SerializeToString()
            got.append(command_service_pb2.ApplyResponse.FromString(response))

        set_caller(Caller(principal, lambda refusal: None))
        context: Any = SimpleNamespace(write=write)
        try:
            await self.batches.Apply(sent(), context)
        except Refusal as refusal:
            got.append((refusal.reason, refusal.subject))
        return got

    async def unary(self, field: str, content: bytes, principal: Principal) -> Any:
        """Send a unary call and return the bytes of its response, or its status."""
        caller = Caller(principal, lambda refusal: None)
        set_caller(caller)
        name = UNARY[field]
        service = self.services["call" if hasattr(CallService, name) else "agent"]
        request: Any = getattr(call_service_pb2, f"{name}Request", None)
        request = request or getattr(agent_service_pb2, f"{name}Request")
        try:
            principal.check_command(field)
            taken = service.take(field, field == "enqueue", content, caller)
            if taken is not None:
                return await taken
            response = await getattr(service, name)(read_request(request.FromString, content), None)
        except Refusal as refusal:
            return refusal.status()
        return response.SerializeToString()

    async def seen(self) -> dict[str, Any]:
        """Return all that can be seen of it."""
        await self.shell.writer.durable()
        history = self.shell.hub.history
        readings = [one for one in await self.metrics.gather() if one.metric not in WITH_REAL_TIME]
        counted: dict[Metric, Any] = {one.metric: one.values for one in readings}
        sessions = self.shell.sessions
        return {
            "state": self.shell.engine.state_hash(),
            "events": history.take(history.first, self.everything, 100_000, 0),
            "journal": self.journal.content,
            "service": self.shell.service_state(),
            "order": [(client, sessions.calls.of(client)) for client in sorted(sessions.calls.clients())],
            "metrics": counted,
            "stays": sorted(self.shell.estimation.stays.of_call),
            "header": (history.sequence, history.time_us),
        }


@asynccontextmanager
async def side(now_us: list[int], *, lane: bool) -> AsyncIterator[Side]:
    """Run a server, with its lane or without."""
    journal = KeptJournal()
    thread = await JournalThread.open(lambda: journal)
    clock = Clock(wall_ns=lambda: START_US * 1000, monotonic_ns=lambda: now_us[0] * 1000)
    recovered = await thread.call(partial(recover, thread, parse_config(CONFIG, "x"), CONFIG, clock))
    shell = recovered.shell
    shell.lane.is_open = lane
    one = Side(shell, journal)
    shell.estimation.begin()
    writing = asyncio.create_task(shell.writer.run())
    await asyncio.sleep(0)
    try:
        yield one
    finally:
        shell.writer.stop()
        await writing
        await thread.close(10)


class Moment(NamedTuple):
    """What comes at one time: batches over one stream, or a unary call in a field of `Command`."""

    after_us: int
    role: Role
    requests: Sequence[bytes]
    field: str = ""


async def both_see_the_same(moments: Sequence[Moment]) -> Side:
    """Send everything to both, compare all that is answered and seen, and return the one with the lane."""
    now_us = [0]
    async with side(now_us, lane=True) as ours, side(now_us, lane=False) as other:
        for moment in moments:
            now_us[0] += moment.after_us
            principal = Principal("somebody", moment.role, reserved=frozenset({"forbidden"}))
            if moment.field:
                (request,) = moment.requests
                answers = [await one.unary(moment.field, request, principal) for one in (ours, other)]
            else:
                answers = [await one.stream(moment.requests, principal) for one in (ours, other)]
            assert answers[0] == answers[1]
        seen, wanted = await ours.seen(), await other.seen()
        for what in wanted:
            assert seen[what] == wanted[what], what
        assert other.shell.writer.applier.lane.numbered == other.journal.encoded == 0
        assert ours.shell.writer.applier.lane.numbered == ours.journal.encoded
        return ours


# ---- requests

CALLS = st.sampled_from([f"c{number}" for number in range(7)])
AGENTS = st.sampled_from(["ada", "ben", "cleo", "nobody"])
QUEUES = st.sampled_from(["loans", "cards", "general", "general", "no such"])
OFFERS = st.integers(0, 12)
WORDS = st.sampled_from(["", "busy", "wrong number"])
SIGN_INS = st.builds(
    c.SignIn, AGENTS, st.dictionaries(st.sampled_from(["loans", "cards"]), st.integers(1, 10)), ready=st.booleans()
)
COMMANDS: st.SearchStrategy[Any] = st.one_of(
    SIGN_INS,
    SIGN_INS,
    st.builds(c.SignOut, AGENTS),
    st.builds(c.SetAvailability, AGENTS, st.booleans(), WORDS, st.booleans()),
    *[
        st.builds(
            c.Enqueue,
            CALLS,
            QUEUES,
            priority=st.sampled_from((0, 0, 5, 9, 77)),
            customer=st.sampled_from(("", "carol")),
            attributes=st.sampled_from(({}, {"language": "de"}, {"b": "1", "a": "2"})),
            callback=st.booleans(),
        )
    ]
    * 3,
    st.builds(c.UpdateCall, CALLS, priority=st.integers(0, 11)),
    st.builds(c.Cancel, CALLS, WORDS),
    st.builds(c.Requeue, CALLS, st.booleans(), WORDS),
    st.builds(c.Transfer, CALLS, QUEUES, st.booleans()),
    st.builds(c.TurnIntoCallback, CALLS),
    st.builds(c.Assign, CALLS, AGENTS),
    st.builds(c.Accept, OFFERS),
    st.builds(c.Reject, OFFERS, WORDS),
    st.builds(c.Complete, CALLS),
    st.builds(c.EndWrapUp, AGENTS),
    st.builds(c.RecordOutcome, CALLS, st.none() | st.booleans(), st.sampled_from((None, 3, 8))),
    st.builds(c.PauseQueue, QUEUES),
    st.builds(c.ResumeQueue, QUEUES),
)
REQUEST_IDS = st.sampled_from(("", "", "", "r1", "r2", "r3", "r\x01", "r" * 256))


def after(content: bytes) -> bytes:
    """Return a command in another form: its request id after it."""
    message = commands_pb2.Command.FromString(content)
    request_id = commands_pb2.Command(request_id=message.request_id).SerializeToString()
    message.ClearField("request_id")
    return message.SerializeToString() + request_id


OTHER_FORMS: Any = st.sampled_from(
    [
        after,
        lambda content: content + b"\xf8\x3f\x01",  # a field that nobody knows
        lambda content: content + content,
        lambda content: b"",
        lambda content: b"\x32\x05\x0a\x00\x12\x01x",  # an Enqueue with an empty name, written out
    ]
)
NO_MESSAGES: Any = st.sampled_from([lambda content: content[:-1], lambda content: b"\x32\x04\x0a\x02\xff\xfe"])


@st.composite
def commands(draw: st.DrawFn) -> bytes:
    content = encode_any_command(draw(COMMANDS), draw(REQUEST_IDS)).SerializeToString(deterministic=True)
    choice = draw(st.integers(0, 99))
    if choice < 8:
        content = draw(OTHER_FORMS)(content)
    elif choice == 99:
        content = draw(NO_MESSAGES)(content)
    return content


def length(size: int) -> bytes:
    return bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])


@st.composite
def batches(draw: st.DrawFn) -> bytes:
    head = command_service_pb2.ApplyRequest(
        batch=draw(st.sampled_from((0, 1, 7, -3, 2**40))),
        client_id=draw(st.sampled_from(("pbx", "pbx", "pbx", "desk", "", "forbidden", "bad\x02"))),
    )
    content = draw(st.lists(commands(), max_size=BATCH_MAX + draw(st.sampled_from((0, 0, 0, 0, 1)))))
    tail = command_service_pb2.ApplyRequest(
        wait_estimates=draw(st.booleans()), hold_session=draw(st.sampled_from((False, False, False, True)))
    )
    body = b"".join(b"\x1a" + length(len(one)) + one for one in content)
    parts = [head.SerializeToString(), body, tail.SerializeToString()]
    if draw(st.integers(0, 19)) == 0:
        parts.reverse()
    return b"".join(parts)


@st.composite
def unary_calls(draw: st.DrawFn) -> tuple[str, bytes]:
    message = encode_any_command(draw(COMMANDS))
    field = message.WhichOneof("command")
    if field not in UNARY:
        message = encode_any_command(draw(st.builds(c.Enqueue, CALLS, QUEUES)))
        field = "enqueue"
    name = f"{UNARY[field]}Request"
    request: Any = getattr(call_service_pb2, name, None) or getattr(agent_service_pb2, name)
    fields = {field: getattr(message, field)}
    client_id = draw(st.sampled_from(("pbx", "pbx", "", "forbidden", "bad\x02")))
    content = request(client_id=client_id, request_id=draw(REQUEST_IDS), **fields).SerializeToString(deterministic=True)
    return field, content + draw(st.sampled_from((b"", b"", b"", b"\xf8\x3f\x01")))


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    after_us = draw(st.sampled_from((0, 1, SECOND_US, 25 * SECOND_US)))
    role = draw(st.sampled_from((Role.ADMIN, Role.ADMIN, Role.PBX, Role.PBX, Role.SUPERVISOR, Role.VIEWER)))
    if draw(st.integers(0, 3)) == 0:
        field, content = draw(unary_calls())
        return Moment(after_us, role, [content], field)
    return Moment(after_us, role, draw(st.lists(batches(), max_size=3)))


@settings(max_examples=60, deadline=None)
@given(st.lists(moments(), max_size=10))
def test_whatever_comes_is_answered_as_without_the_lane(those: list[Moment]) -> None:
    asyncio.run(both_see_the_same(those))


# ---- that it is used at all


def batch(*those: c.Command, number: int = 1, **fields: Any) -> bytes:
    messages = [encode_any_command(command, f"{number}-{place}") for place, command in enumerate(those)]
    request = command_service_pb2.ApplyRequest(batch=number, client_id="pbx", commands=messages, **fields)
    return request.SerializeToString(deterministic=True)


def test_commands_in_volume_go_through_the_lane_and_the_others_between_them() -> None:
    first = batch(c.SignIn("ada", {"loans": 9}), c.Enqueue("c1", "loans"), c.Accept(1), c.Enqueue("c2", "loans"))
    second = batch(c.Complete("c1"), c.Complete("c1"), c.EndWrapUp("ada"), c.Accept(2), number=2, wait_estimates=True)
    enqueue = encode_any_command(c.Enqueue("c3", "loans")).enqueue
    alone = call_service_pb2.EnqueueRequest(client_id="pbx", enqueue=enqueue).SerializeToString()
    moments = [Moment(0, Role.PBX, [first, second, first]), Moment(5, Role.PBX, [alone], "enqueue")]
    ours = asyncio.run(both_see_the_same(moments))
    assert ours.shell.engine.sequence == ours.journal.last_sequence == 10
    # all but the config's Configure and the SignIn; the repeated batch got no numbers
    assert ours.shell.writer.applier.lane.numbered == 8


@pytest.mark.parametrize("role", Role)
def test_who_may_not_send_a_command_alone_may_not_send_it_through_the_lane(role: Role) -> None:
    requests = [batch(c.Enqueue("c1", "loans"), c.SetAvailability("ada", True), c.EndWrapUp("ada"))]
    ours = asyncio.run(both_see_the_same([Moment(0, role, requests)]))
    allowed = {Role.VIEWER: 0, Role.SUPERVISOR: 2, Role.PBX: 3, Role.ADMIN: 3}
    assert ours.shell.writer.applier.lane.numbered == allowed[role]


def test_a_batch_in_another_form_goes_through_the_lane_as_one_in_the_plain_form() -> None:
    message = encode_any_command(c.Enqueue("c2", "loans"), "r2")
    message.MergeFromString(b"\xf8\x3f\x01")
    those = [encode_any_command(c.Enqueue("c1", "loans"), "r1"), message, encode_any_command(c.Cancel("c1"), "r3")]
    known = command_service_pb2.ApplyRequest(client_id="pbx", commands=those).SerializeToString(deterministic=True)
    # a number that is written though it is 0, and a field that nobody knows
    requests = [known, b"\x08\x00" + known, known + b"\xf8\x3f\x01"]
    ours = asyncio.run(both_see_the_same([Moment(0, Role.PBX, requests[1:]), Moment(0, Role.PBX, requests)]))
    # the command with a field that nobody knows is Python's turn, and all of them are repeated as what they were
    assert (ours.shell.engine.sequence, ours.shell.writer.applier.lane.numbered) == (4, 2)


@pytest.mark.parametrize("client_id", [b"bad\x02", b"x" * 256, b"\xff\xfe"])
def test_with_a_client_id_that_is_none_no_command_is_carried_out(client_id: bytes) -> None:
    command = encode_any_command(c.Enqueue("c1", "loans")).SerializeToString()
    request = b"\x12" + length(len(client_id)) + client_id + b"\x1a" + length(len(command)) + command
    ours = asyncio.run(both_see_the_same([Moment(0, Role.PBX, [request])]))
    assert ours.shell.engine.sequence == 1


def test_commands_that_are_refused_count_for_the_length_of_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with side([0], lane=True) as ours:
            writer, works = ours.shell.writer, []
            hand_over = writer.committer.hand_over

            def handed_over(group: WorkGroup) -> None:
                works.append(len(group.works))
                hand_over(group)

            monkeypatch.setattr(writer, "_group_max", 3 * BATCH_MAX)
            monkeypatch.setattr(writer.committer, "hand_over", handed_over)
            refused = command_service_pb2.ApplyRequest(commands=[commands_pb2.Command()] * BATCH_MAX)
            responses = await ours.stream([refused.SerializeToString()] * 9, Principal("somebody", Role.PBX))
            assert [len(response.results) for response in responses] == [BATCH_MAX] * 9
            assert max(works) == 3
            assert sum(works) == 9

    asyncio.run(run())


def test_the_lane_and_python_number_the_kinds_of_command_alike() -> None:
    """The native side knows a command by its place among the alternatives of router::Command."""
    assert list(COMMAND_NUMBERS) == list(get_args(c.Command))
    ours = asyncio.run(both_see_the_same([Moment(0, Role.PBX, [batch(c.Enqueue("c1", "loans"), c.Cancel("c1"))])]))
    counts = ours.metrics.commands.native.commands
    done = [kind.__name__ for kind, number in COMMAND_NUMBERS.items() if counts[number][0]]
    assert done == ["Enqueue", "Cancel"]


def test_rejections_are_told_alike_whatever_the_name() -> None:
    names = ("c1", "ü1", "\u200b1", "c" * 255, "\U0001f4de" * 60)
    rejected = batch(*(c.Cancel(name) for name in names), c.Accept(7), c.Requeue("c2"))
    asyncio.run(both_see_the_same([Moment(0, Role.PBX, [rejected, batch(c.Enqueue("c2", "loans"))])]))


def test_a_fault_of_what_learns_harms_nobody() -> None:
    async def run() -> None:
        async with side([0], lane=True) as ours:
            shell = ours.shell
            faults: list[str] = []

            def learn() -> None:
                raise RuntimeError("no")

            lane = Lane(shell.engine, shell.followers, learn, lambda: faults.append("told"), journalling=True)
            shell.writer.applier.lane = lane
            principal = Principal("somebody", Role.PBX)
            (response,) = await ours.stream([batch(c.Enqueue("c1", "loans"), c.Cancel("c1"))], principal)
            assert [result.header.sequence for result in response.results] == [2, 3]
            assert faults == ["told", "told"]

    asyncio.run(run())
