# Bytes and what src_native/wire/ reads of them.

cdef extern from "wire/command_reader.hpp" namespace "router::wire" nogil:
    cdef cppclass ReadCommand:
        Command command
        string_view request_id
        uint32_t field
        string_view part
        string_view whole


cdef inline string_view view_of(bytes content):
    return string_view(<const char*>content, len(content))


cdef inline bytes bytes_of(string_view view):
    return view.data()[:view.size()]
