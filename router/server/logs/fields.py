"""What a line says besides its words: the fields that it was given, and those of the RPC that is being served.

Keeps one invariant: fields are worked out for lines that are written, and for no others.
"""

from __future__ import annotations

import json
import logging
from typing import Final

from pythonjsonlogger.core import RESERVED_ATTRS

from router.server.rpcs.rpc import CURRENT
from router.server.security import principal_of

_STANDARD: Final = frozenset(RESERVED_ATTRS) | {"taskName"}
_TEXT_MAX: Final = 300


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Return the fields of a line, in the order in which they were given."""
    return {name: value for name, value in record.__dict__.items() if name not in _STANDARD and value is not None}


class RpcFields(logging.Filter):
    """Add what is known of the RPC under way: rpc, peer, principal, client_id, request_id and what it is about."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass."""
        rpc = CURRENT.get()
        if rpc is None:
            return True
        for name, value in rpc.fields():
            record.__dict__.setdefault(name, value)
        try:
            principal = rpc.principal or principal_of().name
        except RuntimeError:
            # turned away before it was known who is asking
            return True
        record.__dict__.setdefault("principal", principal)
        return True


def shown(value: object) -> str:
    """Return a field's value for a line of text: plain where that is clear, else in quotes, and never too long."""
    text = str(value)
    if len(text) > _TEXT_MAX:
        text = text[:_TEXT_MAX] + "…"
    if text and text.isprintable() and not set(text) & set(' "=[]\\'):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())
