#include "service/lane.hpp"

#include <array>
#include <exception>
#include <string>
#include <variant>

#include "text.hpp"
#include "wire/digest.hpp"
#include "wire/format.hpp"
#include "wire/result_writer.hpp"

namespace router::service {

namespace {

constexpr std::uint32_t COMMANDS = 3;                            // of ApplyRequest
constexpr std::uint32_t RESULTS = 3;                             // of ApplyResponse
constexpr std::uint32_t RESULT_ESTIMATE = 4, ALONE_ESTIMATE = 3;  // of CommandResult, of the response to one command

bool is_allowed(const wire::ReadCommand& read, std::string_view client_id, std::uint32_t fields) {
    if (read.field >= 32 || !(fields >> read.field & 1)) return false;
    return read.request_id.empty() || !client_id.empty();
}

Asked look_at(std::string_view bytes, std::string_view client_id, std::uint32_t fields) {
    Asked asked{bytes, wire::read_command(bytes)};
    if (asked.read && !is_allowed(*asked.read, client_id, fields)) asked.read.reset();
    return asked;
}

}  // namespace

void Batch::answer(std::string_view result) {
    wire::Writer(results).bytes(RESULTS, result, true);
    ++next;
}

void Batch::answer_outcome(std::string_view estimate) {
    wire::Writer writer(results);
    const std::size_t begun = alone ? 0 : writer.begin(RESULTS);
    wire::write_answer(results, outcome.result, outcome.repeated);
    writer.bytes(alone ? ALONE_ESTIMATE : RESULT_ESTIMATE, estimate);
    if (!alone) writer.end(begun);
    ++next;
}

bool Batch::answer_rejection(const wire::Wordings& wordings) {
    if (alone) return false;
    const std::size_t size = results.size();
    wire::Writer writer(results);
    const std::size_t begun = writer.begin(RESULTS);
    if (!wire::write_rejection(results, outcome.result, wordings)) {
        results.resize(size);
        return false;
    }
    writer.end(begun);
    ++next;
    return true;
}

bool read_batch(Batch& batch, std::string_view bytes, std::uint32_t fields, std::size_t commands_max) {
    wire::Reader reader(bytes);
    std::vector<std::string_view> spans;
    while (const std::uint32_t field = reader.next(COMMANDS)) {
        switch (field) {
            case 1: batch.number = reader.number(); break;
            case 2: batch.client_id = reader.bytes(); break;
            case COMMANDS: spans.push_back(reader.bytes(true)); break;
            case 4: batch.wait_estimates = reader.flag(); break;
            case 5: batch.hold_session = reader.flag(); break;
            default: return false;
        }
    }
    if (!reader.ok() || spans.size() > commands_max) return false;
    if (!batch.client_id.empty() && !is_name(batch.client_id)) fields = 0;
    batch.commands.reserve(spans.size());
    for (const std::string_view span : spans) batch.commands.push_back(look_at(span, batch.client_id, fields));
    return true;
}

bool read_alone(Batch& batch, std::string_view bytes, std::uint32_t field, std::uint32_t fields) {
    batch.alone = true;
    wire::Reader reader(bytes);
    std::string_view request_id, part;
    bool is_there = false;
    while (const std::uint32_t number = reader.next()) {
        switch (number) {
            case 1: batch.client_id = reader.bytes(); break;
            case 2: request_id = reader.bytes(); break;
            case 3:
                part = reader.bytes(true);
                is_there = true;
                break;
            default: return false;
        }
    }
    if (!reader.ok() || !is_there) return false;
    if (!batch.client_id.empty() && !is_name(batch.client_id)) return false;
    if (!request_id.empty() && !is_name(request_id)) return false;
    Asked& asked = batch.commands.emplace_back(Asked{part, wire::read_part(field, part)});
    if (!asked.read) return false;
    asked.read->request_id = request_id;
    if (!is_allowed(*asked.read, batch.client_id, fields)) return false;
    return true;
}

void write_response_head(std::string& out, const Batch& batch, std::uint64_t sequence, TimeUs time_us) {
    wire::Writer writer(out);
    writer.number(1, batch.number);
    writer.header(2, sequence, time_us);
}

void write_response_tail(std::string& out, std::uint32_t session_state) {
    wire::Writer(out).number(4, session_state);
}

Turn Lane::run(Batch& batch, TimeUs now_us, std::string_view actor) {
    while (batch.next < batch.commands.size()) {
        const std::optional<wire::ReadCommand>& read = batch.commands[batch.next].read;
        if (!read || !carry_out(batch, *read, now_us)) return Turn::python;
        if (!batch.outcome.repeated) {
            note(batch, *read, actor);
        } else if (counts_ != nullptr) {
            counts_->repeated(static_cast<std::uint8_t>(read->command.index()));
        }
        if (batch.outcome.result.rejection != RejectReason::none) {
            if (!batch.answer_rejection(wordings_)) return Turn::rejected;
            continue;
        }
        if (batch.wait_estimates && std::holds_alternative<Enqueue>(read->command)) return Turn::estimate;
        batch.answer_outcome({});
    }
    return Turn::done;
}

bool Lane::carry_out(Batch& batch, const wire::ReadCommand& read, TimeUs now_us) {
    const std::uint64_t sequence = engine_.sequence();
    const std::int64_t started_ns = hooks_.now_ns();
    content_.clear();
    try {
        if (read.request_id.empty()) {
            engine_.apply(read.command, now_us);
            batch.outcome = {engine_.result(), false};
        } else {
            const wire::Digest content = wire::digest_of(read);
            content_.assign(content.data(), content.size());
            batch.outcome = engine_.apply_request(read.command, now_us, std::string(batch.client_id),
                                                  std::string(read.request_id), content_);
        }
    } catch (const InvariantViolated&) {
        throw;
    } catch (const std::exception&) {
        if (engine_.sequence() != sequence) throw;
        return false;
    }
    const std::int64_t duration_ns = hooks_.now_ns() - started_ns;
    engine_ns += duration_ns;
    if (!batch.outcome.repeated && counts_ != nullptr) counts_->decided(duration_ns);
    return true;
}

void Lane::note(const Batch& batch, const wire::ReadCommand& read, std::string_view actor) {
    ++numbered;
    if (journalling_) {
        std::string wrapped;
        std::string_view whole = read.whole;
        if (batch.alone) {
            wire::wrap_part(wrapped, read.field, read.part);
            whole = wrapped;
        }
        wire::write_entry(entries, {.time_us = engine_.time_us(),
                                    .client_id = batch.client_id,
                                    .request_id = read.request_id,
                                    .content = content_,
                                    .actor = actor,
                                    .command = whole});
        ++entries_count;
    }
    followers_.tell({engine_, batch.client_id, static_cast<std::uint8_t>(read.command.index())});
    hooks_.learn(hooks_.self);
}

}  // namespace router::service
