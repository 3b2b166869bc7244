#include <cppunit/extensions/HelperMacros.h>

#include "oauth_house.h"

namespace agentidp::oauth {

using tests::OauthHouse;

class ClientAuthTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ClientAuthTest);
    CPPUNIT_TEST(acceptsEveryLiveCredentialAndSaysWhich);
    CPPUNIT_TEST(refusesRevokedAndExpiredCredentials);
    CPPUNIT_TEST(acceptsThePreviousSecretDuringItsOverlapOnly);
    CPPUNIT_TEST(worksOutOneMacAPepper);
    CPPUNIT_TEST(asksForNoClientThatCannotExist);
    CPPUNIT_TEST(saysUnavailableWhereAPepperIsMissing);
    CPPUNIT_TEST(touchesACredentialOnceAMinute);
    CPPUNIT_TEST(aCachedClientNotesAUseOnceAMinuteForEachCredential);
    CPPUNIT_TEST(refusesAnEmptySecretEvenIfItsMacWereStored);
    CPPUNIT_TEST(anImportedSecretWorksAndGetsAMac);
    CPPUNIT_TEST(anImportedSecretGoesOnAsThePreviousOne);
    CPPUNIT_TEST(worksOutNoHashWhereAMacMatched);
    CPPUNIT_TEST(aBusyHashIsNoWrongSecret);
    CPPUNIT_TEST_SUITE_END();

    OauthHouse house;

    OauthResult<AuthenticatedClient> authenticate(const std::string& secret, const std::string& id = OauthHouse::kAgent) const {
        const PresentedClient presented{AuthMethod::Basic, id, base::Secret::fromText(std::string(secret))};
        return house.authenticator.authenticate(presented, house.clock.now());
    }
    template <class Change>
    void change(Change change) {
        house.clients.change(OauthHouse::kAgent, change);
    }

    void importOnly(const std::string& secret) {
        change([&](Client& client) {
            auto& credential = client.credentials.front();
            credential.secretMac.clear();
            credential.pepperId.clear();
            credential.importedHash = "hash of " + secret;
            credential.rowVersion = 7;
        });
    }
    static const model::UpdateCredential& written(const AuthenticatedClient& client) {
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, client.rehash.changes.size());
        return std::get<model::UpdateCredential>(client.rehash.changes.front());
    }

