# Parts of a snapshot (src_native/process/part.hpp), as capsules that go from one extension to another.
from libcpp.string cimport string

cdef extern from *:
    """
    #include "process/part.hpp"

    static void part_drop(PyObject* capsule) {
        delete static_cast<router::process::Part*>(PyCapsule_GetPointer(capsule, router::process::PART));
        Py_XDECREF(static_cast<PyObject*>(PyCapsule_GetContext(capsule)));
    }

    // `owner` has what the part reads, and stays as long as the part.
    static PyObject* part_capsule(router::process::Part part, PyObject* owner) {
        auto* kept = new router::process::Part(std::move(part));
        PyObject* capsule = PyCapsule_New(kept, router::process::PART, part_drop);
        if (capsule == nullptr) {
            delete kept;
        } else if (PyCapsule_SetContext(capsule, owner) == 0) {
            Py_INCREF(owner);
        }
        return capsule;
    }
    """
    cdef cppclass Part "router::process::Part":
        string call "operator()"() except + nogil
    const char* PART "router::process::PART"
    object part_capsule(Part, object) except +
