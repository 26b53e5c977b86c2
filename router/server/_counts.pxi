# What operators see of routing as numbers, counted natively; router/server/metrics/ makes readings of it.

cdef extern from "service/buckets.hpp" namespace "router::service" nogil:
    cdef struct Halves:
        int64_t high
        uint64_t low
    cdef cppclass CppBuckets "router::service::Buckets":
        const vector[uint64_t]& counts()
        Halves total()

cdef extern from "service/call_counts.hpp" namespace "router::service" nogil:
    const size_t WAIT_ENDS
    const size_t OFFER_OUTCOMES
    const size_t LIMIT_CAUSES
    cdef cppclass CppQueueCounts "router::service::QueueCounts":
        uint64_t enqueued
        uint64_t transferred
        uint64_t requeued
        uint64_t offers
        uint64_t level_calls
        uint64_t level_met
        uint64_t overflowed[2]
        uint64_t outcomes[4]
        CppBuckets waits[3]
        CppBuckets handle
        int64_t target_us[3]
    cdef cppclass CppCallCounts "router::service::CallCounts"(CppFollower):
        CppCallCounts(const CppEngine&, vector[int64_t], vector[int64_t]) except +router_raise
        const CppQueueCounts* queue(uint32_t)
        uint64_t overdue()
        uint64_t detached()

cdef extern from "service/agent_counts.hpp" namespace "router::service" nogil:
    const size_t AGENT_STATES
    cdef cppclass CppAgentCounts "router::service::AgentCounts"(CppFollower):
        CppAgentCounts(const CppEngine&) except +router_raise
        void count_to(int64_t)
        uint64_t agents(size_t)
        Halves time_us(size_t)
        uint64_t wrap_ups()

cdef extern from "service/command_counts.hpp" namespace "router::service" nogil:
    const size_t COMMAND_OUTCOMES
    const size_t COMMAND_KINDS
    const size_t REJECT_REASONS
    cdef cppclass CppCommandCounts "router::service::CommandCounts"(CppFollower):
        CppCommandCounts(vector[int64_t]) except +router_raise
        void repeated(uint8_t) except +router_raise
        void decided(int64_t)
        uint64_t commands(size_t, size_t)
        uint64_t rejections(size_t)
        const CppBuckets& durations()


cdef object sum_of(Halves halves):
    return (<object>halves.high << 64) + halves.low


cdef tuple bucket_counts(const CppBuckets& buckets):
    """The count of each bucket, and the sum of all values."""
    return tuple(buckets.counts()), sum_of(buckets.total())


cdef tuple queue_counts(const CppQueueCounts& counts):
    """In the order of `QueueCounts` in metrics/call_meter.py."""
    cdef size_t index
    return (
        counts.enqueued,
        counts.transferred,
        counts.requeued,
        counts.offers,
        counts.level_calls,
        counts.level_met,
        tuple([counts.overflowed[index] for index in range(LIMIT_CAUSES)]),
        tuple([counts.outcomes[index] for index in range(OFFER_OUTCOMES)]),
        tuple([bucket_counts(counts.waits[index]) for index in range(WAIT_ENDS)]),
        bucket_counts(counts.handle),
        tuple([counts.target_us[index] for index in range(3)]),
    )


cdef class CallCounts(Follower):
    """What becomes of calls and offers, by queue. Begins where the engine stands; bounds are whole microseconds."""

    cdef Engine _engine
    cdef unique_ptr[CppCallCounts] _counts

    def __cinit__(self, Engine engine not None, *, wait_bounds, handle_bounds):
        self._counts.reset(new CppCallCounts(engine._engine, wait_bounds, handle_bounds))
        self._engine = engine

    cdef CppFollower* native(self) except NULL:
        return self._counts.get()

    def queues(self):
        """Return each configured queue with what was counted of it: its name, and a tuple. O(queues)."""
        cdef list found = []
        cdef uint32_t queue
        cdef const CppQueueCounts* counts
        for queue in self._engine._engine.queues_by_name():
            counts = self._counts.get().queue(queue)
            if counts != NULL:
                found.append((self._engine._engine.queue(queue).settings.name.decode(), queue_counts(counts[0])))
        return found

    @property
    def overdue(self):
        """How many calls passed their queue's `max_overtake_wait`."""
        return self._counts.get().overdue()

    @property
    def detached(self):
        """How many calls are detached now."""
        return self._counts.get().detached()


cdef class AgentCounts(Follower):
    """What agents do. Begins where the engine stands, with all times at 0."""

    cdef unique_ptr[CppAgentCounts] _counts

    def __cinit__(self, Engine engine not None):
        self._counts.reset(new CppAgentCounts(engine._engine))

    cdef CppFollower* native(self) except NULL:
        return self._counts.get()

    def count_to(self, int64_t time_us):
        """Count the time until now; what happened before that comes too late to be told apart."""
        self._counts.get().count_to(time_us)

    @property
    def agents(self):
        """How many agents are idle, busy, not ready and signed out."""
        cdef size_t state
        return tuple([self._counts.get().agents(state) for state in range(AGENT_STATES)])

    @property
    def times_us(self):
        """How long agents were so, all added up."""
        cdef size_t state
        return tuple([sum_of(self._counts.get().time_us(state)) for state in range(AGENT_STATES)])

    @property
    def wrap_ups(self):
        """How many wrap-ups are under way."""
        return self._counts.get().wrap_ups()


cdef class CommandCounts(Follower):
    """What becomes of commands, and how long the engine takes for each. Bounds are whole nanoseconds."""

    cdef unique_ptr[CppCommandCounts] _counts

    def __cinit__(self, *, bounds):
        self._counts.reset(new CppCommandCounts(bounds))

    cdef CppFollower* native(self) except NULL:
        return self._counts.get()

    cdef CppCommandCounts* counts(self) except NULL:
        return self._counts.get()

    def repeated(self, uint8_t kind):
        """Count a command that was answered from memory, by its place among the kinds of command."""
        self._counts.get().repeated(kind)

    def decided(self, int64_t duration_ns):
        """Count the time that one command took inside the engine."""
        self._counts.get().decided(duration_ns)

    @property
    def commands(self):
        """Of each kind how many were done, rejected and repeated."""
        cdef size_t kind, outcome
        return tuple([
            tuple([self._counts.get().commands(kind, outcome) for outcome in range(COMMAND_OUTCOMES)])
            for kind in range(COMMAND_KINDS)
        ])

    @property
    def rejections(self):
        """How many were rejected for each reason, by its number; none for the first, which is none."""
        cdef size_t reason
        return tuple([self._counts.get().rejections(reason) for reason in range(REJECT_REASONS)])

    @property
    def durations(self):
        """The count of each bucket, and the sum of all durations."""
        return bucket_counts(self._counts.get().durations())
