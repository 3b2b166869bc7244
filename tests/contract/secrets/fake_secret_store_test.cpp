#include "fakes/fake_secret_store.h"

#include "fakes/fake_clock.h"
#include "plugin/check/secrets_steps.h"
#include "support/contract_suite.h"

namespace agentidp::tests {
namespace {

using plugin::check::SecretsSubject;

class FakeSecretStoreBench {
public:
    SecretsSubject& subject() { return subject_; }

private:
    FakeClock clock_;
    FakeSecretStore store_;
    SecretsSubject subject_{&store_, &clock_, "check"};
};

const RegisterContract<FakeSecretStoreBench, SecretsSubject> kFake("fake_secret_store", plugin::check::secretsContract());

}  // namespace
}  // namespace agentidp::tests
