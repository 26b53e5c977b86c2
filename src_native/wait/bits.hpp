// Floating-point numbers in archives: as their bits, so that what is restored is exactly what was saved.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "archive.hpp"

namespace router::wait {

inline void archive_real(ArchiveWriter& archive, const double& value) {
    archive.number(std::bit_cast<std::uint64_t>(value));
}

inline void archive_real(ArchiveReader& archive, double& value) {
    value = std::bit_cast<double>(archive.number());
    if (!std::isfinite(value)) throw CorruptSnapshot("the snapshot has a number that is not finite");
}

// A fixed number of them: a list of another length is not of this build.
template <class Archive, class Values>
void archive_reals(Archive& archive, Values& values) {
    std::uint64_t size = values.size();
    if constexpr (std::is_same_v<Archive, ArchiveReader>) {
        if (archive.number() != size) throw CorruptSnapshot("the snapshot was made with other features");
    } else {
        archive.number(size);
    }
    for (auto& value : values) archive_real(archive, value);
}

}  // namespace router::wait
