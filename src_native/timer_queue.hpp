// Deadlines, fired in the fixed order (time, kind, number). A binary heap with handles: O(log n), cancelling too.
#pragma once

#include <cstdint>
#include <vector>

#include "base.hpp"

namespace router {

// In firing order among deadlines of the same time.
enum class DeadlineKind : std::uint8_t { hold_end, step, bar_end, overdue, offer_expiry, wrap_up_end, wait_limit };

struct Deadline {
    TimeUs time_us;
    DeadlineKind kind;
    Id subject;            // the call, or the agent of a wrap-up
    std::uint64_t number;  // offer number or order of the call: distinct within a kind

    friend bool operator<(const Deadline& a, const Deadline& b) {
        if (a.time_us != b.time_us) return a.time_us < b.time_us;
        if (a.kind != b.kind) return a.kind < b.kind;
        return a.number < b.number;
    }
};

class TimerQueue {
public:
    using Handle = Id;  // NONE is no deadline

    Handle add(TimeUs time_us, DeadlineKind kind, Id subject, std::uint64_t number);
    // Cancel and forget the handle; nothing happens for NONE.
    void cancel(Handle& handle) {
        if (handle != NONE) remove(handle);
    }
    bool empty() const { return heap_.empty(); }
    const Deadline& front() const { return heap_.front().deadline; }
    std::size_t size() const { return heap_.size(); }
    // Time of the deadline that fires as number `rank`, from 1; there are at least so many. O(rank log rank).
    TimeUs time_of(std::size_t rank) const;
    const Deadline& at(Handle handle) const { return heap_[positions_[handle]].deadline; }
    bool holds(Handle handle) const { return handle < positions_.size() && positions_[handle] != NONE; }

private:
    struct Entry {
        Deadline deadline;
        Handle handle;
    };

    void remove(Handle& handle);
    void put(Id position, const Entry& entry) {
        heap_[position] = entry;
        positions_[entry.handle] = position;
    }
    static Id parent_of(Id position) { return (position - 1) / 2; }
    // Put the entry in the place of the hole, or further up or down.
    void sift_up(Id hole, const Entry& entry);
    void sift_down(Id hole, const Entry& entry);

    std::vector<Entry> heap_;
    std::vector<Id> positions_;  // in the heap, by handle; NONE when free
    std::vector<Handle> free_;
};

// Here, so that a deadline goes from registers into its place: mostly it is the latest one, and stays at the end.
inline TimerQueue::Handle TimerQueue::add(TimeUs time_us, DeadlineKind kind, Id subject, std::uint64_t number) {
    Handle handle;
    const Id place = static_cast<Id>(heap_.size());
    if (!free_.empty()) {
        handle = free_.back();
        free_.pop_back();
        positions_[handle] = place;
    } else {
        handle = static_cast<Handle>(positions_.size());
        positions_.push_back(place);
    }
    Entry& entry = heap_.emplace_back();
    entry.deadline.time_us = time_us;
    entry.deadline.kind = kind;
    entry.deadline.subject = subject;
    entry.deadline.number = number;
    entry.handle = handle;
    if (place > 0 && entry.deadline < heap_[parent_of(place)].deadline) sift_up(place, Entry{entry});
    return handle;
}

}  // namespace router
