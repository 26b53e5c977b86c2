"""Watching: each watcher is a place in the shared history, so a slow one costs nothing and delays nobody.

Keeps one invariant: a watcher gets every event that passes its filter, in order, once, or it is told that it was cut
off.
"""

from __future__ import annotations

import asyncio

from router.server._native import EventFilter, History
from router.server.errors import Refusal
from router.v1 import watch_service_pb2
from router.wire.results import encode_header

WATCHERS_MAX = 1_000
RESPONSE_EVENTS_MAX = 500
_RETRY_AFTER_US = 1_000_000


class Watcher:
    """One watch: where it stands in the history, and whether it was cut off. It yields WatchResponses as bytes."""

    def __init__(self, hub: WatchHub, wanted: EventFilter, start: int, sent_sequence: int) -> None:
        self._hub = hub
        self._wanted = wanted
        self._next = start
        self._sent_sequence = sent_sequence
        self._lag_max = max(hub.buffer_events, hub.history.end - start)
        self._catching_up = start < hub.history.end
        self._news = asyncio.Event()
        self._task = asyncio.current_task()
        self.cut_off = False

    def first_response(self) -> bytes:
        """Return the response that says where the watch begins."""
        return self._empty_response(history_id=self._hub.history_id)

    async def next_response(self, heartbeat_s: float) -> bytes | None:
        """Return the next events, or after `heartbeat_s` without any how far the watch has come; None at the end."""
        loop = asyncio.get_running_loop()
        until = loop.time() + heartbeat_s
        while True:
            if self._next < self._hub.history.end:
                response, has_events = self._take()
                arrives = self._catching_up and self._next == self._hub.history.end
                if arrives:
                    # whoever resumes learns at once that the past is complete
                    self._catching_up = False
                if has_events or arrives or loop.time() >= until:
                    return response
                await asyncio.sleep(0)
                continue
            if self._hub.closed:
                return None
            self._news.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._news.wait()
            except TimeoutError:
                self._sent_sequence = self._hub.history.sequence
                return self._empty_response()

    def _take(self) -> tuple[bytes, bool]:
        """Return what passes among the next events, and whether anything does."""
        history = self._hub.history
        response, passed, self._next, self._sent_sequence = history.take(
            self._next, self._wanted, RESPONSE_EVENTS_MAX, self._sent_sequence
        )
        self._lag_max = max(self._hub.buffer_events, min(self._lag_max, history.end - self._next))
        return response, passed > 0

    def _empty_response(self, history_id: str = "") -> bytes:
        header = encode_header(self._sent_sequence, self._hub.history.time_us)
        return watch_service_pb2.WatchResponse(header=header, history_id=history_id).SerializeToString()

    @property
    def lag_events(self) -> int:
        """How many events it has still to take."""
        return self._hub.history.end - self._next

    def notice(self) -> None:
        """Learn that there is news; be cut off if too much of it was not taken yet."""
        history = self._hub.history
        if self._next < history.first or history.end - self._next > self._lag_max:
            self.cut_off = True
            if self._task is not None:
                # it may be held up in a write that does not end; what it holds must go
                self._task.cancel()
        self._news.set()

    def refusal(self) -> Refusal:
        """Return what a watcher that was cut off is told."""
        return Refusal(
            "WATCHER_TOO_SLOW",
            f"over {self._lag_max:,} events behind; resume after sequence {self._sent_sequence}",
            retry_after_us=_RETRY_AFTER_US,
        )


class WatchHub:
    """All watchers of one server. `history_id` names the history that sequences belong to."""

    def __init__(
        self, history: History, *, history_id: str, buffer_events: int, watchers_max: int = WATCHERS_MAX
    ) -> None:
        self.history = history
        self.history_id = history_id
        self.buffer_events = buffer_events
        self.closed = False
        self._watchers_max = watchers_max
        self._watchers: set[Watcher] = set()
        self.cut_offs = 0
        """How many watchers were cut off because they fell behind."""

    @property
    def lag_events(self) -> int:
        """How many events the slowest watcher has still to take. O(watchers)."""
        return max((watcher.lag_events for watcher in self._watchers), default=0)

    def __len__(self) -> int:
        return len(self._watchers)

    def publish(self, sequence: int) -> None:
        """Show what happened up to a sequence, and wake the watchers. O(watchers); never waits for one."""
        self.history.publish(sequence)
        self._wake_all()

    def close(self) -> None:
        """Let every watcher end once it has everything."""
        self.closed = True
        self._wake_all()

    def _wake_all(self) -> None:
        for watcher in list(self._watchers):
            watcher.notice()
            if watcher.cut_off:
                self.cut_offs += 1
                self._watchers.discard(watcher)

    def open(self, wanted: EventFilter, after_sequence: int | None, history_id: str) -> Watcher:
        """Begin a watch in the running task. Raises `Refusal`: OVERLOADED, SHUTTING_DOWN, HISTORY_GONE."""
        if self.closed:
            raise Refusal("SHUTTING_DOWN")
        if len(self._watchers) >= self._watchers_max:
            raise Refusal("OVERLOADED", f"{self._watchers_max:,} watchers already", retry_after_us=_RETRY_AFTER_US)
        start, sequence = self.history.end, self.history.sequence
        if after_sequence is not None:
            self._check_resumable(after_sequence, history_id)
            start, sequence = self.history.number_after(after_sequence), after_sequence
        watcher = Watcher(self, wanted, start, sequence)
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """End a watch."""
        self._watchers.discard(watcher)

    def _check_resumable(self, after_sequence: int, history_id: str) -> None:
        if history_id and history_id != self.history_id:
            raise Refusal("HISTORY_GONE", "the server has begun a new history")
        if after_sequence < self.history.forgotten_sequence:
            oldest = self.history.forgotten_sequence
            raise Refusal("HISTORY_GONE", f"sequence {after_sequence} is too long ago; the oldest is {oldest}")
        if after_sequence > self.history.sequence:
            newest = self.history.sequence
            raise Refusal("HISTORY_GONE", f"sequence {after_sequence} has not come yet; the newest is {newest}")
