// Wait estimates as bytes: what router/wire/results.py makes of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace router::wire {

// router.v1.WaitEstimate; all times are microseconds. `method` is the number of a WaitEstimateMethod.
struct Estimate {
    std::uint32_t method = 0;
    std::optional<std::int64_t> mean_us;
    std::optional<std::int64_t> position;
    std::int64_t samples = 0;
    std::optional<std::int64_t> p10_us, p50_us, p80_us, p90_us;
    std::optional<std::pair<std::int64_t, std::int64_t>> interval_us;
    std::vector<std::pair<std::int64_t, std::uint64_t>> answered_within;  // times, and the bits of a chance
    std::int64_t futures = 0;
    bool callback_offered = false;
};

void write_estimate(std::string& out, const Estimate& estimate);

}  // namespace router::wire
