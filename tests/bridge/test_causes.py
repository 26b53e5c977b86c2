"""Why a telephone did not answer: what a real Asterisk said, and what the bridge makes of it."""

from __future__ import annotations

import pytest

from router.bridge.asterisk.causes import ENDINGS, LegEnd, end_of


@pytest.mark.parametrize(
    ("cause", "rang", "end"),
    [
        (17, True, LegEnd.BUSY),
        (17, False, LegEnd.BUSY),
        (21, True, LegEnd.REJECTED),
        (16, True, LegEnd.REJECTED),
        (19, True, LegEnd.NO_ANSWER),
        (19, False, LegEnd.UNREACHABLE),
        (34, True, LegEnd.CONGESTION),
        (38, False, LegEnd.CONGESTION),
        (42, False, LegEnd.CONGESTION),
        (0, False, LegEnd.UNREACHABLE),
        (1, False, LegEnd.UNREACHABLE),
        (3, False, LegEnd.UNREACHABLE),
        (20, False, LegEnd.UNREACHABLE),
        (27, False, LegEnd.UNREACHABLE),
        (127, True, LegEnd.FAILED),
        (99999, False, LegEnd.FAILED),
    ],
)
def test_the_cause_decides(cause: int, rang: bool, end: LegEnd) -> None:
    assert end_of(cause, rang=rang) is end


def test_every_end_has_an_ending() -> None:
    assert ENDINGS.keys() == set(LegEnd)
    assert {end for end, ending in ENDINGS.items() if ending.not_ready} == {LegEnd.BUSY, LegEnd.UNREACHABLE}
