"""Lines leave through a thread of their own, so that whoever reads them slowly, or not at all, holds nobody up.

Keeps one invariant: writing a line never waits; what finds no room is counted, and that is said.
"""

from __future__ import annotations

import logging
import time
from logging.handlers import QueueHandler, QueueListener
from queue import Full, Queue
from typing import Final

QUEUE_LINES_MAX: Final = 10_000
_FLUSH_S_MAX: Final = 2.0


class UnhurriedHandler(QueueHandler):
    """Hand lines to `target` in another thread, which also makes their text."""

    def __init__(self, target: logging.Handler, lines_max: int = QUEUE_LINES_MAX) -> None:
        self._lines: Queue[logging.LogRecord] = Queue(lines_max)
        super().__init__(self._lines)
        self._lost = 0
        self._listener = QueueListener(self._lines, target)
        self._listener.start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return the line as it is now: what it speaks of may change."""
        record.msg = record.getMessage()
        record.args = None
        if record.exc_info:
            record.exc_text = record.exc_text or logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Hand a line over, or count it as lost."""
        try:
            self._lines.put_nowait(record)
        except Full:
            self._lost += 1
            return
        if self._lost:
            lost, self._lost = self._lost, 0
            words = f"{lost:,} lines of the log found no room and are lost"
            self.enqueue(logging.LogRecord(__name__, logging.WARNING, __file__, 0, words, None, None))

    def flush(self) -> None:
        """Wait until what was handed over is written, but not for long."""
        until_s = time.monotonic() + _FLUSH_S_MAX
        while self._lines.unfinished_tasks and time.monotonic() < until_s:
            time.sleep(0.002)
