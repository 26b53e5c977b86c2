"""Whatever a client sends, it gets a clear refusal, nothing changes, and the server goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.engine import commands as c
from router.server.errors import REASONS
from router.server.server import RouterServer
from router.v1 import administration_service_pb2 as ad
from router.v1 import agent_service_pb2 as ag
from router.v1 import call_service_pb2 as ca
from router.v1 import command_service_pb2 as co
from router.v1 import commands_pb2 as m
from router.v1 import requirements_pb2 as r
from router.v1 import watch_service_pb2 as wa
from tests.server.support import CONFIG, client_of, running
from tests.server.test_rpcs import MODULES, ask, method_of

UNARY = [
    f"{service}/{method.name}"
    for service, module in MODULES.items()
    for method in module.DESCRIPTOR.services_by_name[f"{service}Service"].methods
    if not method.server_streaming
]
STREAMED = ["Command/Apply", "Watch/Watch"]


def step(**fields: Any) -> r.Requirement:
    return r.Requirement(steps=[r.Step(**fields)])


def enqueue(**fields: Any) -> ca.EnqueueRequest:
    return ca.EnqueueRequest(enqueue=m.Enqueue(**{"call": "c1", "queue": "loans", **fields}))


def sign_in(**fields: Any) -> ag.SignInRequest:
    return ag.SignInRequest(sign_in=m.SignIn(**{"agent": "zoe", **fields}))


def skill(level: int) -> r.RequirementTerm:
    return r.RequirementTerm(skill=r.SkillTerm(skill="x", level=level))


BAD_NAMES = ["", "x" * 256, "x" * 10_000, "é" * 128, "a\x00b", "a\nb", "\x1b[31m", "\x7f"]
YEAR = 366 * 86_400

MALFORMED: list[tuple[str, Message, str]] = [
    *(("Call/Enqueue", enqueue(call=name), "enqueue.call") for name in BAD_NAMES),
    *(("Call/Enqueue", enqueue(queue=name), "enqueue.queue") for name in BAD_NAMES),
    *(("Agent/SignIn", sign_in(agent=name), "sign_in.agent") for name in BAD_NAMES),
    *(("Agent/SignIn", sign_in(skills={name: 1}), "sign_in.skills") for name in BAD_NAMES),
    *(("Agent/SignIn", sign_in(skills={"x": level}), "sign_in.skills") for level in (0, 11, -1, 2**31 - 1)),
    *(("Agent/SignIn", sign_in(capacity={"voice": size}), "sign_in.capacity") for size in (0, 1_001, -5)),
    ("Agent/SignIn", sign_in(skills={str(number): 1 for number in range(65)}), "sign_in.skills"),
    *(("Call/Enqueue", enqueue(priority=priority), "enqueue.priority") for priority in (-1, 10, -(2**31))),
    *(("Call/Enqueue", enqueue(urgency=urgency), "enqueue.urgency") for urgency in (4, -1, 2**31 - 1)),
    ("Call/Enqueue", enqueue(hold=Duration(seconds=-1)), "enqueue.hold"),
    ("Call/Enqueue", enqueue(hold=Duration(seconds=YEAR, nanos=1_000)), "enqueue.hold"),
    ("Call/Enqueue", enqueue(hold=Duration(seconds=2**63 - 1)), "enqueue.hold.seconds"),
    ("Call/Enqueue", enqueue(hold=Duration(nanos=-(2**31))), "enqueue.hold.nanos"),
    ("Call/Enqueue", enqueue(credited_wait=Duration(seconds=-5)), "enqueue.credited_wait"),
    ("Call/Enqueue", enqueue(preferred_agents=["a"] * 17), "enqueue.preferred_agents"),
    ("Call/Enqueue", enqueue(preferred_agents=[""]), "enqueue.preferred_agents"),
    ("Call/Enqueue", enqueue(customer="x" * 256), "enqueue.customer"),
    ("Call/Enqueue", enqueue(attributes={"k": "x" * 17_000}), "enqueue.attributes"),
    ("Call/Enqueue", enqueue(attributes={str(number): "" for number in range(65)}), "enqueue.attributes"),
    ("Call/Enqueue", enqueue(requirement=r.Requirement(steps=[r.Step()] * 17)), "enqueue.requirement.steps"),
    ("Call/Enqueue", enqueue(requirement=r.Requirement(steps=[r.Step()] * 100_000)), "enqueue.requirement.steps"),
    ("Call/Enqueue", enqueue(requirement=r.Requirement(steps=[r.Step()] * 2)), "enqueue.requirement.steps[1].after"),
    ("Call/Enqueue", enqueue(requirement=step(terms=[skill(11)])), "enqueue.requirement.steps[0].terms[0]"),
    ("Call/Enqueue", enqueue(requirement=step(terms=[skill(0)])), "enqueue.requirement.steps[0].terms[0]"),
    ("Call/Enqueue", enqueue(requirement=step(terms=[skill(1)] * 33)), "enqueue.requirement.steps[0].terms"),
    ("Call/Enqueue", enqueue(requirement=step(terms=[r.RequirementTerm()])), "enqueue.requirement.steps[0].terms[0]"),
    (
        "Call/Enqueue",
        enqueue(requirement=step(terms=[r.RequirementTerm(any_of=r.AnyOf())])),
        "enqueue.requirement.steps[0].terms[0]",
    ),
    (
        "Call/Enqueue",
        enqueue(requirement=step(prefer=[r.Preference(skill="x", importance=11)])),
        "enqueue.requirement.steps[0].prefer[0]",
    ),
    ("Call/Enqueue", ca.EnqueueRequest(), "enqueue"),
    ("Call/Accept", ca.AcceptRequest(accept=m.Accept(offer=-1)), "accept.offer"),
    ("Call/RecordOutcome", ca.RecordOutcomeRequest(record_outcome=m.RecordOutcome(call="c1")), "record_outcome"),
    (
        "Call/RecordOutcome",
        ca.RecordOutcomeRequest(record_outcome=m.RecordOutcome(call="c1", satisfaction=6)),
        "record_outcome.satisfaction",
    ),
    ("Call/UpdateCall", ca.UpdateCallRequest(update_call=m.UpdateCall(call="c1", priority=-1)), "update_call.priority"),
    ("Call/GetCall", ca.GetCallRequest(), "call"),
    ("Call/GetWaitEstimate", ca.GetWaitEstimateRequest(), "of"),
    ("Call/GetWaitEstimate", ca.GetWaitEstimateRequest(enqueue=m.Enqueue()), "enqueue.queue"),
    (
        "Call/GetWaitEstimate",
        ca.GetWaitEstimateRequest(enqueue=m.Enqueue(queue="loans", requirement=step(terms=[skill(11)]))),
        "",
    ),
    ("Agent/ListAgents", ag.ListAgentsRequest(page_size=-1), "page_size"),
    ("Agent/ListAgents", ag.ListAgentsRequest(page_size=1_001), "page_size"),
    ("Agent/ListAgents", ag.ListAgentsRequest(availabilities=[99]), "availabilities"),
    ("Administration/GetQueue", ad.GetQueueRequest(queue="loans", waiting_limit=-1), "waiting_limit"),
    ("Administration/ApplyConfig", ad.ApplyConfigRequest(toml="x" * 1_100_000), "toml"),
    ("Administration/ApplyConfig", ad.ApplyConfigRequest(toml="[" * 500_000), ""),
    ("Administration/ApplyConfig", ad.ApplyConfigRequest(toml="\x00"), ""),
    ("Watch/Watch", wa.WatchRequest(kinds=[99]), "kinds[0]"),
    ("Watch/Watch", wa.WatchRequest(calls=["x"] * 1_001), "calls"),
    ("Command/Apply", co.ApplyRequest(commands=[m.Command()] * 1_001), "commands"),
]


@contextmanager
def refusal_expected() -> Iterator[list[Any]]:
    """Collect ErrorInfo and BadRequest of the refusal that must come."""
    found: list[Any] = []
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        yield found
    found.extend(details_of(caught.value))


def details_of(error: grpc.aio.AioRpcError) -> tuple[ErrorInfo, BadRequest]:
    status = rpc_status.from_call(error)
    assert status is not None, error
    info, request = ErrorInfo(), BadRequest()
    for detail in status.details:
        for message in (info, request):
            if detail.Is(message.DESCRIPTOR):
                detail.Unpack(message)
    return info, request


async def test_malformed_values_are_refused_with_the_field() -> None:
    async with running() as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        for short, request, field in MALFORMED:
            sequence, state = server.shell.engine.sequence, server.shell.engine.state_hash()
            with refusal_expected() as found:
                await ask(channel, short, request)
            info, bad = found
            assert info.reason in ("INVALID_COMMAND", "INVALID_QUERY", "INVALID_CONFIG"), (short, request)
            assert info.domain == "router.v1"
            assert bad.field_violations, (short, field)
            assert bad.field_violations[0].field.startswith(field), (short, bad.field_violations[0])
            assert ";" in bad.field_violations[0].description, "what would be right"
            assert (server.shell.engine.sequence, server.shell.engine.state_hash()) == (sequence, state)


async def test_malformed_commands_in_a_batch_are_results(server: RouterServer) -> None:
    rows = [
        (short, request, field)
        for short, request, field in MALFORMED
        if "client_id" in request.DESCRIPTOR.fields_by_name
    ]
    commands, fields = [], []
    for _, request, field in rows:
        name = request.DESCRIPTOR.fields[2].name
        if name not in ("toml", "commands"):
            commands.append(m.Command(**{name: getattr(request, name)} if request.HasField(name) else {}))
            fields.append(field)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        response = await ask(channel, "Command/Apply", co.ApplyRequest(commands=commands))
    assert len(response.results) == len(commands) > 50
    for index, (result, field) in enumerate(zip(response.results, fields, strict=True)):
        assert result.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0], (field, result)
        bad = BadRequest()
        assert any(detail.Unpack(bad) for detail in result.error.details if detail.Is(BadRequest.DESCRIPTOR))
        path = f"commands[{index}].{field}"
        assert bad.field_violations[0].field.startswith(path) or not commands[index].WhichOneof("command")
    assert server.shell.engine.sequence == 1


async def test_messages_over_the_limit_are_refused() -> None:
    small = CONFIG.replace("[engine]", "message_bytes_max = 65536\n[engine]")
    async with running(small) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError, match="larger than max"):
            await ask(channel, "Call/GetCall", ca.GetCallRequest(call="x" * 70_000))
        async with client_of(server) as client:
            assert (await client.apply(c.SignIn("ada"))).result.sequence == 2


async def test_bytes_that_are_no_message_are_refused(server: RouterServer) -> None:
    rubbish = [
        b"\xff" * 40,
        b"\x0a\xff\xff\xff\xff\x0f",
        b"\x0a\x02\xc3\x28\x12\x02\xc3\x28",
        b"\x0b" * 300,
        bytes(range(256)),
    ]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        for content in rubbish:
            with refusal_expected() as found:
                await channel.unary_unary("/router.v1.CallService/GetCall")(content)
            assert found[0].reason == "INVALID_QUERY"
            stream = channel.stream_stream("/router.v1.CommandService/Apply")()
            await stream.write(content)
            await stream.done_writing()
            with refusal_expected() as found:
                while await stream.read() is not grpc.aio.EOF:
                    pass
            assert found[0].reason == "INVALID_QUERY"


async def test_unknown_methods_are_unimplemented(server: RouterServer) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        for path in ("/router.v1.CallService/Nothing", "/router.v2.CallService/GetCall", "/x/y"):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary(path)(b"")
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


# --- any message at all

TEXTS = st.one_of(
    st.sampled_from(["", "ada", "c1", "loans", "cards", "general", "voice", "chat", "x" * 255, "x" * 10_000, "a\x00"]),
    st.text(max_size=20),
)
INT32 = st.one_of(st.integers(-2, 12), st.integers(-(2**31), 2**31 - 1))
INT64 = st.one_of(st.integers(-2, 12), st.integers(-(2**63), 2**63 - 1))
SCALARS = {
    FieldDescriptor.CPPTYPE_STRING: TEXTS,
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_INT32: INT32,
    FieldDescriptor.CPPTYPE_INT64: INT64,
    FieldDescriptor.CPPTYPE_ENUM: INT32,
}


@st.composite
def messages(draw: Any, message_type: type[Message], depth: int = 6) -> Message:
    """Any message of a type: each field there or not, valid or not."""
    message = message_type()
    for field in message_type.DESCRIPTOR.fields:
        if depth == 0 or not draw(st.integers(0, 3)):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for _ in range(draw(st.integers(0, 3))):
                key = draw(TEXTS)
                getattr(message, field.name)[key] = draw(SCALARS[field.message_type.fields[1].cpp_type])
        elif field.is_repeated:
            for _ in range(draw(st.integers(0, 3))):
                part = draw(value_of(field, depth))
                getattr(message, field.name).append(part)
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(draw(value_of(field, depth)))
        else:
            setattr(message, field.name, draw(value_of(field, depth)))
    return message


def value_of(field: Any, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return messages(GetMessageClass(field.message_type), depth - 1)
    return SCALARS[field.cpp_type]


@st.composite
def contents(draw: Any, short: str) -> bytes:
    """A message's bytes, sometimes damaged; or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    content = bytearray(draw(messages(GetMessageClass(method_of(short).input_type))).SerializeToString())
    if content and draw(st.integers(0, 3)) == 0:
        for _ in range(draw(st.integers(1, 4))):
            content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content)


