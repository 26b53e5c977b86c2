# Who brought what: see src_native/service/holdings.hpp.

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


cdef tuple texts_of(const vector[string_view]& texts):
    cdef size_t index
    return tuple([bytes_of(texts[index]).decode() for index in range(texts.size())])


cdef class Holdings(Follower):
    """Names of one kind, each with at most one owner. Every operation is O(1) but `of` and `clients`."""

    cdef unique_ptr[CppHoldings] _holdings

    def __cinit__(self):
        if not isinstance(self, (AgentHoldings, CallHoldings)):
            raise TypeError("holdings are of agents or of calls")

    cdef CppFollower* native(self) except NULL:
        return self._holdings.get()

    def __len__(self):
        return self._holdings.get().size()

    def owner(self, str name not None):
        """Return the client that brought it; empty if nobody did who said a client id."""
        cdef bytes named = name.encode()
        return bytes_of(self._holdings.get().owner(view_of(named))).decode()

    def of(self, str client_id not None):
        """Return what a client brought and still has, in the order in which it came."""
        cdef bytes client = client_id.encode()
        return texts_of(self._holdings.get().owned_by(view_of(client)))

    def clients(self):
        """Return the clients that have something."""
        return set(texts_of(self._holdings.get().clients()))

    def give(self, str name not None, str client_id not None):
        """Give it to a client, to nobody if the client id is empty."""
        cdef bytes named = name.encode()
        cdef bytes client = client_id.encode()
        self._holdings.get().give(view_of(named), view_of(client))

    def drop(self, str name not None):
        """It is over."""
        cdef bytes named = name.encode()
        self._holdings.get().drop(view_of(named))

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
