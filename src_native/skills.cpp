#include "skills.hpp"

#include <algorithm>

namespace router {

namespace {

constexpr std::int64_t TERM_COUNT = 10;  // a demanded term weighs as much as a preference of importance 10
constexpr std::int64_t LEVEL_PPM = PPM / 10;
constexpr std::size_t RESTING_MAX = 64;

void append_number(std::string& key, std::int64_t number) {
    key.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void append_text(std::string& key, const std::string& text) {
    append_number(key, static_cast<std::int64_t>(text.size()));
    key += text;
}

std::string requirement_key(const RequirementSpec& spec) {
    std::string key;
    for (const StepSpec& step : spec.steps) {
        append_number(key, step.after_us);
        append_number(key, static_cast<std::int64_t>(step.terms.size()));
        for (const TermSpec& term : step.terms) {
            append_number(key, static_cast<std::int64_t>(term.kind));
            append_text(key, term.agent);
            append_number(key, static_cast<std::int64_t>(term.alternatives.size()));
            for (const SkillAtLeast& atom : term.alternatives) {
                append_text(key, atom.skill);
                append_number(key, atom.level);
            }
        }
        append_number(key, static_cast<std::int64_t>(step.preferences.size()));
        for (const PreferenceSpec& preference : step.preferences) {
            append_text(key, preference.skill);
            append_number(key, preference.importance);
        }
    }
    return key;
}

std::string profile_key(const SkillLevels& skills, Id named) {
    std::string key;
    append_number(key, named);
    for (const auto& [skill, level] : skills) {
        append_number(key, skill);
        append_number(key, level);
    }
    return key;
}

std::int64_t level_of(const SkillLevels& skills, SkillId skill) {
    const auto found = std::lower_bound(skills.begin(), skills.end(), skill,
                                        [](const auto& entry, SkillId wanted) { return entry.first < wanted; });
    return found != skills.end() && found->first == skill ? found->second : 0;
}

template <class Table>
Id take_free(std::vector<Id>& free, Table& table) {
    if (!free.empty()) {
        const Id id = free.back();
        free.pop_back();
        return id;
    }
    table.emplace_back();
    return static_cast<Id>(table.size() - 1);
}

}  // namespace

RequirementId SkillMatrix::find_or_add_requirement(const RequirementSpec& spec) {
    std::string key = requirement_key(spec);
    if (const auto found = requirement_ids_.find(key); found != requirement_ids_.end()) return found->second;
    const RequirementId id = take_free(free_requirements_, requirements_);
    mark_ = new_mark();
    requirement_ids_.emplace(key, id);
    requirements_[id].spec = spec;
    requirements_[id].key = std::move(key);
    return id;
}

RequirementId SkillMatrix::acquire_requirement(const RequirementSpec& spec) {
    const RequirementId id = find_or_add_requirement(spec);
    acquire_requirement(id);
    return id;
}

void SkillMatrix::compile_requirement(RequirementId id) {
    Requirement& requirement = requirements_[id];
    if (!requirement.stages.empty()) return;
    for (const StepSpec& step : requirement.spec.steps) requirement.stages.push_back(add_stage(id, step));
}

// Its last use is gone.
void SkillMatrix::lay_down_requirement(RequirementId id) {
    if (requirements_[id].listings == 0) return forget_if_unwanted(id);
    if (requirements_[id].rests || requirements_[id].lasts) return;
    mark_ = new_mark();
    requirements_[id].rests = true;
    resting_.push_back(id);
    if (resting_.size() <= RESTING_MAX) return;
    Requirement& oldest = requirements_[resting_.front()];
    resting_.pop_front();
    oldest.rests = false;
    if (oldest.uses == 0) drop_stages(oldest);
}

void SkillMatrix::drop_stages(Requirement& requirement) {
    for (const StageId stage : requirement.stages) drop_stage(stage);
    requirement.stages.clear();
}

RequirementId SkillMatrix::list_requirement(const RequirementSpec& spec) {
    const RequirementId id = find_or_add_requirement(spec);
    mark_ = new_mark();
    ++requirements_[id].listings;
    return id;
}

void SkillMatrix::unlist_requirement(RequirementId id) {
    ROUTER_CHECK(requirements_[id].listings > 0);
    mark_ = new_mark();
    --requirements_[id].listings;
    forget_if_unwanted(id);
}

bool SkillMatrix::knows_requirement(const RequirementSpec& spec) const {
    return requirement_ids_.contains(requirement_key(spec));
}

void SkillMatrix::forget_if_unwanted(RequirementId id) {
    Requirement& requirement = requirements_[id];
    if (requirement.uses > 0 || requirement.listings > 0) return;
    mark_ = new_mark();
    drop_stages(requirement);
    requirement_ids_.erase(requirement.key);
    requirement = Requirement{};
    free_requirements_.push_back(id);
}

Id SkillMatrix::acquire_named(const std::string& agent) {
    if (named_agents_.find(agent) == NONE) {
        renamed_.push_back(agent);
        mark_ = new_mark();
    }
    return named_agents_.acquire(agent);
}

void SkillMatrix::compile(const StepSpec& spec, Stage& stage) {
    const auto ask = [&stage](SkillId skill, std::uint8_t level) {
        for (auto& [asked_skill, asked_level] : stage.asked) {
            if (asked_skill == skill) {
                asked_level = std::max(asked_level, level);
                return;
            }
        }
        stage.asked.emplace_back(skill, level);
    };
    for (const TermSpec& term : spec.terms) {
        Stage::Term compiled{term.kind, {}, NONE};
        if (term.kind == TermKind::agent) compiled.named = acquire_named(term.agent);
        for (const SkillAtLeast& atom : term.alternatives) {
            compiled.alternatives.push_back({skills_.acquire(atom.skill), atom.level});
            ask(compiled.alternatives.back().skill, atom.level);
        }
        stage.terms.push_back(std::move(compiled));
    }
    for (const PreferenceSpec& preference : spec.preferences) {
        stage.preferences.push_back({skills_.acquire(preference.skill), preference.importance});
        ask(stage.preferences.back().skill, 10);
    }
    std::sort(stage.asked.begin(), stage.asked.end());
}

StageId SkillMatrix::add_stage(RequirementId requirement, const StepSpec& spec) {
    const StageId id = take_free(free_stages_, stages_);
    Stage& stage = stages_[id];
    stage = Stage{};
    stage.requirement = requirement;
    compile(spec, stage);
    for (ProfileId profile = 0; profile < profiles_.size(); ++profile) {
        if (profiles_[profile].uses > 0) weigh(profile, id);
    }
    return id;
}

void SkillMatrix::drop_stage(StageId id) {
    Stage& stage = stages_[id];
    Bitset::for_each_common(stage.profiles, stage.profiles, [&](ProfileId profile) { profiles_[profile].stages.reset(id); });
    for (const Stage::Term& term : stage.terms) {
        for (const Stage::Atom& atom : term.alternatives) skills_.release(atom.skill);
        if (term.kind == TermKind::agent) {
            std::string agent = named_agents_.name(term.named);
            if (named_agents_.release(term.named)) renamed_.push_back(std::move(agent));
        }
    }
    for (const Stage::Atom& preference : stage.preferences) skills_.release(preference.skill);
    stage = Stage{};
    free_stages_.push_back(id);
}

ProfileId SkillMatrix::acquire_profile(const Skills& skills, const std::string& agent) {
    SkillLevels levels;
    for (const auto& [skill, level] : skills) levels.emplace_back(skills_.acquire(skill), level);
    const ProfileId profile = acquire_profile(levels, agent);
    for (const auto& [skill, level] : levels) skills_.release(skill);
    return profile;
}

ProfileId SkillMatrix::acquire_profile(const SkillLevels& levels, const std::string& agent) {
    SkillLevels sorted = levels;
    std::sort(sorted.begin(), sorted.end());
    const Id named = named_agents_.find(agent);
    std::string key = profile_key(sorted, named);
    if (const auto found = profile_ids_.find(key); found != profile_ids_.end()) {
        ++profiles_[found->second].uses;
        return found->second;
    }
    const ProfileId id = take_free(free_profiles_, profiles_);
    mark_ = new_mark();
    for (const auto& [skill, level] : sorted) skills_.acquire(skills_.name(skill));
    profile_ids_.emplace(key, id);
    profiles_[id] = Profile{std::move(sorted), named, 1, {}, std::move(key)};
    for (StageId stage = 0; stage < stages_.size(); ++stage) {
        if (stages_[stage].requirement != NONE) weigh(id, stage);
    }
    return id;
}

void SkillMatrix::release_profile(ProfileId id) {
    Profile& profile = profiles_[id];
    ROUTER_CHECK(profile.uses > 0);
    if (--profile.uses > 0) return;
    mark_ = new_mark();
    Bitset::for_each_common(profile.stages, profile.stages, [&](StageId stage) { stages_[stage].profiles.reset(id); });
    for (const auto& [skill, level] : profile.skills) skills_.release(skill);
    profile_ids_.erase(profile.key);
    profile = Profile{};
    free_profiles_.push_back(id);
}

void SkillMatrix::weigh(ProfileId profile, StageId id) {
    Stage& stage = stages_[id];
    if (stage.fit_ppm.size() <= profile) {
        stage.fit_ppm.resize(profile + 1, -1);
    }
    const std::int32_t fit = weigh_fit(profiles_[profile], stage);
    stage.fit_ppm[profile] = fit;
    if (profile < stage.reserve.size()) stage.reserve[profile].epoch = 0;
    if (fit >= 0) {
        stage.profiles.set(profile);
        profiles_[profile].stages.set(id);
    } else {
        stage.profiles.reset(profile);
        profiles_[profile].stages.reset(id);
    }
}

std::int32_t SkillMatrix::weigh_fit(const Profile& profile, const Stage& stage) const {
    if (stage.terms.empty() && stage.preferences.empty()) return NEUTRAL_PPM;
    std::int64_t sum = 0;
    std::int64_t count = 0;
    for (const Stage::Term& term : stage.terms) {
        std::int64_t best = 0;
        if (term.kind == TermKind::agent) best = term.named == profile.named ? 10 : 0;
        for (const Stage::Atom& atom : term.alternatives) {
            const std::int64_t level = level_of(profile.skills, atom.skill);
            if (level >= atom.level) best = std::max(best, level);
        }
        if (best == 0) return -1;
        sum += TERM_COUNT * best * LEVEL_PPM;
        count += TERM_COUNT;
    }
    for (const Stage::Atom& preference : stage.preferences) {
        sum += preference.level * level_of(profile.skills, preference.skill) * LEVEL_PPM;
        count += preference.level;
    }
    return static_cast<std::int32_t>(sum / count);
}

std::int64_t SkillMatrix::best_fit_ppm(ProfileId profile, RequirementId requirement) const {
    std::int64_t best = -1;
    for (const StageId stage : requirements_[requirement].stages) best = std::max(best, fit_ppm(profile, stage));
    ROUTER_CHECK(best >= 0);
    return best;
}

std::int32_t SkillMatrix::weigh_reserve(ProfileId profile_id, const Stage& stage) const {
    if (stage.reserve.size() <= profile_id) stage.reserve.resize(profile_id + 1, Stage::Reserve{0, 0});
    std::int64_t surplus = 0;
    std::int64_t scarcity_sum = 0;
    for (const auto& [skill, level] : profiles_[profile_id].skills) {
        const std::int64_t holders = skill < holders_.size() ? holders_[skill] : 0;
        const std::int64_t scarcity = signed_in_ == 0 ? 0 : (signed_in_ - holders) * PPM / signed_in_;
        surplus += scarcity * std::max<std::int64_t>(0, level - level_of(stage.asked, skill));
        scarcity_sum += scarcity;
    }
    const std::int64_t reserve = scarcity_sum == 0 ? PPM : PPM - surplus * LEVEL_PPM / scarcity_sum;
    stage.reserve[profile_id] = {static_cast<std::int32_t>(reserve), staffing_epoch_};
    return static_cast<std::int32_t>(reserve);
}

void SkillMatrix::count_signed_in(ProfileId profile, int change) {
    signed_in_ += change;
    for (const auto& [skill, level] : profiles_[profile].skills) {
        if (holders_.size() <= skill) holders_.resize(skill + 1, 0);
        holders_[skill] += change;
    }
    begin_staffing_epoch();
}

// What was computed of scarcity holds no longer. Epoch 0 marks a value that was never computed.
void SkillMatrix::begin_staffing_epoch() {
    if (++staffing_epoch_ == 0) {
        for (Stage& stage : stages_) std::fill(stage.reserve.begin(), stage.reserve.end(), Stage::Reserve{0, 0});
        staffing_epoch_ = 1;
    }
}

}  // namespace router
