#include "wire/result_writer.hpp"

#include "wire/format.hpp"

namespace router::wire {

void write_answer(std::string& out, const Result& result, bool repeated) {
    ROUTER_CHECK(result.rejection == RejectReason::none);
    Writer writer(out);
    writer.header(1, result.sequence, result.time_us);
    const std::size_t begun = writer.begin(2);
    if (result.about_call) {
        writer.number(1, static_cast<std::uint64_t>(result.call_state) + 1);  // 0 is "unspecified" on the wire
        writer.bytes(2, result.queue, true);
    }
    writer.bytes(3, result.agent);
    writer.number(4, result.offer);
    writer.number(5, repeated);
    writer.end(begun);
}

void write_entry(std::string& out, const EntryParts& parts) {
    Writer writer(out);
    const std::size_t begun = writer.begin(1);
    writer.number(1, static_cast<std::uint64_t>(parts.time_us));
    writer.bytes(2, parts.client_id);
    writer.bytes(3, parts.request_id);
    writer.bytes(4, parts.content);
    writer.bytes(5, parts.actor);
    writer.bytes(10, parts.command, true);
    writer.end(begun);
}

void wrap_part(std::string& out, std::uint32_t field, std::string_view part) { Writer(out).bytes(field, part, true); }

}  // namespace router::wire
