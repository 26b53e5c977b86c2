// Who satisfies what: interned profiles (sets of skills) against interned stages (steps of requirements).
//
// Every pair is weighed once, when the later of the two appears, so that a decision only looks things up.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "bitset.hpp"
#include "commands.hpp"
#include "symbols.hpp"

namespace router {

using SkillLevels = std::vector<std::pair<SkillId, std::uint8_t>>;  // sorted by skill

struct Profile {
    SkillLevels skills;
    Id named = NONE;  // symbol of the one agent who has it, while a requirement names that agent
    std::uint32_t uses = 0;
    Bitset stages;    // that it satisfies
    std::string key;
};

struct Stage {
    struct Atom {
        SkillId skill;
        std::uint8_t level;
    };
    struct Term {
        TermKind kind;
        std::vector<Atom> alternatives;
        Id named;
    };

    RequirementId requirement = NONE;
    std::vector<Term> terms;
    std::vector<Atom> preferences;       // level is the importance
    SkillLevels asked;                   // highest level named for each skill, sorted by skill
    Bitset profiles;                     // that satisfy it
    std::vector<std::int32_t> fit_ppm;   // by profile; -1: does not satisfy it
    struct Reserve {
        std::int32_t ppm;
        std::uint32_t epoch;
    };
    mutable std::vector<Reserve> reserve;  // by profile as asked for, valid while the staffing epoch is the same
};

struct Requirement {
    RequirementSpec spec;
    std::vector<StageId> stages;  // while calls use it, and for a while after that
    std::uint32_t uses = 0;       // by calls
    std::uint32_t listings = 0;   // by queues
    bool rests = false;           // among those that are not used for now, or were not a while ago
    bool lasts = false;           // stays weighed for good, once it is: in a fork, what it began with
    std::string key;
};

class SkillMatrix {
public:
    // Intern, one use more. Names of agents that became (or ceased to be) named wait in take_renamed().
    RequirementId acquire_requirement(const RequirementSpec& spec);
    void acquire_requirement(RequirementId requirement) {
        if (requirements_[requirement].uses++ == 0) compile_requirement(requirement);
    }
    void release_requirement(RequirementId requirement) {
        ROUTER_CHECK(requirements_[requirement].uses > 0);
        if (--requirements_[requirement].uses == 0) lay_down_requirement(requirement);
    }
    // Intern without a use: kept, and weighed against nobody as long as no call has it. When its last call is gone it is
    // still weighed until RESTING_MAX others have lost theirs.
    RequirementId list_requirement(const RequirementSpec& spec);
    void list_requirement(RequirementId requirement) {
        mark_ = new_mark();
        ++requirements_[requirement].listings;
    }
    void unlist_requirement(RequirementId requirement);
    bool knows_requirement(const RequirementSpec& spec) const;
    // How many different ones are used or listed.
    std::size_t requirements() const { return requirements_.size() - free_requirements_.size(); }

    // Profile of an agent with these skills; its own if a requirement names the agent.
    ProfileId acquire_profile(const Skills& skills, const std::string& agent);
    ProfileId acquire_profile(const SkillLevels& skills, const std::string& agent);
    void release_profile(ProfileId profile);
    // Agents whose being named by a requirement changed since the last call: their profile must be acquired anew.
    bool has_renamed() const { return !renamed_.empty(); }
    std::vector<std::string> take_renamed() { return std::exchange(renamed_, {}); }

    const Profile& profile(ProfileId id) const { return profiles_[id]; }
    const Stage& stage(StageId id) const { return stages_[id]; }
    const Requirement& requirement(RequirementId id) const { return requirements_[id]; }
    const std::string& skill_name(SkillId skill) const { return skills_.name(skill); }

    bool satisfies(ProfileId profile, StageId stage) const { return stages_[stage].fit_ppm[profile] >= 0; }
    std::int64_t fit_ppm(ProfileId profile, StageId stage) const { return stages_[stage].fit_ppm[profile]; }
    // Best fit over all steps that the profile satisfies; at least one of them must be.
    std::int64_t best_fit_ppm(ProfileId profile, RequirementId requirement) const;
    // 10^6 less the share of the profile's scarce skill that the stage does not ask for.
    std::int64_t reserve_ppm(ProfileId profile, StageId stage) const { return reserve_ppm(profile, stages_[stage]); }
    std::int64_t reserve_ppm(ProfileId profile, const Stage& stage) const {
        const bool known = profile < stage.reserve.size() && stage.reserve[profile].epoch == staffing_epoch_;
        return known ? stage.reserve[profile].ppm : weigh_reserve(profile, stage);
    }

    // The same profiles by the same numbers, and these requirements (rising) by the numbers 0, 1, …, each listed once and to
    // last. With names they are found when they are asked for again; without, they would be weighed anew.
    SkillMatrix fork(const std::vector<RequirementId>& requirements, bool names) const;
    // Make it equal to `start`: see Engine::rewind(). What was weighed since the copy stays.
    void rewind(const SkillMatrix& start);

    // One signed-in agent more (+1) or fewer (-1) with the profile.
    void count_signed_in(ProfileId profile, int change);
    std::int64_t signed_in() const { return signed_in_; }

private:
    void compile(const StepSpec& spec, Stage& stage);
    void weigh(ProfileId profile, StageId stage);
    std::int32_t weigh_reserve(ProfileId profile, const Stage& stage) const;
    std::int32_t weigh_fit(const Profile& profile, const Stage& stage) const;
    RequirementId find_or_add_requirement(const RequirementSpec& spec);
    void compile_requirement(RequirementId requirement);
    void lay_down_requirement(RequirementId requirement);
    void drop_stages(Requirement& requirement);
    void forget_if_unwanted(RequirementId requirement);
    void begin_staffing_epoch();
    Id acquire_named(const std::string& agent);
    StageId add_stage(RequirementId requirement, const StepSpec& spec);
    void drop_stage(StageId stage);

    SymbolTable skills_;
    SymbolTable named_agents_;
    std::vector<std::string> renamed_;

    std::vector<Profile> profiles_;
    std::vector<ProfileId> free_profiles_;
    NameMap<ProfileId> profile_ids_;

    std::vector<Stage> stages_;
    std::vector<StageId> free_stages_;
    std::vector<Requirement> requirements_;
    std::vector<RequirementId> free_requirements_;
    std::deque<RequirementId> resting_;  // a number may be stale or stand here twice, which costs nothing but time
    NameMap<RequirementId> requirement_ids_;

    std::vector<std::int64_t> holders_;  // signed-in agents by skill
    std::int64_t signed_in_ = 0;
    std::uint32_t staffing_epoch_ = 1;
    Mark mark_;  // new with every change that rewind() does not undo step by step
};

}  // namespace router
