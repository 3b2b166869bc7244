/// What the token path holds in memory: clients, revocations, budgets, last uses. All must follow the ledger.
#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <thread>

#include "base/ids.h"
#include "fakes/fake_clock.h"
#include "fakes/fake_rate_limiter.h"
#include "fakes/fake_storage.h"
#include "observe/metrics.h"
#include "server/budgets.h"
#include "server/cache_follower.h"
#include "server/directory.h"
#include "server/last_used.h"
#include "server/revocation_set.h"
#include "store/agents.h"
#include "store/credentials.h"
#include "store/meta.h"
#include "store/revocations.h"

namespace agentidp::server {

using base::Errc;

class CachesTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CachesTest);
    CPPUNIT_TEST(readsAClientOnceAndForgetsItOnItsEvents);
    CPPUNIT_TEST(remembersAMissForASecond);
    CPPUNIT_TEST(neverRemembersWhatAnEventOvertook);
    CPPUNIT_TEST(answersUnavailableWhileStorageIsDown);
    CPPUNIT_TEST(dropsTheLeastRecentlyUsedClient);
    CPPUNIT_TEST(readersAndEventsMayMeet);
    CPPUNIT_TEST(forgetsRevocationsOnlyPastTheirExp);
    CPPUNIT_TEST(failsClosedWhenItsViewOfRevocationsIsTooOld);
    CPPUNIT_TEST(takesWhatOtherReplicasChanged);
    CPPUNIT_TEST(everyFollowedActionIsOneThatSomethingKeeps);
    CPPUNIT_TEST(startsTheMonthFromTheTable);
    CPPUNIT_TEST(countsNotedTokensOnceTheyAreWritten);
    CPPUNIT_TEST(notedClientsTakeTurns);
    CPPUNIT_TEST(moreClientsThanAreNotedCountAsAllowed);
    CPPUNIT_TEST(replicasThatReportOneMonthCountEachTokenOnce);
    CPPUNIT_TEST(raisesAMonthThatItsServerForgot);
    CPPUNIT_TEST(replicasRaiseAForgottenMonthOnce);
    CPPUNIT_TEST(lastUsesAreDueAfterAWhileOrWhenTheyAreMany);
    CPPUNIT_TEST(writesLastUsesInOneGoAndKeepsThemWhenStorageIsDown);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override {
        storage_ = tests::FakeStorage::migrated(clock_);
        organization_.num = 7;
        organization_.id = model::OrganizationId(base::uuidV4());
        organization_.slug = organization_.name = "o";
        write({store::insertOrganization(organization_)});
    }

    void readsAClientOnceAndForgetsItOnItsEvents() {
        const auto agent = insert("a@example.test", 1);
        Directory directory(*storage_, clock_);
        CPPUNIT_ASSERT(!directory.cached(agent.id.str()));
        const auto first = directory.find(agent.id);
        CPPUNIT_ASSERT(first.ok());
        CPPUNIT_ASSERT_EQUAL(organization_.id, (*first)->organization.id);
        CPPUNIT_ASSERT(directory.cached(agent.id.str()));
        storage_->setDown(true);
        CPPUNIT_ASSERT(directory.find(agent.id).ok());
        storage_->setDown(false);

        auto changed = agent;
        changed.status = model::AgentStatus::Suspended;
        write({store::updateAgent(changed, 1)});
        CPPUNIT_ASSERT((*directory.find(agent.id))->agent.status == model::AgentStatus::Active);
        directory.onEvent(eventOf(model::Action::AgentSuspended, agent.id));
        CPPUNIT_ASSERT((*directory.find(agent.id))->agent.status == model::AgentStatus::Suspended);
        directory.onEvent(eventOf(model::Action::OrganizationUpdated, {}));
        CPPUNIT_ASSERT(!directory.cached(agent.id.str()));
    }

    void remembersAMissForASecond() {
        Directory directory(*storage_, clock_);
        const model::AgentId id(base::uuidV4());
        CPPUNIT_ASSERT(directory.find(id).error().code == Errc::NotFound);
        storage_->setDown(true);
        CPPUNIT_ASSERT(directory.find(id).error().code == Errc::NotFound);
        clock_.advance(std::chrono::milliseconds(1001));
        CPPUNIT_ASSERT(directory.find(id).error().code == Errc::Unavailable);
        CPPUNIT_ASSERT(directory.find(model::AgentId("not-a-uuid")).error().code == Errc::NotFound);
    }

    void neverRemembersWhatAnEventOvertook() {
        const auto agent = insert("b@example.test", 2);
        Directory directory(*storage_, clock_);
        // Many rounds of a read that races with a change and its event: afterwards the newest version must be seen.
        std::int64_t version = 1;
        for (int round = 0; round < 200; ++round) {
            std::thread reader([&] { (void)directory.find(agent.id); });
            auto changed = agent;
            changed.version = std::to_string(round);
            write({store::updateAgent(changed, version)});
            ++version;
            directory.onEvent(eventOf(model::Action::AgentUpdated, agent.id));
            reader.join();
            CPPUNIT_ASSERT_EQUAL(std::to_string(round), (*directory.find(agent.id))->agent.version);
        }
    }

    void answersUnavailableWhileStorageIsDown() {
        const auto agent = insert("c@example.test", 3);
        Directory directory(*storage_, clock_);
        storage_->setDown(true);
        CPPUNIT_ASSERT(directory.find(agent.id).error().code == Errc::Unavailable);
        storage_->setDown(false);
        CPPUNIT_ASSERT(directory.find(agent.id).ok());
    }

    void dropsTheLeastRecentlyUsedClient() {
        Directory directory(*storage_, clock_, nullptr, base::seconds(300), 16);  // one a shard
        std::vector<model::Agent> agents;
        for (int i = 0; i < 64; ++i) {
            agents.push_back(insert(std::to_string(i) + "@example.test", 100 + i));
            CPPUNIT_ASSERT(directory.find(agents.back().id).ok());
        }
        std::size_t held = 0;
        for (const auto& agent : agents) held += directory.cached(agent.id.str()) ? 1U : 0U;
        CPPUNIT_ASSERT(held <= 16);
        CPPUNIT_ASSERT(directory.cached(agents.back().id.str()));
    }

    void readersAndEventsMayMeet() {
        const auto agent = insert("d@example.test", 4);
        Directory directory(*storage_, clock_);
        std::atomic<bool> stop{false};
        std::atomic<int> found{0};
        std::vector<std::thread> readers;
        for (int i = 0; i < 4; ++i)
            readers.emplace_back([&] {
                while (!stop) found += directory.find(agent.id).ok() ? 1 : 0;
            });
        for (int i = 0; i < 500; ++i) directory.onEvent(eventOf(model::Action::CredentialRotated, agent.id));
        while (found < 100) std::this_thread::yield();
        stop = true;
        for (auto& reader : readers) reader.join();
        CPPUNIT_ASSERT(found >= 100);
    }

    void forgetsRevocationsOnlyPastTheirExp() {
        RevocationSet set(clock_, std::chrono::hours(24));
        set.add("short", clock_.now() + std::chrono::seconds(10));
        set.add("long", clock_.now() + std::chrono::hours(1));
        CPPUNIT_ASSERT(*set.isRevoked("short") && *set.isRevoked("long") && !*set.isRevoked("other"));
        clock_.advance(std::chrono::seconds(11));
        set.dropExpired(clock_.now());
        CPPUNIT_ASSERT(!*set.isRevoked("short"));
        CPPUNIT_ASSERT(*set.isRevoked("long"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, set.size());
    }

    void failsClosedWhenItsViewOfRevocationsIsTooOld() {
        RevocationSet set(clock_, std::chrono::seconds(30));
        clock_.advance(std::chrono::seconds(30));
        CPPUNIT_ASSERT(!*set.isRevoked("j"));
        clock_.advance(std::chrono::milliseconds(1));
        CPPUNIT_ASSERT(set.isRevoked("j").error().code == Errc::Unavailable);
        set.confirm(clock_.mono());
        CPPUNIT_ASSERT(!*set.isRevoked("j"));
    }

    void takesWhatOtherReplicasChanged() {
        const auto agent = insert("g@example.test", 7);
        Directory directory(*storage_, clock_);
        RevocationSet set(clock_, std::chrono::hours(24));
        int keys = 0;
        CacheFollower follower({directory, set, *storage_, clock_, [&] { ++keys; }});
        CPPUNIT_ASSERT(directory.find(agent.id).ok());
        write({store::insertRevocation({model::Jti("j1"), clock_.now() + std::chrono::hours(1), clock_.now()})});
        auto revoked = eventOf(model::Action::TokenRevoked, agent.id);
        revoked.jti = "j1";
        // Its row went with its exp before anybody asked.
        auto expired = revoked;
        expired.jti = "j0";
        const std::vector<model::AuditEvent> events{revoked, expired, eventOf(model::Action::AgentSuspended, agent.id),
                                                    eventOf(model::Action::KeyActivated, {})};
        storage_->setDown(true);
        CPPUNIT_ASSERT(follower.take(events).error().code == Errc::Unavailable);
        storage_->setDown(false);
        CPPUNIT_ASSERT(follower.take(events).ok());
        CPPUNIT_ASSERT(*set.isRevoked("j1") && !*set.isRevoked("j0"));
        CPPUNIT_ASSERT(!directory.cached(agent.id.str()));
        CPPUNIT_ASSERT_EQUAL(2, keys);
    }

    void everyFollowedActionIsOneThatSomethingKeeps() {
        const auto followed = CacheFollower::actions();
        const auto has = [&](model::Action action) { return std::find(followed.begin(), followed.end(), action) != followed.end(); };
        for (const auto action : {model::Action::TokenRevoked, model::Action::AgentSuspended, model::Action::AgentDecommissioned,
                                  model::Action::CredentialRevoked, model::Action::OrganizationUpdated, model::Action::KeyPublished,
                                  model::Action::KeyActivated, model::Action::KeyRetired})
            CPPUNIT_ASSERT_MESSAGE(std::string(model::nameOf(action)), has(action));
        // The frequent ones are never read by followers.
        for (const auto action :
             {model::Action::TokenIssued, model::Action::TokenMinted, model::Action::TokenIntrospected, model::Action::AuthFailed})
            CPPUNIT_ASSERT_MESSAGE(std::string(model::nameOf(action)), !has(action));
    }

    void startsTheMonthFromTheTable() {
        const auto agent = insert("e@example.test", 5);
        const auto month = store::monthOf(clock_.now());
        write({plugin::insertInto("token_monthly_counts", {{"agent_num", agent.num}, {"month", month}, {"count", std::int64_t{41}}})});
        tests::FakeRateLimiter limiter(clock_);
        ClientBudgets budgets(limiter, *storage_, clock_, {100, 42});
        const auto client = oauth::makeClient(agent, oauth::tenantOf(organization_), {});
        CPPUNIT_ASSERT(!budgets.monthKnown(agent.id, clock_.now()));
        const auto last = budgets.countToken(*client, clock_.now());
        CPPUNIT_ASSERT(last.ok() && last->allowed);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{0}, last->state.remaining);
        CPPUNIT_ASSERT(budgets.monthKnown(agent.id, clock_.now()));
        const auto over = budgets.countToken(*client, clock_.now());
        CPPUNIT_ASSERT(over.ok() && !over->allowed);
    }

    void countsNotedTokensOnceTheyAreWritten() {
        const auto agent = insert("n@example.test", 19);
        tests::FakeRateLimiter limiter(clock_);
        ClientBudgets budgets(limiter, *storage_, clock_, {100, 50});
        const auto client = oauth::makeClient(agent, oauth::tenantOf(organization_), {});
        const auto note = [&](int tokens, std::int64_t inAll) {
            for (int i = 0; i < tokens; ++i) budgets.noteToken(*client, clock_.now());
            written(agent.num, inAll);
        };
        // What was written before this process began, and what it noted, is one sum.
        note(3, 13);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, limiter.calls());
        CPPUNIT_ASSERT(budgets.flush().ok());
        note(2, 15);
        CPPUNIT_ASSERT(budgets.flush().ok());
        const auto calls = limiter.calls();
        CPPUNIT_ASSERT(budgets.flush().ok());
        CPPUNIT_ASSERT_EQUAL(calls, limiter.calls());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{50 - 16}, (*budgets.countToken(*client, clock_.now())).state.remaining);
        // What could not be counted is taken from the table the next time.
        limiter.breakWith(base::fail(Errc::Unavailable, "away"));
        note(4, 20);
        CPPUNIT_ASSERT(!budgets.flush().ok());
        limiter.breakWith(std::nullopt);
        clock_.advance(std::chrono::minutes(1));
        note(1, 21);
        CPPUNIT_ASSERT(budgets.flush().ok());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{50 - 22}, (*budgets.countToken(*client, clock_.now())).state.remaining);
    }

    /// A thousand at a time: whoever comes again and again is not before those who waited.
    void notedClientsTakeTurns() {
        tests::FakeRateLimiter limiter(clock_);
        ClientBudgets budgets(limiter, *storage_, clock_, {100, 50});
        const auto first = noteMany(budgets, 1, 1'500);
        CPPUNIT_ASSERT(budgets.flush().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2 * 1'000}, limiter.calls());
        noteMany(budgets, 1, 600);
        CPPUNIT_ASSERT(budgets.flush().ok());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{50 - 2}, (*budgets.countToken(*first.back(), clock_.now())).state.remaining);
        const auto calls = limiter.calls();
        CPPUNIT_ASSERT(budgets.flush().ok());
        CPPUNIT_ASSERT_EQUAL(calls + 100, limiter.calls());
    }

    void moreClientsThanAreNotedCountAsAllowed() {
        tests::FakeRateLimiter limiter(clock_);
        ClientBudgets budgets(limiter, *storage_, clock_, {100, 50});
        observe::Metrics metrics;
        budgets.countInto(metrics);
        constexpr std::int64_t kMost = 10'000;
        model::Agent agent;
        for (agent.num = 1; agent.num <= kMost + 7; ++agent.num)
            budgets.noteToken(*oauth::makeClient(agent, oauth::tenantOf(organization_), {}), clock_.now());
        const std::string line = "agentidp_ratelimit_decisions_total{class=\"month\",outcome=\"allowed\"} ";
        const auto text = metrics.text();
        const auto at = text.find(line);
        CPPUNIT_ASSERT_MESSAGE(text, at != std::string::npos);
        CPPUNIT_ASSERT_EQUAL(std::string("7"), text.substr(at + line.size(), text.find('\n', at) - at - line.size()));
    }

    void replicasThatReportOneMonthCountEachTokenOnce() {
        const auto agent = insert("m@example.test", 23);
        tests::FakeRateLimiter limiter(clock_);
        limiter.share();
        ClientBudgets first(limiter, *storage_, clock_, {100, 50}), second(limiter, *storage_, clock_, {100, 50});
        const auto client = oauth::makeClient(agent, oauth::tenantOf(organization_), {});
        const auto flushBoth = [&] {
            for (int turn = 0; turn < 4; ++turn) {
                CPPUNIT_ASSERT(first.flush().ok() && second.flush().ok());
                clock_.advance(std::chrono::seconds(2));
            }
        };
        first.noteToken(*client, clock_.now());
        written(agent.num, 1);
        flushBoth();
        // The first has noted what the second finds in the table.
        first.noteToken(*client, clock_.now());
        first.noteToken(*client, clock_.now());
        second.noteToken(*client, clock_.now());
        written(agent.num, 4);
        CPPUNIT_ASSERT(second.flush().ok());
        flushBoth();
        CPPUNIT_ASSERT_EQUAL(std::int64_t{50 - 5}, (*second.countToken(*client, clock_.now())).state.remaining);
        limiter.forget();
        first.noteToken(*client, clock_.now());
        written(agent.num, 6);
        flushBoth();
        CPPUNIT_ASSERT_EQUAL(std::int64_t{50 - 7}, (*second.countToken(*client, clock_.now())).state.remaining);
    }

    void raisesAMonthThatItsServerForgot() {
        const auto agent = insert("h@example.test", 8);
        tests::FakeRateLimiter limiter(clock_);
        limiter.share();
        ClientBudgets budgets(limiter, *storage_, clock_, {100, 50});
        const auto client = oauth::makeClient(agent, oauth::tenantOf(organization_), {});
        for (int i = 0; i < 30; ++i) CPPUNIT_ASSERT((*budgets.countToken(*client, clock_.now())).allowed);
        written(agent.num, 30);
        clock_.advance(std::chrono::seconds(2));
        limiter.forget();
        // The first token that finds the counter empty is the 31st.
        const auto next = budgets.countToken(*client, clock_.now());
        CPPUNIT_ASSERT(next.ok() && next->allowed);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{19}, next->state.remaining);
        written(agent.num, 50);
        for (int i = 0; i < 19; ++i) CPPUNIT_ASSERT((*budgets.countToken(*client, clock_.now())).allowed);
        CPPUNIT_ASSERT(!(*budgets.countToken(*client, clock_.now())).allowed);
        clock_.advance(std::chrono::seconds(2));
        limiter.forget();
        CPPUNIT_ASSERT_MESSAGE("a quota that was used up came back", !(*budgets.countToken(*client, clock_.now())).allowed);
    }

    void replicasRaiseAForgottenMonthOnce() {
        const auto agent = insert("i@example.test", 9);
        written(agent.num, 40);
        tests::FakeRateLimiter limiter(clock_);
        limiter.share();
        const auto client = oauth::makeClient(agent, oauth::tenantOf(organization_), {});
        std::atomic<std::int64_t> least{100};
        std::vector<std::thread> replicas;
        for (int i = 0; i < 8; ++i)
            replicas.emplace_back([&] {
                ClientBudgets budgets(limiter, *storage_, clock_, {100, 100});
                const auto left = (*budgets.countToken(*client, clock_.now())).state.remaining;
                for (auto seen = least.load(); left < seen && !least.compare_exchange_weak(seen, left);) {}
            });
        for (auto& replica : replicas) replica.join();
        CPPUNIT_ASSERT_MESSAGE(std::to_string(least), least >= 100 - 40 - 8);
        // Raised once, at a moment when some of the eight had counted: at most those are missing.
        const auto counted =
            *limiter.count("monthly:" + agent.id.str() + ":" + std::to_string(store::monthOf(clock_.now()) / 100) + ":" +
                               (store::monthOf(clock_.now()) % 100 < 10 ? "0" : "") + std::to_string(store::monthOf(clock_.now()) % 100),
                           100, store::endOfMonth(clock_.now()), 0, plugin::callWithin(clock_, std::chrono::seconds(1)));
        CPPUNIT_ASSERT_MESSAGE(std::to_string(counted.remaining), counted.remaining >= 100 - 48 && counted.remaining <= 100 - 41);
    }

    void writesLastUsesInOneGoAndKeepsThemWhenStorageIsDown() {
        const auto agent = insert("f@example.test", 6);
        model::Credential credential;
        credential.id = model::CredentialId(base::uuidV4());
        credential.agentId = agent.id;
        credential.agentNum = agent.num;
        credential.secretMac = base::Bytes(32, 1);
        credential.pepperId = "p";
        credential.createdAt = clock_.now();
        write({store::insertCredential(credential)});
        LastUsed uses(*storage_, clock_);
        const auto at = clock_.now();
        uses.record(credential.id, at);
        storage_->setDown(true);
        CPPUNIT_ASSERT(!uses.flush().ok());
        storage_->setDown(false);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, *uses.flush());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, *uses.flush());
        const auto read = store::Credentials(*storage_, clock_).find(credential.id);
        CPPUNIT_ASSERT(read.ok() && read->lastUsedAt == at);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, read->rowVersion);
    }

    void lastUsesAreDueAfterAWhileOrWhenTheyAreMany() {
        LastUsed uses(*storage_, clock_);
        CPPUNIT_ASSERT(!uses.due());
        uses.record(model::CredentialId("credential-0"), clock_.now());
        clock_.advance(base::seconds(19));
        uses.record(model::CredentialId("credential-0"), clock_.now());
        CPPUNIT_ASSERT(!uses.due());
        clock_.advance(base::seconds(1));
        CPPUNIT_ASSERT(uses.due());
        CPPUNIT_ASSERT(uses.flush().ok());
        CPPUNIT_ASSERT(!uses.due());
        for (int i = 1; i < 4'000; ++i) uses.record(model::CredentialId("credential-" + std::to_string(i)), clock_.now());
        CPPUNIT_ASSERT(!uses.due());
        uses.record(model::CredentialId("credential-0"), clock_.now());
        CPPUNIT_ASSERT(uses.due());
    }

private:
    void write(std::vector<plugin::Op> ops) {
        plugin::Transaction tx;
        const auto done = storage_->apply(tx, ops, plugin::ApplyMode::Commit, plugin::callWithin(clock_, std::chrono::seconds(5)));
        CPPUNIT_ASSERT_MESSAGE(done ? "" : done.error().hint + done.error().detail, done.ok());
    }

    /// A token of each, of which the table knows.
    std::vector<oauth::ClientPtr> noteMany(ClientBudgets& budgets, std::int64_t from, std::int64_t to) {
        std::vector<oauth::ClientPtr> clients;
        std::vector<plugin::Op> rows;
        for (std::int64_t num = from; num <= to; ++num) {
            model::Agent agent;
            agent.num = num;
            agent.id = model::AgentId("agent-" + std::to_string(num));
            clients.push_back(oauth::makeClient(agent, oauth::tenantOf(organization_), {}));
            budgets.noteToken(*clients.back(), clock_.now());
            rows.push_back(plugin::insertInto("token_monthly_counts",
                                              {{"agent_num", num}, {"month", store::monthOf(clock_.now())}, {"count", std::int64_t{1}}},
                                              plugin::Op::OnConflict::Ignore));
        }
        write(std::move(rows));
        return clients;
    }

    void written(std::int64_t agentNum, std::int64_t count) {
        write({plugin::insertInto("token_monthly_counts",
                                  {{"agent_num", agentNum}, {"month", store::monthOf(clock_.now())}, {"count", count}},
                                  plugin::Op::OnConflict::Replace)});
    }

    model::Agent insert(const std::string& email, std::int64_t num) {
        model::Agent agent;
        agent.num = num;
        agent.id = model::AgentId(base::uuidV4());
        agent.organizationNum = organization_.num;
        agent.email = email;
        agent.createdAt = agent.updatedAt = clock_.now();
        write({store::insertAgent(agent)});
        return agent;
    }

    static model::AuditEvent eventOf(model::Action action, const model::AgentId& agent) {
        model::AuditEvent event;
        event.action = action;
        event.agentId = agent;
        return event;
    }

    tests::FakeClock clock_;
    std::unique_ptr<tests::FakeStorage> storage_;
    model::Organization organization_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(CachesTest);

}  // namespace agentidp::server
