#include "audit/follower.h"

#include <cppunit/extensions/HelperMacros.h>

#include "ledger_bed.h"

using namespace agentidp;
using namespace agentidp::audit;
using model::Action;
using tests::LedgerBed;

class FollowerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(FollowerTest);
    CPPUNIT_TEST(tellsWhatOthersAppendedBehindTheMarkAndNothingBefore);
    CPPUNIT_TEST(readsAsManyPagesAsThereAre);
    CPPUNIT_TEST(tellsAgainWhatCouldNotBeTaken);
    CPPUNIT_TEST(saysAsOfWhenItCaughtUpAndNotWhileStorageIsDown);
    CPPUNIT_TEST(failsForGoodWhereTheLedgerIsShorterThanItWas);
    CPPUNIT_TEST(marksAnEmptyStorage);
    CPPUNIT_TEST(aHintIsALook);
    CPPUNIT_TEST_SUITE_END();

    struct Seen {
        std::vector<Action> actions;
        std::vector<base::MonoInstant> caughtUp;
        std::vector<base::Errc> failures;
        bool refuse = false;
        std::mutex mutex;
        std::condition_variable changed;

        bool awaitActions(std::size_t count) {
            std::unique_lock held(mutex);
            return changed.wait_for(held, std::chrono::minutes(1), [&] { return actions.size() >= count; });
        }
    };

    static FollowerOptions options(Seen& seen, std::uint32_t page = 1'000) {
        FollowerOptions out;
        out.actions = {Action::AgentUpdated, Action::TokenRevoked};
        out.page = page;
        out.tell = [&seen](std::span<const model::AuditEvent> events) -> base::Result<void> {
            const std::lock_guard held(seen.mutex);
            if (seen.refuse) return base::fail(base::Errc::Unavailable, "not now");
            for (const auto& event : events) seen.actions.push_back(event.action);
            seen.changed.notify_all();
            return {};
        };
        out.caughtUp = [&seen](base::MonoInstant asOf) {
            const std::lock_guard held(seen.mutex);
            seen.caughtUp.push_back(asOf);
        };
        out.failed = [&seen](const base::Error& error) {
            const std::lock_guard held(seen.mutex);
            seen.failures.push_back(error.code);
        };
        return out;
    }

    static void append(LedgerBed& bed, LedgerAppender& to, Action action) {
        Effect effect;
        effect.events.push_back(bed.event(action));
        CPPUNIT_ASSERT(bed.append(to, std::move(effect)).ok());
    }

public:
    void tellsWhatOthersAppendedBehindTheMarkAndNothingBefore() {
        LedgerBed bed;
        const auto other = bed.appender("other");
        CPPUNIT_ASSERT(other->start().ok());
        append(bed, *other, Action::AgentUpdated);
        Seen seen;
        Follower follower(*bed.storage, bed.clock, options(seen));
        CPPUNIT_ASSERT(follower.mark().ok());
        append(bed, *other, Action::TokenIssued);
        append(bed, *other, Action::TokenRevoked);
        append(bed, bed.ledger(), Action::AgentUpdated);
        CPPUNIT_ASSERT(follower.look().ok());
        CPPUNIT_ASSERT((std::vector<Action>{Action::TokenRevoked, Action::AgentUpdated}) == seen.actions);
        CPPUNIT_ASSERT(follower.look().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, seen.actions.size());
    }

    void readsAsManyPagesAsThereAre() {
        LedgerBed bed;
        Seen seen;
        Follower follower(*bed.storage, bed.clock, options(seen, 3));
        CPPUNIT_ASSERT(follower.mark().ok());
        for (int i = 0; i < 7; ++i) {
            append(bed, bed.ledger(), Action::TokenIssued);
            append(bed, bed.ledger(), Action::AgentUpdated);
        }
        CPPUNIT_ASSERT(follower.look().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{7}, seen.actions.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, seen.caughtUp.size());
    }

    void tellsAgainWhatCouldNotBeTaken() {
        LedgerBed bed;
        Seen seen;
        Follower follower(*bed.storage, bed.clock, options(seen));
        CPPUNIT_ASSERT(follower.mark().ok());
        append(bed, bed.ledger(), Action::TokenRevoked);
        seen.refuse = true;
        CPPUNIT_ASSERT(!follower.look().ok());
        CPPUNIT_ASSERT(seen.caughtUp.empty());
        seen.refuse = false;
        CPPUNIT_ASSERT(follower.look().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, seen.actions.size());
    }

    void saysAsOfWhenItCaughtUpAndNotWhileStorageIsDown() {
        LedgerBed bed;
        Seen seen;
        Follower follower(*bed.storage, bed.clock, options(seen));
        CPPUNIT_ASSERT(follower.mark().ok());
        bed.storage->setDown(true);
        CPPUNIT_ASSERT(follower.look().error().code == base::Errc::Unavailable);
        CPPUNIT_ASSERT(seen.caughtUp.empty());
        bed.storage->setDown(false);
        bed.clock.advance(base::seconds(3));
        const auto asOf = bed.clock.mono();
        CPPUNIT_ASSERT(follower.look().ok());
        CPPUNIT_ASSERT(std::vector<base::MonoInstant>{asOf} == seen.caughtUp);
    }

    void failsForGoodWhereTheLedgerIsShorterThanItWas() {
        LedgerBed bed;
        bed.fill(5);
        Seen seen;
        Follower follower(*bed.storage, bed.clock, options(seen));
        CPPUNIT_ASSERT(follower.mark().ok());
        bed.attack({plugin::removeFrom("audit_tip", {})});
        CPPUNIT_ASSERT(follower.look().error().code == base::Errc::Conflict);
        CPPUNIT_ASSERT(follower.look().error().code == base::Errc::Conflict);
        CPPUNIT_ASSERT(seen.caughtUp.empty());
    }

    void marksAnEmptyStorage() {
        LedgerBed bed;
        Seen seen;
        Follower follower(*bed.storage, bed.clock, options(seen));
        CPPUNIT_ASSERT(follower.mark().ok());
        append(bed, bed.ledger(), Action::AgentUpdated);
        CPPUNIT_ASSERT(follower.look().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, seen.actions.size());
    }

    void aHintIsALook() {
        LedgerBed bed;
        Seen seen;
        Follower follower(*bed.storage, bed.clock, options(seen));
        CPPUNIT_ASSERT(follower.mark().ok());
        follower.start(std::chrono::hours(1));
        append(bed, bed.ledger(), Action::AgentUpdated);
        follower.wake();
        CPPUNIT_ASSERT(seen.awaitActions(1));
        bed.storage->setDown(true);
        follower.wake();
        follower.stop();
        follower.stop();
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FollowerTest);
