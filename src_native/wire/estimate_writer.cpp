#include "wire/estimate_writer.hpp"

#include "wire/format.hpp"

namespace router::wire {
namespace {

void duration(Writer& writer, std::uint32_t field, const std::optional<std::int64_t>& duration_us) {
    if (duration_us) writer.duration(field, *duration_us);
}

}  // namespace

void write_estimate(std::string& out, const Estimate& estimate) {
    Writer writer(out);
    writer.number(1, estimate.method);
    duration(writer, 2, estimate.mean_us);
    if (estimate.position) writer.number(3, static_cast<std::uint64_t>(*estimate.position), true);
    writer.number(4, static_cast<std::uint64_t>(estimate.samples));
    duration(writer, 5, estimate.p10_us);
    duration(writer, 6, estimate.p50_us);
    duration(writer, 7, estimate.p80_us);
    duration(writer, 8, estimate.p90_us);
    if (estimate.interval_us) {
        const std::size_t begun = writer.begin(9);
        writer.duration(1, estimate.interval_us->first);
        writer.duration(2, estimate.interval_us->second);
        writer.end(begun);
    }
    for (const auto& [within_us, chance] : estimate.answered_within) {
        const std::size_t begun = writer.begin(10);
        writer.duration(1, within_us);
        writer.fixed64(2, chance);
        writer.end(begun);
    }
    writer.number(11, static_cast<std::uint64_t>(estimate.futures));
    writer.number(12, estimate.callback_offered);
}

}  // namespace router::wire
