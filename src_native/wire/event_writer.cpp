#include "wire/event_writer.hpp"

#include <array>

#include "wire/format.hpp"

namespace router::wire {
namespace {

constexpr std::uint32_t FIELD_OF_FIRST_KIND = 11;  // the others follow in the order of EventKind
constexpr std::size_t KINDS = static_cast<std::size_t>(EventKind::restarted) + 1;
constexpr std::size_t PARTS_MAX = 6;

// What stands in a field of an event's own message.
enum class Part : std::uint8_t {
    none,
    offer,
    call,
    agent,
    queue,
    from_queue,
    reason,      // why a command was rejected: the numbers are those of router.v1.ErrorReason
    enumerator,  // of another enumeration, where 0 on the wire is "unspecified"
    flag,
    text,
    number,
    time,
    duration,
    preferred,
    hold_until,
};

// By kind, the parts of its message: the first one is field 1, and so on.
using enum Part;
constexpr std::array<std::array<Part, PARTS_MAX>, KINDS> PARTS{{
    /* command_rejected */ {reason, text},
    /* agent_signed_in */ {agent, enumerator},
    /* agent_signed_out */ {agent, flag},
    /* agent_availability_changed */ {agent, enumerator, text},
    /* agent_updated */ {agent},
    /* call_enqueued */ {call, queue, time, preferred, hold_until},
    /* call_updated */ {call},
    /* call_abandoned */ {call, queue, duration, text},
    /* call_requeued */ {call, queue, agent, flag, text},
    /* call_transferred */ {call, from_queue, queue, agent, flag, hold_until},
    /* call_overflowed */ {call, from_queue, queue, enumerator},
    /* call_refused */ {call, queue, enumerator, duration},
    /* call_step_reached */ {call, number},
    /* call_hold_ended */ {call},
    /* call_overdue */ {call},
    /* call_turned_into_callback */ {call},
    /* offer_made */ {offer, call, agent, queue, time, flag},
    /* offer_accepted */ {offer, call, agent},
    /* offer_rejected */ {offer, call, agent, text},
    /* offer_expired */ {offer, call, agent, enumerator},
    /* offer_withdrawn */ {offer, call, agent, enumerator},
    /* call_assigned */ {offer, call, agent, queue, enumerator, duration},
    /* call_completed */ {offer, call, agent, queue, duration},
    /* wrap_up_started */ {offer, call, agent, time},
    /* wrap_up_ended */ {offer, call, agent},
    /* outcome_recorded */ {call, agent, queue},
    /* queue_paused */ {queue},
    /* queue_resumed */ {queue},
    /* call_moved */ {call, from_queue, queue},
    /* configured */ {},
    /* call_detached */ {call},
    /* call_attached */ {call},
    /* restarted */ {duration},
}};

// By kind, the field of a part; 0 if the message has none.
constexpr std::array<std::uint8_t, KINDS> fields_of(Part wanted) {
    std::array<std::uint8_t, KINDS> fields{};
    for (std::size_t kind = 0; kind < KINDS; ++kind) {
        for (std::size_t index = 0; index < PARTS_MAX; ++index) {
            if (PARTS[kind][index] == wanted) fields[kind] = static_cast<std::uint8_t>(index + 1);
        }
    }
    return fields;
}
constexpr auto CALL_FIELD = fields_of(call);
constexpr auto AGENT_FIELD = fields_of(agent);
constexpr auto QUEUE_FIELD = fields_of(queue);

constexpr std::size_t place_of(EventKind kind) { return static_cast<std::size_t>(kind); }

std::string_view call_name(const Engine& engine, const Event& event) {
    if (event.call != NONE) return engine.call(event.call).name;
    return event.call_text == NONE ? std::string_view() : engine.text(event.call_text);
}

std::string_view agent_name(const Engine& engine, AgentId id) {
    return id == NONE ? std::string_view() : engine.agent(id).name;
}

std::string_view queue_name(const Engine& engine, QueueId id) {
    return id == NONE ? std::string_view() : engine.queue(id).settings.name;
}

void write_part(std::string& out, std::uint32_t field, Part part, const Engine& engine, const Event& event) {
    Writer writer(out);
    switch (part) {
        case none: break;
        case offer: writer.number(field, event.offer); break;
        case call: writer.bytes(field, call_name(engine, event)); break;
        case agent: writer.bytes(field, agent_name(engine, event.agent)); break;
        case queue: writer.bytes(field, queue_name(engine, event.queue)); break;
        case from_queue: writer.bytes(field, queue_name(engine, event.from_queue)); break;
        case reason: writer.number(field, event.code); break;
        case enumerator: writer.number(field, std::uint64_t{event.code} + 1); break;
        case flag: writer.number(field, event.flag); break;
        case text: writer.bytes(field, engine.text(event.text)); break;
        case number: writer.number(field, static_cast<std::uint64_t>(event.value)); break;
        case time: writer.timestamp(field, event.value); break;
        case duration: writer.duration(field, event.value); break;
        case preferred:
            for (const AgentId id : engine.call(event.call).preferred) writer.bytes(field, agent_name(engine, id), true);
            break;
        case hold_until:
            if (event.hold_until_us != NEVER) writer.timestamp(field, event.hold_until_us);
            break;
    }
}

}  // namespace

void write_event(std::string& out, const Engine& engine, const Event& event) {
    Writer writer(out);
    writer.number(1, event.sequence);
    writer.timestamp(2, event.time_us);
    const std::size_t place = place_of(event.kind);
    const std::size_t begun = writer.begin(FIELD_OF_FIRST_KIND + static_cast<std::uint32_t>(place));
    std::uint32_t field = 0;
    for (const Part part : PARTS[place]) {
        if (part == none) break;
        write_part(out, ++field, part, engine, event);
    }
    writer.end(begun);
}

bool names_agent(EventKind kind) { return AGENT_FIELD[place_of(kind)] != 0; }

bool names_queue(EventKind kind) { return QUEUE_FIELD[place_of(kind)] != 0; }

std::string_view call_of(std::string_view event) {
    Reader envelope(event);
    while (const std::uint32_t field = envelope.next()) {
        if (field == 1) {
            envelope.number();  // the sequence
            continue;
        }
        const std::string_view message = envelope.bytes(true);
        if (field < FIELD_OF_FIRST_KIND) continue;
        ROUTER_CHECK(field - FIELD_OF_FIRST_KIND < KINDS);
        const std::uint32_t wanted = CALL_FIELD[field - FIELD_OF_FIRST_KIND];
        if (wanted == 0) return {};
        Reader parts(message);
        std::uint32_t part = parts.next();
        if (part == 1 && wanted == 2) {
            parts.number();
            part = parts.next();
        }
        return part == wanted ? parts.bytes() : std::string_view();
    }
    return {};
}

}  // namespace router::wire
