#include "wire/requirement_reader.hpp"

#include "limits.hpp"
#include "wire/values.hpp"

namespace router::wire {

namespace {

// SkillTerm and Preference alike: a skill, and its level or importance, which stays as it is where none is given.
bool read_skill(std::string_view bytes, std::string& skill, std::uint8_t& level) {
    Reader reader(bytes);
    while (const std::uint32_t field = reader.next()) {
        switch (field) {
            case 1: skill = read_name(reader); break;
            case 2: level = static_cast<std::uint8_t>(read_number(reader, 1, LEVEL_MAX, true)); break;
            default: reader.refuse();
        }
    }
    return reader.ok() && !skill.empty();
}

bool read_skill_term(std::string_view bytes, TermSpec& term) {
    SkillAtLeast& atom = term.alternatives.emplace_back();
    return read_skill(bytes, atom.skill, atom.level);
}

bool read_agent_term(std::string_view bytes, TermSpec& term) {
    Reader reader(bytes);
    if (reader.next() != 1) return false;
    term.agent = read_name(reader);
    return reader.next() == 0 && reader.ok();
}

bool read_any_of(std::string_view bytes, TermSpec& term) {
    Reader reader(bytes);
    while (const std::uint32_t field = reader.next(1)) {
        const std::string_view inner = reader.bytes(true);
        if (!reader.ok() || field != 1 || term.alternatives.size() == TERMS_MAX) return false;
        if (!read_skill_term(inner, term)) return false;
    }
    return reader.ok() && !term.alternatives.empty();
}

// Exactly one of the three.
bool read_term(std::string_view bytes, TermSpec& term) {
    Reader reader(bytes);
    const std::uint32_t field = reader.next();
    const std::string_view inner = reader.bytes(true);
    if (!reader.ok() || !reader.at_end()) return false;
    switch (field) {
        case 1: term.kind = TermKind::skill; return read_skill_term(inner, term);
        case 2: term.kind = TermKind::agent; return read_agent_term(inner, term);
        case 3: term.kind = TermKind::any_of; return read_any_of(inner, term);
        default: return false;
    }
}

void add_term(Reader& reader, StepSpec& step) {
    const std::string_view bytes = reader.bytes(true);
    if (!reader.ok() || step.terms.size() == TERMS_MAX || !read_term(bytes, step.terms.emplace_back())) reader.refuse();
}

void add_preference(Reader& reader, StepSpec& step) {
    const std::string_view bytes = reader.bytes(true);
    if (!reader.ok() || step.preferences.size() == PREFERENCES_MAX) {
        reader.refuse();
        return;
    }
    PreferenceSpec& preference = step.preferences.emplace_back();
    if (!read_skill(bytes, preference.skill, preference.importance)) reader.refuse();
}

bool read_step(std::string_view bytes, StepSpec& step) {
    Reader reader(bytes);
    for (std::uint32_t field = 0; (field = reader.next(field < 3 ? field : 0)) != 0;) {
        switch (field) {
            case 1: add_term(reader, step); break;
            case 2: add_preference(reader, step); break;
            case 3: step.after_us = read_duration(reader); break;
            default: reader.refuse();
        }
    }
    return reader.ok();
}

}  // namespace

bool read_requirement(std::string_view bytes, RequirementSpec& requirement) {
    if (bytes.empty()) return true;  // one empty step
    requirement.steps.clear();
    Reader reader(bytes);
    while (const std::uint32_t field = reader.next(1)) {
        const std::string_view inner = reader.bytes(true);
        if (!reader.ok() || field != 1 || requirement.steps.size() == STEPS_MAX) return false;
        const bool first = requirement.steps.empty();
        const TimeUs before_us = first ? 0 : requirement.steps.back().after_us;
        StepSpec& step = requirement.steps.emplace_back();
        if (!read_step(inner, step)) return false;
        if (first ? step.after_us != 0 : step.after_us <= before_us) return false;
    }
    return reader.ok();
}

}  // namespace router::wire
