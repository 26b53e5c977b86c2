#include "predictor.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace router::wait {

namespace {

constexpr double US = 1e6;

double seconds(TimeUs time_us) { return static_cast<double>(time_us) / US; }

void fill(Estimate& estimate, Method method, const Corrected& made, double share) {
    estimate.method = method;
    estimate.mean_s = made.mean_s * share;
    estimate.p10_s = made.quantile_s[1] * share;
    estimate.p50_s = made.quantile_s[2] * share;
    estimate.p80_s = made.quantile_s[3] * share;
    estimate.p90_s = made.quantile_s[5] * share;
    estimate.low_s = made.low_s * share;
    estimate.high_s = made.high_s * share;
}

Corrected as_simulated(const FutureSummary& plain) {
    return {plain.mean_s, plain.quantile_s, plain.quantile_s[LOW_LEVEL], plain.quantile_s[HIGH_LEVEL]};
}

}  // namespace

std::vector<TargetSummary> summarise_targets(const FutureSet& set) {
    std::vector<TargetSummary> summaries;
    if (set.futures == 0) return summaries;
    const std::vector<float> ones(set.futures, 1.0F);
    for (const TargetWaits& waits : set.targets) {
        summaries.push_back({summarise_for_base(waits.waits_s, waits.weights), summarise(waits.waits_s, ones)});
    }
    return summaries;
}

Predictor::Predictor(const Engine& engine, PredictorSettings settings)
    : settings_(std::move(settings)),
      observed_(engine.sequence()),
      learner_(settings_.learner),
      delays_(settings_.learner.shadow),
      fallback_(settings_.learner.shadow),
      correction_(FEATURES),
      learned_(FEATURES) {
    pending_.begin_all(engine.time_us());
}

// ---- following the engine ----

void Predictor::observe(Engine& engine) {
    if (engine.sequence() == observed_) return;
    if (engine.sequence() != observed_ + 1) pending_.begin_all(engine.time_us());
    observed_ = engine.sequence();
    learner_.observe(engine);
    if (shadow() && learner_.day_began()) {  // an outside ACD's log begins each day with nobody there
        delays_.forget_day();
        with_futures_.forget_day();
        without_futures_.forget_day();
    }
    for (const Event& event : engine.events()) follow(engine, event);
    delays_.observe(engine);
    fallback_.observe(engine);
    estimate_arrivals(engine);
}

void Predictor::follow(Engine& engine, const Event& event) {
    switch (event.kind) {
        case EventKind::call_assigned: return learn_answer(engine, event);
        case EventKind::call_abandoned: {
            const PendingEstimates::Answered gone = pending_.take(event.call);
            if (gone.with_futures || gone.without_futures) ++abandoned_;
            return;
        }
        case EventKind::call_refused: pending_.take(event.call); return;
        // somebody has changed what the estimate was about
        case EventKind::call_enqueued:
        case EventKind::call_updated:
        case EventKind::call_requeued:
        case EventKind::call_transferred:
        case EventKind::call_moved:
        case EventKind::call_turned_into_callback:
        case EventKind::call_detached:
        case EventKind::call_attached: return pending_.begin(event.call, event.time_us);
        case EventKind::queue_paused:
        case EventKind::queue_resumed:
            if (!shadow()) begin_queue(engine, event.queue, event.time_us);
            return;
        case EventKind::restarted: return pending_.begin_all(event.time_us);
        case EventKind::configured: return forget_removed(engine);
        default: return;
    }
}

void Predictor::begin_queue(const Engine& engine, QueueId queue, TimeUs now_us) {
    for (CallId call = 0; call < pending_.end(); ++call) {
        if (engine.call(call).queue == queue) pending_.begin(call, now_us);
    }
}

void Predictor::forget_removed(const Engine& engine) {
    for (const std::size_t feature : with_futures_.forget_removed(engine)) correction_.forget(feature);
    for (const std::size_t feature : without_futures_.forget_removed(engine)) learned_.forget(feature);
}

void Predictor::learn_answer(const Engine& engine, const Event& event) {
    const PendingEstimates::Answered given = pending_.take(event.call);
    if (static_cast<AssignmentCause>(event.code) == AssignmentCause::forced && !shadow()) return;
    if (seconds(event.value) <= settings_.learned_wait_min_s) return;
    const auto learn = [&](const GivenEstimate& estimate, FeatureMaker& maker, Correction& correction, Coverage& coverage) {
        if (estimate.at_us > event.time_us) return;  // made ahead of the engine, of a deadline that fired late: there was no wait
        const double wait_s = seconds(event.time_us - estimate.at_us);
        if (estimate.low_s >= 0) coverage.count(estimate.low_s, estimate.high_s, wait_s);
        correction.learn(estimate.features.base, estimate.features.x, wait_s);
        if (engine.queue(estimate.queue).configured) {
            maker.learn(estimate.queue, event.time_us, estimate.features.base, wait_s);
        }
    };
    if (given.with_futures) learn(*given.with_futures, with_futures_, correction_, coverage_);
    if (given.without_futures) learn(*given.without_futures, without_futures_, learned_, coverage_learned_);
}

