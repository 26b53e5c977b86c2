// One run: the engine, the centre around it and the recorder that looks on, from the first command to the last.
#pragma once

#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>

#include "centre.hpp"
#include "hunting.hpp"

namespace router::simulation {

// The run cannot go on: what happens in it is more than the settings or any patience allow.
struct RunFailed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Run {
public:
    // The engine is new and outlives the run.
    Run(Engine& engine, Scenario scenario);
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    // Carry out one command; false, and nothing is done, when the run is over. Then command(), time_us() and the engine's
    // events() tell what happened. Throws RunFailed, and whatever the engine throws.
    bool step();
    // All of them, until the end or until cancelled() says so. Returns whether the end was reached.
    bool run();
    // From another thread: stop soon; and how far the run is.
    void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
    TimeUs reached_us() const { return reached_us_.load(std::memory_order_relaxed); }

    const Command& command() const { return *command_; }
    TimeUs time_us() const { return time_us_; }
    const Engine& engine() const { return engine_; }
    const Scenario& scenario() const { return scenario_; }
    // Of the last command: who calls, and the group of the agent who comes.
    std::uint32_t arriving_callers() const { return centre_->arriving_callers(); }
    std::uint32_t coming_group() const { return centre_->coming_group(); }
    // After the run is over.
    Recorder& recorder() { return *recorder_; }
    const std::vector<RecordedEnd>& ends() const { return centre_->ends(); }

private:
    bool choose();
    bool start();
    bool is_over(TimeUs next_us) const;
    bool is_stuck(TimeUs next_us) const;
    void follow();
    void fail_on_rejection() const;
    [[noreturn]] void fail_for_want_of_progress() const;
    void finish();

    Engine& engine_;
    const Scenario scenario_;
    Command configure_;
    Command advance_{Advance{}};
    Command pause_{PauseQueue{}};
    std::optional<Recorder> recorder_;
    std::optional<Centre> centre_;
    std::optional<Hunter> hunter_;
    std::vector<QueueId> to_pause_;
    TimeUs end_us_;
    TimeUs patience_us_;        // how long a drain goes on without progress: some time more than any offer and wrap-up takes
    TimeUs all_came_us_ = 0;    // the end of the measured time or, where that is later, the start of the last given shift
    std::uint64_t at_one_instant_max_;
    bool comes_and_goes_ = false;  // agents do so for ever
    const Command* command_ = nullptr;
    TimeUs time_us_ = 0;
    std::uint64_t at_this_instant_ = 0;
    bool configured_ = false;
    bool over_ = false;
    std::atomic<bool> cancelled_{false};
    std::atomic<TimeUs> reached_us_{0};
};

}  // namespace router::simulation
