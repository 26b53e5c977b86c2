// When an agent is there: the first and the last moment of each of its last days, by kind of day.
#pragma once

#include <array>
#include <cstdint>

#include "calendar.hpp"
#include "model.hpp"

namespace router::wait {

class Presence {
public:
    // The agent is there, at a second of the present day.
    void came(std::int32_t second_of_day) {
        if (today_.in_s < 0) today_.in_s = second_of_day;
        today_.out_s = second_of_day;
    }
    // Was there until now.
    void went(std::int32_t second_of_day) {
        if (today_.in_s >= 0) today_.out_s = second_of_day;
    }
    bool seen_today() const { return today_.in_s >= 0; }
    // The day is over; it counts if anybody worked on it.
    void end_day(DayKind kind, bool anybody_worked);
    // The days of this kind, as the model has them.
    void tell(DayKind kind, AgentModel& model) const;

    template <class Archive>
    void archive(Archive& archive);

private:
    static constexpr std::size_t WORKDAYS = 16;  // remembered
    static constexpr std::size_t OTHERS = 8;

    template <std::size_t SIZE>
    struct Days {
        std::array<AgentModel::Day, SIZE> days{};
        std::uint32_t ended = 0;
        void add(AgentModel::Day day) { days[ended++ % SIZE] = day; }
        void tell(AgentModel& model) const;
    };

    AgentModel::Day today_;
    Days<WORKDAYS> workdays_;
    Days<OTHERS> saturdays_, sundays_;
};

}  // namespace router::wait
