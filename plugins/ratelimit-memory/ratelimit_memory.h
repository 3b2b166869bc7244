#pragma once
/// @file plugins/ratelimit-memory/ratelimit_memory.h
/// Budgets in the memory of one process, for a daemon without replicas. Never blocks, owns no thread, forgets all at a restart.
#include <agentidp/plugin.hpp>

#include <memory>

#include "ratelimit/budgets.h"
#include "ratelimit/forward_clock.h"

namespace agentidp::ratelimit_memory {

class RateLimitMemory final : public aip::RateLimitPlugin {
public:
    aip::Status configure(const aip::Config& config) override;
    aip::Status start(const aip::Call& call) override;
    aip::Status health(aip::Fields& details, const aip::Call& call) override;
    aip::RateLimitAbilities abilities() const override { return {}; }
    aip::Outcome<aip::Budget> take(const Take& what, const aip::Call& call) override;
    aip::Outcome<aip::Budget> count(const Count& what, const aip::Call& call) override;

private:
    ratelimit::ForwardClock::Reading now();

    std::size_t maxKeys_ = 0;
    ratelimit::ForwardClock clock_;
    std::unique_ptr<ratelimit::Budgets> budgets_;
};

}  // namespace agentidp::ratelimit_memory
