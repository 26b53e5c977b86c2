# Who waits: see src_native/service/waiting.hpp.

cdef extern from "service/waiting.hpp" namespace "router::service" nogil:
    cdef enum class WaitingKind(uint8_t):
        nothing
        entered
        offered
        left
    cdef cppclass WaitingChange:
        WaitingKind kind
        uint32_t call
        string name
        uint32_t queue
        uint64_t sequence
        bool follows
        bool on_offer
    cdef cppclass CppWaiting "router::service::Waiting"(CppFollower):
        CppWaiting() except +router_raise
        void begin(const CppEngine&) except +router_raise
        bool take_news()
        size_t size()
        bool has_waiting()
        vector[WaitingChange] take() except +router_raise


cdef class Waiting(Follower):
    """Who waits or is on offer: what has changed since somebody last asked. Follows nothing before `begin`."""

    cdef Engine _engine
    cdef CppWaiting _waiting

    def __cinit__(self, Engine engine not None):
        self._engine = engine

    cdef CppFollower* native(self) except NULL:
        return &self._waiting

    def begin(self):
        """Follow from here on; everything so far is known. O(calls that the engine knows)."""
        self._waiting.begin(self._engine._engine)

    def take_news(self):
        """Return whether anything has changed since this was last asked, though it may have changed back."""
        return self._waiting.take_news()

    def __len__(self):
        """Return how many changes there are to take."""
        return self._waiting.size()

    @property
    def has_waiting(self):
        """Whether something of that is a call that waits now, and is not on offer."""
        return self._waiting.has_waiting()

    def take(self):
        """Return what has changed since this was last asked, the outcome and not the way to it.

        One tuple for each stay: what became of it ("entered", "offered" or "left"), the call, whether it is on offer now;
        of "entered" also its queue, the command with which it began, and whether it follows on the stay that was known
        without a gap; else "", 0 and True.
        """
        cdef vector[WaitingChange] changes = self._waiting.take()
        cdef size_t index
        return [self._change(changes[index]) for index in range(changes.size())]

    cdef tuple _change(self, const WaitingChange& change):
        cdef const CppEngine* engine = &self._engine._engine
        if change.kind == WaitingKind.left:
            return "left", change.name.decode(), False, "", 0, True
        call = engine.call(change.call).name.decode()
        if change.kind == WaitingKind.offered:
            return "offered", call, change.on_offer, "", 0, True
        queue = engine.queue(change.queue).settings.name.decode()
        return "entered", call, change.on_offer, queue, change.sequence, change.follows
