"""Long and unlikely stories by seed: at each rest every channel, mixing bridge, call and agent is accounted for."""

from __future__ import annotations

import pytest

from tests.bridge.driver import drive

SEEDS_FAST = 250
SEEDS_LONG = 20_250


@pytest.mark.parametrize("first", range(0, SEEDS_FAST, 50))
def test_some_stories(first: int) -> None:
    for seed in range(first, first + 50):
        drive(seed)


@pytest.mark.long
@pytest.mark.parametrize("first", range(SEEDS_FAST, SEEDS_LONG, 2_000))
def test_many_stories(first: int) -> None:
    for seed in range(first, first + 2_000):
        drive(seed)
