#include "wire/command_reader.hpp"

#include <algorithm>
#include <utility>

#include "limits.hpp"
#include "wire/attributes_reader.hpp"
#include "wire/requirement_reader.hpp"
#include "wire/values.hpp"

namespace router::wire {

namespace {

constexpr const char* CHANNEL = "voice";  // where none is given

Urgency read_urgency(Reader& reader) {
    const std::uint64_t number = read_number(reader, 1, URGENCIES);  // 0 is "unspecified" on the wire
    return reader.ok() ? static_cast<Urgency>(number - 1) : Urgency::normal;
}

std::uint8_t read_small(Reader& reader, std::uint64_t least, std::uint64_t most, bool present) {
    return static_cast<std::uint8_t>(read_number(reader, least, most, present));
}

RequirementRef read_given_requirement(Reader& reader) {
    RequirementSpec requirement;
    const std::string_view bytes = reader.bytes(true);
    if (reader.ok() && !read_requirement(bytes, requirement)) reader.refuse();
    return RequirementRef(std::move(requirement));
}

void add_name(Reader& reader, Names& names) {
    if (names.size() == PREFERRED_AGENTS_MAX) reader.refuse();
    std::string name = read_name(reader);
    if (reader.ok()) names.push_back(std::move(name));
}

Names read_names(Reader& reader) {
    Names names;
    Reader values(reader.bytes(true));
    while (const std::uint32_t field = values.next(1)) {
        if (field != 1) values.refuse();
        add_name(values, names);
    }
    if (!values.ok()) reader.refuse();
    return names;
}

// What a message has besides its command: the map in another order, if there is one.
using Map = AttributesReader;

bool read(SetAvailability& command, std::string_view bytes, Map&) {
    command.ready = false;
    Reader reader(bytes);
    while (const std::uint32_t field = reader.next()) {
        switch (field) {
            case 1: command.agent = read_name(reader); break;
            case 2: command.ready = reader.flag(); break;
            case 3: command.reason = read_name(reader); break;
            case 4: command.after_call = reader.flag(); break;
            default: reader.refuse();
        }
    }
    return reader.ok() && !command.agent.empty();
}

bool read(Enqueue& command, std::string_view bytes, Map& map) {
    command.channel = CHANNEL;
    Reader reader(bytes);
    for (std::uint32_t field = 0; (field = reader.next(field == 7 || field == 11 ? field : 0)) != 0;) {
        switch (field) {
            case 1: command.call = read_name(reader); break;
            case 2: command.queue = read_name(reader); break;
            case 3: command.channel = read_name(reader); break;
            case 4: command.requirement = read_given_requirement(reader); break;
            case 5: command.urgency = read_urgency(reader); break;
            case 6: command.priority = read_small(reader, 1, PRIORITY_MAX, false); break;
            case 7: add_name(reader, command.preferred_agents); break;
            case 8: command.hold_us = read_duration(reader); break;
            case 9: command.credited_wait_us = read_duration(reader); break;
            case 10: command.customer = read_name(reader); break;
            case 11: map.add(reader); break;
            case 12: command.callback = reader.flag(); break;
            case 13: command.explain = reader.flag(); break;
            default: reader.refuse();
        }
    }
    return reader.ok() && !command.call.empty() && !command.queue.empty() && map.finish(command.attributes);
}

bool read_attributes(Reader& reader, Map& map, std::optional<Attributes>& attributes) {
    Reader values(reader.bytes(true));
    while (const std::uint32_t field = values.next(1)) {
        if (field != 1) values.refuse();
        map.add(values);
    }
    return values.ok() && map.finish(attributes.emplace());
}

bool read(UpdateCall& command, std::string_view bytes, Map& map) {
    Reader reader(bytes);
    while (const std::uint32_t field = reader.next()) {
        switch (field) {
            case 1: command.call = read_name(reader); break;
            case 2: command.urgency = read_urgency(reader); break;
            case 3: command.priority = read_small(reader, 0, PRIORITY_MAX, true); break;
            case 4: command.requirement = read_given_requirement(reader); break;
            case 5: command.preferred_agents = read_names(reader); break;
            case 6:
                if (!read_attributes(reader, map, command.attributes)) reader.refuse();
                break;
            default: reader.refuse();
        }
    }
    return reader.ok() && !command.call.empty();
}

bool read(Requeue& command, std::string_view bytes, Map&) {
    Reader reader(bytes);
    while (const std::uint32_t field = reader.next()) {
        switch (field) {
            case 1: command.call = read_name(reader); break;
            case 2: command.keep_place = reader.flag(true); break;
            case 3: command.reason = read_name(reader); break;
            default: reader.refuse();
        }
    }
    return reader.ok() && !command.call.empty();
}

bool read(Transfer& command, std::string_view bytes, Map&) {
    Reader reader(bytes);
    while (const std::uint32_t field = reader.next()) {
        switch (field) {
            case 1: command.call = read_name(reader); break;
            case 2: command.queue = read_name(reader); break;
            case 3: command.keep_place = reader.flag(true); break;
            case 4: command.requirement = read_given_requirement(reader); break;
            case 5: command.preferred_agents = read_names(reader); break;
            case 6: command.hold_us = read_duration(reader); break;
            default: reader.refuse();
        }
    }
    return reader.ok() && !command.call.empty() && !command.queue.empty();
}

bool read(RecordOutcome& command, std::string_view bytes, Map&) {
    Reader reader(bytes);
    while (const std::uint32_t field = reader.next()) {
        switch (field) {
            case 1: command.call = read_name(reader); break;
            case 2: command.resolved = reader.flag(true); break;
            case 3: command.satisfaction = read_small(reader, 1, SATISFACTION_MAX, true); break;
            case 4: command.agent = read_name(reader); break;
            case 5: command.queue = read_name(reader); break;
            default: reader.refuse();
        }
    }
    return reader.ok() && !command.call.empty() && (command.resolved || command.satisfaction);
}

void read_subject(Reader& reader, std::uint64_t& offer) { offer = read_number(reader, 1, OFFER_MAX); }
template <class Kind>
void read_subject(Reader& reader, Ref<Kind>& name) {
    name = read_name(reader);
}

// What it is about in field 1, and for some a text in field 2.
template <class Subject>
bool read_two(std::string_view bytes, Subject& subject, std::string* text) {
    Reader reader(bytes);
    while (const std::uint32_t field = reader.next()) {
        if (field == 1) {
            read_subject(reader, subject);
        } else if (field == 2 && text != nullptr) {
            *text = read_name(reader);
        } else {
            reader.refuse();
        }
    }
    return reader.ok();
}

bool read(Cancel& command, std::string_view bytes, Map&) {
    return read_two(bytes, command.call, &command.reason) && !command.call.empty();
}
bool read(TurnIntoCallback& command, std::string_view bytes, Map&) {
    return read_two(bytes, command.call, nullptr) && !command.call.empty();
}
bool read(Accept& command, std::string_view bytes, Map&) { return read_two(bytes, command.offer, nullptr); }
bool read(Reject& command, std::string_view bytes, Map&) { return read_two(bytes, command.offer, &command.reason); }
bool read(Complete& command, std::string_view bytes, Map&) {
    return read_two(bytes, command.call, nullptr) && !command.call.empty();
}
bool read(EndWrapUp& command, std::string_view bytes, Map&) {
    return read_two(bytes, command.agent, &command.call) && !command.agent.empty();
}

template <class Kind>
bool read_as(Command& command, std::string_view bytes, Map& map) {
    return read(command.emplace<Kind>(), bytes, map);
}

struct Kind {
    std::uint32_t field;
    std::string_view message;
    bool (*read)(Command&, std::string_view, Map&);
};

constexpr Kind KINDS[] = {
    {4, "SetAvailability", read_as<SetAvailability>},
    {6, "Enqueue", read_as<Enqueue>},
    {7, "UpdateCall", read_as<UpdateCall>},
    {8, "Cancel", read_as<Cancel>},
    {9, "Requeue", read_as<Requeue>},
    {10, "Transfer", read_as<Transfer>},
    {12, "TurnIntoCallback", read_as<TurnIntoCallback>},
    {13, "Accept", read_as<Accept>},
    {14, "Reject", read_as<Reject>},
    {15, "Complete", read_as<Complete>},
    {16, "EndWrapUp", read_as<EndWrapUp>},
    {17, "RecordOutcome", read_as<RecordOutcome>},
};

const Kind* kind_of(std::uint32_t field) {
    for (const Kind& kind : KINDS) {
        if (kind.field == field) return &kind;
    }
    return nullptr;
}

// Give it bytes of its own, with the entries of the map in order: as many bytes, so the views only move.
void keep_in_order(ReadCommand& read, const Map& map) {
    const std::string_view outer = read.whole.empty() ? read.part : read.whole;
    read.own.assign(outer.begin(), outer.end());
    auto at = read.own.begin() + (map.region().data() - outer.data());
    for (const std::string_view entry : map.in_order()) at = std::copy(entry.begin(), entry.end(), at);
    read.part = std::string_view(read.own.data() + (read.part.data() - outer.data()), read.part.size());
    if (!read.whole.empty()) read.whole = std::string_view(read.own.data(), read.own.size());
}

bool read_into(ReadCommand& read) {
    const Kind* const kind = kind_of(read.field);
    Map map;
    if (kind == nullptr || !kind->read(read.command, read.part, map)) return false;
    if (!map.region().empty()) keep_in_order(read, map);
    return true;
}

}  // namespace

std::optional<ReadCommand> read_command(std::string_view bytes) {
    std::optional<ReadCommand> read(std::in_place);
    Reader reader(bytes);
    read->field = reader.next();
    read->whole = bytes;
    if (read->field == FIELD_REQUEST_ID) {
        read->request_id = reader.bytes();
        if (!reader.ok() || !is_name(read->request_id)) return std::nullopt;
        const char* const after = read->request_id.data() + read->request_id.size();
        read->whole.remove_prefix(static_cast<std::size_t>(after - bytes.data()));
        read->field = reader.next();
    }
    read->part = reader.bytes(true);
    if (!reader.ok() || !reader.at_end() || !read_into(*read)) return std::nullopt;
    return read;
}

std::optional<ReadCommand> read_part(std::uint32_t field, std::string_view bytes) {
    std::optional<ReadCommand> read(std::in_place);
    read->field = field;
    read->part = bytes;
    if (!read_into(*read)) return std::nullopt;
    return read;
}

Digest digest_of(const ReadCommand& read) {
    static const std::vector<DigestKey> keys = [] {
        std::vector<DigestKey> made;
        for (const Kind& kind : KINDS) made.emplace_back(kind.message);
        return made;
    }();
    const Kind* const kind = kind_of(read.field);
    ROUTER_CHECK(kind != nullptr);
    return keys[static_cast<std::size_t>(kind - std::begin(KINDS))].digest(read.part);
}

}  // namespace router::wire
