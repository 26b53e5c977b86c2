"""Limits on estimates: who is sent on because of one, who is offered a callback, and who is not."""

from __future__ import annotations

import asyncio
from pathlib import Path

from router.client import RouterClient
from router.engine import commands as c
from router.engine.events import CallTransferred
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.vocabulary import CallState
from router.journal import SqliteJournal
from router.server.server import RouterServer
from tests.server.estimation.rig import MINUTE_US, Script, scripted, until
from tests.server.support import Seen, client_of, durable, running

CONFIG = """
[server]
listen = "127.0.0.1:0"

[estimates]
refresh = "100ms"

[queues.first]
skills = { first = 1 }
overflow = "second"
overflow_wait_estimate = "10m"
callback_wait_estimate = "4m"

[queues.second]
skills = { second = 1 }
overflow = "first"
overflow_wait_estimate = "10m"
"""


async def queue_of(client: RouterClient, call: str) -> str:
    return (await client.call(call)).queue


def estimated(server: RouterServer, *calls: str) -> bool:
    stays = server.shell.estimation.stays.of_call
    return all(call in stays and stays[call].judged for call in calls)


async def test_a_call_goes_on_if_its_first_estimate_is_above_the_limit() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        script = scripted(server, Script(means_us={"long": 11 * MINUTE_US, "short": 9 * MINUTE_US}))
        seen = await Seen(client.watch()).begun()
        own = Requirement((Step((SkillTerm("second", 3),)),))
        await client.apply(c.Enqueue("short", "first"))
        await client.apply(c.Enqueue("long", "first", requirement=own))
        arrival_us = (await client.call("long")).effective_arrival_us
        await seen.until(lambda s: s.of(CallTransferred))
        view = await client.call("long")
        assert (view.queue, view.effective_arrival_us, view.state) == ("second", arrival_us, CallState.WAITING)
        assert (view.requirement, view.own_requirement) == (own, True)
        # in the second queue it is judged anew, but never sent back; nor is a call whose later estimates are longer
        await until(lambda: estimated(server, "long", "short"))
        script.means_us["short"] = 20 * MINUTE_US
        await asyncio.sleep(0.4)
        assert await queue_of(client, "long") == "second"
        assert await queue_of(client, "short") == "first"
        assert len(seen.of(CallTransferred)) == 1
        assert server.shell.estimation.meter.overflowed == {"first": 1}
        await seen.end()


async def test_nobody_is_sent_to_a_paused_queue() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        scripted(server, Script(mean_us=30 * MINUTE_US))
        await client.apply(c.PauseQueue("second"))
        await client.apply(c.Enqueue("c1", "first"))
        await until(lambda: estimated(server, "c1"))
        await asyncio.sleep(0.2)
        assert await queue_of(client, "c1") == "first"


async def test_many_go_on_at_once() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        script = scripted(server, Script(mean_us=30 * MINUTE_US))
        script.hold.clear()
        async with client.stream() as stream:
            await stream.apply([c.Enqueue(f"c{number}", "first") for number in range(150)])
        script.hold.set()
        await until(lambda: server.shell.engine.queue("second").waiting == 150)
        await server.shell.estimation.overflow.settle()
        assert server.shell.estimation.meter.overflowed["first"] == 150


async def test_a_changed_config_changes_the_limits() -> None:
    async with running(CONFIG.replace('"10m"', '"1h"')) as server, client_of(server) as client:
        scripted(server, Script(mean_us=30 * MINUTE_US))
        await client.apply(c.Enqueue("before", "first"))
        await until(lambda: estimated(server, "before"))
        await client.apply_config(CONFIG)
        await client.apply(c.Enqueue("after", "first"))
        await until(lambda: server.shell.engine.call("after").queue == "second")
        assert await queue_of(client, "before") == "first"


async def test_limits_and_what_they_did_outlive_a_restart(tmp_path: Path) -> None:
    """The transfer is in the journal, by the server; the limits are those of the config that ruled."""
    async with durable(tmp_path, CONFIG.replace('"10m"', '"1h"')) as server, client_of(server) as client:
        scripted(server, Script(mean_us=30 * MINUTE_US))
        await client.apply_config(CONFIG)
        await client.apply(c.Enqueue("c1", "first"))
        await until(lambda: server.shell.engine.call("c1").queue == "second")
    journal = SqliteJournal.open(tmp_path)
    actors = [entry.actor for _, entry in journal.read(0) if isinstance(entry.command, c.Transfer)]
    journal.close()
    assert actors == ["server"]
    async with durable(tmp_path, CONFIG.replace('"10m"', '"1h"')) as server, client_of(server) as client:
        scripted(server, Script(mean_us=30 * MINUTE_US))
        assert await queue_of(client, "c1") == "second"
        assert server.shell.configs.limits_of("first").overflow_wait_estimate_us == 10 * MINUTE_US
        await client.apply(c.Enqueue("c2", "first"))
        await until(lambda: server.shell.engine.call("c2").queue == "second")


async def test_a_long_estimate_offers_a_callback() -> None:
    async with running(CONFIG) as server, client_of(server) as client:
        script = scripted(server, Script(mean_us=5 * MINUTE_US, means_us={"short": 3 * MINUTE_US}))
        for call, queue in (("long", "first"), ("short", "first"), ("elsewhere", "second"), ("called-back", "first")):
            await client.apply(c.Enqueue(call, queue))
        await client.apply(c.TurnIntoCallback("called-back"))
        offered = {call: (await client.wait_estimate(call)).callback_offered for call in ("long", "short", "elsewhere")}
        assert offered == {"long": True, "short": False, "elsewhere": False}
        assert not (await client.wait_estimate("called-back")).callback_offered
        assert (await client.wait_estimate(c.Enqueue("", "first"))).callback_offered
        script.means_us[""] = MINUTE_US
        assert not (await client.wait_estimate(c.Enqueue("", "first"))).callback_offered
