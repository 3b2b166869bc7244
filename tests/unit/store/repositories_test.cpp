/// Every repository: what is written comes back, and a row that moved on is a conflict.
#include <cppunit/extensions/HelperMacros.h>

#include "base/ids.h"
#include "base/text.h"
#include "fakes/fake_clock.h"
#include "fakes/fake_storage.h"
#include "store/agents.h"
#include "store/clients.h"
#include "store/credentials.h"
#include "store/leases.h"
#include "store/meta.h"
#include "store/organizations.h"
#include "store/revocations.h"

namespace agentidp::store {

using base::Errc;

class RepositoriesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(RepositoriesTest);
    CPPUNIT_TEST(agentsComeBackWhole);
    CPPUNIT_TEST(agentsMayNotShareAnEmailInOneOrganization);
    CPPUNIT_TEST(agentsListNewestFirstByFilterAndPosition);
    CPPUNIT_TEST(aRowThatMovedOnIsAConflict);
    CPPUNIT_TEST(organizationsComeBackWhole);
    CPPUNIT_TEST(credentialsComeBackWholeAndExpireInOrder);
    CPPUNIT_TEST(aClientIsReadWithItsActiveCredentials);
    CPPUNIT_TEST(revocationsLoadInPagesWithoutExpiredOnes);
    CPPUNIT_TEST(aLeaseHasOneHolderAtATime);
    CPPUNIT_TEST(monthsEndWhereTheyShould);
    CPPUNIT_TEST(idempotentAnswersEndWithTheirTime);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { storage_ = tests::FakeStorage::migrated(clock_); }

    void agentsComeBackWhole() {
        auto agent = anAgent(1, "whole@example.test");
        agent.capabilities = {"a", "b\"c", "\xC3\xA9"};
        agent.scopes = {"agents:read", "x:y"};
        agent.labels = {{"k", "v"}, {"q\"", "\\"}};
        agent.claimsJson = R"({"x_team":"blue"})";
        agent.deploymentEnv = model::DeploymentEnv::Staging;
        agent.tokensNotBefore = clock_.now();
        CPPUNIT_ASSERT(write(insertAgent(agent)).ok());
        const auto read = Agents(*storage_, clock_).find(agent.id);
        CPPUNIT_ASSERT(read.ok());
        CPPUNIT_ASSERT(read->capabilities == agent.capabilities && read->scopes == agent.scopes && read->labels == agent.labels);
        CPPUNIT_ASSERT_EQUAL(agent.claimsJson, read->claimsJson);
        CPPUNIT_ASSERT(read->deploymentEnv == agent.deploymentEnv && read->tokensNotBefore == agent.tokensNotBefore);
        CPPUNIT_ASSERT(read->createdAt == agent.createdAt && read->num == agent.num && read->rowVersion == 1);
        CPPUNIT_ASSERT(Agents(*storage_, clock_).find(model::AgentId(base::uuidV4())).error().code == Errc::NotFound);
    }

    void agentsMayNotShareAnEmailInOneOrganization() {
        CPPUNIT_ASSERT(write(insertAgent(anAgent(1, "same@example.test"))).ok());
        CPPUNIT_ASSERT(write(insertAgent(anAgent(2, "same@example.test"))).error().code == Errc::Exists);
        auto elsewhere = anAgent(3, "same@example.test");
        elsewhere.organizationNum = 9;
        CPPUNIT_ASSERT(write(insertAgent(elsewhere)).ok());
    }

