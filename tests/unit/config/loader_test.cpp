/// The layers of configuration: precedence, origins, every problem at once, and no value in any message.
#include "config/loader.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <fstream>

#include "config/plugin_names.h"
#include "config/reference_variables.h"
#include "support/temp_folder.h"

namespace agentidp::config {

class LoaderTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(LoaderTest);
    CPPUNIT_TEST(startsOnBuiltInDefaults);
    CPPUNIT_TEST(strongerLayersWin);
    CPPUNIT_TEST(findsTheFileInItsUsualPlaces);
    CPPUNIT_TEST(derivesWhatFollows);
    CPPUNIT_TEST(refusesUnknownKeysWithTheNearest);
    CPPUNIT_TEST(warnsOnceOfUnknownVariables);
    CPPUNIT_TEST(ignoresWhatOthersInject);
    CPPUNIT_TEST(readsReferenceVariables);
    CPPUNIT_TEST(letsUrlsSelectPlugins);
    CPPUNIT_TEST(saysWhichReferenceIsOverruled);
    CPPUNIT_TEST(takesVaultByItsTwoVariables);
    CPPUNIT_TEST(saysWhichReferenceIsNotOffered);
    CPPUNIT_TEST(readsModeAndStateOfEachHook);
    CPPUNIT_TEST(looksForHooksBesideItsFile);
    CPPUNIT_TEST(turnsTheMintOnWhereItsVariablesAre);
    CPPUNIT_TEST(givesTheMintItsPortOnlyWhereNobodySaysAnother);
    CPPUNIT_TEST(namesTheVariableOfABadMintNumber);
    CPPUNIT_TEST(pinsTheKeyThatVariablesName);
    CPPUNIT_TEST(letsTheMintChooseItsAlgorithm);
    CPPUNIT_TEST(refusesVariablesThatContradict);
    CPPUNIT_TEST(forgivesWrongReferencesThatAreOverruled);
    CPPUNIT_TEST(readsPluginSettingsOfEveryLayer);
    CPPUNIT_TEST(noticesPluginsNobodyNames);
    CPPUNIT_TEST(refusesLiteralSecrets);
    CPPUNIT_TEST(findsEveryProblemAtOnce);
    CPPUNIT_TEST(neverShowsValues);
    CPPUNIT_TEST(readsTheEnvFileUnderTheEnvironment);
    CPPUNIT_TEST(refusesFilesItCannotRead);
    CPPUNIT_TEST(keepsTheWeakerValueWhereOneIsWrong);
    CPPUNIT_TEST(readsTheShippedFile);
    CPPUNIT_TEST(readsTheShippedFileUncommented);
    CPPUNIT_TEST_SUITE_END();

    tests::TempFolder folder_;

    [[nodiscard]] Sources sources(std::string_view file = {}) const {
        Sources made;
        made.search.clear();
        if (!file.empty()) made.file = folder_.write("agentidp.properties", file);
        return made;
    }
    static std::string allOf(const Loaded& loaded) {
        std::string text;
        for (const auto& problem : loaded.problems) text += problem.text + "\n";
        return text;
    }
    static Loaded good(const Sources& sources) {
        auto loaded = load(sources);
        CPPUNIT_ASSERT_EQUAL(std::string(), allOf(loaded));
        return loaded;
    }
    static bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
    static std::vector<std::string> notices(const Loaded& loaded, Notice::Kind kind) {
        std::vector<std::string> texts;
        for (const auto& notice : loaded.notices)
            if (notice.kind == kind) texts.push_back(notice.text);
        return texts;
    }

public:
    void startsOnBuiltInDefaults() {
        const auto loaded = good(sources());
        CPPUNIT_ASSERT(loaded.file.empty());
        CPPUNIT_ASSERT(loaded.notices.empty());
        CPPUNIT_ASSERT_EQUAL(std::string("http://127.0.0.1:3000"), loaded.settings.text(Setting::Issuer));
        CPPUNIT_ASSERT_EQUAL(std::string("built-in"), describe(loaded.settings.origin(Setting::ServerListen)));
    }

