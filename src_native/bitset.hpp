// A growing set of small integers, with fast iteration over the intersection of two.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "base.hpp"

namespace router {

class Bitset {
public:
    void set(Id index) {
        const std::size_t word = index / 64;
        if (word >= words_.size()) words_.resize(word + 1, 0);
        words_[word] |= std::uint64_t{1} << (index % 64);
    }
    void reset(Id index) {
        const std::size_t word = index / 64;
        if (word < words_.size()) words_[word] &= ~(std::uint64_t{1} << (index % 64));
    }
    bool test(Id index) const {
        const std::size_t word = index / 64;
        return word < words_.size() && (words_[word] >> (index % 64) & 1);
    }
    void clear() { words_.clear(); }

    // Call visit(index) for each index in both sets, ascending. O(words + members).
    template <class Visit>
    static void for_each_common(const Bitset& a, const Bitset& b, Visit&& visit) {
        const std::size_t words = std::min(a.words_.size(), b.words_.size());
        for (std::size_t word = 0; word < words; ++word) {
            for (std::uint64_t bits = a.words_[word] & b.words_[word]; bits != 0; bits &= bits - 1) {
                visit(static_cast<Id>(word * 64 + std::countr_zero(bits)));
            }
        }
    }

private:
    std::vector<std::uint64_t> words_;
};

}  // namespace router
