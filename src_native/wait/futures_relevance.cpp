#include "futures_relevance.hpp"

#include <algorithm>
#include <tuple>

namespace router::wait {

namespace {

constexpr double REFUSALS_MAX = 0.05;  // offers that fail more often let later calls go first
constexpr std::size_t LAST_STEP = static_cast<std::size_t>(-1);

class AgentSet {
public:
    explicit AgentSet(std::size_t agents) : words_((agents + 63) / 64) {}
    void add(AgentId agent) { words_[agent / 64] |= std::uint64_t{1} << agent % 64; }
    bool has(AgentId agent) const { return words_[agent / 64] >> agent % 64 & 1; }
    void add(const AgentSet& others) {
        for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= others.words_[i];
    }
    bool meets(const AgentSet& others) const {
        for (std::size_t i = 0; i < words_.size(); ++i) {
            if ((words_[i] & others.words_[i]) != 0) return true;
        }
        return false;
    }
    bool empty() const {
        return std::all_of(words_.begin(), words_.end(), [](std::uint64_t word) { return word == 0; });
    }
    bool within(const AgentSet& others) const {
        for (std::size_t i = 0; i < words_.size(); ++i) {
            if ((words_[i] & ~others.words_[i]) != 0) return false;
        }
        return true;
    }

private:
    std::vector<std::uint64_t> words_;
};

// Calls that are alike in all that decides who may take them and what may go before them.
struct Kind {
    const Call* call;
    AgentSet now;  // who satisfy the present step
    AgentSet all;  // who may take them at any time
    bool target;
    bool passable;  // whatever comes may go before them
    bool matters = false;
};

struct Stream {
    std::size_t number;
    std::vector<QueueId> queues;  // its own and those that it may overflow into
    AgentSet all;
    bool matters = false;
};

class Search {
public:
    Search(const Outset& outset, Engine& start) : outset_(outset), engine_(start), agents_(start.agents_known()) {
        for (AgentId agent = 0; agent < start.agents_known(); ++agent) {
            if (start.agent(agent).signed_in() || !coming_times(*outset.model, agent, outset.now_us).times_us.empty()) {
                present_.push_back(agent);
            }
        }
        gather_kinds();
        gather_streams();
    }

    Relevance find() {
        AgentSet matter(agents_);
        for (Kind& kind : kinds_) {
            kind.matters = kind.target;
            if (kind.matters) matter.add(kind.all);
        }
        while (spread(matter)) {}
        Relevance found;
        found.agents.resize(agents_);
        for (AgentId agent = 0; agent < agents_; ++agent) found.agents[agent] = matter.has(agent);
        for (const Stream& stream : streams_) {
            if (stream.matters) found.arrivals.push_back(stream.number);
        }
        found.hopeless.resize(engine_.calls_known());
        for (const Target& target : outset_.targets) {
            if (target.call != NONE) found.hopeless[target.call] = is_hopeless(kinds_[kind_of_call_[target.call]]);
        }
        return found;
    }

private:
    bool is_hopeless(const Kind& kind) const {
        return kind.all.empty() && engine_.queue(kind.call->queue).settings.wait_max_us == NEVER;
    }

    std::vector<QueueId> chain_of(QueueId queue) const {
        std::vector<QueueId> chain;
        while (queue != NONE && engine_.queue(queue).configured && std::find(chain.begin(), chain.end(), queue) == chain.end()) {
            chain.push_back(queue);
            queue = engine_.queue(queue).overflow;
        }
        return chain;
    }

    void add_agents(RequirementId requirement, std::size_t first_step, std::size_t last_step, ChannelId channel,
                    AgentSet& set) const {
        const std::vector<StageId>& stages = engine_.skills().requirement(requirement).stages;
        for (const AgentId agent : present_) {
            if (set.has(agent) || engine_.agent_capacity(agent, channel) == 0) continue;
            const ProfileId profile = engine_.agent(agent).profile;
            for (std::size_t step = first_step; step < stages.size() && step <= last_step; ++step) {
                if (!engine_.skills().satisfies(profile, stages[step])) continue;
                set.add(agent);
                break;
            }
        }
    }

    // Who may take a call of the queue that has no requirement of its own.
    void add_agents_of(QueueId queue, ChannelId channel, AgentSet& set) {
        engine_.weigh_requirement(queue);  // while it has no calls it is weighed against nobody
        add_agents(engine_.queue(queue).requirement, 0, LAST_STEP, channel, set);
    }

    void gather_kinds() {
        kind_of_call_.resize(engine_.calls_known());
        std::vector<bool> target(engine_.calls_known());
        for (const Target& each : outset_.targets) {
            if (each.call != NONE) target[each.call] = true;
        }
        using Key = std::tuple<QueueId, ChannelId, RequirementId, std::uint16_t, Urgency, std::uint8_t, bool, bool>;
        std::vector<std::pair<Key, std::size_t>> seen;
        for (CallId id = 0; id < engine_.calls_known(); ++id) {
            const Call& call = engine_.call(id);
            if (!call.known() || call.state > CallState::offered || call.detached) continue;
            const bool passable = call.held() || !call.bars.empty();
            const Key key(call.queue, call.channel, call.requirement, call.step, call.urgency, call.priority, passable, target[id]);
            const auto found = std::find_if(seen.begin(), seen.end(), [&](const auto& entry) { return entry.first == key; });
            kind_of_call_[id] = found == seen.end() ? kinds_.size() : found->second;
            if (found != seen.end()) continue;
            seen.emplace_back(key, kinds_.size());
            kinds_.push_back(kind_of(call, target[id], passable));
        }
    }

