"""The one table of every key of bridge.toml: kind, default and meaning. Reading and hints for unknown keys use it."""

from __future__ import annotations

from typing import Any, Final

from router.bridge.asterisk.config.kinds import (
    Goto,
    KeyAction,
    ListOfTexts,
    MapOf,
    Seconds,
    SkillsOrText,
    Templated,
    TemplatedNumber,
    TemplatedWord,
    Text,
    Url,
)
from router.bridge.asterisk.config.model import Announcements
from router.bridge.asterisk.config.rules import PRIORITY_MAX, URGENCY_WORDS
from router.bridge.asterisk.config.templates import VARIABLE
from router.bridge.asterisk.floor_settings import Sounds
from router.client.client import DEFAULT_ADDRESS
from router.config.kinds import Choice, Count, Duration, Flag, Key, Kind, Levels, ListOf, Name, Table, field_key
from router.config.machine_kinds import Address, File
from router.config.schema import REQUIREMENT_KEYS, STEPS
from router.engine.settings import HOUR_US, MINUTE_US, SECOND_US

_DIGITS: Final = Text("digits, * and #", r"[0-9*#A-D]{1,32}", "*2")
_ENDPOINT: Final = Text("a telephone as Dial has it", r"[A-Za-z0-9_]{1,40}/[^\s,]{1,200}", "PJSIP/ada")
_KEYS: Final = MapOf(KeyAction(), Text("one key", r"[0-9*#A-D]", "0"), 'key = dialplan place, or "callback"')
_CALLS_NUMBER: Final = Text(
    "a telephone as Dial has it, with {number} in it",
    r"[A-Za-z0-9_]{1,40}/[^\s,{}]*\{number\}[^\s,{}]*",
    "PJSIP/{number}@trunk",
)
_PATTERNS: Final = ListOfTexts(Text(), 'patterns such as "0800*"; `*` stands for anything', minimum=1)
_NUMBERS: Final = ListOfTexts(
    Text(
        "digits, + and #, with * for anything, ? or [1-9] for one character",
        r"([0-9+*#?]|\[!?[0-9*#+-]+\])+",
        "0[1-9]*",
    ),
    "patterns of numbers",
    minimum=1,
)
_SOUND: Final = Text(
    'media as ARI has it, or ""', r"|(sound|number|digits|characters|tone|recording):.{1,200}", "sound:beep"
)


def _key(name: str, kind: Kind, doc: str, default: Any = None, *, required: bool = False) -> Key:
    return Key(
        name=name,
        kind=kind,
        doc=doc,
        field=name,
        default=default,
        has_default=default is not None,
        required=required,
    )


ARI: Final = Table(
    _key("url", Url(), "Asterisk's HTTP server.", "http://127.0.0.1:8088"),
    _key(
        "app", Text("letters, digits, _ and -", r"[A-Za-z0-9_-]{1,64}"), "Our application: Stasis(router,…).", "router"
    ),
    _key("user", Text(pattern=r"[^:]{1,128}"), "Our user in ari.conf.", required=True),
    _key("password_env", Text(pattern=r"[A-Za-z_][A-Za-z0-9_]*"), "Environment variable that has the password."),
    _key("password_file", File(), "File that has the password, and nothing else."),
    _key("ca", File(), "PEM file with the authorities of Asterisk's certificate, for a url with https."),
    _key("time_limit", Seconds(Duration(100_000, MINUTE_US)), "How long to wait for an answer.", 5.0),
    _key("connections", Count(1, 90), "Most requests at a time; Asterisk's own `sessionlimit` is 100.", 32),
)

ROUTER: Final = Table(
    _key("address", Address(), "The router's gRPC address.", DEFAULT_ADDRESS),
    _key(
        "client_id",
        Text("letters, digits, _ and -", r"[A-Za-z0-9_-]{1,40}"),
        "Our name; ids begin with it.",
        "asterisk",
    ),
    _key("token_env", Text(pattern=r"[A-Za-z_][A-Za-z0-9_]*"), "Environment variable that has the token."),
    _key("token_file", File(), "File that has the token, and nothing else."),
    _key("tls", Flag(), "Encrypt, and trust the usual public authorities.", False),
    _key("ca", File(), "PEM file with the authorities of the router's certificate; implies tls."),
    _key("certificate", File(), "PEM file with our own certificate; implies tls."),
    _key("key", File(), "PEM file with its key."),
    _key("allow_insecure", Flag(), "Send the token to another machine unencrypted.", False),
    _key("time_limit", Seconds(Duration(100_000, MINUTE_US)), "How long to wait for an answer.", 5.0),
)

