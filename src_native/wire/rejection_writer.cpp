#include "wire/rejection_writer.hpp"

#include <string_view>

#include "text.hpp"
#include "wire/format.hpp"

namespace router::wire {
namespace {

constexpr std::string_view TYPE_URL = "type.googleapis.com/google.rpc.ErrorInfo";

void write_metadata(Writer& writer, std::string_view key, std::string_view value) {
    const std::size_t begun = writer.begin(3);
    writer.bytes(1, key);
    writer.bytes(2, value);
    writer.end(begun);
}

// A google.rpc.ErrorInfo in a google.protobuf.Any.
void write_detail(Writer& writer, const Result& result, const Wordings& wordings, const Wording& wording) {
    const std::size_t any = writer.begin(3);
    writer.bytes(1, TYPE_URL);
    const std::size_t info = writer.begin(2);
    writer.bytes(1, wording.reason);
    writer.bytes(2, wordings.domain);
    write_metadata(writer, "sequence", std::to_string(result.sequence));
    if (!result.subject.empty()) write_metadata(writer, "subject", result.subject);
    writer.end(info);
    writer.end(any);
}

}  // namespace

bool write_rejection(std::string& out, const Result& result, const Wordings& wordings) {
    const auto number = static_cast<std::size_t>(result.rejection);
    ROUTER_CHECK(number > 0);
    if (number >= wordings.reasons.size()) return false;
    if (result.subject.size() > wordings.subject_bytes_max || !is_plain(result.subject)) return false;
    const Wording& wording = wordings.reasons[number];
    Writer writer(out);
    writer.header(1, result.sequence, result.time_us);
    const std::size_t begun = writer.begin(3);
    writer.number(1, wording.code);
    writer.bytes(2, wording.before + result.subject + wording.after);
    write_detail(writer, result, wordings, wording);
    writer.end(begun);
    return true;
}

}  // namespace router::wire
