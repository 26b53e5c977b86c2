"""TOML text -> `RouterConfig`, or every problem it has. Nothing is half read: a config is valid whole or refused."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Collection, Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from importlib import resources
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from router.config.errors import ConfigError, ConfigProblem
from router.config.estimates import check_limits, read_estimates
from router.config.kinds import check_name, read_plain_table, refuse_unknown
from router.config.model import EstimateLimits, RouterConfig, etag_of
from router.config.positions import Positions, Unreadable
from router.config.queues import read_queue_defaults, read_queues
from router.config.report import Place, Refused, Report, printable, shown_path
from router.config.schema import CHANNEL, CHANNELS_MAX, EFFICIENCY, ENGINE, HOMES, TOP_KEYS
from router.config.server import check_shadow, read_server
from router.engine.settings import ChannelSettings, EfficiencySettings, Settings

FILE_BYTES_MAX: Final = 4 * 1024 * 1024
SCENARIO_KEY: Final = "simulation"  # which a scenario must have
_SCENARIO_HINT: Final = "run it with `skill-router simulate`, or name the config that its [router] names"
_HINT: Final = "name a config file, or write one to start from with `skill-router init-config`"
_TOML_PLACE: Final = re.compile(r" \(at (?:line ([0-9]+), column [0-9]+|end of document)\)$")
_TOML_WANTED: Final = {
    "Invalid value": 'text and durations in quotes, such as "20s"; numbers, true and false without',
    "Expected newline": 'one statement on each line, and text and durations in quotes, such as "20s"',
    "Cannot": "each key and table once, and no key that is both a value and a table",
    "Unescaped": r"\\ for a backslash, or the text in single quotes",
    "Invalid character": "printable characters",
    "Found invalid character": "printable characters",
    "Illegal character": "printable characters; line breaks only in text in triple quotes",
}


def load_config(path: str | os.PathLike[str]) -> RouterConfig:
    """Read a config file; paths in it are resolved. Raises `ConfigError` with every problem, the file system's too."""
    config = parse_config(read_config(path), printable(os.fsdecode(path)))
    return msgspec.structs.replace(config, server=config.server.located(Path(os.fsdecode(path)).parent))


def parse_config(text: str | bytes, source: str) -> RouterConfig:
    """Read a config from text; `source` names it in problems. Raises `ConfigError` with every problem.

    A text that is not TOML, or defines a key twice, is refused before its meaning is looked at. O(length), bounded by
    4 MiB and 100,000 values; seconds at worst, so call it off the event loop.
    """
    document, report = read_document(text, source, HOMES)
    root = Place(report)
    if SCENARIO_KEY in document and "queues" not in document:
        (root / SCENARIO_KEY).note("this is a scenario, not a router's config", _SCENARIO_HINT)
        report.finish()
    server = read_server(document.get("server", {}), root / "server")
    estimates = read_estimates(document.get("estimates", {}), root / "estimates")
    settings, limits = _read_router(document, root, TOP_KEYS)
    check_limits(estimates, limits, document, root)
    if server.shadow:
        check_shadow(settings, limits, root)
    report.finish()
    return RouterConfig(settings, server, estimates, limits, etag_of(settings, server, estimates, limits))


def read_document(
    text: str | bytes, source: str, homes: Mapping[str, str], hint: str = _HINT
) -> tuple[dict[str, Any], Report]:
    """Read TOML whose meaning is still to be looked at; return it with the report for problems with that.

    `homes` says in which tables each key belongs, `hint` what would be right where there is nothing. Raises
    `ConfigError` for what is not TOML, or defines a key twice.
    """
    report = Report(source, homes)
    return _parse(decode(text, source, hint), report), report


def read_config(path: str | os.PathLike[str], hint: str = _HINT) -> bytes:
    """Return the bytes of a config file, for `parse_config`; of a file that is too large, only so many that this shows.

    Raises `ConfigError` for what is missing (`hint` says what would be right), unreadable or no regular file: pipes and
    devices could block for ever.
    """
    source = printable(os.fsdecode(path))
    try:
        mode = os.stat(path).st_mode
        content = b""
        if stat.S_ISREG(mode):
            with open(path, "rb") as file:
                content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        _refuse_file(source, "there is no such file", hint)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        _refuse_file(source, f"it cannot be read: {reason}", "a readable file")
    if not stat.S_ISREG(mode):
        _refuse_file(source, f"this is {'a directory' if stat.S_ISDIR(mode) else 'not a regular file'}", hint)
    return content


