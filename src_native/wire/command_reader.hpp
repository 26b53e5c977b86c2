// Commands from their bytes: the messages of router.v1.Command that come in volume, in the plain form of format.hpp.
//
// Whatever is unusual is refused: another kind of command, another form, a value out of its range, a name that is none. A
// refusal says nothing about what is wrong: the full reader in router/wire decides, and words the error. So a command that
// is read here is the very command that the full reader would make of the same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "commands.hpp"
#include "wire/digest.hpp"

namespace router::wire {

// In a router.v1.Command; the other fields are the kinds of command.
inline constexpr std::uint32_t FIELD_REQUEST_ID = 1;

// The views are into the bytes that were read, or into `own`; so it may be moved, but not copied.
struct ReadCommand {
    Command command;
    std::string_view request_id;  // empty: none; checked to be an id
    std::uint32_t field = 0;      // of router.v1.Command
    std::string_view part;        // the bytes of the command's own message, in deterministic form
    std::string_view whole;       // of router.v1.Command, without the request id; empty when read by read_part
    std::vector<char> own;        // the bytes of `whole` or `part` again, if the entries of a map came in another order

    ReadCommand() = default;
    ReadCommand(ReadCommand&&) = default;
    ReadCommand& operator=(ReadCommand&&) = default;
};

// A router.v1.Command.
std::optional<ReadCommand> read_command(std::string_view bytes);
// The command's own message, as unary requests have it, of the kind that `field` of router.v1.Command has.
std::optional<ReadCommand> read_part(std::uint32_t field, std::string_view bytes);

// What was asked: the digest of a command's own message.
Digest digest_of(const ReadCommand& read);

}  // namespace router::wire
