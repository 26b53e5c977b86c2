"""Those who follow the engine natively: a fault of one harms nobody, unless what it keeps is vital."""

from __future__ import annotations

import logging

import pytest

from router.client import RouterClient
from router.engine import Engine
from router.engine import commands as c
from router.engine.errors import InvariantViolated
from router.engine.settings import QueueSettings, Settings
from router.server._native import CallHoldings, CommandCounts, Followers, History
from router.server.server import RouterServer
from router.server.writing.applier import COMMAND_NUMBERS
from tests.server.support import refused

NO_KIND = 200


def engine() -> Engine:
    return Engine(Settings(queues={"q": QueueSettings()}), time_us=0)


def test_a_fault_of_one_is_logged_once_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    router = engine()
    counts, calls = CommandCounts(bounds=(1,)), CallHoldings()
    followers = Followers(router, [counts, calls])
    for number in range(3):
        router.apply(c.Enqueue(f"c{number}", "q"), 0)
        followers.observe("pbx", NO_KIND)
    assert calls.of("pbx") == ("c0", "c1", "c2")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("CommandCounts failed; routing goes on: ")
    router.apply(c.Cancel("c1"), 0)
    followers.observe("pbx", COMMAND_NUMBERS[c.Cancel])
    assert counts.commands[COMMAND_NUMBERS[c.Cancel]][0] == 1, "it is told of what comes later"


def test_a_fault_of_a_vital_one_is_one_of_whoever_tells_it() -> None:
    router = engine()
    followers = Followers(router)
    followers.append(History(router, 10), vital=True)
    router.apply(c.Enqueue("c1", "q"), 0)
    router.apply(c.Enqueue("c2", "q"), 0)
    with pytest.raises(InvariantViolated):
        followers.observe("pbx", COMMAND_NUMBERS[c.Enqueue])


async def test_a_server_whose_watchers_missed_something_does_not_go_on(
    server: RouterServer, client: RouterClient
) -> None:
    await client.apply(c.Enqueue("c1", "loans"))
    server.shell.engine.apply(c.Enqueue("c2", "loans"), server.shell.clock.now_us())
    assert (await refused(client.apply(c.Enqueue("c3", "loans")))).reason == "ENGINE_FAILED"
    assert server.failed
    assert (await refused(client.apply(c.Enqueue("c4", "loans")))).reason == "ENGINE_FAILED"
