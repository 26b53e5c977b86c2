# What the bindings of other rooms share of the engine's: the class around the C++ engine, and conversions.
from libc.stdint cimport uint32_t
from libcpp.string cimport string

from router.engine._cpp cimport Command, CppEngine, RequirementSpec


cdef class Engine:
    cdef CppEngine _engine
    cdef list _queue_names  # by number, as far as events named them; numbers of queues stay theirs

    cdef list _events(self, object call=*)
    cdef uint32_t _call(self, object call) except? 0xFFFFFFFF
    cdef uint32_t _agent(self, object agent) except? 0xFFFFFFFF
    cdef uint32_t _queue(self, object queue) except? 0xFFFFFFFF
    cdef list _channels(self)


# Both raise InvalidCommand for what is malformed.
cdef Command command_of(object value) except *
cdef RequirementSpec requirement_of(object value, str field=*) except *
