#include "base/text.h"
#include "registry_house.h"

namespace agentidp::registry {

using House = tests::RegistryHouse;
using tests::kAgentBody;

/// Answers one MAC for every path.
class Vault final : public VaultedSecrets {
public:
    [[nodiscard]] bool keepsNew() const override { return keeps; }
    [[nodiscard]] base::Result<SecretMac> macOf(const std::string& path) override {
        if (path.empty()) return base::fail(base::Errc::NotFound, "");
        return SecretMac{"pepper-of-vault", base::Bytes(32, 7)};
    }
    bool keeps = true;
};

class CredentialsTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CredentialsTest);
    CPPUNIT_TEST(showsASecretOnceAndKeepsItsMac);
    CPPUNIT_TEST(neverTellsTheLedgerASecret);
    CPPUNIT_TEST(refusesAnAgentWiderThanTheCaller);
    CPPUNIT_TEST(allowsTenActiveAndNoEleventh);
    CPPUNIT_TEST(letsExpiredOnesGiveWay);
    CPPUNIT_TEST(keepsTheLimitWhenTwoAreMadeAtOnce);
    CPPUNIT_TEST(checksWhatItIsGiven);
    CPPUNIT_TEST(rotatesWithoutOverlap);
    CPPUNIT_TEST(rotatesWithOverlap);
    CPPUNIT_TEST(rotatesAnImportedSecret);
    CPPUNIT_TEST(keepsTheEndOfACredentialItRotates);
    CPPUNIT_TEST(letsAnAgentRotateItsOwn);
    CPPUNIT_TEST(doesNotSellAWideSecretToANarrowToken);
    CPPUNIT_TEST(refusesToRotateWhatIsOver);
    CPPUNIT_TEST(revokingTheLastEndsTokens);
    CPPUNIT_TEST(revokingOneOfTwoLeavesTokensAlive);
    CPPUNIT_TEST(seesTheLastOneWhenTwoAreRevokedAtOnce);
    CPPUNIT_TEST(noticesScopesThatGrewMeanwhile);
    CPPUNIT_TEST(listsWithoutSecrets);
    CPPUNIT_TEST(row62KeepsCredentialsWithTheirAgent);
    CPPUNIT_TEST(keepsNewSecretsInTheSecretStore);
    CPPUNIT_TEST(movesASecretBackToAMac);
    CPPUNIT_TEST_SUITE_END();

    House house;
    std::string agent = House::body(house.createAgent(house.adminA, kAgentBody)).textOr("agentId", "");

    base::json::Value made(std::string_view body = "{}") { return House::body(house.createCredential(house.adminA, agent, body)); }
    const model::Credential& stored(const base::json::Value& credential) {
        return house.registry.credentials.at(credential.textOr("credentialId", ""));
    }
    const model::Credential& stored(const std::string& id) { return house.registry.credentials.at(id); }
    base::Bytes macOf(const std::string& secret) const {
        const auto mac = house.peppers.mac("", base::bytesOf(secret)).value();
        return {mac.begin(), mac.end()};
    }
    std::string in(base::seconds from) const { return base::rfc3339(house.clock.now() + from); }
    model::Caller self() const { return House::callerFor(house.registry.agents.at(agent)); }

    Ruling vaulted(Vault& vault, const std::function<Ruling(const CredentialRules&, const Asker&)>& rule) {
        const CredentialRules rules({house.registry, house.registry, house.peppers, house.cursors, &vault});
        return house.as(house.adminA, [&](const Asker& asker) { return rule(rules, asker); });
    }

