# Python values -> C++ commands. Everything malformed is refused here, before the engine sees it.

cdef extern from *:
    """
    #include <structmember.h>  // PyMemberDef, until 3.11

    template <class Kind> Kind& router_emplaced(router::Command& into) { return into.template emplace<Kind>(); }

    struct router_Text {
        const char* data;
        Py_ssize_t size;
    };

    // What a text mostly is: so many bytes of printable ASCII. No data: it may be good all the same, see seen_text().
    static inline router_Text router_plain_text(PyObject* value, Py_ssize_t least, Py_ssize_t most) {
        if (!PyUnicode_CheckExact(value) || !PyUnicode_IS_COMPACT_ASCII(value)) return {nullptr, 0};
        const Py_ssize_t size = PyUnicode_GET_LENGTH(value);
        const auto* data = reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(value));
        const bool good = size >= least && size <= most && router::is_plain({data, static_cast<std::size_t>(size)});
        return {good ? data : nullptr, size};
    }

    // Into a string, or into what refers to something by its name.
    template <class Into> void router_put(Into& into, router_Text text) {
        const auto size = static_cast<std::size_t>(text.size);
        if constexpr (requires { into.name; }) {
            into.name.assign(text.data, size);
        } else {
            into.assign(text.data, size);
        }
    }

    // A Struct of msgspec keeps its fields in slots. This reads one as an attribute lookup would, without the lookup.
    static Py_ssize_t router_slot_of(PyObject* member) { return ((PyMemberDescrObject*)member)->d_member->offset; }
    static inline PyObject* router_read(PyObject* value, Py_ssize_t slot) { return *(PyObject**)((char*)value + slot); }
    """
    ctypedef struct Text "router_Text":
        const char* data
        Py_ssize_t size
    Text router_plain_text(PyObject* value, Py_ssize_t least, Py_ssize_t most)
    void put "router_put"(string& into, Text text)
    Kind& emplaced "router_emplaced"[Kind](Command& into)
    Py_ssize_t router_slot_of(PyObject* member)
    PyObject* router_read(PyObject* value, Py_ssize_t slot)

from cpython.object cimport Py_TYPE
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.unicode cimport PyUnicode_AsUTF8AndSize

cdef object BOOLEAN = type(True)  # `bool` is the C++ one here
cdef object REQUIREMENT = requirements.Requirement
cdef object STEP = requirements.Step
cdef object SKILL_TERM = requirements.SkillTerm
cdef object AGENT_TERM = requirements.AgentTerm
cdef object ANY_OF = requirements.AnyOf
cdef object PREFERENCE = requirements.Preference
cdef object URGENCY_KIND = vocabulary.Urgency
cdef object URGENCY_NORMAL = vocabulary.Urgency.NORMAL
cdef object NOTHING = ()  # there is but one empty tuple, and one zero
cdef object ZERO = 0
cdef str EMPTY = ""
cdef object MEMBER = type(commands.Enqueue.__dict__["call"])


# Where the instances of a class keep a field; its subclasses are not meant.
cdef Py_ssize_t slot_of(object kind, str field) except -1:
    member = kind.__dict__[field]
    if type(member) is not MEMBER:
        raise TypeError(f"{kind.__name__}.{field} is no slot but {shown(member)}")
    return router_slot_of(<PyObject*>member)


cdef inline object read(object value, Py_ssize_t slot, str field):
    cdef PyObject* found = router_read(<PyObject*>value, slot)
    return <object>found if found is not NULL else getattr(value, field)  # which says that it was never set


# Whether the field is this very object, as most are the ones that they begin with.
cdef inline bint holds(object value, Py_ssize_t slot, object what):
    return router_read(<PyObject*>value, slot) is <PyObject*>what


# A place is a field's name, or (the place around it, the name there, the number or key in it or None): only an error
# words it.
cdef str worded(object place):
    if type(place) is str:
        return place
    outer, part, number = place
    return f"{worded(outer)}{part}" if number is None else f"{worded(outer)}{part}[{shown(number)}]"


