// What becomes of calls and offers, by queue, counted from the events.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "service/buckets.hpp"
#include "service/follower.hpp"

namespace router::service {

// How a wait ends, and how an offer does.
enum WaitEnd : std::uint8_t { WAIT_ANSWERED, WAIT_ABANDONED, WAIT_REFUSED, WAIT_ENDS };
enum OfferOutcome : std::uint8_t { OFFER_ACCEPTED, OFFER_REJECTED, OFFER_EXPIRED, OFFER_WITHDRAWN, OFFER_OUTCOMES };
inline constexpr std::size_t LIMIT_CAUSES = 2;
static_assert(static_cast<std::size_t>(LimitCause::wait_limit) + 1 == LIMIT_CAUSES);

// What was counted of one queue, and the targets that it was counted by.
struct QueueCounts {
    QueueCounts(const Bounds& wait_bounds, const Bounds& handle_bounds)
        : waits{Buckets(wait_bounds), Buckets(wait_bounds), Buckets(wait_bounds)}, handle(handle_bounds) {}

    std::uint64_t enqueued = 0;
    std::uint64_t transferred = 0;
    std::uint64_t requeued = 0;
    std::uint64_t offers = 0;
    std::uint64_t level_calls = 0;  // that count for the service level
    std::uint64_t level_met = 0;    // those of them that were answered in time
    std::array<std::uint64_t, LIMIT_CAUSES> overflowed{};
    std::array<std::uint64_t, OFFER_OUTCOMES> outcomes{};
    std::array<Buckets, WAIT_ENDS> waits;
    Buckets handle;
    std::array<TimeUs, URGENCIES> target_us{};
};

// Whatever happened is counted once, in the queue that the event names. A queue that is no longer configured is forgotten,
// and so are its counts. O(1) per event, but O(queues) when they are configured anew; one note for each call that the engine
// has room for.
class CallCounts final : public Follower {
public:
    // Begin where the engine stands, with all counts at 0. O(calls + queues). Bounds are microseconds.
    CallCounts(const Engine& engine, std::vector<std::int64_t> wait_bounds, std::vector<std::int64_t> handle_bounds);

    void observe(const Done& done) override;

    // Null: not configured.
    const QueueCounts* queue(QueueId id) const { return id < queues_.size() ? queues_[id].get() : nullptr; }
    std::uint64_t overdue() const { return overdue_; }    // calls that became so
    std::uint64_t detached() const { return detached_; }  // calls that are so now

private:
    // What the engine can no longer tell when the event is seen: a command may change the urgency of a call that a deadline
    // before it has assigned, and Configure may move a call whose offer stands.
    struct Note {
        QueueId offer_queue = NONE;
        Urgency urgency = Urgency::normal;
        bool detached = false;
    };

    void take(const Engine& engine, const Event& event);
    void take_assigned(const Event& event);
    void give_up(const Event& event, WaitEnd end);
    void end_offer(const Event& event, OfferOutcome outcome);
    void set_detached(CallId id, bool detached);
    void configure(const Engine& engine);
    QueueCounts& at(QueueId id);
    Note& note(CallId id);

    Bounds wait_bounds_;
    Bounds handle_bounds_;
    std::vector<std::unique_ptr<QueueCounts>> queues_;
    std::vector<Note> notes_;  // by call; of one that is finished whatever was there last
    std::uint64_t overdue_ = 0;
    std::uint64_t detached_ = 0;
};

}  // namespace router::service
