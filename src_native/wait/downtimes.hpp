// Times in which the server was down, of late: they are neither waits nor talks.
#pragma once

#include <vector>

#include "archive.hpp"
#include "base.hpp"

namespace router::wait {

struct Downtime {
    TimeUs ended_us = 0;
    TimeUs length_us = 0;
};

class Downtimes {
public:
    static constexpr std::size_t KEPT = 32;  // the last ones

    void add(TimeUs ended_us, TimeUs length_us) {
        if (all_.size() == KEPT) all_.erase(all_.begin());
        all_.push_back({ended_us, length_us});
    }
    // How much of what was since a moment was downtime. A downtime that it lies in counts whole.
    TimeUs since(TimeUs time_us) const {
        TimeUs sum_us = 0;
        for (const Downtime& downtime : all_) {
            if (downtime.ended_us > time_us) sum_us += downtime.length_us;
        }
        return sum_us;
    }
    // The oldest first.
    const std::vector<Downtime>& all() const { return all_; }

    // For both ways; throws CorruptSnapshot.
    template <class Archive>
    void archive(Archive& archive) {
        std::uint64_t count = all_.size();
        archive(count);
        if (count > KEPT) throw CorruptSnapshot("the snapshot has too many downtimes");
        all_.resize(count);
        TimeUs left_us = TIME_US_MAX;  // for all of them together
        for (Downtime& downtime : all_) {
            archive(downtime.ended_us);
            archive(downtime.length_us);
            const bool sound = downtime.ended_us >= 0 && downtime.ended_us <= TIME_US_MAX && downtime.length_us >= 0;
            if (!sound || (left_us -= downtime.length_us) < 0) throw CorruptSnapshot("the snapshot has a downtime out of range");
        }
    }

private:
    std::vector<Downtime> all_;
};

}  // namespace router::wait