def default_config_text() -> str:
    """Return the commented config that `init-config` writes: every key, and the queues of a bank's hotline."""
    return resources.files("router.config").joinpath("default.toml").read_text(encoding="utf-8")


def _refuse_file(source: str, problem: str, wanted: str, line: int = 0, key: str = "") -> NoReturn:
    raise ConfigError((ConfigProblem(source, line, key, problem, wanted),)) from None


def decode(text: str | bytes, source: str, hint: str) -> str:
    """Return the text with `\\n` line ends and without byte order mark.

    Raises `ConfigError` for what is too large, not UTF-8, or empty (`hint` says what would be right).
    """
    content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(content) > FILE_BYTES_MAX:
        _refuse_file(source, f"it is larger than {FILE_BYTES_MAX // 1024 // 1024} MiB", "a smaller file")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        _refuse_file(source, "it is UTF-16", "UTF-8", line=1)
    try:
        decoded = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        _refuse_file(source, f"byte 0x{content[error.start]:02x} is not UTF-8", "a file saved as UTF-8", line=line)
    decoded = decoded.removeprefix("\ufeff").replace("\r\n", "\n")
    if not decoded.strip():
        _refuse_file(source, "it is empty", hint)
    return decoded


def _parse(toml: str, report: Report) -> dict[str, Any]:
    try:
        positions = Positions(toml)
    except Unreadable as error:
        _refuse_file(report.source, error.problem, error.wanted, error.line, shown_path(error.path))
    report.positions = positions
    for path, line, first_line in positions.doubles:
        report.add(path, f"defined twice, first on line {first_line}", "one of the two", line=line)
    report.finish()
    try:
        return tomllib.loads(toml, parse_float=_decimal)
    except ValueError as error:
        _refuse_toml(error, toml, report)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal holds
        return Decimal("inf")


def _refuse_toml(error: ValueError, toml: str, report: Report) -> NoReturn:
    match = _TOML_PLACE.search(str(error))
    problem = _TOML_PLACE.sub("", str(error))
    line = int(match[1]) if match and match[1] else toml.count("\n") + 1
    wanted = next((text for start, text in _TOML_WANTED.items() if problem.startswith(start)), "valid TOML")
    path = report.positions.path_at(line) if report.positions else ()
    report.add(path, problem[:1].lower() + problem[1:], wanted, line=line)
    report.finish()
    raise error  # not reached: there is a problem


def read_settings(document: dict[str, Any], root: Place, known: Collection[str]) -> Settings:
    """Return what a config's tables say of the engine. Problems are noted, not raised.

    `root` is where the tables stand, `known` the names that may stand there. What is the server's (`server`,
    `estimates` and the limits on estimates) is left out.
    """
    return _read_router(document, root, known)[0]


def _read_router(
    document: dict[str, Any], root: Place, known: Collection[str]
) -> tuple[Settings, dict[str, EstimateLimits]]:
    for name in document:
        if name not in known:
            with suppress(Refused):
                refuse_unknown(name, known, root)
    engine = _fields(document, "engine", ENGINE.read, root)
    efficiency = msgspec.structs.replace(EfficiencySettings(), **_fields(document, "efficiency", EFFICIENCY.read, root))
    channels = _channels(document, root)
    defaults = read_queue_defaults(document.get("queue_defaults", {}), root / "queue_defaults")
    queues = read_queues(document.get("queues", {}), defaults, root / "queues")
    by_name = {name: queue.settings for name, queue in queues.items()}
    settings = msgspec.structs.replace(Settings(), queues=by_name, channels=channels, efficiency=efficiency, **engine)
    return settings, {name: queue.limits for name, queue in queues.items()}


def _fields(document: dict[str, Any], name: str, read: Any, root: Place) -> dict[str, Any]:
    with suppress(Refused):
        fields: dict[str, Any] = read(document.get(name, {}), root / name)
        return fields
    return {}


def _channels(document: dict[str, Any], root: Place) -> dict[str, ChannelSettings]:
    place = root / "channels"
    if "channels" not in document:
        return dict(Settings().channels)
    channels = {}
    with suppress(Refused):
        table = read_plain_table(document["channels"], place)
        if not 1 <= len(table) <= CHANNELS_MAX:
            place.note(
                f"there are {len(table)} channels", f"1 to {CHANNELS_MAX}, each under [{shown_path(place.path)}.NAME]"
            )
        for name, value in sorted(table.items()):
            with suppress(Refused):
                check_name(name, place / name, "channel")
                channels[name] = msgspec.structs.replace(ChannelSettings(), **CHANNEL.read(value, place / name))
    return channels
