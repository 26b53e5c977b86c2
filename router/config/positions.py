"""Where each key of a TOML text stands. It accepts every valid TOML text; what is valid is for `tomllib` to say.

`tomllib` gives values without places. This scanner walks the same text, tells statements, keys and values
apart, and notes the line of each. It also bounds nesting and size before `tomllib` sees the text, whose cost grows
with the square of a key's length.
"""

from __future__ import annotations

import bisect
import re
import tomllib
from typing import Final, NoReturn

Path = tuple[str | int, ...]

DEPTH_MAX: Final = 16
VALUES_MAX: Final = 100_000
SCALAR_LENGTH_MAX: Final = 100

# Possessive repeats (`*+`, `++`) keep the time linear: none of these ever needs to give a character back.
_BLANK: Final = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*+")
_SPACES: Final = re.compile(r"[ \t]*+")
_LINE_END: Final = re.compile(r"[ \t]*+(?:#[^\n]*+)?+(?:\n|\Z)")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]++")
_STRING: Final = re.compile(r"""("(?:[^"\\\n]++|\\[^\n])*+"|'[^'\n]*+')""")
_LONG_STRING: Final = re.compile(
    r'"""(?:[^"\\]++|\\.|"{1,2}(?!"))*+"{3,5}+' r"|'''(?:[^']++|'{1,2}(?!'))*+'{3,5}+", re.DOTALL
)
_SCALAR: Final = re.compile(r"[^\s,\[\]{}#=\"']++(?: [0-9][^\s,\[\]{}#=\"']*+)?+")


class Unreadable(Exception):
    """The text is not TOML from some line on; `path` is the key whose value it was, if any."""

    def __init__(self, line: int, path: Path, problem: str, wanted: str) -> None:
        super().__init__(problem)
        self.line = line
        self.path = path
        self.problem = problem
        self.wanted = wanted


class Positions:
    """Lines of a TOML text by key path; items of arrays are numbered from 0 in paths.

    `doubles` lists keys and tables that are defined again: path, line, and line of the first time.
    """

    def __init__(self, text: str) -> None:
        """Scan a text with `\\n` line ends. O(length). Raises `Unreadable` where it is not TOML or too large."""
        self.doubles: list[tuple[Path, int, int]] = []
        self._lines: dict[Path, int] = {(): 1}
        self._defined: set[Path] = set()
        self._list_lengths: dict[Path, int] = {}
        self._by_line: list[tuple[int, Path]] = []
        _Scanner(text, self).document()

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest table around it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def path_at(self, line: int) -> Path:
        """Return the last path that begins on or before a line."""
        index = bisect.bisect_right(self._by_line, line, key=lambda entry: entry[0])
        return self._by_line[index - 1][1] if index else ()

    def table(self, keys: list[str], line: int) -> Path:
        """Note a `[table]` header and return its path."""
        path = (*self._inside(keys[:-1], line), keys[-1])
        self._define(path, line)
        return path

    def list_item(self, keys: list[str], line: int) -> Path:
        """Note a `[[list]]` header and return the path of the new item."""
        path = (*self._inside(keys[:-1], line), keys[-1])
        self._lines.setdefault(path, line)
        index = self._list_lengths.get(path, 0)
        self._list_lengths[path] = index + 1
        self._note((*path, index), line)
        return (*path, index)

    def key(self, prefix: Path, keys: list[str], line: int) -> Path:
        """Note a key (dotted or not) of the table at `prefix` and return its path."""
        path = prefix
        for key in keys[:-1]:
            path = (*path, key)
            self._lines.setdefault(path, line)
        path = (*path, keys[-1])
        self._define(path, line)
        return path

    def item(self, path: Path, line: int) -> None:
        """Note an item of an array."""
        self._note(path, line)

    def _inside(self, keys: list[str], line: int) -> Path:
        path: Path = ()
        for key in keys:
            path = (*path, key)
            self._lines.setdefault(path, line)
            if length := self._list_lengths.get(path):
                path = (*path, length - 1)
        return path

    def _define(self, path: Path, line: int) -> None:
        if path in self._defined:
            self.doubles.append((path, line, self._lines[path]))
            return
        self._defined.add(path)
        self._note(path, line)

    def _note(self, path: Path, line: int) -> None:
        self._lines[path] = line
        self._by_line.append((line, path))


