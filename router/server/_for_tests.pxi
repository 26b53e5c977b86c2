# For tests only, which hold what src_native/wire/ reads and writes against router/wire.

cdef extern from "wire/digest.hpp" namespace "router::wire" nogil:
    cdef cppclass Digest:
        const char* data()
        size_t size()
    cdef cppclass DigestKey:
        DigestKey(string_view) except +router_raise
        Digest digest(string_view)

cdef extern from "wire/command_reader.hpp" namespace "router::wire" nogil:
    optional[ReadCommand] read_command(string_view)
    optional[ReadCommand] read_part(uint32_t, string_view)
    Digest digest_of(const ReadCommand&) except +router_raise

cdef extern from "wire/result_writer.hpp" namespace "router::wire" nogil:
    cdef cppclass EntryParts:
        int64_t time_us
        string_view client_id
        string_view request_id
        string_view content
        string_view actor
        string_view command
    void write_answer(string&, const Result&, bool) except +router_raise
    void write_entry(string&, const EntryParts&) except +
    void wrap_part(string&, uint32_t, string_view) except +

cdef extern from "wire/rejection_writer.hpp" namespace "router::wire" nogil:
    bool write_rejection(string&, const Result&, const Wordings&) except +router_raise

cdef extern from "keyed_hash.hpp" namespace "router" nogil:
    cdef cppclass HashKey:
        uint64_t low
        uint64_t high
    uint64_t keyed_hash(string_view, const HashKey&)

cdef extern from "wire/event_writer.hpp" namespace "router::wire" nogil:
    void write_event(string&, const CppEngine&, const Event&) except +router_raise


def _read_command(bytes content not None, Engine engine=None, int64_t time_us=0):
    """Return field, request id, part and whole of a `Command` as it is read natively; None if it is refused.

    With an engine the command is carried out, and its events come with it.
    """
    cdef optional[ReadCommand] found = read_command(view_of(content))
    if not found.has_value():
        return None
    cdef ReadCommand* read = &found.value()
    parts = (read.field, bytes_of(read.request_id), bytes_of(read.part), bytes_of(read.whole))
    if engine is None:
        return parts
    engine._engine.apply(read.command, time_us)
    return (*parts, engine._events())


def _read_part(uint32_t field, bytes content not None, Engine engine=None, int64_t time_us=0):
    """Return part and digest of a command's own message, as `_read_command` does."""
    cdef optional[ReadCommand] found = read_part(field, view_of(content))
    if not found.has_value():
        return None
    cdef ReadCommand* read = &found.value()
    cdef Digest made = digest_of(read[0])
    parts = (bytes_of(read.part), made.data()[:made.size()])
    if engine is None:
        return parts
    engine._engine.apply(read.command, time_us)
    return (*parts, engine._events())


def _digest(bytes key not None, bytes content not None):
    """Return the digest of a command's own message, whose name is the key."""
    cdef unique_ptr[DigestKey] made_key = make_unique[DigestKey](view_of(key))
    cdef Digest made = made_key.get().digest(view_of(content))
    return made.data()[:made.size()]


def _answer(Engine engine not None, bint repeated):
    """Return header and result of the engine's last command."""
    cdef string out
    write_answer(out, engine._engine.result(), repeated)
    return <bytes>out


def _entry(int64_t time_us, bytes client_id, bytes request_id, bytes content, bytes actor, uint32_t field, bytes part):
    """Return an entry of the journal as a record with nothing else in it."""
    cdef string command
    cdef string out
    cdef EntryParts parts
    wrap_part(command, field, view_of(part))
    parts.time_us = time_us
    parts.client_id = view_of(client_id)
    parts.request_id = view_of(request_id)
    parts.content = view_of(content)
    parts.actor = view_of(actor)
    parts.command = string_view(command.data(), command.size())
    write_entry(out, parts)
    return <bytes>out


def _encode_events(Engine engine not None):
    """Return the events of the engine's last command, each as the bytes of a router.v1.Event."""
    cdef string out
    cdef size_t index
    encoded = []
    for index in range(engine._engine.events().size()):
        out.clear()
        write_event(out, engine._engine, engine._engine.events()[index])
        encoded.append(<bytes>out)
    return encoded


def _rejection(wordings, int reason, bytes subject, uint64_t sequence, int64_t time_us):
    """Return header and error of a command that was rejected; None if it is not worded natively."""
    cdef string out
    cdef Result result
    result.rejection = <RejectReason>reason
    result.subject = subject
    result.sequence = sequence
    result.time_us = time_us
    return <bytes>out if write_rejection(out, result, wordings_of(wordings)) else None


def _keyed_hash(bytes text not None, uint64_t low, uint64_t high):
    """Return the hash by which names are found, under another key than the process's."""
    cdef HashKey key
    key.low = low
    key.high = high
    return keyed_hash(view_of(text), key)
