"""A real day's busiest ten minutes through a real server: it assigns exactly as the engine does in process.

The drive: recorded callers and inferred agents over the command stream and over unary calls; agents accept, reject and
let offers expire, as events come on the watch. The commands are recorded with the times that the server gave them and
applied again to an engine of our own: every event must be the same.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from router.client import CommandStream, Reply, RouterClient, RouterError
from router.config import load_config
from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.simulation import (
    READERS,
    AgentBehaviour,
    Centre,
    DayPlan,
    Window,
    busiest_minutes,
    plan_day,
    read_log,
)
from tests.server.support import Seen, ServerProcess

SECOND_US = 1_000_000
CLOCK_SPEED = 30
DRAIN_US = 120 * SECOND_US
BEHAVIOUR = AgentBehaviour(seed=7, reject_ppm=100_000, ignore_ppm=60_000, ring_us=3 * SECOND_US)
# over unary calls what one agent does, over the stream the rest
UNARY = (c.Accept, c.Reject, c.SetAvailability, c.SignOut, c.Cancel)
# what a telephone system meets when two things happen at once
RACES = {"OFFER_ENDED", "CALL_ASSIGNED", "CALL_FINISHED", "AGENT_SIGNED_OUT", "NOT_IN_WRAP_UP"}


class Recorded(NamedTuple):
    """One command that was carried out, when, and in which order."""

    sequence: int
    time_us: int
    command: c.Command


def busiest_part(data_dir: Path) -> tuple[DayPlan, Window]:
    path = data_dir / "vanad" / "vanad_day_2014-05-26.csv"
    if not path.exists():
        pytest.skip(f"no recorded day {path.name} in {data_dir}")
    log = read_log(path, READERS["vanad"])
    plan = plan_day(log, log.day())
    window = busiest_minutes(plan)
    return plan.between(window.from_us, window.until_us), window


def config_for(plan: DayPlan, path: Path) -> Path:
    """Write a config with a queue for each type: offers, wrap-ups, and every third one automatic."""
    lines = ['[queue_defaults]\noffer_timeout = "12s"\nwrap_up = { mode = "fixed", duration = "10s" }\n']
    for index, kind in enumerate(plan.types):
        lines.append(f"[queues.type-{kind}]\nskills = {{ type-{kind} = 1 }}\n")
        if index % 3 == 2:
            lines.append("automatic = true\n")
    path.write_text("\n".join(lines))
    return path


class Drive:
    """The telephone system: does what the centre says when its time comes, and records what was carried out."""

    def __init__(self, client: RouterClient, stream: CommandStream, centre: Centre, start_us: int) -> None:
        self.client = client
        self.stream = stream
        self.centre = centre
        self.recorded: list[Recorded] = []
        self.races: Counter[str] = Counter()
        self.ways: Counter[str] = Counter()
        self.under_way: set[asyncio.Task[None]] = set()
        self._start_us = start_us
        self._started_s = time.monotonic()

    def now_us(self) -> int:
        return self._start_us + int((time.monotonic() - self._started_s) * SECOND_US * CLOCK_SPEED)

    async def run_until(self, end_us: int) -> None:
        while self.now_us() < end_us:
            due = []
            while (time_us := self.centre.next_time_us()) is not None and time_us <= self.now_us():
                command = self.centre.take()
                assert command is not None
                due.append(command)
            batch = [command for command in due if not isinstance(command, UNARY)]
            if batch:
                self._begin(self._by_stream(batch))
            for command in due:
                if isinstance(command, UNARY):
                    self._begin(self._by_unary(command))
            await asyncio.sleep(0.005)
        await asyncio.gather(*self.under_way)

    def _begin(self, doing: Any) -> None:
        task = asyncio.create_task(doing)
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def _by_stream(self, batch: Sequence[c.Command]) -> None:
        for command, outcome in zip(batch, await self.stream.apply(batch), strict=True):
            self.ways["stream"] += 1
            self._record(command, outcome)

    async def _by_unary(self, command: c.Command) -> None:
        self.ways["unary"] += 1
        try:
            self._record(command, await self.client.apply(command))
        except RouterError as error:
            self._record(command, error)

    def _record(self, command: c.Command, outcome: Reply | RouterError) -> None:
        if isinstance(outcome, RouterError):
            assert outcome.reason in RACES, outcome
            self.races[outcome.reason] += 1
        else:
            self.recorded.append(Recorded(outcome.result.sequence, outcome.result.time_us, command))


def bare(events: Sequence[e.Event]) -> list[e.Event]:
    """Return events without the sequence, which counts the server's own advances too."""
    return [
        msgspec.structs.replace(event, sequence=0)
        for event in events
        if not isinstance(event, e.CommandRejected | e.Configured)
    ]


async def test_the_busiest_minutes_of_a_real_day(data_dir: Path, tmp_path: Path) -> None:
    plan, window = busiest_part(data_dir)
    config = config_for(plan, tmp_path / "day.toml")
    process = ServerProcess(config, "--clock-speed", str(CLOCK_SPEED))
    process.await_listening()
    try:
        async with RouterClient(process.address, client_id="drive") as client:
            started_us = (await client.statistics()).started_us
            seen = await Seen(client.watch()).begun()
            now_us = (await client.statistics()).time_us
            # the engine's own time stands still while nothing happens: ask with a command
            now_us = (await client.apply(c.SignIn("clock"))).result.time_us
            shift_us = now_us + 10 * SECOND_US - window.from_us
            centre = Centre(plan.shifted(shift_us), BEHAVIOUR)
            async with client.stream() as stream:
                drive = Drive(client, stream, centre, now_us)
                following = asyncio.create_task(follow(seen, centre))
                await drive.run_until(window.until_us + shift_us + DRAIN_US)
            last = await client.apply(c.SignOut("clock"))
            await seen.until(lambda s: s.moments[-1].sequence >= last.result.sequence)
            following.cancel()
            await seen.end()
            assert seen.error is None
    finally:
        code, errors = process.end()
    assert code == 0, errors

    carried_out = sorted(drive.recorded)
    engine = Engine(load_config(config).settings, time_us=started_us)
    in_process = list(engine.apply(c.SignIn("clock"), now_us))
    for recorded in carried_out:
        in_process += engine.apply(recorded.command, recorded.time_us)
    in_process += engine.apply(c.SignOut("clock"), last.result.time_us)
    over_grpc = bare(seen.events)
    assert assignments(over_grpc) == assignments(bare(in_process))
    assert over_grpc == bare(in_process)
    engine.audit()

    kinds = Counter(type(event) for event in over_grpc)
    assert kinds[e.CallEnqueued] == window.calls > 200
    assert kinds[e.CallAssigned] > 100
    assert kinds[e.OfferRejected] > 5
    assert kinds[e.OfferExpired] > 5
    assert kinds[e.CallCompleted] > 50
    assert drive.ways["stream"] > 300
    assert drive.ways["unary"] > 100
    assert sum(drive.races.values()) < 0.05 * sum(drive.ways.values())


def assignments(events: Sequence[e.Event]) -> list[tuple[int, int, str, str]]:
    return [
        (event.time_us, event.offer, event.call, event.agent) for event in events if isinstance(event, e.CallAssigned)
    ]


async def follow(seen: Seen, centre: Centre) -> None:
    """Tell the centre what happens, moment by moment."""
    done = 0
    while True:
        await seen.until(lambda s: len(s.moments) > done, timeout_s=60.0)  # noqa: B023
        moments = seen.moments[done:]
        done += len(moments)
        for moment in moments:
            centre.observe([event for event in moment.events if getattr(event, "agent", "") != "clock"])
