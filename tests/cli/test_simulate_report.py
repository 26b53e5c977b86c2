"""Goal: tables tell what the runs found, in as many digits as the interval supports, and never cut a number."""

from __future__ import annotations

import io
import json
from typing import Any

import msgspec
import pytest
from rich.console import Console

from router.cli.simulate_comparison import ComparisonReport, print_comparison
from router.cli.simulate_format import CONSOLE_WIDTH, LABEL_WIDTH_MAX, align, label, new_console, show
from router.cli.simulate_report import (
    CALL_TABLES,
    SUBJECTS_SHOWN_MAX,
    SimulationReport,
    print_report,
    summary_data,
    units_data,
)
from router.engine.settings import MINUTE_US
from router.fairness import Point, Report
from router.simulation.compare import compare, shared_callers
from router.simulation.metrics import METRICS
from router.simulation.results import Balance, Replication
from router.simulation.scenario.model import Hunting
from router.simulation.student import estimate
from router.simulation.summary import summarise
from tests.simulation.made_runs import make_agent, make_callers, make_calls, make_no_calls, make_run, make_scenario

WIDTH_GOOD = 100


def report_of(
    *runs: Replication, fairness: Report | None = None, preset: str | None = None, **changes: Any
) -> SimulationReport:
    return SimulationReport(
        scenario=make_scenario(replications=len(runs), **changes),
        preset=preset,
        runs=runs,
        summary=summarise(runs),
        fairness=fairness,
    )


def text_of(report: SimulationReport | ComparisonReport) -> str:
    console = Console(width=CONSOLE_WIDTH, soft_wrap=True, highlight=False, file=io.StringIO())
    if isinstance(report, ComparisonReport):
        print_comparison(report, console)
    else:
        print_report(report, console)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def row(text: str, table: str, name: str) -> list[str]:
    """Return the figures in the row of a name, of the table with a title."""
    lines = text.split(f"\n{table}\n")[1].split("\n\n")[0].splitlines()
    (found,) = (line for line in lines if line.startswith(f"{name}  "))
    return [cell.strip() for cell in found.removeprefix(name).split("  ") if cell.strip()]


def three_runs(**changes: Any) -> tuple[Replication, ...]:
    return tuple(
        make_run(n, queues={"loans": make_calls(**{"offered": 100 + n, "refused": 1 + n, **changes})}) for n in range(3)
    )


@pytest.mark.parametrize(
    ("metric", "values", "expected"),
    [
        ("offered", [100.0, 200.0, 300.0], ("200", "±248")),
        ("offered", [100.0], ("100", "")),
        ("offered", [100.0, 100.0], ("100", "±0")),
        ("offered", [1234567.0, 1234569.0], ("1,234,568", "±13")),
        ("offered", [1.0, 2.0], ("1.5", "±6.4")),
        ("service_level", [0.8, 0.8001], ("80.005", "±0.064")),
        ("service_level", [0.8], ("80.0", "")),
        ("wait_served_mean_us", [12.3e6, 12.4e6], ("12.35", "±0.64")),
        ("wait_served_mean_us", [None, 12.34e6], ("12.3*", "±–")),
        ("wait_served_mean_us", [None, None], ("–", "")),
        ("jain", [0.99990, 0.99992], ("0.99991", "±0.00013")),
        ("length_max", [7.0], ("7", "")),
        ("length_mean", [7.125], ("7.12", "")),
        ("satisfaction", [4.25, 4.25], ("4.25", "±0")),
    ],
)
def test_a_figure_has_the_digits_that_its_interval_supports(
    metric: str, values: list[float | None], expected: tuple[str, str]
) -> None:
    assert show(metric, estimate(values)) == expected


def test_columns_are_in_line() -> None:
    assert align([("1.0", "±0.5"), ("23.0", "±12"), ("–", "")]) == ["1.0 ±0.5", "23.0 ±12 ", "–     "]
    assert align([("1", ""), ("23", "")]) == ["1", "23"]


