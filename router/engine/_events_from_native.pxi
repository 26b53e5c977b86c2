# C++ events -> Python values, by a table: which field of which event comes from what of the native record.
#
# An event is put together by its slots, without a call of its class. It holds texts, numbers and members of enumerations
# only, nothing that could lead back to it: the collector need not know of it.

cdef extern from *:
    """
    static inline PyObject* router_blank(PyObject* kind) {
        auto* type = (PyTypeObject*)kind;
        PyObject* made = PyObject_GC_New(PyObject, type);
        if (made != nullptr) std::memset((char*)made + sizeof(PyObject), 0, static_cast<std::size_t>(type->tp_basicsize) - sizeof(PyObject));
        return made;
    }
    static inline void router_write(PyObject* into, Py_ssize_t slot, PyObject* value) {
        Py_INCREF(value);
        *(PyObject**)((char*)into + slot) = value;
    }
    static inline void router_put_item(PyObject* into, Py_ssize_t place, PyObject* value) {
        Py_INCREF(value);
        PyList_SET_ITEM(into, place, value);
    }
    """
    object router_blank(PyObject* kind)
    void router_write(PyObject* into, Py_ssize_t slot, PyObject* value)
    list router_list "PyList_New"(Py_ssize_t size)  # of so many places, to be filled before anybody else sees it
    void router_put_item(list into, Py_ssize_t place, object value)
    PyObject* PyList_GET_ITEM(list, Py_ssize_t)
    Py_ssize_t PyList_GET_SIZE(list)

cdef object YES = True  # whose address is that of the object: a constant's would be a number
cdef object NO = False

# What a field comes from.
cdef enum Source:
    OF_TIME, OF_SEQUENCE, OF_CALL, OF_AGENT, OF_QUEUE, OF_FROM_QUEUE, OF_OFFER, OF_VALUE, OF_HOLD, OF_FLAG, OF_TEXT, OF_CODE
    OF_PREFERRED

cdef enum:
    FIELDS_MAX = 10
    EVENT_KINDS = 33

cdef struct EventField:
    Py_ssize_t slot
    Source source

cdef struct EventShape:
    PyObject* kind   # the class
    PyObject* codes  # the list of what OF_CODE stands for; borrowed from EVENT_CODES
    int fields
    EventField field[FIELDS_MAX]

cdef EventShape EVENT_SHAPES[EVENT_KINDS]
cdef dict EVENT_CODES = {
    events.CommandRejected: REJECT_REASON, events.AgentSignedIn: AVAILABILITY, events.AgentAvailabilityChanged: AVAILABILITY,
    events.CallOverflowed: LIMIT_CAUSE, events.CallRefused: LIMIT_CAUSE, events.OfferExpired: NO_ANSWER_ACTION,
    events.OfferWithdrawn: WITHDRAWAL_CAUSE, events.CallAssigned: ASSIGNMENT_CAUSE,
}
cdef dict USUAL_SOURCES = {
    "time_us": OF_TIME, "sequence": OF_SEQUENCE, "call": OF_CALL, "agent": OF_AGENT, "queue": OF_QUEUE,
    "from_queue": OF_FROM_QUEUE, "offer": OF_OFFER, "hold_until_us": OF_HOLD, "preferred_agents": OF_PREFERRED,
    "kept_place": OF_FLAG, "no_answer": OF_FLAG, "callback": OF_FLAG, "reason": OF_TEXT, "subject": OF_TEXT,
    "availability": OF_CODE, "cause": OF_CODE, "action": OF_CODE, "wait_us": OF_VALUE, "handle_us": OF_VALUE,
    "until_us": OF_VALUE, "expires_us": OF_VALUE, "effective_arrival_us": OF_VALUE, "step": OF_VALUE, "downtime_us": OF_VALUE,
}


# In the order of EventKind.
cdef int fill_event_shapes() except -1:
    kinds = (
        events.CommandRejected, events.AgentSignedIn, events.AgentSignedOut, events.AgentAvailabilityChanged,
        events.AgentUpdated, events.CallEnqueued, events.CallUpdated, events.CallAbandoned, events.CallRequeued,
        events.CallTransferred, events.CallOverflowed, events.CallRefused, events.CallStepReached, events.CallHoldEnded,
        events.CallOverdue, events.CallTurnedIntoCallback, events.OfferMade, events.OfferAccepted, events.OfferRejected,
        events.OfferExpired, events.OfferWithdrawn, events.CallAssigned, events.CallCompleted, events.WrapUpStarted,
        events.WrapUpEnded, events.OutcomeRecorded, events.QueuePaused, events.QueueResumed, events.CallMoved,
        events.Configured, events.CallDetached, events.CallAttached, events.Restarted,
    )
    if len(kinds) != EVENT_KINDS or <int>EventKind.restarted != EVENT_KINDS - 1:
        raise TypeError("the kinds of events are not those of the engine")
    for number, kind in enumerate(kinds):
        fill_event_shape(EVENT_SHAPES[<int>number], kind)
    return 0


