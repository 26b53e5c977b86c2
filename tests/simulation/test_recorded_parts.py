"""Goal: a recorded day becomes parts of a scenario that say the same as the plan of its replay."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.simulation import READERS, NothingToReplay, RecordingError, UnknownDay, plan_day, read_log
from router.simulation.recorded.scenario_parts import RecordedParts, UnknownType, time_of_day_us
from tests.simulation.logs import make_rows, write_log

SECOND = 1_000_000
HOUR = 3600 * SECOND


@pytest.fixture
def day(tmp_path: Path) -> Path:
    return write_log(tmp_path / "calls.csv", make_rows(4))


def test_all_arrivals_count_from_the_hour_before_the_first(day: Path) -> None:
    calls = read_log(day, READERS["vanad"]).day().calls
    start_us = calls[0].arrived_us // HOUR * HOUR
    found = RecordedParts().arrivals(day)
    assert found.times_us == tuple(call.arrived_us - start_us for call in calls)
    assert 0 <= found.times_us[0] < HOUR
    assert found.places == tuple(range(len(calls)))
    assert found.handle_us == found.patience_us == ()


def test_types_are_chosen_and_keep_their_start(day: Path) -> None:
    parts = RecordedParts()
    whole = parts.arrivals(day)
    split = [parts.arrivals(day, types=[kind]).times_us for kind in ("0", "1", "2")]
    assert all(split)
    assert sorted(time for times in split for time in times) == list(whole.times_us)
    places = [parts.arrivals(day, types=[kind]).places for kind in ("0", "1", "2")]
    assert sorted(place for part in places for place in part) == list(whole.places)
    assert sorted(parts.arrivals(day, types=["0", "2"]).times_us) == sorted(split[0] + split[2])


def test_handle_times_and_patience_are_those_of_the_replay(day: Path) -> None:
    log = read_log(day, READERS["vanad"])
    for seed in (1, 2):
        plan = plan_day(log, log.day(), seed=seed)
        wanted = [call for call in plan.calls if call.type == "1"]
        found = RecordedParts(seed).arrivals(day, types=["1"], handle_times=True, patience=True)
        assert found.handle_us == tuple(call.handle_us for call in wanted)
        assert found.patience_us == tuple(-1 if call.patience_us is None else call.patience_us for call in wanted)


def test_callers_who_never_give_up_say_so(tmp_path: Path) -> None:
    rows = [f"2024-03-04,{30_000 + n},1,7,{30_000 + n},{30_010 + n},{30_010 + n}" for n in range(5)]
    found = RecordedParts().arrivals(write_log(tmp_path / "calls.csv", rows), patience=True)
    assert found.patience_us == (-1,) * 5
    assert found.handle_us == ()


def test_a_later_start_leaves_the_earlier_ones_out(day: Path) -> None:
    calls = read_log(day, READERS["vanad"]).day().calls
    start_us = calls[10].arrived_us
    found = RecordedParts().arrivals(day, from_us=start_us, handle_times=True)
    kept = [call for call in calls if call.arrived_us >= start_us]
    assert found.times_us == tuple(call.arrived_us - start_us for call in kept)
    assert found.times_us[0] == 0
    assert len(found.handle_us) == len(kept) < len(calls)


def test_agents_have_the_skills_and_the_presence_of_the_replay(day: Path) -> None:
    log = read_log(day, READERS["vanad"])
    plan = plan_day(log, log.day())
    start_us = plan.starts_us + log.day().calls[0].arrived_us // HOUR * HOUR
    groups = RecordedParts().agents(day, skills={"2": "loans"})
    assert [group.agent_names() for group in groups] == [(agent.agent,) for agent in plan.agents]
    names = {"0": "type-0", "1": "type-1", "2": "loans"}
    for group, agent in zip(groups, plan.agents, strict=True):
        assert group.skills == {names[kind]: 10 for kind in agent.types}
        assert group.shifts == ((agent.from_us - start_us, agent.until_us - start_us),)


def test_who_has_gone_is_not_there_and_who_has_come_is_there_at_once(tmp_path: Path) -> None:
    rows = [
        "2024-03-04,30000,1,7,30000,30100,30100",
        "2024-03-04,30010,1,8,30010,30500,30500",
        "2024-03-04,30400,1,9,30400,30500,30500",
    ]
    groups = RecordedParts().agents(write_log(tmp_path / "calls.csv", rows), from_us=30_200 * SECOND)
    assert [(group.name, group.shifts) for group in groups] == [
        ("agent-8", ((0, 300 * SECOND),)),
        ("agent-9", ((200 * SECOND, 300 * SECOND),)),
    ]


def test_what_is_not_there_is_named(day: Path, tmp_path: Path) -> None:
    parts = RecordedParts()
    with pytest.raises(UnknownType, match="no calls of type 7, 12 on 2024-03-04; the types of that day are 0, 1, 2"):
        parts.arrivals(day, types=["12", "1", "7"])
    with pytest.raises(UnknownType, match="no calls of type 5"):
        parts.agents(day, skills={"5": "loans"})
    last = read_log(day, READERS["vanad"]).day().calls[-1].arrived_us
    with pytest.raises(
        UnknownType, match=r"none of these calls on 2024-03-04 at or after 23:00:00; the last is at \d\d:"
    ):
        parts.arrivals(day, from_us=23 * HOUR)
    assert last < 23 * HOUR
    with pytest.raises(UnknownDay, match="has no day 2024-03-05; choose one of 2024-03-04"):
        parts.arrivals(day, day="2024-03-05")
    with pytest.raises(RecordingError, match="cannot be read"):
        parts.arrivals(tmp_path / "none.csv")
    unanswered = write_log(tmp_path / "unanswered.csv", ["2024-03-04,30000,1,-1,-1,-1,30050"])
    assert parts.arrivals(unanswered).times_us == (30_000 * SECOND - 8 * HOUR,)
    with pytest.raises(NothingToReplay, match="no answered call"):
        parts.arrivals(unanswered, handle_times=True)


def test_a_file_is_read_once_and_a_day_planned_once(day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = RecordedParts()
    before = parts.arrivals(day, types=["0"], patience=True), parts.agents(day)
    monkeypatch.setattr("router.simulation.recorded.scenario_parts.read_log", None)
    monkeypatch.setattr("router.simulation.recorded.scenario_parts.DayPlanner", None)
    assert (parts.arrivals(day, types=["0"], patience=True), parts.agents(day)) == before


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:00", 0), ("8:05", 29_100), ("08:05:07", 29_107), ("23:59:59", 86_399), ("24:00", 86_400)]
)
def test_times_of_day(text: str, seconds: int) -> None:
    assert time_of_day_us(text) == seconds * SECOND


@pytest.mark.parametrize("text", ["", "8", "25:00", "24:01", "08:60", "08:00:60", "8h", "-1:00", "٠٨:٠٠", "08:00 "])
def test_what_is_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError, match="is no time of day; a text like 08:00 or 17:30:15 is right"):
        time_of_day_us(text)
