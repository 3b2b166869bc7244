#include "fakes/fake_clock.h"
#include "plugin/contract/job_contract.h"
#include "support/contract_suite.h"
#include "support/loaded_plugin.h"

namespace agentidp::tests {
namespace {

class CredentialExpiryBench {
public:
    CredentialExpiryBench() {
        subject_.job = plugin_.catalog().jobs().front();
        subject_.host = &host_;
        subject_.clock = &clock_;
        subject_.advance = [this](base::microseconds by) { clock_.advance(by); };
        subject_.restart = [this]() -> base::Result<plugin::Job*> {
            if (auto started = plugin_.start(); !started) return started.error();
            return subject_.job = plugin_.catalog().jobs().front();
        };
    }
    plugin::contract::JobSubject& subject() { return subject_; }

private:
    FakeClock clock_;
    plugin::contract::JobHost host_;
    LoadedPlugin plugin_{clock_, plugin::wanted(AIP_KIND_JOB, "credential-expiry", {{"slice", "7"}}), "",
                         [this](std::string_view, std::string_view name, std::uint32_t minMinor) { return host_.iface(name, minMinor); }};
    plugin::contract::JobSubject subject_;
};

const RegisterContract<CredentialExpiryBench, plugin::contract::JobSubject> kExpiry("job_credential_expiry",
                                                                                    plugin::contract::jobContract());

}  // namespace
}  // namespace agentidp::tests
