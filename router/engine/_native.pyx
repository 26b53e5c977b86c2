# cython: language_level=3
"""The compiled engine: the C++ state machine of src_native/ behind typed Python commands, events and views."""

from collections.abc import Mapping

from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libcpp cimport bool
from libcpp.pair cimport pair
from libcpp.string cimport string
from libcpp.utility cimport move
from libcpp.vector cimport vector

import hashlib

from router.engine import commands, events, requirements, settings as settings_module, views, vocabulary
from router.engine.errors import CorruptSnapshot, InvalidCommand, InvariantViolated, RequestIdReused, TimeWentBackwards, UnknownName

from router.engine._cpp cimport *

TIME_US_MAX = TIME_US_MAX_NATIVE
# those that router/ needs elsewhere: see limits.py
LIMITS = {
    "NAME_BYTES_MAX": NAME_BYTES_MAX,
    "SKILLS_MAX": SKILLS_MAX,
    "LEVEL_MAX": LEVEL_MAX,
    "PREFERRED_AGENTS_MAX": PREFERRED_AGENTS_MAX,
    "ATTRIBUTES_MAX": ATTRIBUTES_MAX,
    "STEPS_MAX": STEPS_MAX,
    "TERMS_MAX": TERMS_MAX,
    "PREFERENCES_MAX": PREFERENCES_MAX,
}

router_error_classes[0] = <PyObject*>TimeWentBackwards
router_error_classes[1] = <PyObject*>RequestIdReused
router_error_classes[2] = <PyObject*>CorruptSnapshot
router_error_classes[3] = <PyObject*>InvariantViolated

include "_to_native.pxi"
include "_commands_to_native.pxi"
include "_from_native.pxi"
include "_events_from_native.pxi"


