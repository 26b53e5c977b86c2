# Who brought what, and who waits: see src_native/service/holdings.hpp and waiting.hpp.

cdef extern from "service/holdings.hpp" namespace "router::service" nogil:
    cdef cppclass CppHoldings "router::service::Holdings"(CppFollower):
        void give(string_view, string_view) except +router_raise
        void drop(string_view) except +router_raise
        void clear()
        size_t size()
        string_view owner(string_view) except +router_raise
        vector[string_view] owned_by "of"(string_view) except +router_raise
        vector[string_view] clients() except +router_raise
    cdef cppclass CppAgentHoldings "router::service::AgentHoldings"(CppHoldings):
        CppAgentHoldings() except +router_raise
    cdef cppclass CppCallHoldings "router::service::CallHoldings"(CppHoldings):
        CppCallHoldings() except +router_raise

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


cdef inline str text_of(string_view text):
    return text.data()[:text.size()].decode()


cdef tuple texts_of(const vector[string_view]& texts):
    cdef size_t index
    return tuple([text_of(texts[index]) for index in range(texts.size())])


cdef inline string_view name_view(bytes text):
    return string_view(<const char*>text, len(text))


cdef class Holdings(Follower):
    """Names of one kind, each with at most one owner. Every operation is O(1) but `of` and `clients`."""

    cdef unique_ptr[CppHoldings] _holdings

    def __cinit__(self):
        if type(self) is Holdings:
            raise TypeError("holdings are of agents or of calls")

    cdef CppFollower* native(self) except NULL:
        return self._holdings.get()

    def __len__(self):
        return self._holdings.get().size()

    def owner(self, str name not None):
        """Return the client that brought it; empty if nobody did who said a client id."""
        cdef bytes named = name.encode()
        return text_of(self._holdings.get().owner(name_view(named)))

    def of(self, str client_id not None):
        """Return what a client brought and still has, in the order in which it came."""
        cdef bytes client = client_id.encode()
        return texts_of(self._holdings.get().owned_by(name_view(client)))

    def clients(self):
        """Return the clients that have something."""
        return set(texts_of(self._holdings.get().clients()))

    def give(self, str name not None, str client_id not None):
        """Give it to a client, to nobody if the client id is empty."""
        cdef bytes named = name.encode()
        cdef bytes client = client_id.encode()
        self._holdings.get().give(name_view(named), name_view(client))

    def drop(self, str name not None):
        """It is over."""
        cdef bytes named = name.encode()
        self._holdings.get().drop(name_view(named))

    def clear(self):
        """Forget everything."""
        self._holdings.get().clear()


cdef class AgentHoldings(Holdings):
    """Agents belong to the client that signed them in last, until they are signed out."""

    def __cinit__(self):
        self._holdings.reset(new CppAgentHoldings())


cdef class CallHoldings(Holdings):
    """Calls belong to the client that enqueued them, until they end."""

    def __cinit__(self):
        self._holdings.reset(new CppCallHoldings())


cdef class Waiting(Follower):
    """Who waits or is on offer: what has changed since somebody last asked. Follows nothing before `begin`."""

    cdef Engine _engine
    cdef CppWaiting _waiting

    def __init__(self, Engine engine not None):
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
