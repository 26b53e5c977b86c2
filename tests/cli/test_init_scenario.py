"""The command `init-scenario`: what it writes, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from router.cli import init_scenario
from router.cli.main import SUBCOMMANDS
from router.simulation import example_scenario_text, load_scenario


def init(*arguments: str) -> Result:
    return CliRunner().invoke(init_scenario.command, arguments)


def test_it_writes_a_scenario_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    result = init(str(path))
    assert result.exit_code == 0
    assert f"skill-router simulate {path}" in result.stdout
    assert path.read_text(encoding="utf-8") == example_scenario_text()
    assert load_scenario(path).source == str(path)


def test_without_a_path_it_is_scenario_toml_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert init().exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["scenario.toml"]


def test_a_dash_prints_the_text_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = init("-")
    assert (result.exit_code, result.stdout) == (0, example_scenario_text())
    assert list(tmp_path.iterdir()) == []


def test_it_overwrites_only_when_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("mine", encoding="utf-8")
    result = init(str(path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is there already; --force overwrites it" in result.stderr
    assert path.read_text(encoding="utf-8") == "mine"
    assert init(str(path), "--force").exit_code == 0
    assert path.read_text(encoding="utf-8") == example_scenario_text()


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "scenario.toml"
    result = init(str(missing))
    assert result.exit_code == 1
    assert f"{missing} cannot be written: No such file or directory" in result.stderr


def test_wrong_use_is_exit_code_2() -> None:
    assert init("a", "b").exit_code == 2
    assert init("--frce").exit_code == 2


def test_it_is_one_of_the_commands() -> None:
    assert SUBCOMMANDS["init-scenario"][0] == "router.cli.init_scenario"
    assert "docs/scenarios.md" in init("--help").stdout