def test_a_long_or_odd_name_stays_on_its_line() -> None:
    assert label("loans").plain == "loans"
    assert label("x" * 200).plain == "x" * (LABEL_WIDTH_MAX - 1) + "…"
    assert label("a\nb\x1b[31m[bold]").plain == "a?b?[31m[bold]"


def test_the_tables_tell_the_figures() -> None:
    text = text_of(report_of(*three_runs(), warm_up_us=30 * MINUTE_US))
    assert text.startswith("hotline.toml: 3 replications of 1h, after a warm-up of 30m, seed 7\n")
    assert "95 % confidence interval (Student's t)" in text
    assert row(text, "Calls", "all") == ["101.0 ±2.5", "80 ±0", "15 ±0", "4 ±0", "2.0 ±2.5"]
    assert row(text, "Wait of the answered", "all") == ["10.0 ±0", "50.0 ±0", "80.0 ±0", "95.0 ±0"]
    assert row(text, "Agents", "senior")[:2] == ["2 ±0", "25.0 ±0"]
    assert row(text, "Each agent", "senior-2")[:2] == ["30.0 ±0", "60.0 ±0"]
    assert "RAQFM variance (discrimination between calls): 2.000 ±0 s²" in text
    assert "Flow of calls and Little's law: hold exactly in every run" in text
    assert "Events: 7,500 of 3,000 commands; hash " in text
    assert "unfinished" not in text  # 0 everywhere
    assert "rejected" not in text
    assert "redials" in text
    assert "redials" not in text_of(report_of(*three_runs(redials=0)))


def test_what_is_not_zero_anywhere_is_told() -> None:
    agents = (make_agent("a", "g", rejected=2, not_answered=1),)
    runs = (make_run(queues={"loans": make_calls(offered=101, unfinished=1)}, agents=agents),)
    text = text_of(report_of(*runs))
    assert "unfinished" in text
    assert "\ng  " not in text.split("\nAgents\n")[1]  # one group and one agent: they are all
    assert "\ng  " not in text.split("\nOffers to agents\n")[1]
    assert row(text, "Offers to agents", "all") == ["40", "2", "1"]


def test_one_replication_has_no_intervals_and_says_so() -> None:
    text = text_of(report_of(make_run()))
    assert "One replication: no intervals. They need two or more" in text
    assert "±" not in text
    assert "1 replication of 1h" in text


def test_runs_without_such_calls_are_marked() -> None:
    runs = (make_run(0), make_run(1), make_run(2, queues={"loans": make_no_calls()}))
    text = text_of(report_of(*runs))
    assert "70.0* ±0" in text
    assert "* only some of the replications have such calls" in text
    assert "* only" not in text_of(report_of(*three_runs()))


def test_queues_and_callers_have_rows_where_they_say_more() -> None:
    queues = {"loans": make_calls(), "cards": make_calls(offered=100, answered=79, abandoned=16)}
    run = make_run(queues=queues, callers={"loans": make_calls(), "vip": make_calls(answered=1), "known": make_calls()})
    text = text_of(report_of(run))
    for there in ("queue loans", "queue cards", "callers vip"):
        assert row(text, "Calls", there)
    assert "callers loans" not in text  # just the queue's
    assert "queue" not in text_of(report_of(make_run()))  # one queue: all calls are its calls


def test_no_number_is_cut_and_a_usual_report_fits_100_columns() -> None:
    names = [f"a queue of quite a long name, {n}" for n in range(4)]
    runs = [make_run(n, queues=dict.fromkeys(names, make_calls(offered=123456 + 10**4 * n))) for n in range(4)]
    text = text_of(report_of(*runs))
    head = label(f"queue {names[0]}").plain
    lines = [line for line in text.splitlines() if line.startswith(head)]
    assert len(lines) == 4 * len(CALL_TABLES)
    assert row(text, "Calls", "all")[0] == "138,456 ±20,543"
    for line in lines:
        assert len(line) <= WIDTH_GOOD
        assert "…" not in line.removeprefix(head)


