"""Lines leave through a thread of their own, so that whoever reads them slowly, or not at all, holds nobody up.

Keeps one invariant: writing a line never waits; what finds no room is counted, and that is said.
"""

from __future__ import annotations

import logging
import threading
import time
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import Final

QUEUE_LINES_MAX: Final = 10_000
_FLUSH_S_MAX: Final = 2.0
_GATHER_S: Final = 0.02
"""After a line, those of so long leave together: to change threads for each of many costs more than to write it."""


class UnhurriedHandler(QueueHandler):
    """Hand lines to `target` in another thread, which also makes their text."""

    def __init__(self, target: logging.Handler, lines_max: int = QUEUE_LINES_MAX) -> None:
        self._lines: SimpleQueue[logging.LogRecord] = SimpleQueue()
        super().__init__(self._lines)
        self._target = target
        self._lines_max = lines_max
        self._lost = self._handed = self._written = 0
        threading.Thread(target=self._write, name="log", daemon=True).start()

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
        if self._lines.qsize() >= self._lines_max:
            self._lost += 1
            return
        self._handed += 1
        self._lines.put(record)
        if self._lost:
            lost, self._lost = self._lost, 0
            words = f"{lost:,} lines of the log found no room and are lost"
            self.enqueue(logging.LogRecord(__name__, logging.WARNING, __file__, 0, words, None, None))

    def flush(self) -> None:
        """Wait until what was handed over is written, but not for long."""
        until_s = time.monotonic() + _FLUSH_S_MAX
        while self._written < self._handed and time.monotonic() < until_s:
            time.sleep(0.002)

    def _write(self) -> None:
        while True:
            self._write_one(self._lines.get())
            time.sleep(_GATHER_S)
            for _ in range(self._lines.qsize()):
                self._write_one(self._lines.get())

    def _write_one(self, record: logging.LogRecord) -> None:
        try:
            if record.levelno >= self._target.level:
                self._target.handle(record)
        except Exception:
            # the next line may be written
            self.handleError(record)
        finally:
            self._written += 1
