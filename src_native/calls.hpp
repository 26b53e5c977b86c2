// Calls: what is known of each, and the orders in which the waiting ones stand.
#pragma once

#include <string>
#include <vector>

#include "bitset.hpp"
#include "commands.hpp"
#include "explanation.hpp"
#include "order_forest.hpp"
#include "skills.hpp"
#include "timer_queue.hpp"

namespace router {

struct Bar {
    AgentId agent = NONE;
    TimeUs until_us = 0;
    std::uint64_t offer = 0;  // that caused it
    TimerQueue::Handle timer = NONE;
};

// What of a call is plain numbers.
struct CallNumbers {
    CallState state = CallState::waiting;
    Urgency urgency = Urgency::normal;
    std::uint8_t priority = 0;
    bool own_requirement = false;
    bool overdue = false;
    bool detached = false;
    bool callback = false;
    bool explain = false;
    std::uint16_t step = 0;
    std::int8_t resolved = -1;      // -1: not recorded
    std::int8_t satisfaction = 0;   // 0: not recorded
    QueueId queue = NONE;
    ChannelId channel = NONE;
    RequirementId requirement = NONE;
    AgentId agent = NONE;
    TimeUs hold_until_us = NEVER;
    TimeUs effective_arrival_us = 0;
    TimeUs wait_started_us = 0;
    TimeUs queue_entered_us = 0;
    std::uint64_t order = 0;
    std::uint64_t offer = 0;  // 0: none
    TimeUs assigned_us = NEVER;
    TimeUs finished_us = NEVER;

    // Kept by CallIndex and the engine while the call waits.
    Id call_class = NONE;
    OrderForest::Node line_node = NONE;
    OrderForest::Node class_node = NONE;  // or its place among the held; NONE while detached
    TimerQueue::Handle hold_timer = NONE;
    TimerQueue::Handle step_timer = NONE;
    TimerQueue::Handle overdue_timer = NONE;
    TimerQueue::Handle limit_timer = NONE;
};

struct Call : CallNumbers {
    std::string name;  // empty: a call without a name, which only who runs the engine natively can make
    std::vector<QueueId> queues_tried;
    std::vector<AgentId> preferred;  // by name
    std::vector<std::uint32_t> affinity_positions;  // in the agents' lists, while the call waits; none while detached
    std::vector<Bar> bars;
    std::string customer;
    Attributes attributes;
    std::vector<Decision> decisions;

    // Not yet forgotten: live, or finished not long ago.
    bool known() const { return requirement != NONE; }
    bool held() const { return hold_until_us != NEVER; }
    bool prefers(AgentId agent_id) const;
    bool bars_agent(AgentId agent_id) const;
    Tier tier() const;
    // Make it as good as new, keeping what little memory the next call will need as well.
    void clear();
};

// Where a waiting call stands; smaller is served first. `due_us` is read in the overdue tiers only.
OrderKey rank_key(const Call& call, TimeUs due_us);

// Waiting calls by queue (everybody, by rank; the held ones once more) and by class (those not held, by arrival). Detached
// ones stand in their queue's line alone.
class CallIndex {
public:
    struct Class {
        QueueId queue = NONE;
        ChannelId channel = NONE;
        StageId stage = NONE;
        Urgency urgency{};
        std::uint8_t priority = 0;
        bool overdue = false;
        Tier tier{};
        OrderForest::Set calls;
    };

    // Forget all members. O(everything).
    void reset(std::size_t queues);
    void insert(CallId id, Call& call, StageId stage, TimeUs due_us);
    void erase(Call& call);

    // Stages with waiting calls that are not held, and the non-empty classes of each.
    const Bitset& stages() const { return stages_; }
    const std::vector<Id>& classes_of(StageId stage) const { return classes_of_[stage]; }
    const std::vector<Id>& classes_in(QueueId queue) const { return classes_in_[queue]; }
    const Class& at(Id call_class) const { return classes_[call_class]; }
    const OrderForest& orders() const { return orders_; }
    const OrderForest& line_orders() const { return line_orders_; }
    const OrderForest::Set& line(QueueId queue) const { return lines_[queue]; }
    const OrderForest::Set& held(QueueId queue) const { return held_[queue]; }
    std::size_t waiting(QueueId queue) const { return line_orders_.size(lines_[queue]); }
    std::size_t position(const Call& call) const { return 1 + line_orders_.rank(call.line_node); }

private:
    Id class_for(const Call& call, StageId stage);
    void drop_class(Id id);

    OrderForest orders_;
    OrderForest line_orders_;
    std::vector<OrderForest::Set> lines_;
    std::vector<OrderForest::Set> held_;
    std::vector<Class> classes_;
    std::vector<Id> free_classes_;
    std::vector<std::vector<Id>> classes_of_;  // by stage
    std::vector<std::vector<Id>> classes_in_;  // by queue
    Bitset stages_;
};

}  // namespace router
