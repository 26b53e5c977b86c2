"""Goal: `skill-router simulate` runs what a user wrote, refuses what is wrong before, and tells scripts the truth."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from router.cli.main import main
from router.cli.simulate import SLICES, command
from router.config import PRESETS, with_preset
from router.fairness import Checker
from router.simulation import load_scenario
from router.simulation.errors import SimulationError
from router.simulation.metrics import METRICS
from router.simulation.run import simulate
from router.simulation.summary import summarise
from tests.simulation.logs import REPOSITORY

SCENARIO = """
[simulation]
length = "1h"
warm_up = "10m"
replications = 3
seed = 5

[router.queues.loans]
skills = { loans = 1 }
target = "1m"

[router.queues.cards]
skills = { cards = 1 }

[callers.loans]
rate = "60/h"
handle_time = { family = "exponential", mean = "3m" }
patience = { family = "exponential", mean = "4m" }
resolution_by_level = { 1 = 0.4, 5 = 0.9 }
satisfaction_by_wait = { 0s = 4.5, 2m = 3.0 }
redial_unresolved = { chance = 0.5, after = "5m", times_max = 2 }

[callers.cards]
rate = "40/h"
handle_time = { family = "gamma", mean = "2m", cv = 0.5 }

[agents.junior]
count = 3
skills = { loans = 2 }
ring = "2s"

[agents.senior]
count = 3
skills = { loans = 6, cards = 6 }
ring = "2s"
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "hotline.toml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture
def staffed(tmp_path: Path) -> Path:
    path = tmp_path / "staffed.toml"
    path.write_text(SCENARIO.replace("count = 3\nskills = { loans = 2 }", "count = 5\nskills = { loans = 2 }"))
    return path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def json_of(*arguments: object) -> Any:
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def words_of(result: Result) -> str:
    return " ".join(result.output.replace("│", " ").split())


def test_tables_tell_what_was_run_and_found(scenario: Path) -> None:
    result = invoke(scenario)
    assert result.exit_code == 0, result.output
    assert f"{scenario}: 3 replications of 1h, after a warm-up of 10m, seed 5\n" in result.stdout
    for table in (
        "Calls",
        "Service",
        "Wait of the answered",
        "Wait of all",
        "Outcome",
        "Overtaking",
        "Agents",
        "Offers to agents",
        "Each agent",
    ):
        assert f"\n{table}\n" in result.stdout
    for name in ("queue loans", "queue cards", "junior-1", "senior-3"):
        assert name in result.stdout
    assert "Flow of calls and Little's law: hold exactly in every run" in result.stdout
    assert "±" in result.stdout
    assert result.stderr == ""


def test_the_figures_are_those_of_the_runs(scenario: Path) -> None:
    data = json_of(scenario)
    loaded = load_scenario(scenario)
    found = summarise(simulate(loaded), loaded.callers)
    assert data["overall"].keys() == METRICS.keys() == data["units"].keys()
    for metric, estimate in found.overall.items():
        shown = data["overall"][metric]
        assert (shown["mean"], shown["low"], shown["high"]) == (estimate.mean, estimate.low, estimate.high)
        assert tuple(shown["values"]) == estimate.values
    assert data["confidence"] == 0.95
    assert data["overall"]["offered"]["mean"] > 60
    assert 0 < data["queues"]["loans"]["resolution"]["mean"] < 1
    assert data["queues"]["cards"]["resolution"]["mean"] is None
    told = data["queues"]["loans"]["first_call_resolution"]
    assert data["overall"]["first_call_resolution"] == told  # nobody knows it of the others
    assert data["fairness"] is None
    assert [run["number"] for run in data["runs"]] == [0, 1, 2]
    assert all(run["balanced"] for run in data["runs"])


def test_output_is_the_same_every_time_and_on_any_number_of_threads(scenario: Path) -> None:
    first = invoke(scenario, "--json").stdout
    assert (
        invoke(scenario, "--json", "--threads", 3).stdout == invoke(scenario, "--json", "--threads", 1).stdout == first
    )
    assert invoke(scenario).stdout == invoke(scenario).stdout