cdef object refuse(object place, str problem, str wanted):
    raise InvalidCommand(worded(place), problem, wanted)


cdef str shown(object value):
    cdef str text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


# The text lies in the Python string, so that it is good for as long as that is.
cdef Text seen_text(object value, object field, bint may_be_empty, Py_ssize_t bytes_max=NAME_BYTES_MAX) except *:
    cdef Text text = router_plain_text(<PyObject*>value, 0 if may_be_empty else 1, bytes_max)
    return text if text.data is not NULL else odd_text(value, field, may_be_empty, bytes_max)


cdef Text odd_text(object value, object field, bint may_be_empty, Py_ssize_t bytes_max) except *:
    cdef Text text
    text.data = NULL
    text.size = 0
    if type(value) is not str:
        refuse(field, f"{shown(value)} is not text", "a string is wanted")
    try:
        text.data = PyUnicode_AsUTF8AndSize(value, &text.size)
    except UnicodeEncodeError:
        refuse(field, f"{shown(value)} cannot be written as UTF-8", "text without lone surrogates is wanted")
    if text.size == 0 and not may_be_empty:
        refuse(field, "it is empty", f"1 to {bytes_max} bytes are wanted")
    if text.size > bytes_max:
        refuse(field, f"it is {text.size} bytes long", f"at most {bytes_max} bytes of UTF-8 are wanted")
    if not is_text(string_view(text.data, text.size)):  # it is UTF-8, so that is what is wrong with it
        refuse(field, f"{shown(value)} has a control character", "printable text is wanted")
    return text


cdef string text_of(object value, object field, bint may_be_empty, Py_ssize_t bytes_max=NAME_BYTES_MAX) except *:
    cdef Text text = seen_text(value, field, may_be_empty, bytes_max)
    return string(text.data, text.size)


cdef string name_of(object value, object field) except *:
    return text_of(value, field, False)


cdef int64_t number_of(object value, object field, int64_t least, int64_t most, str unit="") except? -1:
    cdef int overflow = 0
    cdef long long number
    if PyLong_CheckExact(value):
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
        if overflow == 0 and least <= number <= most:
            return number
    if type(value) is BOOLEAN or not isinstance(value, int):
        refuse(field, f"{shown(value)} is not an integer", f"{least} to {most}{unit} is wanted")
    if value < least or value > most:
        refuse(field, f"{shown(int(value))} is out of range", f"{least} to {most}{unit} is wanted")
    return value


cdef int64_t duration_of(object value, object field, int64_t least=0) except? -1:
    return number_of(value, field, least, DURATION_US_MAX, " microseconds")


cdef bint flag_of(object value, object field) except -1:
    if type(value) is not BOOLEAN:
        refuse(field, f"{shown(value)} is not a boolean", "True or False is wanted")
    return value


cdef object expect(object value, object kind, object field, str wanted):
    if not isinstance(value, kind):
        refuse(field, f"{shown(value)} is a {type(value).__name__}", wanted)
    return value


cdef object sequence_of(object value, object field, Py_ssize_t most, str what, Py_ssize_t least=0):
    if not isinstance(value, (tuple, list)):
        refuse(field, f"{shown(value)} is not a list", f"a tuple of {what} is wanted")
    if not least <= len(value) <= most:
        refuse(field, f"there are {len(value)} entries", f"{least} to {most} {what} are wanted")
    return value


cdef list items_of(object value, object field, Py_ssize_t most, str what):
    if type(value) is not dict and not isinstance(value, Mapping):
        refuse(field, f"{shown(value)} is not a mapping", f"a mapping of {what} is wanted")
    if len(value) > most:
        refuse(field, f"there are {len(value)} entries", f"at most {most} {what} are wanted")
    try:
        return sorted(value.items())
    except TypeError:
        refuse(field, "its keys are not all text", "names as keys are wanted")