// The estimate that each new call would get without futures is kept, whether it is asked for or not. Who jumps the line is no
// example of how long the line is.
void Predictor::estimate_arrivals(Engine& engine) {
    for (const Event& event : engine.events()) {
        if (event.kind != EventKind::call_enqueued) continue;
        const Call& call = engine.call(event.call);
        if (!call.known() || call.state != CallState::waiting || settled(engine, event.call)) continue;
        const Line line = line_of(engine, event.call, engine.time_us(), 0);
        if (line.position < line.waiting) continue;
        GivenEstimate given;
        given.at_us = engine.time_us();
        given.queue = line.queue;
        given.features = features_without_futures(engine, line, engine.time_us(), event.call);
        if (learned_.answers() >= settings_.answers_min) {
            const Corrected made = learned_.predict(given.features.base, given.features.x);
            given.low_s = made.low_s;
            given.high_s = made.high_s;
        }
        pending_.keep_without_futures(event.call, std::move(given));
    }
}

// ---- without futures ----

// As of a call that comes last in line.
Features Predictor::features_without_futures(const Engine& engine, const Line& line, TimeUs now_us, CallId but) const {
    Line last = line;
    last.position = std::max(line.position, line.waiting);
    return without_futures_.without_futures(fallback_.by_queue_s(last), delays_.figures(engine, line.queue, now_us, but),
                                            line.queue, learner_.second_of_day(now_us), now_us);
}

Estimate Predictor::guess(const Engine& engine, const Line& line, TimeUs now_us, CallId but) const {
    if (learned_.answers() < settings_.answers_min || !fallback_.somebody_there(line)) return fallback_.guess(engine, line);
    const Features features = features_without_futures(engine, line, now_us, but);
    Estimate estimate;
    // it learns from those who come last; who is further ahead has the share of that wait that is ahead of it
    const double share = static_cast<double>(line.position) / static_cast<double>(std::max(line.position, line.waiting));
    fill(estimate, Method::learned, learned_.predict(features.base, features.x), share);
    estimate.position = line.position;
    estimate.samples = learned_.answers();
    return estimate;
}

Estimate Predictor::quick(Engine& engine, CallId id, TimeUs now_us) const {
    if (const auto known = settled(engine, id)) return *known;
    const TimeUs downtime_us = fallback_.history().downtime_since(engine.call(id).wait_started_us);
    return guess(engine, line_of(engine, id, now_us, downtime_us), now_us, id);
}

Estimate Predictor::quick(Engine& engine, const Enqueue& hypothetical, TimeUs now_us) const {
    if (const auto known = settled(engine, hypothetical, now_us)) return *known;
    return guess(engine, line_of(engine, hypothetical, now_us), now_us, NONE);
}

// ---- with futures ----

bool Predictor::still_waits(const Engine& engine, const FutureSet& set, std::size_t index) {
    const TargetWaits& waits = set.targets[index];
    const Target& target = waits.target;
    if (target.live == NONE) return target.queue < engine.queues_known();
    if (target.live >= engine.calls_known()) return false;  // the set is of another engine
    const Call& call = engine.call(target.live);
    return call.known() && call.state == CallState::waiting && call.order == target.order;
}

Estimate Predictor::digest(Engine& engine, const FutureSet& set, std::size_t index, const TargetSummary& summary) {
    const TargetWaits& waits = set.targets[index];
    const Target& target = waits.target;
    const bool waits_now = target.live != NONE;
    if (waits_now) {
        if (const auto known = settled(engine, target.live)) return *known;
    }
    const TimeUs now_us = std::max(engine.time_us(), set.taken_us);
    const QueueId queue = waits_now ? engine.call(target.live).queue : target.queue;
    const bool corrected = correction_.answers() >= settings_.answers_min;
    const std::int64_t talks = fallback_.history().queue(queue).service.count;
    Estimate estimate;
    estimate.position = waits_now ? engine.position(target.live) : target.position;
    const auto without_futures = [&, nothing = estimate] { return waits_now ? quick(engine, target.live, now_us) : nothing; };
    if (!corrected && talks == 0) return without_futures();
    if (2 * (waits.beyond + waits.refused) >= set.futures) {
        // whatever could be guessed would be too little; but of an outside ACD it is not known who is there
        estimate.unanswered = !shadow();
        return estimate.unanswered ? estimate : without_futures();
    }
    GivenEstimate given;
    given.at_us = set.taken_us;
    given.queue = queue;
    given.features = with_futures_.with_futures(summary.base, delays_.figures(engine, queue, now_us, target.live), queue,
                                                learner_.second_of_day(set.taken_us), set.taken_us);
    const Corrected made =
        corrected ? correction_.predict(given.features.base, given.features.x) : as_simulated(summary.plain);
    fill(estimate, corrected ? Method::corrected : Method::simulated, made, 1);
    estimate.futures = set.futures;
    estimate.samples = corrected ? correction_.answers() : talks;
    // an outside ACD's agents have habits that futures alone do not know
    const bool told = corrected || !shadow();
    if (told) {
        given.low_s = made.low_s;
        given.high_s = made.high_s;
    }
    if (waits_now && pending_.wants_with_futures(target.live, set.taken_us)) {
        pending_.keep_with_futures(target.live, std::move(given));
    }
    return told ? estimate : without_futures();
}