def test_the_options_take_the_place_of_the_scenarios_values(scenario: Path) -> None:
    plain = json_of(scenario)
    more = json_of(scenario, "--replications", 5)
    assert (more["replications"], len(more["runs"])) == (5, 5)
    assert more["runs"][:3] == plain["runs"]
    other = json_of(scenario, "--seed", 6)
    assert other["seed"] == 6
    assert other["event_hash"] != plain["event_hash"]


def test_one_replication_has_no_interval(scenario: Path) -> None:
    assert "One replication: no intervals" in invoke(scenario, "--replications", 1).stdout
    offered = json_of(scenario, "--replications", 1)["overall"]["offered"]
    assert offered["low"] is None
    assert offered["high"] is None
    assert offered["values"] == [offered["mean"]]


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_preset_rules_every_queue(scenario: Path, preset: str) -> None:
    data = json_of(scenario, "--preset", preset, "--replications", 1)
    loaded = load_scenario(scenario)
    (run,) = simulate(msgspec.structs.replace(loaded, settings=with_preset(loaded.settings, preset), replications=1))
    assert data["preset"] == preset
    assert data["runs"][0]["event_hash"] == f"{run.event_hash:016x}"


def test_the_checker_goes_over_a_run(scenario: Path) -> None:
    result = invoke(scenario, "--check")
    assert result.exit_code == 0, result.output
    assert "Fairness contract: holds over " in result.stdout
    data = json_of(scenario, "--check")
    assert data["fairness"]["holds"] is True
    assert data["fairness"]["commands"] == data["runs"][0]["commands"]
    assert data["fairness"]["events"] == data["runs"][0]["events"]


