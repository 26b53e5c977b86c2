"""The one set-up of logging for a server: where lines go, how they look, and which are written.

Keeps one invariant: after it, nothing that goes wrong anywhere in the process ends in silence.
"""

from __future__ import annotations

import atexit
import logging
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Final, TextIO

from router.server.logs.fields import RpcFields
from router.server.logs.formats import JsonFormat, TextFormat
from router.server.logs.handler import Strict, UnhurriedHandler
from router.server.logs.repeats import Repeats

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

logger = logging.getLogger("router.server")

FORMATS: Final = ("text", "json")
LEVELS: Final = ("debug", "info", "warning", "error")


def set_up_logs(style: str, level: str, stream: TextIO | None = None) -> None:
    """Write the process's lines to a stream, by default standard error, from a level on.

    `style` is one of `FORMATS`, `level` one of `LEVELS`; other people's code gets no chattier than "info". What nobody
    catches, in any thread, becomes a line too.
    """
    target = Strict(stream if stream is not None else sys.stderr)
    target.setFormatter(JsonFormat() if style == "json" else TextFormat())
    handler = UnhurriedHandler(target)
    handler.addFilter(Repeats())
    handler.addFilter(RpcFields())
    number = logging.getLevelNamesMapping()[level.upper()]
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(number, logging.INFO))
    logging.getLogger("router").setLevel(number)
    logging.captureWarnings(True)
    sys.excepthook = _on_uncaught
    threading.excepthook = _on_uncaught_in_thread
    sys.unraisablehook = _on_unraisable
    atexit.register(handler.flush)


def _on_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logger.critical("nobody caught this; the process ends", exc_info=(kind, error, trace))


def _on_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is None or issubclass(arguments.exc_type, SystemExit):
        return
    name = "a thread" if arguments.thread is None else arguments.thread.name
    logger.critical(
        "nobody caught this; the thread %s ends",
        name,
        exc_info=(arguments.exc_type, arguments.exc_value, arguments.exc_traceback),
    )


def _on_unraisable(arguments: UnraisableHookArgs) -> None:
    if arguments.exc_value is not None:
        logger.error(
            "an error could not be raised: %s",
            arguments.err_msg or "while something was thrown away",
            exc_info=(arguments.exc_type, arguments.exc_value, arguments.exc_traceback),
        )