ANY_REQUEST = st.sampled_from([*UNARY, *STREAMED]).flatmap(lambda short: st.tuples(st.just(short), contents(short)))


async def send_raw(channel: grpc.aio.Channel, short: str, content: bytes) -> None:
    """Send bytes to a method; an answer or a refusal with a reason must come."""
    path = f"/router.v1.{short.replace('/', 'Service/')}"
    try:
        async with asyncio.timeout(10):
            if short == "Command/Apply":
                stream = channel.stream_stream(path)()
                await stream.write(content)
                await stream.done_writing()
                while await stream.read() is not grpc.aio.EOF:
                    pass
            elif short == "Watch/Watch":
                watch = channel.unary_stream(path)(content)
                await watch.read()
                watch.cancel()
            else:
                await channel.unary_unary(path)(content)
    except grpc.aio.AioRpcError as error:
        info, _ = details_of(error)
        assert info.reason in REASONS
        assert info.reason not in ("INTERNAL_ERROR", "ENGINE_FAILED", "TIME_WENT_BACKWARDS"), (short, content)


async def healthy(server: RouterServer) -> None:
    """The server still serves, and the engine's state is sound."""
    server.shell.engine.audit()
    async with client_of(server) as client:
        name = f"still-{server.shell.engine.sequence}"
        assert (await client.apply(c.SignIn(name))).result.rejection is None
        assert (await client.apply(c.SignOut(name))).result.rejection is None


