/// keys-pkcs11 through the kernel's loader, against a token of SoftHSM (tests/support/softhsm.py makes one): the contract with keys that
/// stay in the token, and with keys that work here.
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

const char* const kModule = "AGENTIDP_TEST_PKCS11_MODULE";

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

base::Result<base::Secret> pin(std::string_view) { return base::Secret::fromText(variable("AGENTIDP_TEST_PKCS11_PIN")); }

plugin::Wanted settings(const std::string& signing) {
    static std::atomic<int> number{0};
    const auto label = "t" + std::to_string(getpid()) + "." + std::to_string(++number);
    return plugin::wanted(AIP_KIND_KEYS, "pkcs11",
                          {{"module", variable(kModule)},
                           {"token_label", variable("AGENTIDP_TEST_PKCS11_TOKEN")},
                           {"pin", "env:AGENTIDP_TEST_PKCS11_PIN"},
                           {"signing", signing},
                           {"label", label}});
}

class KeysPkcs11Bench {
public:
    explicit KeysPkcs11Bench(const std::string& signing) {
        if (std::getenv(kModule) == nullptr) return;  // every case is skipped then
        plugin_ = std::make_unique<LoadedPlugin>(clock_, settings(signing), folder_.path(), decltype(plugin::HostOffers::iface)(), pin);
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
struct RemoteBench : KeysPkcs11Bench {
    RemoteBench() : KeysPkcs11Bench("remote") {}
};
struct LocalBench : KeysPkcs11Bench {
    LocalBench() : KeysPkcs11Bench("local") {}
};

std::vector<plugin::contract::Case<KeysSubject>> cases() {
    auto all = plugin::contract::keysContract();
    if (std::getenv(kModule) != nullptr) return all;
    for (auto& each : all)
        each.run = [](KeysSubject&) -> std::optional<std::string> {
            skip("AGENTIDP_TEST_PKCS11_MODULE names no PKCS#11 module");
            return std::nullopt;
        };
    return all;
}

const RegisterContract<RemoteBench, KeysSubject> kRemote("keys_pkcs11_remote", cases());
const RegisterContract<LocalBench, KeysSubject> kLocal("keys_pkcs11_local", cases());

}  // namespace
}  // namespace agentidp::tests
