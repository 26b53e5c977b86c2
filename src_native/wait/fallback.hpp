// Estimates without futures, in microseconds of work: what the state alone tells, and the formulas qlm and les.
//
// Rule of choice, the first that applies:
// 1. immediate if the call is being offered or with an agent, or, for a hypothetical call, if an agent may take it at once;
// 2. none if the queue is paused or the call is detached or over: nobody can tell when it goes on;
// 3. (the Predictor: learned, once its regression has learnt enough)
// 4. qlm and les, as far as there is something to make them from:
//    - qlm needs completed calls of the queue and agents, ready or at work, who satisfy the call's present step. It takes the calls
//      ahead, those agents, the queue's mean service time and its rate of abandonment (Ibrahim & Whitt 2009);
//    - les needs LES_SAMPLES_MIN calls of the queue that got an agent: the wait of the last one, less what this one has waited.
//      For a call that may jump the line it is the share of that wait that its position is of the line. Once nothing is left
//      of it, it says nothing: a caller who waits is never told 0 seconds because somebody before was luckier.
//    Neither says anything where no such agent is there (but in shadow mode les does): what others waited tells nothing then.
//    If as many agents are at work for this queue as could serve the call, they are taken to serve it alone: qlm. Else they
//    share their time with other queues, and qlm, which gives them all to this one, is but a floor: the larger of the two;
// 5. none: nothing can be told but the place in line.
//
// Detached calls ahead count like any others: each may be back in its place at any time. In shadow mode an outside ACD decides:
// there no queue counts as paused, and that an agent is free does not mean that the call is taken at once.
#pragma once

#include <cstdint>
#include <optional>

#include "estimate.hpp"
#include "fallback_history.hpp"
#include "fallback_line.hpp"

namespace router::wait {

inline constexpr std::int64_t LES_SAMPLES_MIN = 3;

// Mean wait of a patient caller with `ahead` calls in front: the sum over i = 0 … ahead of 1 ÷ (servers·service + i·patience),
// rates and wait in one unit of time. O(1): past 64 terms the sum is completed by the Euler-Maclaurin formula, with a relative
// error below 1e-9. Throws std::invalid_argument.
double ql_modified(std::int64_t ahead, std::int64_t servers, double service_rate, double patience_rate);

class Fallback {
public:
    explicit Fallback(bool shadow) : shadow_(shadow), history_(shadow) {}

    void observe(const Engine& engine) { history_.observe(engine); }
    FallbackHistory& history() { return history_; }
    const FallbackHistory& history() const { return history_; }

    // What the state alone tells: immediate or none; nothing where the wait has to be guessed.
    std::optional<Estimate> settled(Engine& engine, CallId call) const;
    std::optional<Estimate> settled(Engine& engine, const Enqueue& hypothetical, TimeUs now_us) const;
    // Somebody is ready or at work who satisfies the step. Of an outside ACD that is not known: there always.
    bool somebody_there(const Line& line) const { return shadow_ || line.servers >= 1; }
    // By qlm or les, else none.
    Estimate guess(const Engine& engine, const Line& line) const;
    // By qlm alone, in seconds; negative: nothing to make it from.
    double by_queue_s(const Line& line) const;

private:
    bool stands_still(const Engine& engine, QueueId queue) const { return !shadow_ && engine.queue(queue).paused; }
    std::optional<Estimate> by_delay(const Line& line) const;

    bool shadow_;
    FallbackHistory history_;
};

}  // namespace router::wait