@pytest.fixture
def fuzzed() -> Iterator[tuple[asyncio.Runner, RouterServer, grpc.aio.Channel]]:
    """A server that lives through all examples."""
    with asyncio.Runner() as runner:
        context = running()
        server = runner.run(context.__aenter__())

        async def connect() -> grpc.aio.Channel:
            return grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")

        channel = runner.run(connect())
        yield runner, server, channel
        runner.run(healthy(server))
        runner.run(channel.close())
        runner.run(context.__aexit__(None, None, None))


def _fuzz(fuzzed: tuple[asyncio.Runner, RouterServer, grpc.aio.Channel], requests: list[tuple[str, bytes]]) -> None:
    runner, server, channel = fuzzed

    async def send_all() -> None:
        for short, content in requests:
            await send_raw(channel, short, content)
        server.shell.engine.audit()

    runner.run(send_all())


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(requests=st.lists(ANY_REQUEST, min_size=1, max_size=5))
def test_any_requests_leave_the_server_well(
    fuzzed: tuple[asyncio.Runner, RouterServer, grpc.aio.Channel], requests: list[tuple[str, bytes]]
) -> None:
    _fuzz(fuzzed, requests)


@pytest.mark.long
@settings(max_examples=20_000, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(requests=st.lists(ANY_REQUEST, min_size=1, max_size=10))
def test_any_requests_leave_the_server_well_for_long(
    fuzzed: tuple[asyncio.Runner, RouterServer, grpc.aio.Channel], requests: list[tuple[str, bytes]]
) -> None:
    _fuzz(fuzzed, requests)
