"""Templates: texts of the config with what a call brings put in, such as `{arg:1}` or `{variable:CUSTOMER}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from router.bridge.asterisk.floor_settings import Arrival

_PART: Final = re.compile(r"\{([^{}]*)\}")
_PLAIN: Final[Mapping[str, Callable[[Arrival], str]]] = {
    "number": lambda arrival: arrival.number,
    "context": lambda arrival: arrival.context,
    "caller": lambda arrival: arrival.caller_number,
    "caller_name": lambda arrival: arrival.caller_name,
    "channel": lambda arrival: arrival.channel,
}
_WANTED: Final = "{arg:N} with N from 1, {variable:NAME}, " + ", ".join(f"{{{name}}}" for name in _PLAIN)
# what Asterisk takes as the name of a variable or the call of a function, such as CALLERID(num)
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\([^{}()]{0,100}\))?")


class TemplateError(ValueError):
    """A text is no template: `problem` says what is wrong, `wanted` what would be right."""

    def __init__(self, problem: str, wanted: str) -> None:
        super().__init__(f"{problem}; {wanted}")
        self.problem = problem
        self.wanted = wanted


class Template(msgspec.Struct, frozen=True):
    """`parts` are fixed texts and, at every second place, what stands in braces."""

    parts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Return the template. Raises `TemplateError`."""
        parts = _PART.split(text)
        for fixed in parts[::2]:
            if "{" in fixed or "}" in fixed:
                raise TemplateError("a { without its }, or the other way", "both, around what the call brings")
        for name in parts[1::2]:
            _check(name)
        return cls(tuple(parts))

    @property
    def has_parts(self) -> bool:
        """Return whether anything of the call is put in."""
        return len(self.parts) > 1

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the channel variables that it needs."""
        return tuple(name.partition(":")[2] for name in self.parts[1::2] if name.startswith("variable:"))

    def fill(self, arrival: Arrival) -> str:
        """Return the text for a call; what the call does not bring is empty."""
        if len(self.parts) == 1:
            return self.parts[0]
        filled = [value_of(part, arrival) if index % 2 else part for index, part in enumerate(self.parts)]
        return "".join(filled).strip()


def value_of(name: str, arrival: Arrival) -> str:
    """Return what stands for the name in braces."""
    kind, _, rest = name.partition(":")
    if kind == "arg":
        index = int(rest) - 1
        return arrival.args[index] if index < len(arrival.args) else ""
    if kind == "variable":
        return arrival.variables.get(rest, "")
    return _PLAIN[kind](arrival)


def _check(name: str) -> None:
    kind, _, rest = name.partition(":")
    if kind == "arg" and re.fullmatch(r"[1-9][0-9]?", rest):
        return
    if kind == "variable" and VARIABLE.fullmatch(rest):
        return
    if name not in _PLAIN:
        raise TemplateError(f"nothing of a call is called {{{name}}}", _WANTED)
