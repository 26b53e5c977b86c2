"""Lines leave through a thread of their own, so that whoever reads them slowly, or not at all, holds nobody up.

Keeps one invariant: writing a line never waits; what finds no room is counted, and that is said; a line that cannot
be put into words is named by another.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import Final, TextIO

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

    def handleError(self, record: logging.LogRecord) -> None:
        """Hand over a line about one that has no words: whoever wrote it is not held up by that."""
        self.enqueue(_about(record))

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
                self._write_in_some_words(record)
        finally:
            self._written += 1

    def _write_in_some_words(self, record: logging.LogRecord) -> None:
        try:
            self._target.handle(record)
        except Exception:
            # where the stream itself is closed there is nothing to say it to, and nothing to end for
            with contextlib.suppress(Exception):
                self._target.handle(_about(record))


def _about(record: logging.LogRecord) -> logging.LogRecord:
    """Return a line about one that cannot be written, for the error that is being handled."""
    error = sys.exc_info()[1]
    words = f"a line of the log cannot be written: {type(error).__name__}: {error}"
    return logging.LogRecord(record.name, logging.ERROR, record.pathname, record.lineno, words, None, None)


class Strict(logging.StreamHandler[TextIO]):
    """Write lines to a stream, and raise where that fails."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Leave it to whoever handed the line over."""
        raise
