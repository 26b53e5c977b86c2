"""`skill-router demo`: an hour of a bank's hotline in about a minute, through a real server in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from importlib import resources

import msgspec
import rich_click as click
from rich.console import Console
from rich.live import Live

from router.cli.demo_driver import Hotline, Pace
from router.cli.demo_figures import Scoreboard
from router.cli.demo_report import live_board, plain_line, print_report
from router.cli.demo_rerun import run_again
from router.cli.demo_result import DemoResult, EngineFigures
from router.cli.demo_workload import LINES, Plan, make_plan
from router.cli.parameters import HELP, FiniteRange, exit_codes
from router.cli.server_process import serving
from router.client import RouterClient, RouterError, ServerStatistics
from router.config import load_config
from router.engine import CallView, Decision, Settings
from router.engine.settings import MINUTE_US, SECOND_US
from router.simulation.recorded.figures import percentile

LINE_EVERY_US = 10 * MINUTE_US
REFRESH_S = 0.12


@click.command(
    context_settings=HELP,
    epilog=exit_codes("the hour was played", "the server failed, or running again gave other assignments"),
)
@click.option("--seconds", default=3600, show_default=True, type=click.IntRange(60, 86_400), help="Length of the hour.")
@click.option("--speed", default=60.0, show_default=True, type=FiniteRange(1, 600), help="Seconds per real second.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Other callers, other agents.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object; progress goes to stderr.")
def command(seconds: int, speed: float, seed: int, as_json: bool) -> None:
    """Watch an hour of a bank's hotline, in about a minute.

    Starts `skill-router serve` on a free loopback port with a compressed clock and plays sixty agents and some 650
    callers against it over gRPC: four queues, card loss being urgent, a peak at midday, VIPs, chats, other languages,
    agents who reject or let it ring. Then it prints the figures, explains one decision, and runs the same commands
    again in process.

    Callers and agents are drawn from the seed. What they meet depends a little on real time too: an answer that
    takes a millisecond longer is a millisecond times the speed later for the engine.
    """
    console = Console(stderr=as_json)
    plan = make_plan(seed, seconds * SECOND_US)
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(resources.as_file(resources.files("router.cli") / "demo.toml"))
        settings = load_config(path).settings
        address = stack.enter_context(serving(path, clock_speed=speed))
        console.print(f"server on {address}, {speed:g} times real time; {len(plan.calls)} callers, seed {seed}")
        try:
            result = asyncio.run(play(address, plan, settings, speed, console))
        except RouterError as error:
            raise click.ClickException(f"the server at {address} did not do its part: {error}") from error
    if as_json:
        click.echo(msgspec.json.encode(result).decode())
    else:
        print_report(console, result)
    if result.rerun is not None and not result.rerun.same:
        sys.exit(1)


async def play(address: str, plan: Plan, settings: Settings, speed: float, console: Console) -> DemoResult:
    """Play the plan against the server at an address and gather what there is to tell."""
    started = time.monotonic()
    async with RouterClient(address, client_id="demo") as client:
        await client.wait_until_ready()
        opening = await client.statistics()
        pace = Pace(speed)
        board = Scoreboard(targets_us(settings), opening.time_us + plan.duration_us)
        hotline = Hotline(plan, client, pace, board)
        showing = asyncio.create_task(show(console, hotline))
        try:
            await hotline.play(opening.sequence)
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
        statistics = await client.statistics()
        decision, call = await most_telling(client, plan)
    return DemoResult(
        seed=plan.seed,
        speed=speed,
        seconds=plan.duration_us // SECOND_US,
        real_s=time.monotonic() - started,
        figures=board.figures(),
        engine=engine_figures(statistics, hotline.round_trips_s),
        rerun=run_again(settings, statistics.started_us, hotline.commands, hotline.events),
        decision=decision,
        decided_call=call,
    )


def targets_us(settings: Settings) -> dict[str, int]:
    """Return the target that each line's calls have, at their urgency."""
    targets = {}
    for line in LINES:
        by_urgency = settings.queues[line.queue].target_us
        target_us = (by_urgency.normal, by_urgency.important, by_urgency.urgent)[line.urgency]
        assert target_us is not None  # a target has no `never`
        targets[line.queue] = target_us
    return targets


async def show(console: Console, hotline: Hotline) -> None:
    """Keep the board up to date, or print a line every ten minutes where there is no terminal."""
    board, pace, duration_us = hotline.board, hotline.pace, hotline.plan.duration_us
    if not console.is_terminal:
        for offset_us in range(LINE_EVERY_US, duration_us + 1, LINE_EVERY_US):
            await pace.sleep_until(offset_us)
            console.print(plain_line(board, offset_us))
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while True:
            live.update(live_board(board, pace.offset_us(), duration_us), refresh=True)
            await asyncio.sleep(REFRESH_S)


def engine_figures(server: ServerStatistics, round_trips_s: list[float]) -> EngineFigures:
    """Put the server's own measurements beside the round trips that we saw."""
    trips_us = sorted(int(trip_s * SECOND_US) for trip_s in round_trips_s)
    statistics = server.statistics
    decisions = max(1, statistics.decisions)
    return EngineFigures(
        commands=statistics.commands,
        decisions=statistics.decisions,
        candidates_per_decision=statistics.candidates / decisions,
        engine_s=server.engine_time_us / SECOND_US,
        engine_us_per_decision=server.engine_time_us / decisions,
        rpc_p50_ms=(percentile(trips_us, 50) or 0) / 1000,
        rpc_p99_ms=(percentile(trips_us, 99) or 0) / 1000,
    )


async def most_telling(client: RouterClient, plan: Plan) -> tuple[Decision | None, CallView | None]:
    """Ask why, for every call that was flagged, and return the decision that shows most, with its call."""
    best: Decision | None = None
    for call in plan.calls:
        if not call.enqueue.explain:
            continue
        decision = (await client.explain_call(call.enqueue.call)).decision
        if decision is not None and (best is None or telling(decision) > telling(best)):
            best = decision
    return best, await client.call(best.winner.call) if best is not None else None


def telling(decision: Decision) -> tuple[int, ...]:
    """Rank a decision by how much it shows: more than whose turn it was, terms that pull both ways, many candidates."""
    if decision.runner_up is None:
        return (0, 0, 0, decision.candidates)
    pairs = list(zip(decision.winner.terms, decision.runner_up.terms, strict=True))
    by_merit = decision.decided_by in {ours.name for ours, _ in pairs} - {"idle"}
    against = sum(ours.contribution_nano < theirs.contribution_nano for ours, theirs in pairs)
    differing = sum(ours.contribution_nano != theirs.contribution_nano for ours, theirs in pairs)
    return (by_merit, min(against, 2), differing, decision.candidates)
