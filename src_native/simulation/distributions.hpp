// Distributions of durations, ready to draw from. See Distribution in router/simulation/scenario/model.py.
#pragma once

#include <memory>
#include <vector>

#include "base.hpp"
#include "random.hpp"

namespace router::simulation {

// The numbers of `Family` in router/simulation/scenario/model.py; a test compares the two.
enum class Family : std::uint8_t { deterministic, exponential, gamma, lognormal, uniform, empirical };

// As a scenario says it.
struct DistributionSpec {
    Family family = Family::deterministic;
    TimeUs mean_us = 0;
    double cv = 0;
    std::vector<TimeUs> values_us;  // empirical only, not empty
};

// A draw is a factor that depends on the shape alone times the mean: whoever gets another mean, or another factor,
// gets the same draw in proportion. Cheap to copy.
class Distribution {
public:
    Distribution() = default;  // 0, always
    // Throws std::invalid_argument if the spec makes no sense: negative, not finite, or an empirical one without values.
    explicit Distribution(const DistributionSpec& spec);

    // Whole microseconds, 0 … DURATION_US_MAX: rounded to the nearest, cut off there.
    TimeUs draw(const Stream& stream, Draw draw) const { return draw_scaled(stream, draw, 1.0); }
    // The same times a factor ≥ 0, rounded once.
    TimeUs draw_scaled(const Stream& stream, Draw draw, double factor) const;

    // Of the exact distribution, before rounding and cutting off.
    double mean_us() const { return mean_us_; }
    double variance_us2() const { return variance_us2_; }
    // Whether every draw is the same.
    bool is_constant() const { return family_ == Family::deterministic; }

private:
    double standard(const Stream& stream, Draw draw) const;

    Family family_ = Family::deterministic;
    double mean_us_ = 0;
    double variance_us2_ = 0;
    double spread_ = 0;  // uniform: half the width over the mean; lognormal: standard deviation of the logarithm; gamma: scale
    GammaShape gamma_;
    std::shared_ptr<const std::vector<TimeUs>> values_us_;
};

// Rounded to the nearest, within 0 … DURATION_US_MAX.
TimeUs to_duration_us(double duration_us);

}  // namespace router::simulation
