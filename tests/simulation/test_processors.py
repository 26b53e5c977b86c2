"""How many threads are used where nobody says it."""

from __future__ import annotations

import os

import pytest

from router.simulation.processors import count_processors


def test_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 2, 5}, raising=False)
    assert count_processors() == 3


@pytest.mark.parametrize(("processors", "expected"), [(7, 7), (None, 1)])
def test_where_a_system_does_not_say_it_is_all(
    monkeypatch: pytest.MonkeyPatch, processors: int | None, expected: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    assert count_processors() == expected
