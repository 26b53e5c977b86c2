"""The commands `init-config` and `check-config`: what they print, where, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from router.cli import check_config, init_config
from router.config import ConfigError, default_config_text, load_config, parse_config

BAD = "[queues.a]\ntarget = 0\noverflow = 'b'\n"


def init(*arguments: str) -> Result:
    return CliRunner().invoke(init_config.command, arguments)


def check(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(check_config.command, arguments, input=stdin)


@pytest.fixture
def valid(tmp_path: Path) -> str:
    path = tmp_path / "valid.toml"
    path.write_text(default_config_text(), encoding="utf-8")
    return str(path)


@pytest.fixture
def invalid(tmp_path: Path) -> str:
    path = tmp_path / "invalid.toml"
    path.write_text(BAD, encoding="utf-8")
    return str(path)


class TestInit:
    def test_writes_the_default_file(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        result = init(str(path))
        assert result.exit_code == 0
        assert f"check-config {path}" in result.stdout
        assert path.read_text(encoding="utf-8") == default_config_text()
        assert load_config(path) == parse_config(default_config_text(), "x")

    def test_without_a_path_it_is_router_toml_here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert init().exit_code == 0
        assert [path.name for path in tmp_path.iterdir()] == ["router.toml"]

    def test_a_dash_prints_the_text_and_nothing_else(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        result = init("-")
        assert (result.exit_code, result.stdout) == (0, default_config_text())
        assert list(tmp_path.iterdir()) == []

    def test_it_never_overwrites_unasked(self, invalid: str) -> None:
        result = init(invalid)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "is there already; --force overwrites it" in result.stderr
        assert Path(invalid).read_text(encoding="utf-8") == BAD

    def test_force_overwrites(self, invalid: str) -> None:
        assert init(invalid, "--force").exit_code == 0
        assert Path(invalid).read_text(encoding="utf-8") == default_config_text()

    @pytest.mark.parametrize("arguments", [[], ["--force"]])
    def test_what_cannot_be_written_is_said(self, tmp_path: Path, arguments: list[str]) -> None:
        missing = tmp_path / "missing" / "router.toml"
        result = init(str(missing), *arguments)
        assert result.exit_code == 1
        assert f"{missing} cannot be written: No such file or directory" in result.stderr

    def test_a_directory_is_not_overwritten(self, tmp_path: Path) -> None:
        result = init(str(tmp_path), "--force")
        assert result.exit_code == 1
        assert "cannot be written: Is a directory" in result.stderr

    def test_wrong_use_is_exit_code_2(self) -> None:
        assert init("a", "b").exit_code == 2
        assert init("--frce").exit_code == 2


class TestCheck:
    def test_a_valid_file_is_summed_up(self, valid: str) -> None:
        result = check(valid)
        assert result.exit_code == 0
        assert f"{valid} is valid. etag {load_config(valid).etag}" in result.stdout
        for line in (
            "listen on 127.0.0.1:50051; channels chat (shared), voice (exclusive)",
            "\nloans\n",
            "  weights   most-skilled",
            "  target    1m; overdue after 10m, urgent 5m",
            "  offers    20s, then not ready",
            "  wrap-up   up to 3m",
            "  limits    200 waiting, 30m, then to general",
            "  demands   loans 4 (better with mortgages); after 2m loans 2; after 8m loans 1 or repayment 3",
            "\nprivate_banking\n",
            "  demands   agent adviser-1; after 30s complaints 4, loans 4",
            "  weights   its own",
            "  offers    automatic",
            "  demands   any agent",
        ):
            assert line in result.stdout

    def test_limits_on_estimates_are_shown(self) -> None:
        text = """
[queue_defaults]
callback_wait_estimate = "5m"
overflow_wait_estimate = "10m"
[queues.a]
overflow = "b"
[queues.b]
[queues.c]
callback_wait_estimate = "never"
"""
        result = check("-", stdin=text)
        shown = [line for line in result.stdout.splitlines() if line.startswith("  estimates ")]
        assert shown == [
            "  estimates above 10m to b; above 5m a callback is offered",
            "  estimates above 5m a callback is offered",
            "  estimates no limits",
        ]
        data = json.loads(check("-", "--json", stdin=text).stdout)
        assert data["limits"]["b"] == {
            "overflow_wait_estimate_us": 600_000_000,
            "callback_wait_estimate_us": 300_000_000,
        }
        assert data["estimates"]["futures"] == 200

    def test_an_invalid_file_gives_every_problem(self, invalid: str) -> None:
        result = check(invalid)
        with pytest.raises(ConfigError) as refused:
            load_config(invalid)
        assert result.exit_code == 1
        assert result.stdout == f"{refused.value}\n2 problems; nothing was changed\n"
        assert result.stdout.startswith(f"{invalid}:2: queues.a.target: 0 is out of range; a duration such as")

    def test_a_missing_file_is_a_problem_like_others(self, tmp_path: Path) -> None:
        result = check(str(tmp_path / "missing.toml"))
        assert result.exit_code == 1
        assert "there is no such file; name a config file, or write one" in result.stdout
        assert "\n1 problem; nothing was changed" in result.stdout

    def test_json_of_a_valid_file(self, valid: str) -> None:
        result = check(valid, "--json")
        data = json.loads(result.stdout)
        config = load_config(valid)
        assert result.exit_code == 0
        assert (data["valid"], data["etag"]) == (True, config.etag)
        assert data["server"]["listen"] == "127.0.0.1:50051"
        loans = data["settings"]["queues"]["loans"]
        assert (loans["preset"], loans["waiting_max"], loans["wait_max_us"]) == ("most-skilled", 200, 1_800_000_000)
        assert (loans["no_answer_action"], loans["wrap_up"]) == (
            "not-ready",
            {"mode": "manual", "duration_us": 180_000_000},
        )
        assert data["settings"]["queues"]["complaints"]["preset"] is None

    def test_json_of_an_invalid_file(self, invalid: str) -> None:
        result = check("--json", invalid)
        data = json.loads(result.stdout)
        assert result.exit_code == 1
        assert data["valid"] is False
        assert [(problem["line"], problem["key"]) for problem in data["problems"]] == [
            (2, "queues.a.target"),
            (3, "queues.a.overflow"),
        ]
        assert set(data["problems"][0]) == {"file", "line", "key", "problem", "wanted"}

    def test_a_dash_reads_standard_input(self) -> None:
        result = check("-", stdin=default_config_text())
        assert result.exit_code == 0
        assert result.stdout.startswith("<stdin> is valid. etag ")
        result = check("-", stdin=b"\xff")
        assert result.exit_code == 1
        assert result.stdout.startswith("<stdin>:1: byte 0xff is not UTF-8; ")

    def test_wrong_use_is_exit_code_2(self, valid: str) -> None:
        assert check().exit_code == 2
        assert check(valid, "--jsn").exit_code == 2

    def test_help_teaches(self) -> None:
        text = check("--help").stdout
        assert "Exit codes" in text
        assert "docs/configuration.md" in text
        assert "--force" in init("-h").stdout
