"""A progress bar on standard error, for what may take long."""

from __future__ import annotations

import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

PROGRESS_AFTER_S: Final = 2.0


class DelayedBar:
    """A bar that shows only once something takes longer than two seconds, and leaves nothing behind."""

    def __init__(self, title: str, *columns: ProgressColumn, total: float | None = None) -> None:
        self.console = Console(stderr=True)
        shown = (TextColumn("{task.description}"), BarColumn(), *columns)
        self._progress = Progress(*shown, console=self.console, transient=True)
        self._task = self._progress.add_task(title, total=total)
        self._show_at_s = time.monotonic() + PROGRESS_AFTER_S
        self._shown = False

    def __enter__(self) -> DelayedBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._progress.stop()

    def begin(self, title: str, total: float) -> None:
        """Begin another part of the work."""
        self._progress.reset(self._task, total=total, description=title)

    def update(self, done: float, *, total: float | None = None, title: str | None = None) -> None:
        """Note that so much of the part is done."""
        self._progress.update(self._task, completed=done, total=total, description=title)
        if not self._shown and time.monotonic() > self._show_at_s:
            self._progress.start()
            self._shown = True
