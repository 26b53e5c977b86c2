// A coverage-guided fuzzer (libFuzzer) of the native readers of commands and entries: whatever the bytes, they are read or refused.
//
// Keeps one invariant: what is read is in its final form, so that it is read again as the same bytes, and a byte less is
// no command any more. Any other outcome ends the process, and libFuzzer keeps the input.
#include <cstdio>
#include <cstdlib>

#include "wire/command_reader.hpp"
#include "wire/entry_reader.hpp"
#include "wire/format.hpp"
#include "wire/requirement_reader.hpp"
#include "wire/result_writer.hpp"

namespace router::wire::fuzz {

namespace {

void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "FINDING: %s\n", what);
    std::abort();
}

bool is_within(std::string_view inner, std::string_view outer) {
    return inner.empty() || (inner.data() >= outer.data() && inner.data() + inner.size() <= outer.data() + outer.size());
}

void look_at(const ReadCommand& read, std::string_view bytes) {
    const std::string_view from = read.own.empty() ? bytes : std::string_view(read.own.data(), read.own.size());
    expect(is_within(read.request_id, bytes), "the request id is not of these bytes");
    expect(is_within(read.whole, from) && is_within(read.part, from), "a view is into other bytes");
    std::string wrapped;
    wrap_part(wrapped, read.field, read.part);
    expect(wrapped == read.whole, "the command is more than its message");

    const auto again = read_command(read.whole);
    expect(again.has_value(), "what was read is not read again");
    expect(again->own.empty() && again->whole == read.whole, "what was read was not in order");
    expect(again->command.index() == read.command.index(), "it is read as another kind of command");
    expect(!read_command(read.whole.substr(0, read.whole.size() - 1)), "it is read without its last byte");

    const auto part = read_part(read.field, read.part);
    expect(part.has_value() && part->part == read.part, "its own message is not read");
    const auto content = digest_of(read);
    expect(content == digest_of(*part), "its digest is another one");
    std::string entry;
    write_entry(entry, {1, "pbx", read.request_id, {content.data(), content.size()}, "local", read.whole});
    Reader record(entry);
    expect(record.next() == 1, "its entry is no record");
    const std::string_view entry_bytes = record.bytes();
    expect(record.ok() && record.at_end(), "its entry is not all of the record");
    const auto replayed = read_entry(entry_bytes);
    expect(replayed && replayed->read && replayed->read->whole == read.whole, "it is journalled as something else");
    expect(replayed->request_id == read.request_id, "it is journalled with another request id");
}

}  // namespace

void run(std::string_view bytes) {
    if (const auto read = read_command(bytes)) look_at(*read, bytes);
    if (const auto entry = read_entry(bytes)) expect(entry->time_us >= 0, "an entry is before all time");
    for (std::uint32_t field = 0; field < 20; ++field) {
        if (const auto read = read_part(field, bytes)) digest_of(*read);
    }
    RequirementSpec requirement;
    read_requirement(bytes, requirement);
}

}  // namespace router::wire::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    router::wire::fuzz::run(std::string_view(reinterpret_cast<const char*>(data), size));
    return 0;
}
