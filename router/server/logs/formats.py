"""Lines as text for people, and as JSON for machines.

Keeps one invariant: a line is one line, whatever is in its fields; only a traceback, as text, takes more.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from router.server.logs.fields import fields_of, shown


def moment(record: logging.LogRecord) -> str:
    """Return when a line was written, in UTC."""
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class TextFormat(logging.Formatter):
    """Time, level, words, and the fields in brackets."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line without a traceback."""
        line = f"{moment(record)} {record.levelname} {record.message}"
        fields = " ".join(f"{name}={shown(value)}" for name, value in fields_of(record).items())
        return f"{line} [{fields}]" if fields else line


class JsonFormat(JsonFormatter):
    """One JSON object: time, level, logger, message, the fields, and the traceback as `exception`."""

    def __init__(self) -> None:
        super().__init__(rename_fields={"exc_info": "exception", "stack_info": "stack"}, json_default=str)

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Put the fields in their order."""
        log_data.update(
            {"time": moment(record), "level": record.levelname, "logger": record.name, "message": record.message}
        )
        for name, value in fields_of(record).items():
            log_data.setdefault(name, value)
        for name, value in message_dict.items():
            log_data[self.rename_fields.get(name, name)] = value