    void strongerLayersWin() {
        auto from = sources();
        const auto check = [&](const char* listen, const std::string& origin) {
            const auto loaded = good(from);
            CPPUNIT_ASSERT_EQUAL(std::string(listen), loaded.settings.text(Setting::ServerListen));
            CPPUNIT_ASSERT_EQUAL(origin, describe(loaded.settings.origin(Setting::ServerListen)));
        };
        check("127.0.0.1:3000", "built-in");
        from.environment["PORT"] = "3001";
        check("[::]:3001", "PORT");
        from.file = folder_.write("f", "\nserver.listen = 127.0.0.1:3002\n");
        check("127.0.0.1:3002", folder_.path("f") + ":2");
        from.environment["AGENTIDP_SERVER_LISTEN"] = "127.0.0.1:3003";
        check("127.0.0.1:3003", "AGENTIDP_SERVER_LISTEN");
        from.definitions = {"server.listen=127.0.0.1:3004"};
        check("127.0.0.1:3004", "command line");
        from.definitions.emplace_back("server.listen=127.0.0.1:3005");
        check("127.0.0.1:3005", "command line");
    }

    void findsTheFileInItsUsualPlaces() {
        auto from = sources();
        from.search = {folder_.path("none"), folder_.write("second", "log.level = debug"), folder_.write("third", "log.level = warn")};
        const auto loaded = good(from);
        CPPUNIT_ASSERT_EQUAL(folder_.path("second"), loaded.file);
        CPPUNIT_ASSERT_EQUAL(std::string("debug"), loaded.settings.text(Setting::LogLevel));
        CPPUNIT_ASSERT_EQUAL(std::string("./etc/agentidp.properties"), Sources().search.at(0));
        CPPUNIT_ASSERT_EQUAL(std::string("/etc/agentidp/agentidp.properties"), Sources().search.at(1));
    }

    void derivesWhatFollows() {
        auto from = sources("data.dir = /srv/idp\nserver.listen = [::]:8080\n");
        from.programFolder = "/opt/agentidp/bin";
        auto loaded = good(from);
        CPPUNIT_ASSERT_EQUAL(std::string("/srv/idp/run"), loaded.settings.text(Setting::RuntimeDir));
        CPPUNIT_ASSERT_EQUAL(std::string("http://localhost:8080"), loaded.settings.text(Setting::Issuer));
        CPPUNIT_ASSERT_EQUAL(std::string("http://localhost:8080"), loaded.settings.text(Setting::TokenAudience));
        CPPUNIT_ASSERT_EQUAL(std::string("/opt/agentidp/lib/agentidp/plugins"), loaded.settings.text(Setting::PluginsPath));
        CPPUNIT_ASSERT_EQUAL(std::string("from data.dir"), describe(loaded.settings.origin(Setting::RuntimeDir)));
        CPPUNIT_ASSERT(!loaded.settings.given(Setting::Issuer));

        loaded = good(sources("server.listen = 127.0.0.1:0\nissuer =\n"));
        CPPUNIT_ASSERT_EQUAL(std::string(), loaded.settings.text(Setting::Issuer));
        CPPUNIT_ASSERT_EQUAL(std::string("http://127.0.0.1:99"), issuerAt(loaded.settings, 99));

        loaded = good(sources("issuer = https://idp.example\nruntime.dir = /run/agentidp\nplugins.path = /a, /b\n"));
        CPPUNIT_ASSERT_EQUAL(std::string("https://idp.example"), loaded.settings.text(Setting::TokenAudience));
        CPPUNIT_ASSERT_EQUAL(std::string("/run/agentidp"), loaded.settings.text(Setting::RuntimeDir));
        CPPUNIT_ASSERT((loaded.settings.list(Setting::PluginsPath) == std::vector<std::string>{"/a", "/b"}));
    }

    void refusesUnknownKeysWithTheNearest() {
        auto from = sources("# x\ntoken.algo = ES256\n");
        CPPUNIT_ASSERT_EQUAL(folder_.path("agentidp.properties") + ":2: token.algo is no setting; did you mean token.alg?\n",
                             allOf(load(from)));
        from = sources("utterly.unheard.of.key = 1\n");
        CPPUNIT_ASSERT(has(allOf(load(from)), "utterly.unheard.of.key is no setting\n"));
        from = sources("plugins.key-file.path = x\nplugins.keys-file = y\nTOKEN.ALG = ES256\n");
        const auto text = allOf(load(from));
        CPPUNIT_ASSERT(has(text, "plugins.key-file.path is no setting; a plugin's settings are plugins.<kind>-<name>.<key>"));
        CPPUNIT_ASSERT(has(text, "plugins.keys-file is no setting"));
        CPPUNIT_ASSERT(has(text, "TOKEN.ALG is no setting"));
        from = sources();
        from.definitions = {"token.algg=ES256", "nothing"};
        CPPUNIT_ASSERT_EQUAL(
            std::string("command line: token.algg is no setting; did you mean token.alg?\ncommand line: -D wants KEY=VALUE\n"),
            allOf(load(from)));
    }

