"""The table of errors is complete, every reason can be met over a real connection, and every one is documented."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import grpc
import pytest

from router.client import RouterClient, RouterError
from router.engine import InvariantViolated
from router.engine import commands as c
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.vocabulary import RejectReason
from router.server.clock import Clock
from router.server.errors import DOMAIN, REASONS, Refusal, Violation, printable
from router.server.security.access import Access, parse_access
from router.server.server import RouterServer
from router.server.writing.requests import Submission
from router.v1 import errors_pb2
from tests.security.support import token_entry
from tests.server.support import CONFIG, Seen, client_of, refused, running

ADA = c.SignIn("ada", {"loans": 9})
BOB = c.SignIn("bob", {"cards": 9})
LOAN = c.Enqueue("c1", "loans")
CARD = c.Enqueue("c1", "cards")
SERVED = [BOB, CARD, c.Complete("c1")]
SMALL = CONFIG.replace("[engine]", "[engine]\nagents_max = 1\ncalls_max = 1\nrequirements_max = 3")
OWN = Requirement((Step((SkillTerm("rare"),)),))

# reason -> what comes before, and the command that is rejected for it
REJECTED: dict[str, tuple[list[c.Command], c.Command]] = {
    "UNKNOWN_AGENT": ([], c.SignOut("nobody")),
    "UNKNOWN_CALL": ([], c.Complete("nothing")),
    "UNKNOWN_OFFER": ([], c.Accept(1)),
    "UNKNOWN_QUEUE": ([], c.Enqueue("c1", "nowhere")),
    "UNKNOWN_CHANNEL": ([], c.Enqueue("c1", "loans", "telex")),
    "ALREADY_SIGNED_IN": ([ADA], ADA),
    "AGENT_SIGNED_OUT": ([ADA, c.SignOut("ada")], c.SignOut("ada")),
    "CAPACITY_IN_USE": (
        [c.SignIn("ada", {"cards": 1}, {"chat": 2}), *(c.Enqueue(f"c{n}", "cards", "chat") for n in range(2))],
        c.UpdateAgent("ada", capacity={"chat": 1}),
    ),
    "TOO_MANY_AGENTS": ([ADA], BOB),
    "DUPLICATE_CALL": ([LOAN], LOAN),
    "TOO_MANY_CALLS": ([LOAN], c.Enqueue("c2", "loans")),
    "TOO_MANY_REQUIREMENTS": ([], c.Enqueue("c1", "loans", requirement=OWN)),
    "CALL_FINISHED": (SERVED, c.Complete("c1")),
    "CALL_WAITING": ([LOAN], c.Requeue("c1")),
    "CALL_ASSIGNED": ([BOB, CARD], c.Cancel("c1")),
    "CALL_NOT_ASSIGNED": ([LOAN], c.Complete("c1")),
    "CALL_NOT_COMPLETED": ([LOAN], c.RecordOutcome("c1", resolved=True)),
    "ALREADY_CALLBACK": ([LOAN, c.TurnIntoCallback("c1")], c.TurnIntoCallback("c1")),
    "OFFER_ENDED": ([ADA, LOAN, c.Accept(1)], c.Accept(1)),
    "NO_CAPACITY": ([BOB, CARD, c.Enqueue("c2", "cards")], c.Assign("c2", "bob")),
    "NOT_IN_WRAP_UP": ([ADA], c.EndWrapUp("ada")),
    "OUTCOME_ALREADY_RECORDED": ([*SERVED, c.RecordOutcome("c1", resolved=True)], c.RecordOutcome("c1", resolved=True)),
    "OUTCOME_MISMATCH": ([*SERVED, ADA], c.RecordOutcome("c1", resolved=True, agent="ada")),
    "QUEUE_ALREADY_PAUSED": ([c.PauseQueue("loans")], c.PauseQueue("loans")),
    "QUEUE_NOT_PAUSED": ([], c.ResumeQueue("loans")),
}


@pytest.mark.parametrize("reason", REJECTED)
async def test_rejections_reach_the_client(reason: str) -> None:
    before, command = REJECTED[reason]
    async with running(SMALL if reason.startswith("TOO_MANY") else CONFIG) as server, client_of(server) as client:
        for earlier in before:
            await client.apply(earlier)
        error = await refused(client.apply(command))
        assert error.reason == reason
        assert error.code is REASONS[reason].code
        assert error.sequence == server.shell.engine.sequence
        assert error.subject
        assert error.subject in error.message
        async with client.stream() as stream:
            (outcome,) = await stream.apply([command])
        assert isinstance(outcome, RouterError)
        assert (outcome.reason, outcome.code, outcome.subject) == (reason, error.code, error.subject)


async def queue_has_calls(server: RouterServer, client: RouterClient) -> RouterError:
    await client.apply(LOAN)
    without = re.sub(r"\[queues\.loans\].*?\n\n", "", CONFIG, flags=re.S)
    return await refused(client.apply_config(without))


async def channel_in_use(server: RouterServer, client: RouterClient) -> RouterError:
    await client.apply(LOAN)
    changed = CONFIG.replace("[channels.voice]\nexclusive = true", "[channels.voice]\nexclusive = false")
    return await refused(client.apply_config(changed))


async def invalid_command(server: RouterServer, client: RouterClient) -> RouterError:
    return await refused(client.apply(c.Enqueue("c1", "loans", priority=10)))


async def invalid_query(server: RouterServer, client: RouterClient) -> RouterError:
    return await refused(client.call(""))


async def request_id_reused(server: RouterServer, client: RouterClient) -> RouterError:
    async with client_of(server, client_id="pbx") as named:
        await named.apply(ADA, request_id="r1")
        return await refused(named.apply(BOB, request_id="r1"))


async def invalid_config(server: RouterServer, client: RouterClient) -> RouterError:
    return await refused(client.apply_config(CONFIG + "\n[queues.more]\ntaget = 3\n"))


async def etag_mismatch(server: RouterServer, client: RouterClient) -> RouterError:
    return await refused(client.apply_config(CONFIG, expected_etag="stale"))


async def history_gone(server: RouterServer, client: RouterClient) -> RouterError:
    seen = await Seen(client.watch(after_sequence=10_000)).begun()
    assert seen.error is not None
    return seen.error


async def watcher_too_slow(server: RouterServer, client: RouterClient) -> RouterError:
    moments = client.watch(resume=False)
    await anext(moments)
    server.shell.hub.buffer_events = 2
    for watcher in server.shell.hub._watchers:
        watcher._lag_max = 2
    async with client.stream() as stream:
        await stream.apply([c.Enqueue(f"c{number}", "loans") for number in range(100)])
    with pytest.raises(RouterError) as caught:
        async for _ in moments:
            pass
    return caught.value


async def overloaded(server: RouterServer, client: RouterClient) -> RouterError:
    server.shell.writer.pending_max = 3
    async with client.stream() as stream:
        results = await stream.apply([ADA] * 4)
        assert all(isinstance(result, RouterError) and result.retry_after_us for result in results)
        (after,) = await stream.apply([ADA])
    assert not isinstance(after, RouterError), "the stream goes on"
    assert isinstance(results[0], RouterError)
    return results[0]


async def unauthenticated(server: RouterServer, client: RouterClient) -> RouterError:
    server.security.layer.put_in_force(Access())
    return await refused(client.apply(ADA))


async def permission_denied(server: RouterServer, client: RouterClient) -> RouterError:
    server.security.layer.put_in_force(parse_access(token_entry("board", "viewer", "skr_board"), "access.toml"))
    async with client_of(server, token="skr_board") as viewer:
        return await refused(viewer.apply(ADA))


async def shutting_down(server: RouterServer, client: RouterClient) -> RouterError:
    server.shell.writer.stop()
    return await refused(client.apply(ADA))


async def time_went_backwards(server: RouterServer, client: RouterClient) -> RouterError:
    await client.apply(ADA)
    server.shell.writer.applier.clock = Clock(wall_ns=lambda: 0, monotonic_ns=lambda: 0)
    return await refused(client.apply(BOB))


async def engine_failed(server: RouterServer, client: RouterClient) -> RouterError:
    class Broken:
        sequence = 7
        time_us = 1

        def next_deadline(self) -> None:
            return None

        def apply(self, command: object, time_us: int) -> None:
            raise InvariantViolated("on purpose")

    await client.apply(ADA)
    server.shell.writer.applier.engine = Broken()  # type: ignore[assignment]
    first = await refused(client.apply(BOB))
    assert first.reason == "ENGINE_FAILED"
    assert server.failed
    assert server.ended.is_set()
    return await refused(client.apply(BOB))


async def internal_error(server: RouterServer, client: RouterClient) -> RouterError:
    server.shell.agents.page = None  # type: ignore[assignment,method-assign]
    with pytest.raises(RouterError) as caught:
        async for _ in client.agents():
            pass
    await client.apply(ADA)
    return caught.value


Scenario = Callable[[RouterServer, RouterClient], Coroutine[Any, Any, RouterError]]
REFUSED: dict[str, Scenario] = {
    scenario.__name__.upper(): scenario
    for scenario in (
        queue_has_calls,
        channel_in_use,
        invalid_command,
        invalid_query,
        request_id_reused,
        invalid_config,
        etag_mismatch,
        history_gone,
        watcher_too_slow,
        overloaded,
        unauthenticated,
        permission_denied,
        shutting_down,
        time_went_backwards,
        engine_failed,
        internal_error,
    )
}


@pytest.mark.parametrize("reason", REFUSED)
async def test_refusals_reach_the_client(reason: str) -> None:
    async with running() as server, client_of(server) as client:
        error = await REFUSED[reason](server, client)
        assert error.reason == reason
        assert error.code is REASONS[reason].code
        if error.code is grpc.StatusCode.INVALID_ARGUMENT:
            assert error.violations
            assert all(violation.field and violation.description for violation in error.violations)


async def test_what_only_the_server_may_do_is_rejected_too(server: RouterServer, client: RouterClient) -> None:
    await client.apply(LOAN)
    commands = [c.Attach("c1"), c.Detach("c1"), c.Detach("c1")]
    answers = await server.shell.writer.submit([Submission(command) for command in commands])
    refusals = [answer.refusal for answer in answers]
    assert [refusal.reason if refusal else None for refusal in refusals] == ["CALL_NOT_DETACHED", None, "CALL_DETACHED"]


# the first two above, the others in test_durability and test_session_service
ELSEWHERE = {"CALL_DETACHED", "CALL_NOT_DETACHED", "JOURNAL_FAILED", "SESSION_LOST", "SHADOW_MODE"}


def test_every_reason_is_reached_by_a_test() -> None:
    assert set(REJECTED) | set(REFUSED) | ELSEWHERE == set(REASONS)


def test_the_table_is_the_contracts_enum() -> None:
    names = {name.removeprefix("ERROR_REASON_") for name, _ in errors_pb2.ErrorReason.items()} - {"UNSPECIFIED"}
    assert set(REASONS) == names
    assert {reason.name for reason in RejectReason} <= set(REASONS)
    assert all(reason.code is not grpc.StatusCode.UNKNOWN and reason.message for reason in REASONS.values())


def test_every_reason_is_documented_with_its_code() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "integrating.md").read_text()
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| `?([A-Z_]+)`? \|", text, flags=re.M))
    assert rows == {name: reason.code.name for name, reason in REASONS.items()}


def test_errors_fit_into_trailers_whatever_they_are_about() -> None:
    """Trailers hold 8 KiB by default; a client's own 10,000-byte names must not break the answer."""
    for subject in ("x" * 10_000, "é" * 10_000, "\x00\n\x1b[31m" * 3_000, "\U0001f600" * 5_000):
        violations = [Violation(subject, subject)] * 100
        status = Refusal("INVALID_COMMAND", subject, violations=violations).status()
        assert status.ByteSize() < 7_500
        assert status.message.isprintable()
        # the message travels percent-encoded besides
        assert len(status.message.encode()) < 400


def test_printable_text_is_left_alone() -> None:
    assert printable("Zoë's call №1") == "Zoë's call №1"
    assert printable("a\nb\x07") == r"a\nb\x07"
    assert printable("x" * 400).endswith("…")


def test_the_domain_is_the_package() -> None:
    assert errors_pb2.DESCRIPTOR.package == DOMAIN


async def test_the_message_of_a_malformed_field_says_what_is_wanted(client: RouterClient) -> None:
    for request in (client.apply(c.Enqueue("c1", "loans", priority=10)), client.call("")):
        error = await refused(request)
        (violation,) = error.violations
        assert ";" in violation.description
        assert f"{violation.field}: {violation.description}" in error.message
