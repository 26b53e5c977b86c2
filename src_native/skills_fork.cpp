// Skills as a fork needs them, and back to how they were.
#include <utility>

#include "skills.hpp"

namespace router {

SkillMatrix SkillMatrix::fork(const std::vector<RequirementId>& requirements, bool names) const {
    SkillMatrix copy;
    std::vector<std::uint32_t> skill_uses(skills_.numbers(), 0);
    std::vector<std::uint32_t> named_uses(named_agents_.numbers(), 0);
    copy.profiles_.resize(profiles_.size());
    copy.free_profiles_ = free_profiles_;
    for (ProfileId id = 0; id < profiles_.size(); ++id) {
        const Profile& profile = profiles_[id];
        if (profile.uses == 0) continue;
        copy.profiles_[id] = Profile{profile.skills, profile.named, profile.uses, {}, names ? profile.key : std::string()};
        for (const auto& [skill, level] : profile.skills) ++skill_uses[skill];
        // one use too many, so that the symbol outlasts a requirement that the copy does not have
        if (profile.named != NONE) ++named_uses[profile.named];
    }
    if (names) copy.profile_ids_ = profile_ids_;
    for (const RequirementId id : requirements) {
        const RequirementId number = static_cast<RequirementId>(copy.requirements_.size());
        const Requirement& requirement = requirements_[id];
        Requirement& own = copy.requirements_.emplace_back();
        own.spec = requirement.spec;
        own.listings = 1;
        own.lasts = true;
        if (names) {
            own.key = requirement.key;
            copy.requirement_ids_.emplace(own.key, number);
        }
        for (const StageId stage_id : requirement.stages) {
            const StageId own_id = static_cast<StageId>(copy.stages_.size());
            const Stage& stage = copy.stages_.emplace_back(stages_[stage_id]);
            copy.stages_.back().requirement = number;
            own.stages.push_back(own_id);
            Bitset::for_each_common(stage.profiles, stage.profiles, [&](ProfileId profile) { copy.profiles_[profile].stages.set(own_id); });
            for (const Stage::Term& term : stage.terms) {
                for (const Stage::Atom& atom : term.alternatives) ++skill_uses[atom.skill];
                if (term.kind == TermKind::agent) ++named_uses[term.named];
            }
            for (const Stage::Atom& preference : stage.preferences) ++skill_uses[preference.skill];
        }
    }
    copy.skills_ = skills_.fork(skill_uses);
    copy.named_agents_ = named_agents_.fork(named_uses);
    copy.holders_ = holders_;
    copy.signed_in_ = signed_in_;
    copy.staffing_epoch_ = staffing_epoch_;
    return copy;
}

void SkillMatrix::rewind(const SkillMatrix& start) {
    if (mark_ != start.mark_) {
        *this = start;
        return;
    }
    for (ProfileId id = 0; id < profiles_.size(); ++id) profiles_[id].uses = start.profiles_[id].uses;
    for (RequirementId id = 0; id < requirements_.size(); ++id) requirements_[id].uses = start.requirements_[id].uses;
    if (signed_in_ == start.signed_in_ && holders_ == start.holders_) return;
    holders_ = start.holders_;
    signed_in_ = start.signed_in_;
    begin_staffing_epoch();
}

}  // namespace router