    void warnsOnceOfUnknownVariables() {
        auto from = sources();
        from.environment["AGENTIDP_DATADIR"] = "/x";
        const auto loaded = good(from);
        CPPUNIT_ASSERT((notices(loaded, Notice::Kind::UnknownVariable) ==
                        std::vector<std::string>{"AGENTIDP_DATADIR is no setting; did you mean AGENTIDP_DATA_DIR?"}));
    }

    void ignoresWhatOthersInject() {
        auto from = sources();
        for (const auto* name : {"AGENTIDP_PORT", "AGENTIDP_PORT_3000_TCP", "AGENTIDP_PORT_3000_TCP_ADDR", "AGENTIDP_SERVICE_HOST",
                                 "AGENTIDP_SERVICE_PORT", "AGENTIDP_VECTORS", "AGENTIDP_FAIL", "AGENTIDP_TEST_X", "agentidp_x", "OTHER"})
            from.environment[name] = "tcp://10.0.0.1:3000";
        CPPUNIT_ASSERT(good(from).notices.empty());
    }

    void readsReferenceVariables() {
        auto from = sources();
        from.environment = {{"CORS_ORIGIN", "https://a.example"}, {"JWKS_CACHE_TTL_SECONDS", "60"}, {"NODE_ENV", "test"}, {"PORT", ""}};
        const auto loaded = good(from);
        CPPUNIT_ASSERT_EQUAL(std::string("https://a.example"), loaded.settings.text(Setting::CorsOrigins));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{60}, loaded.settings.integer(Setting::JwksMaxAgeSeconds));
        CPPUNIT_ASSERT_EQUAL(std::string("test"), loaded.settings.text(Setting::Mode));
        CPPUNIT_ASSERT(!loaded.settings.flag(Setting::LogRequests));
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1:3000"), loaded.settings.text(Setting::ServerListen));

