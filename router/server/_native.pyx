# cython: language_level=3
"""The compiled part of the server: what it does for each command, so that no Python object is made on the way.

src_native/wire/ reads commands and writes answers, events and journal entries as bytes; src_native/service/ follows the
engine; src_native/process/ has a child write what a snapshot is made of. The engine is told what to do in `_lane.pxi` only.
"""

from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libcpp cimport bool
from libcpp.memory cimport make_unique, unique_ptr
from libcpp.optional cimport optional
from libcpp.string cimport string
from libcpp.utility cimport move
from libcpp.vector cimport vector

import logging

from router.engine import errors

from router.engine._cpp cimport *
from router.engine._native cimport Engine

# Declared once for each extension: see _cpp.pxd.
router_error_classes[0] = <PyObject*>errors.TimeWentBackwards
router_error_classes[1] = <PyObject*>errors.RequestIdReused
router_error_classes[2] = <PyObject*>errors.CorruptSnapshot
router_error_classes[3] = <PyObject*>errors.InvariantViolated

logger = logging.getLogger(__name__)

include "_codec.pxi"
include "_followers.pxi"
include "_history.pxi"
include "_counts.pxi"
include "_holdings.pxi"
include "_waiting.pxi"
include "_estimates.pxi"
include "_hooks.pxi"
include "_lane.pxi"
include "_snapshot.pxi"
include "_replay.pxi"
include "_for_tests.pxi"
