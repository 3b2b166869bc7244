#pragma once
/// @file kernel/plugin/rate_limiter_plugin.h
/// A ratelimit plugin behind plugin::RateLimiter.
#include <memory>

#include "plugin/instance.h"
#include "plugin/rate_limiter.h"

namespace agentidp::plugin {

class RateLimiterPlugin final : public RateLimiter {
public:
    /// Errc::Invalid if the operations table or what describe says is not a ratelimit plugin's.
    static base::Result<std::unique_ptr<RateLimiterPlugin>> open(std::unique_ptr<Instance> instance);
    ~RateLimiterPlugin() override;

    base::Result<Budget> take(std::string_view key, std::int64_t limit, base::microseconds window, std::int64_t cost,
                              const Call& call) override;
    base::Result<Budget> count(std::string_view key, std::int64_t limit, base::Instant periodEnd, std::int64_t cost,
                               const Call& call) override;
    base::Result<void> announce(std::string_view topic, std::string_view key, base::microseconds ttl, const Call& call) override;
    base::Result<void> listen(const Hint& hint, const Call& call) override;
    base::Result<void> health(const Call& call) override;
    [[nodiscard]] bool blocks() const override { return instance_->blocks(); }
    [[nodiscard]] std::string backend() const override { return instance_->plugin().name; }

    [[nodiscard]] bool shared() const { return shared_; }
    [[nodiscard]] Instance& instance() { return *instance_; }

private:
    explicit RateLimiterPlugin(std::unique_ptr<Instance> instance);
    base::Result<Budget> read(const Operation& operation, Frame& frame, std::int64_t limit) const;

    std::unique_ptr<Instance> instance_;
    const aip_ratelimit_ops& ops_;
    bool shared_ = false;
    Operation take_, count_, announce_, listen_;
    std::unique_ptr<Hint> hint_;
};

}  // namespace agentidp::plugin