cdef Skills skills_of(object value) except *:
    cdef Skills skills
    cdef pair[string, uint8_t] entry
    for skill, level in items_of(value, "skills", SKILLS_MAX, "skills"):
        entry.first = name_of(skill, "skills")
        entry.second = <uint8_t>number_of(level, ("skills", "", skill), 1, LEVEL_MAX)
        skills.push_back(entry)
    return skills


cdef Capacities capacity_of(object value) except *:
    cdef Capacities capacity
    cdef pair[string, uint16_t] entry
    for channel, number in items_of(value, "capacity", CHANNELS_MAX, "channels"):
        entry.first = name_of(channel, "capacity")
        entry.second = <uint16_t>number_of(number, ("capacity", "", channel), 1, CAPACITY_MAX)
        capacity.push_back(entry)
    return capacity


cdef Attributes attributes_of(object value) except *:
    cdef Attributes attributes
    cdef pair[string, string] entry
    cdef size_t total = 0
    for key, text in items_of(value, "attributes", ATTRIBUTES_MAX, "attributes"):
        entry.first = name_of(key, "attributes")
        entry.second = text_of(text, ("attributes", "", key), True, ATTRIBUTES_BYTES_MAX)
        total += entry.first.size() + entry.second.size()
        attributes.push_back(entry)
    if total > ATTRIBUTES_BYTES_MAX:
        refuse("attributes", f"they are {total} bytes in all", f"at most {ATTRIBUTES_BYTES_MAX} bytes are wanted")
    return attributes


cdef Names names_of(object value, object field, Py_ssize_t most) except *:
    cdef Names names
    for name in sequence_of(value, field, most, "names"):
        names.push_back(name_of(name, field))
    return names


cdef int fill_atom(SkillAtLeast& atom, object term, object field) except -1:
    expect(term, SKILL_TERM, field, "a SkillTerm is wanted")
    atom.skill = name_of(term.skill, (field, ".skill", None))
    atom.level = <uint8_t>number_of(term.level, (field, ".level", None), 1, LEVEL_MAX)
    return 0


cdef int fill_term(TermSpec& spec, object term, object field) except -1:
    cdef size_t index
    if isinstance(term, SKILL_TERM):
        spec.kind = TermKind.skill
        spec.alternatives.resize(1)
        fill_atom(spec.alternatives[0], term, field)
    elif isinstance(term, ANY_OF):
        spec.kind = TermKind.any_of
        terms = sequence_of(term.terms, (field, ".terms", None), TERMS_MAX, "skill terms", 1)
        spec.alternatives.resize(len(terms))
        for index in range(spec.alternatives.size()):
            fill_atom(spec.alternatives[index], terms[index], (field, ".terms", index))
    elif isinstance(term, AGENT_TERM):
        spec.kind = TermKind.agent
        spec.agent = name_of(term.agent, (field, ".agent", None))
    else:
        refuse(field, f"{shown(term)} is no term", "a SkillTerm, AnyOf or AgentTerm is wanted")
    return 0


cdef int fill_preference(PreferenceSpec& spec, object prefer, object field) except -1:
    expect(prefer, PREFERENCE, field, "a Preference is wanted")
    spec.skill = name_of(prefer.skill, (field, ".skill", None))
    spec.importance = <uint8_t>number_of(prefer.importance, (field, ".importance", None), 1, LEVEL_MAX)
    return 0


