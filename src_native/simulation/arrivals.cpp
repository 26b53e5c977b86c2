// The inversion of the cumulated rate, and renewals.
#include "arrivals.hpp"

#include <algorithm>
#include <cmath>

namespace router::simulation {

namespace {

constexpr double PER_SECOND = 1e-6;  // a rate per second, per microsecond

}  // namespace

ArrivalProcess::ArrivalProcess(const Callers& callers, std::uint64_t seed, std::uint64_t replication)
    : arrivals_(&callers.arrivals),
      exponentials_(Stream(seed, replication, Purpose::interval, callers.name)),
      intervals_(seed, replication, Purpose::interval, callers.name),
      day_factors_(seed, replication, Purpose::day_factor, callers.name) {
    const double cv = arrivals_->day_factor_cv;
    if (cv > 0) day_shape_ = GammaShape(1 / (cv * cv));
    if (cv == 0 && arrivals_->rates_per_s.size() == 1) constant_per_us_ = arrivals_->rates_per_s[0] * PER_SECOND;
}

TimeUs ArrivalProcess::next(TimeUs end_us) {
    if (arrivals_->kind == ArrivalKind::renewal) {
        renewal_us_ += arrivals_->interval.draw(intervals_, {number_++, 0});
        return renewal_us_ < end_us ? renewal_us_ : NEVER;
    }
    const double end = static_cast<double>(end_us);
    const double cumulated = exponentials_.exponential();
    if (constant_per_us_ > 0) {
        now_us_ += cumulated / constant_per_us_;
    } else if (!pass(cumulated, end)) {
        return NEVER;
    }
    if (!(now_us_ < end)) return NEVER;
    return std::min(static_cast<TimeUs>(now_us_), end_us - 1);
}

// Move on until the rate cumulated since is so much; false if that is not before the end.
bool ArrivalProcess::pass(double cumulated, double end_us) {
    const auto& rates = arrivals_->rates_per_s;
    const double period_us = rates.size() == 1 ? end_us + 1 : static_cast<double>(arrivals_->period_us);
    const bool by_day = arrivals_->day_factor_cv > 0;
    const double day_us = by_day ? static_cast<double>(arrivals_->day_us) : end_us + 1;
    while (now_us_ < end_us) {
        // Rounding at the very edge of a piece must not name the one that is over.
        double period = std::floor(now_us_ / period_us);
        if ((period + 1) * period_us <= now_us_) period += 1;
        double day = std::floor(now_us_ / day_us);
        if ((day + 1) * day_us <= now_us_) day += 1;
        const double until_us = std::min((period + 1) * period_us, (day + 1) * day_us);
        double rate = rates[static_cast<std::uint64_t>(period) % rates.size()] * PER_SECOND;
        if (by_day) rate *= day_factor(static_cast<std::uint64_t>(day));
        const double piece = rate * (until_us - now_us_);
        if (cumulated < piece) {
            now_us_ += cumulated / rate;
            return true;
        }
        cumulated -= piece;
        now_us_ = until_us;
    }
    return false;
}

double ArrivalProcess::day_factor(std::uint64_t day) {
    if (day != day_) {
        const double cv = arrivals_->day_factor_cv;
        factor_ = day_shape_.draw(day_factors_, {day, 0}) * cv * cv;
        day_ = day;
    }
    return factor_;
}

}  // namespace router::simulation
