#include "archive.hpp"

#include <cstring>

namespace router {

namespace {

constexpr char MAGIC[] = {'S', 'K', 'R', '2'};  // the last is the format version
constexpr std::size_t VERSION_AT = sizeof MAGIC - 1;
constexpr std::size_t CHECKSUM_BYTES = 8;

// FNV-1a, 64 bits: finds accidents, not malice.
std::uint64_t checksum(const char* bytes, std::size_t size) {
    std::uint64_t hash = 0xCBF29CE484222325u;
    for (std::size_t index = 0; index < size; ++index) {
        hash = (hash ^ static_cast<unsigned char>(bytes[index])) * 0x100000001B3u;
    }
    return hash;
}

void check_version(char version) {
    if (version == MAGIC[VERSION_AT]) return;
    const bool older = version >= '1' && version < MAGIC[VERSION_AT];
    const std::string has = older ? std::string("the older format version ") + version : "an unknown format version";
    throw CorruptSnapshot("the snapshot has " + has + "; this engine reads version " + MAGIC[VERSION_AT] +
                          " only: replay the commands instead, or restore with the engine that wrote it");
}

}  // namespace

void ArchiveWriter::text(const std::string& value) {
    const auto [entry, added] = texts_.try_emplace(value, texts_.size());
    if (!added) {
        number(entry->second + 1);
        return;
    }
    number(0);
    number(value.size());
    out_ += value;
}

std::string ArchiveWriter::seal() {
    std::string sealed(MAGIC, sizeof MAGIC);
    sealed += out_;
    const std::uint64_t sum = checksum(sealed.data(), sealed.size());
    for (std::size_t byte = 0; byte < CHECKSUM_BYTES; ++byte) sealed.push_back(static_cast<char>(sum >> (8 * byte)));
    return sealed;
}

ArchiveReader::ArchiveReader(const std::string& bytes) : bytes_(bytes), at_(sizeof MAGIC), end_(bytes.size()) {
    if (bytes.size() < sizeof MAGIC + CHECKSUM_BYTES) throw CorruptSnapshot("the snapshot is too short");
    if (std::memcmp(bytes.data(), MAGIC, VERSION_AT) != 0) throw CorruptSnapshot("these bytes are no snapshot");
    check_version(bytes[VERSION_AT]);
    end_ -= CHECKSUM_BYTES;
    std::uint64_t stored = 0;
    for (std::size_t byte = 0; byte < CHECKSUM_BYTES; ++byte) {
        stored |= std::uint64_t{static_cast<unsigned char>(bytes[end_ + byte])} << (8 * byte);
    }
    if (stored != checksum(bytes.data(), end_)) throw CorruptSnapshot("the snapshot is damaged: its checksum does not match");
}

void ArchiveReader::text(std::string& value) {
    const std::uint64_t reference = number();
    if (reference > 0) {
        if (reference > texts_.size()) throw CorruptSnapshot("the snapshot refers to a text that it does not hold");
        value = texts_[reference - 1];
        return;
    }
    const std::size_t size = count();
    value.assign(bytes_, at_, size);
    at_ += size;
    texts_.push_back(value);
}

}  // namespace router
