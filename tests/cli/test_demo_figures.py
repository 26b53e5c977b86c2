"""The demo's figures against a small hour worked out by hand."""

from __future__ import annotations

import pytest

from router.cli.demo_figures import Scoreboard
from router.engine.events import (
    AgentAvailabilityChanged,
    AgentSignedIn,
    CallAbandoned,
    CallAssigned,
    CallCompleted,
    CallEnqueued,
    Event,
    OfferExpired,
    OfferMade,
    WrapUpEnded,
    WrapUpStarted,
)
from router.engine.settings import SECOND_US
from router.engine.vocabulary import AssignmentCause, Availability, NoAnswerAction


def enqueued(second: int, call: str, preferred: tuple[str, ...] = ()) -> Event:
    time_us = second * SECOND_US
    return CallEnqueued(
        time_us=time_us,
        sequence=0,
        call=call,
        queue="loans",
        effective_arrival_us=time_us,
        preferred_agents=preferred,
        hold_until_us=None,
    )


def offered(second: int, call: str, agent: str) -> Event:
    return OfferMade(
        time_us=second * SECOND_US,
        sequence=0,
        offer=1,
        call=call,
        agent=agent,
        queue="loans",
        expires_us=0,
        callback=False,
    )


def assigned(second: int, call: str, agent: str, wait: int) -> Event:
    return CallAssigned(
        time_us=second * SECOND_US,
        sequence=0,
        offer=1,
        call=call,
        agent=agent,
        queue="loans",
        cause=AssignmentCause.ACCEPTED,
        wait_us=wait * SECOND_US,
    )


def signed_in(second: int, agent: str) -> Event:
    return AgentSignedIn(time_us=second * SECOND_US, sequence=0, agent=agent, availability=Availability.READY)


@pytest.fixture
def board() -> Scoreboard:
    """Ada takes a call after it rang out at ben's; a second caller gives up; ben is away from second 20 on."""
    board = Scoreboard({"loans": 20 * SECOND_US}, 100 * SECOND_US)
    story = [
        signed_in(0, "ada"),
        signed_in(0, "ben"),
        enqueued(0, "first", ("ada",)),
        offered(0, "first", "ben"),
        OfferExpired(
            time_us=20 * SECOND_US, sequence=0, offer=1, call="first", agent="ben", action=NoAnswerAction.NOT_READY
        ),
        AgentAvailabilityChanged(
            time_us=20 * SECOND_US, sequence=0, agent="ben", availability=Availability.NOT_READY, reason="no_answer"
        ),
        offered(20, "first", "ada"),
        assigned(25, "first", "ada", 25),
        enqueued(30, "second"),
        CallAbandoned(
            time_us=50 * SECOND_US, sequence=0, call="second", queue="loans", wait_us=20 * SECOND_US, reason=""
        ),
        enqueued(52, "third"),
        CallCompleted(
            time_us=60 * SECOND_US, sequence=0, offer=1, call="first", agent="ada", queue="loans", handle_us=0
        ),
        WrapUpStarted(time_us=60 * SECOND_US, sequence=0, offer=1, call="first", agent="ada", until_us=0),
        WrapUpEnded(time_us=70 * SECOND_US, sequence=0, offer=1, call="first", agent="ada"),
        offered(70, "third", "ada"),
        assigned(70, "third", "ada", 18),
    ]
    for event in story:
        board.observe(event)
    return board


def test_the_board_as_it_stands(board: Scoreboard) -> None:
    assert board.waiting == {}
    assert (board.busy_agents(), board.present_agents()) == (1, 1)
    assert board.service_level() == pytest.approx(1 / 3)
    board.observe(enqueued(80, "fourth"))
    board.observe(signed_in(95, "cleo"))
    assert board.waiting_in("loans") == 1
    assert board.longest_wait_us("loans") == 15 * SECOND_US


def test_queue_figures(board: Scoreboard) -> None:
    figures = board.figures()
    loans = figures.queues["loans"]
    assert (loans.offered, loans.answered, loans.abandoned, loans.waiting) == (3, 2, 1, 0)
    assert loans.service_level == pytest.approx(1 / 3)
    assert loans.wait_mean_s == pytest.approx(21.5)
    assert loans.wait_p95_s == 25
    assert figures.offers.made == 3
    assert (figures.offers.accepted, figures.offers.expired) == (2, 1)
    assert (figures.offers.preferred, figures.offers.preferred_reached) == (1, 1)


def test_occupancy_counts_offers_talk_and_wrap_up_and_stops_at_the_end_of_the_hour(board: Scoreboard) -> None:
    board.observe(enqueued(150, "late"))
    occupancy = board.figures().occupancy
    assert occupancy is not None
    # ada: busy from 20 to 100 of 0 to 100; ben: busy from 0 to 20 and then away
    assert (occupancy.lowest_agent, occupancy.highest_agent) == ("ada", "ben")
    assert occupancy.lowest == pytest.approx(0.8)
    assert occupancy.highest == 1.0
    assert occupancy.mean == pytest.approx(0.9)
    assert occupancy.jain == pytest.approx(1.8**2 / (2 * (0.8**2 + 1)))