def test_a_broken_contract_ends_with_1(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class ForgetfulChecker(Checker):
        """One that misses every second command, so that what it sees does not hang together."""

        seen = 0

        def observe(self, *history: Any) -> None:
            self.seen += 1
            if self.seen % 2:
                super().observe(*history)

    monkeypatch.setattr("router.cli.simulate_run.Checker", ForgetfulChecker)
    result = invoke(scenario, "--check")
    assert result.exit_code == 1
    assert "Fairness contract: broken" in result.stdout
    assert "Wait of the answered" in result.stdout


def test_a_comparison_is_paired_and_uses_common_random_numbers(scenario: Path, staffed: Path) -> None:
    data = json_of(scenario, "--compare", staffed, "--replications", 4)
    assert data["a"]["scenario"].endswith("hotline.toml")
    assert data["b"]["scenario"].endswith("staffed.toml")
    assert data["b"]["replications"] == 4
    assert data["callers_shared"]["same"] == ["loans", "cards"]
    of_a, of_b = (data[side]["queues"]["cards"]["offered"]["values"] for side in "ab")
    assert of_a == of_b  # the very same callers
    waits = [data[side]["queues"]["loans"]["wait_all_mean_us"]["values"] for side in "ab"]
    difference = data["difference"]["queues"]["loans"]["wait_all_mean_us"]
    assert difference["values"] == [b - a for a, b in zip(*waits, strict=True)]
    assert difference["mean"] < 0
    text = invoke(scenario, "--compare", staffed).stdout
    assert "B − A" in text
    assert "the same callers in both: loans, cards" in text


def test_the_same_scenario_twice_differs_in_nothing(scenario: Path) -> None:
    data = json_of(scenario, "--compare", scenario)
    for metric, found in data["difference"]["overall"].items():
        assert found["mean"] in (0, None), metric


def test_b_takes_the_length_and_the_seed_of_a(scenario: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(
        SCENARIO.replace('"1h"', '"2h"').replace("seed = 5", "seed = 9").replace("replications = 3", "replications = 8")
    )
    data = json_of(scenario, "--compare", other)
    assert data["a"]["event_hash"] == data["b"]["event_hash"]
    assert json_of(scenario, "--compare", other, "--seed", 9)["b"]["seed"] == 9


def test_presets_of_both_sides(scenario: Path) -> None:
    data = json_of(scenario, "--compare-preset", "most-skilled", "--preset", "fcfs-longest-idle", "--replications", 2)
    assert (data["a"]["preset"], data["b"]["preset"]) == ("fcfs-longest-idle", "most-skilled")
    assert data["a"]["scenario"] == data["b"]["scenario"]
    assert data["a"]["event_hash"] != data["b"]["event_hash"]
    plain = json_of(scenario, "--compare-preset", "most-skilled", "--replications", 2)
    assert plain["a"]["preset"] is None


def test_a_check_of_both_sides(scenario: Path, staffed: Path) -> None:
    data = json_of(scenario, "--compare", staffed, "--check", "--replications", 1)
    assert data["a"]["fairness"]["holds"] is data["b"]["fairness"]["holds"] is True
    assert data["a"]["fairness"]["commands"] != data["b"]["fairness"]["commands"]


def test_plots_are_written(scenario: Path, staffed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "plots"
    result = invoke(scenario, "--plot", folder, "--replications", 2)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in folder.iterdir()) == ["load.png", "queues.png", "waits.png"]
    assert f"wrote {folder / 'waits.png'}" in result.stderr
    assert "wrote" not in result.stdout
    assert result.stdout == invoke(scenario, "--replications", 2).stdout
    before = (folder / "load.png").read_bytes()
    assert invoke(scenario, "--plot", folder, "--compare", staffed, "--replications", 2).exit_code == 0
    assert (folder / "load.png").read_bytes() != before


def test_plots_over_time_show_the_measured_time_of_the_runs(
    scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("router.cli.simulate_plots.write_plots", lambda folder, reports: drawn.extend(reports) or [])
    assert invoke(scenario, "--plot", tmp_path / "plots").exit_code == 0
    (report,) = drawn
    for run in report.runs:
        assert len(run.series.offered) == SLICES
        assert sum(run.series.offered) == run.calls.offered
        mean = sum(run.series.waiting["loans"]) / SLICES
        assert mean == pytest.approx(run.queues["loans"].length_integral_us / run.length_us, rel=1e-6)


def test_plots_without_matplotlib_are_refused_before_anything_runs(
    scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("router.cli.simulate.run_scenario", _never)
    result = invoke(scenario, "--plot", tmp_path / "plots")
    assert result.exit_code == 2
    assert "--plot needs matplotlib: pip install 'skill-router[plot]'" in words_of(result)
    assert not (tmp_path / "plots").exists()


def test_a_plot_folder_that_cannot_be_is_refused_before_anything_runs(
    scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.cli.simulate.run_scenario", _never)
    for folder in (scenario, scenario / "plots", "/proc/plots"):
        result = invoke(scenario, "--plot", folder)
        assert result.exit_code == 2, folder
        assert "--plot" in result.output
    assert "a folder that you may write to is right" in words_of(invoke(scenario, "--plot", scenario / "plots"))


def _never(*_: object, **__: object) -> None:
    raise AssertionError("it ran")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--replications", "0"],
        ["--replications", "1.5"],
        ["--replications", "10001"],
        ["--seed", "-1"],
        ["--seed", str(2**63)],
        ["--threads", "0"],
        ["--preset", "best"],
        ["--compare-preset", "best"],
        ["--compare"],
        ["--plot"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_before_anything_runs(
    scenario: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.cli.simulate.run_scenario", _never)
    result = invoke(scenario, *arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.output


def test_no_scenario_ends_with_2() -> None:
    assert invoke().exit_code == 2


def test_a_preset_for_hunting_is_refused(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario.write_text(SCENARIO + "\n[hunting]\n")
    monkeypatch.setattr("router.cli.simulate.run_scenario", _never)
    for option in ("--preset", "--compare-preset"):
        result = invoke(scenario, option, "balanced")
        assert result.exit_code == 2
        assert "weights count for nothing" in words_of(result)


def test_hunting_is_run_and_named(scenario: Path, tmp_path: Path) -> None:
    hunting = tmp_path / "hunting.toml"
    hunting.write_text(SCENARIO + "\n[hunting]\n")
    data = json_of(scenario, "--compare", hunting, "--check", "--replications", 2)
    assert (data["a"]["hunting"], data["b"]["hunting"]) == (False, True)
    assert data["a"]["queues"]["cards"]["offered"] == data["b"]["queues"]["cards"]["offered"]
    assert "any free agent hunted for" in invoke(hunting, "--replications", 1).stdout


@pytest.mark.parametrize("option", [[], ["--compare"]])
def test_a_scenario_that_is_not_there_is_one_sentence(scenario: Path, tmp_path: Path, option: list[str]) -> None:
    result = invoke(*([scenario] if option else []), *option, tmp_path / "none.toml")
    assert result.exit_code == 1
    assert "none.toml: there is no such file; name a scenario file" in result.stderr
    assert result.stderr.count("\n") == 2
    assert result.stdout == ""


def test_a_folder_is_no_scenario(tmp_path: Path) -> None:
    result = invoke(tmp_path)
    assert result.exit_code == 1
    assert str(tmp_path) in result.stderr
    assert "Traceback" not in result.output


def test_every_problem_of_a_scenario_is_told_at_once(scenario: Path) -> None:
    scenario.write_text(SCENARIO.replace('"1h"', '"soon"').replace('rate = "40/h"', 'rate = "often"'))
    result = invoke(scenario)
    assert result.exit_code == 1
    assert f"{scenario}:3: simulation.length: " in result.stderr
    assert "callers.cards.rate: " in result.stderr
    assert "2 problems; nothing was run" in result.stderr
    assert result.stdout == ""


def test_hints_go_to_standard_error(scenario: Path) -> None:
    scenario.write_text(
        SCENARIO.replace("skills = { loans = 6, cards = 6 }", "skills = { loans = 6, cards = 6, golf = 3 }")
    )
    hints = load_scenario(scenario).hints
    result = invoke(scenario, "--json", "--replications", 1)
    assert result.exit_code == 0
    assert result.stderr.count("Hint: ") == len(hints) > 0
    json.loads(result.stdout)
    again = invoke(scenario, "--compare-preset", "balanced", "--replications", 1)
    assert again.stderr.count("Hint: ") == len(hints)


def test_a_run_that_cannot_go_on_ends_with_1(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise SimulationError("too many calls; fewer are right")

    monkeypatch.setattr("router.cli.simulate.run_scenario", fail)
    result = invoke(scenario)
    assert result.exit_code == 1
    assert result.stderr == "Error: too many calls; fewer are right\n"


@pytest.mark.parametrize("where", ["run_scenario", "check_fairness"])
def test_an_interruption_ends_with_130_and_a_word(scenario: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"router.cli.simulate.{where}", interrupt)
    result = invoke(scenario, "--check")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert result.stderr == "Interrupted: the runs were stopped, and there is nothing to report.\n"


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_run_stops_at_once(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario.write_text(SCENARIO.replace('"1h"', '"366d"').replace("replications = 3", "replications = 30"))
    monkeypatch.setattr("router.cli.simulate_run.DelayedBar.update", lambda *_: signal.raise_signal(signal.SIGINT))
    result = invoke(scenario)
    assert result.exit_code == 130
    assert result.stderr.startswith("Interrupted: ")


def test_the_progress_bar_stays_out_of_the_output(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = invoke(scenario, "--json", "--check").stdout
    monkeypatch.setattr("router.cli.progress.PROGRESS_AFTER_S", -1.0)
    assert invoke(scenario, "--json", "--check").stdout == plain


def test_help_teaches() -> None:
    result = CliRunner().invoke(main, ["simulate", "--help"], terminal_width=100)
    assert result.exit_code == 0
    for expected in ("--replications", "--compare", "--plot", "--check", "init-scenario", "docs/simulation.md", "130"):
        assert expected in result.stdout


def test_every_option_is_documented() -> None:
    text = (REPOSITORY / "docs" / "simulation.md").read_text(encoding="utf-8")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            for name in parameter.opts:
                assert f"`{name}" in text or name in ("--help", "-h"), name


def test_every_figure_is_documented() -> None:
    text = (REPOSITORY / "docs" / "simulation.md").read_text(encoding="utf-8")
    for metric in METRICS.values():
        assert f"| `{metric.name}` | {metric.title} | {metric.unit.value} | {metric.doc} |\n" in text