public:
    void anImportedSecretWorksAndGetsAMac() {
        importOnly("old secret");
        CPPUNIT_ASSERT_EQUAL(std::string("wrong_secret"), authenticate("secret-one").refusal().reason);
        const auto known = authenticate("old secret");
        CPPUNIT_ASSERT(known.ok());
        const auto& update = written(*known);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{7}, update.expectedVersion);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{8}, update.credential.rowVersion);
        CPPUNIT_ASSERT(update.credential.importedHash.empty());
        CPPUNIT_ASSERT(update.credential.secretMac == house.credential("old secret").secretMac);
        CPPUNIT_ASSERT_EQUAL(house.peppers.current, update.credential.pepperId);
        CPPUNIT_ASSERT(known->rehash.events.front().action == model::Action::CredentialRehashed);
        CPPUNIT_ASSERT_EQUAL(std::string(OauthHouse::kAgent), known->rehash.events.front().agentId.str());
        // Without the means to compare, and where the hash is none, nothing matches.
        const ClientAuthenticator blind{house.clients, house.peppers};
        const PresentedClient presented{AuthMethod::Basic, OauthHouse::kAgent, base::Secret::fromText("old secret")};
        CPPUNIT_ASSERT(!blind.authenticate(presented, house.clock.now()).ok());
        change([](Client& client) { client.credentials.front().importedHash = "garbage"; });
        CPPUNIT_ASSERT_EQUAL(std::string("wrong_secret"), authenticate("old secret").refusal().reason);
    }

    void anImportedSecretGoesOnAsThePreviousOne() {
        const auto renewed = house.credential("new secret");
        change([&](Client& client) {
            auto& credential = client.credentials.front();
            credential.importedHash = "hash of old secret";
            credential.secretMac = renewed.secretMac;
            credential.previousUntil = house.clock.now() + base::seconds(5);
        });
        CPPUNIT_ASSERT(authenticate("new secret")->rehash.empty());
        const auto known = authenticate("old secret");
        CPPUNIT_ASSERT(known.ok());
        CPPUNIT_ASSERT(written(*known).credential.secretMac == renewed.secretMac);
        CPPUNIT_ASSERT(written(*known).credential.previousMac == house.credential("old secret").secretMac);
        house.clock.advance(base::seconds(5));
        CPPUNIT_ASSERT_EQUAL(std::string("wrong_secret"), authenticate("old secret").refusal().reason);
    }

    void worksOutNoHashWhereAMacMatched() {
        auto imported = house.credential("unused");
        imported.secretMac.clear();
        imported.importedHash = "hash of old secret";
        change([&](Client& client) { client.credentials.push_back(imported); });
        CPPUNIT_ASSERT(authenticate("secret-one").ok());
        CPPUNIT_ASSERT_EQUAL(0, house.hashes.calls);
        CPPUNIT_ASSERT(!authenticate("").ok());
        CPPUNIT_ASSERT(!authenticate(std::string(600, 'x')).ok());
        CPPUNIT_ASSERT_EQUAL(0, house.hashes.calls);
        CPPUNIT_ASSERT(authenticate("old secret").ok());
        CPPUNIT_ASSERT_EQUAL(1, house.hashes.calls);
    }

    void aBusyHashIsNoWrongSecret() {
        importOnly("old secret");
        house.hashes.failure = base::fail(base::Errc::TooMany, "busy");
        const auto refused = authenticate("old secret");
        CPPUNIT_ASSERT(!refused.ok());
        CPPUNIT_ASSERT(refused.refusal().code == OauthCode::TemporarilyUnavailable);
    }

    void acceptsEveryLiveCredentialAndSaysWhich() {
        const auto second = house.credential("another", "pepper-1");
        change([&](Client& client) { client.credentials.push_back(second); });
        CPPUNIT_ASSERT_EQUAL(second.id, authenticate("another")->credentialId);
        CPPUNIT_ASSERT(authenticate("secret-one")->credentialId != second.id);
        CPPUNIT_ASSERT_EQUAL(std::string("wrong_secret"), authenticate("secret-two").refusal().reason);
        CPPUNIT_ASSERT_EQUAL(std::string(OauthHouse::kAgent), authenticate("secret-two").refusal().client->agent.id.str());
    }

    void refusesRevokedAndExpiredCredentials() {
        change([&](Client& client) { client.credentials.front().expiresAt = house.clock.now() + base::seconds(10); });
        CPPUNIT_ASSERT(authenticate("secret-one").ok());
        house.clock.advance(base::seconds(10));
        CPPUNIT_ASSERT_EQUAL(std::string("wrong_secret"), authenticate("secret-one").refusal().reason);
        change([&](Client& client) {
            client.credentials.front().expiresAt.reset();
            client.credentials.front().status = model::CredentialStatus::Revoked;
        });
        CPPUNIT_ASSERT(!authenticate("secret-one").ok());
    }

    void acceptsThePreviousSecretDuringItsOverlapOnly() {
        change([&](Client& client) {
            auto& credential = client.credentials.front();
            credential.previousMac = house.credential("older", "pepper-1").secretMac;
            credential.previousPepperId = "pepper-1";
            credential.previousUntil = house.clock.now() + base::seconds(5);
        });
        CPPUNIT_ASSERT(authenticate("older").ok());
        CPPUNIT_ASSERT(authenticate("secret-one").ok());
        house.clock.advance(base::seconds(5));
        CPPUNIT_ASSERT(!authenticate("older").ok());
        CPPUNIT_ASSERT(authenticate("secret-one").ok());
    }

    void worksOutOneMacAPepper() {
        change([&](Client& client) {
            for (int i = 0; i < 4; ++i) client.credentials.push_back(house.credential("s" + std::to_string(i), "pepper-2"));
        });
        const auto cost = [&](const std::string& secret, const std::string& id) {
            house.peppers.calls = 0;
            (void)authenticate(secret, id);
            return house.peppers.calls;
        };
        CPPUNIT_ASSERT_EQUAL(1, cost("secret-one", OauthHouse::kAgent));
        CPPUNIT_ASSERT_EQUAL(1, cost("wrong", OauthHouse::kAgent));
        CPPUNIT_ASSERT_EQUAL(1, cost("wrong", "99999999-9999-4999-8999-999999999999"));
        CPPUNIT_ASSERT_EQUAL(1, cost("wrong", "not-a-uuid"));
    }

    void asksForNoClientThatCannotExist() {
        for (const auto* id : {"", "x", "11111111-1111-4111-8111-11111111111A", "11111111-1111-4111-8111-111111111111 "}) {
            CPPUNIT_ASSERT_EQUAL(std::string("unknown_client"), authenticate("secret-one", id).refusal().reason);
        }
        CPPUNIT_ASSERT_EQUAL(0, house.clients.calls);
    }

    void saysUnavailableWhereAPepperIsMissing() {
        change([&](Client& client) { client.credentials.front().pepperId = "pepper-of-another-replica"; });
        CPPUNIT_ASSERT(OauthCode::TemporarilyUnavailable == authenticate("secret-one").refusal().code);
    }

    void touchesACredentialOnceAMinute() {
        change([&](Client& client) { client.credentials.front().lastUsedAt = house.clock.now(); });
        house.clock.advance(base::seconds(59));
        CPPUNIT_ASSERT(!authenticate("secret-one")->touch);
        house.clock.advance(base::seconds(1));
        CPPUNIT_ASSERT(authenticate("secret-one")->touch);
    }

    void aCachedClientNotesAUseOnceAMinuteForEachCredential() {
        const Client& known = *house.clients.clients.begin()->second;
        const auto client = makeClient(known.agent, known.organization, {house.credential("secret-one"), house.credential("secret-two")});
        const auto& one = client->credentials.front().id;
        const auto& two = client->credentials.back().id;
        const auto now = house.clock.now();
        CPPUNIT_ASSERT(client->isFirstUse(one, now));
        CPPUNIT_ASSERT(!client->isFirstUse(one, now + base::seconds(59)));
        CPPUNIT_ASSERT(client->isFirstUse(two, now + base::seconds(59)));
        CPPUNIT_ASSERT(client->isFirstUse(one, now + base::seconds(60)));
        CPPUNIT_ASSERT(!client->isFirstUse(one, now + base::seconds(119)));
        CPPUNIT_ASSERT(client->isFirstUse(one, now + base::seconds(120)));
        CPPUNIT_ASSERT_MESSAGE("the clock was set back", client->isFirstUse(one, now - base::seconds(3600)));
        CPPUNIT_ASSERT_MESSAGE("a copy has noted nothing", Client(*client).isFirstUse(one, now + base::seconds(121)));
    }

    void refusesAnEmptySecretEvenIfItsMacWereStored() {
        change([&](Client& client) { client.credentials.push_back(house.credential("")); });
        CPPUNIT_ASSERT(!authenticate("").ok());
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ClientAuthTest);

}  // namespace agentidp::oauth
