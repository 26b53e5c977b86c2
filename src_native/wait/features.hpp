// What a correction looks at when a wait is estimated: what the futures say or, without them, the delays of late; the hour, the
// queue, and by how much estimates of late were off.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "correction.hpp"
#include "delay_history.hpp"

namespace router::wait {

inline constexpr std::size_t HOUR_FEATURES = 12;  // triangles over the local day, equally far apart
inline constexpr std::size_t QUEUE_SLOTS = 8;
inline constexpr std::int64_t SLOT_ANSWERS = 500;  // answered calls after which a queue gets a slot of its own
inline constexpr std::array<double, 2> RESIDUAL_TIMES_S{600, 2'400};
inline constexpr double HOURS_APART = 24.0 / HOUR_FEATURES;
inline constexpr std::size_t HOURS_AT = 14;
inline constexpr std::size_t SLOTS_AT = HOURS_AT + HOUR_FEATURES;
inline constexpr std::size_t RESIDUALS_AT = SLOTS_AT + QUEUE_SLOTS;
inline constexpr std::size_t FEATURES = RESIDUALS_AT + 2 * RESIDUAL_TIMES_S.size();

struct Features {
    std::array<double, FEATURES> x{};
    Base base;
};

// Of a set's waits for one target, weighted by the chance to be still there.
struct FutureSummary {
    double mean_s = 0;
    double sd_s = 0;
    std::array<double, LEVELS> quantile_s{};
};

// Waits are taken for `least_s` at least and `most_s` at most. At least one; weights >= 0 (all 0: as if they were 1).
FutureSummary summarise(std::span<const float> waits_s, std::span<const float> weights, double least_s = 0,
                        double most_s = WAIT_MAX_S);
// As a base wants it: no wait shorter than those that are learnt from, and no share of futures that were not served at all
// beyond measure.
FutureSummary summarise_for_base(std::span<const float> waits_s, std::span<const float> weights);

// By how much estimates of late were off: weighted means of log(wait / base), by how long ago, over all queues and by queue.
class Residuals {
public:
    void learn(QueueId queue, TimeUs now_us, double mean_s, double wait_s);
    // Over all at RESIDUAL_TIMES_S, then of the queue.
    std::array<double, 2 * RESIDUAL_TIMES_S.size()> at(QueueId queue, TimeUs now_us) const;
    void forget(QueueId queue);
    void forget_day();

private:
    friend class FeatureMaker;
    struct Tracker {
        TimeUs at_us = 0;
        std::array<double, RESIDUAL_TIMES_S.size()> sum{};
        std::array<double, RESIDUAL_TIMES_S.size()> weight{};
    };
    template <class Archive, class Self>
    static void describe(Archive& archive, Self& self);
    static void fade(Tracker& tracker, TimeUs now_us);

    Tracker all_;
    std::vector<Tracker> queues_;  // by number
};

// Makes features and learns what they need. One for estimates with futures, another for those without: their bases differ.
class FeatureMaker {
public:
    Features with_futures(const FutureSummary& futures, const DelayFigures& delays, QueueId queue, std::int32_t second_of_day,
                          TimeUs now_us) const;
    // `line_s`: what the line and the speed of service say (QLm); negative: nothing.
    Features without_futures(double line_s, const DelayFigures& delays, QueueId queue, std::int32_t second_of_day,
                             TimeUs now_us) const;

    // A call that was estimated so was answered.
    void learn(QueueId queue, TimeUs now_us, const Base& base, double wait_s);
    // Forget queues that are no longer configured; returns the features that mean nothing now: see Correction::forget().
    std::vector<std::size_t> forget_removed(const Engine& engine);
    void forget_day() { residuals_.forget_day(); }

    std::string save(const Engine& engine) const;  // queues by name
    void restore(const std::string& bytes, const Engine& engine);  // throws CorruptSnapshot; nothing has changed then

private:
    void add_common(Features& features, const DelayFigures& delays, QueueId queue, std::int32_t second_of_day,
                    TimeUs now_us) const;

    bool has_slot(QueueId queue) const;

    Residuals residuals_;
    std::vector<std::int64_t> answers_;  // by queue
    std::array<QueueId, QUEUE_SLOTS> slots_ = [] {
        std::array<QueueId, QUEUE_SLOTS> none{};
        none.fill(NONE);
        return none;
    }();
};

}  // namespace router::wait
