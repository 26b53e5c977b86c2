// Delay history: what calls that were served lately had waited, by queue, and what can be said from it alone.
//
// LES, HOL, Avg-LES and AvgC as in Ibrahim & Whitt (2009) and Thiongane, Chan & L'Ecuyer (2015): see docs/wait-prediction.md.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "downtimes.hpp"
#include "engine.hpp"

namespace router::wait {

inline constexpr std::size_t AVERAGED = 10;  // calls that Avg-LES and AvgC look at
inline constexpr std::size_t LENGTHS_MAX = 512;  // AvgC: calls that found more waiting count as if they had found so many
inline constexpr double RATE_TIME_S = 300;   // rates of answers fade by this time constant

// Seconds; negative: nothing to say yet.
struct DelayFigures {
    double les_s = -1;
    double hol_s = -1;       // 0 if nobody of the queue waits
    double hol_all_s = -1;   // 0 if nobody waits
    double average_s = -1;   // of the last AVERAGED that waited over a second
    double average_all_s = -1;  // of the last AVERAGED
    // AvgC: of the last AVERAGED that waited over a second and had found as many of the queue waiting; LES if none.
    double same_length_s = -1;
    std::int64_t waiting = 0;      // of the queue
    std::int64_t waiting_all = 0;  // of all queues
    double answers_per_s = 0;      // of the queue, of late
    double answers_all_per_s = 0;  // of all queues
    std::int64_t samples = 0;      // answered calls of the queue that the figures were learnt from
};

// Which waits count: those that ended with an agent, unless by force, without downtimes. A call that comes back to the queue
// (requeued, transferred) waits anew or goes on as the engine says. A detached call is not the head of its line.
class DelayHistory {
public:
    explicit DelayHistory(bool shadow = false) : shadow_(shadow) {}  // in shadow mode forced assignments are the ACD's own

    // After each command of the engine, in order. O(log calls) an event; the first time, and after restore(), O(calls).
    void observe(const Engine& engine);
    // A new day starts without the waits of the last; who waits still does.
    void forget_day();
    // For a call of the queue that comes now, or came now (`but` is it: it does not count itself).
    DelayFigures figures(const Engine& engine, QueueId queue, TimeUs now_us, CallId but = NONE) const;
    // For how long the engine was down after a moment.
    TimeUs downtime_since(TimeUs time_us) const { return downtimes_.since(time_us); }

    std::string save(const Engine& engine) const;  // names, not numbers
    void restore(const std::string& bytes, const Engine& engine);  // throws CorruptSnapshot; nothing has changed then

private:
    // The last AVERAGED of something.
    class Ring {
    public:
        void add(double value);
        double mean() const;  // -1: none
        template <class Archive, class Self>
        static void describe(Archive& archive, Self& self);

    private:
        std::array<double, AVERAGED> values_{};
        std::uint8_t count_ = 0;
        std::uint8_t next_ = 0;
    };
    // Answers per second, fading.
    struct Rate {
        TimeUs at_us = 0;
        double count = 0;
        void add(TimeUs now_us);
        double per_s(TimeUs now_us) const;
    };
    struct History {
        double last_s = -1;
        Ring waits;
        Ring long_waits;
        std::vector<Ring> by_length;
        Rate answers;
        std::int64_t samples = 0;
    };
    using Line = std::set<std::pair<TimeUs, std::uint64_t>>;  // since when, order: the oldest first
    // What was seen of a call last.
    struct Seen {
        QueueId queue = NONE;  // NONE: nothing
        bool waits = false;
        bool heads = false;  // may be the head of its line: waits and is not detached
        TimeUs since_us = 0;
        std::uint64_t order = 0;
        std::uint32_t found = 0;  // so many of the queue waited when it came
    };

    template <class Archive, class Self>
    static void describe(Archive& archive, Self& self);
    void see_all(const Engine& engine);
    void see(const Engine& engine, CallId id);
    void enter(Seen& call);
    void leave(Seen& call);
    void learn(const Event& event);
    void forget_removed(const Engine& engine);
    double head_s(const Line& line, const Seen* but, TimeUs now_us) const;
    History& history(QueueId queue);

    bool shadow_;
    bool following_ = false;
    std::vector<History> histories_;  // by queue
    std::vector<Line> lines_;         // by queue
    Line line_of_all_;
    std::vector<std::int64_t> waiting_;  // by queue
    std::int64_t waiting_all_ = 0;
    Rate answers_;
    std::vector<Seen> calls_;      // by the engine's number
    Downtimes downtimes_;
};

}  // namespace router::wait
