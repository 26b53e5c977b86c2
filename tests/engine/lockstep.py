"""An engine and an oracle in lockstep: the same operations, and everything that can be seen compared after each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from router.engine import Engine
from router.engine.commands import Command
from router.engine.errors import RequestIdReused, TimeWentBackwards
from router.engine.settings import Settings
from router.engine.views import CallView
from router.engine.vocabulary import CallState, Obstacle
from tests.oracle import Oracle


class Difference(AssertionError):
    """Engine and oracle disagree."""


class Apply(msgspec.Struct, frozen=True):
    """Apply a command, and look at the engine's decisions where `traced`."""

    time_us: int
    command: Command
    traced: bool = False


class ApplyRequest(msgspec.Struct, frozen=True):
    """Apply a command as a client's request."""

    time_us: int
    command: Command
    client: str
    request_id: str
    content: bytes
    traced: bool = False


class Restore(msgspec.Struct, frozen=True):
    """Replace the engine by one restored from its snapshot."""


Operation = Apply | ApplyRequest | Restore


class Lockstep:
    """Both machines, started with the same settings."""

    def __init__(self, settings: Settings, time_us: int = 0) -> None:
        self.engine = Engine(settings, time_us=time_us)
        self.oracle = Oracle(settings, time_us=time_us)
        self.compare_state()

    def run(self, operation: Operation) -> None:
        """Do one operation on both, and compare. Raises `Difference`."""
        if isinstance(operation, Restore):
            self.restore()
            return
        sequence = self.oracle.sequence
        self.engine.tracing = operation.traced
        ours, theirs = (outcome(machine, operation) for machine in (self.engine, self.oracle))
        compare_sequences("event or answer", ours, theirs)
        if operation.traced and self.oracle.sequence > sequence:
            self._compare_reasons()
            self._check_explanations()
        self.compare_state()

    def restore(self) -> None:
        """Restore the engine from its snapshot: the same state, the same hash."""
        state_hash = self.engine.state_hash()
        self.engine = Engine.restore(self.engine.snapshot())
        compare("hash after restoring", self.engine.state_hash(), state_hash)
        self.compare_state()

    def compare_state(self) -> None:
        """Compare everything that can be asked, and audit the engine."""
        engine, oracle = self.engine, self.oracle
        compare("sequence", engine.sequence, oracle.sequence)
        compare("time", engine.time_us, oracle.time_us)
        compare("settings", engine.settings, oracle.settings)
        # A restored engine has answered nothing yet.
        compare("last result", engine.last_result, oracle.last_result if engine.last_result else None)
        calls = oracle.calls()
        compare_sequences("call", engine.calls(), calls)
        compare_sequences("agent", engine.agents(), oracle.agents())
        compare_sequences("queue", engine.queues(), oracle.queues())
        compare_sequences("customer", engine.customers(), oracle.customers())
        compare("next deadline", engine.next_deadline(), oracle.next_deadline())
        for queue in oracle.settings.queues:
            compare(f"waiting in {queue}", engine.waiting(queue, 1000), oracle.waiting(queue, 1000))
        self._compare_queries(calls)
        counted = engine.statistics()
        if counted.candidates > counted.classes + counted.affinity_pairs + counted.barred:
            raise Difference(f"more candidates than heads of classes: {counted!r}")
        engine.audit()
        compare("breach of work conservation", oracle.unserved(), [])

    def _compare_reasons(self) -> None:
        """Compare why each call went where it went."""
        decisions, reasons = self.engine.last_decisions, self.oracle.reasons()
        compare("number of decisions", len(decisions), len(reasons))
        for decision, reason in zip(decisions, reasons, strict=True):
            for name in ("offer", "time_us", "sequence", "ranking"):
                compare(f"decision's {name}", getattr(decision, name), getattr(reason, name))
            compare("winner", decision.winner, reason.candidates[0])
            second = reason.candidates[1] if len(reason.candidates) > 1 else None
            compare("runner-up", decision.runner_up, second)

    def _check_explanations(self) -> None:
        """Check that each call and each pair is explained, and in agreement with what is so."""
        for call in self.oracle.calls():
            explained = self.engine.explain_call(call.call)
            compare(
                f"explanation of {call.call}",
                (explained.state, explained.position, explained.tier, explained.step),
                (call.state, call.position, call.tier, call.step),
            )
            if not explained.summary:
                raise Difference(f"no summary of {call.call}")
            for agent in self.oracle.agents():
                eligibility = self.engine.explain_agent(call.call, agent.agent)
                if eligibility.eligible or not eligibility.obstacles:
                    raise Difference(f"at rest nobody may take a waiting call, but: {eligibility!r}")
                if call.state == CallState.WAITING:
                    told = Obstacle.CALL_DETACHED in eligibility.obstacles
                    compare(f"detached as an obstacle of {call.call}", told, call.detached)

    def _compare_queries(self, calls: Sequence[CallView]) -> None:
        """Compare what is asked about one call: its place, and who could serve it."""
        for call in calls:
            compare(f"position of {call.call}", self.engine.position(call.call), call.position)
            if call.state == CallState.WAITING:
                ours, theirs = (
                    machine.count_agents(call.requirement, channel=call.channel, step=call.step)
                    for machine in (self.engine, self.oracle)
                )
                compare(f"agents that fit {call.call}", ours, theirs)