def test_many_agents_are_left_to_json() -> None:
    agents = tuple(make_agent(f"a-{n}", "a") for n in range(SUBJECTS_SHOWN_MAX + 1))
    text = text_of(report_of(make_run(agents=agents)))
    assert f"{SUBJECTS_SHOWN_MAX + 1} agents: --json and --plot have each of them" in text
    assert "a-3" not in text
    alone = tuple(make_agent(f"a-{n}", f"a-{n}") for n in range(SUBJECTS_SHOWN_MAX + 1))
    assert "a-3" not in text_of(report_of(make_run(agents=alone)))


@pytest.mark.parametrize(
    "changes",
    [
        {"balance": Balance(1, 99, 100, 0, 1000, 1001)},
        {"balance": Balance(1, 99, 99, 0, 1000, 1000)},
        {"calls": make_calls(answered=81)},
    ],
)
def test_a_broken_balance_is_said_and_is_not_sound(changes: dict[str, Any]) -> None:
    report = report_of(make_run(0), make_run(1, **changes))
    assert not report.sound
    assert "Flow of calls and Little's law: BROKEN" in text_of(report)
    assert [run["balanced"] for run in report.as_json()["runs"]] == [True, False]
    assert report_of(make_run(0), make_run(1)).sound


def test_queues_that_grow_are_said() -> None:
    growing = make_run(1, balance=Balance(2, 98, 80, 20, 1000, 1000))
    text = text_of(report_of(make_run(0), growing))
    assert "Queues grew: 1.5 calls waited when the measured time began, 10.0 when it ended." in text
    both = text_of(comparison_of(report_of(make_run(0), make_run(1)), report_of(make_run(0), growing, source="b.toml")))
    assert "\nB: Queues grew: 1.5 calls" in both
    assert "A: Queues grew" not in both
    assert "Queues grew" not in text_of(report_of(make_run(0), make_run(1)))


def fairness(*points: Point) -> Report:
    counts = {point: 2 for point in points}
    zeros = dict.fromkeys(("calls", "offers", "assignments", "forced", "slips_max", "calls_overtaking"), 0)
    return Report(
        violations=(), violation_counts=counts, commands=10, events=20, slips=3, skips=3, calls_overtaken=1,
        occupancy={}, jain=None, **zeros,
    )  # fmt: skip


def test_the_verdict_of_the_checker_is_part_of_the_report() -> None:
    good, bad = report_of(make_run(), fairness=fairness()), report_of(make_run(), fairness=fairness(Point.KIN_IN_ORDER))
    assert "Fairness contract: holds over 10 commands and 20 events; 3 slips" in text_of(good)
    assert "Fairness contract: broken, 2 violations" in text_of(bad)
    assert good.sound
    assert not bad.sound
    assert good.as_json()["fairness"]["holds"] is True
    assert bad.as_json()["fairness"]["violation_counts"] == {"3": 2}
    assert "Fairness" not in text_of(report_of(make_run()))


def test_hunting_and_preset_are_named() -> None:
    assert "any free agent hunted for" in text_of(report_of(make_run(), hunting=Hunting()))
    assert "preset most-skilled" in text_of(report_of(make_run(), preset="most-skilled"))


def test_a_name_is_never_read_as_markup() -> None:
    text = text_of(
        report_of(make_run(queues={"[red]loans[/red]": make_calls(), "b": make_calls()}), source="[b]x.toml")
    )
    assert "queue [red]loans[/red]" in text
    assert text.startswith("[b]x.toml: ")


def test_json_has_every_figure_of_everything() -> None:
    report = report_of(*three_runs())
    data = json.loads(msgspec.json.encode(report.as_json()))
    assert data["overall"].keys() == METRICS.keys() == units_data().keys()
    offered = data["queues"]["loans"]["offered"]
    assert offered["values"] == [100, 101, 102]
    assert offered["mean"] == 101
    assert offered["high"] - 101 == pytest.approx(101 - offered["low"]) == pytest.approx(2.4841, abs=1e-4)
    assert data["agents"]["senior-1"]["occupancy"]["mean"] == pytest.approx(0.4)
    assert data["groups"]["senior"]["jain"]["mean"] == pytest.approx(1 / 1.04)
    assert data["callers"].keys() == {"loans"}
    assert data["runs"][2]["event_hash"] == "fedcba9876543212"
    assert data["runs"][0]["balance"]["entered"] == 99
    assert (data["replications"], data["seed"], data["length_us"], data["ending"]) == (3, 7, 60 * MINUTE_US, "drain")
    assert data["fairness"] is None
    one = summary_data(summarise([make_run()]))["overall"]["offered"]
    assert one == {"mean": 100.0, "low": None, "high": None, "values": (100.0,)}


