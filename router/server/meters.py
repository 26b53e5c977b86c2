"""What the server's core tells whoever measures it.

Keeps one invariant: measuring changes nothing; a meter neither waits nor raises.
"""

from __future__ import annotations

from typing import Protocol

import grpc

from router.engine.commands import Command


class Meters(Protocol):
    """Told of what was done and how long it took, in nanoseconds of real time."""

    def decided(self, duration_ns: int) -> None:
        """Learn how long the engine took to carry out one command, or to find that it may not be."""

    def repeated(self, command: Command) -> None:
        """Learn that a command was answered from memory."""

    def refused(self, reason: str) -> None:
        """Learn that the server refused a request, or a command, that the engine never saw."""

    def answered(self, commands: int, duration_ns: int) -> None:
        """Learn that commands which were taken together are answered, so long after they were taken."""

    def flushed(self, entries: int, duration_ns: int) -> None:
        """Learn that one append made entries durable."""

    def snapshot_saved(self, size_bytes: int, pause_ns: int, save_ns: int, *, in_place: bool) -> None:
        """Learn of a snapshot: for how long the engine stood still, and how long it took beside that to be saved.

        `in_place`: the process wrote it itself.
        """

    def snapshot_failed(self) -> None:
        """Learn that a snapshot could not be saved."""


class RpcMeters(Protocol):
    """Told of RPCs, by their kind and method."""

    def begun(self, kind: str) -> None:
        """Learn that an RPC has begun."""

    def ended(self, kind: str, method: str, code: grpc.StatusCode, duration_ns: int) -> None:
        """Learn that an RPC has ended, and how."""


class NoMeters:
    """Measure nothing."""

    def decided(self, duration_ns: int) -> None: ...
    def repeated(self, command: Command) -> None: ...
    def refused(self, reason: str) -> None: ...
    def answered(self, commands: int, duration_ns: int) -> None: ...
    def flushed(self, entries: int, duration_ns: int) -> None: ...
    def snapshot_saved(self, size_bytes: int, pause_ns: int, save_ns: int, *, in_place: bool) -> None: ...
    def snapshot_failed(self) -> None: ...
