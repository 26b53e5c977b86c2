"""Goal: days, times of day and rates of arrival are learnt as they were: local and by kind of day.

Method: hand-made days through the real engine, with the expected figures worked out beside them.
"""

from __future__ import annotations

from typing import Any

import pytest

from router.engine import QueueSettings, Urgency
from router.engine import commands as c
from router.engine.settings import SECOND_US
from router.wait._native import Learner
from tests.engine.centre import at_us
from tests.wait.learning import LearningCentre

HOUR, DAY = 3600, 86_400
MIDNIGHT = DAY - 100_000 % DAY  # the first after the start


def two_queues() -> LearningCentre:
    return LearningCentre(queues={"q": QueueSettings(), "r": QueueSettings()})


def test_first_and_last_of_each_day_by_kind_of_day() -> None:
    centre = LearningCentre()
    for day in range(1, 11):  # START_S is in January 2nd 1970, a Friday
        start = MIDNIGHT + (day - 1) * DAY
        weekday = (4 + day) % 7
        if weekday == 6:
            continue  # closed
        centre.sign_in("ada", at=start + 8 * HOUR + day)
        centre.do(c.SignOut("ada"), start + 12 * HOUR)
        centre.sign_in("ada", at=start + 13 * HOUR)
        if weekday != 5:
            centre.sign_in("bob", at=start + 13 * HOUR)
            centre.do(c.SignOut("bob"), start + 18 * HOUR)
        centre.do(c.SignOut("ada"), start + 19 * HOUR + day)
    centre.advance(MIDNIGHT + 10 * DAY + 5 * HOUR)  # Tuesday
    assert centre.known.weekday(at_us(MIDNIGHT + 10 * DAY)) == 1
    agents = centre.model()["agents"]
    workdays = [day for day in range(1, 11) if (4 + day) % 7 < 5]
    assert agents["ada"]["days"] == [(8 * HOUR + day, 19 * HOUR + day) for day in workdays]
    assert agents["bob"]["days"] == [(13 * HOUR, 18 * HOUR)] * len(workdays)
    assert not agents["ada"]["seen_today"]
    centre.advance(MIDNIGHT + 14 * DAY)  # Saturday
    assert centre.model()["agents"]["ada"]["days"] == [(8 * HOUR + day, 19 * HOUR + day) for day in (1, 8)]
    assert centre.model()["agents"]["bob"]["days"] == [(-1, -1)]  # came first on the Monday between


def test_who_stays_over_midnight_is_there_on_both_days() -> None:
    centre = LearningCentre()
    monday = MIDNIGHT + 2 * DAY
    centre.sign_in("owl", at=monday + 22 * HOUR)
    centre.do(c.SignOut("owl"), monday + DAY + 6 * HOUR)
    centre.sign_in("lark", at=monday + DAY + 8 * HOUR)
    centre.advance(monday + 2 * DAY + HOUR)
    agents = centre.model()["agents"]
    assert agents["owl"]["days"][-2:] == [(22 * HOUR, DAY - 1), (0, 6 * HOUR)]
    assert agents["lark"]["days"] == [(8 * HOUR, DAY - 1)]
    assert agents["lark"]["seen_today"]
    assert not agents["owl"]["seen_today"]


def test_a_day_on_which_nobody_worked_is_no_day() -> None:
    centre = LearningCentre()
    monday = MIDNIGHT + 2 * DAY
    centre.sign_in("ada", at=monday + 8 * HOUR)
    centre.do(c.SignOut("ada"), monday + 9 * HOUR)
    for day in range(1, 4):
        centre.enqueue(f"c{day}", monday + day * DAY + HOUR)
    assert len(centre.model()["agents"]["ada"]["days"]) == 1


def test_days_are_local() -> None:
    winter, summer = 3600, 7200
    change = at_us(5 * DAY)
    centre = LearningCentre(utc_offsets_s=[(0, winter), (change, summer)])
    assert centre.known.day_began
    known = centre.known
    assert known.second_of_day(at_us(MIDNIGHT)) == winter
    assert known.second_of_day(change + 10 * SECOND_US) == (100_000 + 10 + summer) % DAY
    assert known.weekday(at_us(MIDNIGHT - 1)) == 5  # 23:59:59 on Friday in UTC is Saturday here
    centre.advance(MIDNIGHT - winter - 1)
    assert not centre.known.day_began
    centre.advance(MIDNIGHT - winter)
    assert centre.known.day_began
    assert centre.model()["day_started_us"] == at_us(MIDNIGHT - winter)
    centre.advance(MIDNIGHT - winter + 1)
    assert not centre.known.day_began


def test_bad_offsets_are_refused() -> None:
    engine = LearningCentre().machine
    with pytest.raises(ValueError, match="rising times"):
        Learner(engine, utc_offsets_s=[(5, 0), (5, 3600)])
    with pytest.raises(ValueError, match="less than a day"):
        Learner(engine, utc_offsets_s=[(0, 90_000)])


