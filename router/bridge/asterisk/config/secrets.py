"""Secrets that a config names: each from a file or from the environment, never from the config itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, Final

from router.config.report import Place, shown_text

FILE_BYTES_MAX: Final = 1 << 20


class Secrets:
    """Reads what is named. Problems are noted."""

    def __init__(self, folder: FilePath, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment

    def read(self, place: Place, fields: Mapping[str, Any], what: str, *, required: bool) -> str:
        """Return the secret that `<what>_env` or `<what>_file` names; empty if there is none."""
        variable, file = f"{what}_env", f"{what}_file"
        if variable in fields and fields.get(file):
            (place / variable).note(f"there are both {variable} and {file}", "one of the two")
        if fields.get(file):
            content = self.content(place, fields, file)
            secret = (content or b"").decode("utf-8", "replace").strip()
            if content is not None and not secret:
                (place / file).note("the file is empty", f"the {what} in it, and nothing else")
            return secret
        if variable in fields:
            secret = self._environment.get(fields[variable], "").strip()
            if not secret:
                (place / variable).note(f"the variable {shown_text(fields[variable])} is not set", f"the {what} in it")
            return secret
        if required:
            place.note(f"there is no {what}", f"{file} or {variable}")
        return ""

    def content(self, place: Place, fields: Mapping[str, Any], key: str) -> bytes | None:
        """Return the bytes of the file that a key names; None if there is none, or it cannot be read."""
        name = fields.get(key)
        if not name:
            return None
        try:
            with (self._folder / name).open("rb") as file:
                content: bytes = file.read(FILE_BYTES_MAX)
                return content
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            (place / key).note(f"{shown_text(name)} cannot be read: {reason}", "a readable file")
            return None
