// What is learned, in archives: under the name of its queue or agent, in the order of names; times and counts within bounds.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bits.hpp"
#include "engine.hpp"

namespace router::wait {

// A time, or NEVER, or a time shifted by what it is counted from: nothing that could overflow.
template <class Archive>
void archive_time(Archive& archive, TimeUs& time_us) {
    archive(time_us);
    if (time_us < -TIME_US_MAX || time_us > TIME_US_MAX) throw CorruptSnapshot("the snapshot has a time out of range");
}

// A count, or a sum of what has been seen: 0 or more.
template <class Archive>
void archive_count(Archive& archive, double& count, double most = 1e15) {
    archive_real(archive, count);
    if (!(count >= 0 && count <= most)) throw CorruptSnapshot("the snapshot has a count out of range");
}

class NameTable {
public:
    explicit NameTable(const Engine& engine) : engine_(engine) {}

    // One reference. A name that the engine does not know is read as NONE.
    void queue(ArchiveWriter& archive, QueueId id) const { archive(engine_.queue(id).settings.name); }
    void queue(ArchiveReader& archive, QueueId& id) const { id = engine_.find_queue(read(archive)); }
    void channel(ArchiveWriter& archive, ChannelId id) const { archive(engine_.channel(id).name); }
    void channel(ArchiveReader& archive, ChannelId& id) const { id = engine_.find_channel(read(archive)); }
    void agent(ArchiveWriter& archive, AgentId id) const { archive(engine_.agent(id).name); }
    void agent(ArchiveReader& archive, AgentId& id) const { id = engine_.find_agent(read(archive)); }

    // Call describe(number) for each queue or agent; for one that the engine does not know (any more) with NONE, to read past it.
    template <class Describe>
    void each_queue(ArchiveWriter& archive, Describe&& describe) const { write(archive, engine_.queues_by_name(), &NameTable::write_queue, describe); }
    template <class Describe>
    void each_queue(ArchiveReader& archive, Describe&& describe) const {
        for (std::size_t left = archive.count(); left > 0; --left) describe(engine_.find_queue(read(archive)));
    }
    template <class Describe>
    void each_agent(ArchiveWriter& archive, Describe&& describe) const { write(archive, engine_.agents_by_name(), &NameTable::write_agent, describe); }
    template <class Describe>
    void each_agent(ArchiveReader& archive, Describe&& describe) const {
        for (std::size_t left = archive.count(); left > 0; --left) describe(engine_.find_agent(read(archive)));
    }

private:
    static std::string read(ArchiveReader& archive) {
        std::string name;
        archive(name);
        return name;
    }
    void write_queue(ArchiveWriter& archive, Id id) const { archive(engine_.queue(id).settings.name); }
    void write_agent(ArchiveWriter& archive, Id id) const { archive(engine_.agent(id).name); }
    template <class Describe>
    void write(ArchiveWriter& archive, const std::vector<Id>& ids, void (NameTable::*name)(ArchiveWriter&, Id) const, Describe&& describe) const {
        archive.number(ids.size());
        for (const Id id : ids) {
            (this->*name)(archive, id);
            describe(id);
        }
    }

    const Engine& engine_;
};

}  // namespace router::wait
