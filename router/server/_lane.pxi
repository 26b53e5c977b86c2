# Commands from bytes to the engine, and answers and journal entries as bytes again.

cdef extern from "wire/rejection_writer.hpp" namespace "router::wire" nogil:
    cdef cppclass Wording:
        uint32_t code
        string reason
        string before
        string after
    cdef cppclass Wordings:
        string domain
        size_t subject_bytes_max
        vector[Wording] reasons

cdef extern from "service/lane.hpp" namespace "router::service" nogil:
    cdef enum class CppTurn "router::service::Turn"(uint8_t):
        done
        python
        rejected
        estimate
    cdef cppclass Asked "router::service::Asked":
        string_view bytes
        optional[ReadCommand] read
    cdef cppclass CppBatch "router::service::Batch":
        uint64_t number
        string_view client_id
        bool wait_estimates
        bool hold_session
        bool alone
        vector[Asked] commands
        size_t next
        RequestOutcome outcome
        string results
        void answer(string_view)
        void answer_outcome(string_view)
    bool cpp_read_batch "router::service::read_batch"(CppBatch&, string_view, uint32_t, size_t) except +router_raise
    bool cpp_read_alone "router::service::read_alone"(CppBatch&, string_view, uint32_t, uint32_t) except +router_raise
    void write_response_head(string&, const CppBatch&, uint64_t, int64_t)
    void write_response_tail(string&, uint32_t)
    cdef cppclass CppLane "router::service::Lane":
        CppLane(CppEngine&, CppFollowers&, const Hooks&, Wordings, bool)
        void count_in(CppCommandCounts*)
        CppTurn run(CppBatch&, int64_t, string_view) except +router_raise
        string entries
        uint64_t entries_count
        uint64_t numbered
        int64_t engine_ns

cdef extern from * nogil:
    """
    #include "service/lane.hpp"
    static const std::string& called(const router::service::Batch& batch) {
        return std::get<router::Enqueue>(batch.commands[batch.next].read->command).call;
    }
    """
    const string& called(const CppBatch&)


cdef class Batch:
    """Commands that came together, and what became of them so far. Made by `read_batch` and `read_alone`."""

    cdef bytes _bytes
    cdef CppBatch _native
    cdef readonly str client_id

    @property
    def number(self):
        """The client's own number."""
        return <int64_t>self._native.number

    @property
    def wait_estimates(self):
        """Whether estimates are wanted of the calls that are enqueued."""
        return self._native.wait_estimates

    @wait_estimates.setter
    def wait_estimates(self, bint wanted):
        self._native.wait_estimates = wanted

    @property
    def hold_session(self):
        """Whether the client's session is to be held."""
        return self._native.hold_session

    def __len__(self):
        return self._native.commands.size()

    @property
    def next(self):
        """Which command is at hand: those before it are answered."""
        return self._native.next

    def unread(self):
        """Return which commands are Python's turn from the beginning."""
        cdef size_t index
        return [index for index in range(self._native.commands.size()) if not self._native.commands[index].read.has_value()]

    def command(self, size_t index):
        """Return the bytes of one command: its `Command`, or its own message if it came alone."""
        if index >= self._native.commands.size():
            raise IndexError(index)
        return bytes_of(self._native.commands[index].bytes)

    @property
    def request_id(self):
        """The request id of the command at hand, which was read."""
        self._check_read()
        return bytes_of(self._native.commands[self._native.next].read.value().request_id).decode()

    @property
    def call(self):
        """The call of the `Enqueue` at hand."""
        self._check_read()
        return called(self._native).decode()

    @property
    def queue(self):
        """The queue that the outcome at hand has."""
        return self._native.outcome.result.queue.decode()

    @property
    def rejection(self):
        """What the engine rejected, as (the reason's number, subject, sequence, time_us)."""
        cdef const Result* result = &self._native.outcome.result
        return <int>result.rejection, result.subject.decode(), result.sequence, result.time_us

    def answer(self, bytes result not None):
        """Answer the command at hand with the bytes of its `CommandResult`, and step on."""
        self._check_at_hand()
        self._native.answer(view_of(result))

    def answer_outcome(self, bytes estimate not None):
        """Answer the command at hand with what came of it and the bytes of an estimate, if any, and step on."""
        self._check_at_hand()
        self._native.answer_outcome(view_of(estimate))

    def response(self, uint64_t sequence, int64_t time_us, uint32_t session_state):
        """Return the bytes of the `ApplyResponse`, as of a sequence and its time."""
        cdef string head
        cdef string tail
        write_response_head(head, self._native, sequence, time_us)
        write_response_tail(tail, session_state)
        return b"".join((<bytes>head, <bytes>self._native.results, <bytes>tail))

    @property
    def response_alone(self):
        """The bytes of the response to a command that came alone."""
        return <bytes>self._native.results

    cdef int _keep(self, bytes content) except -1:
        """Keep the bytes that it was read from."""
        self._bytes = content
        self.client_id = bytes_of(self._native.client_id).decode()
        return 0

    cdef int _check_at_hand(self) except -1:
        if self._native.next >= self._native.commands.size():
            raise IndexError("all commands are answered")
        return 0

    cdef int _check_read(self) except -1:
        self._check_at_hand()
        if not self._native.commands[self._native.next].read.has_value():
            raise ValueError("the command at hand was not read")
        return 0


