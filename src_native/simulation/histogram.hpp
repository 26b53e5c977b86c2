// A histogram of durations whose buckets are narrow everywhere: below 2^11 µs one to a microsecond, from there on 2^10 to
// each power of two. So a value is known to 2^-10 of itself, and percentiles are as exact as that.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "base.hpp"

namespace router::simulation {

class Histogram {
public:
    // O(1); `value_us` ≥ 0.
    void add(TimeUs value_us) {
        const std::size_t index = index_of(value_us);
        if (index >= counts_.size()) [[unlikely]] grow(index);
        ++counts_[index];
        ++count_;
    }
    void merge(const Histogram& other);
    std::uint64_t count() const { return count_; }
    // For each percent (0 … 100, rising): the value below which that share lies, between the two nearest of the sorted values in
    // proportion (Hyndman & Fan's definition 7, the usual one), to 2^-10 of itself. Empty if there are no values. O(buckets).
    std::vector<double> percentiles(std::span<const double> percents) const;

private:
    static constexpr int BITS = 10;

    static std::size_t index_of(TimeUs value_us) {
        const auto value = static_cast<std::uint64_t>(value_us);
        const int shift = std::bit_width(value >> (BITS + 1));
        return (static_cast<std::size_t>(shift) << BITS) + (value >> shift);
    }
    // The `place`-th of the values in this bucket, spread evenly over it.
    double value_in(std::size_t index, std::uint64_t place) const;
    void grow(std::size_t index);

    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0;
};

}  // namespace router::simulation