// Where the quantiles were corrected, a time is first taken back to where it lay among the futures.
double Predictor::answered_within(const TargetWaits& waits, const TargetSummary& summary, const Estimate& estimate,
                                  double within_s) {
    double limit_s = within_s;
    if (estimate.method == Method::corrected) {
        const std::array<double, LEVELS>& raw = summary.base.quantile_s;
        const std::array<double, 5> to{0, raw[1], raw[2], raw[3], raw[5]};
        const std::array<double, 5> from{0, estimate.p10_s, estimate.p50_s, estimate.p80_s, estimate.p90_s};
        const auto next = std::upper_bound(from.begin() + 1, from.end(), within_s);
        if (next == from.end()) {
            limit_s = from.back() > 0 ? within_s * to.back() / from.back() : within_s;
        } else {
            const std::size_t at = static_cast<std::size_t>(next - from.begin());
            const double width_s = from[at] - from[at - 1];
            const double part = width_s > 0 ? (within_s - from[at - 1]) / width_s : 0;
            limit_s = to[at - 1] + part * (to[at] - to[at - 1]);
        }
    }
    std::int64_t met = std::count_if(waits.waits_s.begin(), waits.waits_s.end(),
                                     [&](float wait_s) { return static_cast<double>(wait_s) <= limit_s; });
    // who was not served, or refused, stands there with the longest wait: up to the horizon
    if (limit_s >= static_cast<double>(*std::max_element(waits.waits_s.begin(), waits.waits_s.end()))) {
        met -= std::min<std::int64_t>(met, waits.beyond + waits.refused);
    }
    return static_cast<double>(met) / static_cast<double>(waits.waits_s.size());
}

// ---- what lasts ----

namespace {

constexpr std::uint64_t SAVED_VERSION = 1;

void restore_part(ArchiveReader& archive, auto&& restore) {
    std::string bytes;
    archive.once(bytes);
    restore(bytes);
}

}  // namespace

std::string Predictor::save(const Engine& engine) const {
    ArchiveWriter archive;
    archive.number(SAVED_VERSION);
    archive(shadow());
    archive(abandoned_);
    archive.once(learner_.save(engine));
    archive.once(delays_.save(engine));
    archive.once(with_futures_.save(engine));
    archive.once(without_futures_.save(engine));
    archive.once(correction_.save());
    archive.once(learned_.save());
    archive.once(coverage_.save());
    archive.once(coverage_learned_.save());
    fallback_.history().save(archive, engine);
    return archive.seal();
}

void Predictor::restore(const std::string& bytes, const Engine& engine) {
    Predictor made(engine, settings_);
    ArchiveReader archive(bytes);
    if (archive.number() != SAVED_VERSION) throw CorruptSnapshot("another version saved what was learnt of waits");
    bool was_shadow = false;
    archive(was_shadow);
    if (was_shadow != shadow()) throw CorruptSnapshot("what was learnt of waits belongs to another mode (shadow or not)");
    archive(made.abandoned_);
    restore_part(archive, [&](const std::string& part) { made.learner_.restore(part, engine); });
    restore_part(archive, [&](const std::string& part) { made.delays_.restore(part, engine); });
    restore_part(archive, [&](const std::string& part) { made.with_futures_.restore(part, engine); });
    restore_part(archive, [&](const std::string& part) { made.without_futures_.restore(part, engine); });
    restore_part(archive, [&](const std::string& part) { made.correction_.restore(part); });
    restore_part(archive, [&](const std::string& part) { made.learned_.restore(part); });
    restore_part(archive, [&](const std::string& part) { made.coverage_.restore(part); });
    restore_part(archive, [&](const std::string& part) { made.coverage_learned_.restore(part); });
    made.fallback_.history().restore(archive, engine);
    archive.finish();
    *this = std::move(made);
}

}  // namespace router::wait
