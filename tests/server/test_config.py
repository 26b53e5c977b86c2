"""The config over gRPC: read, checked, applied whole or not at all."""

from __future__ import annotations

import asyncio

import pytest

from router.client import RouterClient
from router.config import default_config_text, parse_config
from router.engine import commands as c
from router.engine.events import CallMoved, Configured
from router.server.server import RouterServer
from tests.server.support import CONFIG, Seen, refused

WITHOUT_LOANS = CONFIG[: CONFIG.index("[queues.loans]")] + CONFIG[CONFIG.index("[queues.cards]") :]


async def test_the_text_is_given_back_as_it_was(client: RouterClient) -> None:
    config = await client.config()
    assert config.toml == CONFIG
    assert config.etag == parse_config(CONFIG, "x").etag


async def test_problems_are_told_and_nothing_is_applied(server: RouterServer, client: RouterClient) -> None:
    assert await client.validate_config(CONFIG) == []
    assert await client.validate_config(default_config_text()) == []
    problems = await client.validate_config(CONFIG + '\n[queues.more]\ntaget = "3s"\npriority = 3\n')
    assert [problem.line for problem in problems] == [CONFIG.count("\n") + 3, CONFIG.count("\n") + 4]
    assert "taget" in problems[0].key
    assert problems[0].problem
    assert problems[0].wanted
    assert server.shell.engine.sequence == 1


async def test_applied_settings_rule_at_once(server: RouterServer, client: RouterClient) -> None:
    seen = await Seen(client.watch()).begun()
    await client.apply(c.SignIn("ada", {"more": 1}))
    applied = await client.apply_config(CONFIG + "\n[queues.more]\nskills = { more = 1 }\n")
    assert applied.result.sequence == 3
    assert (await client.config()).etag == applied.etag
    assert (await client.config()).toml.endswith("{ more = 1 }\n")
    assert (await client.apply(c.Enqueue("c1", "more"))).result.agent == "ada"
    await seen.until(lambda s: s.of(Configured))
    await seen.end()


@pytest.mark.parametrize(
    "text", ["", "[", "queues = 1", "\x00", "[queues.loans]\nskills = { loans = 99 }", "é = [" * 9]
)
async def test_what_is_not_valid_changes_nothing(server: RouterServer, client: RouterClient, text: str) -> None:
    before = server.shell.engine.state_hash()
    error = await refused(client.apply_config(text))
    assert error.reason == "INVALID_CONFIG"
    assert error.violations[0].description
    assert server.shell.engine.state_hash() == before
    assert (await client.config()).toml == CONFIG


async def test_calls_of_a_removed_queue_move_where_they_are_told_to(server: RouterServer, client: RouterClient) -> None:
    await client.apply(c.Enqueue("c1", "loans"))
    seen = await Seen(client.watch(queues=["cards"])).begun()
    error = await refused(client.apply_config(WITHOUT_LOANS))
    assert (error.reason, error.subject) == ("QUEUE_HAS_CALLS", "loans")
    assert (await client.config()).toml == CONFIG, "what was rejected does not rule"
    error = await refused(client.apply_config(WITHOUT_LOANS, moves={"loans": "nowhere"}))
    assert (error.reason, error.subject) == ("UNKNOWN_QUEUE", "nowhere")
    await client.apply_config(WITHOUT_LOANS, moves={"loans": "cards"})
    assert (await client.call("c1")).queue == "cards"
    await seen.until(lambda s: s.of(CallMoved))
    await seen.end()
    assert (await refused(client.queue("loans"))).reason == "UNKNOWN_QUEUE"


async def test_of_two_who_change_it_at_once_one_is_told(client: RouterClient) -> None:
    etag = (await client.config()).etag
    texts = [CONFIG + f"\n[queues.more-{number}]\n" for number in range(5)]
    outcomes = await asyncio.gather(
        *(client.apply_config(text, expected_etag=etag) for text in texts), return_exceptions=True
    )
    refusals = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(refusals) == 4
    assert {refusal.reason for refusal in refusals} == {"ETAG_MISMATCH"}  # type: ignore[attr-defined]
    assert refusals[0].subject == (await client.config()).etag  # type: ignore[attr-defined]


async def test_routing_goes_on_while_a_large_config_is_read(client: RouterClient) -> None:
    large = CONFIG + "".join(f"\n[queues.q{number}]\nskills = {{ s{number} = 3 }}\n" for number in range(4_000))
    checking = asyncio.create_task(client.validate_config(large))
    answered = 0
    while not checking.done():
        await client.apply(c.SignIn(f"agent-{answered}"))
        answered += 1
    assert await checking == []
    assert answered >= 5
