// The predictor: all that estimates waits for one engine. The learner and delay histories follow the engine's events; estimates
// come from futures with a learned correction, or from the fallbacks; what becomes of an estimated call teaches the correction.
//
// Not thread-safe but for Situations, which are handed out and belong to who runs them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "correction.hpp"
#include "coverage.hpp"
#include "delay_history.hpp"
#include "estimate.hpp"
#include "fallback.hpp"
#include "features.hpp"
#include "futures.hpp"
#include "learner.hpp"
#include "predictor_pending.hpp"

namespace router::wait {

struct PredictorSettings {
    LearnerSettings learner;
    std::int64_t answers_min = 500;  // that a correction must have learnt from before it is used
    double learned_wait_min_s = 1;   // answered sooner teaches the corrections nothing
};

// What is told of a target is made from these. They take longer than all the rest, so they belong to where the set was run.
struct TargetSummary {
    FutureSummary base;   // of those who are answered: see summarise_for_base()
    FutureSummary plain;  // if the caller stays
};
std::vector<TargetSummary> summarise_targets(const FutureSet& set);  // empty if no future was run

// What became of the estimates that were kept.
struct PredictorCounts {
    std::int64_t pending = 0;    // kept now, of either kind
    std::int64_t abandoned = 0;  // whose callers gave up: they teach nothing
};

class Predictor {
public:
    Predictor(const Engine& engine, PredictorSettings settings);

    // After each command of the engine, in order; a second time does nothing. If commands were missed, the calls that wait
    // teach nothing.
    void observe(Engine& engine);

    // What the state alone tells: immediate or none; nothing where the wait has to be guessed.
    std::optional<Estimate> settled(Engine& engine, CallId call) const { return fallback_.settled(engine, call); }
    std::optional<Estimate> settled(Engine& engine, const Enqueue& hypothetical, TimeUs now_us) const {
        return fallback_.settled(engine, hypothetical, now_us);
    }
    // Without futures, in microseconds of work: immediate, learned, qlm, les or none. `call` is a known call; queue, channel
    // and requirement of the hypothetical one are in order.
    Estimate quick(Engine& engine, CallId call, TimeUs now_us) const;
    Estimate quick(Engine& engine, const Enqueue& hypothetical, TimeUs now_us) const;

    // What futures are run with.
    std::shared_ptr<const Model> model(const Engine& engine) const { return learner_.model(engine); }
    // Whether the set's target number `index` is still the same call and waits; true for the hypothetical one.
    static bool still_waits(const Engine& engine, const FutureSet& set, std::size_t index);
    // What a set says of its target number `index`, of which `summary` is: corrected if the correction has learnt enough, else
    // simulated; as quick() (of a hypothetical call: none) while no talk is known, and in shadow mode until it is corrected. Where
    // half of the futures or more came to no answer it is none, and `unanswered`; in shadow mode as quick(). The first estimate of
    // a call that waits is kept with its features, and teaches when it is answered. `engine` may have gone on since; the target
    // must still wait, and the set must have a future.
    Estimate digest(Engine& engine, const FutureSet& set, std::size_t index, const TargetSummary& summary);
    // Chance that the call is answered within so many seconds of the set's time, if its caller stays. `estimate` is what
    // digest() made of the target: where it was corrected, so is this.
    static double answered_within(const TargetWaits& waits, const TargetSummary& summary, const Estimate& estimate,
                                  double within_s);

    const Learner& learner() const { return learner_; }
    const DelayHistory& delays() const { return delays_; }
    const FallbackHistory& history() const { return fallback_.history(); }
    const Coverage& coverage() const { return coverage_; }                  // of corrected and simulated estimates
    const Coverage& coverage_learned() const { return coverage_learned_; }  // of the learned ones
    std::int64_t answers() const { return correction_.answers(); }
    std::int64_t answers_learned() const { return learned_.answers(); }
    PredictorCounts counts() const { return {pending_.size(), abandoned_}; }

    // All that was learnt, but for the estimates of calls that wait: those teach nothing once it is restored.
    std::string save(const Engine& engine) const;
    // Into an engine that is as the other one was at save(). Throws CorruptSnapshot; nothing has changed then.
    void restore(const std::string& bytes, const Engine& engine);

private:
    bool shadow() const { return settings_.learner.shadow; }
    void follow(Engine& engine, const Event& event);
    void learn_answer(const Engine& engine, const Event& event);
    void begin_queue(const Engine& engine, QueueId queue, TimeUs now_us);
    void forget_removed(const Engine& engine);
    void estimate_arrivals(Engine& engine);
    Features features_without_futures(const Engine& engine, const Line& line, TimeUs now_us, CallId but) const;
    Estimate guess(const Engine& engine, const Line& line, TimeUs now_us, CallId but) const;

    PredictorSettings settings_;
    std::uint64_t observed_;  // sequence of the last command seen
    Learner learner_;
    DelayHistory delays_;
    Fallback fallback_;
    FeatureMaker with_futures_;
    FeatureMaker without_futures_;
    Correction correction_;
    Correction learned_;
    Coverage coverage_;
    Coverage coverage_learned_;
    PendingEstimates pending_;
    std::int64_t abandoned_ = 0;
};

}  // namespace router::wait