public:
    void keepsNewSecretsInTheSecretStore() {
        Vault vault;
        const auto created =
            vaulted(vault, [&](const auto& rules, const auto& asker) { return rules.create(asker, agent, House::json("{}")); });
        const auto id = House::body(created).textOr("credentialId", "");
        const auto path = stored(id).vaultPath;
        CPPUNIT_ASSERT(stored(id).secretMac.empty() && path.find(agent) != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, created.secrets.keep.size());
        CPPUNIT_ASSERT_EQUAL(path, created.secrets.keep.front().path);
        CPPUNIT_ASSERT_EQUAL(House::body(created).textOr("clientSecret", ""), std::string(created.secrets.keep.front().secret.text()));
        // The old one lives on as a MAC, and its place is given up.
        const auto rotated = vaulted(vault, [&](const auto& rules, const auto& asker) {
            return rules.rotate(asker, agent, id, House::json(R"({"overlapSeconds":60})"));
        });
        House::answer(rotated);
        CPPUNIT_ASSERT(rotated.secrets.forget == std::vector<std::string>{path});
        CPPUNIT_ASSERT(stored(id).previousMac == base::Bytes(32, 7) && stored(id).vaultPath != path && !stored(id).vaultPath.empty());
        const auto newer = stored(id).vaultPath;
        const auto revoked = vaulted(vault, [&](const auto& rules, const auto& asker) { return rules.revoke(asker, agent, id); });
        CPPUNIT_ASSERT(revoked.secrets.forget == std::vector<std::string>{newer});
        CPPUNIT_ASSERT(stored(id).vaultPath.empty() && !stored(id).previousMac);
    }

    void movesASecretBackToAMac() {
        Vault vault;
        const auto created =
            vaulted(vault, [&](const auto& rules, const auto& asker) { return rules.create(asker, agent, House::json("{}")); });
        const auto id = House::body(created).textOr("credentialId", "");
        const auto path = stored(id).vaultPath;
        vault.keeps = false;
        const auto rotated =
            vaulted(vault, [&](const auto& rules, const auto& asker) { return rules.rotate(asker, agent, id, House::json("{}")); });
        CPPUNIT_ASSERT(stored(id).vaultPath.empty() && stored(id).secretMac == macOf(House::body(rotated).textOr("clientSecret", "")));
        CPPUNIT_ASSERT(rotated.secrets.keep.empty() && rotated.secrets.forget == std::vector<std::string>{path});
    }

    void showsASecretOnceAndKeepsItsMac() {
        const auto ruling = house.createCredential(house.adminA, agent);
        const auto& answer = House::answer(ruling);
        const auto body = House::body(ruling);
        CPPUNIT_ASSERT_EQUAL(201, answer.status);
        CPPUNIT_ASSERT_EQUAL(std::string("no-store"), House::header(answer, "Cache-Control"));
        const auto secret = body.textOr("clientSecret", "");
        CPPUNIT_ASSERT_EQUAL(std::size_t{51}, secret.size());
        CPPUNIT_ASSERT(secret.starts_with("sk_live_"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{32}, base::unbase64url(secret.substr(8))->size());
        CPPUNIT_ASSERT_EQUAL(agent, body.textOr("clientId", ""));
        CPPUNIT_ASSERT(body.find("expiresAt")->isNull() && body.find("revokedAt")->isNull() && body.find("lastUsedAt")->isNull());
        CPPUNIT_ASSERT(stored(body).secretMac == macOf(secret));
        CPPUNIT_ASSERT_EQUAL(std::string("pepper-1"), stored(body).pepperId);
        CPPUNIT_ASSERT(made().textOr("clientSecret", "") != secret);
    }

    void neverTellsTheLedgerASecret() {
        const auto first = made();
        const auto second = House::body(house.rotate(house.adminA, agent, first.textOr("credentialId", "")));
        for (const auto& event : house.registry.events)
            for (const auto& body : {first, second}) {
                CPPUNIT_ASSERT(event.metadataJson.find(body.textOr("clientSecret", "-")) == std::string::npos);
                CPPUNIT_ASSERT(event.metadataJson.find("sk_live_") == std::string::npos);
            }
        CPPUNIT_ASSERT(house.registry.events.back().action == model::Action::CredentialRotated);
    }

    void refusesAnAgentWiderThanTheCaller() {
        const auto wide = house.addAgent(2, "wide@a.example", {"audit:read"}).agentId.str();
        CPPUNIT_ASSERT_EQUAL(std::string("FORBIDDEN"), House::codeOf(house.createCredential(house.adminA, wide)));
        const auto id = House::body(house.createCredential(House::machineOwner(), wide)).textOr("credentialId", "");
        CPPUNIT_ASSERT_EQUAL(std::string("FORBIDDEN"), House::codeOf(house.rotate(house.adminA, wide, id)));
        CPPUNIT_ASSERT_EQUAL(std::string("FORBIDDEN"), House::codeOf(house.revoke(house.adminA, wide, id)));
        CPPUNIT_ASSERT_EQUAL(std::string("INSUFFICIENT_SCOPE"), House::codeOf(house.createCredential(self(), agent)));
    }

    void allowsTenActiveAndNoEleventh() {
        std::string last;
        for (int i = 0; i < 10; ++i) last = made().textOr("credentialId", "");
        CPPUNIT_ASSERT_EQUAL(std::string("CONFLICT"), House::codeOf(house.createCredential(house.adminA, agent)));
        CPPUNIT_ASSERT(house.revoke(house.adminA, agent, last).ok());
        CPPUNIT_ASSERT(house.createCredential(house.adminA, agent).ok());
    }

    void letsExpiredOnesGiveWay() {
        const auto old = made(R"({"expiresAt":")" + in(base::seconds(60)) + "\"}").textOr("credentialId", "");
        for (int i = 0; i < 9; ++i) (void)made();
        house.clock.advance(base::seconds(60));
        CPPUNIT_ASSERT(house.createCredential(house.adminA, agent).ok());
        CPPUNIT_ASSERT(stored(old).status == model::CredentialStatus::Revoked);
        CPPUNIT_ASSERT_EQUAL(std::string("CONFLICT"), House::codeOf(house.createCredential(house.adminA, agent)));
    }

    void keepsTheLimitWhenTwoAreMadeAtOnce() {
        const model::Origin origin{"r", "ip", "ua", house.clock.now()};
        const auto first = house.credentials.create({house.adminA, origin}, agent, House::json("{}"));
        const auto second = house.credentials.create({house.adminA, origin}, agent, House::json("{}"));
        CPPUNIT_ASSERT(house.registry.apply(first.mutation).ok());
        CPPUNIT_ASSERT(house.registry.apply(second.mutation).error().code == base::Errc::Conflict);
    }

    void checksWhatItIsGiven() {
        for (const auto& body :
             {R"({"expiresAt":"soon"})", R"({"expiresAt":1})", R"({"expiresAt":null})", R"({"expiresAt":"2020-01-01T00:00:00Z"})"})
            CPPUNIT_ASSERT_EQUAL(std::string("/expiresAt "), House::pointersOf(house.createCredential(house.adminA, agent, body)));
        CPPUNIT_ASSERT_EQUAL(std::string("/expiresAt "), House::pointersOf(house.createCredential(
                                                             house.adminA, agent, R"({"expiresAt":")" + in(base::seconds(0)) + "\"}")));
        CPPUNIT_ASSERT_EQUAL(std::string("/overlapSeconds "),
                             House::pointersOf(house.createCredential(house.adminA, agent, R"({"overlapSeconds":5})")));
        CPPUNIT_ASSERT_EQUAL(std::string("/clientSecret "),
                             House::pointersOf(house.createCredential(house.adminA, agent, R"({"clientSecret":"mine"})")));
        const auto id = made().textOr("credentialId", "");
        for (const auto* overlap : {"-1", "604801", "1.5", "\"5\"", "null", "true"})
            CPPUNIT_ASSERT_EQUAL(
                std::string("/overlapSeconds "),
                House::pointersOf(house.rotate(house.adminA, agent, id, R"({"overlapSeconds":)" + std::string(overlap) + "}")));
        CPPUNIT_ASSERT(house.rotate(house.adminA, agent, id, R"({"overlapSeconds":604800})").ok());
    }

    void rotatesWithoutOverlap() {
        const auto first = made();
        const auto id = first.textOr("credentialId", "");
        house.peppers.id = "pepper-2";
        const auto ruling = house.rotate(house.adminA, agent, id);
        const auto second = House::body(ruling);
        CPPUNIT_ASSERT_EQUAL(200, House::answer(ruling).status);
        CPPUNIT_ASSERT_EQUAL(id, second.textOr("credentialId", ""));
        CPPUNIT_ASSERT(second.textOr("clientSecret", "") != first.textOr("clientSecret", ""));
        CPPUNIT_ASSERT(stored(id).secretMac == macOf(second.textOr("clientSecret", "")));
        CPPUNIT_ASSERT_EQUAL(std::string("pepper-2"), stored(id).pepperId);
        CPPUNIT_ASSERT(!stored(id).previousMac);
        CPPUNIT_ASSERT(!house.registry.agents.at(agent).tokensNotBefore);
    }

    void rotatesWithOverlap() {
        const auto first = made();
        const auto id = first.textOr("credentialId", "");
        house.peppers.id = "pepper-2";
        CPPUNIT_ASSERT(house.rotate(house.adminA, agent, id, R"({"overlapSeconds":300})").ok());
        CPPUNIT_ASSERT(*stored(id).previousMac == macOf(first.textOr("clientSecret", "")));
        CPPUNIT_ASSERT_EQUAL(std::string("pepper-1"), stored(id).previousPepperId);
        CPPUNIT_ASSERT(*stored(id).previousUntil == house.clock.now() + base::seconds(300));
        CPPUNIT_ASSERT(house.rotate(house.adminA, agent, id).ok());
        CPPUNIT_ASSERT(!stored(id).previousMac && !stored(id).previousUntil);
    }

    void rotatesAnImportedSecret() {
        const auto id = made().textOr("credentialId", "");
        const auto import = [&] {
            auto& credential = house.registry.credentials.at(id);
            credential.secretMac.clear();
            credential.pepperId.clear();
            credential.importedHash = "$2b$...";
        };
        import();
        CPPUNIT_ASSERT(house.rotate(house.adminA, agent, id, R"({"overlapSeconds":300})").ok());
        CPPUNIT_ASSERT_EQUAL(std::string("$2b$..."), stored(id).importedHash);
        CPPUNIT_ASSERT(!stored(id).secretMac.empty() && !stored(id).previousMac && stored(id).previousUntil);
        CPPUNIT_ASSERT(house.rotate(house.adminA, agent, id, R"({"overlapSeconds":300})").ok());
        CPPUNIT_ASSERT(stored(id).importedHash.empty() && stored(id).previousMac);
        import();
        CPPUNIT_ASSERT(house.rotate(house.adminA, agent, id).ok());
        CPPUNIT_ASSERT(stored(id).importedHash.empty() && !stored(id).previousUntil);
    }

    void keepsTheEndOfACredentialItRotates() {
        const auto id = made(R"({"expiresAt":")" + in(base::seconds(100)) + "\"}").textOr("credentialId", "");
        const auto end = house.clock.now() + base::seconds(100);
        CPPUNIT_ASSERT(house.rotate(house.adminA, agent, id, R"({"overlapSeconds":300})").ok());
        CPPUNIT_ASSERT(stored(id).expiresAt == end);
        CPPUNIT_ASSERT(stored(id).previousUntil == end);
        CPPUNIT_ASSERT(house.rotate(house.adminA, agent, id, R"({"expiresAt":")" + in(base::seconds(500)) + "\"}").ok());
        CPPUNIT_ASSERT(stored(id).expiresAt == house.clock.now() + base::seconds(500));
    }

    void letsAnAgentRotateItsOwn() {
        const auto id = made().textOr("credentialId", "");
        const auto other = house.addAgent(2, "other@a.example", {"agents:read"});
        CPPUNIT_ASSERT(house.rotate(self(), agent, id).ok());
        CPPUNIT_ASSERT_EQUAL(agent, house.registry.events.back().actor);
        CPPUNIT_ASSERT_EQUAL(std::string("INSUFFICIENT_SCOPE"), House::codeOf(house.rotate(other, agent, id)));
        CPPUNIT_ASSERT_EQUAL(std::string("INSUFFICIENT_SCOPE"), House::codeOf(house.revoke(self(), agent, id)));
    }

    void doesNotSellAWideSecretToANarrowToken() {
        const auto id = made().textOr("credentialId", "");
        auto narrow = self();
        narrow.scopes.clear();
        CPPUNIT_ASSERT_EQUAL(std::string("FORBIDDEN"), House::codeOf(house.rotate(narrow, agent, id)));
    }

    void refusesToRotateWhatIsOver() {
        const auto id = made().textOr("credentialId", "");
        const auto brief = made(R"({"expiresAt":")" + in(base::seconds(5)) + "\"}").textOr("credentialId", "");
        CPPUNIT_ASSERT(house.revoke(house.adminA, agent, id).ok());
        house.clock.advance(base::seconds(5));
        CPPUNIT_ASSERT_EQUAL(std::string("CONFLICT"), House::codeOf(house.rotate(house.adminA, agent, id)));
        CPPUNIT_ASSERT_EQUAL(std::string("CONFLICT"), House::codeOf(house.rotate(house.adminA, agent, brief)));
    }

    void revokingTheLastEndsTokens() {
        const auto id = made().textOr("credentialId", "");
        const auto brief = made(R"({"expiresAt":")" + in(base::seconds(5)) + "\"}").textOr("credentialId", "");
        house.clock.advance(base::seconds(5));
        CPPUNIT_ASSERT_EQUAL(204, House::answer(house.revoke(house.adminA, agent, id)).status);
        CPPUNIT_ASSERT(house.registry.agents.at(agent).tokensNotBefore == house.clock.now());
        CPPUNIT_ASSERT(stored(id).status == model::CredentialStatus::Revoked && stored(id).revokedAt == house.clock.now());
        CPPUNIT_ASSERT(house.registry.events.back().action == model::Action::CredentialRevoked);
        CPPUNIT_ASSERT_EQUAL(std::string("true"), House::json(house.registry.events.back().metadataJson).textOr("tokensEnded", ""));
        const auto again = house.revoke(house.adminA, agent, id);
        CPPUNIT_ASSERT(again.ok() && again.mutation.empty());
        CPPUNIT_ASSERT(stored(brief).status == model::CredentialStatus::Active);
    }

    void revokingOneOfTwoLeavesTokensAlive() {
        const auto id = made().textOr("credentialId", "");
        (void)made();
        CPPUNIT_ASSERT(house.revoke(house.adminA, agent, id).ok());
        CPPUNIT_ASSERT(!house.registry.agents.at(agent).tokensNotBefore);
    }

    void seesTheLastOneWhenTwoAreRevokedAtOnce() {
        const auto one = made().textOr("credentialId", "");
        const auto two = made().textOr("credentialId", "");
        const model::Origin origin{"r", "ip", "ua", house.clock.now()};
        const auto first = house.credentials.revoke({house.adminA, origin}, agent, one);
        const auto second = house.credentials.revoke({house.adminA, origin}, agent, two);
        CPPUNIT_ASSERT(house.registry.apply(first.mutation).ok());
        CPPUNIT_ASSERT(house.registry.apply(second.mutation).error().code == base::Errc::Conflict);
        CPPUNIT_ASSERT(house.revoke(house.adminA, agent, two).ok());
        CPPUNIT_ASSERT(house.registry.agents.at(agent).tokensNotBefore.has_value());
    }

    void noticesScopesThatGrewMeanwhile() {
        const model::Origin origin{"r", "ip", "ua", house.clock.now()};
        const auto ruling = house.credentials.create({house.adminA, origin}, agent, House::json("{}"));
        CPPUNIT_ASSERT(house.updateAgent(House::machineOwner(), agent, R"({"scopes":["audit:read"]})").ok());
        CPPUNIT_ASSERT(house.registry.apply(ruling.mutation).error().code == base::Errc::Conflict);
    }

    void listsWithoutSecrets() {
        for (int i = 0; i < 5; ++i) {
            (void)made();
            house.clock.advance(base::seconds(1));
        }
        const auto revoked = made().textOr("credentialId", "");
        CPPUNIT_ASSERT(house.revoke(house.adminA, agent, revoked).ok());
        const auto list = [&](const model::Caller& caller, const Query& query) {
            return house.as(caller, [&](const Asker& asker) { return house.credentials.list(asker, agent, query); });
        };
        const auto count = [&](const Query& query) { return House::body(list(house.adminA, query)).find("data")->asArray()->size(); };
        CPPUNIT_ASSERT_EQUAL(std::size_t{6}, count({}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, count({{"status", "active"}}));
        CPPUNIT_ASSERT_EQUAL(std::string("?status "), House::pointersOf(list(house.adminA, {{"status", "x"}})));
        CPPUNIT_ASSERT(House::answer(list(self(), {})).body.find("clientSecret") == std::string::npos);
        const auto first = House::body(list(house.adminA, {{"limit", "4"}}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, count({{"limit", "4"}, {"cursor", first.textOr("nextCursor", "")}}));
    }

    void row62KeepsCredentialsWithTheirAgent() {
        const auto id = made().textOr("credentialId", "");
        const auto other =
            House::body(house.createAgent(house.adminA, R"({"email":"o@a.example","agentType":"t","owner":"o"})")).textOr("agentId", "");
        for (const auto& ruling : {house.rotate(house.adminA, other, id), house.revoke(house.adminA, other, id),
                                   house.rotate(house.adminA, agent, "nope"), house.revoke(house.adminA, agent, base::uuidV4())})
            CPPUNIT_ASSERT_EQUAL(std::string("NOT_FOUND"), House::codeOf(ruling));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CredentialsTest);

}  // namespace agentidp::registry
