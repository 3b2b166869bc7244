#pragma once
/// @file kernel/http/pipeline.h
/// A request's way through a visible list of named steps. The list, and what is carried along it (`Context`), belong to
/// server/; here is only how a step passes on, answers, or waits, and that the last word is said exactly once.
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "http/message.h"

namespace agentidp::http {

template <class Context>
class Pipeline;

/// One request under way. Held by whoever works on it; used by one thread at a time. If the last holder lets go without an
/// answer, the pipeline's `lost` answers.
template <class Context>
class Exchange : public std::enable_shared_from_this<Exchange<Context>> {
public:
    Exchange(const Pipeline<Context>& pipeline, Request&& received, Respond respond)
        : request(std::move(received)), pipeline_(&pipeline), respond_(std::move(respond)) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    ~Exchange() {
        if (!answered_) finish(pipeline_->plan().lost(*this));
    }

    Request request;
    Context context{};
    Headers extra;  ///< added to the response, whoever writes it

    /// Says the last word: departures run, the response leaves. Any thread; a second call is ignored.
    void answer(Response response) {
        if (!answered_) finish(std::move(response));
    }
    /// Goes on after a step that said Flow::Taken without answering. Any thread, once.
    void resume() { pipeline_->run(this->shared_from_this()); }
    [[nodiscard]] bool answered() const { return answered_; }
    /// The step at hand, for logs.
    [[nodiscard]] std::string_view step() const { return pipeline_->nameOf(next_ == 0 ? 0 : next_ - 1); }

private:
    friend class Pipeline<Context>;
    void finish(Response response) {
        answered_ = true;
        response.headers.splice(std::move(extra));
        for (const auto& departure : pipeline_->plan().departures) departure.run(*this, response);
        respond_(std::move(response));
    }

    const Pipeline<Context>* pipeline_;
    Respond respond_;
    std::size_t next_ = 0;
    bool answered_ = false;
};

/// What a step decided.
enum class Flow {
    Pass,   ///< the next step goes on
    Taken,  ///< it answered, or it keeps the exchange and will call answer() or resume(), perhaps on another thread already
};

template <class Context>
struct Step {
    std::string_view name;
    std::function<Flow(const std::shared_ptr<Exchange<Context>>&)> run;
};

/// Runs when the response leaves, whoever answered: to observe, once.
template <class Context>
struct Departure {
    std::string_view name;
    std::function<void(Exchange<Context>&, Response&)> run;
};

template <class Context>
struct Plan {
    std::vector<Step<Context>> steps;            ///< in order; the last one must not pass
    std::vector<Departure<Context>> departures;  ///< in order
    /// The answer when a step threw: an exception is a bug, and this is the one place that catches it.
    std::function<Response(Exchange<Context>&, const std::exception&)> bug;
    /// The answer when nobody answered.
    std::function<Response(Exchange<Context>&)> lost;
};

/// Must outlive every exchange. Any thread.
template <class Context>
class Pipeline {
public:
    using Turn = std::shared_ptr<Exchange<Context>>;

    explicit Pipeline(Plan<Context> plan) : plan_(std::move(plan)) {}
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    /// The listener's handler.
    void handle(Request&& request, Respond respond) const {
        run(std::make_shared<Exchange<Context>>(*this, std::move(request), std::move(respond)));
    }
    [[nodiscard]] const Plan<Context>& plan() const { return plan_; }
    [[nodiscard]] std::string_view nameOf(std::size_t step) const { return plan_.steps[step].name; }

private:
    friend class Exchange<Context>;

    void run(Turn turn) const {
        try {
            while (turn->next_ < plan_.steps.size()) {
                if (plan_.steps[turn->next_++].run(turn) == Flow::Taken) return;
                // A step that refused and then said Pass must not let the request through.
                if (turn->answered_) return;
            }
        } catch (const std::exception& thrown) {
            if (!turn->answered_) turn->answer(plan_.bug(*turn, thrown));
        }
    }

    Plan<Context> plan_;
};

}  // namespace agentidp::http
