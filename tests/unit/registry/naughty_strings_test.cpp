/// Every naughty string through every text member of agents, credentials and organizations: refused with a pointer to that
/// member, or stored and given back byte for byte. Nothing in between.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "registry/fields.h"
#include "registry_house.h"
#include "support/skip.h"

namespace agentidp::registry {

using House = tests::RegistryHouse;

class NaughtyStringsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(NaughtyStringsTest);
    CPPUNIT_TEST(row61RefusesOrReturnsThemUnchangedInAgents);
    CPPUNIT_TEST(row61RefusesOrReturnsThemUnchangedInOrganizations);
    CPPUNIT_TEST(row61RefusesThemInCredentials);
    CPPUNIT_TEST(row61SurvivesThemAsIdsFiltersAndCursors);
    CPPUNIT_TEST(row36RefusesWhatReadsDifferentlyThanItIs);
    CPPUNIT_TEST(acceptsEverydayNames);
    CPPUNIT_TEST(judgesEmailAddresses);
    CPPUNIT_TEST_SUITE_END();

    static std::vector<std::string> naughty() {
        const auto folder = tests::vectorsFolder();
        std::ifstream file(std::filesystem::path(folder) / "naughty" / "blns.json");
        std::stringstream text;
        text << file.rdbuf();
        std::vector<std::string> out;
        if (const auto parsed = base::json::parse(text.str()); parsed && parsed->asArray() != nullptr)
            for (const auto& value : *parsed->asArray())
                if (value.asText() != nullptr) out.push_back(*value.asText());
        return out;
    }
    static std::string quoted(std::string_view text) {
        std::string out;
        base::json::appendQuoted(out, text);
        return out;
    }
    /// `body` has $ where the text goes. Refused at `pointer`, or given back unchanged at `name`.
    template <class Create>
    static bool refusedOrUnchanged(const std::string& text, std::string body, const std::string& name, Create create) {
        body.replace(body.find('$'), 1, quoted(text));
        const Ruling ruling = create(body);
        if (!ruling.ok()) {
            CPPUNIT_ASSERT_EQUAL(std::string("VALIDATION_ERROR"), House::codeOf(ruling));
            for (const auto& error : House::problem(ruling).errors) {
                CPPUNIT_ASSERT_MESSAGE(error.pointer, error.pointer.starts_with("/" + name) || error.pointer.empty());
                CPPUNIT_ASSERT(base::isUtf8(error.detail));
            }
            return false;
        }
        const auto answer = House::body(ruling);
        const auto* value = answer.find(name);
        CPPUNIT_ASSERT(value != nullptr);
        const auto* found = value->asText();
        if (const auto* items = value->asArray()) found = items->at(0).asText();
        if (value->asObject() != nullptr) found = value->find("x_k") != nullptr ? value->find("x_k")->asText() : nullptr;
        CPPUNIT_ASSERT(found != nullptr);
        CPPUNIT_ASSERT_EQUAL(text, *found);
        return true;
    }

public:
    void row61RefusesOrReturnsThemUnchangedInAgents() {
        const auto texts = naughty();
        if (texts.empty()) return tests::skip("vectors/naughty is not here");
        int stored = 0;
        for (const auto& text : texts) {
            House house;
            const auto create = [&](const std::string& body) { return house.createAgent(House::machineOwner(), body); };
            const auto organization = R"(,"organizationId":")" + House::organizationId(2) + "\"}";
            int number = 0;
            const auto through = [&](const std::string& name, const std::string& value, const std::string& rest) {
                const auto email = name == "email" ? std::string() : R"("email":"n)" + std::to_string(number++) + R"(@a.example",)";
                stored += refusedOrUnchanged(text, "{" + email + "\"" + name + "\":" + value + rest + organization, name, create) ? 1 : 0;
            };
            through("email", "$", R"(,"agentType":"t","owner":"o")");
            through("agentType", "$", R"(,"owner":"o")");
            through("version", "$", R"(,"agentType":"t","owner":"o")");
            through("owner", "$", R"(,"agentType":"t")");
            through("capabilities", "[$]", R"(,"agentType":"t","owner":"o")");
            through("scopes", "[$]", R"(,"agentType":"t","owner":"o")");
            through("claims", R"({"x_k":$})", R"(,"agentType":"t","owner":"o")");
            through("labels", R"({"x_k":$})", R"(,"agentType":"t","owner":"o")");
            // As a name rather than a value, and as a word.
            const auto asName = [&](const std::string& member) {
                const auto ruling = create(R"({"email":")" + member + R"(@a.example","agentType":"t","owner":"o",")" + member + "\":{" +
                                           quoted(text) + ":\"v\"}" + organization);
                if (ruling.ok())
                    CPPUNIT_ASSERT_EQUAL(std::string("v"), House::body(ruling).find(member)->textOr(text, ""));
                else
                    CPPUNIT_ASSERT(House::pointersOf(ruling).starts_with("/" + member + " "));
            };
            asName("claims");
            asName("labels");
            CPPUNIT_ASSERT_EQUAL(std::string("/deploymentEnv "),
                                 House::pointersOf(create(R"({"email":"y@a.example","agentType":"t","owner":"o","deploymentEnv":)" +
                                                          quoted(text) + organization)));
            const auto unknown =
                create(R"({"email":"z@a.example","agentType":"t","owner":"o",)" + quoted("?" + text) + ":1" + organization);
            CPPUNIT_ASSERT_EQUAL(std::string("VALIDATION_ERROR"), House::codeOf(unknown));
        }
        CPPUNIT_ASSERT(stored > 100);
    }

    void row61RefusesOrReturnsThemUnchangedInOrganizations() {
        const auto texts = naughty();
        if (texts.empty()) return tests::skip("vectors/naughty is not here");
        for (const auto& text : texts) {
            House house;
            const auto create = [&](const std::string& body) { return house.createOrganization(House::machineOwner(), body); };
            (void)refusedOrUnchanged(text, R"({"name":$,"slug":"s"})", "name", create);
            if (text != "system") (void)refusedOrUnchanged(text, R"({"name":"n","slug":$})", "slug", create);
            (void)refusedOrUnchanged(text, R"({"name":"m","slug":"t","plan":$})", "plan", create);
            CPPUNIT_ASSERT_EQUAL(std::string("/status "),
                                 House::pointersOf(house.updateOrganization(House::machineOwner(), House::organizationId(2),
                                                                            R"({"status":)" + quoted(text) + "}")));
        }
    }

    void row61RefusesThemInCredentials() {
        const auto texts = naughty();
        if (texts.empty()) return tests::skip("vectors/naughty is not here");
        House house;
        const auto agent = house.adminB.agentId.str();
        for (const auto& text : texts) {
            CPPUNIT_ASSERT_EQUAL(std::string("/expiresAt "),
                                 House::pointersOf(house.createCredential(house.adminB, agent, R"({"expiresAt":)" + quoted(text) + "}")));
            CPPUNIT_ASSERT_EQUAL(std::string("NOT_FOUND"), House::codeOf(house.revoke(house.adminB, agent, text)));
        }
    }

    void row61SurvivesThemAsIdsFiltersAndCursors() {
        const auto texts = naughty();
        if (texts.empty()) return tests::skip("vectors/naughty is not here");
        House house;
        for (const auto& text : texts) {
            CPPUNIT_ASSERT_EQUAL(std::string("NOT_FOUND"), House::codeOf(house.readAgent(house.adminA, text)));
            CPPUNIT_ASSERT_EQUAL(std::string("?cursor "), House::pointersOf(house.listAgents(house.adminA, {{"cursor", text}})));
            const auto owner = house.listAgents(house.adminA, {{"owner", text}});
            CPPUNIT_ASSERT(owner.ok() || House::pointersOf(owner) == "?owner ");
            const auto parsed = parseQuery("owner=" + base::percentEncode(text));
            CPPUNIT_ASSERT_EQUAL(text, parsed->at(0).second);
        }
    }

    void row36RefusesWhatReadsDifferentlyThanItIs() {
        for (const auto* text :
             {"a\u202Eb", "a\u200Bb", "a\u200Db", "\uFEFFa",  "a\u2066b",     "a\u00ADb", "a\u2028b", "a\u0085b",     "a\x7F",
              "a\nb",     "a\tb",     "a\u061Cb", "a\uFFFEb", "a\U000E0041b", "a\u3164",  "\xC3\x28", "\xED\xA0\x80", " a",
              "a ",       "a\u00A0",  "\u3000a",  ""})
            CPPUNIT_ASSERT_MESSAGE(text, !faultOf(TextKind::Display, text).empty());
        CPPUNIT_ASSERT(!faultOf(TextKind::Display, std::string_view("a\0b", 3)).empty());
        for (const auto* text : {"caf\u00E9", "\u0130", "a b", "-a", ".a", "a\"b", "a\\b", ""})
            CPPUNIT_ASSERT_MESSAGE(text, !faultOf(TextKind::Identifier, text).empty());
        // Two spellings of one name are two names: compared as bytes.
        House house;
        CPPUNIT_ASSERT(house.createAgent(house.adminA, "{\"email\":\"1@a\",\"agentType\":\"t\",\"owner\":\"caf\u00E9\"}").ok());
        CPPUNIT_ASSERT(house.createAgent(house.adminA, "{\"email\":\"2@a\",\"agentType\":\"t\",\"owner\":\"cafe\u0301\"}").ok());
        const auto body = House::body(house.listAgents(house.adminA, {{"owner", "caf\u00E9"}}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, body.find("data")->asArray()->size());
    }

    void acceptsEverydayNames() {
        for (const auto* text : {"Équipe Données", "日本語チーム", "O'Brien & Sons", "команда", "فريق", "\U0001F680 Rockets", "a  b"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, std::string(), std::string(faultOf(TextKind::Display, text)));
        for (const auto* text : {"screener", "1.2.0-rc.1+build5", "tool:web_search", "team/a", "a@b"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, std::string(), std::string(faultOf(TextKind::Identifier, text)));
    }

    void judgesEmailAddresses() {
        for (const auto* text :
             {"a@b", "first.last+tag@sub.example.com", "x_y-z@1.example", "o'neil@example.org", "screener-001@sentryagent.ai"})
            CPPUNIT_ASSERT_EQUAL_MESSAGE(text, std::string(), std::string(faultOf(TextKind::Email, text)));
        for (const std::string& text : {std::string("a"),
                                        std::string("@b"),
                                        std::string("a@"),
                                        std::string("a@b@c"),
                                        std::string(".a@b"),
                                        std::string("a.@b"),
                                        std::string("a..b@c"),
                                        std::string("a@b..c"),
                                        std::string("a@-b"),
                                        std::string("a@b-"),
                                        std::string("a@b_c"),
                                        std::string("a b@c"),
                                        std::string("\"a\"@b"),
                                        std::string("a@[127.0.0.1]"),
                                        std::string("\u00E9@b"),
                                        std::string("a@b\u202E"),
                                        std::string("a@b\r\nBcc: x"),
                                        std::string(65, 'a') + "@b",
                                        "a@" + std::string(64, 'b'),
                                        std::string("a@b."),
                                        std::string("a@") + std::string(300, 'b')})
            CPPUNIT_ASSERT_MESSAGE(text, !faultOf(TextKind::Email, text).empty());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(NaughtyStringsTest);

}  // namespace agentidp::registry
