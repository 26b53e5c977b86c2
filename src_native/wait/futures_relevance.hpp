// Who and what can matter for the targets of a situation, so that nothing else need be drawn.
//
// Agents matter who can take a target, or a call that shares agents with one, and so on. New calls matter only if some could go
// before a call that matters; DESIGN.md, "Wait prediction", has the rule. When in doubt they do.
#pragma once

#include <vector>

#include "engine.hpp"
#include "futures_outset.hpp"

namespace router::wait {

struct Relevance {
    std::vector<bool> agents;           // by number
    std::vector<std::size_t> arrivals;  // streams of the model, rising
    std::vector<bool> hopeless;         // by number of the call: a target that nobody will ever take, nor the engine refuse
};

// `start` is the outset's engine, or a copy; the requirements of queues are made ready in it.
Relevance find_relevance(const Outset& outset, Engine& start);

// Whether a call of the stream that comes from now on, being in `queue`, could go before a call that waits now.
bool may_go_before(const Engine& engine, const ArrivalStream& stream, QueueId queue, const Call& waiting);

}  // namespace router::wait