def test_spells_are_told_since_when() -> None:
    centre = LearningCentre()
    centre.sign_in("ada", at=10)
    assert centre.model()["agents"]["ada"]["since_us"] is None  # ready: the engine itself gives it calls
    centre.do(c.SetAvailability("ada", ready=False, reason="lunch"), 50)
    centre.do(c.SetAvailability("ada", ready=False, reason="still"), 60)
    assert centre.model()["agents"]["ada"]["since_us"] == at_us(50)
    centre.do(c.SignOut("ada"), 90)
    assert centre.model()["agents"]["ada"]["since_us"] == at_us(90)


# ---- arrivals ----


def arrivals(centre: LearningCentre, day: int, hour: int, count: int, **fields: object) -> None:
    """Have calls come evenly over an hour and give up at once."""
    for number in range(count):
        at = MIDNIGHT + day * DAY + hour * HOUR + number * HOUR / count
        name = f"{fields}-{day}-{hour}-{number}"
        centre.enqueue(name, at, **fields)
        centre.do(c.Cancel(name), at)


def test_rates_follow_the_half_hours_of_the_week() -> None:
    centre = LearningCentre()
    for day in range(2, 30):  # from a Monday on
        if day % 7 == 1:
            continue  # Sunday
        arrivals(centre, day, 9, 60)
        arrivals(centre, day, 14, 12 if day % 7 != 0 else 60)  # Saturdays are busy in the afternoon
    centre.advance(MIDNIGHT + 30 * DAY + 7 * HOUR)  # a Monday
    (stream,) = centre.model()["arrivals"]
    assert (stream["queue"], stream["channel"], stream["period_us"]) == ("q", "voice", 900 * SECOND_US)
    by_hour = [stream["rates_per_s"][4 * hour + 1] * HOUR for hour in range(4)]
    assert by_hour == pytest.approx([0, 0, 60, 0], abs=3)  # from 7 to 11
    for day in range(30, 35):
        arrivals(centre, day, 9, 60)
        if day < 34:
            arrivals(centre, day, 14, 12)
    centre.advance(MIDNIGHT + 34 * DAY + 13 * HOUR)  # Friday
    assert centre.model()["arrivals"][0]["rates_per_s"][5] * HOUR == pytest.approx(12, rel=0.2)
    arrivals(centre, 35, 9, 60)
    centre.advance(MIDNIGHT + 35 * DAY + 13 * HOUR)  # Saturday
    assert centre.model()["arrivals"][0]["rates_per_s"][5] * HOUR == pytest.approx(60, rel=0.2)


def test_a_day_with_twice_as_many_is_expected_to_go_on_so() -> None:
    centre = LearningCentre()
    for day in range(2, 7):
        for hour in (8, 9, 10, 11):
            arrivals(centre, day, hour, 60)
    for hour in (8, 9):
        arrivals(centre, 9, hour, 120)
    centre.advance(MIDNIGHT + 9 * DAY + 10 * HOUR)
    assert centre.learned()["arrivals_per_s"] * HOUR == pytest.approx(120, rel=0.15)


def test_without_history_the_recent_rate_rules() -> None:
    centre = LearningCentre()
    for number in range(300):
        centre.enqueue(f"c{number}", 10 * number)
        centre.do(c.Cancel(f"c{number}"))
    assert centre.learned()["arrivals_per_s"] == pytest.approx(0.1, rel=0.1)
    centre.advance(3000 + 4 * HOUR)
    assert centre.learned()["arrivals_per_s"] < 0.001


def test_kinds_share_the_rate_of_their_queue() -> None:
    centre = two_queues()
    for number in range(300):
        fields: dict[str, Any] = {"urgency": Urgency.URGENT} if number % 3 == 0 else {"priority": 4, "queue": "r"}
        centre.enqueue(f"c{number}", 10 * number, **fields)
        centre.enqueue(f"d{number}", queue="r")
    streams = {
        (one["queue"], one["urgency"], one["priority"]): one["rates_per_s"][0] for one in centre.model()["arrivals"]
    }
    assert set(streams) == {("q", 2, 0), ("r", 0, 4), ("r", 0, 0)}
    assert streams["q", 2, 0] == pytest.approx(1 / 30, rel=0.15)
    assert streams["r", 0, 0] / streams["r", 0, 4] == pytest.approx(300 / 200)


def test_a_downtime_is_no_quiet_time() -> None:
    centre = LearningCentre()
    for day in range(2, 7):
        arrivals(centre, day, 9, 60)
    centre.advance(MIDNIGHT + 9 * DAY + 8 * HOUR)
    centre.do(c.Restart(), MIDNIGHT + 9 * DAY + 10 * HOUR)
    for day in range(10, 14):
        arrivals(centre, day, 9, 60)
    centre.advance(MIDNIGHT + 16 * DAY + 9 * HOUR)  # a Monday, as was the day of the downtime
    assert centre.learned()["arrivals_per_s"] * HOUR == pytest.approx(60, rel=0.1)
