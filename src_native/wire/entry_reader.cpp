#include "wire/entry_reader.hpp"

#include "limits.hpp"
#include "text.hpp"
#include "wire/values.hpp"

namespace router::wire {
namespace {

bool is_id(std::string_view text) { return text.empty() || is_name(text); }

bool is_digest(std::string_view content) {
    return content.size() >= DIGEST_BYTES_MIN && content.size() <= DIGEST_BYTES_MAX;
}

bool is_sound(const ReadEntry& entry) {
    if (!is_id(entry.client_id) || !is_id(entry.request_id)) return false;
    if (entry.read && !entry.read->request_id.empty()) return false;
    return entry.request_id.empty() || (!entry.client_id.empty() && is_digest(entry.content));
}

}  // namespace

const Command& ReadEntry::command() const {
    static const Command advance{Advance{}};
    return read ? read->command : advance;
}

std::optional<ReadEntry> read_entry(std::string_view bytes) {
    std::optional<ReadEntry> entry(std::in_place);
    Reader reader(bytes);
    while (const std::uint32_t field = reader.next()) {
        switch (field) {
            case 1: entry->time_us = static_cast<TimeUs>(read_number(reader, 1, TIME_US_MAX)); break;
            case 2: entry->client_id = reader.bytes(); break;
            case 3: entry->request_id = reader.bytes(); break;
            case 4: entry->content = reader.bytes(); break;
            case 5:  // who did it, which matters to nobody here
                if (!is_text(reader.bytes())) reader.refuse();
                break;
            case 10:
                entry->read = read_command(reader.bytes(true));
                if (!entry->read) reader.refuse();
                break;
            default: reader.refuse();
        }
    }
    if (!reader.ok() || !is_sound(*entry)) return std::nullopt;
    return entry;
}

}  // namespace router::wire
