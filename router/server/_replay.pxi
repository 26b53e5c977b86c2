# Journalled commands through the engine again: see src_native/service/replay.hpp.

cdef extern from "service/replay.hpp" namespace "router::service" nogil:
    cdef cppclass CppReplay "router::service::Replay":
        CppReplay(CppEngine&, CppFollowers&, const Hooks&)
        bool read(string_view) except +router_raise
        size_t size()
        string_view entry(size_t)
        size_t next
        void run(size_t) except +router_raise


cdef class Replay:
    """Carries out journalled commands again, and tells all who follow, as `Lane` does."""

    cdef bytes _content
    cdef Engine _engine
    cdef Followers _followers
    cdef Learning _learning
    cdef unique_ptr[CppReplay] _native

    def __cinit__(self, Engine engine not None, Followers followers not None, learn, not_learnt):
        self._engine = engine
        self._followers = followers
        self._learning = Learning(learn, not_learnt)
        self._native.reset(new CppReplay(engine._engine, followers._native, self._learning.hooks()))

    def read(self, bytes content not None):
        """Take up the bytes of a `Record`; return whether they are in the plain form. Without entries if not."""
        self._content = content
        return self._native.get().read(view_of(content))

    def __len__(self):
        return self._native.get().size()

    @property
    def next(self):
        """Which entry is at hand: those before it are done."""
        return self._native.get().next

    @property
    def entry(self):
        """The bytes of the `Entry` at hand."""
        if self._native.get().next >= self._native.get().size():
            raise IndexError("all entries are done")
        return bytes_of(self._native.get().entry(self._native.get().next))

    def skip(self, size_t count):
        """Step over entries from the one at hand on: they are done."""
        if count > self._native.get().size() - self._native.get().next:
            raise IndexError("there are not as many entries")
        self._native.get().next += count

    def run(self, size_t end):
        """Carry out entries from the one at hand on, up to number `end`, until one is Python's turn.

        Of that one nothing was done. Raises what means that the engine must not go on.
        """
        if end > self._native.get().size():
            raise IndexError("there are not as many entries")
        try:
            self._native.get().run(end)
        finally:
            self._followers.report()