cdef class Engine:
    """The routing engine: a deterministic state machine that knows no clock.

    Times are int64 microseconds since the epoch, 0 to 2^61. Not thread-safe: one caller at a time.
    """

    def __init__(self, settings=None, *, time_us=0):
        """Create an empty engine; with `settings`, apply `Configure` at `time_us` as the first command."""
        if self._engine.sequence() != 0:
            raise RuntimeError("an engine is created once")
        if settings is not None:
            self.apply(commands.Configure(settings), time_us)

    @classmethod
    def restore(cls, snapshot):
        """Rebuild an engine from `snapshot()`. Raises `CorruptSnapshot`."""
        if not isinstance(snapshot, (bytes, bytearray, memoryview)):
            refuse("snapshot", f"{shown(snapshot)} is not bytes", "what snapshot() returned is wanted")
        cdef Engine engine = cls.__new__(cls)
        engine._engine.restore(bytes(snapshot))
        return engine

    # ---- commands ----

    def apply(self, command, time_us):
        """Fire the deadlines up to `time_us`, carry out the command, and return the events in order.

        Raises `InvalidCommand` or `TimeWentBackwards`, having changed nothing.
        """
        cdef int64_t when = number_of(time_us, "time_us", 0, TIME_US_MAX_NATIVE, " microseconds")
        cdef Command native
        fill_command(native, command)
        self._engine.apply(native, when)
        return self._events(call_named(command))

    def apply_many(self, commands):
        """Apply (time_us, command) pairs in order and return all events. Stops at the first that raises."""
        collected = []
        for entry in commands:
            if not isinstance(entry, (tuple, list)) or len(entry) != 2:
                refuse("commands", f"{shown(entry)} is no pair", "pairs of time_us and command are wanted")
            collected += self.apply(entry[1], entry[0])
        return collected

    def apply_request(self, command, time_us, *, client, request_id, content):
        """Apply a command once per (client, request_id); `content` is a digest (8 to 64 bytes) of what was asked.

        A repeat returns the first result with `repeated` set and no events. Raises `RequestIdReused` when
        the content differs.
        """
        cdef int64_t when = number_of(time_us, "time_us", 0, TIME_US_MAX_NATIVE, " microseconds")
        cdef Command native
        fill_command(native, command)
        cdef string client_name = name_of(client, "client")
        cdef string request_name = name_of(request_id, "request_id")
        cdef RequestOutcome outcome
        if type(content) is not bytes or not <Py_ssize_t>DIGEST_BYTES_MIN <= len(content) <= <Py_ssize_t>DIGEST_BYTES_MAX:
            refuse("content", f"{shown(content)} is no digest", f"{DIGEST_BYTES_MIN} to {DIGEST_BYTES_MAX} bytes are wanted")
        outcome = self._engine.apply_request(native, when, client_name, request_name, content)
        return result_from(outcome.result, outcome.repeated), [] if outcome.repeated else self._events(call_named(command))

    def remembers(self, client, request_id, time_us):
        """Say whether a request of this client would be answered from memory at `time_us`."""
        cdef int64_t when = number_of(time_us, "time_us", 0, TIME_US_MAX_NATIVE, " microseconds")
        return self._engine.remembers(name_of(client, "client"), name_of(request_id, "request_id"), when)

    def advance(self, time_us):
        """Apply `Advance`: only fire what is due."""
        return self.apply(commands.Advance(), time_us)

    cdef list _events(self, object call=None):
        if self._queue_names is None:
            self._queue_names = []
        return events_from(self._engine, self._queue_names, call)

    def next_deadline(self):
        """Return the time of the earliest deadline, None if there is none. O(1)."""
        return maybe(self._engine.next_deadline())

    def due_time(self, time_us, limit):
        """Return the time of the deadline that fires as number `limit`, or `time_us` if that is earlier.

        So that a shell can fire many deadlines in steps: `advance` to this time fires at most `limit` of those that
        are known now, and more only where some fall on the same instant. O(limit log limit). Raises `InvalidCommand`.
        """
        cdef int64_t when = number_of(time_us, "time_us", 0, TIME_US_MAX_NATIVE, " microseconds")
        cdef size_t most = number_of(limit, "limit", 1, NUMBER_MAX, " deadlines")
        return self._engine.due_time(when, most)

    @property
    def last_result(self):
        """The answer to the last command applied; None before the first one, and after `restore`."""
        return None if self._engine.statistics().commands == 0 else result_from(self._engine.result(), False)

    @property
    def sequence(self):
        """Number of the last command applied; 0 before the first."""
        return self._engine.sequence()

    @property
    def time_us(self):
        """Time of the last command applied."""
        return self._engine.time_us()

    @property
    def settings(self):
        """The settings that rule now."""
        return settings_from(self._engine.settings())

    # ---- reading ----

    cdef uint32_t _call(self, object call) except? 0xFFFFFFFF:
        cdef uint32_t number = self._engine.find_call(name_of(call, "call"))
        if number == NONE:
            raise UnknownName("call", call)
        return number

    cdef uint32_t _agent(self, object agent) except? 0xFFFFFFFF:
        cdef uint32_t number = self._engine.find_agent(name_of(agent, "agent"))
        if number == NONE:
            raise UnknownName("agent", agent)
        return number

    cdef uint32_t _queue(self, object queue) except? 0xFFFFFFFF:
        cdef uint32_t number = self._engine.find_queue(name_of(queue, "queue"))
        if number == NONE:
            raise UnknownName("queue", queue)
        return number

    cdef list _channels(self):
        cdef size_t index
        cdef list channels = []
        for index in range(self._engine.settings().channels.size()):
            channels.append((
                decode(self._engine.settings().channels[index].name),
                self._engine.find_channel(self._engine.settings().channels[index].name),
            ))
        return channels

    def call(self, call):
        """Return one call, live or remembered. Raises `UnknownName`."""
        return call_view(self._engine, self._call(call))

    def agent(self, agent):
        """Return one agent. Raises `UnknownName`."""
        return agent_view(self._engine, self._agent(agent), self._channels())

    def queue(self, queue):
        """Return one queue. Raises `UnknownName`."""
        return queue_view(self._engine, self._queue(queue))

    def calls(self):
        """Return all calls, live and remembered, by order."""
        cdef vector[uint32_t] numbers = self._engine.calls_by_order()
        return [call_view(self._engine, number) for number in numbers]

    def agents(self):
        """Return all agents by name."""
        cdef vector[uint32_t] numbers = self._engine.agents_by_name()
        channels = self._channels()
        return [agent_view(self._engine, number, channels) for number in numbers]

    def queues(self):
        """Return all configured queues by name."""
        cdef vector[uint32_t] numbers = self._engine.queues_by_name()
        return [queue_view(self._engine, number) for number in numbers]

    def customers(self):
        """Return all remembered customers by name."""
        cdef vector[Customer] native = self._engine.customers()
        cdef size_t index
        collected = []
        for index in range(native.size()):
            collected.append(views.CustomerView(
                customer=decode(native[index].name),
                agent=agent_name(self._engine, native[index].agent),
                served_us=native[index].served_us,
            ))
        collected.sort(key=lambda view: view.customer)
        return collected

    def position(self, call):
        """Return a waiting call's place in its queue, from 1; None if it does not wait. O(log n).

        Raises `UnknownName`.
        """
        cdef int64_t position = self._engine.position(self._call(call))
        return position if position > 0 else None

    def waiting(self, queue, limit=100):
        """Return the first `limit` waiting calls of a queue by rank. Raises `UnknownName`."""
        cdef size_t most = number_of(limit, "limit", 0, NUMBER_MAX)
        cdef vector[uint32_t] numbers = self._engine.waiting(self._queue(queue), most)
        return [decode(self._engine.call(number).name) for number in numbers]

    def count_agents(self, requirement, *, channel="voice", step=0):
        """Count the agents, ready, closing or engaged, who satisfy a step and have any capacity on the channel.

        O(profiles). Raises `InvalidCommand`, or `UnknownName` for the channel.
        """
        cdef RequirementSpec spec = requirement_of(requirement)
        cdef size_t number = number_of(step, "step", 0, spec.steps.size() - 1)
        cdef uint32_t channel_number = self._engine.find_channel(name_of(channel, "channel"))
        if channel_number == NONE:
            raise UnknownName("channel", channel)
        return self._engine.count_agents(spec, number, channel_number)

    def statistics(self):
        """Return the counters of work done."""
        cdef const Statistics* statistics = &self._engine.statistics()
        return views.Statistics(
            commands=statistics.commands, decisions=statistics.decisions, candidates=statistics.candidates,
            classes=statistics.classes, affinity_pairs=statistics.affinity_pairs, barred=statistics.barred,
        )

    # ---- explaining ----

    @property
    def tracing(self):
        """Whether every decision is recorded for `last_decisions`; off by default, costs nothing when off."""
        return self._engine.tracing

    @tracing.setter
    def tracing(self, value):
        self._engine.tracing = flag_of(value, "tracing")

    @property
    def last_decisions(self):
        """The decisions of the last command, in order, if `tracing` is on."""
        cdef const vector[Decision]* native = &self._engine.last_decisions()
        cdef size_t index
        return tuple([decision_from(native[0][index]) for index in range(native.size())])

    def decisions(self, call):
        """Return the last decisions (at most 8) about a call that was enqueued with `explain`."""
        cdef const Call* native = &self._engine.call(self._call(call))
        cdef const vector[Decision]* kept = &native.decisions
        cdef size_t index
        return tuple([decision_from(kept[0][index]) for index in range(kept.size())])

    def explain_agent(self, call, agent):
        """Say whether an agent may take a call now, and if not, why not. Raises `UnknownName`."""
        cdef vector[Obstacle] native = self._engine.obstacles(self._call(call), self._agent(agent))
        cdef size_t index
        obstacles = tuple([OBSTACLE[<int>native[index]] for index in range(native.size())])
        return views.Eligibility(call=call, agent=agent, eligible=not obstacles, obstacles=obstacles)

    def explain_call(self, call):
        """Say why a call is where it is. O(agents) for a waiting call. Raises `UnknownName`."""
        cdef uint32_t number = self._call(call)
        cdef vector[pair[Obstacle, int64_t]] counted
        cdef size_t index
        view = call_view(self._engine, number)
        if view.state == vocabulary.CallState.WAITING:
            counted = self._engine.count_obstacles(number)
        obstacles = {OBSTACLE[<int>counted[index].first]: counted[index].second for index in range(counted.size())}
        obstacles = dict(sorted(obstacles.items(), key=lambda item: (-item[1], item[0])))
        signed_in = self._engine.signed_in_agents()
        kept = self.decisions(call)
        return views.CallExplanation(
            call=view.call, state=view.state, summary=summary_of(view, obstacles, signed_in), position=view.position,
            tier=view.tier, step=view.step, signed_in_agents=signed_in,
            obstacles=obstacles,
            decision=kept[-1] if kept else None,
        )

    def would_take(self, agent):
        """Return the call that a signed-in agent would get now if no queue were paused; None if there is none.

        An agent who is not available is taken as free. Nothing changes. O(classes). Raises `UnknownName`.
        """
        cdef uint32_t number = self._engine.would_take(self._agent(agent))
        return None if number == NONE else decode(self._engine.call(number).name)

    def would_get(self, call):
        """Return the agent whom a waiting call would get now if its queue were not paused; None if there is none.

        Nothing changes. O(classes). Raises `UnknownName`.
        """
        return agent_name(self._engine, self._engine.would_get(self._call(call)))

    # ---- the whole state ----

    def snapshot(self):
        """Return the whole state in its canonical form. O(state)."""
        return <bytes>self._engine.snapshot()

    def state_hash(self):
        """Return the SHA-256 of the snapshot in hex. O(state)."""
        return hashlib.sha256(self.snapshot()).hexdigest()

    def audit(self):
        """Check every invariant of the whole state. Raises `InvariantViolated`. O(state)."""
        self._engine.audit()

    def fork(self, *, names=True, resume_queues=False, offer_always=False, manual_wrap_up=False):
        """Return an engine to try things on, in the same state: it decides as this one would, which stays as it is.

        It knows nothing that is only remembered (finished calls, customers, requests, attributes, explanations),
        forgets at once what is finished, and of what was learned has only what weighs in its decisions. Without
        `names` the calls that it begins with have none: it is made faster, and cannot be restored from a snapshot.
        `resume_queues`: no queue is paused; its first command begins with what resuming them does. `offer_always`:
        automatic queues make offers like the others, which wait for 366 days. `manual_wrap_up`: after every call, until
        `EndWrapUp`, whatever the queue says.
        O(agents + live calls + queues), whatever is remembered.
        """
        cdef ForkTerms terms
        terms.names = flag_of(names, "names")
        terms.resume_queues = flag_of(resume_queues, "resume_queues")
        terms.offer_always = flag_of(offer_always, "offer_always")
        terms.manual_wrap_up = flag_of(manual_wrap_up, "manual_wrap_up")
        cdef Engine forked = Engine.__new__(Engine)
        forked._engine = move(self._engine.fork(terms).engine)
        return forked

    def copy(self):
        """Return an engine of its own in the same state, with all that is remembered. O(state)."""
        cdef Engine copied = Engine.__new__(Engine)
        copied._engine = self._engine
        return copied

    def rewind(self, start):
        """Become equal to `start`; O(agents + live calls + queues) where this is a copy of it that has run on."""
        if type(start) is not Engine:
            refuse("start", f"{shown(start)} is no engine", "the engine that this one was copied from is wanted")
        self._engine.rewind((<Engine>start)._engine)
        self._queue_names = None


def summary_of(view, obstacles, signed_in):
    state = vocabulary.CallState
    if view.state == state.OFFERED:
        return f"offered to {view.agent} as offer {view.offer}"
    if view.state == state.ASSIGNED:
        return f"with {view.agent}, detached" if view.detached else f"with {view.agent}"
    if view.state == state.COMPLETED:
        return f"completed by {view.agent}"
    if view.state != state.WAITING:
        return view.state.name.lower()
    place = f"number {view.position} in {view.queue}"
    if view.detached:
        return f"waiting as {place}, detached: nobody may take it until the system that holds it is back"
    if signed_in == 0:
        return f"waiting as {place}: no agent is signed in"
    reasons = ", ".join(f"{count} {obstacle.name.lower().replace('_', ' ')}" for obstacle, count in obstacles.items())
    return f"waiting as {place}; of {signed_in} signed-in agents: {reasons}"
