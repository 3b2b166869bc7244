/// The table of settings, typed reading, and what `config show` shows.
#include "config/settings.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <set>

namespace agentidp::config {

class SettingsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SettingsTest);
    CPPUNIT_TEST(everyDefaultIsOfItsType);
    CPPUNIT_TEST(keysAndVariablesAreUnique);
    CPPUNIT_TEST(defaultsAreTheContracts);
    CPPUNIT_TEST(readsTypes);
    CPPUNIT_TEST(judgesTypes);
    CPPUNIT_TEST(parsesEndpoints);
    CPPUNIT_TEST(spellsVariables);
    CPPUNIT_TEST(keepsPluginSettingsInOrder);
    CPPUNIT_TEST(showsNoSecret);
    CPPUNIT_TEST(knowsLiteralSecrets);
    CPPUNIT_TEST(namesWhatNeedsARestart);
    CPPUNIT_TEST(reloadsOnlyWhatAReloadApplies);
    CPPUNIT_TEST(derivesTheIssuerFromTheListener);
    CPPUNIT_TEST_SUITE_END();

    static bool fits(std::string_view value, SettingType type) { return !problemWith(value, type); }

public:
    void everyDefaultIsOfItsType() {
        for (const auto& info : allSettings()) {
            const auto problem = problemWith(info.fallback, info.type);
            CPPUNIT_ASSERT_MESSAGE(std::string(info.key) + " " + problem.value_or(""), !problem);
            CPPUNIT_ASSERT(&infoOf(info.id) == &info);
            CPPUNIT_ASSERT(!info.doc.empty());
        }
    }

    void keysAndVariablesAreUnique() {
        std::set<std::string> keys;
        std::set<std::string> variables;
        for (const auto& info : allSettings()) {
            CPPUNIT_ASSERT(keys.insert(std::string(info.key)).second);
            CPPUNIT_ASSERT(variables.insert(environmentNameOf(info.key)).second);
        }
    }

    void defaultsAreTheContracts() {
        const Settings settings;
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1:3000"), settings.text(Setting::ServerListen));
        CPPUNIT_ASSERT_EQUAL(std::string("./var"), settings.text(Setting::DataDir));
        CPPUNIT_ASSERT_EQUAL(std::string("sqlite"), settings.text(Setting::StoragePlugin));
        CPPUNIT_ASSERT_EQUAL(std::string("file"), settings.text(Setting::KeysPlugin));
        CPPUNIT_ASSERT_EQUAL(std::string("memory"), settings.text(Setting::RatelimitPlugin));
        CPPUNIT_ASSERT_EQUAL(std::string("ES256"), settings.text(Setting::TokenAlg));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3600}, settings.integer(Setting::TokenAccessLifetimeSeconds));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3600}, settings.integer(Setting::JwksMaxAgeSeconds));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{86400}, settings.integer(Setting::KeysGraceSeconds));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{100}, settings.integer(Setting::RatelimitClientPerMinute));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{10000}, settings.integer(Setting::QuotaMonthlyTokens));
        CPPUNIT_ASSERT_EQUAL(std::string("report"), settings.text(Setting::QuotaMode));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{30}, settings.integer(Setting::StartWaitSeconds));
        CPPUNIT_ASSERT_EQUAL(std::string("*"), settings.text(Setting::CorsOrigins));
        CPPUNIT_ASSERT(!settings.given(Setting::ServerListen));
    }

    void readsTypes() {
        Settings settings;
        settings.set(Setting::CorsOrigins, " https://a , https://b ", {Origin::Kind::CommandLine, {}});
        CPPUNIT_ASSERT((settings.list(Setting::CorsOrigins) == std::vector<std::string>{"https://a", "https://b"}));
        settings.set(Setting::CorsOrigins, "", {Origin::Kind::CommandLine, {}});
        CPPUNIT_ASSERT(settings.list(Setting::CorsOrigins).empty());
        CPPUNIT_ASSERT(!settings.flag(Setting::ServerRequireTls));
        settings.set(Setting::ServerRequireTls, "true", {Origin::Kind::File, "f:1"});
        CPPUNIT_ASSERT(settings.flag(Setting::ServerRequireTls));
        CPPUNIT_ASSERT(settings.given(Setting::ServerRequireTls));
    }

    void judgesTypes() {
        using Kind = SettingType::Kind;
        const SettingType integer{Kind::Integer, {}, 1, 10};
        CPPUNIT_ASSERT(fits("1", integer) && fits("10", integer));
        for (const auto* wrong : {"", "0", "11", "-1", "+1", "01", "1s", "1.0", "1e1", " 1", "ten", "99999999999999999999", "0x1"})
            CPPUNIT_ASSERT_MESSAGE(wrong, !fits(wrong, integer));
        const SettingType flag{Kind::Flag};
        for (const auto* wrong : {"", "TRUE", "yes", "1", "on"}) CPPUNIT_ASSERT_MESSAGE(wrong, !fits(wrong, flag));
        const SettingType choice{Kind::Choice, "a,b"};
        CPPUNIT_ASSERT(fits("a", choice) && fits("b", choice) && !fits("", choice) && !fits("a,b", choice) && !fits("A", choice));
        const SettingType name{Kind::Name};
        CPPUNIT_ASSERT(fits("aws-kms2", name) && fits("", name));
        for (const auto* wrong : {"A", "a/b", "../x", "-a", "a.so", "a_b", "abcdefghijklmnopqrstuvwxyz0123456"})
            CPPUNIT_ASSERT_MESSAGE(wrong, !fits(wrong, name));
        const SettingType url{Kind::Url};
        for (const auto* right : {"https://a.example", "http://127.0.0.1:3000", "https://[::1]:8443/tenant", "https://a/", ""})
            CPPUNIT_ASSERT_MESSAGE(right, fits(right, url));
        for (const auto* wrong : {"a.example", "ftp://a", "https://", "https:///x", "https://a?b", "https://a#b", "https://u:p@a",
                                  "https://a b", "https://a:99999", "HTTPS://a", "https://a:", "https://[::1"})
            CPPUNIT_ASSERT_MESSAGE(wrong, !fits(wrong, url));
        const SettingType list{Kind::List};
        CPPUNIT_ASSERT(fits("a, b", list) && fits("", list) && !fits("a,,b", list) && !fits(",", list));
        const SettingType text{Kind::Text};
        CPPUNIT_ASSERT(fits("caf\xC3\xA9", text) && !fits("a\nb", text) && !fits("a\x1b[31m", text) && !fits("\xFF", text) &&
                       !fits("\x7F", text));
    }

    void parsesEndpoints() {
        CPPUNIT_ASSERT_EQUAL(std::string("::1"), parseEndpoint("[::1]:80")->host);
        CPPUNIT_ASSERT_EQUAL(std::uint16_t{65535}, parseEndpoint("localhost:65535")->port);
        CPPUNIT_ASSERT_EQUAL(std::uint16_t{0}, parseEndpoint("0.0.0.0:0")->port);
        for (const auto* wrong : {"", "80", ":80", "a:", "a:65536", "a:-1", "a:08", "a:http", "::1:80", "[::1]", "[a]:1", "[]:1", "a b:1",
                                  "a/b:1", "[::1%lo]:1"})
            CPPUNIT_ASSERT_MESSAGE(wrong, !parseEndpoint(wrong));
    }

    void spellsVariables() {
        CPPUNIT_ASSERT_EQUAL(std::string("AGENTIDP_DATA_DIR"), environmentNameOf("data.dir"));
        CPPUNIT_ASSERT_EQUAL(std::string("AGENTIDP_TOKEN_ACCESS_LIFETIME_SECONDS"), environmentNameOf("token.access.lifetime_seconds"));
        CPPUNIT_ASSERT_EQUAL(std::string("AGENTIDP_PLUGINS_KEYS_FILE_PATH"), environmentNameOf("plugins.keys-file.path"));
    }

    void keepsPluginSettingsInOrder() {
        Settings settings;
        settings.setPlugin("keys-file", {"z", "1", {}});
        settings.setPlugin("storage-sqlite", {"path", "x", {}});
        settings.setPlugin("keys-file", {"a", "2", {}});
        settings.setPlugin("keys-file", {"z", "3", {}});
        const auto found = settings.plugin("keys-file");
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, found.size());
        CPPUNIT_ASSERT_EQUAL(std::string("z=3"), found[0].key + "=" + found[0].value);
        CPPUNIT_ASSERT_EQUAL(std::string("a"), found[1].key);
        CPPUNIT_ASSERT((settings.pluginsConfigured() == std::vector<std::string>{"keys-file", "storage-sqlite"}));
        CPPUNIT_ASSERT(settings.plugin("keys-vault").empty());
    }

    void showsNoSecret() {
        Settings settings;
        settings.set(Setting::BootstrapSecret, "file:/etc/secret", {Origin::Kind::File, "f:1"});
        settings.setPlugin("keys-pkcs11", {"pin", "hunter2", {}});
        settings.setPlugin("keys-pkcs11", {"token_label", "agents", {}});
        settings.setPlugin("keys-vault", {"api.key", "hunter2", {}});
        settings.setPlugin("keys-vault", {"clientSecret", "env:VAULT_SECRET", {}});
        settings.setPlugin("storage-postgresql", {"url", "postgresql://u:hunter2@h,h2:5432/d?sslmode=require", {}});
        settings.setPlugin("storage-postgresql", {"options", "host=h password=hunter2 port=1", {}});
        settings.setPlugin("ratelimit-redis", {"url", "rediss://:hunter2@h", {}});
        std::set<std::string> lines;
        for (const auto& shown : redacted(settings)) {
            CPPUNIT_ASSERT_EQUAL_MESSAGE(shown.key, std::string::npos, shown.value.find("hunter2"));
            lines.insert(shown.key + "=" + shown.value);
        }
        for (const auto* line :
             {"bootstrap.secret=file:/etc/secret", "plugins.keys-pkcs11.pin=***", "plugins.keys-pkcs11.token_label=agents",
              "plugins.keys-vault.clientSecret=env:VAULT_SECRET", "plugins.ratelimit-redis.url=rediss://:***@h",
              "plugins.storage-postgresql.url=postgresql://u:***@h,h2:5432/d?sslmode=require",
              "plugins.storage-postgresql.options=host=h password=*** port=1"})
            CPPUNIT_ASSERT_MESSAGE(line, lines.contains(line));
    }

    void knowsLiteralSecrets() {
        CPPUNIT_ASSERT(holdsLiteralSecret("pin", "1234"));
        CPPUNIT_ASSERT(holdsLiteralSecret("url", "postgresql://u:p@h/d"));
        CPPUNIT_ASSERT(holdsLiteralSecret("url", "postgresql://h/d?password=p"));
        CPPUNIT_ASSERT(!holdsLiteralSecret("pin", "env:PIN"));
        CPPUNIT_ASSERT(!holdsLiteralSecret("pin", ""));
        CPPUNIT_ASSERT(!holdsLiteralSecret("pinned", "true"));
        CPPUNIT_ASSERT(!holdsLiteralSecret("url", "postgresql://u@h/d"));
        CPPUNIT_ASSERT(!holdsLiteralSecret("token_file", "/run/t"));
    }

    void namesWhatNeedsARestart() {
        Settings before;
        Settings after;
        CPPUNIT_ASSERT(needRestart(before, after).empty());
        after.set(Setting::LogRequests, "false", {Origin::Kind::File, "f:1"});
        CPPUNIT_ASSERT(needRestart(before, after).empty());
        after.set(Setting::ServerListen, "127.0.0.1:1", {Origin::Kind::File, "f:2"});
        after.setPlugin("keys-file", {"path", "x", {}});
        CPPUNIT_ASSERT((needRestart(before, after) == std::vector<std::string>{"server.listen", "plugins.keys-file.*"}));
        CPPUNIT_ASSERT((needRestart(after, before) == std::vector<std::string>{"server.listen", "plugins.keys-file.*"}));
    }

    void reloadsOnlyWhatAReloadApplies() {
        Settings before;
        Settings after;
        before.setPlugin("keys-file", {"path", "old", {}});
        after.setPlugin("keys-file", {"path", "new", {}});
        after.set(Setting::CorsOrigins, "https://a", {Origin::Kind::File, "f:1"});
        after.set(Setting::DataDir, "/elsewhere", {Origin::Kind::File, "f:2"});
        const auto merged = reloaded(before, after);
        CPPUNIT_ASSERT_EQUAL(std::string("https://a"), merged.text(Setting::CorsOrigins));
        CPPUNIT_ASSERT_EQUAL(std::string("f:1"), describe(merged.origin(Setting::CorsOrigins)));
        CPPUNIT_ASSERT_EQUAL(std::string("./var"), merged.text(Setting::DataDir));
        CPPUNIT_ASSERT_EQUAL(std::string("old"), merged.plugin("keys-file").at(0).value);
    }

    void derivesTheIssuerFromTheListener() {
        Settings settings;
        CPPUNIT_ASSERT_EQUAL(std::string("http://127.0.0.1:4711"), issuerAt(settings, 4711));
        CPPUNIT_ASSERT_EQUAL(std::string("http://127.0.0.1:4711"), audienceAt(settings, 4711));
        const Origin origin{Origin::Kind::CommandLine, {}};
        settings.set(Setting::ServerListen, "[::]:0", origin);
        CPPUNIT_ASSERT_EQUAL(std::string("http://localhost:5"), issuerAt(settings, 5));
        settings.set(Setting::ServerListen, "[::1]:0", origin);
        settings.set(Setting::ServerTlsCert, "c.pem", origin);
        CPPUNIT_ASSERT_EQUAL(std::string("https://[::1]:5"), issuerAt(settings, 5));
        settings.set(Setting::Issuer, "https://idp.example/", origin);
        CPPUNIT_ASSERT_EQUAL(std::string("https://idp.example/"), issuerAt(settings, 5));
        settings.set(Setting::TokenAudience, "urn:tools", origin);
        CPPUNIT_ASSERT_EQUAL(std::string("urn:tools"), audienceAt(settings, 5));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SettingsTest);

}  // namespace agentidp::config
