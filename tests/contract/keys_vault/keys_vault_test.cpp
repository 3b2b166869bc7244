/// keys-vault through the kernel's loader, against a real server: the contract in each of its three ways to keep keys, and what only Vault
/// can get wrong. The server is named by AGENTIDP_TEST_VAULT_ADDR, _TOKEN and _CA (tests/support/openbao.py starts one); each subject has a
/// path and a transit key of its own there.
#include <cppunit/extensions/HelperMacros.h>
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

using plugin::SettingText;

const char* const kAddress = "AGENTIDP_TEST_VAULT_ADDR";
const char* const kToken = "AGENTIDP_TEST_VAULT_TOKEN";

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

base::Result<base::Secret> secretOf(std::string_view reference) {
    return base::Secret::fromText(variable(std::string(reference.substr(4)).c_str()));
}

std::string freshName() {
    static std::atomic<int> number{0};
    return "t" + std::to_string(getpid()) + "-" + std::to_string(++number);
}

enum class Way { Kv, Local, Remote };

/// A loaded plugin with a path of its own.
class Loaded {
public:
    explicit Loaded(Way way, std::string name = freshName()) : name_(std::move(name)), way_(way) { plugin_ = make(); }
    plugin::Keys& keys() { return plugin_->catalog().keys(); }
    base::Result<plugin::Keys*> restart() {
        if (auto started = plugin_->start(); !started) return started.error();
        return &keys();
    }
    /// The same place in Vault, another way.
    base::Result<plugin::Keys*> change(Way way) {
        way_ = way;
        plugin_.reset();
        plugin_ = make();
        return &keys();
    }

private:
    std::unique_ptr<LoadedPlugin> make() {
        std::vector<SettingText> settings = {{"address", variable(kAddress)},
                                             {"ca_file", variable("AGENTIDP_TEST_VAULT_CA")},
                                             {"token", std::string("env:") + kToken},
                                             {"path", "agentidp/" + name_},
                                             {"transit_key", name_},
                                             {"engine", way_ == Way::Kv ? "kv" : "transit"},
                                             {"signing", way_ == Way::Remote ? "remote" : "local"}};
        return std::make_unique<LoadedPlugin>(clock, plugin::wanted(AIP_KIND_KEYS, "vault", std::move(settings)), folder_.path(),
                                              decltype(plugin::HostOffers::iface){}, secretOf);
    }

public:
    base::SystemClock clock;

private:
    TempFolder folder_;
    std::string name_;
    Way way_;
    std::unique_ptr<LoadedPlugin> plugin_;
};

void wantServer() {
    if (variable(kAddress).empty()) skip(std::string(kAddress) + " names no Vault or OpenBao");
}

template <Way way>
class KeysVaultBench {
public:
    KeysVaultBench() {
        wantServer();
        loaded_ = std::make_unique<Loaded>(way);
        subject_.clock = &loaded_->clock;
        subject_.keys = &loaded_->keys();
        subject_.restart = [this]() -> base::Result<plugin::Keys*> {
            auto again = loaded_->restart();
            if (again) subject_.keys = *again;
            return again;
        };
    }
    plugin::contract::KeysSubject& subject() { return subject_; }

private:
    std::unique_ptr<Loaded> loaded_;
    plugin::contract::KeysSubject subject_;
};

const RegisterContract<KeysVaultBench<Way::Kv>, plugin::contract::KeysSubject> kKv("keys_vault_kv", plugin::contract::keysContract());
const RegisterContract<KeysVaultBench<Way::Local>, plugin::contract::KeysSubject> kLocal("keys_vault_transit_local",
                                                                                         plugin::contract::keysContract());
const RegisterContract<KeysVaultBench<Way::Remote>, plugin::contract::KeysSubject> kRemote("keys_vault_transit_remote",
                                                                                           plugin::contract::keysContract());

class KeysVaultTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(KeysVaultTest);
    CPPUNIT_TEST(goesOnWithKeysOfAnotherEngine);
    CPPUNIT_TEST(agreesWithAReplicaThatStartsAtTheSameTime);
    CPPUNIT_TEST(seesWhatAReplicaMadeAndRetired);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { wantServer(); }

private:
    static plugin::Call call(const Loaded& loaded) { return plugin::callWithin(loaded.clock, base::seconds(30)); }

    void goesOnWithKeysOfAnotherEngine() {
        Loaded loaded(Way::Kv);
        const auto data = base::bytesOf("data");
        std::vector<std::string> made;
        std::vector<base::Bytes> wrapped;
        for (const Way way : {Way::Kv, Way::Local, Way::Remote, Way::Kv}) {
            CPPUNIT_ASSERT(loaded.change(way).ok());
            for (const auto& each : made) CPPUNIT_ASSERT(loaded.keys().sign(each, data, call(loaded)).ok());
            for (const auto& each : wrapped)
                CPPUNIT_ASSERT_EQUAL(std::string("data key"), std::string(loaded.keys().unwrap(each, "here", call(loaded))->text()));
            CPPUNIT_ASSERT_EQUAL(made.size(), loaded.keys().list(call(loaded))->size());
            const auto held = loaded.keys().generate("ES256", call(loaded));
            const auto key = loaded.keys().wrap(base::Secret::fromText("data key"), "here", call(loaded));
            CPPUNIT_ASSERT(held.ok() && key.ok());
            made.push_back(held->fingerprint);
            wrapped.push_back(*key);
        }
        // The one that never leaves transit does not because the settings changed either.
        const auto stays = loaded.keys().exportPrivate(made[2], call(loaded));
        CPPUNIT_ASSERT(!stays.ok());
        CPPUNIT_ASSERT(base::Errc::Unsupported == stays.error().code);
    }

    void agreesWithAReplicaThatStartsAtTheSameTime() {
        const auto name = freshName();
        Loaded one(Way::Kv, name), two(Way::Kv, name);
        const auto wrapped = one.keys().wrap(base::Secret::fromText("data key"), "here", call(one));
        CPPUNIT_ASSERT(wrapped.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("data key"), std::string(two.keys().unwrap(*wrapped, "here", call(two))->text()));
    }

    void seesWhatAReplicaMadeAndRetired() {
        for (const Way way : {Way::Kv, Way::Local, Way::Remote}) {
            const auto name = freshName();
            Loaded one(way, name), two(way, name);
            const auto held = one.keys().generate("ES256", call(one));
            CPPUNIT_ASSERT(held.ok());
            CPPUNIT_ASSERT(two.keys().sign(held->fingerprint, base::bytesOf("data"), call(two)).ok());
            CPPUNIT_ASSERT(one.keys().retire(held->fingerprint, call(one)).ok());
            CPPUNIT_ASSERT(two.keys().list(call(two))->front().retired);
            const auto denied = two.keys().sign(held->fingerprint, base::bytesOf("data"), call(two));
            CPPUNIT_ASSERT(!denied.ok());
            CPPUNIT_ASSERT(base::Errc::Denied == denied.error().code);
        }
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(KeysVaultTest);

}  // namespace
}  // namespace agentidp::tests
