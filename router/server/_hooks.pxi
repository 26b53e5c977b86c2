# What the native parts call: the clock of the lane, and who learns of each command.

cdef extern from "time.h" nogil:
    ctypedef struct timespec:
        int64_t tv_sec
        int64_t tv_nsec
    int CLOCK_MONOTONIC
    int clock_gettime(int, timespec*)

cdef extern from "service/hooks.hpp" namespace "router::service":
    cdef cppclass Hooks "router::service::Hooks":
        void* self
        int64_t (*now_ns)() noexcept
        void (*learn)(void*) noexcept


cdef int64_t monotonic_ns() noexcept:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1_000_000_000 + now.tv_nsec


cdef class Learning:
    """What learns from each command, and what is called where an error of it is handled."""

    cdef object _learn
    cdef object _not_learnt

    def __cinit__(self, learn, not_learnt):
        self._learn = learn
        self._not_learnt = not_learnt

    cdef Hooks hooks(self):
        """Which are good for as long as this is."""
        cdef Hooks hooks
        hooks.self = <void*>self
        hooks.now_ns = monotonic_ns
        hooks.learn = learn_from_command
        return hooks


cdef void learn_from_command(void* learning) noexcept:
    try:
        (<Learning>learning)._learn()
    except Exception:
        (<Learning>learning)._not_learnt()
