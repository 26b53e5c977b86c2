"""bridge.toml -> `BridgeConfig`, or every problem it has. Secrets come from files or from the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from importlib import resources
from pathlib import Path as FilePath
from typing import Any, Final

import msgspec

from router.bridge.asterisk.agents import AgentEntry, AgentTable
from router.bridge.asterisk.ari.settings import AriSettings
from router.bridge.asterisk.causes import ENDINGS, Ending, LegEnd
from router.bridge.asterisk.config.model import Announcements, BridgeConfig, RouterSettings
from router.bridge.asterisk.config.rules import (
    FEATURE_WORDS,
    CallRules,
    Notice,
    Pattern,
    Rule,
    fields_of_demand,
    may_call,
    number_of,
)
from router.bridge.asterisk.config.schema import AGENT, HOMES, TABLES, TOP_KEYS
from router.bridge.asterisk.config.secrets import Secrets
from router.bridge.asterisk.config.templates import Template
from router.bridge.asterisk.floor_settings import (
    CALLBACK,
    Arrival,
    Callbacks,
    FloorSettings,
    Sounds,
    Transfers,
    shown_caller,
)
from router.bridge.asterisk.floor_settings import Place as DialplanPlace
from router.client.channel import metadata_of
from router.config.kinds import check_name, read_plain_table, refuse_unknown
from router.config.load import read_config, read_document
from router.config.queues import read_requirement
from router.config.report import Place, Refused, printable, shown_text
from router.engine.commands import SignIn
from router.engine.limits import SKILLS_MAX

AGENTS_MAX: Final = 10_000
_HINT: Final = "name a file, or write one to start from with `skill-router bridge asterisk --print-config`"
_AGENT_PART: Final = "{agent}"


def example_text() -> str:
    """Return the commented config that `--print-config` prints."""
    return resources.files("router.bridge.asterisk.config").joinpath("example.toml").read_text(encoding="utf-8")


def load_bridge(
    path: str | os.PathLike[str], environment: Mapping[str, str] | None = None, notice: Notice | None = None
) -> BridgeConfig:
    """Read a config file, and the secrets that it names. Raises `ConfigError` with every problem.

    `notice` is told of what a rule takes from a call and cannot use.
    """
    text = read_config(path, _HINT)
    folder = FilePath(os.fsdecode(path)).parent
    return parse_bridge(text, printable(os.fsdecode(path)), folder, environment, notice)


def parse_bridge(
    text: str | bytes,
    source: str,
    folder: FilePath,
    environment: Mapping[str, str] | None = None,
    notice: Notice | None = None,
) -> BridgeConfig:
    """Read a config from text. Paths in it start at `folder`. Raises `ConfigError` with every problem."""
    document, report = read_document(text, source, HOMES, _HINT)
    root = Place(report)
    for name in document:
        if name not in TOP_KEYS:
            with suppress(Refused):
                refuse_unknown(name, TOP_KEYS, root)
    secrets = Secrets(folder, os.environ if environment is None else environment)
    config = _Reading(document, root, secrets, notice).config()
    report.finish()
    return config


class _Reading:
    """One document on its way to a config. Problems are noted, not raised."""

    def __init__(self, document: dict[str, Any], root: Place, secrets: Secrets, notice: Notice | None) -> None:
        self._document = document
        self._root = root
        self._secrets = secrets
        self._notice = notice
        self._read: dict[str, dict[str, Any]] = {}

    def config(self) -> BridgeConfig:
        router = self._router()
        return BridgeConfig(
            ari=self._ari(),
            router=router,
            floor=self._floor(router.client_id),
            announcements=self._announcements(),
            metrics_listen=self._fields("metrics").get("listen", ""),
        )

    def _fields(self, name: str) -> dict[str, Any]:
        """Return what a table says, with defaults for what it leaves out and has one."""
        if name in self._read:
            return self._read[name]
        table = TABLES[name]
        defaults = {key.field: key.default for key in table.keys.values() if key.has_default}
        given: dict[str, Any] = {}
        # a table that is not there and must have something is read as an empty one
        with suppress(Refused):
            given = table.read(self._document.get(name, {}), self._root / name)
        self._read[name] = defaults | given
        return self._read[name]

    def _ari(self) -> AriSettings:
        fields = self._fields("ari")
        place = self._root / "ari"
        password = self._secrets.read(place, fields, "password", required=True)
        settings = AriSettings(
            url=fields["url"],
            app=fields["app"],
            user=fields.get("user", ""),
            password=password,
            ca=self._secrets.content(place, fields, "ca"),
            time_limit_s=fields["time_limit"],
            connections=fields["connections"],
        )
        if settings.ca is not None and not settings.url.startswith("https:"):
            (place / "ca").note("the url is not encrypted", "a url with https, or no ca")
        try:
            settings.tls()
        except ValueError as error:
            (place / "ca").note(str(error), "a PEM file with the authorities of Asterisk's certificate")
        return settings

    def _router(self) -> RouterSettings:
        fields = self._fields("router")
        place = self._root / "router"
        if ("certificate" in fields) != ("key" in fields):
            place.note("a certificate and its key go together", "both certificate and key, or neither")
        token = self._secrets.read(place, fields, "token", required=False)
        encrypted = fields["tls"] or bool(fields.get("ca") or fields.get("certificate"))
        try:
            metadata_of(token, fields["address"], encrypted=encrypted or fields["allow_insecure"])
        except ValueError as error:
            place.note(str(error), "tls = true, ca, or allow_insecure = true")
        return RouterSettings(
            address=fields["address"],
            client_id=fields["client_id"],
            token=token,
            tls=fields["tls"],
            ca=self._secrets.content(place, fields, "ca"),
            certificate=self._secrets.content(place, fields, "certificate"),
            key=self._secrets.content(place, fields, "key"),
            allow_insecure=fields["allow_insecure"],
            time_limit_s=fields["time_limit"],
        )

    def _floor(self, name: str) -> FloorSettings:
        calls, telephones = self._fields("calls"), self._fields("telephones")
        rules = self._rules(calls.get("rules"))
        shown: Template | None = telephones.get("caller_id")
        asked_for = {*rules.variables, *self._number().variables, *(shown.variables if shown is not None else ())}
        return FloorSettings(
            name=name,
            app=self._fields("ari")["app"],
            rules=rules,
            variables=tuple(sorted(asked_for)),
            agents=self._agents(telephones),
            answer=calls["answer"],
            music_class=calls["music"],
            keys=calls.get("keys", {}),
            patience_us=calls["patience"],
            fallback=_goto(calls["fallback"]),
            refused=_goto(calls["refused"]),
            after_agent=_goto(calls["after_agent"]),
            ring_extra_us=telephones["ring_extra"],
            assigned_ring_us=telephones["assigned_ring"],
            endings={**ENDINGS, **_endings(telephones.get("endings", {}))},
            device_states=telephones["device_state"],
            transfers=self._transfers(),
            callbacks=self._callbacks(calls),
            sounds=Sounds(**self._fields("sounds")),
            caller_id=_caller_id(shown),
        )

    def _rules(self, items: list[tuple[dict[str, Any], Place]] | None) -> CallRules:
        if items is None:
            rules: tuple[Rule, ...] = (Rule(queue=Template.parse("{arg:1}")),)
        else:
            rules = tuple(_rule(fields, place) for fields, place in items if "queue" in fields)
        return CallRules(rules, self._codes(), self._notice)

    def _codes(self) -> dict[str, Any]:
        codes: dict[str, Any] = {}
        for key, number in self._fields("codes").items():
            if number in codes:
                (self._root / "codes" / key).note(f"{shown_text(number)} is there twice", "a code of its own for each")
            codes[number] = FEATURE_WORDS[key.replace("_", "-")]
        return codes

    def _transfers(self) -> Transfers | None:
        if "transfers" not in self._document:
            return None
        fields = self._fields("transfers")
        queues = fields.get("queues", {})
        for digits in queues:
            if fields["end"] in digits:
                (self._root / "transfers" / "queues" / digits).note(
                    f"{shown_text(digits)} has the key that ends it", f"digits without {fields['end']}"
                )
        return Transfers(
            code=fields["code"],
            queues=queues,
            keep_place=fields["keep_place"],
            end=fields["end"],
            timeout_us=fields["timeout"],
        )

    def _number(self) -> Template:
        """Return whom to call back; nobody without [callbacks]."""
        if "callbacks" not in self._document:
            return Template.parse("")
        number = self._fields("callbacks")["number"]
        return number if isinstance(number, Template) else Template.parse(number)

    def _callbacks(self, calls: dict[str, Any]) -> Callbacks | None:
        if "callbacks" not in self._document:
            rules = ((fields, place / "keys") for fields, place in calls.get("rules") or ())
            for fields, place in ((calls, self._root / "calls" / "keys"), *rules):
                for key, action in fields.get("keys", {}).items():
                    if action == CALLBACK:
                        wanted = "[callbacks], with an endpoint and numbers"
                        (place / key).note("it is said nowhere how to call back", wanted)
            return None
        fields = self._fields("callbacks")
        allowed = Pattern(fields.get("numbers", ()))
        return Callbacks(
            endpoint=fields.get("endpoint", ""),
            number_of=number_of(self._number(), allowed),
            allows=partial(may_call, allowed=allowed),
            caller_id=fields["caller_id"],
            ring_us=fields["ring"],
            tries=fields["tries"],
            pause_us=fields["pause"],
            place=_goto(fields["place"]),
        )

    def _announcements(self) -> Announcements:
        fields = self._fields("announcements")
        place = self._root / "announcements"
        if fields["mode"] == "hook" and not fields["hook"]:
            place.note("the mode is hook, and there is none", 'hook = ["/path/of/a/program"]')
        if fields["mode"] not in ("off", "hook") and not (fields["position"] or fields["wait"]):
            place.note("neither position nor wait is to be told", 'one of the two, or mode = "off"')
        return Announcements(**fields)

    def _agents(self, telephones: dict[str, Any]) -> AgentTable:
        place = self._root / "telephones"
        pattern = telephones.get("pattern", "")
        if pattern and pattern.count(_AGENT_PART) != 1:
            (place / "pattern").note(f"{shown_text(pattern)} does not say where the name goes", "{agent} in it, once")
            pattern = ""
        entries: list[AgentEntry] = []
        with suppress(Refused):
            table = read_plain_table(self._document.get("agents", {}), self._root / "agents")
            if len(table) > AGENTS_MAX:
                (self._root / "agents").note(f"there are {len(table):,} agents", f"at most {AGENTS_MAX:,}")
            for name, value in table.items():
                with suppress(Refused):
                    entries.append(self._agent(name, value, pattern))
        self._check_endpoints(entries, pattern)
        by_pattern = SignIn("", telephones.get("skills", {}), telephones.get("capacity", {})) if pattern else None
        self._check_skills(telephones.get("skills", {}), place / "skills")
        return AgentTable(entries, pattern, by_pattern)

    def _agent(self, name: str, value: object, pattern: str) -> AgentEntry:
        place = self._root / "agents" / name
        check_name(name, place, "agent")
        if "," in name:
            # Stasis arguments, which have the name, are set apart by commas
            place.note(f"the name {shown_text(name)} has a comma", "a name without")
        fields = AGENT.read(value, place)
        endpoint = fields.get("endpoint", pattern.replace(_AGENT_PART, name))
        if not endpoint:
            place.note("there is no endpoint", 'endpoint = "PJSIP/…", or a pattern in [telephones]')
        skills = fields.get("skills", {})
        self._check_skills(skills, place / "skills")
        return AgentEntry(
            agent=name,
            endpoint=endpoint,
            sign_in=SignIn(name, skills, fields.get("capacity", {})),
            device_state=fields.get("device_state"),
            at_start=fields.get("sign_in", False),
        )

    def _check_skills(self, skills: Mapping[str, int], place: Place) -> None:
        if len(skills) > SKILLS_MAX:
            place.note(f"there are {len(skills)} skills", f"at most {SKILLS_MAX}")

    def _check_endpoints(self, entries: list[AgentEntry], pattern: str) -> None:
        owners: dict[str, str] = {}
        for entry in entries:
            if entry.endpoint in owners and entry.endpoint:
                (self._root / "agents" / entry.agent / "endpoint").note(
                    f"{shown_text(entry.endpoint)} is the telephone of {shown_text(owners[entry.endpoint])} as well",
                    "a telephone of its own for each agent",
                )
            owners.setdefault(entry.endpoint, entry.agent)


def _rule(fields: dict[str, Any], place: Place) -> Rule:
    demands = dict(fields)
    skills = demands.get("skills")
    text = demands.pop("skills") if isinstance(skills, Template) else None
    return Rule(
        args=tuple(Pattern((pattern,)) for pattern in fields.get("args", ())),
        number=_pattern(fields.get("number")),
        context=_pattern(fields.get("context")),
        caller=_pattern(fields.get("caller")),
        if_variables={name: Pattern(patterns) for name, patterns in fields.get("variables", {}).items()},
        queue=fields["queue"],
        requirement=read_requirement(demands, place) if fields_of_demand(demands) else None,
        skills_text=text,
        urgency=fields.get("urgency"),
        priority=fields.get("priority"),
        customer=fields.get("customer"),
        preferred_agents=fields.get("preferred_agents", ()),
        hold_us=fields.get("hold"),
        attributes=fields.get("attributes", {}),
        channel=fields.get("channel", "voice"),
        explain=fields.get("explain", False),
        answer=fields.get("answer"),
        music_class=fields.get("music"),
        keys=fields.get("keys"),
    )


def _pattern(texts: tuple[str, ...] | None) -> Pattern | None:
    return None if texts is None else Pattern(texts)


def _goto(value: object) -> DialplanPlace | None:
    """Return the place; defaults stand in the schema as they are written in TOML."""
    match value:
        case "continue":
            return DialplanPlace()
        case DialplanPlace():
            return value
    return None


def _endings(tables: Mapping[str, Mapping[str, Any]]) -> dict[LegEnd, Ending]:
    endings = {}
    for name, fields in tables.items():
        end = LegEnd[name.upper()]
        ready_again_us = fields.get("ready_again", ENDINGS[end].ready_again_us)
        endings[end] = Ending(fields.get("not_ready", False), ready_again_us)
    return endings


def _caller_id(template: Template | None) -> Callable[[Arrival], str]:
    """Return what the agent's telephone shows of a caller."""
    if template is None:
        return shown_caller

    def shown(arrival: Arrival) -> str:
        name = "".join(letter for letter in arrival.caller_name if letter.isprintable() and letter not in '"\\<>')
        return template.fill(msgspec.structs.replace(arrival, caller_name=name))

    return shown
