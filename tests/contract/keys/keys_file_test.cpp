#include "fakes/fake_clock.h"
#include "plugin/contract/keys_contract.h"
#include "support/contract_suite.h"
#include "support/loaded_plugin.h"
#include "support/temp_folder.h"

namespace agentidp::tests {
namespace {

class KeysFileBench {
public:
    KeysFileBench() {
        subject_.clock = &clock_;
        subject_.keys = &plugin_.catalog().keys();
        subject_.restart = [this]() -> base::Result<plugin::Keys*> {
            if (auto started = plugin_.start(); !started) return started.error();
            return subject_.keys = &plugin_.catalog().keys();
        };
    }
    plugin::contract::KeysSubject& subject() { return subject_; }

private:
    FakeClock clock_;
    TempFolder folder_;
    LoadedPlugin plugin_{clock_, plugin::wanted(AIP_KIND_KEYS, "file", {}), folder_.path()};
    plugin::contract::KeysSubject subject_;
};

const RegisterContract<KeysFileBench, plugin::contract::KeysSubject> kKeysFile("keys_file", plugin::contract::keysContract());

}  // namespace
}  // namespace agentidp::tests
