"""Answers, journal entries and digests are the bytes that router.wire and router.journal write."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.engine import Engine
from router.engine import commands as c
from router.engine.settings import QueueSettings, Settings
from router.engine.vocabulary import CallState
from router.journal import Entry
from router.journal.records import decode_record, encode_record
from router.server import _native
from router.v1 import commands_pb2, results_pb2
from router.wire.commands import encode_any_command
from router.wire.results import encode_header, encode_result
from tests.engine.choices import SeededChoices
from tests.engine.generate import WORLD
from tests.engine.generate import settings as any_settings
from tests.engine.generate_commands import CommandSource
from tests.wire_native.scene import COMMANDS, NEW_NAMES, NOW_US

IDS = st.just("") | NEW_NAMES


@settings(max_examples=300)
@given(st.binary(min_size=1, max_size=64), st.binary(max_size=600))
def test_digests_are_blake2b_with_a_key(key: bytes, content: bytes) -> None:
    assert _native._digest(key, content) == blake2b(content, digest_size=16, key=key).digest()


@pytest.mark.parametrize("size", [0, 1, 127, 128, 129, 255, 256, 257, 1_000, 20_000])
def test_digests_at_the_edges_of_blocks(size: int) -> None:
    content = bytes(index * 7 % 256 for index in range(size))
    assert _native._digest(b"Enqueue", content) == blake2b(content, digest_size=16, key=b"Enqueue").digest()


@pytest.mark.parametrize("key", [b"", b"k" * 65])
def test_a_digest_needs_a_key(key: bytes) -> None:
    with pytest.raises(Exception, match="key"):
        _native._digest(key, b"content")


def expected_answer(engine: Engine, repeated: bool) -> bytes:
    result = engine.last_result
    assert result is not None
    wire = encode_result(result)
    wire.repeated = repeated
    answer = results_pb2.CommandResult(header=encode_header(result.sequence, result.time_us), result=wire)
    return answer.SerializeToString(deterministic=True)


def test_answers_are_the_same_bytes() -> None:
    seen = set()
    for seed in range(4):
        choices = SeededChoices(f"answers-{seed}")
        engine = Engine(any_settings(choices, WORLD), time_us=NOW_US)
        time_us = NOW_US
        for _ in range(250):
            time_us += choices.pick((0, 0, 1, 1_000_000, 3_000_000))
            engine.apply(CommandSource(choices, WORLD, engine).command(), time_us)  # type: ignore[arg-type]
            result = engine.last_result
            assert result is not None
            if result.rejection is None:
                seen.add((result.call_state, result.agent is None, result.offer is None))
                for repeated in (False, True):
                    assert _native._answer(engine, repeated) == expected_answer(engine, repeated)
    assert {state for state, _, _ in seen} == {None, *CallState}
    assert {(None, True, True), (CallState.WAITING, True, True), (CallState.OFFERED, False, False)} <= seen


@pytest.mark.parametrize("time_us", [0, 1, 999_999, 1_000_000, 253_402_300_799_999_999, 253_402_300_800_000_000, 2**61])
def test_answers_at_any_time(time_us: int) -> None:
    engine = Engine(Settings(queues={"loans": QueueSettings()}), time_us=0)
    engine.apply(c.Enqueue("c1", "loans"), time_us)
    assert _native._answer(engine, False) == expected_answer(engine, False)


def test_a_rejection_is_no_answer() -> None:
    engine = Engine(Settings(queues={"loans": QueueSettings()}), time_us=0)
    engine.apply(c.Cancel("nobody"), 1)
    with pytest.raises(Exception, match="rejection"):
        _native._answer(engine, False)


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
@settings(max_examples=20)
@given(st.data())
def test_entries_are_the_same_bytes(kind: type[Any], data: st.DataObject) -> None:
    command = data.draw(COMMANDS[kind])
    message = encode_any_command(command, "r-1")
    name = message.WhichOneof("command")
    entry = Entry(
        time_us=data.draw(st.integers(0, 2**61)),
        command=command,
        client_id=data.draw(IDS),
        request_id=data.draw(IDS),
        content=data.draw(st.binary(max_size=16)),
        actor=data.draw(IDS),
        message=message,
    )
    written = _native._entry(
        entry.time_us,
        entry.client_id.encode(),
        entry.request_id.encode(),
        entry.content,
        entry.actor.encode(),
        commands_pb2.Command.DESCRIPTOR.fields_by_name[name].number,
        getattr(message, name).SerializeToString(deterministic=True),
    )
    assert written == encode_record([entry])
    assert decode_record(written)[0].command == command


@pytest.mark.parametrize("size", [90, 100, 110, 127, 128, 129, 200, 16_200, 16_300])
def test_entries_of_every_length_of_length(size: int) -> None:
    message = encode_any_command(c.Enqueue("c1", "loans", attributes={"k": "v" * size}))
    part = message.enqueue.SerializeToString(deterministic=True)
    written = _native._entry(NOW_US, b"pbx", b"", b"", b"local", 6, part)
    entry = Entry(time_us=NOW_US, command=c.Advance(), client_id="pbx", actor="local", message=message)
    assert written == encode_record([entry])
