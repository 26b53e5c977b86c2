"""`apply_request`: a repeat gets the first answer and changes nothing; other content under the same id is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.engine import Engine
from router.engine import commands as c
from router.engine import events as e
from router.engine.errors import InvalidCommand, RequestIdReused, TimeWentBackwards
from router.engine.settings import QueueSettings, Settings
from router.engine.views import Result
from router.engine.vocabulary import CallState, RejectReason
from tests.fairness import centres as make
from tests.fairness.centres import Centre, History, drive, examples

CONTENT = b"content-1"
OTHER = b"content-2"
SECOND_US = 1_000_000


def engine(**fields: Any) -> Engine:
    return Engine(Settings(queues={"alpha": QueueSettings()}, **fields))


def ask(
    router: Engine, command: c.Command, time_us: int, request: str, content: bytes = CONTENT, client: str = "pbx"
) -> tuple[Result, list[e.Event]]:
    return router.apply_request(command, time_us, client=client, request_id=request, content=content)


def test_the_first_time_is_an_ordinary_apply() -> None:
    asked, applied = engine(), engine()
    result, events = ask(asked, c.Enqueue("c1", "alpha"), 5, "r1")
    assert events == applied.apply(c.Enqueue("c1", "alpha"), 5)
    assert result == applied.last_result == asked.last_result
    assert (result.sequence, result.time_us, result.call_state, result.queue) == (2, 5, CallState.WAITING, "alpha")
    assert not result.repeated


def test_a_repeat_gets_the_first_result_and_changes_nothing() -> None:
    router = engine()
    ask(router, c.SignIn("ada"), 0, "r0")
    first, _ = ask(router, c.Enqueue("c1", "alpha"), 5, "r1")
    assert first.call_state == CallState.OFFERED
    router.apply(c.Accept(1), 6)
    before = router.snapshot()
    again, events = ask(router, c.Enqueue("c1", "alpha"), 100 * SECOND_US, "r1")
    assert again == msgspec.structs.replace(first, repeated=True)
    assert events == []
    assert router.snapshot() == before
    assert (router.sequence, router.time_us) == (4, 6)


def test_a_repeat_may_come_with_an_earlier_time() -> None:
    router = engine()
    first, _ = ask(router, c.Enqueue("c1", "alpha"), 5, "r1")
    router.advance(10)
    again, _ = ask(router, c.Enqueue("c1", "alpha"), 3, "r1")
    assert again.sequence == first.sequence
    assert again.repeated


def test_other_content_is_refused() -> None:
    router = engine()
    ask(router, c.Enqueue("c1", "alpha"), 5, "r1")
    before = router.snapshot()
    with pytest.raises(RequestIdReused):
        ask(router, c.Enqueue("c2", "alpha"), 6, "r1", OTHER)
    assert router.snapshot() == before
    assert [call.call for call in router.calls()] == ["c1"]


def test_ids_belong_to_their_client() -> None:
    router = engine()
    ask(router, c.Enqueue("c1", "alpha"), 5, "r1")
    result, events = ask(router, c.Enqueue("c2", "alpha"), 6, "r1", OTHER, client="web")
    assert (result.sequence, result.repeated, len(events)) == (3, False, 1)


def test_rejections_are_remembered_too() -> None:
    router = engine()
    first, _ = ask(router, c.Cancel("c1"), 5, "r1")
    assert (first.rejection, first.subject) == (RejectReason.UNKNOWN_CALL, "c1")
    router.apply(c.Enqueue("c1", "alpha"), 6)
    again, events = ask(router, c.Cancel("c1"), 7, "r1")
    assert again == msgspec.structs.replace(first, repeated=True)
    assert events == []
    assert router.call("c1").state == CallState.WAITING


def test_what_raises_is_not_remembered() -> None:
    router = engine()
    router.advance(10)
    with pytest.raises(TimeWentBackwards):
        ask(router, c.Enqueue("c1", "alpha"), 5, "r1")
    with pytest.raises(InvalidCommand):
        ask(router, c.Enqueue("", "alpha"), 11, "r1")
    result, _ = ask(router, c.Enqueue("c2", "alpha"), 12, "r1", OTHER)
    assert (result.sequence, result.repeated) == (3, False)


@pytest.mark.parametrize("content", [b"", b"7 bytes", b"x" * 65])
def test_content_is_a_digest_of_8_to_64_bytes(content: bytes) -> None:
    router = engine()
    before = router.snapshot()
    with pytest.raises(InvalidCommand):
        ask(router, c.Enqueue("c1", "alpha"), 5, "r1", content)
    assert router.snapshot() == before


def test_a_request_is_forgotten_after_its_retention() -> None:
    router = engine(request_retention_us=10 * SECOND_US)
    ask(router, c.Cancel("c1"), 0, "r1")
    assert ask(router, c.Cancel("c1"), 10 * SECOND_US - 1, "r1")[0].repeated
    result, events = ask(router, c.Cancel("c2"), 10 * SECOND_US, "r1", OTHER)
    assert (result.sequence, result.repeated, len(events)) == (3, False, 1)


def test_at_most_so_many_are_remembered_the_oldest_goes_first() -> None:
    router = engine(requests_max=2)
    for number in (1, 2, 3):
        ask(router, c.Cancel(f"c{number}"), number, f"r{number}")
    assert ask(router, c.Cancel("c3"), 4, "r3")[0].repeated
    assert ask(router, c.Cancel("c2"), 4, "r2")[0].repeated
    assert not ask(router, c.Cancel("c1"), 4, "r1", OTHER)[0].repeated


def test_a_lower_maximum_forgets_the_oldest_at_once() -> None:
    router = engine(requests_max=3)
    for number in (1, 2, 3):
        ask(router, c.Cancel(f"c{number}"), number, f"r{number}")
    router.apply(c.Configure(Settings(queues={"alpha": QueueSettings()}, requests_max=1)), 4)
    assert ask(router, c.Cancel("c3"), 5, "r3")[0].repeated
    assert not ask(router, c.Cancel("c2"), 5, "r2", OTHER)[0].repeated


def test_requests_survive_a_snapshot() -> None:
    router = engine()
    first, _ = ask(router, c.Enqueue("c1", "alpha"), 5, "r1")
    restored = Engine.restore(router.snapshot())
    assert ask(restored, c.Enqueue("c1", "alpha"), 6, "r1")[0] == msgspec.structs.replace(first, repeated=True)
    with pytest.raises(RequestIdReused):
        ask(restored, c.Enqueue("c2", "alpha"), 6, "r1", OTHER)


@examples(60)
@given(make.centres(most=40), st.lists(st.integers(0, 99), max_size=20))
def test_any_history_may_be_repeated_in_part(centre: Centre, repeats: list[int]) -> None:
    """Whatever was asked, asking any of it again gives the first results and leaves the state as it was."""
    router = Engine(centre.settings)
    asked = Asked(router)
    history = drive(asked, centre)
    before = router.snapshot()
    for number in repeats:
        index = number % len(history)
        time_us, command, _ = history[index]
        again, events = ask(router, command, time_us, f"r{index}", bytes([index]) * 8)
        assert again == msgspec.structs.replace(asked.results[index], repeated=True)
        assert events == []
    assert router.snapshot() == before
    assert told_by(router_without_requests(centre, history)) == told_by(history)


class Asked:
    """An engine of which everything is asked as a request."""

    def __init__(self, router: Engine) -> None:
        self.router = router
        self.results: list[Result] = []

    def apply(self, command: c.Command, time_us: int) -> list[e.Event]:
        number = len(self.results)
        result, events = ask(self.router, command, time_us, f"r{number}", bytes([number]) * 8)
        self.results.append(result)
        return events

    def next_deadline(self) -> int | None:
        return self.router.next_deadline()


def router_without_requests(centre: Centre, history: History) -> History:
    plain = Engine(centre.settings)
    return [(time_us, command, plain.apply(command, time_us)) for time_us, command, _ in history]


def told_by(history: History) -> list[list[e.Event]]:
    return [events for _, _, events in history]


def test_very_many_requests_come_and_go_and_each_is_known_as_long_as_it_should_be() -> None:
    most, count = 700, 5_000
    router = engine(requests_max=most)
    sizes = (1, 20, 180, 255)
    names = [(f"{number}-".ljust(sizes[number % 4], "x"), f"client-{number % 7}") for number in range(count)]
    first: dict[int, Result] = {}
    for number, (name, client) in enumerate(names):
        content = number.to_bytes(8 + 56 * (number % 5 == 0), "big")
        first[number], _ = ask(router, c.Cancel(f"c{number}"), number, name, content, client)
        for back in (1, 2, most - 1, most, most + 1):
            if back <= number:
                earlier, owner = names[number - back]
                assert router.remembers(owner, earlier, number) == (back < most), (number, back)
    assert not router.remembers("client-0", names[-2][0] + "x", count)
    restored = Engine.restore(router.snapshot())
    assert restored.snapshot() == router.snapshot()
    for one in (router, restored, router.fork()):
        known = [number for number, (name, client) in enumerate(names) if one.remembers(client, name, count)]
        assert known == ([] if one not in (router, restored) else list(range(count - most, count)))
    for number in range(count - most, count):
        name, client = names[number]
        content = number.to_bytes(8 + 56 * (number % 5 == 0), "big")
        again, _ = ask(restored, c.Cancel(f"c{number}"), count, name, content, client)
        assert again == msgspec.structs.replace(first[number], repeated=True)
        with pytest.raises(RequestIdReused):
            ask(restored, c.Cancel(f"c{number}"), count, name, OTHER, client)