    void agentsListNewestFirstByFilterAndPosition() {
        for (int i = 1; i <= 5; ++i) {
            auto agent = anAgent(i, std::to_string(i) + "@example.test");
            agent.owner = i % 2 == 0 ? "even" : "odd";
            CPPUNIT_ASSERT(write(insertAgent(agent)).ok());
        }
        AgentFilter odd;
        odd.owner = "odd";
        const auto first = Agents(*storage_, clock_).list(odd, std::nullopt, 2);
        CPPUNIT_ASSERT(first.ok() && first->size() == 2);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, first->at(0).num);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3}, first->at(1).num);
        const auto rest = Agents(*storage_, clock_).list(odd, 3, 2);
        CPPUNIT_ASSERT(rest.ok() && rest->size() == 1 && rest->front().num == 1);
    }

    void aRowThatMovedOnIsAConflict() {
        auto agent = anAgent(1, "v@example.test");
        CPPUNIT_ASSERT(write(insertAgent(agent)).ok());
        agent.owner = "first";
        CPPUNIT_ASSERT(write(updateAgent(agent, 1)).ok());
        agent.owner = "second";
        const auto late = write(updateAgent(agent, 1));
        CPPUNIT_ASSERT(!late.ok());
        const auto read = Agents(*storage_, clock_).find(agent.id);
        CPPUNIT_ASSERT_EQUAL(std::string("first"), read->owner);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, read->rowVersion);
    }

    void organizationsComeBackWhole() {
        model::Organization organization;
        organization.num = 4;
        organization.id = model::OrganizationId(base::uuidV4());
        organization.name = "N";
        organization.slug = "n";
        organization.limitsJson = R"({"tokensPerMonth":5})";
        organization.createdAt = organization.updatedAt = clock_.now();
        CPPUNIT_ASSERT(write(insertOrganization(organization)).ok());
        organization.status = model::OrganizationStatus::Suspended;
        CPPUNIT_ASSERT(write(updateOrganization(organization, 1)).ok());
        const auto read = Organizations(*storage_, clock_).findBySlug("n");
        CPPUNIT_ASSERT(read.ok() && read->status == model::OrganizationStatus::Suspended);
        CPPUNIT_ASSERT_EQUAL(organization.limitsJson, read->limitsJson);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, read->version);
        CPPUNIT_ASSERT(write(insertOrganization(organization)).error().code == Errc::Exists);
    }

    void credentialsComeBackWholeAndExpireInOrder() {
        for (int i = 0; i < 4; ++i) {
            model::Credential credential;
            credential.id = model::CredentialId(base::uuidV4());
            credential.agentId = model::AgentId(base::uuidV4());
            credential.agentNum = 1;
            credential.secretMac = base::Bytes(32, static_cast<std::uint8_t>(i));
            credential.pepperId = "p1";
            credential.createdAt = clock_.now() + std::chrono::seconds(i);
            if (i != 3) credential.expiresAt = clock_.now() + std::chrono::hours(10 - i);
            if (i == 1) {
                credential.previousMac = base::Bytes(32, 9);
                credential.previousPepperId = "p0";
                credential.previousUntil = clock_.now();
            }
            CPPUNIT_ASSERT(write(insertCredential(credential)).ok());
        }
        const Credentials credentials(*storage_, clock_);
        const auto all = credentials.list(1, std::string("active"), std::nullopt, 10);
        CPPUNIT_ASSERT(all.ok() && all->size() == 4);
        CPPUNIT_ASSERT(all->at(2).previousMac == base::Bytes(32, 9) && all->at(2).previousPepperId == "p0");
        const auto soon = credentials.expiring(clock_.now() + std::chrono::hours(24), std::nullopt, 2);
        CPPUNIT_ASSERT(soon.ok() && soon->size() == 2);
        CPPUNIT_ASSERT(*soon->at(0).expiresAt < *soon->at(1).expiresAt);
        const auto rest = credentials.expiring(clock_.now() + std::chrono::hours(24),
                                               Credentials::Position{*soon->at(1).expiresAt, soon->at(1).id.str()}, 2);
        CPPUNIT_ASSERT(rest.ok() && rest->size() == 1);
    }

    void aClientIsReadWithItsActiveCredentials() {
        const auto agent = anAgent(1, "one@example.test"), other = anAgent(2, "other@example.test");
        CPPUNIT_ASSERT(write(insertAgent(agent)).ok() && write(insertAgent(other)).ok());
        for (int i = 0; i < 4; ++i) {
            model::Credential credential;
            credential.id = model::CredentialId(base::uuidV4());
            credential.agentId = i == 3 ? other.id : agent.id;
            credential.agentNum = i == 3 ? other.num : agent.num;
            credential.secretMac = base::Bytes(32, static_cast<std::uint8_t>(i));
            credential.pepperId = "p1";
            credential.createdAt = clock_.now() + std::chrono::seconds(i);
            if (i == 1) credential.status = model::CredentialStatus::Revoked;
            CPPUNIT_ASSERT(write(insertCredential(credential)).ok());
        }
        const auto client = findClient(*storage_, clock_, agent.id);
        CPPUNIT_ASSERT(client.ok() && client->agent.id == agent.id && client->agent.email == agent.email);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, client->credentials.size());
        CPPUNIT_ASSERT(client->credentials[0].secretMac == base::Bytes(32, 2) && client->credentials[1].secretMac == base::Bytes(32, 0));
        CPPUNIT_ASSERT(findClient(*storage_, clock_, model::AgentId(base::uuidV4())).error().code == Errc::NotFound);
    }

    void revocationsLoadInPagesWithoutExpiredOnes() {
        std::vector<plugin::Op> ops;
        for (int i = 0; i < 300; ++i)
            ops.push_back(insertRevocation(
                {model::Jti("j" + std::to_string(i)), clock_.now() + std::chrono::seconds(i < 100 ? -1 : 60), clock_.now()}));
        plugin::Transaction tx;
        CPPUNIT_ASSERT(storage_->apply(tx, ops, plugin::ApplyMode::Commit, call()).ok());
        std::size_t seen = 0;
        const auto loaded = loadRevocations(*storage_, clock_, [&](Revocation&&) { ++seen; });
        CPPUNIT_ASSERT(loaded.ok() && *loaded == 200 && seen == 200);
        CPPUNIT_ASSERT(write(insertRevocation({model::Jti("j5"), clock_.now(), clock_.now()})).error().code == Errc::Exists);
        CPPUNIT_ASSERT(write(removeExpiredRevocations(clock_.now())).ok());
        CPPUNIT_ASSERT(write(insertRevocation({model::Jti("j5"), clock_.now(), clock_.now()})).ok());
    }

    void aLeaseHasOneHolderAtATime() {
        using base::seconds;
        CPPUNIT_ASSERT(*takeLease(*storage_, clock_, "job", "a", seconds(10)) == LeaseOutcome::Held);
        CPPUNIT_ASSERT(*takeLease(*storage_, clock_, "job", "b", seconds(10)) == LeaseOutcome::HeldByAnother);
        CPPUNIT_ASSERT(*takeLease(*storage_, clock_, "job", "a", seconds(10)) == LeaseOutcome::Held);
        clock_.advance(seconds(11));
        CPPUNIT_ASSERT(*takeLease(*storage_, clock_, "job", "b", seconds(10)) == LeaseOutcome::Held);
        CPPUNIT_ASSERT(*takeLease(*storage_, clock_, "job", "a", seconds(10)) == LeaseOutcome::HeldByAnother);
    }

    void monthsEndWhereTheyShould() {
        const auto at = [](const char* text) { return *base::parseRfc3339(text); };
        CPPUNIT_ASSERT_EQUAL(std::int64_t{202612}, monthOf(at("2026-12-31T23:59:59.999999Z")));
        CPPUNIT_ASSERT(endOfMonth(at("2026-12-31T23:59:59Z")) == at("2027-01-01T00:00:00Z"));
        CPPUNIT_ASSERT(endOfMonth(at("2028-02-10T00:00:00Z")) == at("2028-03-01T00:00:00Z"));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{202701}, monthOf(at("2027-01-01T00:00:00Z")));
    }

    void idempotentAnswersEndWithTheirTime() {
        IdempotentAnswer answer{"c", "k", base::Bytes(32, 1), 201, "/x", "{}", clock_.now() + std::chrono::seconds(5)};
        CPPUNIT_ASSERT(write(insertIdempotentAnswer(answer)).ok());
        CPPUNIT_ASSERT(readIdempotentAnswer(*storage_, clock_, "c", "k")->has_value());
        CPPUNIT_ASSERT(!readIdempotentAnswer(*storage_, clock_, "d", "k")->has_value());
        clock_.advance(std::chrono::seconds(6));
        CPPUNIT_ASSERT(!readIdempotentAnswer(*storage_, clock_, "c", "k")->has_value());
    }

private:
    plugin::Call call() const { return plugin::callWithin(clock_, std::chrono::seconds(5)); }
    base::Result<std::vector<plugin::OpResult>> write(plugin::Op op) {
        plugin::Transaction tx;
        return storage_->apply(tx, {std::move(op)}, plugin::ApplyMode::Commit, call());
    }
    model::Agent anAgent(std::int64_t num, const std::string& email) const {
        model::Agent agent;
        agent.num = num;
        agent.id = model::AgentId(base::uuidV4());
        agent.organizationNum = 1;
        agent.email = email;
        agent.createdAt = agent.updatedAt = clock_.now();
        return agent;
    }

    tests::FakeClock clock_;
    std::unique_ptr<tests::FakeStorage> storage_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(RepositoriesTest);

}  // namespace agentidp::store
