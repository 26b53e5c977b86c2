// What one run found, as numbers. router/simulation/results.py says what each of them means.
#pragma once

#include <cstdint>
#include <vector>

#include "base.hpp"

namespace router::simulation {

struct CallFigures {
    std::int64_t offered = 0;
    std::int64_t answered = 0;
    std::int64_t abandoned = 0;
    std::int64_t blocked = 0;
    std::int64_t refused = 0;
    std::int64_t unfinished = 0;
    std::int64_t delayed = 0;
    std::int64_t answered_in_target = 0;
    Wide wait_all_sum_us = 0;
    Wide wait_served_sum_us = 0;
    std::vector<double> wait_all_percentiles_us;     // the 1st to the 99th, or empty
    std::vector<double> wait_served_percentiles_us;  // likewise
    Wide talk_sum_us = 0;
    std::int64_t redials = 0;
    std::int64_t resolved = 0;
    std::int64_t unresolved = 0;
    std::int64_t first_calls = 0;
    std::int64_t first_resolved = 0;
    std::int64_t satisfactions = 0;
    double satisfaction_sum = 0;
    std::int64_t slips = 0;
    std::int64_t skips = 0;
    std::int64_t overtaken = 0;
    std::int64_t kin_slips = 0;
    std::int64_t kin_skips = 0;
};

struct QueueFigures {
    CallFigures calls;
    Wide length_integral_us = 0;
    std::int64_t length_max = 0;
};

struct AgentFigures {
    TimeUs present_us = 0;
    TimeUs ready_us = 0;
    TimeUs offered_us = 0;
    TimeUs talk_us = 0;
    TimeUs wrap_up_us = 0;
    TimeUs busy_us = 0;
    std::int64_t answered = 0;
    std::int64_t rejected = 0;
    std::int64_t not_answered = 0;
};

struct Balance {
    std::int64_t waiting_at_start = 0;
    std::int64_t entered = 0;
    std::int64_t left = 0;
    std::int64_t waiting_at_end = 0;
    Wide length_integral_us = 0;
    Wide waited_us = 0;
};

struct Discrimination {
    std::int64_t calls = 0;
    double sum_s = 0;
    double square_sum_s2 = 0;
    std::int64_t busy_periods = 0;
    double residue_s = 0;
};

// Each by slice, the tables by queue or group first.
struct Series {
    TimeUs slice_us = 0;
    std::vector<std::int64_t> offered;
    std::vector<std::vector<double>> waiting;
    std::vector<std::vector<double>> present;
    std::vector<std::vector<double>> busy;
    std::vector<double> wait_mean_us;  // below 0: nobody arrived
};

// The two halves of a wide sum, for those who know 64 bits only: high · 2^64 + low.
inline std::int64_t high_of(Wide value) { return static_cast<std::int64_t>(value >> 64); }
inline std::uint64_t low_of(Wide value) { return static_cast<std::uint64_t>(value); }

}  // namespace router::simulation
