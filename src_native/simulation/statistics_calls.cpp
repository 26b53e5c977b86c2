#include "statistics_calls.hpp"

namespace router::simulation {

namespace {

std::vector<double> first_to_99th() {
    std::vector<double> percents;
    for (int percent = 1; percent < 100; ++percent) percents.push_back(percent);
    return percents;
}

}  // namespace

void CallTally::merge(const CallTally& other) {
    const CallFigures& from = other.figures;
    for (const auto member : {&CallFigures::offered, &CallFigures::answered, &CallFigures::abandoned, &CallFigures::blocked,
                              &CallFigures::refused, &CallFigures::unfinished, &CallFigures::delayed,
                              &CallFigures::answered_in_target, &CallFigures::redials, &CallFigures::resolved,
                              &CallFigures::unresolved, &CallFigures::first_calls, &CallFigures::first_resolved,
                              &CallFigures::satisfactions, &CallFigures::slips, &CallFigures::skips,
                              &CallFigures::overtaken, &CallFigures::kin_slips, &CallFigures::kin_skips}) {
        figures.*member += from.*member;
    }
    for (const auto member : {&CallFigures::wait_all_sum_us, &CallFigures::wait_served_sum_us, &CallFigures::talk_sum_us}) {
        figures.*member += from.*member;
    }
    figures.satisfaction_sum += from.satisfaction_sum;
    served_waits.merge(other.served_waits);
    other_waits.merge(other.other_waits);
}

CallFigures CallTally::result() const {
    static const std::vector<double> percents = first_to_99th();
    CallFigures result = figures;
    Histogram all_waits = served_waits;
    all_waits.merge(other_waits);
    result.wait_all_percentiles_us = all_waits.percentiles(percents);
    result.wait_served_percentiles_us = served_waits.percentiles(percents);
    return result;
}

}  // namespace router::simulation
