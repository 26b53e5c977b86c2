"""`skill-router explain` has plain words for everything that can keep an agent from a call."""

from __future__ import annotations

from router import Obstacle
from router.cli.explain import _OBSTACLE_WORDS


def test_every_obstacle_has_its_words() -> None:
    assert set(_OBSTACLE_WORDS) == set(Obstacle)
    assert len(set(_OBSTACLE_WORDS.values())) == len(Obstacle)