def test_the_hash_tells_runs_apart() -> None:
    a, b = report_of(make_run(0), make_run(1)), report_of(make_run(0), make_run(1, event_hash=5))
    assert a.event_hash == report_of(make_run(0), make_run(1)).event_hash != b.event_hash


def comparison_of(a: SimulationReport, b: SimulationReport) -> ComparisonReport:
    return ComparisonReport(a=a, b=b, comparison=compare(a.summary, b.summary, shared_callers(a.scenario, b.scenario)))


def test_a_comparison_shows_both_sides_the_difference_and_a_mark() -> None:
    a = report_of(*three_runs(abandoned=14, answered=81))
    b = report_of(*three_runs(), source="b.toml", preset="balanced")
    text = text_of(comparison_of(a, b))
    assert "A  hotline.toml: 3 replications" in text
    assert "B  b.toml: 3 replications of 1h, without warm-up, seed 7, preset balanced" in text
    assert "the same callers in both: loans" in text
    assert row(text, "All", "answered") == ["81 ±0", "80 ±0", "-1 ±0", "◀"]
    assert row(text, "All", "abandoned") == ["14 ±0", "15 ±0", "+1 ±0", "◀"]
    assert row(text, "All", "offered") == ["101.0 ±2.5", "101.0 ±2.5", "0 ±0"]
    assert row(text, "group senior", "occupancy, %") == ["50.0 ±0", "50.0 ±0", "0.0 ±0"]
    assert "\nunfinished" not in text
    for line in text.splitlines():
        assert len(line) <= WIDTH_GOOD or "event hash" in line, line


def test_a_comparison_says_what_it_does_not_compare() -> None:
    other = make_run(0, queues={"loans": make_calls(), "cards": make_calls()}, agents=(make_agent("x", "x"),))
    a = report_of(make_run(0), callers=(make_callers(), make_callers("cash"), make_callers("vip")))
    b = report_of(other, callers=(make_callers(handle_time=make_callers().handle_time), make_callers("cards"),
                                  make_callers("cash", resolution_by_level=((0, 0.5),))))  # fmt: skip
    text = text_of(comparison_of(a, b))
    assert "the same callers in both: loans\n" in text
    assert "callers of one name that behave differently: cash\n" in text
    assert "callers in A only: vip\n" in text
    assert "callers in B only: cards\n" in text
    assert text.count("queues in B only, not compared: cards") == 1
    assert "groups in A only, not compared: junior, senior" in text
    assert "groups in B only, not compared: x" in text
    assert "No callers are the same" not in text
    assert "its interval does not contain 0" not in text  # one replication: there is none
    alone = comparison_of(a, report_of(make_run(0), callers=(make_callers("other"),)))
    assert "No callers are the same" in text_of(alone)


def test_a_comparison_as_json() -> None:
    a, b = report_of(*three_runs(abandoned=14, answered=81)), report_of(*three_runs(), source="b.toml")
    data = json.loads(msgspec.json.encode(comparison_of(a, b).as_json()))
    assert data["difference"]["overall"]["answered"] == {"mean": -1, "low": -1, "high": -1, "values": [-1, -1, -1]}
    assert data["a"]["scenario"] == "hotline.toml"
    assert data["b"]["scenario"] == "b.toml"
    assert data["callers_shared"] == {"same": ["loans"], "changed": [], "only_a": [], "only_b": []}


def test_the_console_is_wide_enough_for_any_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert new_console().width == CONSOLE_WIDTH
