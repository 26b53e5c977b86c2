"""What is wrong with a message, said in the words of the protos.

Keeps one invariant: a field path names protobuf fields (`hold`, not `hold_us`), as the integrator sees them.
"""

from __future__ import annotations

import re

_MICROSECONDS = re.compile(r"_us\b")


class Malformed(ValueError):
    """A message cannot be understood: `field` is a path, `problem` what is wrong, `wanted` what would be right."""

    def __init__(self, field: str, problem: str, wanted: str) -> None:
        super().__init__(f"{field}: {problem}; {wanted}")
        self.field = field
        self.problem = problem
        self.wanted = wanted

    def under(self, parent: str) -> Malformed:
        """Return the same problem seen from the message that holds this one in `parent`."""
        return Malformed(join(parent, self.field), self.problem, self.wanted)


def join(parent: str, field: str) -> str:
    """Return the path of `field` inside `parent`."""
    if not field or not parent:
        return parent or field
    return f"{parent}{field}" if field.startswith("[") else f"{parent}.{field}"


def wire_path(field: str) -> str:
    """Return the protobuf path for a path of struct fields, as `InvalidCommand` has it."""
    return _MICROSECONDS.sub("", field)
