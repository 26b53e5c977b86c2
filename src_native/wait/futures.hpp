// Futures: the engine itself, run ahead from where it stands, with what is not known yet drawn from a model.
//
// A Situation is taken from the live engine in its own thread and then belongs to whoever runs it, in any thread. The same
// situation, seed and number of futures give the same waits, whatever the number of threads. Draws are keyed by what they are
// for (future, purpose, call or agent), so that two sets shortly after each other differ little by chance.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine.hpp"
#include "model.hpp"

namespace router::wait {

// Whose wait is wanted: a waiting call of the live engine, or one that is only thought of.
struct Target {
    CallId live = NONE;       // its number in the live engine; NONE: the hypothetical call
    std::uint64_t order = 0;  // of the live call: tells whether the number is still the same call's
    CallId call = NONE;       // its number in the situation's engine; NONE: a hypothetical call that was refused at once
    QueueId queue = NONE;
    TimeUs waited_us = 0;     // so far, without downtimes
    std::int64_t position = 0;  // 0: a hypothetical call that is presented to an agent at once, or refused
};

struct FutureLimits {
    std::uint32_t futures = 200;
    std::uint32_t threads = 1;
    TimeUs horizon_us = TimeUs{4} * 3600 * 1'000'000;  // a call that is not served by then counts as served then
    TimeUs budget_us = 0;   // real time after which no further future is begun (each thread ends the one it is in); 0: none
    std::uint64_t seed = 1;
    std::uint64_t commands_max = 1'000'000;  // of one future: beyond that it counts as if the horizon were met
};

// What the futures say of one target: seconds from now until an agent takes the call, if its caller stays; by future. A call
// that the engine refuses in a future (its wait limit was met, its queues are full) counts as served at the horizon.
struct TargetWaits {
    Target target;
    std::vector<float> waits_s;
    std::vector<float> weights;  // chance that the caller would still be there: weighted, it is the wait of those who are answered
    std::uint32_t beyond = 0;    // of the waits: those that met the horizon
    std::uint32_t refused = 0;   // those that ended in a refusal
};

struct FutureSet {
    TimeUs taken_us = 0;         // time of the situation: waits count from here
    std::uint64_t sequence = 0;  // of the live engine
    std::uint32_t futures = 0;   // that were run to their end: the first so many
    std::uint64_t commands = 0;  // applied in all of them: the work done
    TimeUs horizon_us = 0;       // as it was asked for
    std::vector<TargetWaits> targets;
};

struct Outset;

class Situation {
public:
    // Of all calls that wait (not detached, in a queue that is not paused; in shadow mode all queues count as not paused), or of
    // one of them. At the engine's time, or at `now_us` if that is later: nothing is known to have happened in between.
    // O(live calls and agents).
    Situation(const Engine& engine, std::shared_ptr<const Model> model, CallId only = NONE, TimeUs now_us = NEVER);
    Situation(Situation&&) noexcept;
    Situation& operator=(Situation&&) noexcept;
    ~Situation();

    // Add a call that is only thought of, coming now; its target is the last one and has `live` NONE. `live` is the engine that
    // the situation was taken from, unchanged since. Returns why the engine would reject the command, and then adds nothing.
    RejectReason suppose(const Engine& live, const Enqueue& call);

    TimeUs now_us() const;
    const std::vector<Target>& targets() const;
    // New calls are drawn, since some could go before one that waits.
    bool draws_arrivals() const;
    FutureSet run(const FutureLimits& limits, const std::atomic<bool>* cancelled = nullptr) const;

private:
    std::unique_ptr<Outset> outset_;
};

}  // namespace router::wait
