#include "plugin/rate_limiter_plugin.h"

namespace agentidp::plugin {

RateLimiterPlugin::RateLimiterPlugin(std::unique_ptr<Instance> instance)
    : instance_(std::move(instance)),
      ops_(instance_->ops<aip_ratelimit_ops>()),
      take_(instance_->operation("take")),
      count_(instance_->operation("count")),
      announce_(instance_->operation("announce")),
      listen_(instance_->operation("listen")) {
    const auto* shared = instance_->description().find("shared");
    shared_ = shared != nullptr && shared->asBool() != nullptr && *shared->asBool();
    if (auto* metrics = instance_->metrics(); metrics != nullptr && backend() == "redis")
        for (auto* operation : {&take_, &count_, &announce_})
            operation->alsoSeconds = metrics->histogram(observe::Metric::RedisCommandDurationSeconds, {std::string(operation->name)});
}

base::Result<void> RateLimiterPlugin::health(const Call& call) {
    const auto details = instance_->inspect(call);
    if (!details) return details.error();
    const auto* connected = details->find("connected");
    if (connected == nullptr || connected->asBool() == nullptr || *connected->asBool()) return {};
    return base::fail(base::Errc::Unavailable, "budgets are estimated by this process alone", details->textOr("why", ""));
}

RateLimiterPlugin::~RateLimiterPlugin() {
    if (!instance_->stop()) (void)hint_.release();
}

base::Result<std::unique_ptr<RateLimiterPlugin>> RateLimiterPlugin::open(std::unique_ptr<Instance> instance) {
    const auto& ops = instance->ops<aip_ratelimit_ops>();
    if (ops.size < sizeof ops || ops.take == nullptr || ops.count == nullptr)
        return base::fail(base::Errc::Invalid, "describe: its table of operations is not a ratelimit plugin's");
    return std::unique_ptr<RateLimiterPlugin>(new RateLimiterPlugin(std::move(instance)));
}

base::Result<Budget> RateLimiterPlugin::read(const Operation& operation, Frame& frame, std::int64_t limit) const {
    const aip_budget& told = frame.budget;
    if (told.allowed < 0 || told.allowed > 1 || told.limit != limit || told.remaining < 0 || told.remaining > limit || told.reset_us < 0)
        return instance_->brokePromise(operation, "the budget does not fit the question");
    return Budget{told.allowed == 1, told.limit, told.remaining, base::fromMicros(told.reset_us)};
}

base::Result<Budget> RateLimiterPlugin::take(std::string_view key, std::int64_t limit, base::microseconds window, std::int64_t cost,
                                             const Call& call) {
    return instance_->call(
        take_, call,
        [&](Frame& frame) {
            frame.budget.size = sizeof frame.budget;
            return [table = &ops_, self = instance_->self(), key = frame.keep(key), limit, window, cost](Frame& at) {
                return table->take(self, at.call(), key, limit, window.count(), cost, &at.budget, &at.error);
            };
        },
        [&](Frame& frame) { return read(take_, frame, limit); });
}

base::Result<Budget> RateLimiterPlugin::count(std::string_view key, std::int64_t limit, base::Instant periodEnd, std::int64_t cost,
                                              const Call& call) {
    return instance_->call(
        count_, call,
        [&](Frame& frame) {
            frame.budget.size = sizeof frame.budget;
            return [table = &ops_, self = instance_->self(), key = frame.keep(key), limit, periodEnd, cost](Frame& at) {
                return table->count(self, at.call(), key, limit, base::microsOf(periodEnd), cost, &at.budget, &at.error);
            };
        },
        [&](Frame& frame) { return read(count_, frame, limit); });
}

base::Result<void> RateLimiterPlugin::announce(std::string_view topic, std::string_view key, base::microseconds ttl, const Call& call) {
    if (ops_.announce == nullptr) return RateLimiter::announce(topic, key, ttl, call);
    return instance_->call(
        announce_, call,
        [&](Frame& frame) {
            return [table = &ops_, self = instance_->self(), topic = frame.keep(topic), key = frame.keep(key), ttl](Frame& at) {
                return table->announce(self, at.call(), topic, key, ttl.count(), &at.error);
            };
        },
        [](Frame&) { return base::Result<void>(); });
}

base::Result<void> RateLimiterPlugin::listen(const Hint& hint, const Call& call) {
    if (ops_.listen == nullptr) return RateLimiter::listen(hint, call);
    if (hint_) return base::fail(base::Errc::Conflict, "somebody listens already");
    hint_ = std::make_unique<Hint>(hint);
    auto listening = instance_->call(
        listen_, call,
        [&](Frame&) {
            return [table = &ops_, self = instance_->self(), arg = hint_.get()](Frame& at) {
                const auto tell = [](void* fn, aip_str topic, aip_str key) { (*static_cast<Hint*>(fn))(viewOf(topic), viewOf(key)); };
                return table->listen(self, at.call(), tell, arg, &at.error);
            };
        },
        [](Frame&) { return base::Result<void>(); });
    // A call that was lost may still come to listen: what it would call stays. Any other failure may be tried again.
    if (!listening && listening.error().code != base::Errc::Deadline) hint_.reset();
    return listening;
}

}  // namespace agentidp::plugin