# `previous_us`: when the step before begins, below 0 for the first.
cdef int fill_step(StepSpec& spec, object step, object field, int64_t previous_us) except -1:
    cdef size_t index
    expect(step, STEP, field, "a Step is wanted")
    spec.after_us = duration_of(step.after_us, (field, ".after_us", None))
    if previous_us < 0:
        if spec.after_us != 0:
            refuse((field, ".after_us", None), f"the first step begins at {spec.after_us}", "0 is wanted")
    elif spec.after_us <= previous_us:
        refuse(
            (field, ".after_us", None), f"{spec.after_us} is not later than the step before",
            f"more than {previous_us} is wanted",
        )
    terms = sequence_of(step.terms, (field, ".terms", None), TERMS_MAX, "terms")
    spec.terms.resize(len(terms))
    for index in range(spec.terms.size()):
        fill_term(spec.terms[index], terms[index], (field, ".terms", index))
    preferences = sequence_of(step.prefer, (field, ".prefer", None), PREFERENCES_MAX, "preferences")
    spec.preferences.resize(len(preferences))
    for index in range(spec.preferences.size()):
        fill_preference(spec.preferences[index], preferences[index], (field, ".prefer", index))
    return 0


cdef RequirementSpec requirement_of(object value, str field="requirement") except *:
    cdef RequirementSpec spec
    cdef size_t index
    cdef int64_t previous_us = -1
    expect(value, REQUIREMENT, field, "a Requirement is wanted")
    steps = sequence_of(value.steps, (field, ".steps", None), STEPS_MAX, "steps", 1)
    spec.steps.clear()
    spec.steps.resize(len(steps))
    for index in range(spec.steps.size()):
        fill_step(spec.steps[index], steps[index], (field, ".steps", index), previous_us)
        previous_us = spec.steps[index].after_us
    return spec


cdef int put_requirement(RequirementRef& into, object value) except -1:
    into = RequirementRef(move(requirement_of(value)))
    return 0


cdef void fill_by_urgency(object value, str field, int64_t* into, int64_t least, bint may_be_never) except *:
    expect(value, settings_module.ByUrgency, field, "a ByUrgency is wanted")
    for index, name in enumerate(("normal", "important", "urgent")):
        duration = getattr(value, name)
        if duration is None and may_be_never:
            into[index] = NEVER
        else:
            into[index] = duration_of(duration, f"{field}.{name}", least)


cdef void fill_weights(object value, object kind, str field, int64_t* into) except *:
    expect(value, kind, field, f"{kind.__name__} is wanted")
    for index, name in enumerate(kind.__struct_fields__):
        into[index] = number_of(getattr(value, name), f"{field}.{name}", 0, WEIGHT_MAX, " thousandths")


cdef int64_t optional_number(object value, str field, int64_t most) except? -1:
    return NEVER if value is None else number_of(value, field, 0, most)


cdef QueueSettings queue_of(object name, object value, object names) except *:
    cdef QueueSettings queue
    cdef str field = f"queues[{shown(name)}]"
    expect(value, settings_module.QueueSettings, field, "QueueSettings is wanted")
    queue.name = name_of(name, "queues")
    queue.requirement = requirement_of(value.requirement, field + ".requirement")
    fill_by_urgency(value.target_us, field + ".target_us", &queue.target_us[0], 1_000_000, False)
    fill_by_urgency(value.max_overtake_wait_us, field + ".max_overtake_wait_us", &queue.max_overtake_wait_us[0], 0, True)
    queue.automatic = flag_of(value.automatic, field + ".automatic")
    queue.offer_timeout_us = duration_of(value.offer_timeout_us, field + ".offer_timeout_us", 1)
    expect(value.no_answer_action, vocabulary.NoAnswerAction, field + ".no_answer_action", "a NoAnswerAction is wanted")
    queue.no_answer_action = <NoAnswerAction><int>value.no_answer_action
    queue.reject_backoff_us = duration_of(value.reject_backoff_us, field + ".reject_backoff_us")
    expect(value.wrap_up, settings_module.WrapUp, field + ".wrap_up", "a WrapUp is wanted")
    expect(value.wrap_up.mode, vocabulary.WrapUpMode, field + ".wrap_up.mode", "a WrapUpMode is wanted")
    queue.wrap_up_mode = <WrapUpMode><int>value.wrap_up.mode
    queue.wrap_up_us = duration_of(value.wrap_up.duration_us, field + ".wrap_up.duration_us", 1 if value.wrap_up.mode else 0)
    queue.preferred_hold_us = duration_of(value.preferred_hold_us, field + ".preferred_hold_us")
    queue.last_agent_preferred = flag_of(value.last_agent_preferred, field + ".last_agent_preferred")
    queue.last_agent_hold_us = duration_of(value.last_agent_hold_us, field + ".last_agent_hold_us")
    queue.waiting_max = optional_number(value.waiting_max, field + ".waiting_max", NUMBER_MAX)
    queue.wait_max_us = optional_number(value.wait_max_us, field + ".wait_max_us", DURATION_US_MAX)
    if value.overflow is not None:
        queue.overflow = name_of(value.overflow, field + ".overflow")
        if value.overflow == name or value.overflow not in names:
            refuse(field + ".overflow", f"{shown(value.overflow)} is not another queue", "the name of another queue is wanted")
    fill_weights(value.agent_weights, settings_module.AgentWeights, field + ".agent_weights", &queue.agent_weights[0])
    fill_weights(value.call_weights, settings_module.CallWeights, field + ".call_weights", &queue.call_weights[0])
    return queue


