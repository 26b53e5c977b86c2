"""Files that a scenario names: durations, a config, a call log. Their mistakes stand at their own lines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router.config import ConfigError
from router.simulation import (
    AgentGroup,
    Distribution,
    Family,
    RecordedArrivals,
    Scenario,
    ShiftEnd,
    load_scenario,
    read_log,
    read_vanad,
)
from tests.simulation.logs import make_rows, write_log
from tests.simulation.scenario.texts import AGENTS, BASE, CALLERS, problems_of, scenario_of

EMPIRICAL = CALLERS.replace('"3m"', '{ family = "empirical", file = "times.txt" }')
HOUR_S = 3600
FIRST_S = 30_000 // HOUR_S * HOUR_S  # the made-up logs begin shortly after 08:20


def write(folder: Path, name: str, content: str | bytes) -> None:
    """Write a file beside the scenario."""
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def loaded(folder: Path, text: str) -> Scenario:
    """Return the scenario of a file in a folder."""
    write(folder, "scenario.toml", text)
    return load_scenario(folder / "scenario.toml")


class TestDurations:
    def test_a_number_of_seconds_on_each_line(self, tmp_path: Path) -> None:
        write(tmp_path, "times.txt", "# handle times\n90\n\n 183.5 # the mean day\r\n1e2\n0\n")
        handle_time = loaded(tmp_path, BASE + EMPIRICAL + AGENTS).callers[0].handle_time
        values_us = (90_000_000, 183_500_000, 100_000_000, 0)
        assert handle_time == Distribution(Family.EMPIRICAL, sum(values_us) // 4, 0.0, values_us)

    def test_each_bad_line_is_named(self, tmp_path: Path) -> None:
        write(tmp_path, "times.txt", "90\n3m\n-1\nnan\n1e99\n٣\n31622401\n12\n")
        problems = problems_of(BASE + EMPIRICAL + AGENTS, str(tmp_path))
        assert {problem.file for problem in problems} == {str(tmp_path / "times.txt")}
        assert [problem.line for problem in problems] == [2, 3, 4, 5, 6, 7]
        assert problems[0].problem == '"3m" is not such a number'
        assert problems[0].wanted == "a number of seconds from 0 to 31,622,400, such as 183.5"

    def test_a_file_of_another_kind_gives_a_few_problems_only(self, tmp_path: Path) -> None:
        write(tmp_path, "times.txt", "a,b\n" * 1000)
        assert len(problems_of(BASE + EMPIRICAL + AGENTS, str(tmp_path))) == 10

    @pytest.mark.parametrize(
        ("content", "problem", "wanted"),
        [
            ("", "it is empty", "a number of seconds on each line"),
            ("# nothing\n\n", 'there is no value in "times.txt"', "a number of seconds on each line"),
            ("0\n0\n", "the mean is 0", "a mean above 0"),
        ],
    )
    def test_an_empty_file(self, tmp_path: Path, content: str, problem: str, wanted: str) -> None:
        write(tmp_path, "times.txt", content)
        (found,) = problems_of(BASE + EMPIRICAL + AGENTS, str(tmp_path))
        assert found.problem.endswith(problem)
        assert found.wanted == wanted
        assert (found.file, found.line) == ("scenario.toml", BASE.count("\n") + 3)

    def test_what_is_not_text(self, tmp_path: Path) -> None:
        write(tmp_path, "times.txt", b"90\n\xff\n")
        (found,) = problems_of(BASE + EMPIRICAL + AGENTS, str(tmp_path))
        assert (found.line, found.problem) == (2, "byte 0xff is not UTF-8")


class TestConfig:
    def test_its_problems_stand_at_its_own_lines_beside_those_of_the_scenario(self, tmp_path: Path) -> None:
        write(tmp_path, "router.toml", "[queues.loans]\ntarget = 0\noverflow = 'x'\n[sever]\n")
        text = '[simulation]\nlength = 0\n[router]\nconfig = "router.toml"\n' + CALLERS + AGENTS
        config = str(tmp_path / "router.toml")
        assert [(problem.file, problem.line, problem.key) for problem in problems_of(text, str(tmp_path))] == [
            ("scenario.toml", 2, "simulation.length"),
            (config, 2, "queues.loans.target"),
            (config, 3, "queues.loans.overflow"),
            (config, 4, "sever"),
        ]

    def test_a_broken_one_gives_no_problems_with_what_it_should_have_said(self, tmp_path: Path) -> None:
        write(tmp_path, "router.toml", "[queues.loans\n")
        text = '[simulation]\nlength = 60\n[router]\nconfig = "router.toml"\n' + CALLERS + AGENTS
        (found,) = problems_of(text, str(tmp_path))
        assert (found.file, found.line) == (str(tmp_path / "router.toml"), 1)

    def test_the_scenario_itself_may_be_missing(self, tmp_path: Path) -> None:
        with pytest.raises(
            ConfigError, match="there is no such file; name a scenario file, or write one to start from"
        ):
            load_scenario(tmp_path / "none.toml")


class TestRecorded:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        write_log(tmp_path / "log.csv", make_rows(3))
        return tmp_path

    def callers(self, keys: str, *, handle_time: str = 'handle_time = "3m"\n') -> str:
        return f'{BASE}[callers.general]\n{handle_time}wrap_up = "1s"\nrecorded = {{ file = "log.csv"{keys} }}\n'

    def arrivals(self, folder: Path, keys: str) -> RecordedArrivals:
        arrivals = loaded(folder, self.callers(keys) + AGENTS).callers[0].arrivals
        assert isinstance(arrivals, RecordedArrivals)
        return arrivals

    def test_arrivals_are_those_of_the_log(self, folder: Path) -> None:
        calls = read_log(folder / "log.csv", read_vanad).day().calls
        expected = tuple(call.arrived_us - FIRST_S * 1_000_000 for call in calls)
        plain = self.arrivals(folder, "")
        assert (plain.times_us, plain.handle_us, plain.patience_us) == (expected, (), ())
        assert self.arrivals(folder, ', day = 2024-03-04, from = 08:00:00, format = "vanad"') == plain
        assert self.arrivals(folder, ', from = "08:30"').times_us == tuple(
            call.arrived_us - 30_600_000_000 for call in calls if call.arrived_us >= 30_600_000_000
        )

    def test_types_and_what_was_recorded_of_each_call(self, folder: Path) -> None:
        calls = [call for call in read_log(folder / "log.csv", read_vanad).day().calls if call.type == "1"]
        arrivals = self.arrivals(folder, ', types = ["1"], handle_times = true, patience = true')
        assert len(arrivals.times_us) == len(arrivals.handle_us) == len(arrivals.patience_us) == len(calls)
        answered = [index for index, call in enumerate(calls) if call.handled_us is not None]
        assert answered
        assert [arrivals.handle_us[index] for index in answered] == [calls[index].handled_us for index in answered]

    def test_recorded_handle_times_need_no_handle_time(self, folder: Path) -> None:
        callers = loaded(folder, self.callers(", handle_times = true", handle_time="") + AGENTS).callers[0]
        assert isinstance(callers.arrivals, RecordedArrivals)
        assert callers.handle_time.values_us == callers.arrivals.handle_us
        (found,) = problems_of(self.callers(", handle_times = false", handle_time="") + AGENTS, str(folder))
        assert found.problem == "handle_time is missing"

    def test_calls_after_the_end_are_told(self, folder: Path) -> None:
        times_us = self.arrivals(folder, "").times_us
        late = sum(time_us >= 3600_000_000 for time_us in times_us)
        assert 0 < late < len(times_us)
        hints = loaded(folder, self.callers("").replace('"8h"', '"1h"') + AGENTS).hints
        assert [hint.problem for hint in hints if hint.key == "callers.general.recorded"] == [
            f"{late} of {len(times_us)} calls come after the end of the run, 1h"
        ]
        assert not [
            hint for hint in loaded(folder, self.callers("") + AGENTS).hints if "end of the run" in hint.problem
        ]

    def test_the_seed_decides_what_the_log_does_not_say(self, folder: Path) -> None:
        text = self.callers(", patience = true") + AGENTS
        first, again, other = (
            loaded(folder, text.replace('"8h"', f'"8h"\nseed = {seed}')).callers[0].arrivals for seed in (1, 1, 2)
        )
        assert first == again != other

    def test_agents_are_those_of_the_log(self, folder: Path) -> None:
        text = self.callers("") + (
            '[recorded_agents]\nfile = "log.csv"\nskill_calls_min = 1\nskills = { 1 = "loans" }\n'
            'ring = "2s"\nat_shift_end = "cut"\nhandle_factor = 0.9\n'
        )
        groups = loaded(folder, text).agents
        answered = {call.agent for call in read_log(folder / "log.csv", read_vanad).calls() if call.agent}
        assert {group.name.rpartition("-")[2] for group in groups} == answered
        assert all(isinstance(group, AgentGroup) and group.count == 1 and len(group.shifts) == 1 for group in groups)
        assert {skill for group in groups for skill in group.skills} == {"loans", "type-0", "type-2"}
        assert {(group.ring.mean_us, group.at_shift_end, group.handle_factor) for group in groups} == {
            (2_000_000, ShiftEnd.CUT, 0.9)
        }

    def test_recorded_agents_stand_beside_others_of_other_names(self, folder: Path) -> None:
        recorded = '[recorded_agents]\nfile = "log.csv"\n'
        groups = loaded(folder, self.callers("") + AGENTS + recorded).agents
        assert groups[0].name == "team"
        assert len(groups) > 3
        problems = problems_of(self.callers("") + AGENTS.replace("team", groups[1].name) + recorded, str(folder))
        assert problems[0].problem == f'there are two agents "{groups[1].name}"'

    @pytest.mark.parametrize(
        ("keys", "key", "problem", "wanted"),
        [
            (', day = "2024-03-05"', "day", "has no day 2024-03-05", "choose one of 2024-03-04"),
            (', types = ["7"]', "types", "has no calls of type 7 on 2024-03-04", "the types of that day are 0, 1, 2"),
            (
                ', from = "23:00"',
                "from",
                "has none of these calls on 2024-03-04 at or after 23:00:00",
                "the last is at 0",
            ),
        ],
    )
    def test_what_is_not_in_the_log(self, folder: Path, keys: str, key: str, problem: str, wanted: str) -> None:
        (found,) = problems_of(self.callers(keys) + AGENTS, str(folder))
        assert found.key == f"callers.general.recorded.{key}"
        assert problem in found.problem
        assert wanted in found.wanted

    def test_a_log_nobody_answered_in_has_no_handle_times(self, tmp_path: Path) -> None:
        write_log(tmp_path / "log.csv", ["2024-03-04,30000,1,-1,-1,-1,30060"])
        (found,) = problems_of(self.callers(", handle_times = true") + AGENTS, str(tmp_path))
        assert found.key == "callers.general.recorded.file"
        assert "has no answered call" in found.problem

    def test_what_is_no_file_is_not_waited_for(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe.csv")
        text = self.callers("").replace("log.csv", "pipe.csv") + '[recorded_agents]\nfile = "pipe.csv"\n'
        problems = problems_of(text, str(folder))
        assert [problem.key for problem in problems] == ["callers.general.recorded.file", "recorded_agents.file"]
        assert {problem.problem for problem in problems} == {'"pipe.csv" is not a regular file'}

    @pytest.mark.parametrize("user", ["callers", "agents"])
    def test_a_bad_row_is_named(self, folder: Path, user: str) -> None:
        rows = make_rows(3)
        write_log(folder / "bad.csv", [rows[0], "torn", *rows[1:]])
        text = self.callers("") + '[recorded_agents]\nfile = "bad.csv"\n'
        if user == "callers":
            text = self.callers("").replace("log.csv", "bad.csv") + AGENTS
        (found,) = problems_of(text, str(folder))
        assert (found.file, found.line) == (str(folder / "bad.csv"), 3)
        assert found.problem.startswith("the row is torn")

    def test_a_day_that_is_not_there_has_no_agents(self, folder: Path) -> None:
        (found,) = problems_of(
            scenario_text := self.callers("") + '[recorded_agents]\nfile = "log.csv"\nday = "x"\n', str(folder)
        )
        assert (found.line, found.key) == (scenario_text.count("\n"), "recorded_agents.day")


def test_a_scenario_from_text_looks_for_files_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "times.txt", "90\n")
    assert scenario_of(BASE + EMPIRICAL + AGENTS, str(tmp_path)).callers[0].handle_time.mean_us == 90_000_000
    monkeypatch.chdir(tmp_path)
    assert scenario_of(BASE + EMPIRICAL + AGENTS).callers[0].handle_time.mean_us == 90_000_000
