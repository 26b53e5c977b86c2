#include "service/queue_tracker.hpp"

#include <algorithm>

#include "wire/event_writer.hpp"

namespace router::service {

QueueTracker::QueueTracker(const Engine& engine) {
    for (CallId id = 0; id < engine.calls_known(); ++id) {
        const Call& call = engine.call(id);
        if (call.known() && !is_finished(call.state)) queue_of_call(id) = call.queue;
    }
    for (AgentId id = 0; id < engine.agents_known(); ++id) {
        for (const Engagement& engagement : engine.agent(id).engagements) {
            if (engagement.state == EngagementState::wrap_up) wrap_ups_of(id).push_back({engagement.offer, engagement.queue});
        }
    }
}

QueueId& QueueTracker::queue_of_call(CallId id) {
    if (id >= queue_of_call_.size()) queue_of_call_.resize(std::max<std::size_t>(id + 1, 2 * queue_of_call_.size()), NONE);
    return queue_of_call_[id];
}

std::vector<QueueTracker::WrapUp>& QueueTracker::wrap_ups_of(AgentId id) {
    if (id >= wrap_ups_of_.size()) wrap_ups_of_.resize(std::max<std::size_t>(id + 1, 2 * wrap_ups_of_.size()));
    return wrap_ups_of_[id];
}

QueueId QueueTracker::end_wrap_up(const Event& event) {
    std::vector<WrapUp>& wrap_ups = wrap_ups_of(event.agent);
    const auto found = std::find_if(wrap_ups.begin(), wrap_ups.end(), [&](const WrapUp& one) { return one.offer == event.offer; });
    if (found == wrap_ups.end()) return NONE;
    const QueueId queue = found->queue;
    wrap_ups.erase(found);
    return queue;
}

About QueueTracker::about(const Event& event) {
    About about{.kind = event.kind, .agent = wire::names_agent(event.kind) ? event.agent : NONE};
    if (wire::names_queue(event.kind)) {
        about.queue = event.queue;
    } else if (event.call != NONE) {
        about.queue = queue_of_call(event.call);
    }
    switch (event.kind) {
        case EventKind::call_enqueued: queue_of_call(event.call) = event.queue; break;
        case EventKind::call_transferred:
        case EventKind::call_overflowed:
        case EventKind::call_moved:
            queue_of_call(event.call) = event.queue;
            about.from_queue = left_queue_ = event.from_queue;
            break;
        case EventKind::call_completed:
            left_queue_ = event.queue;
            queue_of_call(event.call) = NONE;
            break;
        case EventKind::call_abandoned:
        case EventKind::call_refused: queue_of_call(event.call) = NONE; break;
        case EventKind::wrap_up_started:
            // it follows at once on the completion or transfer that it comes from
            about.queue = left_queue_;
            wrap_ups_of(event.agent).push_back({event.offer, left_queue_});
            break;
        case EventKind::wrap_up_ended: about.queue = end_wrap_up(event); break;
        default: break;
    }
    return about;
}

}  // namespace router::service
