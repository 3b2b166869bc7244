/// secrets-vault through the kernel's loader, against a real server (see ../keys_vault).
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "plugin/check/secrets_steps.h"
#include "support/contract_suite.h"
#include "support/loaded_plugin.h"
#include "support/skip.h"
#include "support/temp_folder.h"

namespace agentidp::tests {
namespace {

using plugin::check::SecretsSubject;

std::string variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? value : "";
}

base::Result<base::Secret> secretOf(std::string_view reference) {
    return base::Secret::fromText(variable(std::string(reference.substr(4))));
}

class SecretsVaultBench {
public:
    SecretsVaultBench() {
        static std::atomic<int> number{0};
        if (variable("AGENTIDP_TEST_VAULT_ADDR").empty()) skip("AGENTIDP_TEST_VAULT_ADDR names no Vault or OpenBao");
        std::vector<plugin::SettingText> settings = {{"address", variable("AGENTIDP_TEST_VAULT_ADDR")},
                                                     {"ca_file", variable("AGENTIDP_TEST_VAULT_CA")},
                                                     {"token", "env:AGENTIDP_TEST_VAULT_TOKEN"}};
        loaded_ = std::make_unique<LoadedPlugin>(clock_, plugin::wanted(AIP_KIND_SECRETS, "vault", std::move(settings)), folder_.path(),
                                                 decltype(plugin::HostOffers::iface){}, secretOf);
        subject_ = {loaded_->catalog().secrets(), &clock_, "check/" + std::to_string(getpid()) + "-" + std::to_string(++number)};
    }
    SecretsSubject& subject() { return subject_; }

private:
    base::SystemClock clock_;
    TempFolder folder_;
    std::unique_ptr<LoadedPlugin> loaded_;
    SecretsSubject subject_;
};

const RegisterContract<SecretsVaultBench, SecretsSubject> kVault("secrets_vault", plugin::check::secretsContract());

}  // namespace
}  // namespace agentidp::tests
