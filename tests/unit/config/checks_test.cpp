/// Settings that contradict each other, and production mode.
#include "config/checks.h"

#include <cppunit/extensions/HelperMacros.h>

#include "base/text.h"

namespace agentidp::config {

class ChecksTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ChecksTest);
    CPPUNIT_TEST(defaultsAreSound);
    CPPUNIT_TEST(productionNeedsAnIssuerAndTls);
    CPPUNIT_TEST(productionTakesProxiesForTls);
    CPPUNIT_TEST(tlsSettingsBelongTogether);
    CPPUNIT_TEST(lifetimesFitEachOther);
    CPPUNIT_TEST(listsHoldWhatTheyShould);
    CPPUNIT_TEST(placesDiffer);
    CPPUNIT_TEST(anOpenMintNeedsAnExplicitWord);
    CPPUNIT_TEST(theMintsSettingsBelongTogether);
    CPPUNIT_TEST(saysWhereAValueCameFrom);
    CPPUNIT_TEST_SUITE_END();

    Settings settings_;

    void set(Setting id, std::string value) { settings_.set(id, std::move(value), {Origin::Kind::File, "f:1"}); }
    std::string found() {
        std::string all = base::join(crossCheck(settings_), "\n");
        settings_ = Settings();
        return all;
    }
    static bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

