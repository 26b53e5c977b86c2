"""Two threads that ask for the same thing again and again both get it."""

from __future__ import annotations

import threading
import time

from router.journal.turns import Turns


def test_who_waits_comes_before_who_has_just_had_a_turn() -> None:
    turns, order = Turns(), []

    def wait_for_a_turn() -> None:
        with turns.take():
            order.append("the one that waited")

    other = threading.Thread(target=wait_for_a_turn)
    with turns.take():
        other.start()
        give_up_s = time.monotonic() + 10
        while not turns.waited_for:
            assert time.monotonic() < give_up_s, "nobody is seen to wait"
    with turns.take():
        order.append("the one that came back")
    other.join()
    assert order == ["the one that waited", "the one that came back"]
    assert not turns.waited_for


def test_a_turn_ends_with_its_context_whatever_happens() -> None:
    turns = Turns()
    for _ in range(2):
        try:
            with turns.take():
                raise KeyError
        except KeyError:
            pass
    with turns.take():
        pass
