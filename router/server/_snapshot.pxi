# What a snapshot is made of, and the child of the process that writes it: see src_native/process/child.hpp.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.pycapsule cimport PyCapsule_GetPointer

from router.engine._part cimport PART, Part, part_capsule

cdef extern from *:
    """
    #include "process/child.hpp"
    #include "service/owned_writer.hpp"

    #include <system_error>

    static PyObject* child_failed;  // the Python class

    // As router_raise, and what the system refuses is an OSError.
    static void child_raise() {
        try {
            throw;
        } catch (const router::process::ChildFailed& error) {
            PyErr_SetString(child_failed, error.what());
        } catch (const std::system_error& error) {
            PyObject* said = Py_BuildValue("(is)", error.code().value(), error.what());
            if (said == nullptr) return;
            PyErr_SetObject(PyExc_OSError, said);
            Py_DECREF(said);
        } catch (...) {
            router_raise();
        }
    }

    static router::process::Part saving_engine(const router::Engine& engine) {
        return [&engine] { return engine.snapshot(); };
    }

    static router::process::Part saving_owned(const router::service::Holdings& agents,
                                              const router::service::Holdings& calls) {
        return [&agents, &calls] { return router::service::write_owned(agents, calls); };
    }
    """
    PyObject* child_failed
    void child_raise()
    Part saving_engine(const CppEngine&) except +
    Part saving_owned(const CppHoldings&, const CppHoldings&) except +

cdef extern from "process/child.hpp" namespace "router::process" nogil:
    cdef cppclass CppChild "router::process::Child":
        CppChild(const vector[Part]&) except +child_raise
        int pid()
        vector[string] read(double) except +child_raise
        void kill()


class ChildFailed(Exception):
    """A child has not written all that it should; the message says why."""


child_failed = <PyObject*>ChildFailed


cdef Part* part_of(object capsule) except NULL:
    return <Part*>PyCapsule_GetPointer(capsule, PART)


cdef bytes moved(string& content):
    """Return the bytes of a text, which may be large, and is empty afterwards."""
    cdef bytes made = PyBytes_FromStringAndSize(NULL, content.size())
    cdef char* to = PyBytes_AS_STRING(made)
    cdef string emptied
    with nogil:
        memcpy(to, content.data(), content.size())
        emptied.swap(content)
    return made


def engine_part(Engine engine not None):
    """Return the part of a snapshot that is the engine's."""
    return part_capsule(saving_engine(engine._engine), engine)


def owned_part(Holdings agents not None, Holdings calls not None):
    """Return the part that says what clients brought: the bytes of the field `owned` of the journal's ServiceState."""
    return part_capsule(saving_owned(agents._holdings.get()[0], calls._holdings.get()[0]), (agents, calls))


def write_parts(parts):
    """Return the bytes of each part, written here and now."""
    cdef list written = []
    cdef string content
    cdef Part* part
    for capsule in parts:
        part = part_of(capsule)
        with nogil:
            content = part.call()
        written.append(moved(content))
    return written


cdef class Child:
    """A child of this process that writes the parts of a snapshot, as they are now, while this process goes on.

    The thread that makes it must live until it is done. Let go, it is gone. Raises `OSError` where the system does not
    let it be made. gRPC must have been loaded without its own handling of forks.
    """

    cdef unique_ptr[CppChild] _child

    def __init__(self, parts):
        cdef vector[Part] wanted
        for capsule in parts:
            wanted.push_back(part_of(capsule)[0])
        self._child.reset(new CppChild(wanted))

    def __dealloc__(self):
        with nogil:
            self._child.reset()

    @property
    def pid(self):
        """Its process id."""
        return self._child.get().pid()

    def read(self, double timeout_s):
        """Return the bytes of each part, once, and let the child be gone; in any thread. Raises `ChildFailed`."""
        cdef vector[string] contents
        cdef size_t index
        with nogil:
            contents = self._child.get().read(timeout_s)
        return [moved(contents[index]) for index in range(contents.size())]

    def kill(self):
        """Let it end at once, whoever reads."""
        self._child.get().kill()
