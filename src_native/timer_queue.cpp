#include "timer_queue.hpp"

#include <queue>

namespace router {

void TimerQueue::remove(Handle& handle) {
    ROUTER_CHECK(holds(handle));
    const Id hole = positions_[handle];
    const Entry last = heap_.back();
    heap_.pop_back();
    if (hole < heap_.size()) {
        if (hole > 0 && last.deadline < heap_[parent_of(hole)].deadline) {
            sift_up(hole, last);
        } else {
            sift_down(hole, last);
        }
    }
    positions_[handle] = NONE;
    free_.push_back(handle);
    handle = NONE;
}

// The earliest ones are connected from the top of the heap down, so nothing else is looked at.
TimeUs TimerQueue::time_of(std::size_t rank) const {
    ROUTER_CHECK(rank >= 1 && rank <= heap_.size());
    const auto later = [this](Id a, Id b) { return heap_[b].deadline < heap_[a].deadline; };
    std::priority_queue<Id, std::vector<Id>, decltype(later)> next(later);
    next.push(0);
    while (--rank > 0) {
        const std::size_t child = 2 * std::size_t{next.top()} + 1;
        next.pop();
        if (child < heap_.size()) next.push(static_cast<Id>(child));
        if (child + 1 < heap_.size()) next.push(static_cast<Id>(child + 1));
    }
    return heap_[next.top()].deadline.time_us;
}

void TimerQueue::sift_up(Id hole, const Entry& entry) {
    while (hole > 0) {
        const Id parent = parent_of(hole);
        if (!(entry.deadline < heap_[parent].deadline)) break;
        put(hole, heap_[parent]);
        hole = parent;
    }
    put(hole, entry);
}

void TimerQueue::sift_down(Id hole, const Entry& entry) {
    const Id size = static_cast<Id>(heap_.size());
    for (Id child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
        if (child + 1 < size && heap_[child + 1].deadline < heap_[child].deadline) ++child;
        if (!(heap_[child].deadline < entry.deadline)) break;
        put(hole, heap_[child]);
        hole = child;
    }
    put(hole, entry);
}

}  // namespace router