cdef int fill_event_shape(EventShape& shape, object kind) except -1:
    cdef int number
    shape.kind = <PyObject*>kind
    codes = EVENT_CODES.get(kind)
    shape.codes = <PyObject*>codes
    names = kind.__struct_fields__
    if len(names) > FIELDS_MAX:
        raise TypeError(f"{kind.__name__} has more than {FIELDS_MAX} fields")
    shape.fields = <int>len(names)
    for number, name in enumerate(names):
        holder = next(base for base in kind.__mro__ if name in base.__dict__)
        source = OF_CODE if name == "reason" and kind is events.CommandRejected else USUAL_SOURCES[name]
        shape.field[number].slot = slot_of(holder, name)
        shape.field[number].source = source
    return 0


fill_event_shapes()


# Those of the last command. `names`: of queues, by number, as far as they were asked for. `given`: see call_named().
cdef list events_from(const CppEngine& engine, list names, object given):
    cdef const vector[Event]* native = &engine.events()
    cdef const Event* event
    cdef const EventShape* shape
    cdef const EventField* field
    cdef size_t index
    cdef int number
    cdef int64_t known_time_us = NEVER
    cdef uint32_t known_call = NONE
    cdef uint32_t known_agent = NONE
    cdef object sequence = engine.sequence()
    cdef object time_us = None
    cdef object call = None
    cdef object agent = None
    cdef object made
    cdef object fresh  # keeps a value until the event has it
    cdef PyObject* value
    cdef list collected = router_list(<Py_ssize_t>native.size())
    for index in range(native.size()):
        event = &native[0][index]
        shape = &EVENT_SHAPES[<int>event.kind]
        if event.time_us != known_time_us:
            known_time_us = event.time_us
            time_us = known_time_us
        made = router_blank(shape.kind)
        router_put_item(collected, <Py_ssize_t>index, made)
        for number in range(shape.fields):
            field = &shape.field[number]
            if field.source == OF_TIME:
                value = <PyObject*>time_us
            elif field.source == OF_SEQUENCE:
                value = <PyObject*>sequence
            elif field.source == OF_CALL:
                if event.call == NONE:
                    fresh = decode(engine.text(event.call_text)) if event.call_text != NONE else ""
                    value = <PyObject*>fresh
                else:
                    if event.call != known_call:
                        known_call = event.call
                        if given is not None and event.kind == EventKind.call_enqueued:
                            call = given
                        else:
                            call = decode(engine.call(known_call).name)
                    value = <PyObject*>call
            elif field.source == OF_AGENT:
                if event.agent == NONE:
                    value = <PyObject*>EMPTY
                else:
                    if event.agent != known_agent:
                        known_agent = event.agent
                        agent = decode(engine.agent(known_agent).name)
                    value = <PyObject*>agent
            elif field.source == OF_QUEUE:
                value = known_queue_name(engine, event.queue, names)
            elif field.source == OF_FROM_QUEUE:
                value = known_queue_name(engine, event.from_queue, names)
            elif field.source == OF_OFFER:
                fresh = event.offer
                value = <PyObject*>fresh
            elif field.source == OF_VALUE:
                if event.value == known_time_us:
                    value = <PyObject*>time_us
                else:
                    fresh = event.value
                    value = <PyObject*>fresh
            elif field.source == OF_FLAG:
                value = <PyObject*>YES if event.flag else <PyObject*>NO
            elif field.source == OF_CODE:
                value = PyList_GET_ITEM(<list>shape.codes, <int>event.code)
            else:
                fresh = own_value(engine, event, field.source)
                value = <PyObject*>fresh
            router_write(<PyObject*>made, field.slot, value)
    return collected


# What few events have.
cdef object own_value(const CppEngine& engine, const Event* event, Source source):
    if source == OF_HOLD:
        return maybe(event.hold_until_us)
    if source == OF_TEXT:
        return decode(engine.text(event.text))
    return agent_names(engine, engine.call(event.call).preferred)


# Borrowed from the list.
cdef inline PyObject* known_queue_name(const CppEngine& engine, uint32_t queue, list names) except NULL:
    if queue == NONE:
        return <PyObject*>EMPTY
    if <size_t>PyList_GET_SIZE(names) <= queue or PyList_GET_ITEM(names, queue) is <PyObject*>None:
        learn_queue_name(engine, queue, names)
    return PyList_GET_ITEM(names, queue)


cdef int learn_queue_name(const CppEngine& engine, uint32_t queue, list names) except -1:
    while <size_t>len(names) <= queue:
        names.append(None)
    names[queue] = queue_name(engine, queue)
    return 0
