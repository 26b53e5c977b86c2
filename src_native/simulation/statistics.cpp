// What the events say: each one to what it changes.
#include "statistics_parts.hpp"

namespace router::simulation {

Recorder::Recorder(const Engine& engine, RecorderPlan plan)
    : engine_(engine), window_{plan.from_us, plan.until_us}, next_mark_us_(plan.from_us), queue_of_(std::move(plan.queue_of)),
      tallies_(queue_of_.size()), agents_(window_, std::move(plan.group_of), plan.groups, plan.slices), meter_(window_),
      slices_(window_, plan.slices), slice_waits_(plan.slices) {
    ROUTER_CHECK(plan.from_us <= plan.until_us);
    for (const QueueId queue : engine.queues_by_name()) {
        if (queue >= targets_.size()) targets_.resize(queue + 1);
        targets_[queue] = engine.queue(queue).settings.target_us;
    }
    for (const QueueId queue : queue_of_) ROUTER_CHECK(queue < targets_.size());
    lines_.resize(targets_.size());
    lengths_.resize(targets_.size());
    for (QueueLength& length : lengths_) length.since_us = window_.from_us;
    waiting_slices_.resize(targets_.size());
    for (const ChannelSettings& channel : engine.settings().channels) {
        const ChannelId id = engine.find_channel(channel.name);
        if (id >= exclusive_.size()) exclusive_.resize(id + 1, 1);
        exclusive_[id] = channel.exclusive;
    }
}

// Flat: one event after the other through one piece of code, which saves a fifth of it.
[[gnu::flatten]] void Recorder::follow(std::span<const Event> events) {
    ++commands_;
    events_ += events.size();
    for (const Event& event : events) {
        if (event.time_us >= next_mark_us_) [[unlikely]] pass_marks(event.time_us);
        take(event);
        hash_.add(event, event.call == NONE ? 0 : calls_[event.call].number);
    }
}

void Recorder::take(const Event& event) {
    const TimeUs now_us = event.time_us;
    switch (event.kind) {
        case EventKind::call_enqueued: return take_enqueued(event);
        case EventKind::call_assigned: return take_assigned(event);
        case EventKind::call_completed:
            agents_.end_talk(event.agent, now_us);
            end_talk(calls_[event.call], now_us);
            return leave(event.call, nullptr, false, now_us);
        case EventKind::offer_made:
            agents_.offer(event.agent, calls_[event.call].exclusive, now_us);
            return present(event.call, now_us);
        case EventKind::offer_accepted:
        case EventKind::offer_withdrawn: return agents_.end_offer(event.agent, now_us);
        case EventKind::offer_rejected:
            agents_.count_rejected(event.agent, now_us);
            return agents_.end_offer(event.agent, now_us);
        case EventKind::offer_expired:
            agents_.count_not_answered(event.agent, now_us);
            return agents_.end_offer(event.agent, now_us);
        case EventKind::wrap_up_started: return agents_.wrap_up(event.agent, now_us);
        case EventKind::wrap_up_ended: return agents_.end_wrap_up(event.agent, now_us);
        case EventKind::call_abandoned: return leave(event.call, &CallFigures::abandoned, false, now_us);
        case EventKind::call_refused: return take_refused(event);
        case EventKind::call_overflowed:
        case EventKind::call_moved: return take_moved(event, true);
        case EventKind::call_transferred: return take_moved(event, event.flag);
        case EventKind::call_requeued: return take_requeued(event);
        case EventKind::agent_signed_in:
        case EventKind::agent_signed_out:
        case EventKind::agent_availability_changed:
        case EventKind::agent_updated: return take_availability(event);
        default: return;  // changes nothing that is counted
    }
}

void Recorder::take_enqueued(const Event& event) {
    const CallId id = event.call;
    const Call& known = engine_.call(id);
    if (id >= calls_.size()) calls_.resize(id + 1);
    FollowedCall& call = calls_[id];
    ROUTER_CHECK(!call.waiting && !call.talking && event.queue == queue_of_[caller_.callers]);
    call = FollowedCall{};
    call.number = ++customers_;
    call.arrival_us = event.time_us;
    call.target_us = targets_[event.queue][static_cast<std::size_t>(known.urgency)];
    call.effective_arrival_us = event.value;
    call.order = event.sequence;
    call.queue = event.queue;
    call.callers = caller_.callers;
    call.redial = caller_.redial;
    call.own_requirement = known.own_requirement ? known.requirement : NONE;
    call.kind = known.channel << 16 | static_cast<std::uint32_t>(known.urgency) << 8 | known.priority;
    call.counted = window_.has(event.time_us);
    call.exclusive = exclusive_[known.channel] != 0;
    call.share_at_arrival_us = meter_.arrive(event.time_us);
    if (call.counted) {
        CallFigures& figures = tallies_[call.callers].figures;
        ++figures.offered;
        ++(call.redial ? figures.redials : figures.first_calls);
        if (slices_.count > 0) ++slice_waits_[slices_.index_of(event.time_us)].offered;
    }
    start_waiting(call, event.time_us);
    enter_line(id);
}

void Recorder::take_assigned(const Event& event) {
    FollowedCall& call = calls_[event.call];
    present(event.call, event.time_us);
    end_waiting(call, event.time_us);
    answer(call, event.time_us);
    agents_.talk(event.agent, call.exclusive, event.time_us);
}

// An offer that the call had was withdrawn before, in an event of its own.
void Recorder::take_requeued(const Event& event) {
    FollowedCall& call = calls_[event.call];
    const bool talked = call.talking;
    if (talked) {
        agents_.end_talk(event.agent, event.time_us);
        end_talk(call, event.time_us);
        start_waiting(call, event.time_us);
    }
    if (talked || !event.flag) {
        leave_line(event.call);
        if (!event.flag) {
            call.effective_arrival_us = event.time_us;
            call.order = event.sequence;
        }
        enter_line(event.call);
    }
}

void Recorder::take_moved(const Event& event, bool kept_place) {
    FollowedCall& call = calls_[event.call];
    leave_line(event.call);
    const bool talked = call.talking && event.kind == EventKind::call_transferred;
    if (talked) {
        agents_.end_talk(event.agent, event.time_us);
        end_talk(call, event.time_us);
    } else if (call.waiting) {
        change_length(call.queue, -1, event.time_us);
        change_length(event.queue, 1, event.time_us);
    }
    call.queue = event.queue;
    if (talked) start_waiting(call, event.time_us);
    if (!kept_place) {
        call.effective_arrival_us = event.time_us;
        call.order = event.sequence;
    }
    if (call.waiting) enter_line(event.call);
}

void Recorder::take_refused(const Event& event) {
    const bool blocked = static_cast<LimitCause>(event.code) == LimitCause::queue_full;
    const bool at_once = calls_[event.call].arrival_us == event.time_us;
    leave(event.call, blocked ? &CallFigures::blocked : &CallFigures::refused, blocked && at_once, event.time_us);
}

void Recorder::take_availability(const Event& event) {
    if (event.kind == EventKind::agent_signed_in || event.kind == EventKind::agent_updated) {
        agents_.set_shared_capacity(event.agent, shared_capacity(event.agent), event.time_us);
        if (event.kind == EventKind::agent_updated) return;
    }
    const bool signed_out = event.kind == EventKind::agent_signed_out;
    agents_.set_availability(event.agent, signed_out ? Availability::signed_out : static_cast<Availability>(event.code),
                             event.time_us);
}

// Places on the channels that an agent can share between calls.
std::int64_t Recorder::shared_capacity(AgentId id) const {
    std::int64_t places = 0;
    for (ChannelId channel = 0; channel < exclusive_.size(); ++channel) {
        if (!exclusive_[channel]) places += engine_.agent_capacity(id, channel);
    }
    return places;
}

void Recorder::record_outcome(CallId id, std::optional<bool> resolved, double satisfaction) {
    const FollowedCall& call = calls_[id];
    if (!call.counted) return;
    CallFigures& figures = tallies_[call.callers].figures;
    if (resolved) {
        ++(*resolved ? figures.resolved : figures.unresolved);
        if (*resolved && !call.redial) ++figures.first_resolved;
    }
    if (satisfaction > 0) {
        ++figures.satisfactions;
        figures.satisfaction_sum += satisfaction;
    }
}

}  // namespace router::simulation
