// How long talks last: the last ones of each queue as they were, and what little is known of a queue put in proportion to all.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine.hpp"
#include "lifetime.hpp"

namespace router::wait {

// The last durations, and a sorted copy of them that is made anew whenever a tenth more has come.
class Samples {
public:
    explicit Samples(std::size_t kept) : kept_(kept) {}

    // Seconds, >= 0. O(1), amortised O(log kept).
    void add(double value_s);
    // As of the sorted copy; nothing to go by while there is none.
    bool empty() const { return built_ == 0; }
    const Lifetime& lifetime() const { return lifetime_; }
    // So many have ever been added.
    std::int64_t count() const { return total_; }

    template <class Archive>
    void archive(Archive& archive);

private:
    std::size_t block() const { return kept_ / 10; }
    void rebuild();

    std::size_t kept_;
    // Those of the sorted copy are still here when the next one is due: `kept_` and a block more. By number, in a ring.
    std::vector<float> values_;
    std::int64_t total_ = 0;
    std::int64_t built_ = 0;  // the total when the sorted copy was made
    Lifetime lifetime_;
};

class TalkTimes {
public:
    TalkTimes() : pool_(KEPT) {}

    void add(QueueId queue, double talk_s);
    // Forget queues that are no longer configured.
    void keep_configured(const Engine& engine);
    // The queue's own talks once there are enough of them; before, those of all queues stretched to its mean; before that, exponential.
    Lifetime lifetime(QueueId queue) const;
    // Mean of the queue's talks, drawn towards that of all while they are few.
    double mean_s(QueueId queue) const;
    double pool_mean_s() const;
    std::int64_t count(QueueId queue) const;

    template <class Archive>
    void archive_pool(Archive& archive);
    template <class Archive>
    void archive_queue(Archive& archive, QueueId queue);

private:
    static constexpr std::size_t KEPT = 3000;

    // A mean over about as many as are kept.
    struct Mean {
        double count = 0;
        double mean_s = 0;
        void add(double value_s);
    };
    struct OfQueue {
        Samples samples{KEPT};
        Mean mean;
    };
    double robust(double talk_s, double mean_s) const;

    Samples pool_;
    Mean pool_mean_;
    std::vector<std::unique_ptr<OfQueue>> queues_;
};

}  // namespace router::wait
