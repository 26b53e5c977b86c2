#include "futures_future.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace router::wait {

Future::Future(const Beginning& beginning, const FutureLimits& limits)
    : beginning_(beginning), model_(beginning.model), limits_(limits),
      stream_(limits.seed, 0, static_cast<simulation::Purpose>(Purpose::talk), "futures"), engine_(beginning.start),
      asks_(model_.reject > 0 || model_.no_answer > 0 || model_.ring.mean_s() > 0) {
    for (const std::size_t number : beginning.arrivals) {
        const ArrivalStream& stream = model_.arrivals[number];
        Enqueue command;
        command.queue = QueueRef::number(stream.queue);
        command.channel = ChannelRef::number(stream.channel);
        command.urgency = stream.urgency;
        command.priority = stream.priority;
        enqueue_.emplace_back(std::move(command));
    }
}

const std::vector<double>& Future::run(std::uint32_t number) {
    begin(number);
    while (left_ > 0 && commands_ < commands_max_) {
        const TimeUs deadline_us = engine_.next_deadline();
        const bool fires = deadline_us != NEVER && (planned_.empty() || deadline_us <= planned_.front().time_us);
        if (!fires && planned_.empty()) break;
        if ((fires ? deadline_us : planned_.front().time_us) > end_us_) break;
        if (fires) {
            apply(advance_, deadline_us);
        } else {
            const Planned next = planned_.front();
            std::pop_heap(planned_.begin(), planned_.end(), std::greater<>());
            planned_.pop_back();
            now_us_ = next.time_us;
            take(next);
        }
        follow_up();
    }
    return waits_s_;
}

void Future::begin(std::uint32_t number) {
    number_ = number;
    if (commands_ > 0) engine_.rewind(beginning_.start);
    commands_max_ = commands_ + limits_.commands_max;
    now_us_ = beginning_.outset.now_us;
    end_us_ = now_us_ + limits_.horizon_us;
    planned_.clear();
    follow_ups_.clear();
    serial_ = 0;
    contacts_.assign(beginning_.callers.size(), Contact{});
    for (std::size_t id = 0; id < contacts_.size(); ++id) contacts_[id].caller = beginning_.callers[id];
    agents_.assign(engine_.agents_known(), AgentState{});
    streams_.assign(beginning_.arrivals.size(), StreamState{});
    waits_s_.assign(beginning_.outset.targets.size(), static_cast<double>(limits_.horizon_us) * 1e-6);
    left_ = waits_s_.size();
    for (std::size_t i = 0; i < waits_s_.size(); ++i) {
        const CallId call = beginning_.outset.targets[i].call;
        if (call == NONE) waits_s_[i] = -1;
        if (call != NONE && !not_waited_for_.empty() && not_waited_for_[i]) contacts_[call].caller.hopeless = true;
        if (call == NONE || contacts_[call].caller.hopeless) --left_;
    }
    plan_days();
    plan_under_way();
    for (std::size_t index = 0; index < streams_.size(); ++index) plan_arrival(index);
    follow_up();
}

void Future::take(const Planned& planned) {
    switch (planned.what) {
        case What::talk_ends: return end_talk(planned.subject, planned.number);
        case What::wrap_up_ends: return end_wrap_up(planned.subject, planned.number);
        case What::agent_leaves: return leave(planned.subject);
        case What::agent_comes: return come(planned.subject);
        case What::agent_returns:
            if (agents_[planned.subject].returns == planned.number) come_back(planned.subject);
            return;
        case What::accepts: return accept(planned.subject, planned.number);
        case What::rejects: return reject(planned.subject, planned.number);
        case What::gives_up:
            if (contacts_[planned.subject].caller.key == planned.number) give_up(planned.subject);
            return;
        case What::arrives: return arrive(planned.subject);
    }
}

void Future::apply(Command& command, TimeUs time_us) {
    now_us_ = time_us;
    ++commands_;
    engine_.apply(command, time_us);
    for (const Event& event : engine_.events()) observe(event);
}

void Future::observe(const Event& event) {
    switch (event.kind) {
        case EventKind::call_enqueued: return introduce(event.call);
        case EventKind::offer_made: return present(event.call, event.agent, event.offer, event.value, 0);
        case EventKind::offer_rejected:
        case EventKind::offer_expired:
        case EventKind::offer_withdrawn: return take_back(contact(event.call));
        case EventKind::call_assigned: return assign(event);
        case EventKind::call_overflowed: contact(event.call).caller.queue = event.queue; return;
        case EventKind::call_refused: return refuse(event.call);
        case EventKind::wrap_up_started: {
            const Caller& caller = contact(event.call).caller;
            return plan_wrap_up(event.agent, caller.key, event.offer, caller.queue, 0);
        }
        case EventKind::agent_availability_changed:
            if (event.code == static_cast<std::uint8_t>(Availability::not_ready)) plan_return(event.agent, 0, false);
            return;
        default: return;
    }
}

// What comes of a presentation at once. Each may lead to more.
void Future::follow_up() {
    for (std::size_t i = 0; i < follow_ups_.size() && left_ > 0; ++i) {
        const FollowUp next = follow_ups_[i];
        if (next.accepts) {
            accept(next.call, next.offer);
        } else if (contact(next.call).offer == next.offer) {
            give_up(next.call);
        }
    }
    follow_ups_.clear();
}

void Future::plan(TimeUs time_us, What what, Id subject, std::uint64_t number) {
    if (time_us > end_us_) return;
    planned_.push_back({time_us, what, subject, number, serial_++});
    std::push_heap(planned_.begin(), planned_.end(), std::greater<>());
}

TimeUs Future::after(double delay_s) const {
    if (delay_s * 1e6 > static_cast<double>(end_us_ - now_us_)) return end_us_ + 1;
    return now_us_ + std::llround(delay_s * 1e6);
}

double Future::draw(Purpose purpose, std::uint64_t subject, std::uint32_t attempt) const {
    const auto pair = stream_.bits({subject, number_}, attempt << 8 | static_cast<std::uint32_t>(purpose));
    return simulation::open_unit(pair.first);
}

}  // namespace router::wait
