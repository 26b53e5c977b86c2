#include "predictor_pending.hpp"

#include <algorithm>
#include <utility>

namespace router::wait {

PendingEstimates::Entry& PendingEstimates::entry(CallId call) {
    if (call >= entries_.size()) entries_.resize(call + 1);
    return entries_[call];
}

void PendingEstimates::begin(CallId call, TimeUs now_us) {
    take(call);
    entry(call).since_us = now_us;
}

void PendingEstimates::begin_all(TimeUs now_us) {
    entries_.clear();
    estimates_.clear();
    free_.clear();
    size_ = 0;
    all_since_us_ = now_us;
}

bool PendingEstimates::wants_with_futures(CallId call, TimeUs at_us) const {
    if (at_us < all_since_us_) return false;
    return call >= entries_.size() || (entries_[call].with_futures == NONE && at_us >= entries_[call].since_us);
}

void PendingEstimates::keep_with_futures(CallId call, GivenEstimate estimate) {
    entry(call).with_futures = keep(std::move(estimate));
}

void PendingEstimates::keep_without_futures(CallId call, GivenEstimate estimate) {
    entry(call).without_futures = keep(std::move(estimate));
}

PendingEstimates::Answered PendingEstimates::take(CallId call) {
    if (call >= entries_.size()) return {};
    return {release(entries_[call].with_futures), release(entries_[call].without_futures)};
}

Id PendingEstimates::keep(GivenEstimate estimate) {
    ++size_;
    if (free_.empty()) {
        estimates_.push_back(std::move(estimate));
        return static_cast<Id>(estimates_.size() - 1);
    }
    const Id id = free_.back();
    free_.pop_back();
    estimates_[id] = std::move(estimate);
    return id;
}

std::optional<GivenEstimate> PendingEstimates::release(Id& estimate) {
    const Id id = std::exchange(estimate, NONE);
    if (id == NONE) return std::nullopt;
    --size_;
    free_.push_back(id);
    return estimates_[id];
}

}  // namespace router::wait
