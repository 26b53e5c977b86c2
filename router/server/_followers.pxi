# What follows the engine natively, and all of it together.

cdef extern from "service/followers.hpp" namespace "router::service" nogil:
    cdef cppclass CppFollower "router::service::Follower":
        void observe(const CppDone&) except +router_raise
    cdef cppclass CppDone "router::service::Done":
        CppDone(const CppEngine&, string_view, uint8_t)
    cdef cppclass CppFault "router::service::Followers::Fault":
        size_t follower
        string what
    cdef cppclass CppFollowers "router::service::Followers":
        void add(CppFollower*, bool)
        void tell(const CppDone&) except +router_raise
        bool has_fault()
        optional[CppFault] take_fault()


cdef class Follower:
    """Told of each command, once and in order, right after the engine has carried it out."""

    cdef CppFollower* native(self) except NULL:
        raise NotImplementedError


cdef class Followers:
    """All that follow one engine, in the order in which they are told.

    What goes wrong with one is logged once and harms nobody, unless it is vital: then whoever tells it must not go on.
    """

    cdef Engine _engine
    cdef list _followers
    cdef CppFollowers _native

    def __cinit__(self, Engine engine not None, followers=()):
        self._engine = engine
        self._followers = []
        for follower in followers:
            self.append(follower)

    def append(self, Follower follower not None, *, bint vital=False):
        """Let one more follow, from the next command on."""
        self._native.add(follower.native(), vital)
        self._followers.append(follower)

    def observe(self, str client_id not None, int kind):
        """Tell them of the engine's last command: who sent it, and its place among the kinds of command."""
        cdef bytes client = client_id.encode()
        cdef CppDone* done = new CppDone(self._engine._engine, view_of(client), kind)
        try:
            self._native.tell(done[0])
        finally:
            del done
        self.report()

    cdef int report(self) except -1:
        """Log what has gone wrong since this was last called."""
        cdef optional[CppFault] fault
        while self._native.has_fault():
            fault = self._native.take_fault()
            name = type(self._followers[fault.value().follower]).__name__
            logger.error("%s failed; routing goes on: %s", name, fault.value().what.decode("utf-8", "replace"))
        return 0
