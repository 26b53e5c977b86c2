# cython: language_level=3
"""The compiled wait prediction: src_native/wait/ behind typed Python estimates and assumptions."""

from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libcpp cimport bool
from libcpp.memory cimport make_shared, make_unique, shared_ptr, unique_ptr
from libcpp.optional cimport optional
from libcpp.pair cimport pair
from libcpp.string cimport string
from libcpp.utility cimport move
from libcpp.vector cimport vector

import math
from collections.abc import Mapping

import msgspec
import numpy as np

from router.engine import commands, errors, vocabulary
from router.wait import estimate as estimates
from router.wait.time_zones import utc_offsets

from router.engine._cpp cimport *
from router.engine._native cimport Engine, command_of, requirement_of
from router.wait._correction cimport *
from router.wait._learner cimport *

# Declared once for each extension: see _cpp.pxd.
router_error_classes[0] = <PyObject*>errors.TimeWentBackwards
router_error_classes[1] = <PyObject*>errors.RequestIdReused
router_error_classes[2] = <PyObject*>errors.CorruptSnapshot
router_error_classes[3] = <PyObject*>errors.InvariantViolated

cdef extern from *:
    """
    #include <stdexcept>

    // As router_raise, and what was wrong with the numbers given is a ValueError.
    static void wait_raise() {
        try {
            throw;
        } catch (const router::TimeWentBackwards&) {
            router_raise();
        } catch (const router::RequestIdReused&) {
            router_raise();
        } catch (const std::invalid_argument& error) {
            PyErr_SetString(PyExc_ValueError, error.what());
        } catch (...) {
            router_raise();
        }
    }

    static router::Enqueue enqueue_in(const router::Command& command) { return std::get<router::Enqueue>(command); }
    """
    void wait_raise()
    Enqueue enqueue_in(const Command&)


# What a set says of each target, in short: made where it is run.
cdef extern from "wait/predictor.hpp" namespace "router::wait" nogil:
    cdef cppclass CppTargetSummary "router::wait::TargetSummary":
        pass
    vector[CppTargetSummary] summarise_targets(const CppFutureSet&) except +wait_raise


cdef int64_t moment_of(object value, str field) except -1:
    if type(value) is not int or not 0 <= value <= TIME_US_MAX_NATIVE:
        raise errors.InvalidCommand(field, f"{value!r} is no moment", f"0 to {TIME_US_MAX_NATIVE} microseconds is wanted")
    return value


include "_futures.pxi"
include "_learner.pxi"
include "_correction.pxi"
include "_predictor.pxi"
