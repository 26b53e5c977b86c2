"""A snapshot of one moment on its way into memory: written by a child of the process, or in place.

Keeps one invariant: whoever writes it, the bytes are those of the moment at which it was begun.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from hashlib import sha256
from time import perf_counter_ns
from typing import Final, NamedTuple

import msgspec

from router.journal import Snapshot
from router.server._native import Child, engine_part, owned_part, write_parts
from router.server.forking import MAY_FORK
from router.server.shell import Shell

logger = logging.getLogger(__name__)

CHILD_S_MAX: Final = 60.0
"""A child that takes longer is taken for stuck."""


class Written(NamedTuple):
    """A snapshot in memory, and how long it took to get there beside all else, in nanoseconds."""

    snapshot: Snapshot
    write_ns: int


class Writing:
    """A snapshot that is being written. Routing stands still while this is made, for `pause_ns`, and not after that.

    Without `child` it is written here and now. Raises `OSError` where no child can be made.
    """

    def __init__(self, shell: Shell, *, child: bool) -> None:
        begun_ns = perf_counter_ns()
        self.sequence: Final = shell.engine.sequence
        self.time_us: Final = shell.engine.time_us
        self._service = shell.service_state(with_owned=False)
        self._predicting = shell.estimation.predicting
        owned = owned_part(shell.sessions.agents, shell.sessions.calls)
        parts = (engine_part(shell.engine), owned, self._predicting.part())
        self._child = Child(parts) if child else None
        self._contents: Sequence[bytes] = () if child else write_parts(parts)
        self._begun_ns = perf_counter_ns()
        self.pause_ns: Final = self._begun_ns - begun_ns

    @property
    def in_place(self) -> bool:
        """Whether there is no child."""
        return self._child is None

    def finish(self) -> Written:
        """Wait for the child, in any thread but the loop's, and return the whole. Raises `ChildFailed`."""
        if self._child is not None:
            self._contents = self._child.read(CHILD_S_MAX)
        engine, owned, wait = self._contents
        if not wait:
            self._predicting.not_saved()
        service = msgspec.structs.replace(self._service, encoded_owned=owned, wait=wait)
        snapshot = Snapshot(self.sequence, self.time_us, engine, sha256(engine).hexdigest(), service)
        return Written(snapshot, perf_counter_ns() - self._begun_ns)

    def abandon(self) -> None:
        """Let the child go, if it is still there: nobody wants the snapshot any more."""
        if self._child is not None:
            self._child.kill()


class Writers:
    """Begin snapshots: with a child if `child` says so, it can be, and the last one did not fail; else in place.

    That no child can be made is said once.
    """

    def __init__(self, shell: Shell, *, child: bool) -> None:
        self._shell = shell
        self._child = child
        self._failed = False
        self._said = False
        if child and not MAY_FORK:
            self._child = False
            self._say("gRPC was told to handle forks itself, or was loaded first, or this is not Linux")

    def begin(self, *, in_place: bool = False) -> Writing:
        """Begin a snapshot of this moment."""
        child = self._child and not in_place and not self._failed
        self._failed = False
        if child:
            try:
                return Writing(self._shell, child=True)
            except OSError as error:
                self._say(error)
        return Writing(self._shell, child=False)

    def failed(self) -> None:
        """Learn that the last child has failed: the next snapshot is written in place."""
        self._failed = True

    def _say(self, why: object) -> None:
        if not self._said:
            self._said = True
            logger.warning(
                "snapshots are written in place, and the engine stands still for each, since no child of the process "
                "can be made: %s; this is said once",
                why,
            )
