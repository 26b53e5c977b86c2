"""A centre that stands: agents at work, and calls that wait for skills that nobody has, as batches of messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bench.wire import messages
from router.engine.commands import Enqueue, SignIn
from router.wire.commands import encode_any_command

QUEUES: Final = 20
PROFILES: Final = 50
BATCH: Final = 500
APPLY: Final = "/router.v1.CommandService/Apply"
CONFIG: Final = "".join(
    f"""
[queues.queue-{number:02}]
skills = {{ rare-{number:02} = 1 }}
waiting_max = 1000000
"""
    for number in range(QUEUES)
)


def sign_in(number: int) -> SignIn:
    """Return an agent's sign-in: three skills of fifty profiles."""
    skills = {f"skill-{(number + 7 * place) % PROFILES:02}": 3 * place + 1 for place in range(3)}
    return SignIn(f"agent-{number:06}", skills)


def enqueue(number: int) -> Enqueue:
    """Return the command with which a call begins to wait."""
    return Enqueue(f"call-{number:06}", f"queue-{number % QUEUES:02}")


def agents(count: int) -> Iterator[bytes]:
    """Yield batches that bring agents to work."""
    for start in range(0, count, BATCH):
        made = [encode_any_command(sign_in(number), "") for number in range(start, min(count, start + BATCH))]
        yield messages.batch(start + 1, "desk", [one.SerializeToString() for one in made])


def calls(count: int) -> Iterator[bytes]:
    """Yield batches that let calls wait."""
    for start in range(0, count, BATCH):
        queued = [enqueue(number) for number in range(start, min(count, start + BATCH))]
        yield messages.batch(start + 1, "pbx", [messages.enqueue(one.call, one.queue) for one in queued])


def flipper() -> bytes:
    """Return the batch that signs in the agent of `flips`."""
    return messages.batch(1, "desk", [encode_any_command(SignIn("flipper"), "").SerializeToString()])


def flips(batch: int) -> Iterator[bytes]:
    """Yield batches without end in which an agent is not ready, and ready again: they leave nothing behind."""
    number = 0
    while True:
        made = [messages.set_availability("flipper", "" if place % 2 else "break") for place in range(batch)]
        number += 1
        yield messages.batch(number, "desk", made)
