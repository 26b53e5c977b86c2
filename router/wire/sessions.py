"""Sessions on the wire: a client's picture of its calls and agents, and what differs from the router's.

Keeps one invariant: what is read is well formed as far as names, states and numbers go; what is wrong is `Malformed`.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from router.engine.commands import Enqueue, SignIn
from router.engine.limits import NAME_BYTES_MAX
from router.v1 import session_service_pb2 as pb
from router.wire.commands import decode_command, encode_command
from router.wire.problems import Malformed


class SessionState(IntEnum):
    """Whether a client is believed to be there."""

    HELD = 1
    LOST = 2


class LiveCall(msgspec.Struct, frozen=True):
    """A call as the client has it: `ringing` as an offer, `talking` with an agent, or waiting if neither is given.

    `enqueue` says how to bring it back where the router does not know it.
    """

    call: str
    ringing: int | None = None
    talking: str | None = None
    enqueue: Enqueue | None = None


class LiveAgent(msgspec.Struct, frozen=True):
    """An agent as the client has it: signed in, ready or not. `reason` is why not; empty: for whatever reason."""

    sign_in: SignIn
    reason: str = ""


class DifferenceKind(IntEnum):
    """What client and router did not agree on; protos/router/v1/session_service.proto says what is done about it."""

    UNSPECIFIED = 0
    """A kind that only a newer server knows."""
    CALL_ENDED = 1
    CALL_UNKNOWN = 2
    CALL_FINISHED = 3
    OFFER_NOT_RINGING = 4
    NOT_TALKING = 5
    TALKING = 6
    OFFER_ENDED = 7
    AGENT_GONE = 8
    AGENT_UNKNOWN = 9
    AVAILABILITY = 10
    OTHER_OWNER = 11


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing on which client and router did not agree.

    `found` is what the router had, in words. `repaired`: the router now agrees with the client. If it does not, and it
    was no dry run, `problem` says why, and what is left for the client to do.
    """

    kind: DifferenceKind
    call: str = ""
    agent: str = ""
    offer: int = 0
    found: str = ""
    repaired: bool = False
    problem: str = ""


def check_name(field: str, name: str) -> None:
    """Check that a name is one. Raises `Malformed`."""
    if not name:
        raise Malformed(field, "missing", f"a name of 1 to {NAME_BYTES_MAX} bytes")
    if len(name.encode()) > NAME_BYTES_MAX:
        raise Malformed(field, "too long", f"at most {NAME_BYTES_MAX} bytes of UTF-8")
    if not name.isprintable() and any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in name):
        raise Malformed(field, "a control character", "text without control characters")


def decode_live_call(message: pb.LiveCall) -> LiveCall:
    """Return a call of a client's list. Raises `Malformed`."""
    check_name("call", message.call)
    state = message.WhichOneof("state")
    if state is None:
        raise Malformed("state", "missing", "one of waiting, ringing, talking")
    if state == "waiting" and not message.waiting:
        raise Malformed("waiting", "false says nothing", "true, or one of ringing, talking")
    if state == "ringing" and message.ringing < 1:
        raise Malformed("ringing", f"{message.ringing} is no offer", "the offer's number, 1 or more")
    if state == "talking":
        check_name("talking", message.talking)
    return LiveCall(
        call=message.call,
        ringing=message.ringing if state == "ringing" else None,
        talking=message.talking if state == "talking" else None,
        enqueue=_decode_enqueue(message) if message.HasField("enqueue") else None,
    )


def _decode_enqueue(message: pb.LiveCall) -> Enqueue:
    try:
        enqueue = decode_command(message.enqueue)
    except Malformed as malformed:
        raise malformed.under("enqueue") from None
    assert isinstance(enqueue, Enqueue)
    if enqueue.call and enqueue.call != message.call:
        raise Malformed("enqueue.call", "not the name of the call", "the same name, or none")
    check_name("enqueue.queue", enqueue.queue)
    return msgspec.structs.replace(enqueue, call=message.call)


def decode_live_agent(message: pb.LiveAgent) -> LiveAgent:
    """Return an agent of a client's list. Raises `Malformed`."""
    check_name("sign_in.agent", message.sign_in.agent)
    try:
        sign_in = decode_command(message.sign_in)
    except Malformed as malformed:
        raise malformed.under("sign_in") from None
    assert isinstance(sign_in, SignIn)
    if message.reason:
        check_name("reason", message.reason)
    return LiveAgent(sign_in, message.reason)


def encode_live_call(call: LiveCall) -> pb.LiveCall:
    """Return the message for a call. Raises `ValueError` for one that rings and talks, or with another's `enqueue`."""
    if call.ringing is not None and call.talking is not None:
        raise ValueError(f"call {call.call}: `ringing` and `talking` are both given; one of them, or none if it waits")
    message = pb.LiveCall(call=call.call)
    if call.ringing is not None:
        message.ringing = call.ringing
    elif call.talking is not None:
        message.talking = call.talking
    else:
        message.waiting = True
    if call.enqueue is not None:
        if call.enqueue.call not in ("", call.call):
            raise ValueError(f"call {call.call}: its `enqueue` is of call {call.enqueue.call}; the same name, or none")
        message.enqueue.CopyFrom(encode_command(call.enqueue))  # type: ignore[arg-type]
        # it is said once already
        message.enqueue.ClearField("call")
    return message


def encode_live_agent(agent: LiveAgent) -> pb.LiveAgent:
    """Return the message for an agent."""
    message = pb.LiveAgent(reason=agent.reason)
    message.sign_in.CopyFrom(encode_command(agent.sign_in))  # type: ignore[arg-type]
    return message


def encode_difference(difference: Difference) -> pb.Difference:
    """Return the message for a difference."""
    return pb.Difference(
        kind=difference.kind.value,  # type: ignore[arg-type]
        call=difference.call,
        agent=difference.agent,
        offer=difference.offer,
        found=difference.found,
        repaired=difference.repaired,
        problem=difference.problem,
    )


def decode_difference(message: pb.Difference) -> Difference:
    """Return the difference in a message. A kind that only a newer server knows is UNSPECIFIED."""
    known = message.kind in DifferenceKind._value2member_map_
    return Difference(
        kind=DifferenceKind(message.kind) if known else DifferenceKind.UNSPECIFIED,
        call=message.call,
        agent=message.agent,
        offer=message.offer,
        found=message.found,
        repaired=message.repaired,
        problem=message.problem,
    )
