#include "fakes/fake_clock.h"
#include "plugin/contract/ratelimit_contract.h"
#include "support/contract_suite.h"
#include "support/loaded_plugin.h"

namespace agentidp::tests {
namespace {

class RatelimitMemoryBench {
public:
    RatelimitMemoryBench() {
        subject_.limiter = &plugin_.catalog().rateLimiter();
        subject_.clock = &clock_;
        subject_.advance = [this](base::microseconds by) { clock_.advance(by); };
        subject_.stepWall = [this](base::microseconds by) { clock_.stepWall(by); };
        subject_.keyPrefix = "contract:";
    }
    plugin::contract::RateLimiterSubject& subject() { return subject_; }

private:
    FakeClock clock_;
    // Fewer keys than the flood has strangers, so that room must be made.
    LoadedPlugin plugin_{clock_, plugin::wanted(AIP_KIND_RATELIMIT, "memory", {{"max_keys", "20000"}}), ""};
    plugin::contract::RateLimiterSubject subject_;
};

const RegisterContract<RatelimitMemoryBench, plugin::contract::RateLimiterSubject> kMemory("ratelimit_memory",
                                                                                           plugin::contract::ratelimitContract());

}  // namespace
}  // namespace agentidp::tests
