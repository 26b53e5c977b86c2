"""The client's report: all its live calls and agents, read from the request.

Keeps one invariant: each name stands in a report once, and a report is refused whole or read whole, whatever its size,
without holding up the other tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from router.server.errors import Refusal, Violation
from router.v1 import session_service_pb2 as pb
from router.wire.problems import Malformed, join
from router.wire.sessions import LiveAgent, LiveCall, decode_live_agent, decode_live_call

ENTRIES_MAX: Final = 100_000
"""Calls, and agents, that one report may have."""

_STRETCH: Final = 500
_VIOLATIONS_MAX: Final = 10

T = TypeVar("T")


class Report(msgspec.Struct, frozen=True):
    """What a client has, by name. With `dry_run` it only wants to know what differs."""

    client_id: str
    calls: Mapping[str, LiveCall]
    agents: Mapping[str, LiveAgent]
    dry_run: bool = False


async def read_report(request: pb.ReconcileRequest) -> Report:
    """Return the report in a request whose client id is good. Raises `Refusal` with the first violations."""
    violations: list[Violation] = []
    calls = await _read_list("calls", request.calls, decode_live_call, lambda call: call.call, "call", violations)
    agents = await _read_list(
        "agents", request.agents, decode_live_agent, lambda agent: agent.sign_in.agent, "sign_in.agent", violations
    )
    if violations:
        first = violations[0]
        raise Refusal("INVALID_COMMAND", f"{first.field}: {first.description}", violations=violations)
    return Report(request.client_id, calls, agents, request.dry_run)


async def _read_list(
    field: str,
    messages: Sequence[Any],
    decode: Callable[[Any], T],
    name_of: Callable[[T], str],
    name_field: str,
    violations: list[Violation],
) -> Mapping[str, T]:
    if len(messages) > ENTRIES_MAX:
        violations.append(Violation(field, f"{len(messages):,} entries; at most {ENTRIES_MAX:,}"))
        return {}
    found: dict[str, T] = {}
    first_index: dict[str, int] = {}
    for index, message in enumerate(messages):
        if index % _STRETCH == _STRETCH - 1:
            await asyncio.sleep(0)
        path = f"{field}[{index}]"
        try:
            entry = decode(message)
            name = name_of(entry)
            if name in found:
                earlier = f"{field}[{first_index[name]}]"
                raise Malformed(name_field, f"{name} is listed twice, first in {earlier}", "each once")
        except Malformed as malformed:
            violations.append(Violation(join(path, malformed.field), f"{malformed.problem}; {malformed.wanted}"))
            if len(violations) >= _VIOLATIONS_MAX:
                break
            continue
        found[name] = entry
        first_index[name] = index
    return found
