"""Each role and each RPC, over a real connection: who is in the table's row is let through, and nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.message_factory import GetMessageClass

from router.client import RouterError
from router.client.errors import error_of_rpc
from router.engine import commands as c
from router.server.errors import REASONS
from router.server.security.roles import COMMANDS, RPCS, Role
from router.v1 import command_service_pb2, commands_pb2
from router.wire.commands import WIRE_COMMANDS
from tests.security.support import TOKENS, caller, guarded, token_entry
from tests.server.support import refused

OURS = sorted(path for path in RPCS if path.startswith("/router.v1."))
BOUND = token_entry("pbx-1", "admin", "skr_1", 'clients = ["pbx-1"]')
FREE = token_entry("free", "admin", "skr_2")


def method_of(path: str) -> Any:
    service, _, name = path[1:].rpartition("/")
    return descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]


async def ask(channel: grpc.aio.Channel, path: str, token: str, request: bytes = b"") -> str:
    """Send one request and return the reason of the refusal, "" if there was none."""
    method = method_of(path)
    metadata = [("authorization", f"Bearer {token}")]
    call: Any
    try:
        if method.client_streaming:
            call = channel.stream_stream(path)(metadata=metadata, timeout=5)
            await call.write(request)
            await call.done_writing()
            await call.read()
        elif method.server_streaming:
            call = channel.unary_stream(path)(request, metadata=metadata, timeout=5)
            await call.read()
            call.cancel()
            return ""
        else:
            await channel.unary_unary(path)(request, metadata=metadata, timeout=5)
            return ""
        return "" if await call.code() is grpc.StatusCode.OK else error_of_rpc(await failed(call)).reason
    except grpc.aio.AioRpcError as error:
        # a refusal that is no google.rpc.Status would have the code's name, with a reason unknown to the contract
        reason = error_of_rpc(error).reason
        if reason not in REASONS:
            raise
        return reason


async def failed(call: Any) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(
        await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
    )


@pytest.mark.parametrize("role", Role)
async def test_each_role_may_call_what_the_table_says_and_nothing_else(tmp_path: Path, role: Role) -> None:
    """An empty request is refused for other reasons, or does nothing; for the role only where the role is wrong."""
    async with guarded(tmp_path) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        denied = {path for path in OURS if await ask(channel, path, TOKENS[role]) == "PERMISSION_DENIED"}
        assert denied == {path for path in OURS if role not in RPCS[path]}


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.VIEWER])
async def test_each_role_may_send_in_a_batch_what_it_may_send_alone(tmp_path: Path, role: Role) -> None:
    fields = list(COMMANDS)
    commands = []
    for field in fields:
        command = commands_pb2.Command()
        getattr(command, field).SetInParent()
        commands.append(command)
    async with guarded(tmp_path) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        path = "/router.v1.CommandService/Apply"
        answer = GetMessageClass(method_of(path).output_type).FromString
        call = channel.stream_stream(path, None, answer)(metadata=[("authorization", f"Bearer {TOKENS[role]}")])
        await call.write(command_service_pb2.ApplyRequest(commands=commands).SerializeToString())
        response: Any = await call.read()
        denied = {
            field
            for field, result in zip(fields, response.results, strict=True)
            if result.error.code == grpc.StatusCode.PERMISSION_DENIED.value[0]
        }
        assert denied == {field for field, roles in COMMANDS.items() if role not in roles}
        await call.write(command_service_pb2.ApplyRequest(commands=commands[:1]).SerializeToString())
        assert len((await call.read()).results) == 1, "the stream goes on"
        call.cancel()


def test_the_batch_has_every_command_that_can_be_sent() -> None:
    assert len(COMMANDS) == len(WIRE_COMMANDS)


async def test_what_is_denied_leaves_no_trace_and_says_why(tmp_path: Path) -> None:
    async with guarded(tmp_path) as server, caller(server, TOKENS["pbx"], client_id="pbx") as client:
        sequence = server.shell.engine.sequence
        error = await refused(client.apply(c.PauseQueue("loans"), request_id="r1"))
        assert (error.reason, error.code) == ("PERMISSION_DENIED", REASONS["PERMISSION_DENIED"].code)
        assert error.message == "this is not allowed: PauseQueue is for supervisor or admin, pbx is pbx"
        async with client.stream() as stream:
            (outcome,) = await stream.apply([c.PauseQueue("loans")], ["r1"])
        assert isinstance(outcome, RouterError)
        assert "pause_queue is for supervisor or admin" in outcome.message
        assert server.shell.engine.sequence == sequence
        # the request id is not used up
        await client.apply(c.SignIn("ada"), request_id="r1")


# --- client ids


NAMES_CLIENT = [path for path in OURS if "client_id" in method_of(path).input_type.fields_by_name]


def test_there_are_requests_that_name_their_client() -> None:
    assert {"/router.v1.CallService/Enqueue", "/router.v1.SessionService/Reconcile"} <= set(NAMES_CLIENT)
    assert "/router.v1.CommandService/Apply" in NAMES_CLIENT


async def test_nobody_acts_under_the_client_id_of_another(tmp_path: Path) -> None:
    async with (
        guarded(tmp_path, BOUND, FREE) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        for path in NAMES_CLIENT:
            make = GetMessageClass(method_of(path).input_type)

            async def outcome(token: str, client_id: str, path: str = path, make: Any = make) -> str:
                return await ask(channel, path, token, make(client_id=client_id).SerializeToString())

            assert await outcome("skr_1", "pbx-2") == "PERMISSION_DENIED", path
            assert await outcome("skr_2", "pbx-1") == "PERMISSION_DENIED", path
            assert await outcome("skr_1", "pbx-1") != "PERMISSION_DENIED", path
            assert await outcome("skr_1", "") != "PERMISSION_DENIED", path
            assert await outcome("skr_2", "pbx-2") != "PERMISSION_DENIED", path


async def test_the_memory_of_one_client_is_not_anothers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with (
        guarded(tmp_path, BOUND, FREE) as server,
        caller(server, "skr_1", client_id="pbx-1") as owner,
        caller(server, "skr_2", client_id="pbx-1") as thief,
    ):
        await owner.apply(c.Enqueue("c1", "loans"), request_id="r1")
        error = await refused(thief.apply(c.Enqueue("c1", "loans"), request_id="r1"))
        assert error.reason == "PERMISSION_DENIED"
        assert error.message == "this is not allowed: free may not use the client_id pbx-1"
        async with thief.stream() as stream:
            assert (await refused(stream.apply([c.Enqueue("c1", "loans")], ["r1"]))).reason == "PERMISSION_DENIED"
        assert (await owner.apply(c.Enqueue("c1", "loans"), request_id="r1")).result.repeated
    said = "refused /router.v1.CallService/Enqueue to 127.0.0.1: free may not use the client_id pbx-1"
    assert [record.getMessage() for record in caplog.records if record.__dict__.get("event") == "refused"] == [said]
