/// What an archived log makes a restored store do again.
#include <cppunit/extensions/HelperMacros.h>

#include <sstream>

#include "audit/entry.h"
#include "cli/backup/replay.h"
#include "fakes/fake_clock.h"
#include "fakes/fake_storage.h"

namespace agentidp::cli {

using model::Action;

class ReplayTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReplayTest);
    CPPUNIT_TEST(takesOnlyWhatTheStoreHasNotSeen);
    CPPUNIT_TEST(killsAgainWhatWasKilledSince);
    CPPUNIT_TEST(anAgentThatCameBackIsNotStopped);
    CPPUNIT_TEST(tellsWhatIsLost);
    CPPUNIT_TEST(namesTheLineThatIsNoEntry);
    CPPUNIT_TEST(runsTwiceAsOnce);
    CPPUNIT_TEST_SUITE_END();

    tests::FakeClock clock_;
    std::unique_ptr<tests::FakeStorage> storage_ = tests::FakeStorage::migrated(clock_);
    std::ostringstream archive_;
    std::int64_t lseq_ = 0;

    void add(Action action, const std::string& metadata = "{}", const std::string& jti = {}, const audit::Writer& writer = {"one", 4}) {
        model::AuditEvent event;
        event.eventId = model::EventId("0198c0de-0000-7000-8000-000000000001");
        event.timestamp = clock_.now();
        event.action = action;
        event.agentId = model::AgentId("0b2f1e1c-0000-4000-8000-00000000000a");
        event.jti = jti;
        event.metadataJson = metadata;
        const base::Bytes salt(16, 1);
        archive_ << base::textOf(audit::prepareEntry(event, writer, salt).finish(++lseq_)) << "\n";
    }
    Replay planned() {
        std::istringstream in(archive_.str());
        auto plan = planReplay(in, *storage_, clock_);
        CPPUNIT_ASSERT_MESSAGE(plan ? "" : plan.error().hint, plan.ok());
        return std::move(*plan);
    }
    void commit(const std::vector<plugin::Op>& ops) {
        plugin::Transaction tx;
        const auto done = storage_->apply(tx, ops, plugin::ApplyMode::Commit, plugin::callWithin(clock_, base::seconds(5)));
        CPPUNIT_ASSERT_MESSAGE(done ? "" : done.error().detail, done.ok());
    }
    std::string expiry(std::int64_t secondsFromNow) {
        return R"({"expiresAt":)" + std::to_string(base::epochSecondsOf(clock_.now()) + secondsFromNow) + "}";
    }

public:
    void takesOnlyWhatTheStoreHasNotSeen() {
        commit({plugin::insertInto("audit_replicas", {{"replica", std::string("one")},
                                                      {"epoch", std::int64_t{4}},
                                                      {"batch", std::int64_t{1}},
                                                      {"lseq", std::int64_t{2}},
                                                      {"size", std::int64_t{2}}})});
        for (int i = 0; i < 3; ++i) add(Action::TokenRevoked, expiry(60), "jti-" + std::to_string(i));
        add(Action::TokenRevoked, expiry(60), "older-epoch", {"one", 3});
        add(Action::TokenRevoked, expiry(60), "newer-epoch", {"one", 5});
        add(Action::TokenRevoked, expiry(60), "another-writer", {"two", 1});
        const auto plan = planned();
        CPPUNIT_ASSERT_EQUAL(std::size_t{6}, plan.entries);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, plan.newer);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, plan.tokensRevoked);
    }

    void killsAgainWhatWasKilledSince() {
        add(Action::TokenRevoked, expiry(60), "live");
        add(Action::TokenRevoked, expiry(-1), "ran out");
        add(Action::CredentialRevoked, R"({"credentialId":"c1","tokensEnded":"true"})");
        add(Action::CredentialRotated, R"({"credentialId":"c2"})");
        add(Action::AgentDecommissioned);
        const auto plan = planned();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, plan.tokensRevoked);
        CPPUNIT_ASSERT((plan.credentialsRevoked == std::set<std::string>{"c1", "c2"}));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, plan.agentsStopped.size());
        commit(plan.ops);
        const auto rows = storage_->read({plugin::count("token_revocations", {{"jti", plugin::Compare::Eq, {std::string("live")}}})},
                                         plugin::callWithin(clock_, base::seconds(1)));
        CPPUNIT_ASSERT(rows.ok() && rows->front().count == 1);
    }

    void anAgentThatCameBackIsNotStopped() {
        add(Action::AgentSuspended);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, planned().agentsStopped.size());
        add(Action::AgentReactivated);
        CPPUNIT_ASSERT(planned().agentsStopped.empty());
    }

    void tellsWhatIsLost() {
        add(Action::AgentCreated);
        add(Action::AgentUpdated);
        add(Action::CredentialGenerated, R"({"credentialId":"c9"})");
        add(Action::KeyPublished, R"({"kid":"k1"})");
        add(Action::KeyRetired, R"({"kid":"k0","compromised":true})");
        add(Action::KeyRetired, R"({"kid":"k-1"})");
        add(Action::OrganizationUpdated);
        const auto plan = planned();
        CPPUNIT_ASSERT(plan.ops.empty());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, plan.agentsLost.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, plan.agentsOutOfDate.size());
        CPPUNIT_ASSERT(plan.credentialsLost == std::set<std::string>{"c9"});
        CPPUNIT_ASSERT(plan.keysIssued == std::set<std::string>{"k1"});
        CPPUNIT_ASSERT(plan.keysCompromised == std::set<std::string>{"k0"});
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, plan.organizationsChanged);
    }

    void namesTheLineThatIsNoEntry() {
        add(Action::AgentCreated);
        archive_ << "{\"action\":\"agent.created\"}\n";
        std::istringstream in(archive_.str());
        const auto plan = planReplay(in, *storage_, clock_);
        CPPUNIT_ASSERT(!plan.ok() && plan.error().code == base::Errc::Invalid);
        CPPUNIT_ASSERT(plan.error().hint.find("line 2") != std::string::npos);
    }

    void runsTwiceAsOnce() {
        add(Action::TokenRevoked, expiry(60), "live");
        const auto plan = planned();
        commit(plan.ops);
        commit(plan.ops);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ReplayTest);

}  // namespace agentidp::cli