RULE: Final = Table(
    _key(
        "args", ListOfTexts(Text(), "a pattern for each of the first Stasis arguments", minimum=1), "Which arguments."
    ),
    _key("number", _PATTERNS, "Which dialled numbers."),
    _key("context", _PATTERNS, "Which contexts of the dialplan."),
    _key("caller", _PATTERNS, "Which callers' numbers."),
    _key("variables", MapOf(_PATTERNS, Text(pattern=VARIABLE.pattern), "NAME = pattern"), "Which channel variables."),
    _key("queue", Templated(), "The router's queue.", required=True),
    _key("skills", SkillsOrText(), "What the agent must have, instead of what the queue asks for."),
    *(key for key in REQUIREMENT_KEYS if key.name != "skills"),
    STEPS,
    _key("urgency", TemplatedWord(Choice(URGENCY_WORDS)), "normal, important or urgent."),
    _key("priority", TemplatedNumber(Count(0, PRIORITY_MAX)), "9 goes first."),
    _key("customer", Templated(), "Who it is, so that the last agent may be preferred."),
    _key(
        "preferred_agents",
        ListOfTexts(Templated(), "names of agents; a text may have several, with commas"),
        "Held for these.",
    ),
    _key("hold", Duration(), "How long it is held for them."),
    _key("attributes", MapOf(Templated(), Name("attribute"), "NAME = text"), "Handed on with the call."),
    _key("channel", Name("channel"), "The router's channel.", "voice"),
    _key("explain", Flag(), "Keep the reasons of every decision about it.", False),
    _key("answer", Flag(), "As in [calls]."),
    _key("music", Text(), "As in [calls]."),
    _key("keys", _KEYS, "As in [calls], and instead of those."),
)

CALLS: Final = Table(
    _key("answer", Flag(), "Answer callers and play music; else they hear ringing until an agent answers.", True),
    _key("music", Text(), "Class of music on hold.", "default"),
    _key("keys", _KEYS, "What follows when callers press a key while they wait."),
    _key("patience", Duration(0, HOUR_US), "How long callers wait for a router that is out of reach.", 30 * SECOND_US),
    _key("fallback", Goto(), "Where they go then, and callers whom no rule fits.", "continue"),
    _key("refused", Goto(), "Where callers go whom the router refuses.", "continue"),
    _key("after_agent", Goto(), "Where callers go when the agent has hung up.", "hangup"),
    _key("rules", ListOf(RULE, "the first that fits counts"), "Who goes to which queue."),
)

ENDING_KEYS: Final = ("busy", "rejected", "no_answer", "congestion", "unreachable", "failed")
ENDING: Final = Table(
    _key("not_ready", Flag(), "Make the agent not ready.", required=True),
    _key("ready_again", Duration(SECOND_US, never=True), "Make the agent ready again after this time."),
)
TELEPHONES: Final = Table(
    _key("pattern", _ENDPOINT, 'Telephones of agents who have none of their own: "PJSIP/{agent}".'),
    _key("skills", Levels("level"), "Skills of those who sign in by a feature code and have none of their own."),
    _key("capacity", MapOf(Count(1, 1_000), Name("channel"), "channel = calls"), "Likewise."),
    _key("device_state", Flag(), "Heed what telephones do outside of our calls.", False),
    _key("ring_extra", Duration(0, MINUTE_US), "A telephone rings so much longer than the offer.", 5 * SECOND_US),
    _key("assigned_ring", Duration(SECOND_US, HOUR_US), "How long it rings for a call without offer.", 30 * SECOND_US),
    _key("caller_id", Templated(), "What the agent's telephone shows instead of the caller's name and number."),
    _key("endings", Table(*(_key(name, ENDING, "") for name in ENDING_KEYS)), "What follows when it is not answered."),
)

