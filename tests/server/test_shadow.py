"""Shadow mode over the wire: queues stay paused whatever comes, and each assignment is held against our own choice."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from router.client import RouterError
from router.config import ConfigError, parse_config
from router.engine import commands as c
from router.engine.events import CallAssigned, OfferMade
from router.engine.vocabulary import AssignmentCause, CallState
from router.server.server import RouterServer
from tests.server.estimation.rig import fill
from tests.server.metrics.scrape import observed, scrape
from tests.server.support import Seen, client_of, durable, refused, running

QUEUES = """
[queues.loans]
skills = { loans = 1 }

[queues.cards]
automatic = true
skills = { cards = 1 }
"""
CONFIG = f"""
[server]
listen = "127.0.0.1:0"
shadow = true
{QUEUES}"""
MORE = "\n[queues.more]\n"


def paused(server: RouterServer) -> dict[str, bool]:
    return {queue.queue: queue.paused for queue in server.shell.engine.queues()}


async def test_nothing_is_offered_and_the_other_acds_word_holds() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        seen = await Seen(client.watch()).begun()
        await client.apply(c.SignIn("ada", {"loans": 5, "cards": 5}))
        for call, queue in (("c1", "loans"), ("c2", "cards")):
            assert (await client.apply(c.Enqueue(call, queue))).result.call_state is CallState.WAITING
        assert (await client.apply(c.Assign("c2", "ada"))).result.call_state is CallState.ASSIGNED
        await client.apply(c.Complete("c2"))
        await client.apply(c.Assign("c1", "ada"))
        await seen.until(lambda s: len(s.of(CallAssigned)) == 2)
        assert {event.cause for event in seen.of(CallAssigned)} == {AssignmentCause.FORCED}
        assert seen.of(OfferMade) == []
        await seen.end()


async def test_each_assignment_is_held_against_our_own_choice(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "router.server.shadow")
    async with observed(CONFIG) as (server, port), client_of(server) as client:
        await client.apply(c.SignIn("ada", {"loans": 5}))
        await client.apply(c.SignIn("ben", {"loans": 5}))
        for number in range(3):
            await client.apply(c.Enqueue(f"c{number}", "loans"))
        await client.apply(c.Assign("c0", "ada"))  # the first in line: as we would
        await client.apply(c.Assign("c2", "ben"))  # past c1
        for error in (client.apply(c.Assign("c1", "nobody")), client.apply(c.Assign("c2", "ada"))):
            await refused(error)
        samples = await scrape(port)
        assert samples("shadow_assignments_total", agreed="yes") == 1
        assert samples("shadow_assignments_total", agreed="no") == 1
    (line,) = [record.getMessage() for record in caplog.records if "we would have given" in record.getMessage()]
    assert line == "ben was given c2; we would have given c1"


async def test_it_says_who_would_get_a_call() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        await client.apply(c.Enqueue("c1", "loans"))
        assert await client.shadow_agent("c1") is None
        await client.apply(c.SignIn("ada", {"loans": 5}))
        assert await client.shadow_agent("c1") == "ada"
        await client.apply(c.Assign("c1", "ada"))
        assert await client.shadow_agent("c1") is None
    async with running(CONFIG.replace("shadow = true", "")) as server, client_of(server) as client:
        await client.apply(c.Enqueue("c1", "loans"))
        assert await client.shadow_agent("c1") is None


async def test_no_queue_can_be_resumed() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        error = await refused(client.apply(c.ResumeQueue("loans")))
        assert error.reason == "SHADOW_MODE"
        assert "follows an outside ACD" in error.message
        assert "queue loans stays paused" in error.message
        async with client.stream() as stream:
            first, second = await stream.apply([c.ResumeQueue("cards"), c.SignIn("ada")])
        assert isinstance(first, RouterError)
        assert first.reason == "SHADOW_MODE"
        assert not isinstance(second, RouterError)
        assert all(paused(server).values())


async def test_queues_that_a_config_brings_are_paused_in_the_same_turn() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        seen = await Seen(client.watch()).begun()
        await client.apply(c.SignIn("ada", {}))
        await client.apply_config(CONFIG + MORE)
        assert paused(server) == {"loans": True, "cards": True, "more": True}
        assert (await client.apply(c.Enqueue("c1", "more"))).result.call_state is CallState.WAITING
        without_cards = CONFIG[: CONFIG.index("[queues.cards]")]
        await client.apply(c.Enqueue("c2", "cards"))
        error = await refused(
            client.apply_config(without_cards + "\n[queues.new]\n", moves={"cards": "new", "more": "new"})
        )
        assert error.reason == "INVALID_COMMAND"
        assert "a queue that is there already" in error.message
        await client.apply_config(without_cards + MORE, moves={"cards": "more"})
        assert (await client.call("c2")).queue == "more"
        assert seen.of(OfferMade) == []
        await seen.end()


async def test_it_begins_and_ends_with_a_restart(tmp_path: Path) -> None:
    """What was on offer is taken back when it begins; when it is over, queues are resumed one by one."""
    routing = CONFIG.replace("shadow = true", "")
    async with durable(tmp_path, routing) as server, client_of(server) as client:
        await client.apply(c.SignIn("ada", {"loans": 5}))
        assert (await client.apply(c.Enqueue("c1", "loans"))).result.call_state is CallState.OFFERED
    async with durable(tmp_path, CONFIG) as server, client_of(server) as client:
        assert (await client.call("c1")).state is CallState.WAITING
        assert all(paused(server).values())
    async with durable(tmp_path, routing) as server, client_of(server) as client:
        assert all(paused(server).values())
        await client.apply(c.ResumeQueue("loans"))
        assert (await client.call("c1")).state is CallState.OFFERED


@pytest.mark.parametrize("key", ["waiting_max = 5", 'wait_max = "5m"', 'overflow_wait_estimate = "5m"'])
@pytest.mark.parametrize("inherited", [False, True])
def test_limits_that_would_decide_are_no_part_of_it(key: str, inherited: bool) -> None:
    queues = QUEUES.replace("[queues.loans]", f'[queues.loans]\noverflow = "cards"\n{"" if inherited else key}')
    defaults = f"\n[queue_defaults]\n{key}\n" if inherited else ""
    parse_config(f"[server]\n{defaults}{queues}", "x")
    with pytest.raises(ConfigError) as failed:
        parse_config(f"[server]\nshadow = true\n{defaults}{queues}", "x")
    name = key.split()[0]
    problem = failed.value.problems[0]
    assert name in problem.key
    assert "an outside ACD decides" in problem.problem
    assert problem.wanted == f"no {name} in shadow mode"
    assert len(failed.value.problems) == (2 if inherited else 1)


async def test_a_server_that_routes_counts_nothing() -> None:
    async with observed() as (server, port), client_of(server) as client:
        assert server.shell.shadow is None
        await client.apply(c.SignIn("ada", {"loans": 5}, ready=False))
        await client.apply(c.Enqueue("c1", "loans"))
        await client.apply(c.Assign("c1", "ada"))
        assert (await scrape(port))("shadow_assignments_total", agreed="yes") == 0


async def test_waits_are_predicted_as_if_queues_were_served() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        await fill(client, waiting=3)
        estimate = await client.wait_estimate("w1")
        # futures alone are not told of an outside ACD's agents
        assert estimate.method in ("qlm", "les")
        assert estimate.position == 2
        assert estimate.mean_us is not None
        supposed = await client.wait_estimate(c.Enqueue("", "loans"))
        assert supposed.method in ("qlm", "les")
        assert supposed.position == 4
        assert server.shell.estimation.meter.futures > 0
        assert (await client.wait_estimate("w0", quick=True)).mean_us is not None
        assert server.shell.engine.queue("loans").paused
