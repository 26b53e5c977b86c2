"""The one table of every config key: kind, range, default and meaning. Reading, unknown-key hints and docs all use it.

Defaults are those of the engine's and server's own structs, so they cannot differ from the code.
"""

from __future__ import annotations

from typing import Final

import msgspec

from router.config.estimates import ESTIMATES, LIMIT_KEYS
from router.config.kinds import (
    Alternatives,
    Choice,
    Count,
    Duration,
    DurationByUrgency,
    Flag,
    Key,
    Kind,
    Levels,
    ListOf,
    Name,
    Table,
    Weight,
    field_key,
)
from router.config.presets import DEFAULT_PRESET, PRESETS
from router.config.server import SERVER
from router.engine.limits import STEPS_MAX, TERMS_MAX
from router.engine.settings import (
    SECOND_US,
    AgentWeights,
    CallWeights,
    ChannelSettings,
    EfficiencySettings,
    QueueSettings,
    Settings,
    WrapUp,
)
from router.engine.vocabulary import NoAnswerAction, WrapUpMode

CHANNELS_MAX: Final = 16
NUMBER_MAX: Final = 1_000_000_000
MILLISECOND_US: Final = 1_000

BASE_QUEUE: Final = QueueSettings(
    agent_weights=PRESETS[DEFAULT_PRESET].agent_weights, call_weights=PRESETS[DEFAULT_PRESET].call_weights
)


def _optional(name: str, kind: Kind, doc: str) -> Key:
    """Return a key of one queue or step that need not be there and has no default."""
    return Key(name=name, kind=kind, doc=doc, field=name, has_default=False, inherited=False)


def _weights(of: AgentWeights | CallWeights, docs: dict[str, str]) -> Table:
    return Table(*(field_key(name, Weight(), of, doc) for name, doc in docs.items()))


_settings = Settings()
ENGINE: Final = Table(
    field_key(
        "idle_scale",
        Duration(SECOND_US),
        _settings,
        "Unit of idle time in the agent ranking: without work for this long the idle term is 1, for twice as long 2.",
    ),
    field_key(
        "occupancy_half_life",
        Duration(SECOND_US),
        _settings,
        "How fast old work stops counting in an agent's occupancy: after this long it counts half.",
    ),
    field_key(
        "finished_retention",
        Duration(MILLISECOND_US),
        _settings,
        "How long a finished call is remembered. Its name cannot be used again before.",
    ),
    field_key(
        "customer_retention",
        Duration(),
        _settings,
        "How long it is remembered which agent served a customer last.",
    ),
    field_key(
        "customers_max", Count(0, NUMBER_MAX), _settings, "Most customers remembered; the oldest are forgotten first."
    ),
    field_key(
        "request_retention",
        Duration(MILLISECOND_US),
        _settings,
        "How long a request is remembered, so that a retry gets the first answer.",
    ),
    field_key(
        "requests_max", Count(1, NUMBER_MAX), _settings, "Most requests remembered; the oldest are forgotten first."
    ),
    field_key("agents_max", Count(1, NUMBER_MAX), _settings, "Most agents; a new one beyond that is refused."),
    field_key(
        "calls_max",
        Count(1, NUMBER_MAX),
        _settings,
        "Most live calls; a new one beyond that is refused. As many finished ones are remembered.",
    ),
    field_key(
        "requirements_max",
        Count(1, NUMBER_MAX),
        _settings,
        "Most different requirements of queues and calls, finished ones included; "
        "a call that brings yet another one is refused.",
    ),
)

_efficiency = EfficiencySettings()
EFFICIENCY: Final = Table(
    field_key(
        "prior_calls",
        Count(1, 10_000),
        _efficiency,
        "How many calls at the queue's norm every agent starts with: the more, the less a few calls say.",
    ),
    field_key("handle_time", Weight(), _efficiency, "Share of handle time against the queue's norm in efficiency."),
    field_key("resolution", Weight(), _efficiency, "Share of resolved calls in efficiency."),
    field_key("satisfaction", Weight(), _efficiency, "Share of customers' scores in efficiency."),
)

CHANNEL: Final = Table(
    field_key(
        "exclusive",
        Flag(),
        ChannelSettings(),
        "A call on this channel takes the agent whole: no other call meanwhile. Right for voice, wrong for chat.",
    ),
)

