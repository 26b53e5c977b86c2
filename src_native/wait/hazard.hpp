// Hazards by age, learnt from what ended and from what only lasted: ends divided by exposure, in bins of age.
//
// Exposure is the time spent at an age by all who could have ended then, whatever became of them: so those of whom one only
// knows that they lasted so long (an answered caller's patience) are counted rightly. Maximum likelihood for a hazard that is
// constant within each bin.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "engine.hpp"
#include "lifetime.hpp"

namespace router::wait {

inline constexpr std::size_t AGES = 30;
// Seconds from which each bin is; the last one has no end.
inline constexpr std::array<double, AGES> AGE_S{0,  1,  2,  3,  4,   5,   6,   7,   8,   9,   10,  12,   15,   20,   30,
                                                45, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1200, 1800, 3600, 7200, 14400};
using Rates = std::array<double, AGES>;  // 1/s

Lifetime lifetime_of(const Rates& rates);

class HazardCounts {
public:
    void add_exposure(TimeUs from_age_us, TimeUs to_age_us);
    // Something ended at this age: the moment before is what counts, so that whole seconds fall where they were lived.
    void add_end(TimeUs age_us);
    // Old experience counts less.
    void fade(double by);

    double ends() const;
    double exposure_s() const;
    // What `rates` would have led one to expect of this exposure.
    double expected_ends(const Rates& rates) const;
    // Pulled to a prior that counts like so many seconds in each bin.
    Rates rates(const Rates& prior, double prior_exposure_s) const;
    // Pulled to the bin before, the first one to the mean over all ages, that to `mean_prior` over `prior_exposure_s`.
    Rates smooth_rates(double mean_prior, double prior_exposure_s) const;
    // Of a part of those whom `pool` is about: the pool's, times this part's own level, as far as it has not shown its own shape.
    Rates rates_within(const Rates& pool) const;

    template <class Archive>
    void archive(Archive& archive);

private:
    // Whole microseconds (but for fading) in doubles: adding them up is exact, so no order of adding can matter.
    std::array<double, AGES> ends_{};
    std::array<double, AGES> exposure_us_{};
};

// The hazard of all, and of each queue within it; rates of the whole are made anew only now and then, when a tenth more is known.
class PooledHazard {
public:
    explicit PooledHazard(double mean_prior, double prior_exposure_s)
        : mean_prior_(mean_prior), prior_exposure_s_(prior_exposure_s) { refresh(); }

    void add_exposure(QueueId queue, TimeUs from_age_us, TimeUs to_age_us);
    void add_end(QueueId queue, TimeUs age_us);
    void fade(double by);
    // Forget queues that are no longer configured.
    void keep_configured(const Engine& engine);
    // Endless if nothing has ever ended and nothing says that it would.
    const Lifetime& lifetime(QueueId queue) const;
    double ends(QueueId queue) const;
    double exposure_s(QueueId queue) const;

    template <class Archive>
    void archive_pool(Archive& archive);
    // Of a queue, made if need be; nullptr when writing one of which nothing is known.
    HazardCounts* counts(QueueId queue, bool make);

private:
    struct OfQueue {
        std::unique_ptr<HazardCounts> counts;
        mutable std::optional<Lifetime> lifetime;  // made when asked for
    };
    void refresh();
    void refresh_if_grown();
    OfQueue& of(QueueId queue);

    double mean_prior_;
    double prior_exposure_s_;
    HazardCounts pool_;
    std::vector<OfQueue> queues_;
    Rates pool_rates_{};
    Lifetime pool_lifetime_;
    double refreshed_ends_ = 0;  // of the pool when its rates were made
    double refreshed_exposure_s_ = 0;
};

}  // namespace router::wait
