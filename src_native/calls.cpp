#include "calls.hpp"

#include <algorithm>
#include <utility>

namespace router {

bool Call::prefers(AgentId agent_id) const {
    return std::find(preferred.begin(), preferred.end(), agent_id) != preferred.end();
}

void Call::clear() {
    const bool rare = has_rare;
    static_cast<CallNumbers&>(*this) = CallNumbers{};
    bars.clear();
    preferred.clear();
    customer.clear();
    name.clear();
    if (!rare) return;
    affinity_positions.clear();
    more_queues_tried.clear();
    attributes = Attributes();
    decisions = std::vector<Decision>();
}

void Call::rewind(const Call& start) {
    const bool rare = has_rare || start.has_rare;
    static_cast<CallNumbers&>(*this) = start;
    if (!bars.empty() || !start.bars.empty()) bars = start.bars;
    if (!preferred.empty() || !start.preferred.empty()) preferred = start.preferred;
    if (customer != start.customer) customer = start.customer;
    if (name != start.name) name = start.name;
    if (!rare) return;
    affinity_positions = start.affinity_positions;
    more_queues_tried = start.more_queues_tried;
    attributes = start.attributes;
    decisions = start.decisions;
}

std::vector<QueueId> Call::queues_tried() const {
    return more_queues_tried.empty() ? std::vector<QueueId>{queue} : more_queues_tried;
}

bool Call::has_tried(QueueId tried) const {
    if (more_queues_tried.empty()) return tried == queue;
    return std::find(more_queues_tried.begin(), more_queues_tried.end(), tried) != more_queues_tried.end();
}

void Call::move_to(QueueId target) {
    if (!has_tried(target)) {
        has_rare = true;
        if (more_queues_tried.empty()) more_queues_tried.push_back(queue);
        more_queues_tried.push_back(target);
    }
    queue = target;
}

Tier Call::tier() const {
    if (urgency == Urgency::urgent) return overdue ? Tier::urgent_overdue : Tier::urgent;
    if (overdue) return Tier::overdue;
    return urgency == Urgency::important ? Tier::important : Tier::normal;
}

OrderKey rank_key(const Call& call, TimeUs due_us) {
    const Wide within = call.overdue ? due_us : 9 - call.priority;
    return OrderKey{(Wide{static_cast<int>(call.tier())} << 70) + within, call.effective_arrival_us, call.order};
}

void CallIndex::reset(std::size_t queues) {
    orders_.reset(false);
    line_orders_.reset(true);
    waiting_.assign(queues, 0);
    newcomers_.clear();
    newcomers_left_ = 0;
    lines_.assign(queues, {});
    held_.assign(queues, {});
    classes_.clear();
    free_classes_.clear();
    classes_of_.clear();
    classes_in_.assign(queues, {});
    stages_.clear();
}

Id CallIndex::class_for(const Call& call, StageId stage) {
    if (classes_of_.size() <= stage) classes_of_.resize(stage + 1);
    for (const Id id : classes_of_[stage]) {
        const Class& entry = classes_[id];
        if (entry.queue == call.queue && entry.channel == call.channel && entry.urgency == call.urgency &&
            entry.priority == call.priority && entry.overdue == call.overdue) {
            return id;
        }
    }
    Id id;
    if (!free_classes_.empty()) {
        id = free_classes_.back();
        free_classes_.pop_back();
    } else {
        id = static_cast<Id>(classes_.size());
        classes_.emplace_back();
    }
    classes_[id] = Class{call.queue,    call.channel, stage, call.urgency, call.priority,
                         call.overdue, call.tier(),  {}};
    classes_of_[stage].push_back(id);
    classes_in_[call.queue].push_back(id);
    stages_.set(stage);
    return id;
}

void CallIndex::drop_class(Id id) {
    const Class& entry = classes_[id];
    std::erase(classes_of_[entry.stage], id);
    std::erase(classes_in_[entry.queue], id);
    if (classes_of_[entry.stage].empty()) stages_.reset(entry.stage);
    free_classes_.push_back(id);
}

void CallIndex::insert(CallId id, Call& call, StageId stage, TimeUs due_us) {
    ROUTER_CHECK(call.newcomer == NONE && call.line_node == NONE && call.class_node == NONE);
    ++waiting_[call.queue];
    ++newcomers_left_;
    call.newcomer = static_cast<Id>(newcomers_.size());
    newcomers_.push_back(id);
    if (call.detached) return;
    if (call.held()) {
        call.class_node = orders_.insert(held_[call.queue], rank_key(call, due_us), id);
        return;
    }
    call.call_class = class_for(call, stage);
    call.class_node = orders_.insert(classes_[call.call_class].calls, OrderKey{0, call.effective_arrival_us, call.order}, id);
}

void CallIndex::erase(std::vector<Call>& calls, Call& call) {
    --waiting_[call.queue];
    leave_line(calls, call);
    if (call.call_class != NONE) {
        orders_.erase(classes_[call.call_class].calls, call.class_node);
        if (classes_[call.call_class].calls.empty()) drop_class(call.call_class);
    } else if (call.class_node != NONE) {
        orders_.erase(held_[call.queue], call.class_node);
    }
    call.call_class = call.class_node = NONE;
}

void CallIndex::leave_line(std::vector<Call>& calls, Call& call) {
    if (call.newcomer == NONE) return line_orders_.erase(lines_[call.queue], std::exchange(call.line_node, NONE));
    newcomers_[std::exchange(call.newcomer, NONE)] = NONE;
    --newcomers_left_;
    if (newcomers_.size() < 2 * newcomers_left_ + 64) return;
    std::erase(newcomers_, NONE);
    for (Id place = 0; place < newcomers_.size(); ++place) calls[newcomers_[place]].newcomer = place;
}

}  // namespace router
