// When callers of one kind call for the first time: each time follows from the one before.
#pragma once

#include "random.hpp"
#include "scenario.hpp"

namespace router::simulation {

// Poisson with rates by period and factors by day, exact: the cumulated rate is inverted piece by piece. Or renewal.
class ArrivalProcess {
public:
    ArrivalProcess(const Callers& callers, std::uint64_t seed, std::uint64_t replication);

    // Time of the next arrival, NEVER once it is at `end_us` or later. O(1) but for the periods and days passed.
    TimeUs next(TimeUs end_us);

private:
    bool pass(double cumulated, double end_us);
    double day_factor(std::uint64_t day);

    const Arrivals* arrivals_;
    Sequence exponentials_;
    Stream intervals_;
    Stream day_factors_;
    GammaShape day_shape_;
    std::uint64_t number_ = 0;
    double now_us_ = 0;           // not rounded
    double constant_per_us_ = 0;  // the rate where there is but one, else 0
    std::uint64_t day_ = ~std::uint64_t{0};
    double factor_ = 1;
    TimeUs renewal_us_ = 0;
};

}  // namespace router::simulation
