// Requirements from their bytes, in the plain form of format.hpp.
#pragma once

#include <string_view>

#include "settings.hpp"

namespace router::wire {

// A router.v1.Requirement, within its limits; false: not in the plain form, or not a requirement that the engine takes.
bool read_requirement(std::string_view bytes, RequirementSpec& requirement);

}  // namespace router::wire