REQUIREMENT_KEYS: Final = (
    _optional("skills", Levels("level"), "Skills that an agent must have, all of them, each at the level or better."),
    _optional(
        "any_of", Alternatives(), "Further demands: of each table the agent must have at least one skill at its level."
    ),
    _optional("agent", Name("agent"), "The agent must be this one."),
    _optional(
        "prefer",
        Levels("importance"),
        "Skills that are welcome but not demanded, with their importance beside a demanded skill's 10.",
    ),
)

STEP: Final = Table(
    Key(
        name="after",
        kind=Duration(MILLISECOND_US),
        field="after",
        has_default=False,
        required=True,
        doc="The step begins when the call has waited this long. Required; each step later than the one before.",
    ),
    *REQUIREMENT_KEYS,
)

STEPS: Final = _optional(
    "steps",
    ListOf(STEP, f"at most {STEPS_MAX - 1}"),
    "What is demanded instead once a call has waited: each step replaces the one before.",
)

WRAP_UP: Final = Table(
    field_key(
        "mode",
        Choice({"none": WrapUpMode.NONE, "fixed": WrapUpMode.FIXED, "manual": WrapUpMode.MANUAL}),
        WrapUp(),
        "After-call work: none; for a fixed time; or until the agent ends it, with `duration` as the cap.",
    ),
    field_key(
        "duration", Duration(), WrapUp(), "The fixed time or the cap. Above 0 with fixed and manual, 0 with none."
    ),
)

AGENT_WEIGHTS: Final = _weights(
    BASE_QUEUE.agent_weights,
    {
        "skill_fit": "How well the agent's levels answer what the call demands and prefers (0 … 1).",
        "idle": "Time since the agent's last work ended, in units of `idle_scale` (0 …, without end).",
        "load": "How free the agent is: 1 less the mean of capacity in use and occupancy (0 … 1).",
        "efficiency": "What was learned of the agent in this queue; 0.5 at the queue's norm (0 … 1).",
        "affinity": "It is 1 for a preferred agent, or the customer's last one where `last_agent_preferred`; else 0.",
        "reserve": "How few scarce skills the agent has that the call does not need: keeps experts free (0 … 1).",
    },
)
CALL_WEIGHTS: Final = _weights(
    BASE_QUEUE.call_weights,
    {
        "priority": "The call's priority from 0 to 9 (0 … 1).",
        "age": "Time waited against the target: 1 at the target (0 … 10).",
        "deadline": "Push for calls near their target: 0 until half of it, 1 from the target on (0 … 1).",
        "skill_fit": "How well the agent's levels answer what the call demands and prefers (0 … 1).",
        "efficiency": "What was learned of the agent in the call's queue; 0.5 at the norm (0 … 1).",
        "affinity": "It is 1 when the agent is one of the call's preferred, else 0.",
    },
)

NO_ANSWER_ACTIONS: Final = {
    "not-ready": NoAnswerAction.NOT_READY,
    "keep-ready": NoAnswerAction.KEEP_READY,
    "sign-out": NoAnswerAction.SIGN_OUT,
}