    Kind kind_of(const Call& call, bool target, bool passable) {
        Kind kind{&call, AgentSet(agents_), AgentSet(agents_), target, passable};
        const QueueSettings& settings = engine_.queue(call.queue).settings;
        add_agents(call.requirement, call.step, call.step, call.channel, kind.now);
        add_agents(call.requirement, call.step, LAST_STEP, call.channel, kind.all);
        const bool moves = settings.wait_max_us != NEVER && engine_.queue(call.queue).overflow != NONE;
        if (moves && !call.own_requirement) {
            for (const QueueId queue : chain_of(call.queue)) add_agents_of(queue, call.channel, kind.all);
        }
        const Model& model = *outset_.model;
        const bool asked = !model.shadow && !outset_.automatic[call.queue];
        const bool refused = asked && settings.reject_backoff_us > 0 && model.reject + model.no_answer > REFUSALS_MAX;
        kind.passable = passable || moves || refused || !kind.all.within(kind.now);
        return kind;
    }

    void gather_streams() {
        for (std::size_t number = 0; number < outset_.model->arrivals.size(); ++number) {
            const ArrivalStream& stream = outset_.model->arrivals[number];
            const auto& rates = stream.rates_per_s;
            const bool comes = std::any_of(rates.begin(), rates.end(), [](double rate) { return rate > 0; });
            if (!comes || !engine_.queue(stream.queue).configured) continue;
            Stream entry{number, {}, AgentSet(agents_)};
            for (const QueueId queue : chain_of(stream.queue)) {
                if (engine_.queue(queue).paused) continue;
                entry.queues.push_back(queue);
                add_agents_of(queue, stream.channel, entry.all);
            }
            streams_.push_back(std::move(entry));
        }
    }

    bool may_go_before_kind(const Stream& stream, const Kind& kind) const {
        if (!stream.all.meets(kind.all)) return false;
        if (kind.passable) return true;
        const ArrivalStream& arrivals = outset_.model->arrivals[stream.number];
        return std::any_of(stream.queues.begin(), stream.queues.end(),
                           [&](QueueId queue) { return may_go_before(engine_, arrivals, queue, *kind.call); });
    }

    bool matters_now(const Stream& stream) const {
        const auto passes = [&](const Kind& kind) { return kind.matters && may_go_before_kind(stream, kind); };
        const auto competes = [&](const Stream& other) { return other.matters && stream.all.meets(other.all); };
        return std::any_of(kinds_.begin(), kinds_.end(), passes) || std::any_of(streams_.begin(), streams_.end(), competes);
    }

    // One round; whether anything was found that matters too.
    bool spread(AgentSet& matter) {
        bool grown = false;
        for (Kind& kind : kinds_) {
            if (kind.matters || !kind.all.meets(matter)) continue;
            kind.matters = grown = true;
            matter.add(kind.all);
        }
        for (Stream& stream : streams_) {
            if (stream.matters || !matters_now(stream)) continue;
            stream.matters = grown = true;
            matter.add(stream.all);
        }
        return grown;
    }

    const Outset& outset_;
    Engine& engine_;
    std::size_t agents_;
    std::vector<AgentId> present_;  // signed in, or perhaps coming
    std::vector<Kind> kinds_;
    std::vector<std::size_t> kind_of_call_;  // by number
    std::vector<Stream> streams_;
};

// Whether a call with these terms keeps ahead of a later one at every age.
bool keeps_ahead(const QueueSettings& first, const QueueSettings& later, std::size_t urgency, CallTerm term) {
    const std::int64_t weight = later.call_weights[term];
    return weight == 0 || (first.call_weights[term] >= weight && first.target_us[urgency] <= later.target_us[urgency]);
}

}  // namespace

bool may_go_before(const Engine& engine, const ArrivalStream& stream, QueueId queue, const Call& waiting) {
    const QueueSettings& first = engine.queue(waiting.queue).settings;
    const QueueSettings& later = engine.queue(queue).settings;
    if (stream.channel != waiting.channel) {
        const auto exclusive = [&](ChannelId channel) { return engine.agent_index().exclusive(engine.channel(channel).index); };
        if (!exclusive(stream.channel) || !exclusive(waiting.channel)) return true;
    }
    if (stream.urgency > waiting.urgency) return true;
    if (stream.urgency < waiting.urgency && waiting.urgency == Urgency::urgent) return false;
    const TimeUs first_bound = first.max_overtake_wait_us[static_cast<std::size_t>(waiting.urgency)];
    const TimeUs later_bound = later.max_overtake_wait_us[static_cast<std::size_t>(stream.urgency)];
    if (later_bound != NEVER && (first_bound == NEVER || first_bound > later_bound)) return true;
    if (stream.urgency < waiting.urgency) return false;
    const auto urgency = static_cast<std::size_t>(stream.urgency);
    if (first.call_weights[CALL_PRIORITY] * waiting.priority < later.call_weights[CALL_PRIORITY] * stream.priority) return true;
    if (!keeps_ahead(first, later, urgency, CALL_AGE) || !keeps_ahead(first, later, urgency, CALL_DEADLINE)) return true;
    const std::int64_t fit_weight = later.call_weights[CALL_SKILL_FIT];
    const bool same_requirement = waiting.requirement == engine.queue(queue).requirement;
    if (fit_weight > 0 && !(same_requirement && first.call_weights[CALL_SKILL_FIT] >= fit_weight)) return true;
    return later.call_weights[CALL_EFFICIENCY] > 0 && queue != waiting.queue;
}

Relevance find_relevance(const Outset& outset, Engine& start) { return Search(outset, start).find(); }

}  // namespace router::wait
