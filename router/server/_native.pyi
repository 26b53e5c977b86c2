"""The compiled part of the server: see `_native.pyx`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal, final

from router.engine import Engine
from router.server.errors import Wordings
from router.wait import WaitEstimate

class Follower:
    """Told of each command, once and in order, right after the engine has carried it out."""

class Followers:
    """All that follow one engine, in the order in which they are told.

    What goes wrong with one is logged once and harms nobody, unless it is vital: then whoever tells it must not go on.
    """

    def __init__(self, engine: Engine, followers: Iterable[Follower] = ()) -> None: ...
    def append(self, follower: Follower, *, vital: bool = False) -> None:
        """Let one more follow, from the next command on."""
    def observe(self, client_id: str, kind: int) -> None:
        """Tell them of the engine's last command: who sent it, and its place among the kinds of command."""

@final
class Batch:
    """Commands that came together, and what became of them so far. Made by `read_batch` and `read_alone`."""

    wait_estimates: bool
    @property
    def client_id(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def hold_session(self) -> bool: ...
    def __len__(self) -> int: ...
    @property
    def next(self) -> int: ...
    def unread(self) -> list[int]:
        """Return which commands are Python's turn from the beginning."""
    def command(self, index: int) -> bytes:
        """Return the bytes of one command: its `Command`, or its own message if it came alone."""
    @property
    def request_id(self) -> str: ...
    @property
    def call(self) -> str: ...
    @property
    def queue(self) -> str: ...
    @property
    def rejection(self) -> tuple[int, str, int, int]: ...
    def answer(self, result: bytes) -> None:
        """Answer the command at hand with the bytes of its `CommandResult`, and step on."""
    def answer_outcome(self, estimate: bytes) -> None:
        """Answer the command at hand with what came of it and the bytes of an estimate, if any, and step on."""
    def response(self, sequence: int, time_us: int, session_state: int) -> bytes:
        """Return the bytes of the `ApplyResponse`, as of a sequence and its time."""
    @property
    def response_alone(self) -> bytes: ...

def read_batch(content: bytes, fields: int, commands_max: int) -> Batch | None:
    """Return the batch in the bytes of an `ApplyRequest`; None if they are not in the plain form, or it is too large.

    Commands of kinds that are not in `fields`, a bit for each field of `Command`, are Python's turn.
    """

def read_alone(content: bytes, field: int, fields: int) -> Batch | None:
    """Return the command in the bytes of a request of its own, as a batch; None if it is Python's turn."""

@final
class Lane:
    """Carries out commands that come as bytes, and tells all who follow.

    `learn` is called after each command that gets a number; if it raises, `not_learnt` is, and routing goes on.
    `wordings` are those of `errors.wordings`; without them no rejection is worded here.
    """

    DONE: Final[int]
    PYTHON: Final[int]
    REJECTED: Final[int]
    ESTIMATE: Final[int]
    def __init__(
        self,
        engine: Engine,
        followers: Followers,
        learn: Callable[[], object],
        not_learnt: Callable[[], object],
        *,
        wordings: Wordings | None = None,
        journalling: bool,
    ) -> None: ...
    def count_in(self, counts: CommandCounts) -> None:
        """Count commands and the time that they take."""
    def run(self, batch: Batch, now_us: int, actor: bytes) -> int:
        """Carry out commands from the one at hand on; return DONE, or why it stopped at the one at hand then.

        PYTHON: it is not for the lane, and nothing was done. REJECTED: it was carried out, and its error has to be
        worded; that happens to commands that came alone, and where a name has to be made fit to be shown. ESTIMATE: it
        was carried out, and an estimate was asked for. Raises what means that the engine must not go on.
        """
    def take_entries(self) -> tuple[int, bytes]:
        """Return how many entries for the journal there are since this was last called, and their bytes."""
    @property
    def numbered(self) -> int: ...
    @property
    def engine_ns(self) -> int: ...

class Replay:
    """Carries out journalled commands again, and tells all who follow, as `Lane` does."""

    def __init__(
        self, engine: Engine, followers: Followers, learn: Callable[[], object], not_learnt: Callable[[], object]
    ) -> None: ...
    def read(self, content: bytes) -> bool:
        """Take up the bytes of a `Record`; return whether they are in the plain form. Without entries if not."""
    def __len__(self) -> int: ...
    @property
    def next(self) -> int:
        """Which entry is at hand: those before it are done."""
    @property
    def entry(self) -> bytes:
        """The bytes of the `Entry` at hand."""
    def skip(self, count: int) -> None:
        """Step over entries from the one at hand on: they are done."""
    def run(self, end: int) -> None:
        """Carry out entries from the one at hand on, up to number `end`, until one is Python's turn.

        Of that one nothing was done. Raises what means that the engine must not go on.
        """

class History(Follower):
    """The last `events_max` published events or, until there are as many, all since it was made."""

    def __init__(self, engine: Engine, events_max: int) -> None: ...
    def publish(self, sequence: int) -> None:
        """Show what was observed up to a sequence."""
    @property
    def first(self) -> int:
        """The number of the oldest event that is here; events are numbered from 0 for as long as the server runs."""
    @property
    def end(self) -> int:
        """The number that the next event will get when it is published."""
    @property
    def sequence(self) -> int:
        """The last sequence that is published, with events or without."""
    @property
    def time_us(self) -> int:
        """The engine time of that sequence."""
    @property
    def forgotten_sequence(self) -> int:
        """The last sequence whose events are not, or not all, here."""
    def number_after(self, sequence: int) -> int:
        """Return the number of the first event after a sequence that is not forgotten."""
    def take(self, start: int, wanted: EventFilter, events_max: int, sequence_min: int) -> tuple[bytes, int, int, int]:
        """Return what passes among the next events from number `start` on, up to the end of a command where possible.

        That is: the bytes of a WatchResponse, how many events it has, the number to go on with, and the sequence in the
        header, which is at least `sequence_min`.
        """

class EventFilter:
    """Which events a watcher of a history wants; an empty collection sets no condition.

    A kind is given by its place among the kinds of event.
    """

    def __init__(
        self,
        history: History,
        *,
        queues: Iterable[str] = (),
        agents: Iterable[str] = (),
        calls: Iterable[str] = (),
        kinds: Iterable[int] = (),
    ) -> None: ...

# what was counted: of each bucket, and the sum of all values
_Buckets = tuple[tuple[int, ...], int]

@final
class CallCounts(Follower):
    """What becomes of calls and offers, by queue. Begins where the engine stands; bounds are whole microseconds."""

    def __init__(self, engine: Engine, *, wait_bounds: Sequence[int], handle_bounds: Sequence[int]) -> None: ...
    def queues(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Return each configured queue with what was counted of it: its name, and a tuple. O(queues)."""
    @property
    def overdue(self) -> int:
        """How many calls passed their queue's `max_overtake_wait`."""
    @property
    def detached(self) -> int:
        """How many calls are detached now."""

@final
class AgentCounts(Follower):
    """What agents do. Begins where the engine stands, with all times at 0."""

    def __init__(self, engine: Engine) -> None: ...
    def count_to(self, time_us: int) -> None:
        """Count the time until now; what happened before that comes too late to be told apart."""
    @property
    def agents(self) -> tuple[int, ...]:
        """How many agents are idle, busy, not ready and signed out."""
    @property
    def times_us(self) -> tuple[int, ...]:
        """How long agents were so, all added up."""
    @property
    def wrap_ups(self) -> int:
        """How many wrap-ups are under way."""

@final
class CommandCounts(Follower):
    """What becomes of commands, and how long the engine takes for each. Bounds are whole nanoseconds."""

    def __init__(self, *, bounds: Sequence[int]) -> None: ...
    def repeated(self, kind: int) -> None:
        """Count a command that was answered from memory, by its place among the kinds of command."""
    def decided(self, duration_ns: int) -> None:
        """Count the time that one command took inside the engine."""
    @property
    def commands(self) -> tuple[tuple[int, ...], ...]:
        """Of each kind how many were done, rejected and repeated."""
    @property
    def rejections(self) -> tuple[int, ...]:
        """How many were rejected for each reason, by its number; none for the first, which is none."""
    @property
    def durations(self) -> _Buckets:
        """The count of each bucket, and the sum of all durations."""

class Holdings(Follower):
    """Names of one kind, each with at most one owner. Every operation is O(1) but `of` and `clients`."""

    def __len__(self) -> int: ...
    def owner(self, name: str) -> str:
        """Return the client that brought it; empty if nobody did who said a client id."""
    def of(self, client_id: str) -> tuple[str, ...]:
        """Return what a client brought and still has, in the order in which it came."""
    def clients(self) -> set[str]:
        """Return the clients that have something."""
    def give(self, name: str, client_id: str) -> None:
        """Give it to a client, to nobody if the client id is empty."""
    def drop(self, name: str) -> None:
        """It is over."""
    def clear(self) -> None:
        """Forget everything."""

class AgentHoldings(Holdings):
    """Agents belong to the client that signed them in last, until they are signed out."""

class CallHoldings(Holdings):
    """Calls belong to the client that enqueued them, until they end."""

class Waiting(Follower):
    """Who waits or is on offer: what has changed since somebody last asked. Follows nothing before `begin`."""

    def __init__(self, engine: Engine) -> None: ...
    def begin(self) -> None:
        """Follow from here on; everything so far is known. O(calls that the engine knows)."""
    def take_news(self) -> bool:
        """Return whether anything has changed since this was last asked, though it may have changed back."""
    def __len__(self) -> int:
        """Return how many changes there are to take."""
    @property
    def has_waiting(self) -> bool:
        """Whether something of that is a call that waits now, and is not on offer."""
    def take(self) -> list[tuple[Literal["entered", "offered", "left"], str, bool, str, int, bool]]:
        """Return what has changed since this was last asked, the outcome and not the way to it.

        One tuple for each stay: what became of it ("entered", "offered" or "left"), the call, whether it is on offer
        now; of "entered" also its queue, the command with which it began, and whether it follows on the stay that was
        known without a gap; else "", 0 and True.
        """

class ChildFailed(Exception):
    """A child has not written all that it should; the message says why."""

def engine_part(engine: Engine) -> object:
    """Return the part of a snapshot that is the engine's."""

def owned_part(agents: AgentHoldings, calls: CallHoldings) -> object:
    """Return the part that says what clients brought: the bytes of the field `owned` of the journal's ServiceState."""

def write_parts(parts: Iterable[object]) -> list[bytes]:
    """Return the bytes of each part, written here and now."""

@final
class Child:
    """A child of this process that writes the parts of a snapshot, as they are now, while this process goes on.

    The thread that makes it must live until it is done. Let go, it is gone. Raises `OSError` where the system does not
    let it be made. gRPC must have been loaded without its own handling of forks: see `router.server.forking`.
    """

    def __init__(self, parts: Iterable[object]) -> None: ...
    @property
    def pid(self) -> int:
        """Its process id."""
    def read(self, timeout_s: float) -> list[bytes]:
        """Return the bytes of each part, once, and let the child be gone; in any thread. Raises `ChildFailed`."""
    def kill(self) -> None:
        """Let it end at once, whoever reads."""

def estimate_bytes(estimate: WaitEstimate, method: int, callback_offered: bool) -> bytes:
    """Return the bytes of a `WaitEstimate` with the number of its method: those of `encode_wait_estimate`."""

# for tests: see _for_tests.pxi

def _read_command(content: bytes, engine: Engine | None = None, time_us: int = 0) -> tuple[Any, ...] | None: ...
def _read_part(
    field: int, content: bytes, engine: Engine | None = None, time_us: int = 0
) -> tuple[Any, ...] | None: ...
def _digest(key: bytes, content: bytes) -> bytes: ...
def _keyed_hash(text: bytes, low: int, high: int) -> int: ...
def _answer(engine: Engine, repeated: bool) -> bytes: ...
def _entry(
    time_us: int, client_id: bytes, request_id: bytes, content: bytes, actor: bytes, field: int, part: bytes
) -> bytes: ...
def _encode_events(engine: Engine) -> list[bytes]: ...
def _rejection(wordings: Wordings, reason: int, subject: bytes, sequence: int, time_us: int) -> bytes | None: ...
