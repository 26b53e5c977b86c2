"""Commands and settings as Python source, to print what failed so that it can be pasted and run."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import msgspec


def source(value: Any) -> str:
    """Return an expression that makes the value again, leaving out what is default."""
    if isinstance(value, IntEnum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, msgspec.Struct):
        fields = (
            f"{field.name}={source(getattr(value, field.name))}"
            for field in msgspec.structs.fields(value)
            if not is_default(field, getattr(value, field.name))
        )
        return f"{type(value).__name__}({', '.join(fields)})"
    if isinstance(value, tuple):
        return f"({''.join(source(one) + ', ' for one in value)})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {source(one)}' for key, one in value.items())}}}"
    return repr(value)


def is_default(field: msgspec.structs.FieldInfo, value: Any) -> bool:
    if field.default is not msgspec.NODEFAULT:
        return bool(value == field.default)
    return field.default_factory is not msgspec.NODEFAULT and bool(value == field.default_factory())
