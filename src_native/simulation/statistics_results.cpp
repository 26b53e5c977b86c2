// The end of a run, and what was found.
#include "statistics_parts.hpp"

namespace router::simulation {

void Recorder::finish(TimeUs end_us) {
    ROUTER_CHECK(end_us >= window_.until_us);
    pass_marks(end_us);
    for (FollowedCall& call : calls_) {
        if (call.talking && call.counted) tallies_[call.callers].figures.talk_sum_us += end_us - call.since_us;
        if (!call.waiting) continue;
        balance_.waited_us += window_.clip(end_us) - window_.clip(call.since_us);
        if (!call.counted || call.answered) continue;
        if (!call.presented) ++tallies_[call.callers].figures.delayed;
        count_other_wait(call, &CallFigures::unfinished, end_us);
    }
    for (QueueId queue = 0; queue < lengths_.size(); ++queue) change_length(queue, 0, end_us);
    agents_.finish();
}

CallFigures Recorder::all_figures() const {
    CallTally all;
    for (const CallTally& tally : tallies_) all.merge(tally);
    return all.result();
}

QueueFigures Recorder::queue_figures(QueueId queue) const {
    CallTally calls;
    for (std::size_t callers = 0; callers < tallies_.size(); ++callers) {
        if (queue_of_[callers] == queue) calls.merge(tallies_[callers]);
    }
    return {calls.result(), lengths_[queue].integral_us, lengths_[queue].max};
}

Balance Recorder::balance() const {
    Balance balance = balance_;
    for (const QueueLength& length : lengths_) balance.length_integral_us += length.integral_us;
    return balance;
}

Series Recorder::series() const {
    Series series;
    series.slice_us = slices_.slice_us;
    for (const SliceWaits& slice : slice_waits_) {
        series.offered.push_back(slice.offered);
        const double wait_us = static_cast<double>(slice.wait_us);
        series.wait_mean_us.push_back(slice.ended > 0 ? wait_us / static_cast<double>(slice.ended) : -1.0);
    }
    for (const SliceIntegrals& waiting : waiting_slices_) series.waiting.push_back(waiting.means(slices_, 1.0));
    for (std::size_t group = 0; group < agents_.groups(); ++group) {
        series.present.push_back(agents_.present_means(group));
        series.busy.push_back(agents_.busy_means(group));
    }
    return series;
}

}  // namespace router::simulation
