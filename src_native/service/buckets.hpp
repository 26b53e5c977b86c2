// Plain counting, for the hot path: how many values are within each of some upper bounds.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base.hpp"

namespace router::service {

// A sum that is too wide for most of those who read it: `high` * 2^64 + `low`.
struct Halves {
    std::int64_t high = 0;
    std::uint64_t low = 0;
};
inline Halves halves_of(Wide sum) {
    return {static_cast<std::int64_t>(sum >> 64), static_cast<std::uint64_t>(sum)};
}

// Rising upper bounds, which belong to their own bucket. All buckets of a kind share them.
using Bounds = std::shared_ptr<const std::vector<std::int64_t>>;
inline Bounds bounds_of(std::vector<std::int64_t> values) {
    ROUTER_CHECK(!values.empty() && std::adjacent_find(values.begin(), values.end(), std::greater_equal<>{}) == values.end());
    return std::make_shared<const std::vector<std::int64_t>>(std::move(values));
}

class Buckets {
public:
    explicit Buckets(Bounds bounds) : bounds_(std::move(bounds)), counts_(bounds_->size() + 1) {}

    // O(log bounds).
    void add(std::int64_t value) {
        const auto bound = std::lower_bound(bounds_->begin(), bounds_->end(), value);
        ++counts_[static_cast<std::size_t>(bound - bounds_->begin())];
        total_ += value;
    }
    // Within each bound but not the one before; the last is of those beyond all bounds.
    const std::vector<std::uint64_t>& counts() const { return counts_; }
    Halves total() const { return halves_of(total_); }

private:
    Bounds bounds_;
    std::vector<std::uint64_t> counts_;
    Wide total_ = 0;
};

}  // namespace router::service
