// Numbers by a hash of what they stand for: an open table of eight bytes for each place, with linear probing. It holds no
// names: whoever looks for one says which number stands for it. O(1) expected; iterates over nothing.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base.hpp"

namespace router {

class NumberTable {
public:
    using Hash = std::uint32_t;

    // Never 0, and another in each process: names come from outside, and nobody shall choose some that collide.
    static Hash hash_of(std::string_view text);

    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }
    // The first number under this hash for which `is(number)`; null if there is none.
    template <class Is>
    const std::uint32_t* find(Hash hash, const Is& is) const {
        if (size_ == 0) return nullptr;
        for (std::size_t at = hash & mask(); places_[at].hash != 0; at = (at + 1) & mask()) {
            if (places_[at].hash == hash && is(places_[at].number)) return &places_[at].number;
        }
        return nullptr;
    }
    // A number that is not in it under this hash yet.
    void insert(Hash hash, std::uint32_t number);
    // A number that is in it under this hash.
    void erase(Hash hash, std::uint32_t number);

private:
    struct Place {
        Hash hash = 0;  // 0: free
        std::uint32_t number = 0;
    };

    std::size_t mask() const { return places_.size() - 1; }
    void put(Place place);
    void grow();

    std::vector<Place> places_;  // none or a power of two, at most two thirds taken
    std::size_t size_ = 0;
};

}  // namespace router
