"""The report says what the runs found: numbers, ranges, goals, commands, and which counts of instructions are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.instructions import check
from bench.render import NOT_MEASURED, Renderer
from bench.report.missed import missed_text
from bench.report.plots import PLOTS, Plot
from bench.report.runs import Goal, Runs, UnfitRun, read_runs
from bench.report.text import goals_text, number, spread, table_text

SECTIONS = """
### Slow things

- first goal
- second goal

Because.

### Others

- third goal

Also.
"""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.004_321, "0.0043"),
        (0.5, "0.50"),
        (7.089, "7.09"),
        (60, "60"),
        (60.04, "60.0"),
        (215.4, "215"),
        (21_549.7, "21,500"),
        (1_234_567, "1.2 M"),
        (123_456_789, "123 M"),
    ],
)
def test_numbers(value: float, said: str) -> None:
    assert number(value) == said


def test_a_range_where_runs_differ() -> None:
    assert spread([3.001, 3.002]) == "3.00"
    assert spread([3.0, 4.5, 3.2]) == "3 – 4.50"
    assert spread(["ab12", "ab12"]) == "ab12"


def run_file(
    folder: Path, name: str, value: float, *, quick: bool = False, processor: str = "one", test: str = "test_speed.py"
) -> Path:
    """Write a run of one benchmark."""
    extra = {
        "tables": {"speed": [{"row": "small", "figures": {"a, µs": value}}]},
        "goals": [{"name": "first goal", "value": value, "limit": 2.0, "at_most": True, "unit": "µs"}],
        "series": {"growth": {"line": {"x": [10.0, 100.0], "y": [value, 2 * value]}}},
    }
    path = folder / name
    content = {
        "machine_info": {"bench": {"quick": quick, "processor": processor}},
        "datetime": "2026-11-22T10:00:00",
        "benchmarks": [{"fullname": f"bench/{test}::test_it[1]", "extra_info": extra}],
    }
    path.write_text(json.dumps(content))
    return path


def two_runs(folder: Path) -> Runs:
    return read_runs([run_file(folder, "one.json", 1.5), run_file(folder, "two.json", 2.5)])


def test_runs_are_put_together(tmp_path: Path) -> None:
    runs = two_runs(tmp_path)
    assert "| small | 1.50 – 2.50 |" in table_text(runs.tables["speed"])
    assert table_text(runs.tables["speed"]).startswith("| `bench/test_speed.py::test_it` | a, µs |\n|---|---:|\n")
    assert "| ≤ 2 µs | 1.50 – 2.50 µs | **missed** in 1 of 2 runs |" in goals_text(runs.goals)
    line = runs.plots["growth"]["line"]
    assert (line.x, line.y, line.low, line.high) == ([10.0, 100.0], [2.0, 4.0], [1.5, 3.0], [2.5, 5.0])


@pytest.fixture
def renderer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Renderer:
    """One for two runs, which goes its own way with the plots."""
    monkeypatch.setitem(PLOTS, "growth", Plot("How it grows", "agents", "µs"))
    return Renderer(two_runs(tmp_path), tmp_path)


def test_marks_are_filled(renderer: Renderer, tmp_path: Path) -> None:
    filled = renderer.fill("Words.\n\n{{table speed}}\n\n{{plot growth}}\n")
    assert filled.startswith("Words.\n\n| `bench/test_speed.py::test_it` |")
    assert filled.endswith("![How it grows](plots/benchmarks-growth.png)\n")
    assert (tmp_path / "benchmarks-growth.png").read_bytes().startswith(b"\x89PNG")
    renderer.check_all_shown()


def test_what_is_missing_is_said(renderer: Renderer) -> None:
    with pytest.raises(UnfitRun, match="plot growth, table speed"):
        renderer.check_all_shown()
    with pytest.raises(UnfitRun, match="table 'size' that was not measured"):
        renderer.fill("{{table size}}")
    assert renderer.fill("## Sizes\n\nIn bytes.\n\n{{table size?}}\n") == f"## Sizes\n\n{NOT_MEASURED}"
    assert renderer.fill("## Both\n\n{{table size?}}\n\n{{table speed?}}").count(NOT_MEASURED) == 1


def test_unfit_runs_are_refused(tmp_path: Path) -> None:
    good = run_file(tmp_path, "good.json", 1.0)
    with pytest.raises(UnfitRun, match="quick run"):
        read_runs([run_file(tmp_path, "quick.json", 1.0, quick=True)])
    with pytest.raises(UnfitRun, match="processor differ"):
        read_runs([good, run_file(tmp_path, "other.json", 1.0, processor="two")])


def test_what_needs_an_asterisk_may_have_runs_of_its_own(tmp_path: Path) -> None:
    full = run_file(tmp_path, "full.json", 1.0)
    part = run_file(tmp_path, "part.json", 3.0, test="asterisk/test_load.py")
    runs = read_runs([full, part])
    assert runs.count == 1
    assert runs.goals[0].values == [1.0, 3.0]
    with pytest.raises(UnfitRun, match="none is a full run"):
        read_runs([part])


def three_goals(*values: float) -> list[Goal]:
    """Return goals to stay at 2 or below, and what was measured."""
    names = ("first goal", "second goal", "third goal")
    return [Goal(name, [value], 2.0, True, "") for name, value in zip(names, values, strict=True)]


def test_only_what_was_missed_is_explained() -> None:
    assert missed_text(SECTIONS, three_goals(1.0, 3.0, 1.0)) == "### Slow things\n\n- second goal\n\nBecause."
    both = missed_text(SECTIONS, three_goals(3.0, 1.0, 3.0))
    assert both == "### Slow things\n\n- first goal\n\nBecause.\n\n### Others\n\n- third goal\n\nAlso."
    assert missed_text(SECTIONS, three_goals(1.0, 1.0, 1.0)) == "None."


def test_a_missed_goal_without_an_explanation_is_no_report() -> None:
    with pytest.raises(UnfitRun, match=r"says why: first goal; second goal$"):
        missed_text("### Others\n\n- third goal\n\nAlso.", three_goals(3.0, 3.0, 3.0))


@pytest.mark.parametrize(
    ("instructions", "result", "words"),
    [
        (10_050, "done 7", []),
        (10_200, "done 7", ["more instructions"]),
        (9_800, "done 7", ["fewer"]),
        (10_000, "done 8", ["other work"]),
    ],
)
def test_counts_of_instructions(instructions: int, result: str, words: list[str]) -> None:
    recorded: dict[str, dict[str, int | str]] = {"decisions": {"instructions": 10_000, "result": "done 7"}}
    wrong = check({"decisions": {"instructions": instructions, "result": result}}, recorded)
    assert len(wrong) == len(words)
    assert all(word in line for word, line in zip(words, wrong, strict=True))
