#include "fallback.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace router::wait {

namespace {

constexpr std::int64_t EXACT_TERMS = 64;
constexpr double US = 1e6;

double sum_tail(double capacity, double patience_rate, std::int64_t first, std::int64_t last) {
    if (last < first) return 0.0;
    const double low = capacity + static_cast<double>(first) * patience_rate;
    const double high = capacity + static_cast<double>(last) * patience_rate;
    const double terms = static_cast<double>(last - first);
    const double growth = terms * patience_rate / low;
    const double integral = terms / low * (growth > 0 ? std::log1p(growth) / growth : 1.0);
    const double ends = (1 / low + 1 / high) / 2;
    const double slopes = patience_rate / 12 * (1 / (low * low) - 1 / (high * high));
    return integral + ends + slopes;
}

Estimate immediate(std::int64_t position, std::int64_t samples) {
    Estimate estimate;
    estimate.method = Method::immediate;
    estimate.mean_s = estimate.p10_s = estimate.p50_s = estimate.p80_s = estimate.p90_s = 0;
    estimate.low_s = estimate.high_s = 0;
    estimate.position = position;
    estimate.samples = samples;
    return estimate;
}

Estimate none(std::int64_t position) {
    Estimate estimate;
    estimate.position = position;
    return estimate;
}

}  // namespace

double ql_modified(std::int64_t ahead, std::int64_t servers, double service_rate, double patience_rate) {
    if (ahead < 0 || servers < 1 || !std::isfinite(service_rate) || service_rate <= 0 || !std::isfinite(patience_rate) ||
        patience_rate < 0) {
        throw std::invalid_argument("ahead " + std::to_string(ahead) + ", servers " + std::to_string(servers) + ", service_rate " +
                                    std::to_string(service_rate) + ", patience_rate " + std::to_string(patience_rate) +
                                    ": 0 or more, 1 or more, above 0 and 0 or more are right");
    }
    const double capacity = static_cast<double>(servers) * service_rate;
    if (patience_rate == 0) return static_cast<double>(ahead + 1) / capacity;
    double head = 0;
    for (std::int64_t place = 0; place < std::min(ahead + 1, EXACT_TERMS); ++place) {
        head += 1 / (capacity + static_cast<double>(place) * patience_rate);
    }
    return head + sum_tail(capacity, patience_rate, EXACT_TERMS, ahead);
}

std::optional<Estimate> Fallback::settled(Engine& engine, CallId id) const {
    const Call& call = engine.call(id);
    if (call.state == CallState::offered || call.state == CallState::assigned) {
        return immediate(0, history_.queue(call.queue).served);
    }
    if (call.state != CallState::waiting) return none(0);
    if (call.detached || stands_still(engine, call.queue)) return none(engine.position(id));
    return std::nullopt;
}

std::optional<Estimate> Fallback::settled(Engine& engine, const Enqueue& hypothetical, TimeUs now_us) const {
    const QueueId queue = queue_of(engine, hypothetical);
    if (stands_still(engine, queue)) return none(line_of(engine, hypothetical, now_us).position);
    if (shadow_ || !may_be_taken(engine, hypothetical, now_us)) return std::nullopt;
    return immediate(1, history_.queue(queue).served);
}

double Fallback::by_queue_s(const Line& line) const {
    const QueueHistory& known = history_.queue(line.queue);
    if (line.servers < 1 || known.service.sum_us <= 0 || known.service.count < 1) return -1;
    return ql_modified(line.position - 1, line.servers, 1 / known.service.mean_us(), known.patience_rate()) / US;
}

std::optional<Estimate> Fallback::by_delay(const Line& line) const {
    const QueueHistory& known = history_.queue(line.queue);
    if (known.served < LES_SAMPLES_MIN) return std::nullopt;
    double left_us;
    if (line.may_jump) {
        left_us = static_cast<double>(known.last_wait_us) * static_cast<double>(line.position) /
                  static_cast<double>(std::max(line.position, line.waiting));
    } else {
        left_us = static_cast<double>(known.last_wait_us - line.waited_us);
    }
    if (left_us <= 0) return std::nullopt;
    Estimate estimate;
    estimate.method = Method::les;
    estimate.mean_s = left_us / US;
    estimate.position = line.position;
    estimate.samples = known.served;
    return estimate;
}

Estimate Fallback::guess(const Engine& engine, const Line& line) const {
    if (!somebody_there(line)) return none(line.position);
    const QueueHistory& known = history_.queue(line.queue);
    const std::optional<Estimate> delay = by_delay(line);
    const double queue_s = by_queue_s(line);
    if (queue_s < 0) return delay.value_or(none(line.position));
    const Queue& queue = engine.queue(line.queue);
    const std::int64_t at_work = queue.assigned + queue.offered + known.wrapping_up;
    if (delay && at_work < line.servers && queue_s < delay->mean_s) return *delay;
    Estimate estimate;
    estimate.method = Method::qlm;
    estimate.mean_s = queue_s;
    estimate.position = line.position;
    estimate.samples = known.service.count;
    return estimate;
}

}  // namespace router::wait
