// One part of what a snapshot is made of. Parts go from one extension to another as capsules of this name.
#pragma once

#include <functional>
#include <string>

namespace router::process {

// Returns the bytes of something as it is now, and changes nothing. It may be called in a child of the process, where no
// other thread runs: it may allocate and throw, but not wait for anybody, nor touch Python.
using Part = std::function<std::string()>;

inline constexpr char PART[] = "router.process.Part";

}  // namespace router::process
