"""Kinds of values that only the bridge's config has: URLs, places in the dialplan, templates, patterns."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from router.bridge.asterisk.config.templates import Template, TemplateError
from router.bridge.asterisk.floor_settings import CALLBACK
from router.bridge.asterisk.floor_settings import Place as DialplanPlace
from router.config.kinds import Kind, Levels
from router.config.report import Place, Refused, shown_text, shown_value
from router.engine.settings import SECOND_US

TEXT_BYTES_MAX: Final = 1_024
LIST_MAX: Final = 256
_PLACE: Final = re.compile(r"([^\s,]{1,80}),([^\s,]{1,80}),([0-9]{1,9})")
_PLACE_WANTED: Final = (
    '"context,extension,priority" as for Goto, "continue" for what follows the Stasis line, or "hangup"'
)


class Text(Kind):
    """A text of one line; `pattern` says which texts are right, `wanted` says so in words."""

    type = "text"

    def __init__(self, wanted: str = "a text in quotes", pattern: str = r".*", example: str = "") -> None:
        self._pattern = re.compile(pattern)
        self._wanted = wanted + (f', such as "{example}"' if example else "")
        self.range = self._wanted

    def read(self, value: object, place: Place) -> str:
        if not isinstance(value, str):
            place.refuse(f"{shown_value(value)} is not a text", self._wanted)
        if not value.isprintable() or len(value.encode()) > TEXT_BYTES_MAX:
            place.refuse(
                f"{shown_text(value)} is too long or has a control character",
                f"one line of at most {TEXT_BYTES_MAX} bytes",
            )
        if self._pattern.fullmatch(value) is None:
            place.refuse(f"{shown_text(value)} is not right here", self._wanted)
        return value


class Url(Kind):
    """Where Asterisk's HTTP server is."""

    type = "URL"
    range = "http or https, with the prefix of http.conf if it has one; without /ari"

    def read(self, value: object, place: Place) -> str:
        wanted = 'the address of Asterisk\'s HTTP server, such as "http://127.0.0.1:8088"'
        if not isinstance(value, str):
            place.refuse(f"{shown_value(value)} is not a URL", wanted)
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            place.refuse(f"{shown_text(value)} is not a URL", wanted)
        if parts.scheme not in ("http", "https") or not host or not value.isprintable():
            place.refuse(f"{shown_text(value)} is not an http or https URL", wanted)
        if parts.username is not None or parts.password is not None:
            place.refuse("the URL has a user or password in it", "the keys user and password_file or password_env")
        if parts.query or parts.fragment:
            place.refuse(f"{shown_text(value)} has a query or fragment", wanted)
        path = parts.path.rstrip("/")
        if path.endswith("/ari"):
            place.refuse(
                f"{shown_text(value)} ends with /ari", f'without it: "{value.rstrip("/").removesuffix("/ari")}"'
            )
        return value.rstrip("/")


class Seconds(Kind):
    """A duration kept as seconds, for what is not counted by the engine."""

    type = "duration"

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.range = kind.range

    def read(self, value: object, place: Place) -> float:
        return float(self._kind.read(value, place)) / SECOND_US

    def show(self, value: Any) -> str:
        return self._kind.show(round(value * SECOND_US))


class Goto(Kind):
    """A place in the dialplan; None: hang up."""

    type = "dialplan place"
    range = _PLACE_WANTED

    def read(self, value: object, place: Place) -> DialplanPlace | None:
        if not isinstance(value, str):
            place.refuse(f"{shown_value(value)} is not a place in the dialplan", self.range)
        if value == "hangup":
            return None
        if value == "continue":
            return DialplanPlace()
        match = _PLACE.fullmatch(value.strip())
        if match is None or int(match[3]) < 1:
            place.refuse(f"{shown_text(value)} is not a place in the dialplan", self.range)
        return DialplanPlace(match[1], match[2], int(match[3]))

    def show(self, value: Any) -> str:
        if value is None:
            return '"hangup"'
        return f'"{value.context},{value.extension},{value.priority}"' if value.context else '"continue"'