def read_batch(bytes content not None, uint32_t fields, size_t commands_max):
    """Return the batch in the bytes of an `ApplyRequest`; None if they are not in the plain form, or it is too large.

    Commands of kinds that are not in `fields`, a bit for each field of `Command`, are Python's turn.
    """
    cdef Batch batch = Batch.__new__(Batch)
    if not cpp_read_batch(batch._native, view_of(content), fields, commands_max):
        return None
    try:
        batch._keep(content)
    except UnicodeDecodeError:
        return None
    return batch


def read_alone(bytes content not None, uint32_t field, uint32_t fields):
    """Return the command in the bytes of a request of its own, as a batch; None if it is Python's turn."""
    cdef Batch batch = Batch.__new__(Batch)
    if not cpp_read_alone(batch._native, view_of(content), field, fields):
        return None
    batch._keep(content)
    return batch


cdef Wordings wordings_of(object given) except *:
    cdef Wordings wordings
    cdef Wording wording
    if given is None:
        return wordings
    wordings.domain = (<str?>given.domain).encode()
    wordings.subject_bytes_max = given.subject_bytes_max
    wordings.reasons.resize(1)
    for code, reason, before, after in given.reasons:
        wording.code = code
        wording.reason = (<str?>reason).encode()
        wording.before = (<str?>before).encode()
        wording.after = (<str?>after).encode()
        wordings.reasons.push_back(wording)
    return wordings


cdef class Lane:
    """Carries out commands that come as bytes, and tells all who follow.

    `learn` is called after each command that gets a number; if it raises, `not_learnt` is, and routing goes on.
    `wordings` are those of `errors.wordings`; without them no rejection is worded here.
    """

    DONE = <int>CppTurn.done
    PYTHON = <int>CppTurn.python
    REJECTED = <int>CppTurn.rejected
    ESTIMATE = <int>CppTurn.estimate

    cdef Engine _engine
    cdef Followers _followers
    cdef Learning _learning
    cdef object _counts
    cdef unique_ptr[CppLane] _native

    def __cinit__(
        self, Engine engine not None, Followers followers not None, learn, not_learnt, *, wordings=None, bint journalling
    ):
        self._engine = engine
        self._followers = followers
        self._learning = Learning(learn, not_learnt)
        self._native.reset(new CppLane(
            engine._engine, followers._native, self._learning.hooks(), wordings_of(wordings), journalling
        ))

    def count_in(self, CommandCounts counts not None):
        """Count commands and the time that they take."""
        self._counts = counts
        self._native.get().count_in(counts.counts())

    def run(self, Batch batch not None, int64_t now_us, bytes actor not None):
        """Carry out commands from the one at hand on; return DONE, or why it stopped at the one at hand then.

        PYTHON: it is not for the lane, and nothing was done. REJECTED: it was carried out, and its error has to be
        worded; that happens to commands that came alone, and where a name has to be made fit to be shown. ESTIMATE: it
        was carried out, and an estimate was asked for. Raises what means that the engine must not go on.
        """
        cdef CppTurn turn = self._native.get().run(batch._native, now_us, view_of(actor))
        self._followers.report()
        return <int>turn

    def take_entries(self):
        """Return how many entries for the journal there are since this was last called, and their bytes."""
        cdef CppLane* lane = self._native.get()
        cdef tuple taken = (lane.entries_count, <bytes>lane.entries)
        lane.entries.clear()
        lane.entries_count = 0
        return taken

    @property
    def numbered(self):
        """How many commands got a number here."""
        return self._native.get().numbered

    @property
    def engine_ns(self):
        """Real time spent inside the engine."""
        return self._native.get().engine_ns
