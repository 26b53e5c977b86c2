// The lane: commands in volume from bytes to the engine, and its answers and the journal's entries as bytes again.
//
// What the lane does not read, whatever the reason, is Python's turn: router/server/ carries it out, with the same results. Of
// a command whose turn that is nothing was done here. All words are Python's, too; those of rejections it has given before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine.hpp"
#include "service/command_counts.hpp"
#include "service/followers.hpp"
#include "service/hooks.hpp"
#include "wire/command_reader.hpp"
#include "wire/rejection_writer.hpp"

namespace router::service {

enum class Turn : std::uint8_t {
    done,      // all are carried out
    python,    // the one at hand is not for the lane
    rejected,  // the one at hand was carried out and rejected, and its error could not be worded here
    estimate,  // the one at hand was carried out, and an estimate of its call's wait was asked for
};

struct Asked {
    std::string_view bytes;                 // of router.v1.Command, or of its own message when it came alone
    std::optional<wire::ReadCommand> read;  // nothing: Python's turn
};

// What came together, and what became of it so far. The views are into bytes that must outlive it.
struct Batch {
    std::uint64_t number = 0;  // the client's own
    std::string_view client_id;
    bool wait_estimates = false;
    bool hold_session = false;
    bool alone = false;  // a command that came in a request of its own
    std::vector<Asked> commands;

    std::size_t next = 0;    // the one at hand
    RequestOutcome outcome;  // of the one at hand, after `rejected` and `estimate`
    std::string results;     // `results` of ApplyResponse so far; of one alone its whole response

    // Answer the one at hand and step on: with the bytes of its CommandResult, or with its outcome and, unless it is
    // empty, the bytes of an estimate.
    void answer(std::string_view result);
    void answer_outcome(std::string_view estimate);
    // The same where the outcome is a rejection, in these words; false if that cannot be, or it came alone.
    bool answer_rejection(const wire::Wordings& wordings);
};

// Commands of kinds that are not among `fields`, a bit for each field of router.v1.Command, are Python's turn.
//
// Read the bytes of an ApplyRequest into a new batch; false if it is not in the plain form, or has more than `commands_max`
// commands. With a client id that is none, no command is for the lane; it may even be no text.
bool read_batch(Batch& batch, std::string_view bytes, std::uint32_t fields, std::size_t commands_max);
// The same of a request for one command, which is in `field` of router.v1.Command; false if it is Python's turn.
bool read_alone(Batch& batch, std::string_view bytes, std::uint32_t field, std::uint32_t fields);
// Append the bytes of an ApplyResponse, but for its results, before or after which they come.
void write_response_head(std::string& out, const Batch& batch, std::uint64_t sequence, TimeUs time_us);
void write_response_tail(std::string& out, std::uint32_t session_state);

class Lane {
public:
    Lane(Engine& engine, Followers& followers, const Hooks& hooks, wire::Wordings wordings, bool journalling)
        : engine_(engine), followers_(followers), hooks_(hooks), wordings_(std::move(wordings)), journalling_(journalling) {}

    // Count commands and the time that they take in `counts`, or with a null pointer nowhere.
    void count_in(CommandCounts* counts) { counts_ = counts; }

    // Carry out commands of a batch from the one at hand on, all at one time, until there is something to do for others. Throws
    // what means that the engine must not go on.
    Turn run(Batch& batch, TimeUs now_us, std::string_view actor);

    std::string entries;             // `entries` of a Record, of what got a number since they were last taken
    std::uint64_t entries_count = 0;
    std::uint64_t numbered = 0;      // commands that got a number since the lane was made
    std::int64_t engine_ns = 0;      // real time inside the engine since the lane was made

private:
    // Whether the engine has carried it out, or had done so before; if not it is Python's turn, and nothing has changed.
    bool carry_out(Batch& batch, const wire::ReadCommand& read, TimeUs now_us);
    void note(const Batch& batch, const wire::ReadCommand& read, std::string_view actor);

    Engine& engine_;
    Followers& followers_;
    CommandCounts* counts_ = nullptr;
    Hooks hooks_;
    wire::Wordings wordings_;
    bool journalling_;
    std::string content_;  // the digest of the request at hand; empty without a request id
};

}  // namespace router::service
