#include "histogram.hpp"

#include <algorithm>
#include <cmath>

namespace router::simulation {

void Histogram::grow(std::size_t index) { counts_.resize(std::max(index + 1, counts_.size() * 3 / 2), 0); }

void Histogram::merge(const Histogram& other) {
    if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size(), 0);
    for (std::size_t index = 0; index < other.counts_.size(); ++index) counts_[index] += other.counts_[index];
    count_ += other.count_;
}

double Histogram::value_in(std::size_t index, std::uint64_t place) const {
    const std::size_t block = index >> BITS;
    const std::size_t shift = block == 0 ? 0 : block - 1;
    const std::uint64_t low = (static_cast<std::uint64_t>(index) - (shift << BITS)) << shift;
    const auto widest = static_cast<double>((std::uint64_t{1} << shift) - 1);
    return static_cast<double>(low) + widest * (static_cast<double>(place) + 0.5) / static_cast<double>(counts_[index]);
}

std::vector<double> Histogram::percentiles(std::span<const double> percents) const {
    std::vector<double> found;
    if (count_ == 0) return found;
    std::size_t index = 0;
    std::uint64_t before = 0;  // values in the buckets before this one
    const auto value_at = [&](std::uint64_t rank) {
        while (before + counts_[index] <= rank) before += counts_[index++];
        return value_in(index, rank - before);
    };
    for (const double percent : percents) {
        const double rank = static_cast<double>(count_ - 1) * percent / 100;
        const auto lower = static_cast<std::uint64_t>(rank);
        const double part = rank - static_cast<double>(lower);
        const double low = value_at(lower);
        const std::size_t at = index;
        const std::uint64_t at_before = before;
        found.push_back(part > 0 ? low + part * (value_at(lower + 1) - low) : low);
        index = at;  // the next percent may ask for the same rank again
        before = at_before;
    }
    return found;
}

}  // namespace router::simulation
