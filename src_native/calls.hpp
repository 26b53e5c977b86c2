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

// What of a call is plain numbers: two lines of memory.
struct CallNumbers {
    CallState state = CallState::waiting;
    Urgency urgency = Urgency::normal;
    std::uint8_t priority = 0;
    bool own_requirement = false;
    bool overdue = false;
    bool detached = false;
    bool callback = false;
    bool explain = false;
    bool has_rare = false;
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
    Id newcomer = NONE;                   // its place among those not yet in their queue's line, or
    OrderForest::Node line_node = NONE;   // in the line
    OrderForest::Node class_node = NONE;  // or its place among the held; NONE while detached
    TimerQueue::Handle hold_timer = NONE;
    TimerQueue::Handle step_timer = NONE;
    TimerQueue::Handle overdue_timer = NONE;
    TimerQueue::Handle limit_timer = NONE;
};
static_assert(sizeof(CallNumbers) <= 128);

// Laid out so that the life of a plain call touches the first lines of memory only.
struct alignas(LINE_BYTES) Call : CallNumbers {
    std::vector<Bar> bars;
    std::vector<AgentId> preferred;  // by name
    std::string customer;
    std::string name;  // empty: a call without a name, which only who runs the engine natively can make

    // Rarely there; who writes one of them sets `has_rare`.
    std::vector<std::uint32_t> affinity_positions;  // in the agents' lists, while the call waits; none while detached
    std::vector<QueueId> more_queues_tried;         // see queues_tried()
    Attributes attributes;
    std::vector<Decision> decisions;

    // Not yet forgotten: live, or finished not long ago.
    bool known() const { return requirement != NONE; }
    bool held() const { return hold_until_us != NEVER; }
    bool prefers(AgentId agent_id) const;
    bool bars_agent(AgentId agent_id) const {
        for (const Bar& bar : bars) {
            if (bar.agent == agent_id) return true;
        }
        return false;
    }
    Tier tier() const;
    // The queues it has been in since it was enqueued or transferred: mostly the present one alone.
    std::vector<QueueId> queues_tried() const;
    bool has_tried(QueueId tried) const;
    // Change the queue, remembering those before.
    void move_to(QueueId target);
    // Make it as good as new, keeping what little memory the next call will need as well.
    void clear();
    // As it was at the start, in memory that is there.
    void rewind(const Call& start);
};

// Where a waiting call stands; smaller is served first. `due_us` is read in the overdue tiers only.
OrderKey rank_key(const Call& call, TimeUs due_us);

// Waiting calls by queue (everybody, by rank; the held ones once more) and by class (those not held, by arrival). Detached
// ones stand in their queue's line alone.
//
// No decision reads a line, only who asks for positions. So newcomers are put into the lines when somebody asks: most
// calls are gone by then.
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
    void erase(std::vector<Call>& calls, Call& call);
    // Put the newcomers into their lines. `rank_of` gives a call's key.
    template <class RankOf>
    void order_lines(std::vector<Call>& calls, const RankOf& rank_of) {
        for (const CallId id : newcomers_) {
            if (id == NONE) continue;
            Call& call = calls[id];
            call.newcomer = NONE;
            call.line_node = line_orders_.insert(lines_[call.queue], rank_of(call), id);
        }
        newcomers_.clear();
        newcomers_left_ = 0;
    }

    // Stages with waiting calls that are not held, and the non-empty classes of each.
    const Bitset& stages() const { return stages_; }
    const std::vector<Id>& classes_of(StageId stage) const { return classes_of_[stage]; }
    const std::vector<Id>& classes_in(QueueId queue) const { return classes_in_[queue]; }
    const Class& at(Id call_class) const { return classes_[call_class]; }
    const OrderForest& orders() const { return orders_; }
    const OrderForest::Set& held(QueueId queue) const { return held_[queue]; }
    std::size_t waiting(QueueId queue) const { return waiting_[queue]; }
    bool stands(CallId id, const Call& call) const {
        if (call.newcomer != NONE) return newcomers_[call.newcomer] == id;
        return call.line_node != NONE && line_orders_.item(call.line_node) == id;
    }
    // Call visit(id) for everybody, in no particular order. O(waiting).
    template <class Visit>
    void for_each_waiting(Visit&& visit) const {
        for (const CallId id : newcomers_) {
            if (id != NONE) visit(id);
        }
        for (const OrderForest::Set& line : lines_) {
            for (OrderForest::Node node = line.first; node != NONE; node = line_orders_.next(node)) visit(line_orders_.item(node));
        }
    }
    // These two only after order_lines().
    const OrderForest& line_orders() const { return line_orders_; }
    const OrderForest::Set& line(QueueId queue) const { return lines_[queue]; }

private:
    void leave_line(std::vector<Call>& calls, Call& call);
    Id class_for(const Call& call, StageId stage);
    void drop_class(Id id);

    OrderForest orders_;
    std::vector<std::size_t> waiting_;  // by queue
    std::vector<CallId> newcomers_;     // NONE: gone already
    std::size_t newcomers_left_ = 0;    // of them, who are not gone
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
