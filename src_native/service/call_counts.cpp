#include "service/call_counts.hpp"

namespace router::service {

CallCounts::CallCounts(const Engine& engine, std::vector<std::int64_t> wait_bounds, std::vector<std::int64_t> handle_bounds)
    : wait_bounds_(bounds_of(std::move(wait_bounds))), handle_bounds_(bounds_of(std::move(handle_bounds))) {
    configure(engine);
    notes_.resize(engine.calls_known());
    for (CallId id = 0; id < notes_.size(); ++id) {
        const Call& call = engine.call(id);
        if (!call.known() || is_finished(call.state)) continue;
        notes_[id] = {call.state == CallState::offered ? call.queue : NONE, call.urgency, call.detached};
        detached_ += call.detached;
    }
}

void CallCounts::observe(const Done& done) {
    for (const Event& event : done.engine.events()) take(done.engine, event);
}

void CallCounts::take(const Engine& engine, const Event& event) {
    switch (event.kind) {
        case EventKind::call_enqueued:
            note(event.call) = {NONE, engine.call(event.call).urgency, false};
            ++at(event.queue).enqueued;
            return;
        case EventKind::call_updated: note(event.call).urgency = engine.call(event.call).urgency; return;
        case EventKind::call_overflowed:
            ROUTER_CHECK(event.code < LIMIT_CAUSES);
            ++at(event.from_queue).overflowed[event.code];
            return;
        case EventKind::call_transferred: ++at(event.from_queue).transferred; return;
        case EventKind::call_requeued: ++at(event.queue).requeued; return;
        case EventKind::call_overdue: ++overdue_; return;
        case EventKind::call_detached: return set_detached(event.call, true);
        case EventKind::call_attached: return set_detached(event.call, false);
        case EventKind::call_assigned: return take_assigned(event);
        case EventKind::call_abandoned: return give_up(event, WAIT_ABANDONED);
        case EventKind::call_refused: return give_up(event, WAIT_REFUSED);
        case EventKind::call_completed:
            set_detached(event.call, false);
            at(event.queue).handle.add(event.value);
            return;
        case EventKind::offer_made:
            note(event.call).offer_queue = event.queue;
            ++at(event.queue).offers;
            return;
        case EventKind::offer_accepted: return end_offer(event, OFFER_ACCEPTED);
        case EventKind::offer_rejected: return end_offer(event, OFFER_REJECTED);
        case EventKind::offer_expired: return end_offer(event, OFFER_EXPIRED);
        case EventKind::offer_withdrawn: return end_offer(event, OFFER_WITHDRAWN);
        case EventKind::configured: return configure(engine);
        default: return;
    }
}

void CallCounts::take_assigned(const Event& event) {
    QueueCounts& counts = at(event.queue);
    counts.waits[WAIT_ANSWERED].add(event.value);
    ++counts.level_calls;
    counts.level_met += event.value <= counts.target_us[static_cast<std::size_t>(note(event.call).urgency)];
}

void CallCounts::give_up(const Event& event, WaitEnd end) {
    set_detached(event.call, false);
    QueueCounts& counts = at(event.queue);
    counts.waits[end].add(event.value);
    ++counts.level_calls;
}

// Its queue may have been removed since: the offer stood, and went on under the rules of the call's new queue.
void CallCounts::end_offer(const Event& event, OfferOutcome outcome) {
    const QueueId queue = note(event.call).offer_queue;
    ROUTER_CHECK(queue < queues_.size());
    if (queues_[queue]) ++queues_[queue]->outcomes[outcome];
}

void CallCounts::set_detached(CallId id, bool detached) {
    bool& noted = note(id).detached;
    if (noted == detached) return;
    noted = detached;
    if (detached) {
        ++detached_;
    } else {
        --detached_;
    }
}

void CallCounts::configure(const Engine& engine) {
    queues_.resize(engine.queues_known());
    for (QueueId id = 0; id < queues_.size(); ++id) {
        const Queue& queue = engine.queue(id);
        if (!queue.configured) {
            queues_[id].reset();
            continue;
        }
        if (!queues_[id]) queues_[id] = std::make_unique<QueueCounts>(wait_bounds_, handle_bounds_);
        queues_[id]->target_us = queue.settings.target_us;
    }
}

QueueCounts& CallCounts::at(QueueId id) {
    ROUTER_CHECK(id < queues_.size() && queues_[id]);
    return *queues_[id];
}

CallCounts::Note& CallCounts::note(CallId id) {
    ROUTER_CHECK(id != NONE);
    if (id >= notes_.size()) notes_.resize(id + 1);
    return notes_[id];
}

}  // namespace router::service
