// Discrimination by RAQFM: D. Raz, H. Levy & B. Avi-Itzhak, "A resource-allocation queueing fairness measure", SIGMETRICS 2004.
//
// At every instant the ω calls in service share what is done fairly if each of the N calls in the system gets ω ÷ N of it. D of a
// call is the service that it got less its fair share. The sum over a busy period is 0: what one gets too much another lacks.
#pragma once

#include <algorithm>
#include <cmath>

#include "statistics_figures.hpp"
#include "statistics_window.hpp"

namespace router::simulation {

class DiscriminationMeter {
public:
    DiscriminationMeter() = default;
    explicit DiscriminationMeter(Window window) : window_(window) {}

    // A call comes. Returns what it is to bring along when it leaves.
    double arrive(TimeUs time_us) {
        pass(time_us);
        if (present_++ == 0) {
            share_us_ = sum_us_ = 0;
            began_us_ = time_us;
        }
        return share_us_;
    }
    void start_service(TimeUs time_us) {
        pass(time_us);
        ++served_;
    }
    void end_service(TimeUs time_us) {
        pass(time_us);
        --served_;
    }
    // A call leaves after so much service; it is counted if it was there at all and arrived in the measured time.
    void leave(double share_at_arrival_us, TimeUs service_us, bool counted, TimeUs time_us) {
        pass(time_us);
        const double discrimination_us = static_cast<double>(service_us) - (share_us_ - share_at_arrival_us);
        sum_us_ += discrimination_us;
        if (counted) {
            ++calls_;
            total_us_ += discrimination_us;
            square_total_us2_ += discrimination_us * discrimination_us;
        }
        if (--present_ > 0 || time_us == began_us_ || !window_.has(began_us_)) return;
        ++busy_periods_;
        residue_us_ = std::max(residue_us_, std::abs(sum_us_));
    }

    Discrimination result() const {
        return {calls_, total_us_ * 1e-6, square_total_us2_ * 1e-12, busy_periods_, residue_us_ * 1e-6};
    }

private:
    void pass(TimeUs time_us) {
        if (time_us == time_us_) return;
        if (served_ > 0) {
            share_us_ += static_cast<double>(time_us - time_us_) * static_cast<double>(served_) / static_cast<double>(present_);
        }
        time_us_ = time_us;
    }

    Window window_;
    TimeUs time_us_ = 0;
    TimeUs began_us_ = 0;    // the busy period
    std::int64_t present_ = 0;  // N
    std::int64_t served_ = 0;   // ω
    double share_us_ = 0;    // ∫ ω ÷ N dt since the busy period began
    double sum_us_ = 0;      // Σ D over it
    std::int64_t calls_ = 0;
    double total_us_ = 0;
    double square_total_us2_ = 0;
    std::int64_t busy_periods_ = 0;
    double residue_us_ = 0;
};

}  // namespace router::simulation
