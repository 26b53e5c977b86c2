"""Run the soak: `python -m bench.soak --minutes 30`, or `make soak SOAK_MINUTES=30`.

Keeps one invariant: it ends with exit code 0 only if memory and latency are flat and nothing failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections import Counter
from pathlib import Path

import rich_click as click

from bench.soak.company import Branch, Watchers
from bench.soak.floor import Floor, change_config, follow
from bench.soak.lines import Lines, now_s, told
from bench.soak.samples import Sample, faults_of, percentiles, print_table, size_of, verdict_of
from router.client import RouterClient
from router.engine import commands as c
from tests.recovery.real_server import RealServer

SHARE = 0.3
CALIBRATION_S = 5.0
IN_FLIGHT = 16
STAYING_WATCHERS = 3

CONFIG = """
[server]
lease = "10s"
lost_session_retention = "1m"
history_retention = "3m"
snapshot_interval = "1m"
watch_history_events = 20000

# what is remembered is forgotten soon, so that the state is steady after a few minutes
[engine]
finished_retention = "2m"
request_retention = "2m"
customer_retention = "2m"

[queue_defaults]
offer_timeout = "3s"
reject_backoff = "2s"
max_overtake_wait = "1m"
wrap_up = { mode = "manual", duration = "2s" }

[queues.loans]
preset = "most-skilled"
skills = { loans = 3 }
[[queues.loans.steps]]
after = "2s"

[queues.cards]
skills = { cards = 2 }
last_agent_preferred = true
last_agent_hold = "1s"
[[queues.cards.steps]]
after = "2s"

[queues.complaints]
skills = { complaints = 5 }
[[queues.complaints.steps]]
after = "2s"

[queues.general]
preset = "least-occupied"
"""
CONFIGS = (CONFIG.replace("least-occupied", "balanced"), CONFIG)


@click.command()
@click.option("--minutes", type=click.FloatRange(min=1.0), default=30.0, show_default=True)
@click.option("--rate", type=float, default=0.0, help="Commands per second; 0: 30 % of what 16 at once reach here.")
@click.option("--warm-up", type=float, default=8.0, show_default=True, help="Minutes that do not count.")
@click.option("--sample-seconds", type=float, default=60.0, show_default=True)
def main(minutes: float, rate: float, warm_up: float, sample_seconds: float) -> None:
    """Load a real server with a journal for a long time, and see whether its memory and latency stay flat."""
    with tempfile.TemporaryDirectory(prefix="skill-router-soak-") as folder, RealServer(Path(folder), CONFIG) as server:
        server.start()
        samples, unwell = asyncio.run(_soak(server, minutes * 60, rate, sample_seconds))
        code = server.end()
        print_table(samples)
        click.echo(verdict_of(samples, warm_up))
        click.echo(server.verify())
    faults = faults_of(samples, warm_up) + unwell
    if code:
        faults.append(f"the server ended with exit code {code}")
    for fault in faults:
        click.echo(f"NOT FLAT: {fault}", err=True)
    sys.exit(1 if faults else 0)


async def _soak(server: RealServer, seconds: float, rate: float, sample_s: float) -> tuple[list[Sample], list[str]]:
    if not rate:
        most = await _most_per_s(server.address)
        rate = SHARE * most
        click.echo(f"{IN_FLIGHT} at once reach {most:,.0f} commands/s; the soak runs at {rate:,.0f}")
    lines = Lines(server.address, 4)
    floor = Floor(lines, rate, seed=1)
    watchers, branch = Watchers(server.address, seed=2), Branch(server.address)
    failed: Counter[str] = Counter()
    stop = asyncio.Event()
    samples: list[Sample] = []
    async with RouterClient(server.address, client_id="admin", timeout_s=20) as admin, asyncio.TaskGroup() as group:
        async with admin.stream() as stream:
            await stream.apply(floor.sign_ins())
        click.echo(f"{floor.agents} agents; {seconds / 60:g} minutes")
        followed = group.create_task(follow(admin, floor))
        for work in (
            floor.run(stop),
            lines.pour(stop),
            lines.reconnect(stop, 15.0),
            change_config(admin, CONFIGS, stop, 20.0, lambda reason: failed.update([reason])),
            *(watchers.stay(stop) for _ in range(STAYING_WATCHERS)),
            watchers.come_and_go(stop, 2.0),
            branch.run(stop, 3.0, 8, 15.0),
        ):
            group.create_task(work)
        began_s = now_s()
        while (left_s := began_s + seconds - now_s()) > 0:
            await told(stop, min(sample_s, left_s))
            samples.append(await _sample(server, admin, lines, floor, watchers, began_s, sample_s))
            print_line(samples[-1])
        stop.set()
        followed.cancel()
    await lines.close()
    unwell = [
        f"{name}: {dict(errors)}"
        for name, errors in (("configs", failed), ("watchers", watchers.errors), ("sessions", branch.errors))
        if errors
    ]
    if branch.lost == 0 and seconds > 120:
        unwell.append("no session was ever lost")
    click.echo(f"{watchers.joined} watchers joined, {branch.lost} sessions lost, {branch.reconciled} reconciled")
    return samples, unwell


async def _sample(
    server: RealServer,
    client: RouterClient,
    lines: Lines,
    floor: Floor,
    watchers: Watchers,
    began_s: float,
    sample_s: float,
) -> Sample:
    tally = lines.take_tally()
    behind_s, floor.lag_s = floor.lag_s, 0.0
    statistics = await client.statistics()
    return Sample(
        minute=(now_s() - began_s) / 60,
        commands_per_s=(len(tally.unary_s) + len(tally.stream_s)) / sample_s,
        unary_s=percentiles(tally.unary_s),
        stream_s=percentiles(tally.stream_s),
        lag_s=percentiles(watchers.take_lags()),
        rejected=tally.rejected,
        errors=sum(tally.errors.values()),
        memory_bytes=server.memory_bytes,
        journal_bytes=size_of(server.data_dir),
        sequence=statistics.sequence,
        waiting=sum(queue.waiting for queue in await client.queues()),
        behind_s=behind_s,
    )


def print_line(sample: Sample) -> None:
    """Say how it goes, for whoever watches."""
    click.echo(
        f"minute {sample.minute:4.1f}: {sample.commands_per_s:,.0f} commands/s, "
        f"p99 {sample.unary_s[1] * 1000:.1f} ms unary, {sample.stream_s[1] * 1000:.1f} ms streamed, "
        f"RSS {sample.memory_bytes / (1 << 20):.1f} MiB, waiting {sample.waiting}, errors {sample.errors}"
    )
    sys.stdout.flush()


async def _most_per_s(address: str) -> float:
    """Return how many commands per second a few callers reach who wait for each answer."""
    count = 0
    async with RouterClient(address, client_id="calibration") as client:
        until_s = now_s() + CALIBRATION_S

        async def caller(number: int) -> None:
            nonlocal count
            agent = f"calibration-{number}"
            await client.apply(c.SignIn(agent))
            while now_s() < until_s:
                count += 2
                await client.apply(c.SetAvailability(agent, False, "test"))
                await client.apply(c.SetAvailability(agent, True))
            await client.apply(c.SignOut(agent))

        async with asyncio.TaskGroup() as group:
            for number in range(IN_FLIGHT):
                group.create_task(caller(number))
    return count / CALIBRATION_S


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
