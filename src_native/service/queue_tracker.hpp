// Which queue a call is in, or a wrap-up belongs to, from the events alone.
#pragma once

#include <cstdint>
#include <vector>

#include "service/event_filter.hpp"

namespace router::service {

class QueueTracker {
public:
    // Knows what it would know if it had seen how the engine became what it is. O(state).
    explicit QueueTracker(const Engine& engine);

    // What the next event is about: of queues the one that the call is in or comes from; none for events about agents alone.
    About about(const Event& event);

private:
    struct WrapUp {
        std::uint64_t offer = 0;
        QueueId queue = NONE;
    };

    QueueId& queue_of_call(CallId id);
    std::vector<WrapUp>& wrap_ups_of(AgentId id);
    QueueId end_wrap_up(const Event& event);

    std::vector<QueueId> queue_of_call_;            // NONE: it is over
    std::vector<std::vector<WrapUp>> wrap_ups_of_;  // by agent
    QueueId left_queue_ = NONE;                     // by the last completion or transfer
};

}  // namespace router::service
