// What callers and agents will do, by time: a 4-ary heap of small fixed records.
//
// Order: time, then rank, then number; numbers are given once, so it is total and the heap's shape cannot matter.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base.hpp"

namespace router::simulation {

// In the order in which happenings of one instant go.
enum class Rank : std::uint8_t { leave, end, come, answer, give_up, arrive };

enum class What : std::uint32_t { shift_end, call_end, wrap_up_end, shift_start, agent_return, answer, give_up, fresh_call, redial };

struct Planned {
    TimeUs time_us = 0;
    std::uint64_t key = 0;  // rank and number
    std::uint32_t subject = 0;
    What what{};

    std::uint64_t number() const { return key & ((std::uint64_t{1} << 56) - 1); }
    friend bool operator<(const Planned& a, const Planned& b) {
        return a.time_us != b.time_us ? a.time_us < b.time_us : a.key < b.key;
    }
};

class Calendar {
public:
    // Numbers below this are given by the caller; those that next_number() gives are above.
    static constexpr std::uint64_t FIRST_NUMBER = std::uint64_t{1} << 40;

    std::uint64_t next_number() { return next_number_++; }

    void add(TimeUs time_us, Rank rank, std::uint64_t number, What what, std::uint32_t subject) {
        const Planned planned{time_us, static_cast<std::uint64_t>(rank) << 56 | number, subject, what};
        heap_.push_back(planned);
        sift_up(heap_.size() - 1, planned);
    }

    bool empty() const { return heap_.empty(); }
    std::size_t size() const { return heap_.size(); }
    const Planned& front() const { return heap_.front(); }

    void pop() {
        const Planned last = heap_.back();
        heap_.pop_back();
        if (!heap_.empty()) sift_down(0, last);
    }

    // Put off the front one: as pop() and add(), in one go.
    void put_off(TimeUs time_us) {
        Planned moved = heap_.front();
        moved.time_us = time_us;
        sift_down(0, moved);
    }

    // Drop what is pointless. O(size).
    template <class Wanted>
    void keep_only(Wanted wanted) {
        std::erase_if(heap_, [&](const Planned& planned) { return !wanted(planned); });
        std::sort(heap_.begin(), heap_.end());  // a sorted array is a heap
    }

private:
    void sift_up(std::size_t hole, const Planned& planned) {
        while (hole > 0) {
            const std::size_t parent = (hole - 1) / 4;
            if (!(planned < heap_[parent])) break;
            heap_[hole] = heap_[parent];
            hole = parent;
        }
        heap_[hole] = planned;
    }

    void sift_down(std::size_t hole, const Planned& planned) {
        const std::size_t size = heap_.size();
        for (std::size_t child = 4 * hole + 1; child < size; child = 4 * hole + 1) {
            std::size_t least = child;
            for (std::size_t other = child + 1; other < std::min(child + 4, size); ++other) {
                if (heap_[other] < heap_[least]) least = other;
            }
            if (!(heap_[least] < planned)) break;
            heap_[hole] = heap_[least];
            hole = least;
        }
        heap_[hole] = planned;
    }

    std::vector<Planned> heap_;
    std::uint64_t next_number_ = FIRST_NUMBER;
};

}  // namespace router::simulation