        from.environment = {{"NODE_ENV", "production"}};
        CPPUNIT_ASSERT(has(allOf(load(from)), "issuer (from server.listen): production mode needs it set"));
        from.environment = {{"NODE_ENV", "development"}};
        CPPUNIT_ASSERT_EQUAL(std::string("standard"), good(from).settings.text(Setting::Mode));
        from.environment = {{"PORT", "http"}};
        CPPUNIT_ASSERT(has(allOf(load(from)), "PORT: server.listen must be host:port"));
        from.environment = {{"JWKS_CACHE_TTL_SECONDS", "1h"}};
        CPPUNIT_ASSERT(has(allOf(load(from)), "JWKS_CACHE_TTL_SECONDS: jwks.max_age_seconds must be a whole number"));
    }

    void letsUrlsSelectPlugins() {
        auto from = sources();
        from.environment = {{"DATABASE_URL", "postgresql://u:hunter2@h/d"}, {"REDIS_URL", "redis://:hunter2@h"}};
        const auto loaded = good(from);
        CPPUNIT_ASSERT_EQUAL(std::string("postgresql"), loaded.settings.text(Setting::StoragePlugin));
        CPPUNIT_ASSERT_EQUAL(std::string("DATABASE_URL"), describe(loaded.settings.origin(Setting::StoragePlugin)));
        CPPUNIT_ASSERT_EQUAL(std::string("env:DATABASE_URL"), loaded.settings.plugin("storage-postgresql").at(0).value);
        CPPUNIT_ASSERT_EQUAL(std::string("redis"), loaded.settings.text(Setting::RatelimitPlugin));
        CPPUNIT_ASSERT_EQUAL(std::string("url=env:REDIS_URL"), loaded.settings.plugin("ratelimit-redis").at(0).key + "=" +
                                                                   loaded.settings.plugin("ratelimit-redis").at(0).value);
        CPPUNIT_ASSERT(loaded.notices.empty());
    }

    void saysWhichReferenceIsOverruled() {
        auto from = sources("storage.plugin = sqlite\nserver.listen = 127.0.0.1:1\n");
        from.environment = {{"DATABASE_URL", "postgresql://u:hunter2@h/d"}, {"PORT", "1"}};
        const auto loaded = good(from);
        const auto file = folder_.path("agentidp.properties");
        auto texts = notices(loaded, Notice::Kind::ReferenceOverruled);
        std::sort(texts.begin(), texts.end());
        CPPUNIT_ASSERT((texts == std::vector<std::string>{"DATABASE_URL is overruled by storage.plugin (" + file + ":1)",
                                                          "PORT is overruled by server.listen (" + file + ":2)"}));
        CPPUNIT_ASSERT(loaded.settings.pluginsConfigured().empty());

        from = sources("storage.plugin = postgresql\nplugins.storage-postgresql.url = file:/run/url\n");
        from.environment = {{"DATABASE_URL", "postgresql://u:hunter2@h/d"}};
        const auto other = good(from);
        CPPUNIT_ASSERT_EQUAL(std::string("file:/run/url"), other.settings.plugin("storage-postgresql").at(0).value);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, notices(other, Notice::Kind::ReferenceOverruled).size());

        from = sources("server.listen = [::]:3000\n");
        from.environment = {{"PORT", "3000"}};
        CPPUNIT_ASSERT(good(from).notices.empty());
    }

    void takesVaultByItsTwoVariables() {
        auto from = sources();
        from.environment = {{"VAULT_ADDR", "https://vault.example:8200"}, {"VAULT_TOKEN", "hunter2"}, {"VAULT_MOUNT", "kv"}};
        const auto loaded = good(from);
        CPPUNIT_ASSERT_EQUAL(std::string("vault"), loaded.settings.text(Setting::CredentialsStore));
        std::string shown;
        for (const auto& setting : loaded.settings.plugin("secrets-vault")) shown += setting.key + "=" + setting.value + " ";
        CPPUNIT_ASSERT_EQUAL(std::string("address=https://vault.example:8200 token=env:VAULT_TOKEN mount=kv "), shown);
        from.environment.erase("VAULT_TOKEN");
        CPPUNIT_ASSERT_EQUAL(std::string("mac"), good(from).settings.text(Setting::CredentialsStore));
    }

    void saysWhichReferenceIsNotOffered() {
        auto from = sources();
        for (const auto* name : {"VAULT_ADDR", "ENCRYPTION_KEY_VAULT_PATH"}) from.environment[name] = "hunter2";
        from.environment["MACP_AUTH_JWKS_URL"] = "hunter2";
        const auto loaded = good(from);
        const auto texts = notices(loaded, Notice::Kind::ReferenceNotOffered);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, texts.size());
        const auto says = [&](std::string_view part) {
            return std::any_of(texts.begin(), texts.end(), [&](const auto& text) { return has(text, part); });
        };
        CPPUNIT_ASSERT(says("ENCRYPTION_KEY_VAULT_PATH is set: accepted; the path is not read"));
        CPPUNIT_ASSERT(!says("hunter2"));
    }

    void readsModeAndStateOfEachHook() {
        auto from = sources("hooks.corp-guard.mode = shadow\nhooks.corp-guard.state = pooled\nhooks.other.mode = off\n");
        from.environment["AGENTIDP_HOOKS_CORP_GUARD_MODE"] = "enforce";
        from.definitions = {"hooks.other.mode=shadow"};
        const auto loaded = good(from);
        CPPUNIT_ASSERT_EQUAL(std::string("enforce"), loaded.settings.hook("corp-guard", "mode"));
        CPPUNIT_ASSERT_EQUAL(std::string("pooled"), loaded.settings.hook("corp-guard", "state"));
        CPPUNIT_ASSERT_EQUAL(std::string("shadow"), loaded.settings.hook("other", "mode"));
        CPPUNIT_ASSERT_EQUAL(std::string(), loaded.settings.hook("nobody", "mode"));
        const auto reloadedNow = reloaded(good(sources()).settings, loaded.settings);
        CPPUNIT_ASSERT_EQUAL(std::string("enforce"), reloadedNow.hook("corp-guard", "mode"));
        for (const auto* wrong :
             {"hooks.a.mode = maybe\n", "hooks.a.state = warm\n", "hooks.a.moed = off\n", "hooks.A.mode = off\n", "hooks..mode = off\n"})
            CPPUNIT_ASSERT_MESSAGE(wrong, !load(sources(wrong)).ok());
    }

    void looksForHooksBesideItsFile() {
        const auto from = sources("log.level = info\n");
        const auto beside = good(from).settings.text(Setting::HooksDir);
        CPPUNIT_ASSERT(beside.ends_with("/hooks.d"));
        CPPUNIT_ASSERT(!good(from).settings.given(Setting::HooksDir));
        auto named = sources();
        named.environment["POLICY_DIR"] = "/policies";
        CPPUNIT_ASSERT_EQUAL(std::string("/policies"), good(named).settings.text(Setting::HooksDir));
        CPPUNIT_ASSERT(good(named).settings.given(Setting::HooksDir));
    }

    void pinsTheKeyThatVariablesName() {
        auto from = sources();
        from.environment = {{"JWT_PRIVATE_KEY", "hunter2"}, {"JWT_PUBLIC_KEY", "hunter2"}};
        auto loaded = good(from);
        CPPUNIT_ASSERT_EQUAL(std::string("env:JWT_PRIVATE_KEY"), loaded.settings.text(Setting::KeysPinned));
        CPPUNIT_ASSERT_EQUAL(std::string("env:JWT_PUBLIC_KEY"), loaded.settings.text(Setting::KeysPinnedPublic));
        CPPUNIT_ASSERT_EQUAL(std::string("wait"), loaded.settings.text(Setting::KeysPinnedActivate));
        CPPUNIT_ASSERT_EQUAL(std::string("RS256"), loaded.settings.text(Setting::TokenAlg));
        CPPUNIT_ASSERT(loaded.notices.empty());

        from.definitions = {"token.alg=PS256", "keys.pinned=file:/run/key"};
        loaded = good(from);
        CPPUNIT_ASSERT_EQUAL(std::string("PS256"), loaded.settings.text(Setting::TokenAlg));
        CPPUNIT_ASSERT_EQUAL(std::string("file:/run/key"), loaded.settings.text(Setting::KeysPinned));
        // The algorithm was implied, so only the key is news.
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, loaded.notices.size());

        from = sources();
        from.environment = {{"OIDC_FORCE_KEY_ROTATION", "true"}};
        CPPUNIT_ASSERT(good(from).settings.flag(Setting::KeysRotateAtStart));
        from.environment = {{"OIDC_FORCE_KEY_ROTATION", "yes"}};
        CPPUNIT_ASSERT(!good(from).settings.flag(Setting::KeysRotateAtStart));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{90}, good(from).settings.integer(Setting::KeysRotateAfterDays));
    }

    void letsTheMintChooseItsAlgorithm() {
        for (const auto* name : {"MACP_AUTH_ISSUER", "MACP_AUTH_AUDIENCE", "MACP_AUTH_MAX_TTL_SECONDS", "MACP_AUTH_DEFAULT_TTL_SECONDS",
                                 "MACP_AUTH_SIGNING_KEY_JSON"}) {
            auto from = sources();
            from.environment = {{name, "300"}};
            CPPUNIT_ASSERT(isMintConfigured(from.environment));
            CPPUNIT_ASSERT_EQUAL(std::string("RS256"), good(from).settings.text(Setting::TokenAlg));
            from.definitions = {"token.alg=EdDSA"};
            CPPUNIT_ASSERT_EQUAL(std::string("EdDSA"), good(from).settings.text(Setting::TokenAlg));
            CPPUNIT_ASSERT(notices(good(from), Notice::Kind::ReferenceOverruled).empty());
        }
        auto from = sources();
        from.environment = {{"MACP_AUTH_SIGNING_ALG", "ES256"}, {"MACP_AUTH_ISSUER", "x"}, {"MACP_AUTH_SIGNING_KEY_JSON", "{}"}};
        CPPUNIT_ASSERT_EQUAL(std::string("ES256"), good(from).settings.text(Setting::TokenAlg));
        CPPUNIT_ASSERT_EQUAL(std::string("env:MACP_AUTH_SIGNING_KEY_JSON"), good(from).settings.text(Setting::KeysPinned));
        from.environment = {{"MACP_AUTH_JWKS_URL", "x"}, {"MACP_AUTH_TOKENS_FILE", "x"}, {"MACP_AUTH_JWT_ALGS", "x"}};
        CPPUNIT_ASSERT(!isMintConfigured(from.environment));
        CPPUNIT_ASSERT_EQUAL(std::string("ES256"), good(from).settings.text(Setting::TokenAlg));
        CPPUNIT_ASSERT(!good(from).settings.given(Setting::TokenAlg));
    }

    void refusesVariablesThatContradict() {
        auto from = sources();
        from.environment = {{"JWT_PRIVATE_KEY", "hunter2"}, {"MACP_AUTH_SIGNING_KEY_JSON", "hunter2"}};
        CPPUNIT_ASSERT(has(allOf(load(from)), "JWT_PRIVATE_KEY and MACP_AUTH_SIGNING_KEY_JSON both name the key that signs"));
        from.environment = {{"JWT_PUBLIC_KEY", "hunter2"}};
        CPPUNIT_ASSERT(has(allOf(load(from)), "keys.pinned.public (JWT_PUBLIC_KEY): is the public half of no key"));
        for (const auto* alg : {"HS256", "PS256", "rs256", "none"}) {
            from.environment = {{"MACP_AUTH_SIGNING_ALG", alg}};
            CPPUNIT_ASSERT(has(allOf(load(from)), "MACP_AUTH_SIGNING_ALG: must be RS256 or ES256"));
        }
    }

    void turnsTheMintOnWhereItsVariablesAre() {
        CPPUNIT_ASSERT_EQUAL(std::string("false"), good(sources()).settings.text(Setting::MacpMintEnabled));
        for (const auto* name : {"MACP_AUTH_ISSUER", "MACP_AUTH_AUDIENCE", "MACP_AUTH_SIGNING_ALG", "MACP_AUTH_SIGNING_KEY_JSON"}) {
            auto from = sources();
            from.environment = {{name, "ES256"}};
            const auto settings = good(from).settings;
            CPPUNIT_ASSERT_EQUAL_MESSAGE(name, std::string("true"), settings.text(Setting::MacpMintEnabled));
            CPPUNIT_ASSERT_EQUAL(std::string("from ") + name, describe(settings.origin(Setting::MacpMintEnabled)));
        }
        auto from = sources();
        from.environment = {{"MACP_AUTH_MAX_TTL_SECONDS", "60"}, {"MACP_AUTH_ISSUER", ""}, {"MACP_AUTH_DEFAULT_TTL_SECONDS", ""}};
        const auto settings = good(from).settings;
        CPPUNIT_ASSERT_EQUAL(std::int64_t{60}, settings.integer(Setting::MacpTtlMaxSeconds));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{300}, settings.integer(Setting::MacpTtlDefaultSeconds));
        CPPUNIT_ASSERT_EQUAL(std::string("macp-auth-service"), settings.text(Setting::MacpIssuer));
        // The runtime's own variables and empty ones turn nothing on; `false` is the last word.
        from.environment = {{"MACP_AUTH_JWKS_URL", "x"}, {"MACP_AUTH_TOKENS_FILE", "x"}, {"MACP_AUTH_ISSUER", ""}};
        CPPUNIT_ASSERT_EQUAL(std::string("false"), good(from).settings.text(Setting::MacpMintEnabled));
        from = sources("macp.mint.enabled = false\n");
        from.environment = {{"MACP_AUTH_ISSUER", "x"}};
        CPPUNIT_ASSERT_EQUAL(std::string("false"), good(from).settings.text(Setting::MacpMintEnabled));
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1:3000"), good(from).settings.text(Setting::ServerListen));
    }

    void givesTheMintItsPortOnlyWhereNobodySaysAnother() {
        auto from = sources();
        from.environment = {{"MACP_AUTH_ISSUER", "x"}};
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1:3200"), good(from).settings.text(Setting::ServerListen));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{10}, good(from).settings.integer(Setting::StopGraceSeconds));
        from.environment["PORT"] = "8080";
        from.environment["AGENTIDP_MACP_MINT_ALLOW_UNAUTHENTICATED"] = "true";
        CPPUNIT_ASSERT_EQUAL(std::string("[::]:8080"), good(from).settings.text(Setting::ServerListen));
        CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1:3000"),
                             good(sources("macp.mint.enabled = true\n")).settings.text(Setting::ServerListen));
        const auto limited = good(sources("macp.mint.enabled = true\nmacp.mint.auth = bearer\nratelimit.client.per_minute = 7\n"));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{7}, limited.settings.integer(Setting::MacpMintPerMinute));
        const auto unlimited = good(sources("macp.mint.enabled = true\nmacp.mint.auth = bearer\nmacp.mint.per_minute = 0\n"));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, unlimited.settings.integer(Setting::MacpMintPerMinute));
    }

    void namesTheVariableOfABadMintNumber() {
        for (const auto* value : {"0", "-1", "60.5", "1e3", "an hour", "99999999999"}) {
            auto from = sources();
            from.environment = {{"MACP_AUTH_MAX_TTL_SECONDS", value}};
            const auto loaded = load(from);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(value, std::size_t{1}, loaded.problems.size());
            CPPUNIT_ASSERT(
                loaded.problems.front().text.starts_with("MACP_AUTH_MAX_TTL_SECONDS: macp.ttl.max_seconds must be a whole number"));
        }
    }

    void forgivesWrongReferencesThatAreOverruled() {
        auto from = sources("server.listen = 127.0.0.1:1\n");
        from.environment = {{"PORT", "tcp://10.0.0.1:80"}};
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, notices(good(from), Notice::Kind::ReferenceOverruled).size());
    }

    void readsPluginSettingsOfEveryLayer() {
        auto from =
            sources("keys.plugin = demo-two\nplugins.keys-demo-two.slot-id = 1\nplugins.keys-demo-two.path = /a\nplugins.path = /p\n");
        from.environment = {{"AGENTIDP_PLUGINS_KEYS_DEMO_TWO_PATH", "/b"},
                            {"AGENTIDP_PLUGINS_KEYS_DEMO_TWO_SLOT_ID", "2"},
                            {"AGENTIDP_PLUGINS_KEYS_DEMO_TWO_NEW_KEY", "3"},
                            {"AGENTIDP_PLUGINS_KEYS_OTHER_X", "4"}};
        from.definitions = {"plugins.keys-demo-two.path=/c"};
        const auto loaded = good(from);
        std::string text;
        for (const auto& setting : loaded.settings.plugin("keys-demo-two"))
            text += setting.key + "=" + setting.value + "@" + describe(setting.origin) + "\n";
        CPPUNIT_ASSERT_EQUAL(std::string("slot-id=2@AGENTIDP_PLUGINS_KEYS_DEMO_TWO_SLOT_ID\npath=/c@command line\n"
                                         "new_key=3@AGENTIDP_PLUGINS_KEYS_DEMO_TWO_NEW_KEY\n"),
                             text);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, notices(loaded, Notice::Kind::UnknownVariable).size());
        CPPUNIT_ASSERT_EQUAL(std::string("/p"), loaded.settings.text(Setting::PluginsPath));
    }

    void noticesPluginsNobodyNames() {
        auto from = sources(
            "plugins.storage-sqllite.path = x\njobs = stale\nplugins.job-stale.days = 3\nkeys.previous = vault\nplugins.keys-vault.addr = "
            "y\n");
        CPPUNIT_ASSERT((notices(good(from), Notice::Kind::PluginNotNamed) ==
                        std::vector<std::string>{
                            "plugins.storage-sqllite.* has no effect: no setting loads that plugin; did you mean storage-sqlite?"}));
        Settings vault;
        vault.set(Setting::CredentialsStore, "vault", {});
        const auto named = pluginsNamed(vault);
        CPPUNIT_ASSERT(std::find(named.begin(), named.end(), "secrets-vault") != named.end());
    }

    void refusesLiteralSecrets() {
        auto from = sources("bootstrap.secret = hunter2\n");
        from.definitions = {"server.tls.key=hunter2", "plugins.keys-file.passphrase=hunter2", "plugins.storage-sqlite.url=x://u:hunter2@h"};
        const auto text = allOf(load(from));
        CPPUNIT_ASSERT(has(text, "bootstrap.secret must name the secret, not hold it: file:PATH, cred:NAME or env:NAME"));
        CPPUNIT_ASSERT(has(text, "command line: server.tls.key must name the secret"));
        CPPUNIT_ASSERT(has(text, "command line: plugins.keys-file.passphrase would show its secret"));
        CPPUNIT_ASSERT(has(text, "command line: plugins.storage-sqlite.url would show its secret"));
        CPPUNIT_ASSERT(!has(text, "hunter2"));
        from = sources("plugins.keys-file.passphrase = hunter2\n");
        from.definitions = {"plugins.keys-file.other_secret=env:X"};
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, good(from).settings.plugin("keys-file").size());
    }

    void findsEveryProblemAtOnce() {
        auto from = sources(
            "oops\nissuer = example.com\ntoken.alg = none\nnot.there = 1\nlog.level = info\nlog.level = debug\nkeys.grace_seconds = 1\n");
        from.environment = {{"AGENTIDP_SERVER_THREADS", "many"}, {"JWKS_CACHE_TTL_SECONDS", "x"}};
        from.envFile = folder_.write("env", "A\nB='x\n");
        from.definitions = {"quota.mode=hard"};
        const auto loaded = load(from);
        const auto text = allOf(loaded);
        for (const auto* part :
             {":1: must be `key = value`", ":2: issuer must be an http", ":3: token.alg must be one of ES256, RS256, PS256, EdDSA",
              ":4: not.there is no setting", ":6: log.level: already set in line 5", "keys.grace_seconds (",
              "AGENTIDP_SERVER_THREADS: server.threads must be", "JWKS_CACHE_TTL_SECONDS: jwks.max_age_seconds must be",
              "/env:1: must be NAME=value", "/env:2: B: the quote never ends",
              "command line: quota.mode must be one of report, enforce, off"})
            CPPUNIT_ASSERT_MESSAGE(std::string(part) + " is missing from\n" + text, has(text, part));
        CPPUNIT_ASSERT_EQUAL(std::size_t{11}, loaded.problems.size());
    }

    void neverShowsValues() {
        auto from = sources(
            "issuer = hunter2\ntoken.alg = hunter2\nbootstrap.secret = hunter2\nserver.threads = hunter2\nhunter = 1\nkeys.plugin = "
            "hunter2/\n");
        from.environment = {{"AGENTIDP_LOG_LEVEL", "hunter2"}, {"AGENTIDP_WHATEVER", "hunter2"}, {"PORT", "hunter2"},
                            {"VAULT_TOKEN", "hunter2"},        {"DATABASE_URL", "hunter2"},      {"JWT_PRIVATE_KEY", "hunter2"}};
        from.definitions = {"quota.mode=hunter2", "plugins.keys-file.pin=hunter2"};
        const auto loaded = load(from);
        CPPUNIT_ASSERT(loaded.problems.size() >= 8);
        CPPUNIT_ASSERT(!has(allOf(loaded), "hunter2"));
        for (const auto& notice : loaded.notices) CPPUNIT_ASSERT(!has(notice.text + notice.variable, "hunter2"));
        for (const auto& shown : redacted(loaded.settings)) CPPUNIT_ASSERT(!has(shown.value, "hunter2"));
    }

    void readsTheEnvFileUnderTheEnvironment() {
        auto from = sources();
        from.envFile = folder_.write("env", "PORT=4000\nAGENTIDP_LOG_LEVEL=debug\nAGENTIDP_QUOTA_MODE=off\nPW='s'\n");
        from.environment["AGENTIDP_LOG_LEVEL"] = "warn";
        const auto loaded = good(from);
        CPPUNIT_ASSERT_EQUAL(std::string("[::]:4000"), loaded.settings.text(Setting::ServerListen));
        CPPUNIT_ASSERT_EQUAL(std::string("warn"), loaded.settings.text(Setting::LogLevel));
        CPPUNIT_ASSERT_EQUAL(std::string("off"), loaded.settings.text(Setting::QuotaMode));
        CPPUNIT_ASSERT_EQUAL(std::string("s"), loaded.environment.at("PW"));
    }

    void refusesFilesItCannotRead() {
        auto from = sources();
        from.file = folder_.path("none");
        from.envFile = folder_.path("neither");
        auto text = allOf(load(from));
        CPPUNIT_ASSERT(has(text, "/none: ") && has(text, "/neither: "));
        from = sources();
        from.file = folder_.path();
        CPPUNIT_ASSERT(has(allOf(load(from)), "is no regular file"));
        from.file = folder_.write("big", std::string((1U << 20U) + 1, '#'));
        CPPUNIT_ASSERT(has(allOf(load(from)), "is over 1 MB"));
    }

    void keepsTheWeakerValueWhereOneIsWrong() {
        auto from = sources("log.level = debug\n");
        from.environment["AGENTIDP_LOG_LEVEL"] = "loud";
        const auto loaded = load(from);
        CPPUNIT_ASSERT(!loaded.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("debug"), loaded.settings.text(Setting::LogLevel));
    }

    void readsTheShippedFile() {
        Sources from;
        from.file = AGENTIDP_SHIPPED_FILE;
        const auto loaded = good(from);
        CPPUNIT_ASSERT(loaded.notices.empty());
        for (const auto& info : allSettings()) CPPUNIT_ASSERT_MESSAGE(std::string(info.key), !loaded.settings.given(info.id));
    }

    void readsTheShippedFileUncommented() {
        std::ifstream in(AGENTIDP_SHIPPED_FILE);
        std::string text;
        for (std::string line; std::getline(in, line);) {
            const bool setting = line.starts_with("#") && !line.starts_with("# ") && line.find("KEY") == std::string::npos;
            text += (setting ? line.substr(1) : line) + "\n";
        }
        const auto loaded = good(sources(text));
        for (const auto& info : allSettings()) {
            CPPUNIT_ASSERT_MESSAGE(std::string(info.key), loaded.settings.given(info.id) || info.fallback.empty());
            // The one word that the loader answers itself.
            const std::string expected(info.id == Setting::MacpMintEnabled ? "false" : info.fallback);
            if (!info.fallback.empty()) CPPUNIT_ASSERT_EQUAL(expected, loaded.settings.text(info.id));
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(LoaderTest);

}  // namespace agentidp::config
