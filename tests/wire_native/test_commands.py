"""Whatever a client sends in the plain form is read natively, and is the very command that router.wire reads."""

from __future__ import annotations

import random
from hashlib import blake2b
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.engine import Engine
from router.engine import commands as c
from router.engine.commands import Command
from router.server import _native
from router.v1 import commands_pb2
from router.wire.commands import WIRE_COMMANDS, decode_any_command, digest, encode_any_command, encode_command
from tests.engine.choices import SeededChoices
from tests.engine.generate import WORLD
from tests.engine.generate import settings as any_settings
from tests.engine.generate_commands import CommandSource
from tests.wire_native.reading import read_alike
from tests.wire_native.scene import COMMANDS, NEW_NAMES, NOW_US, scene

REQUEST_IDS = st.just("") | NEW_NAMES
OTHERS = sorted(set(WIRE_COMMANDS) - COMMANDS.keys(), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
@settings(max_examples=60)
@given(st.data())
def test_every_command_in_the_plain_form_is_read(kind: type[Any], data: st.DataObject) -> None:
    message = encode_any_command(data.draw(COMMANDS[kind]), data.draw(REQUEST_IDS))
    assert read_alike(message.SerializeToString(deterministic=True))


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
@settings(max_examples=20)
@given(st.data())
def test_a_command_of_a_unary_call_is_the_same(kind: type[Any], data: st.DataObject) -> None:
    command = data.draw(COMMANDS[kind])
    message = encode_any_command(command)
    name = message.WhichOneof("command")
    field = commands_pb2.Command.DESCRIPTOR.fields_by_name[name].number
    content = getattr(message, name).SerializeToString(deterministic=True)
    native, python = Engine.restore(scene()), Engine.restore(scene())
    read = _native._read_part(field, content, native, NOW_US)
    part, content_digest, events = read
    assert (part, content_digest) == (content, digest(encode_command(command)))
    assert events == python.apply(command, NOW_US)
    assert native.state_hash() == python.state_hash()


@settings(max_examples=100)
@given(st.data())
def test_attributes_in_any_order_are_put_in_order(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([c.Enqueue, c.UpdateCall]))
    message = encode_any_command(data.draw(COMMANDS[kind]), data.draw(REQUEST_IDS))
    assert read_alike(message.SerializeToString())


def with_attributes(*attributes: tuple[str, str]) -> bytes:
    """Return an `Enqueue` whose attributes come in the order given."""
    own = commands_pb2.Enqueue(call="c1", queue="loans").SerializeToString()
    for key, value in attributes:
        own += commands_pb2.Enqueue(attributes={key: value}).SerializeToString()
    own += commands_pb2.Enqueue(explain=True).SerializeToString()
    return b"2" + bytes([len(own)]) + own


def test_attributes_are_put_in_order() -> None:
    came = with_attributes(("zone", "1"), ("é", ""), ("lang", "de"), ("Zone", "2"))
    read = _native._read_command(came)
    assert read is not None
    assert read[3] == with_attributes(("Zone", "2"), ("lang", "de"), ("zone", "1"), ("é", ""))
    assert read_alike(came)


@pytest.mark.parametrize(
    "attributes",
    [
        [("a", "1"), ("a", "2")],
        [("b", "1"), ("a", "1"), ("b", "1")],
        [("customer", "1"), ("customer_id", "2")],
        [("customer_id", "1"), ("customer", "2")],
    ],
)
def test_attributes_whose_order_is_not_certain_are_left_to_the_full_reader(attributes: list[tuple[str, str]]) -> None:
    assert _native._read_command(with_attributes(*attributes)) is None


@pytest.mark.parametrize("kind", OTHERS, ids=lambda kind: kind.__name__)
def test_the_other_commands_are_not_read(kind: type[Any]) -> None:
    assert len(OTHERS) == 6
    fields = {name: "loans" for name in ("agent", "call", "queue") if name in kind.__struct_fields__}
    message = encode_any_command(kind(**fields))
    decode_any_command(message)
    assert _native._read_command(message.SerializeToString()) is None


def test_a_kind_is_read_under_its_own_field_only() -> None:
    fields: Any = commands_pb2.Command.DESCRIPTOR.oneofs_by_name["command"].fields
    read = {}
    for number in range(300):
        found = _native._read_part(number, b"\x0a\x01c\x12\x01q") or _native._read_part(number, b"\x08\x01")
        found = found or _native._read_part(number, b"\x0a\x01c") or _native._read_part(number, b"\x0a\x01c\x10\x01")
        if found is not None:
            read[number] = found
    names = {kind.__name__ for kind in COMMANDS}
    # an outcome has to say how it went
    assert _native._read_part(17, b"\x0a\x01c\x10\x01") == (b"\x0a\x01c\x10\x01", ANY)
    assert read.keys() == {field.number for field in fields if field.message_type.name in names}
    for field in fields:
        if field.number in read:
            part, content_digest = read[field.number]
            assert content_digest == blake2b(part, digest_size=16, key=field.message_type.name.encode()).digest()


@pytest.mark.parametrize("seed", range(12))
def test_days_go_the_same_way(seed: int) -> None:
    choices = SeededChoices(f"wire-{seed}")
    rules = any_settings(choices, WORLD)
    native, python = Engine(rules, time_us=NOW_US), Engine(rules, time_us=NOW_US)
    time_us, read = NOW_US, 0
    for _ in range(250):
        time_us += choices.pick((0, 0, 1, 1_000_000, 3_000_000))
        command: Command = CommandSource(choices, WORLD, python).command()  # type: ignore[arg-type]
        if type(command) in COMMANDS:
            content = encode_any_command(command).SerializeToString()
            found = _native._read_command(content, native, time_us)
            assert found is not None, command
            events = found[4]
            read += 1
        else:
            events = native.apply(command, time_us)
        assert events == python.apply(command, time_us)
    assert native.state_hash() == python.state_hash()
    assert read > 80


def test_as_many_attributes_as_may_be_are_put_in_order() -> None:
    rng = random.Random(5)
    attributes = [(f"key-{number:02}", "v" * 200) for number in range(64)]
    for _ in range(20):
        rng.shuffle(attributes)
        message = commands_pb2.Command(enqueue=commands_pb2.Enqueue(call="c1", queue="loans"))
        message.enqueue.attributes.update(attributes)
        assert read_alike(message.SerializeToString())