AGENT: Final = Table(
    _key("endpoint", _ENDPOINT, "The telephone."),
    _key("skills", Levels("level"), "Skills for signing in."),
    _key("capacity", MapOf(Count(1, 1_000), Name("channel"), "channel = calls"), "Calls at a time, by channel."),
    _key(
        "sign_in", Choice({"telephone": False, "start": True}), "By a feature code, or when the bridge starts.", False
    ),
    _key("device_state", Flag(), "As in [telephones]."),
)

CODE_KEYS: Final = ("sign_in", "sign_out", "ready", "not_ready", "end_wrap_up")
CODES: Final = Table(*(_key(name, _DIGITS, "Dialled number.") for name in CODE_KEYS))

TRANSFERS: Final = Table(
    _key("code", _DIGITS, "What the agent dials first.", "*2"),
    _key("end", Text("one key", r"[0-9*#]"), "What ends it.", "#"),
    _key("queues", MapOf(Name("queue"), _DIGITS, "digits = queue"), "Which digits are which queue.", required=True),
    _key("keep_place", Flag(), "The caller keeps the wait that was.", True),
    _key("timeout", Duration(SECOND_US, MINUTE_US), "Digits that come later begin anew.", 10 * SECOND_US),
)

CALLBACKS: Final = Table(
    _key("endpoint", _CALLS_NUMBER, "How customers are called.", required=True),
    _key("number", Templated(), "Whom to call.", "{caller}"),
    _key("numbers", _NUMBERS, "Which numbers may be called: callers may forge theirs.", required=True),
    _key("caller_id", Text(), "What their telephones show of us.", ""),
    _key("ring", Duration(SECOND_US, 10 * MINUTE_US), "How long they ring.", 30 * SECOND_US),
    _key("tries", Count(1, 100), "After so many calls in vain it is over.", 3),
    _key("pause", Duration(0, 24 * HOUR_US), "How long nobody is called between two tries.", 15 * MINUTE_US),
    _key("place", Goto(), "Where the caller goes who was promised a callback.", "hangup"),
)

_sounds = Sounds()
SOUNDS: Final = Table(*(field_key(name, _SOUND, _sounds, "") for name in _sounds.__struct_fields__))

_announcements = Announcements()
ANNOUNCEMENTS: Final = Table(
    field_key("mode", Choice({word: word for word in ("off", "digits", "text", "hook")}), _announcements, "How."),
    field_key("first", Duration(SECOND_US, HOUR_US), _announcements, "When the first one comes."),
    field_key("every", Duration(5 * SECOND_US, HOUR_US), _announcements, "How often one comes then."),
    field_key("position", Flag(), _announcements, "Tell the place in line."),
    field_key("wait", Flag(), _announcements, "Tell the time that four of five wait at most."),
    field_key("callback", _SOUND, _announcements, "What is added where the router has a callback offered."),
    field_key("hook", ListOfTexts(Text(), "a program and its arguments", minimum=1), _announcements, "What to run."),
    field_key("hook_limit", Duration(100_000, MINUTE_US), _announcements, "How long it may run."),
)

METRICS: Final = Table(_key("listen", Address(off=True), "Where /metrics, /healthz and /readyz are.", ""))

TABLES: Final = {
    "ari": ARI,
    "router": ROUTER,
    "calls": CALLS,
    "telephones": TELEPHONES,
    "codes": CODES,
    "transfers": TRANSFERS,
    "callbacks": CALLBACKS,
    "sounds": SOUNDS,
    "announcements": ANNOUNCEMENTS,
    "metrics": METRICS,
}
TOP_KEYS: Final = (*TABLES, "agents")


def _homes() -> dict[str, str]:
    """Return for each known key the tables that it belongs in."""
    headers: dict[str, list[str]] = {}
    named = {f"[{name}]": table for name, table in TABLES.items()}
    for header, table in {**named, "[[calls.rules]]": RULE, "[agents.NAME]": AGENT}.items():
        for name in table.keys:
            headers.setdefault(name, []).append(header)
    homes = {name: " or ".join(found) for name, found in headers.items()}
    return homes | {name: "the top of the file" for name in TOP_KEYS if name not in homes}


HOMES: Final = _homes()
