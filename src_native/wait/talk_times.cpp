#include "talk_times.hpp"

#include <algorithm>
#include <cstring>

#include "name_table.hpp"

namespace router::wait {

namespace {

constexpr double PRIOR_MEAN_S = 240;
constexpr double PRIOR_TALKS = 20;       // so many talks weigh as much as the prior mean, at first
constexpr double POOL_TALKS = 25;        // and so many of a queue as much as the mean of all queues, at first
constexpr std::int64_t POOL_MIN = 50;    // talks before their own distribution is used
constexpr std::int64_t QUEUE_MIN = 200;
// A talk longer than this counts as so long: nobody talks for a night, but a call that was forgotten does.
constexpr double LONG_MEANS = 20;
constexpr double LONG_MIN_S = 3600;

// A prior of so much weight at first, and of none once there are enough talks.
double drawn_towards(double prior, double weight, double count, double mean) {
    weight *= std::max(0.0, 1 - count / static_cast<double>(QUEUE_MIN));
    return (count * mean + weight * prior) / (count + weight);
}

}  // namespace

// ---- samples ----

void Samples::add(double value_s) {
    const auto value = static_cast<float>(value_s);
    const std::size_t ring = kept_ + block();
    if (values_.size() < ring) {
        values_.push_back(value);
    } else {
        values_[static_cast<std::size_t>(total_) % ring] = value;
    }
    ++total_;
    const std::int64_t sorted = std::min(built_, static_cast<std::int64_t>(kept_));
    if (total_ - built_ >= std::max<std::int64_t>(1, sorted / 10)) {
        built_ = total_;
        rebuild();
    }
}

void Samples::rebuild() {
    if (built_ == 0) {
        lifetime_ = Lifetime();
        return;
    }
    const auto count = std::min(built_, static_cast<std::int64_t>(kept_));
    auto sorted = std::make_shared<std::vector<float>>();
    sorted->reserve(static_cast<std::size_t>(count));
    for (std::int64_t i = built_ - count; i < built_; ++i) {
        sorted->push_back(values_[static_cast<std::size_t>(i) % (kept_ + block())]);
    }
    std::sort(sorted->begin(), sorted->end());
    lifetime_ = Lifetime::of_samples(std::move(sorted));
}

template <class Archive>
void Samples::archive(Archive& archive) {
    archive(total_);
    archive(built_);
    constexpr bool READS = std::is_same_v<Archive, ArchiveReader>;
    std::string bytes;
    if constexpr (!READS) bytes.assign(reinterpret_cast<const char*>(values_.data()), values_.size() * sizeof(float));
    archive.once(bytes);
    if constexpr (READS) {
        const std::size_t count = bytes.size() / sizeof(float);
        const auto expected = std::min(total_, static_cast<std::int64_t>(kept_ + block()));
        if (total_ < 0 || total_ > TIME_US_MAX || static_cast<std::int64_t>(count) != expected || built_ < 0 || built_ > total_ ||
            total_ - built_ > static_cast<std::int64_t>(block())) {
            throw CorruptSnapshot("the snapshot has another number of durations than it says");
        }
        values_.resize(count);
        if (count > 0) std::memcpy(values_.data(), bytes.data(), count * sizeof(float));
        const auto sound = [](float value) { return value >= 0 && value < 1e9F; };
        if (!std::all_of(values_.begin(), values_.end(), sound)) throw CorruptSnapshot("the snapshot has a duration out of range");
        rebuild();
    }
}
template void Samples::archive(ArchiveWriter&);
template void Samples::archive(ArchiveReader&);

// ---- talk times ----

void TalkTimes::Mean::add(double value_s) {
    count = std::min(count + 1, static_cast<double>(KEPT));
    mean_s += (value_s - mean_s) / count;
}

double TalkTimes::robust(double talk_s, double mean_s) const { return std::min(talk_s, std::max(LONG_MIN_S, LONG_MEANS * mean_s)); }

void TalkTimes::add(QueueId queue, double talk_s) {
    if (queue >= queues_.size()) queues_.resize(queue + 1);
    if (!queues_[queue]) queues_[queue] = std::make_unique<OfQueue>();
    talk_s = robust(talk_s, mean_s(queue));
    queues_[queue]->samples.add(talk_s);
    queues_[queue]->mean.add(talk_s);
    pool_.add(talk_s);
    pool_mean_.add(talk_s);
}

void TalkTimes::keep_configured(const Engine& engine) {
    for (QueueId queue = 0; queue < queues_.size(); ++queue) {
        if (queues_[queue] && !engine.queue(queue).configured) queues_[queue].reset();
    }
}

Lifetime TalkTimes::lifetime(QueueId queue) const {
    if (count(queue) >= QUEUE_MIN) return queues_[queue]->samples.lifetime();
    const double mean = mean_s(queue);
    if (pool_.count() < POOL_MIN) return Lifetime::exponential(mean);
    const Lifetime& pool = pool_.lifetime();
    return pool.mean_s() > 0 && mean > 0 ? pool.stretched(mean / pool.mean_s()) : pool;
}

double TalkTimes::pool_mean_s() const {
    return drawn_towards(PRIOR_MEAN_S, PRIOR_TALKS, pool_mean_.count, pool_mean_.mean_s);
}

double TalkTimes::mean_s(QueueId queue) const {
    const double pool_s = pool_mean_s();
    if (queue >= queues_.size() || !queues_[queue]) return pool_s;
    return drawn_towards(pool_s, POOL_TALKS, queues_[queue]->mean.count, queues_[queue]->mean.mean_s);
}

std::int64_t TalkTimes::count(QueueId queue) const {
    return queue < queues_.size() && queues_[queue] ? queues_[queue]->samples.count() : 0;
}

template <class Archive>
void TalkTimes::archive_pool(Archive& archive) {
    pool_.archive(archive);
    archive_count(archive, pool_mean_.count, KEPT);
    archive_count(archive, pool_mean_.mean_s);
}
template void TalkTimes::archive_pool(ArchiveWriter&);
template void TalkTimes::archive_pool(ArchiveReader&);

template <class Archive>
void TalkTimes::archive_queue(Archive& archive, QueueId queue) {
    bool known = count(queue) > 0;
    archive(known);
    if (!known) return;
    if (queue >= queues_.size()) queues_.resize(queue + 1);
    if (!queues_[queue]) queues_[queue] = std::make_unique<OfQueue>();
    queues_[queue]->samples.archive(archive);
    archive_count(archive, queues_[queue]->mean.count, KEPT);
    archive_count(archive, queues_[queue]->mean.mean_s);
}
template void TalkTimes::archive_queue(ArchiveWriter&, QueueId);
template void TalkTimes::archive_queue(ArchiveReader&, QueueId);

}  // namespace router::wait
