// From numbers to names.
#include "describe.hpp"

namespace router::simulation {

namespace {

class Describer {
public:
    Describer(const Run& run, Words& words) : run_(run), engine_(run.engine()), words_(words) {}

    void operator()(const SignIn& command) const {
        words_.agent = command.agent.name;
        words_.group = run_.coming_group();
    }
    void operator()(const SignOut& command) const { words_.agent = engine_.agent(command.agent.id).name; }
    void operator()(const SetAvailability& command) const { words_.agent = engine_.agent(command.agent.id).name; }
    void operator()(const Enqueue& command) const {
        words_.call = command.call;
        words_.customer = command.customer;
        words_.callers = run_.arriving_callers();
    }
    void operator()(const Cancel& command) const { name_call(command.call); }
    void operator()(const Requeue& command) const { name_call(command.call); }
    void operator()(const Complete& command) const { name_call(command.call); }
    void operator()(const Assign& command) const {
        name_call(command.call);
        words_.agent = engine_.agent(command.agent.id).name;
    }
    void operator()(const Accept& command) const { words_.offer = command.offer; }
    void operator()(const Reject& command) const { words_.offer = command.offer; }
    void operator()(const EndWrapUp& command) const {
        words_.agent = engine_.agent(command.agent.id).name;
        for (const Event& event : engine_.events()) {
            if (event.kind == EventKind::wrap_up_ended && event.offer == command.offer) words_.call = engine_.text(event.call_text);
        }
    }
    void operator()(const RecordOutcome& command) const {
        name_call(command.call);
        words_.resolved = command.resolved ? static_cast<int>(*command.resolved) : -1;
        words_.satisfaction = command.satisfaction.value_or(0);
    }
    void operator()(const PauseQueue& command) const { words_.queue = engine_.queue(command.queue.id).settings.name; }
    template <class Other>
    void operator()(const Other&) const {}  // nothing to say, or never given

private:
    void name_call(const CallRef& call) const { words_.call = engine_.call(call.id).name; }

    const Run& run_;
    const Engine& engine_;
    Words& words_;
};

}  // namespace

Words describe(const Run& run) {
    Words words;
    words.kind = static_cast<int>(run.command().index());
    std::visit(Describer(run, words), run.command());
    return words;
}

}  // namespace router::simulation
