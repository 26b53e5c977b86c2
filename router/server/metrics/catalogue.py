"""Every metric of the server, once: name, kind, labels and meaning. The documentation is held to it by a test.

Keeps one invariant: no label has a value that a client chooses: queues come from the config, everything else is
from fixed lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from router.server.tally import Distribution

Kind = Literal["counter", "gauge", "histogram"]


class Metric(NamedTuple):
    """One metric, under the name by which it is asked for."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()


class Reading(NamedTuple):
    """What a metric stands at: a value for each combination of labels that there is."""

    metric: Metric
    values: Sequence[tuple[tuple[str, ...], float | Distribution]]


def single(metric: Metric, value: float | Distribution) -> Reading:
    """Return the reading of a metric without labels."""
    return Reading(metric, [((), value)])


def _metric(name: str, kind: Kind, meaning: str, *labels: str) -> Metric:
    return Metric(f"skill_router_{name}", kind, meaning, labels)


# calls
CALLS = _metric("calls", "gauge", "Live calls in the queue, by state.", "queue", "state")
CALLS_DETACHED = _metric("calls_detached", "gauge", "Live calls whose own system is out of reach.")
QUEUE_PAUSED = _metric("queue_paused", "gauge", "1 while the queue is paused.", "queue")
HEAD_WAIT = _metric(
    "queue_head_wait_seconds", "gauge", "How long the call that is first in line has waited; 0 without one.", "queue"
)
ENQUEUED = _metric("calls_enqueued_total", "counter", "Calls that entered here.", "queue")
OVERFLOWED = _metric(
    "calls_overflowed_total", "counter", "Calls that met a limit of the queue and went on to another.", "queue", "cause"
)
TRANSFERRED = _metric("calls_transferred_total", "counter", "Calls that left the queue by a transfer.", "queue")
REQUEUED = _metric("calls_requeued_total", "counter", "Calls that were returned to the queue by command.", "queue")
OVERDUE = _metric("calls_overdue_total", "counter", "Calls that passed their queue's `max_overtake_wait`.")
WAIT = _metric(
    "call_wait_seconds",
    "histogram",
    "Real waits, counted when they end: answered (each time an agent gets the call), abandoned or refused.",
    "queue",
    "end",
)
HANDLE = _metric("call_handle_seconds", "histogram", "Length of completed conversations.", "queue")
SERVICE_LEVEL_CALLS = _metric(
    "service_level_calls_total", "counter", "Calls that count for the service level: all whose wait has ended.", "queue"
)
SERVICE_LEVEL_MET = _metric(
    "service_level_met_total", "counter", "Those of them that were answered within the queue's target.", "queue"
)
TARGET = _metric("service_level_target_seconds", "gauge", "The queue's target, by urgency.", "queue", "urgency")
OFFERS = _metric("offers_total", "counter", "Offers made.", "queue")
OFFER_OUTCOMES = _metric("offer_outcomes_total", "counter", "Offers that ended, by how.", "queue", "outcome")

# wait estimates
ESTIMATES = _metric(
    "wait_estimates_total", "counter", "Estimates that clients were told, by the method that made them.", "method"
)
COVERAGE = _metric(
    "wait_interval_coverage",
    "gauge",
    "Share of the last 1,000 or so answered calls whose wait was within the 80 % interval of its first estimate: "
    "`futures` (corrected or simulated), and `learned`, at once. Of waits over 1 s. Absent before the first.",
    "method",
)
COVERAGE_CALLS = _metric(
    "wait_interval_calls_total", "counter", "Answered calls whose wait was held against an interval.", "method"
)
ANNOUNCEMENTS = _metric(
    "wait_announcements_total",
    "counter",
    "First estimates from futures of calls, and changes of them that matter: the expected end came sooner, or later by "
    "over 10 s and 20 %. `later` ÷ (`sooner` + `later`) is how much announcements creep.",
    "change",
)
ESTIMATE_OVERFLOWS = _metric(
    "calls_overflowed_by_estimate_total",
    "counter",
    "Calls that left the queue because their first estimate was above `overflow_wait_estimate`.",
    "queue",
)
FUTURE_SETS = _metric(
    "future_sets_total",
    "counter",
    "Sets of futures: for all that wait, for a call that was only supposed, or failed.",
    "of",
)
FUTURES = _metric("futures_total", "counter", "Futures that were run to their end.")
FUTURES_LAST = _metric("futures_of_last_set", "gauge", "Futures in the newest set for all that wait.")
FUTURE_SET_TIME = _metric("future_set_seconds", "histogram", "Time to run a set, beside the routing.")
FUTURE_SET_PAUSE = _metric(
    "future_set_pause_seconds", "histogram", "How long the routing stood still for the state that a set began with."
)
FUTURE_SET_AGE = _metric(
    "future_set_age_seconds",
    "gauge",
    "Age of the newest set for all that wait, which grows while nobody does; 0 before the first.",
)
WAIT_WATCHERS = _metric("wait_watchers", "gauge", "Watches of wait estimates under way.")
SHADOW = _metric(
    "shadow_assignments_total",
    "counter",
    "In shadow mode: assignments by the outside ACD, by whether the engine would have given that call to that agent.",
    "agreed",
)

