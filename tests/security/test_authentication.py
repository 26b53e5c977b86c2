"""Who is let in, over real connections; and that streams end when their caller may not have them any more."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from router.client import RouterClient, RouterError
from router.config import ConfigError
from router.engine import commands as c
from router.server.run import reload_files
from router.server.security import Principal, Role
from router.server.security.access import Access, TokenEntry, digest_of
from router.server.server import RouterServer
from tests.security.support import (
    TOKENS,
    Authority,
    caller,
    config_with,
    guarded,
    token_entry,
    write_access,
)
from tests.server.scripted_journal import ScriptedJournal
from tests.server.support import Seen, durable, raw_unary, refused, running

PBX = TOKENS["pbx"]
WATCH = "/router.v1.WatchService/Watch"


async def test_who_has_a_token_is_let_in(tmp_path: Path) -> None:
    async with guarded(tmp_path) as server, caller(server, PBX) as client:
        assert (await client.apply(c.SignIn("ada"))).result.rejection is None
        async with client.stream() as stream:
            (reply,) = await stream.apply([c.SignOut("ada")])
        assert not isinstance(reply, RouterError)


@pytest.mark.parametrize("token", ["", "wrong", PBX + "x", PBX[:-1], PBX.upper()])
async def test_who_has_none_or_a_wrong_one_is_not(tmp_path: Path, token: str) -> None:
    async with guarded(tmp_path) as server, caller(server, token) as client:
        errors = [await refused(client.apply(c.SignIn("ada"))), await refused(client.queues())]
        seen = await Seen(client.watch()).begun()
        assert seen.error is not None
        async with client.stream() as stream:
            errors += [seen.error, await refused(stream.apply([c.SignIn("ada")]))]
        for error in errors:
            assert (error.reason, error.code) == ("UNAUTHENTICATED", grpc.StatusCode.UNAUTHENTICATED)
            assert "token or client certificate that is known here is wanted" in error.message
        # the same words whatever was wrong
        assert len({error.message for error in errors}) == 1
        assert server.shell.engine.agents() == []


@pytest.mark.parametrize(
    "metadata",
    [
        [("authorization", PBX)],
        [("authorization", f"Basic {PBX}")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", f"Bearer  {PBX}")],
        [("authorization", f"Bearer {PBX}"), ("authorization", f"Bearer {PBX}")],
        [("authorization", f"Bearer {PBX}, Bearer {PBX}")],
        [("token", PBX)],
        [("authorization-bin", f"Bearer {PBX}".encode())],
    ],
)
async def test_a_token_counts_in_its_one_place_only(tmp_path: Path, metadata: list[tuple[str, Any]]) -> None:
    async with guarded(tmp_path) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = raw_unary(channel, "/router.v1.AdministrationService/ListQueues")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"", metadata=metadata)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        await call(b"", metadata=[("authorization", f"bearer {PBX}")])


async def test_health_is_for_everybody_and_reflection_is_not(tmp_path: Path) -> None:
    async with guarded(tmp_path) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
        reflection = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await reflection().read()
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        asked = reflection(metadata=[("authorization", f"Bearer {TOKENS['viewer']}")])
        await asked.write(b":\x00")  # list_services = ""
        assert b"router.v1.CallService" in await asked.read()
        asked.cancel()


async def test_an_rpc_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    async with guarded(tmp_path) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await raw_unary(channel, "/router.v1.CallService/Nothing")(b"")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_without_an_access_file_everybody_on_this_machine_is_admin() -> None:
    async with running() as server, caller(server, "whatever") as client:
        await client.apply(c.PauseQueue("loans"))


# --- certificates


CERTIFICATES = (
    '[[certificate]]\nname = "pbx-1"\nrole = "pbx"\ncommon_name = "pbx-1"\n',
    '[[certificate]]\nname = "board"\nrole = "viewer"\nsan = "board.example.com"\n',
    token_entry("admin", "admin", TOKENS["admin"]),
)


async def reason(client: RouterClient, command: c.Command) -> str:
    """Return why a command was refused, "" if it was not."""
    try:
        await client.apply(command)
    except RouterError as error:
        return error.reason
    return ""


@pytest.mark.parametrize(
    ("names", "common_name", "token", "expected"),
    [
        (["x.example.com"], "pbx-1", "", "UNKNOWN_AGENT"),
        (["a.example.com", "board.example.com"], None, "", "PERMISSION_DENIED"),
        (["pbx-1"], None, "", "UNAUTHENTICATED"),
        (["x.example.com"], "board.example.com", "", "UNAUTHENTICATED"),
        (["board.example.com"], "pbx-1", "", "UNAUTHENTICATED"),
        (["x.example.com"], "stranger", "", "UNAUTHENTICATED"),
        (["x.example.com"], "stranger", TOKENS["admin"], "UNKNOWN_AGENT"),
        (["x.example.com"], "pbx-1", "wrong", "UNAUTHENTICATED"),
    ],
    ids=[
        "common name",
        "alternative name",
        "name in the wrong place",
        "the other way",
        "two",
        "none",
        "token",
        "wrong",
    ],
)
async def test_certificates_are_principals(
    tmp_path: Path, authority: Authority, names: list[str], common_name: str | None, token: str, expected: str
) -> None:
    certificate, key = authority.write_pair()
    settings = {"tls_certificate": certificate, "tls_key": key, "tls_client_ca": authority.write()}
    shown = dict(zip(("certificate", "key"), authority.issue(*names, common_name=common_name), strict=True))
    async with (
        guarded(tmp_path, *CERTIFICATES, **settings) as server,
        caller(server, token, root_certificates=authority.pem, **shown) as client,
    ):
        assert await reason(client, c.SignOut("ada")) == expected


# --- changes while the server runs


async def change(server: RouterServer, path: Path, *entries: str) -> None:
    write_access(path / "access.toml", *entries)
    await server.security.reload()


async def test_a_new_file_is_in_force_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with guarded(tmp_path) as server, caller(server, PBX) as client, caller(server, "skr_new") as newcomer:
        await client.apply(c.SignIn("ada"))
        await change(server, tmp_path, token_entry("new", "admin", "skr_new"))
        assert await reason(client, c.SignOut("ada")) == "UNAUTHENTICATED"
        assert await reason(newcomer, c.SignOut("ada")) == ""
        assert "access.toml is in force, with 1 entries" in caplog.text


@pytest.mark.parametrize("content", ["", "nonsense", '[[token]]\nname = "a"\n', "\xff"])
async def test_a_new_file_that_is_not_valid_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    async with guarded(tmp_path) as server, caller(server, PBX) as client:
        (tmp_path / "access.toml").write_bytes(content.encode("latin-1"))
        await server.security.reload()
        assert "the old access file stays in force" in caplog.text
        assert "access.toml" in caplog.text
        await client.apply(c.SignIn("ada"))


async def test_a_missing_file_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with guarded(tmp_path) as server, caller(server, PBX) as client:
        (tmp_path / "access.toml").unlink()
        await server.security.reload()
        assert "there is no such file" in caplog.text
        await client.apply(c.SignIn("ada"))


async def test_streams_of_whoever_is_out_end_and_say_why(tmp_path: Path) -> None:
    async with guarded(tmp_path) as server, caller(server, PBX) as client, caller(server, TOKENS["viewer"]) as viewer:
        gone, stays = await Seen(client.watch()).begun(), await Seen(viewer.watch()).begun()
        async with client.stream() as stream:
            await stream.apply([c.SignIn("ada")])
            await change(server, tmp_path, token_entry("viewer", "viewer", TOKENS["viewer"]))
            await gone.until(lambda seen: seen.error)
            assert gone.error is not None
            assert gone.error.reason == "UNAUTHENTICATED"
            assert (await refused(stream.apply([c.SignOut("ada")]))).reason == "UNAUTHENTICATED"
        assert stays.error is None
        assert len(server.shell.hub) == 1
        await stays.end()


async def test_streams_follow_a_change_of_role(tmp_path: Path) -> None:
    async with guarded(tmp_path) as server, caller(server, PBX) as client:
        watch = await Seen(client.watch()).begun()
        async with client.stream() as stream:
            (enqueued,) = await stream.apply([c.Enqueue("c1", "loans")])
            assert not isinstance(enqueued, RouterError)
            await change(server, tmp_path, token_entry("pbx", "supervisor", PBX))
            outcomes = await stream.apply([c.Enqueue("c2", "loans"), c.PauseQueue("loans")])
            assert isinstance(outcomes[0], RouterError)
            assert outcomes[0].reason == "PERMISSION_DENIED"
            assert not isinstance(outcomes[1], RouterError)
            await change(server, tmp_path, token_entry("pbx", "viewer", PBX))
            assert (await refused(stream.apply([c.SignIn("ada")]))).reason == "PERMISSION_DENIED"
        assert watch.error is None, "a viewer may watch"
        await watch.end()


async def test_streams_end_when_their_token_does(tmp_path: Path) -> None:
    async with guarded(tmp_path) as server, caller(server, PBX) as client:
        watch = await Seen(client.watch()).begun()
        ending = TokenEntry(Principal("brief", Role.PBX), digest_of(PBX), time.time() + 0.2)
        server.security.layer.put_in_force(Access((ending,)))
        await watch.until(lambda seen: seen.error)
        assert watch.error is not None
        assert watch.error.reason == "UNAUTHENTICATED"
        assert await reason(client, c.SignOut("ada")) == "UNAUTHENTICATED"


async def test_a_token_that_has_ended_is_worth_nothing(tmp_path: Path) -> None:
    entry = token_entry("old", "pbx", PBX, "not_after = 2020-01-01T00:00:00Z")
    async with guarded(tmp_path, entry) as server, caller(server, PBX) as client:
        assert await reason(client, c.SignIn("ada")) == "UNAUTHENTICATED"


async def test_no_stream_is_remembered_when_it_is_over(tmp_path: Path) -> None:
    async with guarded(tmp_path) as server, caller(server, PBX) as client:
        for _ in range(3):
            await (await Seen(client.watch()).begun()).end()
            async with client.stream() as stream:
                await stream.apply([c.SignIn("ada"), c.SignOut("ada")])
        watch = await Seen(client.watch()).begun()
        async with asyncio.timeout(10):
            while len(server.security.layer._streams) > 1:
                await asyncio.sleep(0.01)
        assert len(server.security.layer._streams) == 1
        await watch.end()


# --- what is said of it


async def test_refusals_are_logged_with_the_address_and_without_the_token(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarded(tmp_path) as server:
        async with caller(server, "skr_a-wrong-one") as client:
            for _ in range(20):
                await refused(client.apply(c.SignIn("ada")))
        async with caller(server, TOKENS["viewer"]) as client:
            await refused(client.apply(c.SignIn("ada")))
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("security.refusals")]
    assert lines == [
        "refused /router.v1.AgentService/SignIn to 127.0.0.1: it showed no credentials that are known",
        "refused /router.v1.AgentService/SignIn to 127.0.0.1: SignIn is for pbx, supervisor or admin, viewer is viewer",
    ]
    assert "skr_" not in caplog.text


async def test_an_access_file_that_is_not_valid_keeps_the_server_from_starting(tmp_path: Path) -> None:
    path = tmp_path / "access.toml"
    path.write_text("[[token]]\n")
    with pytest.raises(ConfigError, match="name is missing"):
        async with running(config_with(access_file=path)):
            pass


async def test_an_empty_or_open_access_file_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with guarded(tmp_path, "# nobody") as server:
        (tmp_path / "access.toml").chmod(0o666)
        server.security.warn()
    assert "has no entry: nobody may do anything" in caplog.text
    assert "can be changed by others" in caplog.text


async def test_a_token_is_revoked_although_the_disk_does_not_answer(tmp_path: Path) -> None:
    access = write_access(tmp_path / "access.toml")
    config = config_with(access_file=str(access))
    journal = ScriptedJournal()
    async with durable(journal, config) as server, caller(server, TOKENS["pbx"], timeout_s=0.2) as client:
        journal.open.clear()
        path = tmp_path / "router.toml"
        path.write_text(config + "[queues.more]\n")
        write_access(access, token_entry("new", "admin", "skr_new"))
        reloading = asyncio.create_task(reload_files(server, path))
        async with asyncio.timeout(10):
            while (await refused(client.apply(c.SignIn("ada")))).reason != "UNAUTHENTICATED":
                pass
        assert not reloading.done(), "the config waits for the disk"
        journal.open.set()
        await reloading
        assert "more" in server.shell.engine.settings.queues
