#include "fakes/fake_rate_limiter.h"
#include "fakes/fake_clock.h"
#include "plugin/contract/ratelimit_contract.h"
#include "support/contract_suite.h"

namespace agentidp::tests {
namespace {

class FakeRateLimiterBench {
public:
    FakeRateLimiterBench() {
        subject_.limiter = &limiter_;
        subject_.clock = &clock_;
        subject_.advance = [this](base::microseconds by) { clock_.advance(by); };
        subject_.stepWall = [this](base::microseconds by) { clock_.stepWall(by); };
        subject_.keyPrefix = "contract:";
        subject_.maxCalls = 20'000;
    }
    plugin::contract::RateLimiterSubject& subject() { return subject_; }

private:
    FakeClock clock_;
    FakeRateLimiter limiter_{clock_};
    plugin::contract::RateLimiterSubject subject_;
};

const RegisterContract<FakeRateLimiterBench, plugin::contract::RateLimiterSubject> kFake("fake_rate_limiter",
                                                                                         plugin::contract::ratelimitContract());

}  // namespace
}  // namespace agentidp::tests