QUEUE: Final = Table(
    Key(
        name="preset",
        kind=Choice({name: name for name in PRESETS}),
        field="preset",
        default=DEFAULT_PRESET,
        doc="Set of weights to start from. In a queue it replaces all weights of `queue_defaults`.",
    ),
    field_key(
        "target",
        DurationByUrgency(SECOND_US),
        BASE_QUEUE,
        "Service level target: a call should be answered within this time. Age and deadline are measured against it.",
    ),
    field_key(
        "max_overtake_wait",
        DurationByUrgency(never=True),
        BASE_QUEUE,
        "Starvation bound: after this wait a call is overdue, and no call of a lower tier may overtake it.",
    ),
    field_key(
        "automatic", Flag(), BASE_QUEUE, "Assign calls at once, without an offer that the agent accepts or rejects."
    ),
    field_key("offer_timeout", Duration(SECOND_US), BASE_QUEUE, "How long an agent has to accept an offer."),
    field_key(
        "no_answer_action",
        Choice(NO_ANSWER_ACTIONS),
        BASE_QUEUE,
        "What happens to an agent who lets an offer expire.",
    ),
    field_key(
        "reject_backoff",
        Duration(),
        BASE_QUEUE,
        "How long a call is kept from an agent who rejected it or let it expire.",
    ),
    Key(
        name="wrap_up",
        kind=WRAP_UP,
        field="wrap_up",
        has_default=False,
        doc="After-call work, see below.",
    ),
    field_key(
        "preferred_hold",
        Duration(),
        BASE_QUEUE,
        "How long a call is held for its preferred agents before others may take it, unless the call says otherwise.",
    ),
    field_key(
        "last_agent_preferred",
        Flag(),
        BASE_QUEUE,
        "Count the agent who served the customer last among the preferred ones.",
    ),
    field_key(
        "last_agent_hold",
        Duration(),
        BASE_QUEUE,
        "How long a call is held where the last agent is the only preferred one.",
    ),
    field_key(
        "waiting_max",
        Count(0, NUMBER_MAX, unlimited=True),
        BASE_QUEUE,
        "Most calls that wait in the queue; one more overflows, or is refused without `overflow`.",
    ),
    field_key(
        "wait_max",
        Duration(MILLISECOND_US, never=True),
        BASE_QUEUE,
        "Longest wait in the queue; after it a call overflows, or is refused without `overflow`.",
    ),
    field_key(
        "overflow",
        Name("queue"),
        BASE_QUEUE,
        "Queue that takes the calls over a limit. A call tries each queue at most once. Without it they are refused.",
        inherited=False,
    ),
    *LIMIT_KEYS,
    Key(
        name="agent_weights",
        kind=AGENT_WEIGHTS,
        field="agent_weights",
        has_default=False,
        doc="Weights that differ from the preset.",
    ),
    Key(
        name="call_weights",
        kind=CALL_WEIGHTS,
        field="call_weights",
        has_default=False,
        doc="Weights that differ from the preset.",
    ),
    *REQUIREMENT_KEYS,
    STEPS,
)


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the file as the docs show it."""

    header: str
    table: Table
    doc: str


SECTIONS: Final = (
    Section(
        header="[server]",
        table=SERVER,
        doc="The gRPC server: addresses, limits, sessions, journal and security. "
        "It is read when the server starts: a change takes effect at the next start, not at a reload.",
    ),
    Section(
        header="[estimates]",
        table=ESTIMATES,
        doc="Wait estimates by running the router's state ahead: [wait-prediction.md](wait-prediction.md). "
        "Like `[server]`, it is read when the server starts.",
    ),
    Section(header="[engine]", table=ENGINE, doc="Scales, memory and limits of the whole engine."),
    Section(
        header="[efficiency]",
        table=EFFICIENCY,
        doc="How an agent's efficiency is mixed from handle time, resolution and satisfaction. "
        "All of it counts only where a queue's efficiency weight is above 0.",
    ),
    Section(
        header="[channels.NAME]",
        table=CHANNEL,
        doc=f"One table for each channel, at most {CHANNELS_MAX}. Without any there is one: an exclusive `voice`.",
    ),
    Section(
        header="[queue_defaults] and [queues.NAME]",
        table=QUEUE,
        doc="`queue_defaults` holds for every queue; a queue says only what differs. At least one queue is needed.",
    ),
    Section(
        header="[queue_defaults.wrap_up] and [queues.NAME.wrap_up]",
        table=WRAP_UP,
        doc="After-call work. A key that a queue leaves out is taken from `queue_defaults`.",
    ),
    Section(
        header="[queue_defaults.agent_weights] and [queues.NAME.agent_weights]",
        table=AGENT_WEIGHTS,
        doc="Weights of the terms that choose an agent for a call. The defaults are those of the preset `balanced`.",
    ),
    Section(
        header="[queue_defaults.call_weights] and [queues.NAME.call_weights]",
        table=CALL_WEIGHTS,
        doc="Weights of the terms that choose a call for an agent, among calls of the same tier. "
        "The defaults are those of the preset `balanced`.",
    ),
    Section(
        header="[[queues.NAME.steps]]",
        table=STEP,
        doc="What is demanded once the call has waited `after`. A step without demands takes any agent. "
        f"At most {TERMS_MAX} demands and {TERMS_MAX} preferences in a step.",
    ),
)

TOP_KEYS: Final = ("server", "estimates", "engine", "efficiency", "channels", "queue_defaults", "queues")


def _homes() -> dict[str, str]:
    """Return for each known key the headers of the tables that it belongs in."""
    headers: dict[str, list[str]] = {}
    for section in SECTIONS:
        for key in section.table.keys.values():
            header = section.header if key.inherited else section.header.removeprefix("[queue_defaults] and ")
            headers.setdefault(key.name, []).append(header.replace(" and ", " or "))
    homes: dict[str, str] = {name: " or ".join(found) for name, found in headers.items()}
    return homes | {name: "the top of the file" for name in TOP_KEYS if name not in homes}


HOMES: Final = _homes()
