# The history of events that watchers read, and the filters that they read it with.

cdef extern from "service/event_filter.hpp" namespace "router::service" nogil:
    cdef cppclass CppEventFilter "router::service::EventFilter":
        CppEventFilter(const CppEngine&, const Names&, const Names&, const Names&, uint64_t) except +router_raise

cdef extern from "service/history.hpp" namespace "router::service" nogil:
    cdef cppclass Taken "router::service::Taken":
        string response
        size_t passed
        uint64_t following
        uint64_t sequence
    cdef cppclass CppHistory "router::service::History"(CppFollower):
        CppHistory(const CppEngine&, size_t) except +router_raise
        void publish(uint64_t) except +router_raise
        uint64_t first()
        uint64_t end()
        uint64_t sequence()
        int64_t time_us()
        uint64_t forgotten_sequence()
        uint64_t number_after(uint64_t)
        Taken take(uint64_t, CppEventFilter&, size_t, uint64_t) except +router_raise


cdef Names names_of(object given) except *:
    cdef Names names
    for name in given:
        names.push_back((<str?>name).encode())
    return names


cdef class EventFilter:
    """Which events a watcher of a history wants; an empty collection sets no condition.

    A kind is given by its place among the kinds of event.
    """

    cdef unique_ptr[CppEventFilter] _filter
    cdef Engine _engine

    def __cinit__(self, History history not None, *, queues=(), agents=(), calls=(), kinds=()):
        cdef uint64_t bits = 0
        cdef int kind
        for kind in kinds:
            if not 0 <= kind <= <int>EventKind.restarted:
                raise ValueError(f"{kind} is no kind of event")
            bits |= <uint64_t>1 << kind
        self._engine = history._engine
        self._filter.reset(
            new CppEventFilter(self._engine._engine, names_of(queues), names_of(agents), names_of(calls), bits)
        )


cdef class History(Follower):
    """The last `events_max` published events or, until there are as many, all since it was made."""

    cdef unique_ptr[CppHistory] _history
    cdef Engine _engine

    def __cinit__(self, Engine engine not None, int events_max):
        if events_max < 1:
            raise ValueError(f"events_max is {events_max}; at least 1 is wanted")
        self._engine = engine
        self._history.reset(new CppHistory(engine._engine, events_max))

    cdef CppFollower* native(self) except NULL:
        return <CppFollower*>self._history.get()

    def publish(self, uint64_t sequence):
        """Show what was observed up to a sequence."""
        self._history.get().publish(sequence)

    @property
    def first(self):
        """The number of the oldest event that is here; events are numbered from 0 for as long as the server runs."""
        return self._history.get().first()

    @property
    def end(self):
        """The number that the next event will get when it is published."""
        return self._history.get().end()

    @property
    def sequence(self):
        """The last sequence that is published, with events or without."""
        return self._history.get().sequence()

    @property
    def time_us(self):
        """The engine time of that sequence."""
        return self._history.get().time_us()

    @property
    def forgotten_sequence(self):
        """The last sequence whose events are not, or not all, here."""
        return self._history.get().forgotten_sequence()

    def number_after(self, uint64_t sequence):
        """Return the number of the first event after a sequence that is not forgotten."""
        return self._history.get().number_after(sequence)

    def take(self, uint64_t start, EventFilter wanted not None, size_t events_max, uint64_t sequence_min):
        """Return what passes among the next events from number `start` on, up to the end of a command where possible.

        That is: the bytes of a WatchResponse, how many events it has, the number to go on with, and the sequence in the
        header, which is at least `sequence_min`.
        """
        cdef Taken taken = self._history.get().take(start, wanted._filter.get()[0], events_max, sequence_min)
        return <bytes>taken.response, taken.passed, taken.following, taken.sequence