public:
    void defaultsAreSound() { CPPUNIT_ASSERT_EQUAL(std::string(), found()); }

    void productionNeedsAnIssuerAndTls() {
        set(Setting::Mode, "production");
        auto text = found();
        CPPUNIT_ASSERT(has(text, "issuer: production mode needs it set"));
        CPPUNIT_ASSERT(has(text, "server.tls.cert: production mode needs TLS"));

        set(Setting::Mode, "production");
        set(Setting::Issuer, "http://idp.example");
        text = found();
        CPPUNIT_ASSERT(has(text, "issuer (f:1): production mode needs an https URL"));

        set(Setting::Mode, "production");
        settings_.set(Setting::Issuer, "https://127.0.0.1:3000", {Origin::Kind::Derived, "server.listen"});
        CPPUNIT_ASSERT(has(found(), "production mode needs it set"));

        set(Setting::Mode, "production");
        set(Setting::Issuer, "https://idp.example");
        set(Setting::ServerTlsCert, "c.pem");
        set(Setting::ServerTlsKey, "file:k.pem");
        CPPUNIT_ASSERT_EQUAL(std::string(), found());
    }

    void anOpenMintNeedsAnExplicitWord() {
        const auto mintOn = [&](std::string listen) {
            set(Setting::MacpMintEnabled, "true");
            set(Setting::ServerListen, std::move(listen));
        };
        for (const auto* listen : {"127.0.0.1:3200", "127.9.9.9:1", "[::1]:3200", "localhost:3200"}) {
            mintOn(listen);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(listen, std::string(), found());
        }
        for (const auto* listen : {"[::]:3200", "0.0.0.0:3200", "192.0.2.1:3200", "auth.example:3200"}) {
            mintOn(listen);
            const auto text = found();
            CPPUNIT_ASSERT_MESSAGE(listen, has(text, "macp.mint.auth: none would mint for everybody who reaches server.listen = "));
            CPPUNIT_ASSERT(has(text, "macp.mint.allow_unauthenticated = true"));
            mintOn(listen);
            set(Setting::MacpMintAllowUnauthenticated, "true");
            CPPUNIT_ASSERT_EQUAL(std::string(), found());
            mintOn(listen);
            set(Setting::MacpMintAuth, "bearer");
            CPPUNIT_ASSERT_EQUAL(std::string(), found());
        }
        mintOn("127.0.0.1:3200");
        set(Setting::Mode, "production");
        CPPUNIT_ASSERT(has(found(), "macp.mint.auth: production mode does not mint for whoever asks"));
        set(Setting::ServerListen, "[::]:3200");
        CPPUNIT_ASSERT_EQUAL(std::string(), found());
    }

    void theMintsSettingsBelongTogether() {
        set(Setting::MacpMintEnabled, "true");
        set(Setting::MacpMintAuth, "shared_secret");
        CPPUNIT_ASSERT(has(found(), "shared_secret needs macp.mint.secret"));
        set(Setting::MacpMintEnabled, "true");
        set(Setting::MacpMintAuth, "mtls");
        CPPUNIT_ASSERT(has(found(), "mtls needs server.tls.client_auth"));
        set(Setting::MacpMintEnabled, "true");
        set(Setting::MacpAudience, "");
        CPPUNIT_ASSERT(has(found(), "macp.audience (f:1): must not be empty"));
        set(Setting::MacpMintEnabled, "true");
        set(Setting::Issuer, "https://idp.example");
        set(Setting::MacpIssuer, "https://idp.example");
        CPPUNIT_ASSERT_EQUAL(std::string(), found());
        set(Setting::MacpMintEnabled, "true");
        set(Setting::Issuer, "https://idp.example");
        set(Setting::MacpIssuer, "https://idp.example");
        set(Setting::TokenAudience, "all");
        set(Setting::MacpAudience, "all");
        CPPUNIT_ASSERT(has(found(), "macp.issuer (f:1): is the issuer"));
    }

    void productionTakesProxiesForTls() {
        set(Setting::Mode, "production");
        set(Setting::Issuer, "https://idp.example");
        set(Setting::ServerTrustedProxies, "10.0.0.0/8");
        CPPUNIT_ASSERT_EQUAL(std::string(), found());
    }

    void tlsSettingsBelongTogether() {
        set(Setting::ServerTlsCert, "c.pem");
        CPPUNIT_ASSERT(has(found(), "server.tls.key: must be set"));
        set(Setting::ServerTlsKey, "file:k");
        CPPUNIT_ASSERT(has(found(), "server.tls.cert: must be set"));
        set(Setting::ServerTlsClientAuth, "required");
        const auto text = found();
        CPPUNIT_ASSERT(has(text, "needs server.tls.client_ca") && has(text, "needs server.tls.cert"));
    }

    void lifetimesFitEachOther() {
        set(Setting::TokenAccessLifetimeSeconds, "86401");
        CPPUNIT_ASSERT(has(found(), "token.access.lifetime_seconds (f:1): must not be over"));
        set(Setting::KeysGraceSeconds, "60");
        CPPUNIT_ASSERT(has(found(), "keys.grace_seconds (f:1): must not be under"));
        set(Setting::TokenAccessMaxLifetimeSeconds, "86401");
        CPPUNIT_ASSERT(has(found(), "keys.grace_seconds: must not be under"));
        set(Setting::MacpTtlMaxSeconds, "90000");
        CPPUNIT_ASSERT(!has(found(), "macp.ttl.max_seconds"));
        set(Setting::MacpTtlMaxSeconds, "90000");
        set(Setting::MacpMintEnabled, "true");
        CPPUNIT_ASSERT(has(found(), "keys.grace_seconds: must not be under macp.ttl.max_seconds"));
    }

    void listsHoldWhatTheyShould() {
        for (const auto* right : {"10.0.0.1", "10.0.0.0/8", "::1/128", "fd00::/8", ""}) {
            set(Setting::ServerTrustedProxies, right);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(right, std::string(), found());
        }
        for (const auto* wrong : {"proxy", "10.0.0/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/a", "1.2.3.4.5", "*"}) {
            set(Setting::ServerTrustedProxies, wrong);
            CPPUNIT_ASSERT_MESSAGE(wrong, has(found(), "must list addresses or networks"));
        }
        set(Setting::CorsOrigins, "*,https://a");
        CPPUNIT_ASSERT(has(found(), "already allows every origin"));
        for (const auto* wrong : {"a.example", "https://a/", "https://*.example", "null"}) {
            set(Setting::CorsOrigins, wrong);
            CPPUNIT_ASSERT_MESSAGE(wrong, has(found(), "must list origins"));
        }
        set(Setting::CorsOrigins, "https://a.example:8443, http://localhost:5173");
        CPPUNIT_ASSERT_EQUAL(std::string(), found());
        set(Setting::Jobs, "dormant, ../x");
        CPPUNIT_ASSERT(has(found(), "jobs (f:1): must list"));
        for (const auto* wrong : {"*", "x_*y", "*_x"}) {
            set(Setting::ClaimsAllowed, wrong);
            CPPUNIT_ASSERT_MESSAGE(wrong, has(found(), "may only end a name"));
        }
    }

    void placesDiffer() {
        set(Setting::KeysPrevious, "file");
        CPPUNIT_ASSERT(has(found(), "same plugin as keys.plugin"));
        set(Setting::DataDir, "");
        CPPUNIT_ASSERT(has(found(), "data.dir (f:1): must not be empty"));
        set(Setting::ServerListen, "");
        CPPUNIT_ASSERT(has(found(), "server.listen (f:1): must not be empty"));
        set(Setting::StoragePlugin, "");
        CPPUNIT_ASSERT(has(found(), "must name a plugin"));
        for (const auto* inside : {"./var", "var/anchors", "./var/../var/x"}) {
            set(Setting::AuditAnchorDir, inside);
            CPPUNIT_ASSERT_MESSAGE(inside, has(found(), "must be outside data.dir"));
        }
        set(Setting::AuditAnchorDir, "./variant");
        CPPUNIT_ASSERT_EQUAL(std::string(), found());
        set(Setting::ServerAdminListen, "127.0.0.1:3000");
        CPPUNIT_ASSERT(has(found(), "same address as server.listen"));
        set(Setting::ServerAdminListen, "127.0.0.1:3001");
        CPPUNIT_ASSERT_EQUAL(std::string(), found());
    }

    void saysWhereAValueCameFrom() {
        settings_.set(Setting::KeysPrevious, "file", {Origin::Kind::Environment, "AGENTIDP_KEYS_PREVIOUS"});
        CPPUNIT_ASSERT(has(found(), "keys.previous (AGENTIDP_KEYS_PREVIOUS): "));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ChecksTest);

}  // namespace agentidp::config
