// What clients brought, as the journal's snapshots have it: bytes of the field `owned` of its ServiceState.
#pragma once

#include <string>

#include "service/holdings.hpp"

namespace router::service {

// One Owned for each client that has something, in the order of their names, its agents and calls sorted too.
std::string write_owned(const Holdings& agents, const Holdings& calls);

}  // namespace router::service
