// What the fallbacks learn of each queue from the events: service, patience and the last waits.
//
// Memory is bounded by the queues, the calls that wait and the wrap-ups that run; old experience fades by halving, so that a
// queue that changes is followed. A downtime teaches nothing about the next caller's wait: it is left out of the last waits and
// of wrap-ups, and a talk that it cut through, whose end could not be told, is no sample. Patience goes on: those who gave up
// in it are told of afterwards.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "archive.hpp"
#include "downtimes.hpp"
#include "engine.hpp"

namespace router::wait {

inline constexpr std::int64_t FADING_MAX = 1024;     // at this count sums and counts are halved

// A mean that forgets.
struct FadingMean {
    std::int64_t count = 0;
    std::int64_t sum_us = 0;

    void add(std::int64_t value_us);
    // Add to the last sample instead of counting a new one.
    void extend(std::int64_t value_us) { sum_us += value_us; }
    double mean_us() const { return count > 0 ? static_cast<double>(sum_us) / static_cast<double>(count) : 0.0; }
};

struct QueueHistory {
    FadingMean service;             // how long a call keeps its agent, wrap-up included
    std::int64_t wrapping_up = 0;   // agents after a call of the queue
    std::int64_t served = 0;        // waits that ended with an agent
    TimeUs last_wait_us = 0;        // the last of them
    std::int64_t waits = 0;         // stretches of waiting, fading, that the next two are about
    std::int64_t abandoned = 0;
    TimeUs exposed_us = 0;          // of waiting, that of the answered included: they are censored observations

    // Given up per microsecond waited: the maximum-likelihood rate under censoring.
    double patience_rate() const {
        return exposed_us > 0 ? static_cast<double>(abandoned) / static_cast<double>(exposed_us) : 0.0;
    }
    void add_wait(TimeUs wait_us, bool gave_up);
};

class FallbackHistory {
public:
    // In shadow mode forced assignments are the ACD's own, and count.
    explicit FallbackHistory(bool shadow) : shadow_(shadow) {}

    // Learn from the events of the last command. O(events).
    void observe(const Engine& engine);
    // All zero if nothing is known.
    const QueueHistory& queue(QueueId queue) const;
    // For how long the service was down after a moment.
    TimeUs downtime_since(TimeUs time_us) const { return downtimes_.since(time_us); }

    void save(ArchiveWriter& archive, const Engine& engine) const;
    void restore(ArchiveReader& archive, const Engine& engine);

private:

    struct Wait {
        QueueId queue = NONE;  // NONE: not at risk of being given up
        TimeUs since_us = 0;
    };

    void learn(const Engine& engine, const Event& event);
    QueueHistory& known(QueueId queue);
    void start_wait(CallId call, QueueId queue, TimeUs time_us);
    bool end_wait(CallId call, TimeUs time_us, bool gave_up = false);
    void learn_answer(const Event& event);
    void learn_talk(const Event& event);
    void start_wrap_up(const Event& event);
    void end_wrap_up(const Event& event);
    void forget_removed(const Engine& engine);

    bool shadow_;
    std::vector<QueueHistory> queues_;                           // by the engine's number
    std::vector<Wait> waiting_;                                  // by the engine's number of the call
    std::map<std::uint64_t, std::pair<QueueId, TimeUs>> wrap_ups_;  // by offer: queue, start
    std::pair<std::uint64_t, QueueId> completed_{0, NONE};       // the last completed pairing and its queue
    Downtimes downtimes_;
};

}  // namespace router::wait
