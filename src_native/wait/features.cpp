#include "features.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "bits.hpp"

namespace router::wait {

namespace {

constexpr double US = 1e-6;
constexpr double FUTURE_MAX_S = 3'000;   // of a base, or four times what four out of five futures stay below
constexpr double HISTORY_MIN_S = 2, HISTORY_MAX_S = 14'400;  // of a base without futures
constexpr std::array<double, LEVELS> SPREAD{0.15, 0.25, 0.8, 1.5, 1.7, 2};  // its quantiles, to begin with
constexpr double RESIDUAL_SCALE_S = 30;  // an estimate of so long weighs 1
constexpr double RESIDUAL_WEIGHT_MAX = 3;
constexpr double RESIDUAL_PRIOR = 2;
constexpr double RESIDUAL_MAX = 3;  // one estimate that was absurd says no more
constexpr double LOG_RATIO_MAX = 4;  // of a feature that is a log ratio to the base: a quiet queue shall not rule

// Fixed constants, about what busy centres show: nothing is learnt in a first pass.
double standard(double value, double mean, double deviation) {
    return (value - mean) / deviation;
}

double log_ratio(double value_s, double log_base) {
    return std::clamp(std::log1p(std::max(value_s, 0.0)) - log_base, -LOG_RATIO_MAX, LOG_RATIO_MAX);
}

double log_count(double count) {
    return std::log1p(std::max(count, 0.0));
}

// Seconds that calls ahead take at the rate of late; a rate of nothing counts as one answer in ten minutes.
double clearing_s(std::int64_t waiting, double answers_per_s) {
    return static_cast<double>(waiting + 1) / (answers_per_s + 1.0 / 600);
}

}  // namespace

template <class Archive, class Self>
void Residuals::describe(Archive& archive, Self& self) {
    archive(self.at_us);
    archive_reals(archive, self.sum);
    archive_reals(archive, self.weight);
}

FutureSummary summarise(std::span<const float> waits_s, std::span<const float> weights, double least_s, double most_s) {
    if (waits_s.empty() || waits_s.size() != weights.size()) {
        throw std::invalid_argument("a set needs at least one future, and a weight for each");
    }
    std::vector<std::pair<double, double>> sorted(waits_s.size());
    double total = 0;
    for (std::size_t index = 0; index < waits_s.size(); ++index) {
        sorted[index] = {std::clamp<double>(waits_s[index], least_s, most_s), weights[index]};
        total += weights[index];
    }
    if (!(total > 0)) {
        for (auto& [wait_s, weight] : sorted) weight = 1;
        total = static_cast<double>(sorted.size());
    }
    std::sort(sorted.begin(), sorted.end());
    FutureSummary result;
    double squares = 0;
    for (const auto& [wait_s, weight] : sorted) {
        result.mean_s += wait_s * weight / total;
        squares += wait_s * wait_s * weight / total;
    }
    result.sd_s = std::sqrt(std::max(squares - result.mean_s * result.mean_s, 0.0));
    std::size_t at = 0;
    double below = sorted[0].second;
    for (std::size_t level = 0; level < LEVELS; ++level) {
        while (below < LEVEL[level] * total && at + 1 < sorted.size()) below += sorted[++at].second;
        result.quantile_s[level] = sorted[at].first;
    }
    return result;
}

FutureSummary summarise_for_base(std::span<const float> waits_s, std::span<const float> weights) {
    const FutureSummary plain = summarise(waits_s, weights, MEAN_MIN_S);
    const double most_s = std::max(FUTURE_MAX_S, 4 * plain.quantile_s[USUAL_LEVEL]);
    return summarise(waits_s, weights, MEAN_MIN_S, most_s);
}

void Residuals::fade(Tracker& tracker, TimeUs now_us) {
    const double age_s = static_cast<double>(std::max<TimeUs>(now_us - tracker.at_us, 0)) * US;
    for (std::size_t k = 0; k < RESIDUAL_TIMES_S.size(); ++k) {
        const double kept = std::exp(-age_s / RESIDUAL_TIMES_S[k]);
        tracker.sum[k] *= kept;
        tracker.weight[k] *= kept;
    }
    tracker.at_us = std::max(tracker.at_us, now_us);
}

void Residuals::learn(QueueId queue, TimeUs now_us, double mean_s, double wait_s) {
    if (!std::isfinite(mean_s) || !std::isfinite(wait_s)) throw std::invalid_argument("a base and a wait must be finite");
    if (queue >= queues_.size()) queues_.resize(queue + std::size_t{1});
    const double base_s = std::max(mean_s, MEAN_MIN_S);
    const double ratio = std::clamp(wait_s, QUANTILE_MIN_S, WAIT_MAX_S) / base_s;
    const double off = std::clamp(std::log(ratio), -RESIDUAL_MAX, RESIDUAL_MAX);
    const double weight = std::min(base_s / RESIDUAL_SCALE_S, RESIDUAL_WEIGHT_MAX);
    for (Tracker* tracker : {&all_, &queues_[queue]}) {
        fade(*tracker, now_us);
        for (std::size_t k = 0; k < RESIDUAL_TIMES_S.size(); ++k) {
            tracker->sum[k] += weight * off;
            tracker->weight[k] += weight;
        }
    }
}

std::array<double, 2 * RESIDUAL_TIMES_S.size()> Residuals::at(QueueId queue, TimeUs now_us) const {
    std::array<double, 2 * RESIDUAL_TIMES_S.size()> result{};
    Tracker all = all_, own = queue < queues_.size() ? queues_[queue] : Tracker{};
    fade(all, now_us);
    fade(own, now_us);
    for (std::size_t k = 0; k < RESIDUAL_TIMES_S.size(); ++k) {
        result[k] = all.sum[k] / (all.weight[k] + RESIDUAL_PRIOR);
        result[RESIDUAL_TIMES_S.size() + k] = own.sum[k] / (own.weight[k] + RESIDUAL_PRIOR);
    }
    return result;
}

void Residuals::forget(QueueId queue) {
    if (queue < queues_.size()) queues_[queue] = {};
}

void Residuals::forget_day() {
    all_ = {};
    queues_.clear();
}

void FeatureMaker::add_common(Features& features, const DelayFigures& delays, QueueId queue, std::int32_t second_of_day,
                              TimeUs now_us) const {
    auto& x = features.x;
    const double log_base = std::log(features.base.mean_s), level = log_base - 3.5;
    x[0] = 1;
    x[1] = standard(level, 0.75, 1.2);
    x[2] = standard(level * level, 2, 2);
    x[3] = standard(log_ratio(delays.les_s, log_base), -0.4, 0.9);
    x[4] = standard(log_ratio(delays.hol_s, log_base), -0.9, 1.2);
    x[5] = standard(log_ratio(delays.average_s, log_base), -0.1, 0.65);
    x[6] = standard(log_count(static_cast<double>(delays.waiting_all)), 2.5, 1.3);
    x[7] = standard(log_count(static_cast<double>(delays.waiting)), 1.5, 1);
    x[10] = standard(log_ratio(delays.hol_all_s, log_base), -0.3, 0.75);
    x[11] = delays.waiting_all == 0 ? 1 : 0;
    x[12] = standard(log_ratio(clearing_s(delays.waiting_all, delays.answers_all_per_s), log_base), 0, 0.7);
    x[13] = standard(log_ratio(clearing_s(delays.waiting, delays.answers_per_s), log_base), 0, 0.7);
    const double hour = second_of_day / 3'600.0;
    for (std::size_t slot = 0; slot < HOUR_FEATURES; ++slot) {
        double apart = std::abs(hour - HOURS_APART * static_cast<double>(slot));
        apart = std::min(apart, 24 - apart);
        x[HOURS_AT + slot] = std::max(1 - apart / HOURS_APART, 0.0) / 0.3;
    }
    for (std::size_t slot = 0; slot < QUEUE_SLOTS; ++slot) x[SLOTS_AT + slot] = slots_[slot] == queue ? 1 / 0.4 : 0;
    const auto residuals = residuals_.at(queue, now_us);
    for (std::size_t k = 0; k < residuals.size(); ++k) x[RESIDUALS_AT + k] = standard(residuals[k], -0.1, 0.14);
}

Features FeatureMaker::with_futures(const FutureSummary& futures, const DelayFigures& delays, QueueId queue,
                                    std::int32_t second_of_day, TimeUs now_us) const {
    Features result;
    result.base.mean_s = std::max(futures.mean_s, MEAN_MIN_S);
    result.base.quantile_s = futures.quantile_s;
    add_common(result, delays, queue, second_of_day, now_us);
    const double median_s = std::max(futures.quantile_s[MEDIAN_LEVEL], QUANTILE_MIN_S);
    result.x[8] = standard(std::min(futures.sd_s / result.base.mean_s, 5.0), 0.3, 0.23);
    result.x[9] = standard(std::log(median_s / result.base.mean_s), -0.06, 0.13);
    return result;
}

Features FeatureMaker::without_futures(double line_s, const DelayFigures& delays, QueueId queue, std::int32_t second_of_day,
                                       TimeUs now_us) const {
    Features result;
    // Agents serve the own line alone, or all lines: nobody knows here, so halfway between the two.
    const double own_s = clearing_s(delays.waiting, delays.answers_per_s);
    const double all_s = clearing_s(delays.waiting_all, delays.answers_all_per_s);
    result.base.mean_s = std::clamp(std::sqrt(own_s * all_s), HISTORY_MIN_S, HISTORY_MAX_S);
    for (std::size_t level = 0; level < LEVELS; ++level) result.base.quantile_s[level] = SPREAD[level] * result.base.mean_s;
    add_common(result, delays, queue, second_of_day, now_us);
    const double log_base = std::log(result.base.mean_s);
    result.x[8] = line_s < 0 ? 0 : standard(log_ratio(line_s, log_base), 0, 1);
    result.x[9] = standard(log_ratio(delays.same_length_s, log_base), -0.4, 0.9);
    return result;
}

void FeatureMaker::learn(QueueId queue, TimeUs now_us, const Base& base, double wait_s) {
    residuals_.learn(queue, now_us, base.mean_s, wait_s);
    if (queue >= answers_.size()) answers_.resize(queue + std::size_t{1});
    if (++answers_[queue] < SLOT_ANSWERS || has_slot(queue)) return;
    const auto empty = std::find(slots_.begin(), slots_.end(), NONE);
    if (empty != slots_.end()) *empty = queue;
}

bool FeatureMaker::has_slot(QueueId queue) const {
    return std::find(slots_.begin(), slots_.end(), queue) != slots_.end();
}

std::vector<std::size_t> FeatureMaker::forget_removed(const Engine& engine) {
    for (QueueId queue = 0; queue < answers_.size(); ++queue) {
        if (engine.queue(queue).configured) continue;
        answers_[queue] = 0;
        residuals_.forget(queue);
    }
    std::vector<std::size_t> meaningless;
    for (std::size_t slot = 0; slot < QUEUE_SLOTS; ++slot) {
        if (slots_[slot] == NONE || engine.queue(slots_[slot]).configured) continue;
        slots_[slot] = NONE;
        meaningless.push_back(SLOTS_AT + slot);
    }
    return meaningless;
}

std::string FeatureMaker::save(const Engine& engine) const {
    ArchiveWriter archive;
    Residuals::describe(archive, residuals_.all_);
    std::vector<QueueId> queues = engine.queues_by_name();
    std::erase_if(queues, [this](QueueId queue) { return queue >= answers_.size() || answers_[queue] == 0; });
    archive.number(queues.size());
    for (const QueueId queue : queues) {
        archive(engine.queue(queue).settings.name);
        archive(answers_[queue]);
        const auto slot = static_cast<std::size_t>(std::find(slots_.begin(), slots_.end(), queue) - slots_.begin());
        archive.number(slot);
        Residuals::describe(archive, queue < residuals_.queues_.size() ? residuals_.queues_[queue] : Residuals::Tracker{});
    }
    return archive.seal();
}

void FeatureMaker::restore(const std::string& bytes, const Engine& engine) {
    ArchiveReader archive(bytes);
    FeatureMaker read;
    Residuals::describe(archive, read.residuals_.all_);
    for (std::size_t left = archive.count(); left > 0; --left) {
        std::string name;
        std::int64_t answers = 0;
        Residuals::Tracker tracker;
        archive(name);
        archive(answers);
        const std::size_t slot = archive.ranged(QUEUE_SLOTS);
        Residuals::describe(archive, tracker);
        const QueueId queue = engine.find_queue(name);
        if (queue == NONE || !engine.queue(queue).configured) {
            throw CorruptSnapshot("the snapshot knows a queue that there is not: " + name);
        }
        const std::size_t size = queue + std::size_t{1};
        read.answers_.resize(std::max(read.answers_.size(), size));
        read.residuals_.queues_.resize(read.answers_.size());
        read.answers_[queue] = answers;
        read.residuals_.queues_[queue] = tracker;
        if (slot == QUEUE_SLOTS) continue;
        if (read.slots_[slot] != NONE) throw CorruptSnapshot("the snapshot gives two queues one slot");
        read.slots_[slot] = queue;
    }
    archive.finish();
    *this = std::move(read);
}

}  // namespace router::wait
