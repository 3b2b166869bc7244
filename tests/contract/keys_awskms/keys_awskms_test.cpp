/// keys-awskms through the kernel's loader, against the KMS of moto with every signature judged by botocore (tests/support/moto.py starts
/// it): the contract with keys that stay in KMS, and with keys that work here.
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "plugin/contract/keys_contract.h"
#include "support/contract_suite.h"
#include "support/loaded_plugin.h"
#include "support/skip.h"
#include "support/temp_folder.h"

namespace agentidp::tests {
namespace {

using plugin::contract::KeysSubject;

const char* const kEndpoint = "AGENTIDP_TEST_KMS_ENDPOINT";

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

/// As the daemon resolves env: references.
base::Result<base::Secret> secret(std::string_view reference) {
    const std::string name(reference.substr(reference.find(':') + 1));
    if (std::getenv(name.c_str()) == nullptr) return base::fail(base::Errc::NotFound, name + " is not set");
    return base::Secret::fromText(variable(name.c_str()));
}

plugin::Wanted settings(const std::string& signing) {
    static std::atomic<int> number{0};
    const auto label = "t" + std::to_string(getpid()) + "-" + std::to_string(++number);
    return plugin::wanted(AIP_KIND_KEYS, "awskms",
                          {{"endpoint", variable(kEndpoint)},
                           {"key_id", variable("AGENTIDP_TEST_KMS_KEY")},
                           {"per_second", "10000"},
                           {"signing", signing},
                           {"label", label}});
}

class KeysAwskmsBench {
public:
    explicit KeysAwskmsBench(const std::string& signing) {
        if (std::getenv(kEndpoint) == nullptr) return;  // every case is skipped then
        plugin_ = std::make_unique<LoadedPlugin>(clock_, settings(signing), folder_.path(), decltype(plugin::HostOffers::iface)(), secret);
        subject_.clock = &clock_;
        subject_.keys = &plugin_->catalog().keys();
        subject_.restart = [this]() -> base::Result<plugin::Keys*> {
            if (auto started = plugin_->start(); !started) return started.error();
            return subject_.keys = &plugin_->catalog().keys();
        };
    }
    KeysSubject& subject() { return subject_; }

private:
    base::SystemClock clock_;
    TempFolder folder_;
    std::unique_ptr<LoadedPlugin> plugin_;
    KeysSubject subject_;
};
struct RemoteBench : KeysAwskmsBench {
    RemoteBench() : KeysAwskmsBench("remote") {}
};
struct LocalBench : KeysAwskmsBench {
    LocalBench() : KeysAwskmsBench("local") {}
};

std::vector<plugin::contract::Case<KeysSubject>> cases() {
    auto all = plugin::contract::keysContract();
    if (std::getenv(kEndpoint) != nullptr) return all;
    for (auto& each : all)
        each.run = [](KeysSubject&) -> std::optional<std::string> {
            skip("AGENTIDP_TEST_KMS_ENDPOINT names no KMS");
            return std::nullopt;
        };
    return all;
}

const RegisterContract<RemoteBench, KeysSubject> kRemote("keys_awskms_remote", cases());
const RegisterContract<LocalBench, KeysSubject> kLocal("keys_awskms_local", cases());

}  // namespace
}  // namespace agentidp::tests
