// A wait estimate: how long a call will still wait, from the moment of the estimate.
#pragma once

#include <array>
#include <cstdint>

#include "base.hpp"

namespace router::wait {

// Numbers as in router/wait/estimate.py and protos/router/v1/results.proto.
enum class Method : std::uint8_t {
    none = 1,       // too early to say, or nobody can tell: nobody there, paused, detached, over
    immediate = 2,  // offered to an agent, with one, or one may take it now
    qlm = 3,        // queue length, agents, handle time, patience
    les = 4,        // the last call that was served
    learned = 5,    // online regression on delay history and counts; no futures
    simulated = 6,  // futures
    corrected = 7,  // futures, then an online regression
};

struct Estimate {
    Method method = Method::none;
    double mean_s = -1;  // -1 and the rest unset with `none`; with `qlm` and `les` the quantiles may be -1
    double p10_s = -1, p50_s = -1, p80_s = -1, p90_s = -1;
    double low_s = -1, high_s = -1;  // the 80 % interval: the narrower one, not from p10 to p90
    std::int64_t position = 0;       // 0: does not wait
    std::uint32_t futures = 0;
    std::int64_t samples = 0;        // answered calls that were learnt from
    bool unanswered = false;         // with `none`: at least half of the futures came to no answer
};

}  // namespace router::wait
