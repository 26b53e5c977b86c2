"""Goal: the plots show what the runs found, the same picture every time, one panel a scenario."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.container import BarContainer

from router.cli.simulate_plots import LINES_MAX, draw_load, draw_queues, draw_waits, time_scale, write_plots
from router.cli.simulate_report import SimulationReport
from router.engine.settings import HOUR_US, MINUTE_US, SECOND_US
from router.simulation.results import Replication
from router.simulation.student import estimate
from router.simulation.summary import summarise
from tests.simulation.made_runs import make_agent, make_calls, make_no_calls, make_run, make_scenario, make_series


def report_of(*runs: Replication, source: str = "a.toml", preset: str | None = None) -> SimulationReport:
    scenario = make_scenario(source=source, replications=len(runs))
    return SimulationReport(scenario=scenario, preset=preset, runs=runs, summary=summarise(runs))


@pytest.fixture
def report() -> SimulationReport:
    queues = {"loans": make_calls(), "cards": make_calls(wait_served_percentiles_us=(3.0 * SECOND_US,) * 99)}
    return report_of(
        *(make_run(n, queues=queues, series=make_series({"loans": 4.0 + n, "cards": 1.0})) for n in (0, 1, 2))
    )


def labels(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def test_waits_are_the_shares_that_waited_at_most_so_long(report: SimulationReport) -> None:
    (axes,) = draw_waits([report]).axes
    lines = {(line.get_label(), line.get_linestyle()): line for line in axes.lines}
    assert set(lines) == {("loans", "-"), ("_loans", "--"), ("cards", "-"), ("_cards", "--")}
    answered = lines["loans", "-"]
    assert list(answered.get_xdata()) == pytest.approx(range(1, 100))  # seconds
    assert list(answered.get_ydata()) == list(range(1, 100))  # per cent
    assert list(lines["_loans", "--"].get_xdata()) == pytest.approx(range(2, 200, 2))
    assert set(lines["cards", "-"].get_xdata()) == {3.0}
    assert answered.get_color() == lines["_loans", "--"].get_color() != lines["cards", "-"].get_color()
    assert (axes.get_ylim(), axes.get_xlim()[0]) == ((0, 100), 0)
    assert axes.get_xlabel() == "wait, seconds"
    assert labels(axes) == ["loans", "cards"]
    assert axes.get_legend().get_title().get_text() == "solid: of the answered; dashed: of all"
    assert axes.get_title() == "a.toml"


def test_waits_are_means_over_the_runs_that_have_some() -> None:
    slow = make_calls(wait_served_percentiles_us=tuple(float(n * 3 * SECOND_US) for n in range(1, 100)))
    runs = [make_run(n, queues={"loans": calls}) for n, calls in enumerate((make_calls(), slow, make_no_calls()))]
    (axes,) = draw_waits([report_of(*runs)]).axes
    assert list(axes.lines[0].get_xdata()) == pytest.approx(range(2, 200, 2))


def test_queues_over_time_have_a_mean_and_a_band(report: SimulationReport) -> None:
    waiting, agents = draw_queues([report]).axes
    loans = next(line for line in waiting.lines if line.get_label() == "loans")
    assert list(loans.get_xdata()) == [5, 15, 25, 35, 45, 55]  # the middles of slices of ten minutes
    assert list(loans.get_ydata()) == pytest.approx([5, 10, 10, 10, 10, 10])
    band = waiting.collections[0].get_paths()[0].get_extents()
    of_the_mean = estimate([8.0, 10.0, 12.0])
    assert band.y1 == pytest.approx(of_the_mean.high)
    assert waiting.get_xlim() == (0, 60)
    assert waiting.get_ylim()[0] == agents.get_ylim()[0] == 0
    assert waiting.get_xlabel() == "measured time, minutes"
    assert labels(waiting) == ["loans", "cards"]
    lines = {line.get_label(): line for line in agents.lines}
    assert set(lines["signed in"].get_ydata()) == {3.0}
    assert set(lines["busy"].get_ydata()) == {2.0}


def test_one_run_has_no_band() -> None:
    waiting, _ = draw_queues([report_of(make_run(series=make_series({"loans": 4.0})))]).axes
    assert list(waiting.lines[0].get_ydata()) == [4, 8, 8, 8, 8, 8]
    assert not waiting.collections


def test_load_is_sorted_within_each_group() -> None:
    def agents(shift: float) -> tuple:  # type: ignore[type-arg]
        busy = {"s-1": 0.6, "s-2": 0.4, "s-3": 0.5}
        return (
            make_agent("junior", "junior", 0.8),
            *(make_agent(name, "s", share + shift) for name, share in busy.items()),
        )

    (axes,) = draw_load([report_of(make_run(0, agents=agents(0.0)), make_run(1, agents=agents(0.1)))]).axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == pytest.approx([80, 45, 55, 65])
    (errors,) = [each for each in axes.containers if isinstance(each, BarContainer) and len(each) == 3]
    half_width = estimate([0.4, 0.5]).half_width
    assert half_width is not None
    segments = errors.errorbar.lines[2][0].get_segments()  # type: ignore[union-attr]
    assert segments[0][1][1] - segments[0][0][1] == pytest.approx(2 * 100 * half_width)
    assert axes.get_ylabel() == "occupancy, %"
    assert labels(axes) == ["junior", "s"]


def test_two_scenarios_stand_side_by_side_on_one_scale(report: SimulationReport) -> None:
    slow = {"loans": make_calls(wait_all_percentiles_us=tuple(float(n * 2.9 * SECOND_US) for n in range(1, 100)))}
    runs = [make_run(n, queues=slow, series=make_series({"loans": 50.0})) for n in (0, 1)]
    longer = report_of(*runs, source="b.toml", preset="balanced")
    a, b = draw_waits([report, longer]).axes
    assert (a.get_title(), b.get_title()) == ("A: a.toml", "B: b.toml, balanced")
    assert a.get_xlim() == b.get_xlim()
    assert 2.9 * 99 < a.get_xlim()[1] < 2.9 * 99 * 1.1
    grid = draw_queues([report, longer]).axes
    assert len(grid) == 4
    assert grid[0].get_ylim() == grid[1].get_ylim()
    assert 100 < grid[0].get_ylim()[1] < 110
    assert len(draw_load([report, longer]).axes) == 2


def test_more_queues_than_can_be_told_apart_are_left_out_and_said() -> None:
    queues = {f"q{n}": make_calls(offered=100 + n) for n in range(LINES_MAX + 3)}
    (axes,) = draw_waits([report_of(make_run(queues=queues))]).axes
    assert labels(axes) == [f"q{n}" for n in range(3, LINES_MAX + 3)]
    assert "10 busiest queues; 3 more" in axes.get_legend().get_title().get_text()


def test_files_come_out_the_same_every_time(report: SimulationReport, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    paths = write_plots(tmp_path / "one", [report])
    assert [path.name for path in paths] == ["waits.png", "queues.png", "load.png"]
    for path, again in zip(paths, write_plots(tmp_path / "two", [report]), strict=True):
        assert path.read_bytes() == again.read_bytes()
        assert path.read_bytes().startswith(b"\x89PNG")


def test_any_name_and_no_calls_at_all_can_be_drawn(tmp_path: Path) -> None:
    queues = {"$\\frac{a$": make_no_calls(), "_hidden": make_no_calls()}
    run = make_run(queues=queues, series=make_series(dict.fromkeys(queues, 0.0)))
    nobody = make_run(
        agents=(make_agent("a", "g", ready_us=0, present_us=0, busy_us=0),), series=make_series({"loans": 0.0})
    )
    for runs in ((run,), (nobody,)):
        assert len(write_plots(tmp_path, [report_of(*runs, source="$x_{$.toml")])) == 3


@pytest.mark.parametrize(
    ("longest_us", "unit"),
    [
        (0, "seconds"),
        (5 * MINUTE_US, "seconds"),
        (6 * MINUTE_US, "minutes"),
        (3 * HOUR_US, "minutes"),
        (8 * HOUR_US, "hours"),
    ],
)
def test_times_are_in_the_unit_that_suits_them(longest_us: int, unit: str) -> None:
    assert time_scale(longest_us)[1] == unit