# agents
AGENTS = _metric(
    "agents",
    "gauge",
    "Agents, each in one state: busy with an offer, call or wrap-up comes before all others.",
    "state",
)
AGENT_SECONDS = _metric(
    "agent_seconds_total", "counter", "Time that agents have spent in each state, all agents added up.", "state"
)
WRAP_UPS = _metric("wrap_ups", "gauge", "Wrap-ups under way.")

# commands
COMMANDS = _metric(
    "commands_total",
    "counter",
    "Commands carried out, repeated from memory, or rejected by a rule.",
    "command",
    "outcome",
)
REJECTIONS = _metric("rejections_total", "counter", "Commands rejected by a rule of the engine, by reason.", "reason")
REFUSALS = _metric(
    "refusals_total", "counter", "Requests and commands that the server refused before the engine saw them.", "reason"
)
DECISIONS = _metric("decisions_total", "counter", "Searches for the best agent for a call, or call for an agent.")
CANDIDATES = _metric("decision_candidates_total", "counter", "Candidates compared in those searches.")
APPLY = _metric("apply_seconds", "histogram", "Time inside the engine for one command, all its decisions included.")
ANSWER = _metric(
    "answer_seconds",
    "histogram",
    "From the arrival of a command (of a batch: of its last) to its answer, durability included.",
)
PENDING = _metric("commands_pending", "gauge", "Commands that wait for their turn or are not durable yet.")
PENDING_MAX = _metric("commands_pending_max", "gauge", "How many may be: `commands_max`.")

# journal
COMMIT = _metric("commit_seconds", "histogram", "Time to make one group of commands durable: one flush of the disk.")
GROUP = _metric("commit_group_commands", "histogram", "Commands made durable by one flush.")
COMMIT_STUCK = _metric(
    "commit_stuck_seconds", "gauge", "How long the disk has not answered; 0 if nothing is asked of it."
)
SEQUENCE = _metric("last_sequence", "gauge", "Number of the last command that was applied.")
DURABLE_SEQUENCE = _metric("durable_sequence", "gauge", "Number of the last command that is durable.")
JOURNAL_SIZE = _metric("journal_bytes", "gauge", "Size of the journal's files; 0 without a journal.")
SNAPSHOTS = _metric("snapshots_total", "counter", "Snapshots, by outcome.", "outcome")
SNAPSHOTS_IN_PLACE = _metric(
    "snapshots_in_place_total",
    "counter",
    "Snapshots that the server wrote itself, standing still, since no child of its process was to, or could.",
)
SNAPSHOT_TIME = _metric(
    "snapshot_save_seconds", "gauge", "How long the last snapshot took to be written and saved, beside all else."
)
SNAPSHOT_PAUSE = _metric("snapshot_pause_seconds", "gauge", "How long the engine stood still for the last snapshot.")
SNAPSHOT_SIZE = _metric("snapshot_bytes", "gauge", "Size of the last snapshot.")
SNAPSHOT_AGE = _metric("snapshot_age_seconds", "gauge", "Time since the last snapshot of this run; 0 before the first.")
RECOVERY_TIME = _metric("recovery_seconds", "gauge", "How long the start took to bring back the state.")
RECOVERY_COMMANDS = _metric("recovery_commands", "gauge", "Commands that were replayed for it.")
DOWNTIME = _metric("downtime_seconds", "gauge", "Engine time for which the server was down before this start.")

# watchers and sessions
WATCHERS = _metric("watchers", "gauge", "Watches under way.")
WATCH_LAG = _metric("watch_lag_events", "gauge", "Events that the slowest watcher has still to take.")
CUT_OFFS = _metric("watchers_cut_off_total", "counter", "Watchers that were cut off because they fell behind.")
SESSIONS = _metric("sessions", "gauge", "Sessions, held or lost.", "state")
SESSION_CHANGES = _metric("session_changes_total", "counter", "What became of sessions.", "change")

# RPCs
RPCS = _metric("rpcs_total", "counter", "RPCs that ended, by method and status code.", "method", "code")
RPC_TIME = _metric("rpc_seconds", "histogram", "Duration of unary RPCs.", "method")
RPCS_UNDER_WAY = _metric("rpcs_under_way", "gauge", "RPCs under way: unary, stream or watch.", "kind")

# the process
READY = _metric("ready", "gauge", "1 while commands are taken and become durable.")
MEMORY_MAX = _metric("memory_max_bytes", "gauge", "Memory of the process beyond which new work is refused.")
CERTIFICATE_END = _metric(
    "certificate_end_timestamp_seconds",
    "gauge",
    "When the server's certificate ends, in seconds since the epoch; 0 without TLS.",
)
CLOCK_SPEED = _metric("clock_speed", "gauge", "Engine seconds per real second.")
BUILD = _metric("build_info", "gauge", "1, with the version that runs.", "version")

CATALOGUE: Final = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""All of them, in the order of their documentation."""

SECTIONS: Final = (
    ("Calls and offers", CALLS),
    ("Wait estimates", ESTIMATES),
    ("Agents", AGENTS),
    ("Commands", COMMANDS),
    ("Journal", COMMIT),
    ("Watchers and sessions", WATCHERS),
    ("RPCs", RPCS),
    ("The process", READY),
)
"""The parts of the documentation, each with its first metric."""