def outcome(machine: Engine | Oracle, operation: Apply | ApplyRequest) -> list[Any]:
    """Return the events, with the answer to a request in front; or the error, where there is one to expect."""
    try:
        if isinstance(operation, Apply):
            return list(machine.apply(operation.command, operation.time_us))
        answer, events = machine.apply_request(
            operation.command,
            operation.time_us,
            client=operation.client,
            request_id=operation.request_id,
            content=operation.content,
        )
        return [answer, *events]
    except (TimeWentBackwards, RequestIdReused) as error:
        return [type(error)]


def compare(what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise Difference(f"{what}:\n  engine {ours!r}\n  oracle {theirs!r}")


def compare_sequences(what: str, ours: Sequence[Any], theirs: Sequence[Any]) -> None:
    """Compare one by one, and name the fields that differ."""
    for index, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other:
            raise Difference(f"{what} {index} of {len(ours)} and {len(theirs)}:\n{differing(one, other)}")
    if len(ours) != len(theirs):
        raise Difference(f"{len(ours)} and {len(theirs)} {what}s:\n  engine {ours!r}\n  oracle {theirs!r}")


def differing(one: Any, other: Any) -> str:
    lines = [f"  engine {one!r}", f"  oracle {other!r}"]
    if type(one) is type(other) and hasattr(one, "__struct_fields__"):
        for name in one.__struct_fields__:
            ours, theirs = getattr(one, name), getattr(other, name)
            if ours != theirs:
                lines.append(f"  {name}: engine {ours!r}, oracle {theirs!r}")
    return "\n".join(lines)


def difference_of(settings: Settings, operations: Sequence[Operation], start_us: int = 0) -> str | None:
    """Run the operations from the start; return what differed, or what was raised, None when nothing did."""
    try:
        lockstep = Lockstep(settings, start_us)
        for operation in operations:
            lockstep.run(operation)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def shrink(operations: Sequence[Operation], fails: Callable[[Sequence[Operation]], bool]) -> Sequence[Operation]:
    """Drop operations, in ever smaller blocks, as long as what is left still fails."""
    kept = list(operations)
    block = max(1, len(kept) // 2)
    while True:
        start, dropped = 0, False
        while start < len(kept):
            fewer = kept[:start] + kept[start + block :]
            if fails(fewer):
                kept, dropped = fewer, True
            else:
                start += block
        if block == 1 and not dropped:
            return kept
        block = max(1, block // 2)
