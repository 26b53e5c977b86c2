// Arrival rates: by queue and half-hour of the local week as far as history goes, by how today compares with it, and by what
// came lately; in kinds by channel, urgency and priority.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <vector>

#include "calendar.hpp"
#include "engine.hpp"
#include "model.hpp"
#include "name_table.hpp"

namespace router::wait {

inline constexpr std::size_t SLOTS = 48;  // half-hours of a day
inline constexpr std::int32_t SLOT_S = DAY_S / static_cast<std::int32_t>(SLOTS);

class Arrivals {
public:
    struct Kind {
        QueueId queue = NONE;
        ChannelId channel = NONE;
        Urgency urgency = Urgency::normal;
        std::uint8_t priority = 0;
        double count = 0;
        bool is(const Kind& other) const {
            return queue == other.queue && channel == other.channel && urgency == other.urgency && priority == other.priority;
        }
    };

    // From here on everything that arrives is seen: first, or again after a downtime that began at `from_us`.
    void begin(const Calendar& calendar, TimeUs time_us);
    void resume(const Calendar& calendar, TimeUs from_us, TimeUs time_us);
    void count(Kind kind, TimeUs time_us, const Calendar& calendar);
    // The day (as Calendar::day) is over; `empty_days` more went by without anybody seeing anything.
    void end_day(std::int64_t day, std::int64_t empty_days);
    // Forget queues and channels that are no longer configured.
    void keep_configured(const Engine& engine);

    // Calls per second expected of a queue at a moment from now on.
    double rate_per_s(QueueId queue, TimeUs now_us, TimeUs at_us, const Calendar& calendar) const;
    // The busiest kinds, for the next hours.
    std::vector<ArrivalStream> streams(TimeUs now_us, const Calendar& calendar) const;
    std::size_t kinds() const { return kinds_.size(); }

    template <class Archive>
    void archive(Archive& archive, const NameTable& names);

private:
    static constexpr std::size_t KINDS_MAX = 256;    // counted
    static constexpr std::size_t STREAMS_MAX = 64;   // told
    using Slots = std::array<float, SLOTS>;

    struct OfQueue {
        std::array<Slots, 7> counts{};  // by weekday; old weeks fade
        std::array<Slots, 7> seen{};    // how many such half-hours that is
        std::array<std::uint32_t, SLOTS> today{};
        double recent = 0;  // arrivals, each fading from its time on
        TimeUs recent_at_us = 0;
    };
    struct Level {
        double today = 1;     // arrivals today by those expected
        double recent = 0;    // calls per second of late
        double recent_days = 0;  // so many days of a half-hour weigh as much as what came of late
    };

    OfQueue& of(QueueId queue);
    Level level(const OfQueue& known, TimeUs now_us, const Calendar& calendar) const;
    static double seen(const OfQueue& known, int weekday, std::size_t slot);
    static double rate(const OfQueue& known, const Level& level, int weekday, std::size_t slot);
    void add_kind(Kind kind);
    std::vector<double> next_rates(const OfQueue& known, TimeUs now_us, const Calendar& calendar) const;
    void uncover(std::size_t first, std::size_t last);

    std::vector<std::unique_ptr<OfQueue>> queues_;
    std::vector<Kind> kinds_;  // in the order in which they first came: no result depends on how names are numbered
    std::bitset<SLOTS> uncovered_;  // of today: not seen from end to end
    TimeUs begun_us_ = 0;
};

}  // namespace router::wait
