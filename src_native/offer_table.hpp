// Pending offers by number: an open hash table with linear probing. O(1) expected; iterates over nothing.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "base.hpp"

namespace router {

class OfferTable {
public:
    // The call of a pending offer; NONE if there is no such offer.
    CallId find(std::uint64_t offer) const {
        if (count_ == 0) return NONE;
        for (std::size_t at = home(offer);; at = (at + 1) & mask()) {
            if (slots_[at].call == NONE) return NONE;
            if (slots_[at].offer == offer) return slots_[at].call;
        }
    }
    // An offer that is not in it yet.
    void insert(std::uint64_t offer, CallId call) {
        if (2 * (count_ + 1) > slots_.size()) grow();
        place(offer, call);
        ++count_;
    }
    // Returns whether it was there.
    bool erase(std::uint64_t offer);

private:
    struct Slot {
        std::uint64_t offer = 0;
        CallId call = NONE;  // NONE: free
    };

    std::size_t mask() const { return slots_.size() - 1; }
    // Numbers in a row are spread evenly by the golden ratio.
    std::size_t home(std::uint64_t offer) const {
        return offer * 0x9E3779B97F4A7C15u >> (64 - std::countr_zero(slots_.size()));
    }
    void place(std::uint64_t offer, CallId call) {
        std::size_t at = home(offer);
        while (slots_[at].call != NONE) at = (at + 1) & mask();
        slots_[at] = Slot{offer, call};
    }
    void grow();

    std::vector<Slot> slots_;  // none or a power of two
    std::size_t count_ = 0;
};

}  // namespace router
