// The measured time, and averages over slices of it.
#pragma once

#include <algorithm>
#include <vector>

#include "base.hpp"

namespace router::simulation {

// From `from_us` until just before `until_us`.
struct Window {
    TimeUs from_us = 0;
    TimeUs until_us = 0;

    bool has(TimeUs time_us) const { return from_us <= time_us && time_us < until_us; }
    TimeUs clip(TimeUs time_us) const { return std::clamp(time_us, from_us, until_us); }
    TimeUs length_us() const { return until_us - from_us; }
};

// The measured time cut into slices of equal length; the last one is shorter where they do not come out even.
struct Slices {
    Window window;
    std::size_t count = 0;
    TimeUs slice_us = 1;

    Slices() = default;
    Slices(Window measured, std::size_t slices) : window(measured), count(slices) {
        const auto parts = static_cast<TimeUs>(std::max<std::size_t>(slices, 1));
        slice_us = std::max<TimeUs>(1, (measured.length_us() + parts - 1) / parts);
    }
    // Of a time within the window.
    std::size_t index_of(TimeUs time_us) const { return static_cast<std::size_t>((time_us - window.from_us) / slice_us); }
    TimeUs end_of(std::size_t index) const {
        return std::min(window.until_us, window.from_us + static_cast<TimeUs>(index + 1) * slice_us);
    }
    TimeUs length_of(std::size_t index) const {
        return std::max<TimeUs>(0, end_of(index) - window.from_us - static_cast<TimeUs>(index) * slice_us);
    }
};

// ∫ level dt by slice.
class SliceIntegrals {
public:
    void add(const Slices& slices, TimeUs from_us, TimeUs until_us, std::int64_t level) {
        if (level == 0 || from_us >= until_us) return;
        sums_.resize(slices.count, 0);
        for (std::size_t index = slices.index_of(from_us); from_us < until_us; ++index) {
            const TimeUs end_us = std::min(until_us, slices.end_of(index));
            sums_[index] += Wide{end_us - from_us} * level;
            from_us = end_us;
        }
    }
    // The mean levels, over `unit`.
    std::vector<double> means(const Slices& slices, double unit) const {
        std::vector<double> means(slices.count, 0.0);
        for (std::size_t index = 0; index < sums_.size(); ++index) {
            const TimeUs length_us = slices.length_of(index);
            if (length_us > 0) means[index] = static_cast<double>(sums_[index]) / static_cast<double>(length_us) / unit;
        }
        return means;
    }

private:
    std::vector<Wide> sums_;
};

}  // namespace router::simulation