class KeyAction(Goto):
    """What a key does: a place in the dialplan to go on at, or a callback."""

    type = "dialplan place, or callback"
    range = f'{_PLACE_WANTED}, or "{CALLBACK}"'

    def read(self, value: object, place: Place) -> Any:
        return CALLBACK if value == CALLBACK else super().read(value, place)

    def show(self, value: Any) -> str:
        return f'"{CALLBACK}"' if value == CALLBACK else super().show(value)


class Templated(Kind):
    """A text with what the call brings put in, such as "{arg:1}"."""

    type = "text with {…}"
    range = "{arg:N}, {number}, {context}, {caller}, {caller_name}, {channel}, {variable:NAME} stand for what it brings"

    def read(self, value: object, place: Place) -> Template:
        if not isinstance(value, str) or not value:
            place.refuse(f"{shown_value(value)} is not a text", 'a text in quotes, such as "loans" or "{arg:1}"')
        if not value.isprintable() or len(value.encode()) > TEXT_BYTES_MAX:
            place.refuse(f"{shown_text(value)} is too long or has a control character", "one short line")
        try:
            return Template.parse(value)
        except TemplateError as error:
            place.refuse(error.problem, error.wanted)


class TemplatedNumber(Templated):
    """A whole number, or a template that makes one."""

    type = "whole number, or text with {…}"

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.range = f"{kind.range}; or as for text with {{…}}"

    def read(self, value: object, place: Place) -> Template:
        if isinstance(value, str):
            template = super().read(value, place)
            if template.variables or template.has_parts:
                return template
            place.refuse(f"{shown_text(value)} is a text", f"a whole number without quotes, {self._kind.range}")
        return Template.parse(str(self._kind.read(value, place)))


class TemplatedWord(Templated):
    """One of a few words, or a template that makes one."""

    type = "word, or text with {…}"

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.range = f"{kind.range}; or as for text with {{…}}"

    def read(self, value: object, place: Place) -> Template:
        if not isinstance(value, str) or "{" not in value:
            self._kind.read(value, place)
        return super().read(value, place)


class SkillsOrText(Kind):
    """A table of skills with levels, or a template that makes a text such as `loans=3&german`."""

    type = "table of skill = level, or text with {…}"

    def __init__(self) -> None:
        self._levels = Levels("level")
        self._text = Templated()
        self.range = f'{self._levels.range}; or a text that comes to "loans=3&german" and the like'

    def read(self, value: object, place: Place) -> Any:
        return self._text.read(value, place) if isinstance(value, str) else self._levels.read(value, place)


class ListOfTexts(Kind):
    """A list of texts, each of one kind; a single text stands for a list of one."""

    type = "list of texts"

    def __init__(self, kind: Kind, what: str, minimum: int = 0) -> None:
        self._kind = kind
        self._what = what
        self._minimum = minimum
        self.range = f"{minimum} to {LIST_MAX}: {what}"

    def read(self, value: object, place: Place) -> tuple[Any, ...]:
        wanted = f"a list: {self._what}"
        if isinstance(value, str):
            return (self._kind.read(value, place),)
        if not isinstance(value, list):
            place.refuse(f"{shown_value(value)} is not a list", wanted)
        if not self._minimum <= len(value) <= LIST_MAX:
            place.refuse(f"the list has {len(value)} items", f"{self._minimum} to {LIST_MAX}")
        items = []
        for index, item in enumerate(value):
            with suppress(Refused):
                items.append(self._kind.read(item, place / index))
        return tuple(items)


class MapOf(Kind):
    """A table of names that the user chooses, each with a value of one kind."""

    type = "table"

    def __init__(self, kind: Kind, name: Kind, range_: str) -> None:
        self._kind = kind
        self._name = name
        self.range = range_

    def read(self, value: object, place: Place) -> dict[str, Any]:
        if not isinstance(value, dict):
            place.refuse(f"{shown_value(value)} is not a table", f"a table: {self.range}")
        if len(value) > LIST_MAX:
            place.refuse(f"the table has {len(value)} entries", f"at most {LIST_MAX}")
        entries = {}
        for name, item in value.items():
            with suppress(Refused):
                entries[self._name.read(name, place / name)] = self._kind.read(item, place / name)
        return entries
