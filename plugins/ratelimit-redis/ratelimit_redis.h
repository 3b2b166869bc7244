#pragma once
/// @file plugins/ratelimit-redis/ratelimit_redis.h
/// Budgets that all daemons on one Redis share, by the reference's keys. While Redis is away each process goes on with what it granted
/// itself; nothing ever waits for Redis longer than `timeout_ms`.
#include <agentidp/plugin.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "dialer.h"
#include "ratelimit/budgets.h"
#include "ratelimit/forward_clock.h"
#include "scripts.h"
#include "settings.h"
#include "standing.h"
#include "subscriber.h"
#include "wire.h"

namespace agentidp::ratelimit_redis {

class RateLimitRedis final : public aip::RateLimitPlugin {
public:
    aip::Status configure(const aip::Config& config) override;
    /// Refuses what only an operator can mend (password, certificate, url). A server that is away is none of it: it is looked for again.
    aip::Status start(const aip::Call& call) override;
    /// Fit to serve either way; `connected` in the details says whether by Redis.
    aip::Status health(aip::Fields& details, const aip::Call& call) override;
    aip::Status stop(const aip::Call& call) override;
    aip::RateLimitAbilities abilities() const override { return {true}; }
    aip::Outcome<aip::Budget> take(const Take& what, const aip::Call& call) override;
    aip::Outcome<aip::Budget> count(const Count& what, const aip::Call& call) override;
    aip::Status announce(std::string_view topic, std::string_view key, std::int64_t ttlUs, const aip::Call& call) override;
    aip::Status listen(Hint hint, const aip::Call& call) override;

private:
    struct Question {
        const Script& script;
        std::vector<std::string> keys, arguments;
    };
    ratelimit::ForwardClock::Reading now();
    [[nodiscard]] aip::Outcome<Dialling> dialling() const;
    [[nodiscard]] Wire& wire();
    [[nodiscard]] Moment patience(const aip::Call& call) const;
    /// Nothing: Redis does not answer, or not so; then the local table decides. A Fail: the caller gave up.
    [[nodiscard]] aip::Outcome<std::optional<Reply>> ask(const Question& question, const aip::Call& call);
    [[nodiscard]] std::string windowKey(std::string_view key, std::int64_t windowUs, std::int64_t index) const;
    [[nodiscard]] std::string channel() const;

    Settings settings_;
    ratelimit::ForwardClock clock_;
    std::unique_ptr<ratelimit::Budgets> local_;
    std::unique_ptr<Dialer> dialer_;
    std::unique_ptr<Standing> standing_;
    std::vector<std::unique_ptr<Wire>> wires_;
    std::mutex listenMutex_;
    std::unique_ptr<Subscriber> subscriber_;
};

}  // namespace agentidp::ratelimit_redis
