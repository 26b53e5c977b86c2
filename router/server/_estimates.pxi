# Wait estimates as bytes.

from libc.string cimport memcpy
from libcpp.utility cimport pair

cdef extern from "wire/estimate_writer.hpp" namespace "router::wire" nogil:
    cdef cppclass Estimate:
        uint32_t method
        optional[int64_t] mean_us
        optional[int64_t] position
        int64_t samples
        optional[int64_t] p10_us
        optional[int64_t] p50_us
        optional[int64_t] p80_us
        optional[int64_t] p90_us
        optional[pair[int64_t, int64_t]] interval_us
        vector[pair[int64_t, uint64_t]] answered_within
        int64_t futures
        bool callback_offered
    void write_estimate(string&, const Estimate&) except +


cdef inline int set_time(optional[int64_t]& time_us, object value) except -1:
    if value is not None:
        time_us = <int64_t>value
    return 0


def estimate_bytes(estimate, uint32_t method, bint callback_offered):
    """Return the bytes of a `WaitEstimate` with the number of its method: those of `encode_wait_estimate`."""
    cdef Estimate wire
    cdef string out
    cdef pair[int64_t, int64_t] interval
    cdef pair[int64_t, uint64_t] chance
    cdef double value
    wire.method = method
    set_time(wire.mean_us, estimate.mean_us)
    set_time(wire.position, estimate.position)
    wire.samples = estimate.samples
    set_time(wire.p10_us, estimate.p10_us)
    set_time(wire.p50_us, estimate.p50_us)
    set_time(wire.p80_us, estimate.p80_us)
    set_time(wire.p90_us, estimate.p90_us)
    if estimate.interval_us is not None:
        interval.first, interval.second = estimate.interval_us
        wire.interval_us = interval
    for within_us, probability in estimate.answered_within:
        chance.first, value = within_us, probability
        memcpy(&chance.second, &value, sizeof(value))
        wire.answered_within.push_back(chance)
    wire.futures = estimate.futures
    wire.callback_offered = callback_offered
    write_estimate(out, wire)
    return <bytes>out
