"""Unary RPCs: through the lane they end as without it, in bytes, status and access line, whatever comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from google.protobuf.message import Message

from router.engine import commands as c
from router.server.clock import Clock
from router.server.metrics import catalogue as m
from router.server.security.roles import Role
from router.server.server import RouterServer
from router.v1 import agent_service_pb2 as agents
from router.v1 import call_service_pb2 as calls
from router.wire.commands import encode_command
from tests.security.support import TOKENS, token_entry, write_access
from tests.server.support import CONFIG, running

CALLS, AGENTS = "/router.v1.CallService/", "/router.v1.AgentService/"
CONTROL = "\x07"
COUNTS = (m.COMMANDS, m.REJECTIONS, m.REFUSALS)


class Ended(NamedTuple):
    """How an RPC ended."""

    code: str
    details: str
    status: bytes
    response: bytes


def ask(kind: type[Any], command: c.Command, request_id: str = "", client_id: str = "pbx") -> bytes:
    """Return the bytes of a request."""
    part: Message = encode_command(command)
    (field,) = [field.name for field in kind.DESCRIPTOR.fields if field.message_type is part.DESCRIPTOR]
    return kind(client_id=client_id, request_id=request_id, **{field: part}).SerializeToString()  # type: ignore[no-any-return]


ENQUEUE = ask(calls.EnqueueRequest, c.Enqueue("c1", "loans", priority=3, attributes={"b": "2", "a": "1"}), "r1")
RPCS: Sequence[tuple[str, bytes]] = (
    (AGENTS + "SignIn", ask(agents.SignInRequest, c.SignIn("ada", {"loans": 5}))),
    (CALLS + "Enqueue", ENQUEUE),
    (CALLS + "Enqueue", ENQUEUE),
    (CALLS + "Enqueue", ask(calls.EnqueueRequest, c.Enqueue("c9", "loans"), "r1")),
    (CALLS + "Enqueue", ask(calls.EnqueueRequest, c.Enqueue("c1", "loans"))),
    (CALLS + "Enqueue", ask(calls.EnqueueRequest, c.Enqueue("c2", "nowhere"))),
    (CALLS + "Enqueue", ask(calls.EnqueueRequest, c.Enqueue("c2", "cards", priority=99))),
    (CALLS + "Enqueue", ask(calls.EnqueueRequest, c.Enqueue("c2", "cards"), client_id="")),
    (CALLS + "Enqueue", ask(calls.EnqueueRequest, c.Enqueue("c3", "cards"), "r2", client_id="")),
    (CALLS + "Enqueue", ask(calls.EnqueueRequest, c.Enqueue("c3", "cards"), f"r{CONTROL}")),
    (CALLS + "Enqueue", ask(calls.EnqueueRequest, c.Enqueue("c3", "cards"), client_id="x" * 256)),
    # fields in another order, a field that nobody knows, no command, text that is no text, no message at all
    (CALLS + "Enqueue", ask(calls.EnqueueRequest, c.Enqueue("c4", "cards"), client_id="") + b"\x0a\x03pbx"),
    (CALLS + "Enqueue", ask(calls.EnqueueRequest, c.Enqueue("c5", "cards")) + b"\xf8\x3f\x01"),
    (CALLS + "Enqueue", calls.EnqueueRequest(client_id="pbx").SerializeToString()),
    (CALLS + "Enqueue", b"\x0a\x02\xff\xfe"),
    (CALLS + "Enqueue", b"\xff"),
    (CALLS + "Enqueue", b""),
    (CALLS + "UpdateCall", ask(calls.UpdateCallRequest, c.UpdateCall("c2", priority=1))),
    (CALLS + "Transfer", ask(calls.TransferRequest, c.Transfer("c2", "general"))),
    (CALLS + "TurnIntoCallback", ask(calls.TurnIntoCallbackRequest, c.TurnIntoCallback("c4"))),
    (AGENTS + "SetAvailability", ask(agents.SetAvailabilityRequest, c.SetAvailability("nobody", ready=True))),
    (CALLS + "Accept", ask(calls.AcceptRequest, c.Accept(1))),
    (CALLS + "Accept", ask(calls.AcceptRequest, c.Accept(99))),
    (CALLS + "Complete", ask(calls.CompleteRequest, c.Complete("c1"), "r3")),
    (AGENTS + "EndWrapUp", ask(agents.EndWrapUpRequest, c.EndWrapUp("ada"))),
    (CALLS + "RecordOutcome", ask(calls.RecordOutcomeRequest, c.RecordOutcome("c1", True))),
    (CALLS + "Cancel", ask(calls.CancelRequest, c.Cancel("c2"), client_id="other")),
    (CALLS + "Cancel", ask(calls.CancelRequest, c.Cancel("c2"), client_id="other")),
    (AGENTS + "SignOut", ask(agents.SignOutRequest, c.SignOut("ada"))),
)


@asynccontextmanager
async def still(*, lane: bool, config: str = CONFIG) -> AsyncIterator[RouterServer]:
    """Run a server at which no time passes, with the lane or without."""
    now_ns = 10**18
    clock = Clock(wall_ns=lambda: now_ns, monotonic_ns=lambda: now_ns)
    async with running(config, clock=clock) as server:
        server.shell.lane.is_open = lane
        yield server


async def end_all(server: RouterServer, token: str = "") -> list[Ended]:
    """Send everything, one by one, and return how it ended."""
    ended = []
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        for method, request in RPCS:
            try:
                response = await channel.unary_unary(method)(request, metadata=metadata)
                ended.append(Ended("OK", "", b"", response))
            except grpc.aio.AioRpcError as error:
                status = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
                ended.append(Ended(error.code().name, error.details() or "", bytes(status), b""))
    return ended


def counted(server: RouterServer) -> list[object]:
    """Return what was counted of commands, rejections and refusals."""
    return [reading for reading in server.metrics.commands.readings() if reading.metric in COUNTS]


async def test_every_request_ends_as_without_the_lane() -> None:
    ended, states = [], []
    for lane in (True, False):
        async with still(lane=lane) as server:
            ended.append(await end_all(server))
            assert (server.shell.writer.applier.lane.numbered > 5) is lane
            states.append((server.shell.engine.state_hash(), counted(server)))
    for (method, request), with_lane, without in zip(RPCS, *ended, strict=True):
        assert with_lane == without, (method, request)
    assert states[0] == states[1]
    assert {"OK", "NOT_FOUND", "INVALID_ARGUMENT", "ALREADY_EXISTS"} <= {rpc.code for rpc in ended[0]}


@pytest.mark.parametrize("role", ["pbx", "viewer", "supervisor", ""])
async def test_who_may_not_is_refused_as_without_the_lane(role: str, tmp_path: Path) -> None:
    entries = [token_entry(name, name, TOKENS[name], 'clients = ["pbx"]' * (name == role == "pbx")) for name in Role]
    access = write_access(tmp_path / "access.toml", *entries)
    config = CONFIG.replace("[server]", f'[server]\naccess_file = "{access}"')
    ended = []
    for lane in (True, False):
        async with still(lane=lane, config=config) as server:
            ended.append(await end_all(server, TOKENS.get(role, "")))
            assert bool(server.shell.writer.applier.lane.numbered) is (lane and role not in ("viewer", ""))
    assert ended[0] == ended[1]
    codes = Counter(rpc.code for rpc in ended[0])
    if role in ("viewer", ""):
        assert set(codes) == {"PERMISSION_DENIED" if role else "UNAUTHENTICATED"}
    elif role == "pbx":
        assert codes["PERMISSION_DENIED"] == 3, "the client ids of others"