class _Scanner:
    """One walk over the text; `_at` is the offset of what comes next."""

    def __init__(self, text: str, positions: Positions) -> None:
        self._text = text
        self._positions = positions
        self._at = 0
        self._path: Path = ()
        self._values = 0
        self._line_number = 1
        self._counted_to = 0

    def document(self) -> None:
        prefix: Path = ()
        while True:
            self._skip(_BLANK)
            if self._at == len(self._text):
                return
            line = self._line()
            self._path = ()
            if self._take("[["):
                prefix = self._positions.list_item(self._header("]]"), line)
            elif self._take("["):
                prefix = self._positions.table(self._header("]"), line)
            else:
                self._pair(prefix)
            if not self._skip(_LINE_END):
                self._refuse("there is something after the end of the statement", "one statement on each line")

    def _header(self, closing: str) -> list[str]:
        keys = self._keys()
        if not self._take(closing):
            self._refuse("the table header is not closed", f"a {closing} at its end")
        self._count()
        return keys

    def _pair(self, prefix: Path) -> None:
        line = self._line()
        keys = self._keys()
        if not self._take("="):
            self._refuse("there is no = after the key", "KEY = VALUE, or a [TABLE] header")
        self._skip(_SPACES)
        self._value(self._positions.key(prefix, keys, line))

    def _keys(self) -> list[str]:
        keys = [self._key()]
        while self._take("."):
            keys.append(self._key())
            if len(keys) > DEPTH_MAX:
                self._refuse(f"the key has more than {DEPTH_MAX} parts", "the keys of the reference")
        return keys

    def _key(self) -> str:
        self._skip(_SPACES)
        if match := _BARE_KEY.match(self._text, self._at):
            key = match[0]
        elif match := _STRING.match(self._text, self._at):
            key = self._unquoted(match[0])
        else:
            self._refuse(
                "there is no key here", 'letters, digits, _ and - for a key; any other name in quotes, such as "año"'
            )
        self._at = match.end()
        self._skip(_SPACES)
        return key

    def _unquoted(self, quoted: str) -> str:
        if "\\" not in quoted or quoted.startswith("'"):
            return quoted[1:-1]
        try:
            return str(tomllib.loads(f"key = {quoted}")["key"])
        except tomllib.TOMLDecodeError:
            self._refuse("the name has an unknown \\ sequence", r"\\ for a backslash, or the name in single quotes")

    def _value(self, path: Path) -> None:
        self._path = path
        self._count()
        if len(path) > DEPTH_MAX:
            self._refuse(f"it is nested more than {DEPTH_MAX} deep", "the tables and lists of the reference")
        if self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline_table(path)
        elif not (self._skip(_LONG_STRING) or self._short_string()):
            self._scalar()

    def _short_string(self) -> bool:
        long = self._text.startswith(('"""', "'''"), self._at)
        return not long and self._skip(_STRING)

    def _array(self, path: Path) -> None:
        opened = self._line()
        index = 0
        comma = True
        while True:
            self._skip(_BLANK)
            if self._take("]"):
                return
            self._path = path
            if not comma:
                self._refuse(
                    f"the list opened on line {opened} is not closed", "commas between its items and a ] at its end"
                )
            self._positions.item((*path, index), self._line())
            self._value((*path, index))
            index += 1
            self._skip(_BLANK)
            comma = self._take(",")

    def _inline_table(self, path: Path) -> None:
        self._skip(_SPACES)
        if self._take("}"):
            return
        while True:
            self._pair(path)
            self._skip(_SPACES)
            if self._take("}"):
                return
            if not self._take(","):
                self._refuse("the { is not closed on its line", "commas between pairs and a } at the end of the line")
            self._skip(_SPACES)

    def _scalar(self) -> None:
        start = self._at
        if not self._skip(_SCALAR):
            if self._text.startswith(('"', "'"), start):
                self._refuse("the text is not closed", "the same quote at its end")
            self._refuse("the value is missing", 'a value such as 5, true or "20s"')
        if self._at - start > SCALAR_LENGTH_MAX:
            self._refuse(
                f"the value is longer than {SCALAR_LENGTH_MAX} characters", "a shorter one, or a text in quotes"
            )

    def _refuse(self, problem: str, wanted: str) -> NoReturn:
        raise Unreadable(self._line(), self._path, problem, wanted)

    def _count(self) -> None:
        self._values += 1
        if self._values > VALUES_MAX:
            self._refuse(f"the file has more than {VALUES_MAX:,} tables and values", "a smaller file")

    def _take(self, token: str) -> bool:
        if self._text.startswith(token, self._at):
            self._at += len(token)
            return True
        return False

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        match = pattern.match(self._text, self._at)
        if match is None:
            return False
        self._at = match.end()
        return True

    def _line(self) -> int:
        self._line_number += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line_number
