// What a run is told: callers, agents and how long, in microseconds from its start. See router/simulation/scenario/model.py.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "distributions.hpp"

namespace router::simulation {

enum class ArrivalKind : std::uint8_t { poisson, renewal, recorded };

struct Arrivals {
    ArrivalKind kind = ArrivalKind::poisson;
    std::vector<double> rates_per_s;  // one per period
    TimeUs period_us = 0;
    double day_factor_cv = 0;
    TimeUs day_us = 0;
    Distribution interval;            // renewal
};

struct Redial {
    double chance = 0;
    Distribution after;
    std::int64_t times_max = UNLIMITED;
};

template <class Key>
using Table = std::vector<std::pair<Key, double>>;  // the value holds from its key on; below the first the first one holds

template <class Key>
double look_up(const Table<Key>& table, Key key) {
    double value = table.front().second;
    for (const auto& [from, from_value] : table) {
        if (from <= key) value = from_value;
    }
    return value;
}

struct Callers {
    std::string name;
    std::string queue;
    std::string channel;
    Urgency urgency = Urgency::normal;
    std::uint8_t priority = 0;
    std::optional<RequirementSpec> requirement;  // none: the queue's
    Arrivals arrivals;
    Distribution handle_time;
    std::optional<Distribution> patience;
    std::optional<Distribution> wrap_up;
    std::string skill;  // whose level the tables mean; empty: none, level 0
    Table<int> handle_factor_by_level;
    Table<int> resolution_by_level;
    Table<TimeUs> satisfaction_by_wait;
    std::optional<Redial> redial_unresolved;
    std::optional<Redial> redial_abandoned;
    std::uint64_t customers = 0;  // 0: a new one each time
    bool known = false;
};

enum class ShiftEnd : std::uint8_t { finish, requeue, cut };

struct AgentGroup {
    std::string name;
    std::vector<std::string> agents;  // names; those in front are there first
    Skills skills;
    Capacities capacity;
    std::optional<Distribution> handle_time;
    std::vector<std::optional<Distribution>> handle_times;  // by callers
    double handle_factor = 1;
    Distribution ring;
    double reject = 0;
    Distribution reject_after;
    double no_answer = 0;
    Distribution return_after;
    std::vector<std::int64_t> staffing;  // agents there in each period, in a cycle; empty: by shifts
    TimeUs staffing_period_us = 0;
    std::vector<std::pair<TimeUs, TimeUs>> shifts;  // of each of them, rising; empty too: always there
    ShiftEnd at_shift_end = ShiftEnd::finish;
};

// A call that was recorded, in order of arrival over all callers.
struct RecordedCall {
    TimeUs time_us = 0;
    std::uint32_t callers = 0;
    TimeUs handle_us = NEVER;    // NEVER: drawn
    TimeUs patience_us = DRAWN;  // NEVER: waits for ever; DRAWN: drawn

    static constexpr TimeUs DRAWN = -2;
};

enum class Ending : std::uint8_t { drain, cut };
enum class LineOrder : std::uint8_t { first_come, last_come, random };
enum class HuntedAgent : std::uint8_t { longest_idle, random };

struct Hunting {
    LineOrder order = LineOrder::first_come;
    HuntedAgent agent = HuntedAgent::longest_idle;
};

struct Scenario {
    Configure configure;
    std::vector<Callers> callers;
    std::vector<AgentGroup> groups;
    std::vector<RecordedCall> recorded;
    std::vector<std::string> recorded_names;  // of the calls, where they are named; empty: call-1, call-2, …
    TimeUs epoch_us = 0;  // what the engine takes the start of the run for
    TimeUs warm_up_us = 0;
    TimeUs length_us = 0;
    Ending ending = Ending::drain;
    std::optional<Hunting> hunting;
    std::uint64_t seed = 1;
    std::uint64_t replication = 0;
    bool named = false;      // calls have names, for commands and events that people read
    bool keep_ends = false;  // remember how each recorded call ended
    std::size_t slices = 0;  // of the series; 0: none

    TimeUs end_us() const { return warm_up_us + length_us; }
};

}  // namespace router::simulation
