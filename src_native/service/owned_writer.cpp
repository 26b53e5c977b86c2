#include "service/owned_writer.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "wire/format.hpp"

namespace router::service {

namespace {

constexpr std::uint32_t OWNED = 4;  // of a ServiceState
constexpr std::uint32_t CLIENT_ID = 1, AGENTS = 2, CALLS = 3;

void write_names(wire::Writer& writer, std::uint32_t field, std::vector<std::string_view> names) {
    std::sort(names.begin(), names.end());
    for (const std::string_view name : names) writer.bytes(field, name, true);
}

}  // namespace

std::string write_owned(const Holdings& agents, const Holdings& calls) {
    std::vector<std::string_view> clients = agents.clients();
    const std::vector<std::string_view> more = calls.clients();
    clients.insert(clients.end(), more.begin(), more.end());
    std::sort(clients.begin(), clients.end());
    clients.erase(std::unique(clients.begin(), clients.end()), clients.end());
    std::string out, owned;
    wire::Writer writer(out);
    for (const std::string_view client : clients) {
        owned.clear();
        wire::Writer inner(owned);
        inner.bytes(CLIENT_ID, client);
        write_names(inner, AGENTS, agents.of(client));
        write_names(inner, CALLS, calls.of(client));
        writer.bytes(OWNED, owned, true);
    }
    return out;
}

}  // namespace router::service
