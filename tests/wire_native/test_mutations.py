"""Bytes that are nearly a command: whatever is read natively, router.wire reads too, and to the same effect."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.v1 import commands_pb2
from router.wire.commands import encode_any_command
from tests.fuzz.messages import Messages
from tests.wire_native.reading import read_alike
from tests.wire_native.scene import COMMANDS, NEW_NAMES

ANY_COMMANDS = st.sampled_from(list(COMMANDS)).flatmap(COMMANDS.__getitem__)
ODD_BYTES = (0x00, 0x01, 0x02, 0x08, 0x0A, 0x10, 0x12, 0x1A, 0x7F, 0x80, 0x81, 0xC2, 0xED, 0xFF)


def overwrite(rng: random.Random, content: bytearray, at: int) -> None:
    content[at] = rng.choice((*ODD_BYTES, rng.randrange(256)))


def flip(rng: random.Random, content: bytearray, at: int) -> None:
    content[at] ^= 1 << rng.randrange(8)


def count(rng: random.Random, content: bytearray, at: int) -> None:
    content[at] = (content[at] + rng.choice((-1, 1))) % 256


def insert(rng: random.Random, content: bytearray, at: int) -> None:
    content.insert(at, rng.choice((*ODD_BYTES, rng.randrange(256))))


def drop(rng: random.Random, content: bytearray, at: int) -> None:
    del content[at : at + rng.choice((1, 1, 2, 5))]


def repeat(rng: random.Random, content: bytearray, at: int) -> None:
    size = rng.randrange(1, 12)
    content[at:at] = content[at : at + size]


def stretch(rng: random.Random, content: bytearray, at: int) -> None:
    """Make a number take one byte more than it needs."""
    content[at : at + 1] = bytes([content[at] | 0x80, 0x00])


def swap(rng: random.Random, content: bytearray, at: int) -> None:
    first, second = sorted((at, rng.randrange(len(content))))
    content[first:] = content[second:] + content[first:second]


CHANGES: tuple[Callable[[random.Random, bytearray, int], None], ...] = (
    overwrite,
    flip,
    count,
    insert,
    drop,
    repeat,
    stretch,
    swap,
)


def change(rng: random.Random, content: bytes) -> bytes:
    """Return the bytes with one to three things changed."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if changed:
            rng.choice(CHANGES)(rng, changed, rng.randrange(len(changed)))
    return bytes(changed)


@settings(max_examples=150)
@given(ANY_COMMANDS, st.just("") | NEW_NAMES, st.integers(0, 2**32))
def test_changed_bytes_are_never_read_as_something_else(command, request_id, seed) -> None:  # type: ignore[no-untyped-def]
    rng = random.Random(seed)
    content = encode_any_command(command, request_id).SerializeToString(deterministic=rng.random() < 0.5)
    for _ in range(10):
        read_alike(change(rng, content))


@pytest.mark.parametrize("change_one", CHANGES, ids=lambda one: one.__name__)
def test_changes_are_noticed_and_some_are_still_commands(change_one: Callable[..., None]) -> None:
    rng = random.Random(change_one.__name__)
    command = commands_pb2.Command(
        request_id="r1", transfer=commands_pb2.Transfer(call="waits", queue="cards", keep_place=False)
    )
    content = command.SerializeToString()
    read = []
    for at in range(len(content)):
        changed = bytearray(content)
        change_one(rng, changed, at)
        read.append(read_alike(bytes(changed)))
    assert not all(read)
    if change_one is not swap:
        # a byte of a name may be another one, but what is longer or shorter than its length says is no message
        assert any(read) == (change_one in (overwrite, flip, count))


@pytest.mark.parametrize("seed", range(3))
def test_messages_of_any_kind_are_read_alike_or_refused(seed: int) -> None:
    messages = Messages(seed)
    read = sum(read_alike(messages.payload(commands_pb2.Command.DESCRIPTOR)) for _ in range(1_500))
    assert read < 1_500


@settings(max_examples=300)
@given(st.binary(max_size=40))
def test_any_bytes_are_read_alike_or_refused(content: bytes) -> None:
    read_alike(content)
    for field in (4, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17):
        read_alike(bytes([*key_of(field), len(content)]) + content)


def key_of(field: int) -> bytes:
    key = field << 3 | 2
    return bytes([key]) if key < 128 else bytes([key & 0x7F | 0x80, key >> 7])
