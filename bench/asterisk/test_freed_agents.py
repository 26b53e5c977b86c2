"""From a freed agent to the next caller, on a real Asterisk: this router over ARI, and Asterisk's own queues.

Method: one Asterisk; 30 agents who answer at once and hang up after 0.4 to 0.7 s, as `sipp` plays them; so many callers
at any time that 20 of them wait, in three queues which all agents serve: about 50 calls/s if agents need not wait. All
times are Asterisk's own, as its manager tells them to a listener which has nothing to do with bridge and router: from
the first sign that an agent's call is over to agent and next caller being in one bridge. What the router and the bridge
take of it is seen on the wire: from the packet with Asterisk's event to that with the request which follows from it.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Coroutine, Iterator, Mapping

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.asterisk.load import Load, Run, why_no_load
from bench.asterisk.shares import command_ms, ours_ms
from bench.asterisk.wire import Wire
from bench.asterisk.wire import why_not as why_no_wire
from bench.figures import goal, note, quantiles, series

AGENTS, CALLS, AT_ONCE = 30, 1_500, 50
QUICK = (6, 40, 9)
CALLS_OF_APP_QUEUE = 600
"""It takes longer for them."""
TIES_S = 0.02
"""Who is rung for within so long is rung for at once: requests to Asterisk go side by side."""
SHARES = (0.5, 0.9, 0.99, 1.0)
DEFAULT = {"strategy": "leastrecent"}
BEST = {"strategy": "leastrecent", "ringinuse": "no", "autofill": "yes", "retry": "1", "wrapuptime": "0"}

pytestmark = pytest.mark.skipif(bool(why_no_load()), reason=why_no_load() or "-")


@pytest.fixture(scope="module")
def sizes(quick: bool) -> tuple[int, int, int]:
    return QUICK if quick else (AGENTS, CALLS, AT_ONCE)


@pytest.fixture
def load(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, sizes: tuple[int, ...]
) -> Iterator[Load]:
    """An Asterisk whose own queues have the settings of the test's parameter."""
    load = Load(tmp_path_factory.mktemp("load"), sizes[0], getattr(request, "param", BEST))
    load.asterisk.start()
    yield load
    load.asterisk.end()


def carry_out(benchmark: BenchmarkFixture, work: Coroutine[None, None, Run]) -> Run:
    run: Run = benchmark.pedantic(lambda: asyncio.run(work), rounds=1)  # type: ignore[no-untyped-call]
    return run


def test_this_router_over_ari(
    benchmark: BenchmarkFixture, load: Load, sizes: tuple[int, int, int], quick: bool
) -> None:
    if why := why_no_wire():
        pytest.skip(why)
    _, calls, at_once = sizes
    wire = Wire(load.asterisk.http_port)
    wire.start()
    try:
        run = carry_out(benchmark, load.over_ari(calls, at_once))
    finally:
        wire.end()
    story = run.story
    freed = story.freed()
    whole, ours = [one.all_ms for one in freed], ours_ms(freed, wire.seen())
    assert len(story.served()) == calls
    assert story.lost() == 0
    assert story.double_bookings() == 0
    if quick:
        return
    note_times(benchmark, "this router over ARI", whole)
    note_times(benchmark, "of it the router's and the bridge's share", ours)
    note_times(
        benchmark, "of it Asterisk's and the telephones' share", [a - b for a, b in zip(whole, ours, strict=True)]
    )
    for command in ("Complete", "Accept"):
        figures = dict(
            zip(("p50, ms", "p90, ms", "p99, ms"), command_ms(run.metrics, command, SHARES[:3]), strict=True)
        )
        note(benchmark, "asterisk-freed", f"the router's answer to {command}", figures)
    note_fairness(benchmark, "this router over ARI", run)
    note_versions(benchmark, load)
    p50, p99 = quantiles(ours, (0.5, 0.99))
    name = "Freed agent to next caller, router's and bridge's share, 50 calls/s"
    goal(benchmark, f"{name}, p50", p50, at_most=10, unit="ms")
    goal(benchmark, f"{name}, p99", p99, at_most=50, unit="ms")
    goal(benchmark, "Overtakes among equals, over Asterisk", story.overtaken(TIES_S), at_most=0)
    goal(benchmark, "Double bookings, over Asterisk", story.double_bookings(), at_most=0)
    series(benchmark, "asterisk-freed-cdf", "this router", *cumulated(whole))


@pytest.mark.parametrize(
    ("load", "row"),
    [(DEFAULT, "app_queue, ringinuse=yes (default)"), (BEST, "app_queue, ringinuse=no")],
    indirect=["load"],
)
def test_asterisks_own_queues(
    benchmark: BenchmarkFixture, load: Load, row: str, sizes: tuple[int, int, int], quick: bool
) -> None:
    _, calls, at_once = sizes
    run = carry_out(benchmark, load.by_app_queue(min(calls, CALLS_OF_APP_QUEUE), at_once))
    assert len(run.story.served()) == min(calls, CALLS_OF_APP_QUEUE)
    if quick:
        return
    note_fairness(benchmark, row, run)
    whole = [one.all_ms for one in run.story.freed()]
    if "no" in row:
        note_times(benchmark, row, whole)
        series(benchmark, "asterisk-freed-cdf", "app_queue", *cumulated(whole))


def note_times(benchmark: BenchmarkFixture, row: str, times_ms: list[float]) -> None:
    names = ("p50, ms", "p90, ms", "p99, ms", "worst, ms")
    note(benchmark, "asterisk-freed", row, dict(zip(names, quantiles(times_ms, SHARES), strict=True)))


def note_fairness(benchmark: BenchmarkFixture, row: str, run: Run) -> None:
    figures: Mapping[str, float | int] = {
        "calls": len(run.story.served()),
        "overtakes": run.story.overtaken(TIES_S),
        "double bookings": run.story.double_bookings(),
        "callers lost": run.story.lost(),
        "calls/s": run.story.calls_per_s(),
        "processors": sum(run.processors.values()),
    }
    note(benchmark, "asterisk-fair", row, figures)
    if "bridge" in run.processors:
        note(benchmark, "asterisk-use", "processors", run.processors)


def note_versions(benchmark: BenchmarkFixture, load: Load) -> None:
    asterisk = load.asterisk.ask("core show version").split()
    sipp = subprocess.run(["sipp", "-v"], capture_output=True, text=True, check=False).stdout.split()
    versions = {"Asterisk": asterisk[1], "sipp": next(word for word in sipp if word[:1] == "v").rstrip(".")}
    note(benchmark, "asterisk-versions", "versions", versions)


def cumulated(times_ms: list[float], points: int = 200) -> tuple[list[float], list[float]]:
    """Return times and the share of all that is not longer, for a plot."""
    shares = [number / points for number in range(points + 1)]
    return quantiles(times_ms, shares), shares
