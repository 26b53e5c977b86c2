// Deadlines, fired in the fixed order (time, kind, number). A binary heap with handles: O(log n), cancelling too.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "base.hpp"

namespace router {

// In firing order among deadlines of the same time.
enum class DeadlineKind : std::uint8_t { hold_end, step, bar_end, overdue, offer_expiry, wrap_up_end, wait_limit };

struct Deadline {
    TimeUs time_us;
    DeadlineKind kind;
    std::uint64_t number;  // offer number or order of the call: distinct within a kind
    Id subject;            // the call, or the agent of a wrap-up

    friend bool operator<(const Deadline& a, const Deadline& b) {
        return std::tie(a.time_us, a.kind, a.number) < std::tie(b.time_us, b.kind, b.number);
    }
};

class TimerQueue {
public:
    using Handle = Id;  // NONE is no deadline

    Handle add(const Deadline& deadline);
    // Cancel and forget the handle; nothing happens for NONE.
    void cancel(Handle& handle);
    bool empty() const { return heap_.empty(); }
    const Deadline& front() const { return slots_[heap_.front()].deadline; }
    std::size_t size() const { return heap_.size(); }
    // Time of the deadline that fires as number `rank`, from 1; there are at least so many. O(rank log rank).
    TimeUs time_of(std::size_t rank) const;
    const Deadline& at(Handle handle) const { return slots_[handle].deadline; }
    bool holds(Handle handle) const { return handle < slots_.size() && slots_[handle].position != NONE; }

private:
    struct Slot {
        Deadline deadline;
        Id position;  // in the heap; NONE when free
    };

    bool less(Id a, Id b) const { return slots_[heap_[a]].deadline < slots_[heap_[b]].deadline; }
    void swap(Id a, Id b);
    void sift_up(Id position);
    void sift_down(Id position);

    std::vector<Slot> slots_;
    std::vector<Handle> free_;
    std::vector<Handle> heap_;
};

}  // namespace router
