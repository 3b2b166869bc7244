/// What only a token can do to the plugin: refuse a PIN, be pulled out, lose its sessions, be inherited over a fork. Below the loader,
/// against SoftHSM.
#include <cppunit/extensions/HelperMacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "keys_pkcs11.h"
#include "support/plugin_host.h"
#include "support/skip.h"
#include "support/temp_folder.h"

namespace agentidp::keys_pkcs11 {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

class TokenTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(TokenTest);
    CPPUNIT_TEST(triesAWrongPinOnce);
    CPPUNIT_TEST(goesOnWhenATokenIsBack);
    CPPUNIT_TEST(opensNewSessionsWhereTheyWereLost);
    CPPUNIT_TEST(isNotUsedInAChildOfFork);
    CPPUNIT_TEST(takesATokenByItsUri);
    CPPUNIT_TEST(namesWhatIsMissing);
    CPPUNIT_TEST_SUITE_END();

    tests::TempFolder folder_;
    tests::PluginHost host_{folder_.path()};
    aip::Host face_{host_.table()};
    aip::Call call_{nullptr, face_};

    bool here() {
        if (std::getenv("AGENTIDP_TEST_PKCS11_MODULE") != nullptr) return true;
        tests::skip("AGENTIDP_TEST_PKCS11_MODULE names no PKCS#11 module");
        return false;
    }
    aip::Status begin(KeysPkcs11& plugin, const std::string& token, const std::string& more = {}) {
        plugin.attach(face_);
        const auto settings = R"({"module":")" + variable("AGENTIDP_TEST_PKCS11_MODULE") + R"(","token_label":")" + token +
                              R"(","pin":"env:pin","signing":"remote","label":"t)" + std::to_string(getpid()) + "\"" + more + "}";
        if (auto configured = plugin.configure(*aip::Config::parse(settings)); !configured) return configured;
        return plugin.start(call_);
    }
    std::unique_ptr<KeysPkcs11> started() {
        host_.secrets["env:pin"] = variable("AGENTIDP_TEST_PKCS11_PIN") + "\n";
        auto plugin = std::make_unique<KeysPkcs11>();
        const auto status = begin(*plugin, variable("AGENTIDP_TEST_PKCS11_TOKEN"));
        CPPUNIT_ASSERT_MESSAGE(status.ok() ? "" : status.fail().message + " " + status.fail().detail, status.ok());
        return plugin;
    }
    static void contains(const std::string& line, const std::string& part) {
        CPPUNIT_ASSERT_MESSAGE(line + " should contain " + part, line.find(part) != std::string::npos);
    }
    /// Where the tokens of SOFTHSM2_CONF are.
    static fs::path tokens() { return fs::path(variable("SOFTHSM2_CONF")).parent_path() / "tokens"; }

    void triesAWrongPinOnce() {
        if (!here()) return;
        host_.secrets["env:pin"] = "000000";
        KeysPkcs11 plugin;
        const auto refused = begin(plugin, variable("AGENTIDP_TEST_PKCS11_TOKEN"));
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_DENIED}, refused.fail().status);
        contains(refused.fail().message, "refuses the PIN");
        contains(refused.fail().detail, "not tried again");
        // The right one would be taken now, and must not even be tried: the instance does not know that it is right.
        host_.secrets["env:pin"] = variable("AGENTIDP_TEST_PKCS11_PIN");
        Token::Settings settings{variable("AGENTIDP_TEST_PKCS11_MODULE"), variable("AGENTIDP_TEST_PKCS11_TOKEN"), "env:wrong", 2};
        host_.secrets["env:wrong"] = "000000";
        Token token(face_, settings);
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_DENIED}, token.open(call_).fail().status);
        host_.secrets["env:wrong"] = variable("AGENTIDP_TEST_PKCS11_PIN");
        const auto again = token.run(call_, [](CK_FUNCTION_LIST&, CK_SESSION_HANDLE) { return static_cast<CK_RV>(CKR_OK); });
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_DENIED}, again.fail().status);
        for (const auto& line : host_.lines()) CPPUNIT_ASSERT(line.find("000000") == std::string::npos);
    }
    void goesOnWhenATokenIsBack() {
        if (!here()) return;
        const auto plugin = started();
        const auto held = *plugin->generate("ES256", call_);
        const auto wrapped = *plugin->wrap("data key", "aad", call_);
        const auto away = tokens().parent_path() / "away";
        fs::rename(tokens(), away);
        fs::create_directory(tokens());
        const auto unsignedYet = plugin->sign(held.fingerprint, "x", call_);
        const auto listed = plugin->list(call_);
        fs::remove(tokens());
        fs::rename(away, tokens());
        if (!unsignedYet.ok()) CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_UNAVAILABLE}, unsignedYet.fail().status);
        // Whatever the module noticed, it has noticed that the token is back within a second.
        aip::Outcome<aip::Signed> back = aip::unavailable("not asked yet");
        for (int i = 0; i < 50 && !back; ++i) {
            back = plugin->sign(held.fingerprint, "x", call_);
            if (!back) usleep(50'000);
        }
        CPPUNIT_ASSERT_MESSAGE(back.ok() ? "" : back.fail().message + " " + back.fail().detail, back.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("data key"), std::string(plugin->unwrap(wrapped, "aad", call_)->view()));
    }
    void opensNewSessionsWhereTheyWereLost() {
        if (!here()) return;
        const auto plugin = started();
        const auto held = *plugin->generate("ES256", call_);
        Token::Settings settings{variable("AGENTIDP_TEST_PKCS11_MODULE"), variable("AGENTIDP_TEST_PKCS11_TOKEN"), "env:pin", 2};
        Token token(face_, settings);
        CPPUNIT_ASSERT(token.open(call_).ok());
        int rounds = 0;
        const auto first = token.epoch();
        const auto done = token.run(call_, [&](CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session) {
            if (++rounds == 1) (void)functions.C_CloseSession(session);
            CK_SESSION_INFO info{};
            return functions.C_GetSessionInfo(session, &info);
        });
        CPPUNIT_ASSERT(done.ok() && *done == CKR_OK);
        CPPUNIT_ASSERT_EQUAL(2, rounds);
        CPPUNIT_ASSERT(token.epoch() > first);
        // One that logs out all of us: the other instance logs in again by itself.
        (void)token.run(call_, [](CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session) { return functions.C_Logout(session); });
        CPPUNIT_ASSERT(plugin->sign(held.fingerprint, "x", call_).ok());
    }
    void isNotUsedInAChildOfFork() {
        if (!here()) return;
        const auto plugin = started();
        const auto held = *plugin->generate("ES256", call_);
        const pid_t child = fork();
        if (child == 0) {
            const auto made = plugin->sign(held.fingerprint, "x", call_);
            _exit(!made.ok() && made.fail().status == AIP_E_UNAVAILABLE && made.fail().message.find("forked") != std::string::npos ? 7 : 1);
        }
        int status = 0;
        CPPUNIT_ASSERT_EQUAL(child, waitpid(child, &status, 0));
        CPPUNIT_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
        CPPUNIT_ASSERT(plugin->sign(held.fingerprint, "x", call_).ok());
    }
    void takesATokenByItsUri() {
        if (!here()) return;
        host_.secrets["env:pin"] = variable("AGENTIDP_TEST_PKCS11_PIN");
        KeysPkcs11 plugin;
        CPPUNIT_ASSERT(begin(plugin, "pkcs11:token=" + variable("AGENTIDP_TEST_PKCS11_TOKEN")).ok());
        KeysPkcs11 other;
        contains(begin(other, "pkcs11:token=x?pin-value=1234").fail().message, "has a PIN in it");
    }
    void namesWhatIsMissing() {
        if (!here()) return;
        host_.secrets["env:pin"] = variable("AGENTIDP_TEST_PKCS11_PIN");
        KeysPkcs11 plugin;
        const auto absent = begin(plugin, "no such token");
        CPPUNIT_ASSERT_EQUAL(aip_status{AIP_E_UNAVAILABLE}, absent.fail().status);
        contains(absent.fail().detail, "no such token");
        CPPUNIT_ASSERT(!plugin.configure(*aip::Config::parse(R"({"module":"m","token_label":"t","label":"a b"})")).ok());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(TokenTest);

}  // namespace
}  // namespace agentidp::keys_pkcs11
