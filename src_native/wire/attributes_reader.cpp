#include "wire/attributes_reader.hpp"

#include <algorithm>

#include "limits.hpp"
#include "text.hpp"

namespace router::wire {

namespace {

// Whether `key` comes before `next` by a byte that both have.
bool is_surely_before(std::string_view key, std::string_view next) {
    const std::size_t common = std::min(key.size(), next.size());
    return key.substr(0, common) < next.substr(0, common);
}

}  // namespace

void AttributesReader::add(Reader& reader) {
    const std::string_view inner = reader.bytes(true);
    if (!reader.ok() || entries_.size() == ATTRIBUTES_MAX) {
        reader.refuse();
        return;
    }
    // an entry is written with both of its fields, whatever they are
    Reader parts(inner);
    Entry entry;
    if (parts.next() == 1) entry.key = parts.bytes();
    const bool has_value = parts.next() == 2;
    if (has_value) entry.value = parts.bytes(true);
    if (!has_value || parts.next() != 0 || !parts.ok() || !is_name(entry.key) || !is_text(entry.value)) {
        reader.refuse();
        return;
    }
    const std::size_t head = 1 + varint_size(inner.size());
    entry.bytes = std::string_view(inner.data() - head, head + inner.size());
    entries_.push_back(entry);
}

bool AttributesReader::finish(Attributes& attributes) {
    const auto by_key = [](const Entry& one, const Entry& other) { return one.key < other.key; };
    if (!std::is_sorted(entries_.begin(), entries_.end(), by_key)) put_in_order();
    std::size_t total = 0;
    attributes.reserve(entries_.size());
    for (std::size_t index = 0; index < entries_.size(); ++index) {
        const Entry& entry = entries_[index];
        if (index > 0 && !is_surely_before(entries_[index - 1].key, entry.key)) return false;
        total += entry.key.size() + entry.value.size();
        attributes.emplace_back(entry.key, entry.value);
    }
    return total <= ATTRIBUTES_BYTES_MAX;
}

void AttributesReader::put_in_order() {
    // they came one right after the other
    const std::string_view last = entries_.back().bytes;
    const char* const begin = entries_.front().bytes.data();
    region_ = std::string_view(begin, static_cast<std::size_t>(last.data() + last.size() - begin));
    std::sort(entries_.begin(), entries_.end(), [](const Entry& one, const Entry& other) { return one.key < other.key; });
    for (const Entry& entry : entries_) in_order_.push_back(entry.bytes);
}

}  // namespace router::wire
