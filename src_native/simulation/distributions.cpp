#include "distributions.hpp"

#include <limits>
#include <numeric>
#include <stdexcept>

namespace router::simulation {

namespace {

const double SQRT_3 = std::sqrt(3.0);

void check(bool condition, const char* problem) {
    if (!condition) throw std::invalid_argument(problem);
}

}  // namespace

Distribution::Distribution(const DistributionSpec& spec) : family_(spec.family), mean_us_(static_cast<double>(spec.mean_us)) {
    check(spec.mean_us >= 0 && spec.mean_us <= DURATION_US_MAX, "the mean of a distribution must be 0 to 366 days");
    check(spec.cv >= 0 && std::isfinite(spec.cv), "the cv of a distribution must be a number, 0 or more");
    double cv = spec.cv;
    switch (spec.family) {
        case Family::deterministic: cv = 0; break;
        case Family::exponential: cv = 1; break;
        case Family::gamma:
            spread_ = cv * cv;
            if (cv > 0) gamma_ = GammaShape(1 / spread_);
            break;
        case Family::lognormal: spread_ = std::sqrt(std::log1p(cv * cv)); break;
        case Family::uniform:
            check(cv * SQRT_3 <= 1 + 1e-9, "the cv of a uniform distribution must be at most 0.577 (1/√3)");
            spread_ = std::min(1.0, cv * SQRT_3);
            cv = spread_ / SQRT_3;
            break;
        case Family::empirical: {
            check(!spec.values_us.empty(), "an empirical distribution needs values");
            for (const TimeUs value_us : spec.values_us) {
                check(value_us >= 0 && value_us <= DURATION_US_MAX, "the values of a distribution must be 0 to 366 days");
            }
            values_us_ = std::make_shared<const std::vector<TimeUs>>(spec.values_us);
            const auto count = static_cast<double>(spec.values_us.size());
            mean_us_ = std::accumulate(spec.values_us.begin(), spec.values_us.end(), 0.0) / count;
            for (const TimeUs value_us : spec.values_us) {
                const double off_us = static_cast<double>(value_us) - mean_us_;
                variance_us2_ += off_us * off_us / count;
            }
            return;
        }
    }
    variance_us2_ = cv * mean_us_ * cv * mean_us_;
    // Nothing spreads: every draw is the mean.
    if (variance_us2_ <= 0) family_ = Family::deterministic;
}

TimeUs Distribution::draw_scaled(const Stream& stream, Draw draw, double factor) const {
    if (family_ == Family::empirical) {
        const TimeUs value_us = (*values_us_)[stream.below(draw, values_us_->size())];
        return to_duration_us(static_cast<double>(value_us) * factor);
    }
    return to_duration_us(mean_us_ * standard(stream, draw) * factor);
}

double Distribution::standard(const Stream& stream, Draw draw) const {
    switch (family_) {
        case Family::exponential: return stream.exponential(draw);
        case Family::gamma: return gamma_.draw(stream, draw) * spread_;
        case Family::lognormal: return std::exp(spread_ * (stream.normal(draw) - spread_ / 2));
        case Family::uniform: return 1 + spread_ * (2 * stream.uniform(draw) - 1);
        case Family::deterministic:
        case Family::empirical: break;
    }
    return 1;
}

TimeUs to_duration_us(double duration_us) {
    if (!(duration_us > 0)) return 0;
    if (duration_us >= static_cast<double>(DURATION_US_MAX)) return DURATION_US_MAX;
    return static_cast<TimeUs>(duration_us + 0.5);
}

}  // namespace router::simulation
