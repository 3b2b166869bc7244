#include "fakes/fake_keys.h"
#include "fakes/fake_clock.h"
#include "plugin/contract/keys_contract.h"
#include "support/contract_suite.h"

namespace agentidp::tests {
namespace {

class FakeKeysBench {
public:
    FakeKeysBench() {
        subject_.clock = &clock_;
        subject_.keys = keys_.get();
        subject_.restart = [this]() -> base::Result<plugin::Keys*> {
            keys_ = keys_->reopened();
            return subject_.keys = keys_.get();
        };
    }
    plugin::contract::KeysSubject& subject() { return subject_; }

private:
    FakeClock clock_;
    std::unique_ptr<FakeKeys> keys_ = std::make_unique<FakeKeys>();
    plugin::contract::KeysSubject subject_;
};

/// The contract must also hold for what can neither wrap nor give keys out.
class ModestKeysBench {
public:
    ModestKeysBench() {
        subject_.clock = &clock_;
        subject_.keys = keys_.get();
        subject_.restart = [this]() -> base::Result<plugin::Keys*> {
            keys_ = keys_->reopened();
            return subject_.keys = keys_.get();
        };
    }
    plugin::contract::KeysSubject& subject() { return subject_; }

private:
    FakeClock clock_;
    std::unique_ptr<FakeKeys> keys_ = std::make_unique<FakeKeys>(plugin::KeysAbilities{{"ES256"}, false, false, true});
    plugin::contract::KeysSubject subject_;
};

const RegisterContract<FakeKeysBench, plugin::contract::KeysSubject> kFake("fake_keys", plugin::contract::keysContract());
const RegisterContract<ModestKeysBench, plugin::contract::KeysSubject> kModest("modest_fake_keys", plugin::contract::keysContract());

}  // namespace
}  // namespace agentidp::tests
