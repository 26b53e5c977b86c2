// Many futures, in as many threads as are wanted.
#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "futures_future.hpp"

namespace router::wait {

namespace {

constexpr std::uint32_t PROBES = 3;

// Gives the futures out in order, until all are begun, the time is up or somebody stops it. What was begun is also ended, so
// what was run is always the first so many.
class Pool {
public:
    Pool(const Beginning& beginning, const FutureLimits& limits, const std::atomic<bool>* cancelled)
        : beginning_(beginning), limits_(limits), cancelled_(cancelled), started_(std::chrono::steady_clock::now()) {}

    void run() {
        probe();
        const std::uint32_t threads = std::min(limits_.threads, limits_.futures);
        std::vector<std::thread> others;
        for (std::uint32_t number = 1; number < threads; ++number) others.emplace_back([this] { work(); });
        work();
        for (std::thread& other : others) other.join();
        if (failure_) std::rethrow_exception(failure_);
    }

    std::uint32_t done() const { return next_; }
    std::uint64_t commands() const { return commands_; }
    // Of one target, by future.
    std::vector<float> waits_of(std::size_t target) const {
        std::vector<float> waits_s(next_);
        for (const Row& row : rows_) waits_s[row.number] = row.waits_s[target];
        return waits_s;
    }

private:
    // What one future says of all targets.
    struct Row {
        std::uint32_t number;
        std::vector<float> waits_s;
    };

    // A call that nobody takes for hours, since its only agent is away, would keep every future going to the horizon, for
    // the sake of its own wait alone. Whoever waits so in each of the first futures, while others do not, is not waited
    // for in the rest. The probes are run whatever they take, so that the result does not hang on the clock.
    void probe() {
        if (beginning_.outset.targets.size() < 2 || limits_.futures <= PROBES) return;
        const double horizon_s = static_cast<double>(limits_.horizon_us) * 1e-6;
        Future future(beginning_, limits_);
        std::vector<bool> stuck;
        for (; next_ < PROBES && (next_ == 0 || !stuck.empty()) && !(cancelled_ != nullptr && cancelled_->load()); ++next_) {
            const std::vector<double>& waits_s = future.run(next_);
            rows_.push_back({next_, std::vector<float>(waits_s.begin(), waits_s.end())});
            if (next_ == 0) stuck.assign(waits_s.size(), true);
            for (std::size_t i = 0; i < waits_s.size(); ++i) stuck[i] = stuck[i] && waits_s[i] >= horizon_s;
            const auto left = std::count(stuck.begin(), stuck.end(), true);
            if (left == 0 || left == static_cast<std::ptrdiff_t>(stuck.size())) stuck.clear();
        }
        commands_ += future.commands();
        if (stuck.empty()) return;
        stuck_ = std::move(stuck);
        started_ = std::chrono::steady_clock::now();
    }

    // Taking a number and looking at the clock go together, so that no number is skipped.
    bool take(std::uint32_t& number) {
        const std::lock_guard lock(mutex_);
        if (next_ >= limits_.futures || failure_ || (cancelled_ != nullptr && cancelled_->load())) return false;
        const auto spent = std::chrono::steady_clock::now() - started_;
        if (limits_.budget_us > 0 && spent >= std::chrono::microseconds(limits_.budget_us)) return false;
        number = next_++;
        return true;
    }

    void work() {
        try {
            Future future(beginning_, limits_);
            future.do_not_wait_for(stuck_);
            std::vector<Row> rows;
            std::uint32_t number = 0;
            while (take(number)) {
                const std::vector<double>& waits_s = future.run(number);
                rows.push_back({number, std::vector<float>(waits_s.begin(), waits_s.end())});
            }
            const std::lock_guard lock(mutex_);
            commands_ += future.commands();
            std::move(rows.begin(), rows.end(), std::back_inserter(rows_));
        } catch (...) {
            const std::lock_guard lock(mutex_);
            failure_ = std::current_exception();
        }
    }

    const Beginning& beginning_;
    const FutureLimits& limits_;
    const std::atomic<bool>* cancelled_;
    std::vector<bool> stuck_;  // by target; empty: none
    std::chrono::steady_clock::time_point started_;
    std::mutex mutex_;
    std::uint32_t next_ = 0;
    std::vector<Row> rows_;  // in no order
    std::uint64_t commands_ = 0;
    std::exception_ptr failure_;
};

TargetWaits judge(const Beginning& beginning, std::size_t index, std::vector<float> waits_s, TimeUs horizon_us) {
    const auto horizon_s = static_cast<float>(static_cast<double>(horizon_us) * 1e-6);
    TargetWaits judged{beginning.outset.targets[index], std::move(waits_s), {}};
    const CallId call = judged.target.call;
    const Caller* caller = call == NONE ? nullptr : &beginning.callers[call];
    const bool stays = caller == nullptr || caller->patience == nullptr || caller->patience->endless();
    judged.weights.reserve(judged.waits_s.size());
    for (float& wait_s : judged.waits_s) {
        if (wait_s < 0) {
            ++judged.refused;
            wait_s = horizon_s;
        } else if (wait_s >= horizon_s) {
            ++judged.beyond;
        }
        const double weight = stays ? 1 : caller->patience->survival(caller->age_s, static_cast<double>(wait_s));
        judged.weights.push_back(static_cast<float>(weight));
    }
    return judged;
}

void check(const FutureLimits& limits) {
    const auto require = [](bool sound, const char* what) {
        if (!sound) throw std::invalid_argument(std::string("futures need ") + what);
    };
    require(limits.threads >= 1, "at least one thread");
    require(limits.horizon_us >= 1 && limits.horizon_us <= DURATION_US_MAX, "a horizon of 1 us to 366 days");
    require(limits.budget_us >= 0, "a budget of 0 us or more");
    require(limits.commands_max >= 1, "at least one command");
}

}  // namespace

FutureSet Situation::run(const FutureLimits& limits, const std::atomic<bool>* cancelled) const {
    check(limits);
    FutureSet set;
    set.taken_us = outset_->now_us;
    set.sequence = outset_->sequence;
    set.horizon_us = limits.horizon_us;
    const Beginning beginning(*outset_);
    Pool pool(beginning, limits, cancelled);
    if (!outset_->targets.empty() && limits.futures > 0) pool.run();
    set.futures = pool.done();
    set.commands = pool.commands();
    for (std::size_t index = 0; index < outset_->targets.size(); ++index) {
        set.targets.push_back(judge(beginning, index, pool.waits_of(index), limits.horizon_us));
    }
    return set;
}

}  // namespace router::wait
