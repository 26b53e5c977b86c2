"""Who did it: in the journal for every command, in the log for those that people answer for."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from router.client import RouterClient
from router.engine import commands as c
from router.engine.events import AgentSignedIn
from router.journal import Change, SessionChange
from router.server.security.audit import Audit
from router.server.writing.work import Happening
from tests.security.support import TOKENS, caller, guarded, token_entry, write_access
from tests.server.support import CONFIG, running


class Actors:
    """Who did each command, as an observer hears it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def observe(self, happening: Happening) -> None:
        if happening.command is not None:
            self.seen.append((type(happening.command).__name__, happening.actor))


async def test_every_command_has_its_actor(tmp_path: Path) -> None:
    async with (
        guarded(tmp_path) as server,
        caller(server, TOKENS["pbx"]) as pbx,
        caller(server, TOKENS["admin"]) as admin,
    ):
        actors = Actors()
        server.shell.observers.append(actors)
        # observers hear nothing of what goes through the lane
        server.shell.lane.is_open = False
        await pbx.apply(c.SignIn("ada"))
        async with pbx.stream() as stream:
            await stream.apply([c.Enqueue("c1", "general"), c.SignOut("ada")])
        await admin.apply_config(CONFIG + "\n[queues.more]\n")
        path = tmp_path / "router.toml"
        path.write_text(CONFIG)
        await server.shell.configs.reload(path)
        seen = [entry for entry in actors.seen if entry[0] != "Advance"]
        assert seen == [
            ("SignIn", "pbx"),
            ("Enqueue", "pbx"),
            ("SignOut", "pbx"),
            ("Configure", "admin"),
            ("Configure", "file"),
        ]


async def test_a_stream_that_is_open_follows_a_change_of_name(tmp_path: Path) -> None:
    async with guarded(tmp_path) as server, caller(server, TOKENS["pbx"]) as pbx, pbx.stream() as stream:
        actors = Actors()
        server.shell.observers.append(actors)
        await stream.apply([c.SignIn("ada")])
        write_access(tmp_path / "access.toml", token_entry("pbx-2", "pbx", TOKENS["pbx"]))
        await server.security.reload()
        await stream.apply([c.SignOut("ada")])
        assert actors.seen == [("SignIn", "pbx"), ("SignOut", "pbx-2")]


async def test_without_an_access_file_the_actor_is_local() -> None:
    async with running() as server, caller(server) as client:
        actors = Actors()
        server.shell.observers.append(actors)
        await client.apply(c.SignIn("ada"))
        assert actors.seen == [("SignIn", "local")]


def audit_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """List the audit's lines as machines see them."""
    return [record.__dict__ for record in caplog.records if record.__dict__.get("event") == "audit"]


async def test_what_people_answer_for_is_a_line_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with guarded(tmp_path) as server, caller(server, TOKENS["admin"], client_id="desk") as client:
        await do_all(client)
    lines = audit_of(caplog)
    assert [line["change"] for line in lines] == ["assign", "pause", "pause", "resume", "config"]
    assert [line["outcome"] for line in lines] == ["done", "done", "rejected: QUEUE_ALREADY_PAUSED", "done", "done"]
    assert {line["actor"] for line in lines} == {"admin"}
    assert {line["client_id"] for line in lines} == {"desk"}
    assert lines[0]["message"] == "call c1 assigned to ada by admin (done)"
    assert (lines[0]["call"], lines[0]["agent"]) == ("c1", "ada")
    sequences = [line["sequence"] for line in lines]
    assert sequences == sorted(set(sequences))
    assert len(lines[-1]["etag"]) == 32


async def do_all(client: RouterClient) -> None:
    """Do each thing that people answer for, one of them twice, and some that they do not."""
    await client.apply(c.SignIn("ada", ready=False))
    await client.apply(c.Enqueue("c1", "general"))
    await client.apply(c.Assign("c1", "ada"))
    await client.apply(c.PauseQueue("loans"))
    with pytest.raises(Exception, match="QUEUE_ALREADY_PAUSED"):
        await client.apply(c.PauseQueue("loans"))
    await client.apply(c.ResumeQueue("loans"))
    await client.apply_config(CONFIG + "\n[queues.more]\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Change.BEGAN, None),
        (Change.LOST, "the session of pbx-1 lost by server (done)"),
        (Change.RECONCILED, "the session of pbx-1 taken up again by server (done)"),
        (Change.ENDED, "the session of pbx-1 ended by server (done)"),
        (Change.GIVEN_UP, "the session of pbx-1 given up by server (done)"),
    ],
)
def test_what_becomes_of_sessions(change: Change, said: str | None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    note = SessionChange("pbx-1", change)
    Audit().observe(Happening(7, 1, (), "pbx-1", note, c.Advance(), "server"))
    assert [line["message"] for line in audit_of(caplog)] == ([] if said is None else [said])


def test_what_nobody_answers_for_is_no_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Audit().observe(Happening(7, 1, (AgentSignedIn,), "pbx-1", None, c.SignIn("ada"), "pbx"))  # type: ignore[arg-type]
    assert caplog.records == []
