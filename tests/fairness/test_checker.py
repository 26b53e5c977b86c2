"""Tests of the checker itself: a clean history passes, and a planted violation of every kind is found.

Method: each history is written by hand, sound but for one thing. The report must name the point, and nothing that the
planted fault does not explain.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from router.engine import commands as c
from router.engine import events as e
from router.engine.settings import AgentWeights
from router.engine.vocabulary import (
    Availability,
    RejectReason,
    WithdrawalCause,
)
from router.fairness import Checker, Point
from tests.fairness import restart_histories
from tests.fairness.histories import (
    CHAT,
    CLEAN,
    NOT_READY,
    PLANTED,
    TWO_CHATS,
    clean_day,
    clean_forced,
    younger_kin_first,
)
from tests.fairness.story import (
    SECOND_US,
    Story,
    assigned,
    completed,
    needs,
    of_agent,
    offered,
    rejected,
    withdrawn,
)


@pytest.mark.parametrize("story", [*CLEAN, *restart_histories.CLEAN], ids=lambda story: story.__name__)
def test_clean_histories_pass(story: Callable[[], Story]) -> None:
    report = story().report()
    assert report.ok, report.summary()
    assert "the fairness contract holds" in report.summary()


@pytest.mark.parametrize(
    ("story", "points"), [*PLANTED, *restart_histories.PLANTED], ids=lambda value: getattr(value, "__name__", "")
)
def test_planted_violations_are_found(story: Callable[[], Story], points: set[Point]) -> None:
    report = story().report()
    assert set(report.violation_counts) == points, report.summary()


def test_every_point_has_planted_violations() -> None:
    assert {point for _, points in PLANTED for point in points} == set(Point)


# What a violation says


def test_a_violation_names_who_when_and_why() -> None:
    [found] = younger_kin_first().report().violations
    assert (found.point, found.sequence, found.time_us) == (Point.KIN_IN_ORDER, 6, 4 * SECOND_US)
    assert (found.calls, found.agents) == (("c2", "c1"), ("ada",))
    assert found.sentence == "agent ada was given call c2 while its older kin c1 waited"


def test_kept_violations_are_bounded_and_all_are_counted() -> None:
    checker = Checker(violations_max=2)
    for number in range(5):
        checker.observe(number, c.Advance(), [e.CallUpdated(time_us=number, sequence=number + 1, call="x")])
    report = checker.report()
    assert len(report.violations) == 2
    assert report.violation_counts == {Point.RULES: 5, Point.NOT_LOST: 5}
    assert "and 8 more" in report.summary()


def test_history_in_the_wrong_order_is_refused() -> None:
    checker = Checker()
    checker.observe(5, c.Advance(), [])
    with pytest.raises(ValueError, match="before the last one"):
        checker.observe(4, c.Advance(), [])


def test_settings_may_be_part_of_the_history() -> None:
    story = younger_kin_first()
    configured = [e.Configured(time_us=0, sequence=1)]
    checker = Checker()
    checker.observe(0, c.Configure(story.settings), configured)
    for time_us, command, events in story.history:
        checker.observe(time_us, command, events)
    assert checker.report().violations == story.report().violations


def test_a_bar_ends_at_its_time() -> None:
    story = Story(reject_backoff_us=5 * SECOND_US).sign_in(0, "ada").enqueue(1, "c1", offered(1, "c1", "ada"))
    story.reject(2, 1, "c1", "ada").advance(7, offered(2, "c1", "ada"))
    assert story.report().ok


def test_weights_may_prefer_a_shorter_idle_agent() -> None:
    story = Story(agent_weights=AgentWeights(skill_fit=1000), requirement=needs("loans"))
    story.sign_in(0, "ada", skills={"loans": 3}).sign_in(1, "bob", skills={"loans": 9})
    assert story.enqueue(2, "c1", assigned(1, "c1", "bob")).report().ok


# Measures


def test_slips_and_skips_are_counted_where_a_call_is_passed_over() -> None:
    story = Story(reject_backoff_us=50 * SECOND_US).sign_in(0, "ada")
    story.enqueue(1, "c1", offered(1, "c1", "ada")).enqueue(2, "c2").enqueue(3, "c3")
    story.reject(4, 1, "c1", "ada", assigned(2, "c2", "ada"))
    story.complete(5, 2, "c2", "ada", assigned(3, "c3", "ada"))
    report = story.report()
    assert report.ok, report.summary()
    assert (report.slips, report.skips, report.slips_max) == (2, 2, 2)
    assert (report.calls_overtaken, report.calls_overtaking) == (1, 2)


def test_occupancy_and_jain_count_time_in_use() -> None:
    story = Story(CHAT).sign_in(0, "ada", capacity={"voice": 1}).sign_in(0, "bob", capacity=TWO_CHATS)
    story.enqueue(0, "c1", assigned(1, "c1", "ada")).enqueue(0, "c2", assigned(2, "c2", "bob"), channel="chat")
    story.complete(5, 1, "c1", "ada").advance(10)
    report = story.report()
    assert report.occupancy == {"ada": 0.5, "bob": 0.5}
    assert report.jain == 1.0
    story.tell(10, c.Cancel("nobody"), rejected(RejectReason.UNKNOWN_CALL, "nobody")).advance(20)
    assert story.report().occupancy == {"ada": 0.25, "bob": 0.5}
    assert story.report().jain == pytest.approx(0.75**2 / (2 * (0.25**2 + 0.5**2)))


def test_signed_out_time_counts_for_nothing() -> None:
    story = Story().sign_in(0, "ada").tell(4, c.SignOut("ada"), of_agent(e.AgentSignedOut, "ada", no_answer=False))
    report = story.advance(100).report()
    assert report.occupancy == {"ada": 0.0}
    assert report.jain is None


def test_counts_of_work() -> None:
    report = clean_day().report()
    assert (report.calls, report.offers, report.assignments, report.forced) == (3, 3, 2, 0)
    assert clean_forced().report().forced == 1
    assert report.commands == len(clean_day().history)


def test_withdrawn_offers_return_in_place() -> None:
    story = Story().sign_in(0, "ada").enqueue(1, "c1", offered(1, "c1", "ada")).enqueue(2, "c2")
    taken_back = withdrawn(1, "c1", "ada", WithdrawalCause.AGENT_NOT_READY)
    story.tell(3, c.SetAvailability("ada", False), taken_back, of_agent(e.AgentAvailabilityChanged, "ada", **NOT_READY))
    ready = of_agent(e.AgentAvailabilityChanged, "ada", availability=Availability.READY, reason="")
    wrong = Story()
    wrong.history = list(story.history)
    story.tell(4, c.SetAvailability("ada", True), ready, offered(2, "c1", "ada"))
    wrong.tell(4, c.SetAvailability("ada", True), ready, offered(2, "c2", "ada"))
    assert story.report().ok
    assert wrong.points() == {Point.KIN_IN_ORDER, Point.PLACE_KEPT}


def test_completed_calls_leave_nothing_behind() -> None:
    checker = Checker(clean_day().settings)
    for time_us, command, events in clean_day().history:
        checker.observe(time_us, command, events)
    assert not checker._picture.calls
    assert not checker._picture.touched_calls
    assert completed(1, "x", "y")[0] is e.CallCompleted