cdef Settings settings_of(object value) except *:
    cdef Settings settings
    cdef ChannelSettings channel
    expect(value, settings_module.Settings, "settings", "Settings is wanted")
    for name, queue in items_of(value.queues, "queues", QUEUES_MAX, "queues"):
        settings.queues.push_back(queue_of(name, queue, value.queues))
    for name, one in items_of(value.channels, "channels", CHANNELS_MAX, "channels"):
        expect(one, settings_module.ChannelSettings, f"channels[{shown(name)}]", "ChannelSettings is wanted")
        channel.name = name_of(name, "channels")
        channel.exclusive = flag_of(one.exclusive, f"channels[{shown(name)}].exclusive")
        settings.channels.push_back(channel)
    if settings.channels.empty():
        refuse("channels", "there is none", "at least one channel is wanted")
    settings.idle_scale_us = duration_of(value.idle_scale_us, "idle_scale_us", 1)
    settings.occupancy_half_life_us = duration_of(value.occupancy_half_life_us, "occupancy_half_life_us", 1)
    efficiency = expect(value.efficiency, settings_module.EfficiencySettings, "efficiency", "EfficiencySettings is wanted")
    settings.efficiency.prior_calls = number_of(efficiency.prior_calls, "efficiency.prior_calls", 1, PRIOR_CALLS_MAX)
    settings.efficiency.handle_time = number_of(efficiency.handle_time, "efficiency.handle_time", 0, WEIGHT_MAX)
    settings.efficiency.resolution = number_of(efficiency.resolution, "efficiency.resolution", 0, WEIGHT_MAX)
    settings.efficiency.satisfaction = number_of(efficiency.satisfaction, "efficiency.satisfaction", 0, WEIGHT_MAX)
    settings.finished_retention_us = duration_of(value.finished_retention_us, "finished_retention_us", 1)
    settings.customer_retention_us = duration_of(value.customer_retention_us, "customer_retention_us")
    settings.customers_max = number_of(value.customers_max, "customers_max", 0, NUMBER_MAX)
    settings.request_retention_us = duration_of(value.request_retention_us, "request_retention_us", 1)
    settings.requests_max = number_of(value.requests_max, "requests_max", 1, NUMBER_MAX)
    settings.agents_max = number_of(value.agents_max, "agents_max", 1, NUMBER_MAX)
    settings.calls_max = number_of(value.calls_max, "calls_max", 1, NUMBER_MAX)
    settings.requirements_max = number_of(value.requirements_max, "requirements_max", 1, NUMBER_MAX)
    return settings
