#include "timer_queue.hpp"

#include <queue>
#include <utility>

namespace router {

TimerQueue::Handle TimerQueue::add(const Deadline& deadline) {
    Handle handle;
    if (!free_.empty()) {
        handle = free_.back();
        free_.pop_back();
    } else {
        handle = static_cast<Handle>(slots_.size());
        slots_.emplace_back();
    }
    slots_[handle] = Slot{deadline, static_cast<Id>(heap_.size())};
    heap_.push_back(handle);
    sift_up(slots_[handle].position);
    return handle;
}

void TimerQueue::cancel(Handle& handle) {
    if (handle == NONE) return;
    ROUTER_CHECK(holds(handle));
    const Id position = slots_[handle].position;
    const Id last = static_cast<Id>(heap_.size() - 1);
    if (position != last) swap(position, last);
    heap_.pop_back();
    if (position != last) {
        sift_up(position);
        sift_down(position);
    }
    slots_[handle].position = NONE;
    free_.push_back(handle);
    handle = NONE;
}

// The earliest ones are connected from the top of the heap down, so nothing else is looked at.
TimeUs TimerQueue::time_of(std::size_t rank) const {
    ROUTER_CHECK(rank >= 1 && rank <= heap_.size());
    const auto later = [this](Id a, Id b) { return less(b, a); };
    std::priority_queue<Id, std::vector<Id>, decltype(later)> next(later);
    next.push(0);
    while (--rank > 0) {
        const std::size_t child = 2 * std::size_t{next.top()} + 1;
        next.pop();
        if (child < heap_.size()) next.push(static_cast<Id>(child));
        if (child + 1 < heap_.size()) next.push(static_cast<Id>(child + 1));
    }
    return slots_[heap_[next.top()]].deadline.time_us;
}

void TimerQueue::swap(Id a, Id b) {
    std::swap(heap_[a], heap_[b]);
    slots_[heap_[a]].position = a;
    slots_[heap_[b]].position = b;
}

void TimerQueue::sift_up(Id position) {
    while (position > 0) {
        const Id parent = (position - 1) / 2;
        if (!less(position, parent)) return;
        swap(position, parent);
        position = parent;
    }
}

void TimerQueue::sift_down(Id position) {
    const Id size = static_cast<Id>(heap_.size());
    while (true) {
        Id least = position;
        for (Id child = 2 * position + 1; child <= 2 * position + 2 && child < size; ++child) {
            if (less(child, least)) least = child;
        }
        if (least == position) return;
        swap(position, least);
        position = least;
    }
}

}  // namespace router
