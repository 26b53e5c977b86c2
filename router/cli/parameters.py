"""What subcommands share: kinds of parameters, and the one wording of exit codes.

Keeps one invariant: whatever passes is usable as it is; anything else is a usage error, exit code 2.
"""

from __future__ import annotations

import math
from typing import Any, Final

import rich_click as click

PORT_MAX: Final = 65_535
HELP: Final = {"help_option_names": ["-h", "--help"]}
INTERRUPTED: Final = 130  # the exit code after Ctrl-C, as shells have it


def exit_codes(well: str, ill: str, *others: str) -> str:
    """Return the last paragraph of a subcommand's help. `others` are codes of its own, each with its meaning."""
    return (
        "; ".join((f"Exit codes: 0 {well}", f"1 {ill}", "2 it was called wrongly, and nothing was done", *others)) + "."
    )


class FiniteRange(click.FloatRange):
    """A number in a range. NaN, which lies within every range for its parent class, is none, nor is infinity."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            finite = math.isfinite(float(value))
        except (TypeError, ValueError, OverflowError):
            finite = True  # no number at all: the parent class says so
        if not finite:
            self.fail(f"{value} is not a number in the range {self._describe_range()}.", param, ctx)
        return super().convert(value, param, ctx)


class Address(click.ParamType[str]):
    """A host and a port, as text. Port 0 passes only with `any_port`: it stands for any free one."""

    name = "HOST:PORT"

    def __init__(self, *, any_port: bool = False) -> None:
        self._port_min = 0 if any_port else 1

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        host, _, port = text.rpartition(":")
        if not host or not (port.isascii() and port.isdigit()) or (":" in host and not host.startswith("[")):
            self.fail(f"{text!r} is not host:port, such as 127.0.0.1:50051 or [::1]:50051", param, ctx)
        if len(port) > 9 or not self._port_min <= int(port) <= PORT_MAX:
            self.fail(f"{text!r}: the port is out of range; {self._port_min} to {PORT_MAX} is right", param, ctx)
        return text
