#include <cppunit/extensions/HelperMacros.h>

#include <random>
#include <set>
#include <thread>

#include "base/ids.h"
#include "ledger_bed.h"

using namespace agentidp;
using namespace agentidp::audit;
using observe::Message;
using plugin::Compare;
using plugin::Op;
using tests::LedgerBed;
using FakeOutcome = tests::FakeStorage::Outcome;

namespace {

Effect eventOnly(LedgerBed& bed) {
    Effect effect;
    effect.events.push_back(bed.event());
    return effect;
}

Op insertMeta(const std::string& name) { return plugin::insertInto("meta", {{"name", name}, {"value", std::string("v")}}); }

Effect withOp(LedgerBed& bed, const std::string& name) {
    Effect effect = eventOnly(bed);
    effect.ops.push_back(insertMeta(name));
    return effect;
}

/// Collects answers of many appends. Any thread.
class Answers {
public:
    Continuation next() {
        const std::lock_guard held(mutex_);
        const std::size_t place = results_.size();
        results_.emplace_back();
        return [this, place](base::Result<Committed> result) {
            const std::lock_guard held(mutex_);
            if (results_[place]) ++twice_;
            results_[place] = std::move(result);
            ++answered_;
            changed_.notify_all();
        };
    }
    void await(std::size_t count) {
        std::unique_lock held(mutex_);
        CPPUNIT_ASSERT_MESSAGE("an answer is missing",
                               changed_.wait_for(held, std::chrono::minutes(1), [&] { return answered_ >= count; }));
    }
    base::Result<Committed>& at(std::size_t place) { return *results_[place]; }
    [[nodiscard]] int twice() const { return twice_; }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::optional<base::Result<Committed>>> results_;
    std::size_t answered_ = 0;
    int twice_ = 0;
};

std::string why(const base::Result<Committed>& result) { return result ? "" : result.error().hint + ": " + result.error().detail; }

}  // namespace

class AppenderTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(AppenderTest);
    CPPUNIT_TEST(answersWithPlaceAndSizeOnceDurable);
    CPPUNIT_TEST(whatArrivesDuringACommitIsTheNextBatch);
    CPPUNIT_TEST(underLoadABatchWaitsForWhomTheLastOneAnswered);
    CPPUNIT_TEST(whoIsNotPatientEndsTheWaitOfThoseWhoAre);
    CPPUNIT_TEST(stopEndsTheWaitForABatch);
    CPPUNIT_TEST(eventsAloneTakeOneCallAndEffectsTwo);
    CPPUNIT_TEST(aBatchHasAtMost1024Events);
    CPPUNIT_TEST(aBatchHasAtMostOneMebibyte);
    CPPUNIT_TEST(aFailedExpectationUndoesThatEffectAlone);
    CPPUNIT_TEST(aBatchWhereEverythingFailedWritesNothing);
    CPPUNIT_TEST(opsWithoutEventsAreCommitted);
    CPPUNIT_TEST(answersTheRowsOfASelectAmongTheOps);
    CPPUNIT_TEST(fullQueueIsToldAtOnce);
    CPPUNIT_TEST(tooLongInTheQueueIsDeadline);
    CPPUNIT_TEST(whileABatchHangsNewEffectsAreRefusedAtOnce);
    CPPUNIT_TEST(observersSeeEventsInOrderBeforeTheAnswers);
    CPPUNIT_TEST(talliesAreAddedOncePerAgentAndBatch);
    CPPUNIT_TEST(aTallyOfAFailedEffectDoesNotCount);
    CPPUNIT_TEST(aLimitIsTheTablesWhoeverCounted);
    CPPUNIT_TEST(storageDownFailsTheBatchAndTheNextSucceeds);
    CPPUNIT_TEST(whileTheStorageIsAwayOneBatchTriesAndNobodyWaitsBehindIt);
    CPPUNIT_TEST(anUnsureBatchIsGivenUpAfterBothDeadlines);
    CPPUNIT_TEST(refusedCommitIsRetriedThreeTimesThenFails);
    CPPUNIT_TEST(lostAnswerOfADurableCommitIsAcknowledgedOnce);
    CPPUNIT_TEST(lostAnswerOfAnUndoneCommitIsReplayedOnce);
    CPPUNIT_TEST(lostAnswerOfADurableEffectKeepsItsResults);
    CPPUNIT_TEST(unreachableAfterALostAnswerFailsAndTheNextBatchLearnsItWasDurable);
    CPPUNIT_TEST(unreachableAfterALostAnswerFailsAndTheNextBatchLearnsItWasNot);
    CPPUNIT_TEST(twoReplicasTakeTurnsOnOneTree);
    CPPUNIT_TEST(aSecondProcessUnderTheSameNameHaltsTheFirst);
    CPPUNIT_TEST(aTipThatWentBackHalts);
    CPPUNIT_TEST(aTipOfTheSameSizeWithAnotherRootHalts);
    CPPUNIT_TEST(startRefusesATipThatDoesNotFitItsRows);
    CPPUNIT_TEST(startTakesTheNextEpochAndNumbersBeginAnew);
    CPPUNIT_TEST(tilesAreWhatTheLeavesSayAcrossRestartsAndReplicas);
    CPPUNIT_TEST(stopWritesWhatIsQueuedAndTakesNothingNew);
    CPPUNIT_TEST(stopWithoutTimeAnswersWhatItCannotWrite);
    CPPUNIT_TEST(flushWaitsForWhatWasAppendedBefore);
    CPPUNIT_TEST(manyThreadsAppendAndEveryAnswerIsOneEntry);
    CPPUNIT_TEST(anEventWithoutIdOrTimeGetsBoth);
    CPPUNIT_TEST_SUITE_END();

    std::uint64_t treeSize(LedgerBed& bed) { return readTip(*bed.storage, bed.clock)->frontier.size(); }

    /// Nothing lost, nothing twice, all numbers in a row, the tree what the rows say.
    void assertSound(LedgerBed& bed) {
        auto verifier = bed.verifier();
        const auto report = verifier.verify(VerifyMode::Full);
        CPPUNIT_ASSERT(report.ok());
        CPPUNIT_ASSERT_MESSAGE(report->json(), report->ok);
    }

    void answersWithPlaceAndSizeOnceDurable() {
        LedgerBed bed;
        Effect three;
        for (int i = 0; i < 3; ++i) three.events.push_back(bed.event());
        const auto first = bed.append(bed.ledger(), three);
        CPPUNIT_ASSERT(first.ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, first->firstIndex);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, first->size);
        const auto second = bed.append(bed.ledger(), eventOnly(bed));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, second->firstIndex);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, treeSize(bed));
        const auto record = bed.reader().at(1, Tenancy::platform());
        CPPUNIT_ASSERT(record.ok());
        CPPUNIT_ASSERT_EQUAL(three.events[1].eventId.str(), record->entry.event.eventId.str());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, record->entry.lseq);
        assertSound(bed);
    }

    void whatArrivesDuringACommitIsTheNextBatch() {
        LedgerBed bed;
        std::vector<std::size_t> batches;
        auto own = bed.appender();
        own->onBatch([&](const BatchReport& report) { batches.push_back(report.events); });
        CPPUNIT_ASSERT(own->start().ok());
        Answers answers;
        bed.gate.close();
        own->append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        for (int i = 0; i < 20; ++i) own->append(eventOnly(bed), answers.next());
        bed.gate.open();
        answers.await(21);
        CPPUNIT_ASSERT(own->stop(base::seconds(5)).ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, batches.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, batches[0]);
        CPPUNIT_ASSERT_EQUAL(std::size_t{20}, batches[1]);
        for (std::size_t i = 0; i < 21; ++i) CPPUNIT_ASSERT_EQUAL(std::uint64_t{i}, answers.at(i)->firstIndex);
        assertSound(bed);
    }

    /// An appender that has just written a batch of two, and waits as long as it is let for the next two.
    struct Gathering {
        LedgerBed bed;
        std::vector<std::size_t> batches;
        Answers answers;
        std::unique_ptr<LedgerAppender> own;

        explicit Gathering(base::microseconds patient = base::microseconds(0), base::microseconds hurried = std::chrono::hours(1)) {
            own = bed.appender("a", [&](LedgerOptions& options) {
                options.gatherMost = hurried;
                options.gatherPatient = patient;
                options.slowCommit = base::microseconds(0);
                options.gatherFrom = 2;
            });
            own->onBatch([this](const BatchReport& report) { batches.push_back(report.effects); });
            CPPUNIT_ASSERT(own->start().ok());
            bed.gate.close();
            append();
            bed.gate.awaitCommit();
            append();
            append();
            bed.gate.open();
            CPPUNIT_ASSERT(own->flush(std::chrono::seconds(60)).ok());
        }
        void append(bool patient = false) {
            auto effect = eventOnly(bed);
            effect.patient = patient;
            own->append(std::move(effect), answers.next());
        }
    };

    void underLoadABatchWaitsForWhomTheLastOneAnswered() {
        Gathering load;
        load.append();
        CPPUNIT_ASSERT(!load.own->flush(base::milliseconds(20)).ok());
        load.append();
        load.answers.await(5);
        CPPUNIT_ASSERT(load.own->stop(std::chrono::seconds(5)).ok());
        CPPUNIT_ASSERT((std::vector<std::size_t>{1, 2, 2}) == load.batches);
    }

    void whoIsNotPatientEndsTheWaitOfThoseWhoAre() {
        Gathering load(std::chrono::hours(1), base::milliseconds(1));
        load.append(true);
        CPPUNIT_ASSERT(!load.own->flush(base::milliseconds(20)).ok());
        load.append(true);
        load.answers.await(5);
        load.append(true);
        CPPUNIT_ASSERT(!load.own->flush(base::milliseconds(20)).ok());
        load.append(false);
        load.answers.await(7);
        load.append(false);
        load.answers.await(8);
        CPPUNIT_ASSERT(load.own->stop(std::chrono::seconds(5)).ok());
        CPPUNIT_ASSERT((std::vector<std::size_t>{1, 2, 2, 2, 1}) == load.batches);
    }

    void stopEndsTheWaitForABatch() {
        Gathering load;
        load.append();
        CPPUNIT_ASSERT(load.own->stop(std::chrono::seconds(60)).ok());
        load.answers.await(4);
        CPPUNIT_ASSERT_MESSAGE(why(load.answers.at(3)), load.answers.at(3).ok());
    }

    void eventsAloneTakeOneCallAndEffectsTwo() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        bed.gate.writeCalls = 0;
        CPPUNIT_ASSERT(bed.append(ledger, eventOnly(bed)).ok());
        CPPUNIT_ASSERT_EQUAL(1, bed.gate.writeCalls.load());
        CPPUNIT_ASSERT(bed.append(ledger, withOp(bed, "x")).ok());
        CPPUNIT_ASSERT_EQUAL(3, bed.gate.writeCalls.load());
    }

    void aBatchHasAtMost1024Events() {
        LedgerBed bed;
        std::vector<std::size_t> batches;
        auto own = bed.appender();
        own->onBatch([&](const BatchReport& report) { batches.push_back(report.events); });
        CPPUNIT_ASSERT(own->start().ok());
        Answers answers;
        bed.gate.close();
        own->append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        for (int i = 0; i < 1500; ++i) own->append(eventOnly(bed), answers.next());
        bed.gate.open();
        answers.await(1501);
        CPPUNIT_ASSERT(own->stop(base::seconds(5)).ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, batches.size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1024}, batches[1]);
        assertSound(bed);
    }

    void aBatchHasAtMostOneMebibyte() {
        LedgerBed bed;
        std::vector<std::size_t> batches;
        auto own = bed.appender();
        own->onBatch([&](const BatchReport& report) { batches.push_back(report.events); });
        CPPUNIT_ASSERT(own->start().ok());
        Answers answers;
        bed.gate.close();
        own->append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        for (int i = 0; i < 100; ++i) {
            Effect effect = eventOnly(bed);
            effect.events[0].metadataJson = "{\"k\":\"" + std::string(15'000, 'x') + "\"}";
            own->append(effect, answers.next());
        }
        bed.gate.open();
        answers.await(101);
        CPPUNIT_ASSERT(own->stop(base::seconds(5)).ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, batches.size());
        CPPUNIT_ASSERT(batches[1] * 15'600 <= (1U << 20U));
    }

    void aFailedExpectationUndoesThatEffectAlone() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        CPPUNIT_ASSERT(bed.append(ledger, withOp(bed, "taken")).ok());
        Answers answers;
        bed.gate.close();
        ledger.append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        Effect half = eventOnly(bed);
        half.ops = {insertMeta("half"), insertMeta("taken"), insertMeta("never")};
        Effect stale = eventOnly(bed);
        stale.ops = {plugin::update("meta", {{"value", std::string("w")}}, {{"name", Compare::Eq, {std::string("nobody")}}}, 1)};
        ledger.append(withOp(bed, "one"), answers.next());
        ledger.append(half, answers.next());
        ledger.append(stale, answers.next());
        ledger.append(withOp(bed, "two"), answers.next());
        bed.gate.open();
        answers.await(5);
        CPPUNIT_ASSERT_MESSAGE(why(answers.at(1)), answers.at(1).ok());
        CPPUNIT_ASSERT(!answers.at(2).ok() && answers.at(2).error().code == base::Errc::Exists);
        CPPUNIT_ASSERT(!answers.at(3).ok() && answers.at(3).error().code == base::Errc::NotFound);
        CPPUNIT_ASSERT(answers.at(4).ok());
        CPPUNIT_ASSERT_EQUAL(answers.at(1)->firstIndex + 1, answers.at(4)->firstIndex);
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, bed.rowsOf(plugin::select("meta", {"name"}, {}, 10)).size());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, treeSize(bed));
        assertSound(bed);
    }

    void aBatchWhereEverythingFailedWritesNothing() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        CPPUNIT_ASSERT(bed.append(ledger, withOp(bed, "x")).ok());
        const auto again = bed.append(ledger, withOp(bed, "x"));
        CPPUNIT_ASSERT(!again.ok());
        CPPUNIT_ASSERT(again.error().code == base::Errc::Exists);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, treeSize(bed));
        CPPUNIT_ASSERT(bed.append(ledger, withOp(bed, "y")).ok());
        assertSound(bed);
    }

    void opsWithoutEventsAreCommitted() {
        LedgerBed bed;
        Effect quiet;
        quiet.ops.push_back(insertMeta("quiet"));
        const auto done = bed.append(bed.ledger(), quiet);
        CPPUNIT_ASSERT_MESSAGE(why(done), done.ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, done->size);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, bed.rowsOf(plugin::select("meta", {"name"}, {}, 10)).size());
        CPPUNIT_ASSERT(bed.append(bed.ledger(), eventOnly(bed)).ok());
        assertSound(bed);
    }

    void answersTheRowsOfASelectAmongTheOps() {
        LedgerBed bed;
        Effect effect = withOp(bed, "seen");
        effect.ops.push_back(plugin::select("meta", {"name"}, {}, 10));
        const auto done = bed.append(bed.ledger(), effect);
        CPPUNIT_ASSERT(done.ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, done->results.size());
        CPPUNIT_ASSERT_EQUAL(std::string("seen"), std::get<std::string>(done->results[1].rows.at(0).at(0)));
    }

    void fullQueueIsToldAtOnce() {
        LedgerBed bed;
        auto own = bed.appender("a", [](LedgerOptions& options) { options.queueEvents = 3; });
        CPPUNIT_ASSERT(own->start().ok());
        Answers answers;
        bed.gate.close();
        own->append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        for (int i = 0; i < 3; ++i) own->append(eventOnly(bed), answers.next());
        bool told = false;
        own->append(eventOnly(bed), [&](base::Result<Committed> result) { told = !result && result.error().code == base::Errc::TooMany; });
        CPPUNIT_ASSERT(told);
        bed.gate.open();
        answers.await(4);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, own->stats().refused);
        CPPUNIT_ASSERT(own->stop(base::seconds(5)).ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, treeSize(bed));
    }

    void tooLongInTheQueueIsDeadline() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        Answers answers;
        bed.gate.close();
        ledger.append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        ledger.append(eventOnly(bed), answers.next());
        bed.clock.advance(base::seconds(1));
        ledger.append(eventOnly(bed), answers.next());
        bed.clock.advance(base::milliseconds(1100));
        bed.gate.open();
        answers.await(3);
        CPPUNIT_ASSERT_MESSAGE(why(answers.at(0)), answers.at(0).ok());
        CPPUNIT_ASSERT(!answers.at(1).ok() && answers.at(1).error().code == base::Errc::Deadline);
        CPPUNIT_ASSERT_MESSAGE(why(answers.at(2)), answers.at(2).ok());
        assertSound(bed);
    }

    void whileABatchHangsNewEffectsAreRefusedAtOnce() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        Answers answers;
        bed.gate.close();
        ledger.append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        bed.clock.advance(base::milliseconds(1900));
        ledger.append(eventOnly(bed), answers.next());
        bed.clock.advance(base::milliseconds(200));
        std::optional<base::Errc> told;
        ledger.append(eventOnly(bed), [&](const base::Result<Committed>& done) {
            CPPUNIT_ASSERT(!done.ok());
            told = done.error().code;
        });
        CPPUNIT_ASSERT_MESSAGE("it was queued behind a batch that hangs", told == base::Errc::Unavailable);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, ledger.stats().refused);
        bed.gate.open();
        answers.await(2);
        CPPUNIT_ASSERT_MESSAGE(why(answers.at(0)), answers.at(0).ok());
        CPPUNIT_ASSERT_MESSAGE(why(answers.at(1)), answers.at(1).ok());
        CPPUNIT_ASSERT(bed.append(ledger, eventOnly(bed)).ok());
        assertSound(bed);
    }

    void observersSeeEventsInOrderBeforeTheAnswers() {
        LedgerBed bed;
        auto own = bed.appender();
        std::vector<std::string> seen;
        own->observe([&](std::span<const model::AuditEvent> events) {
            for (const auto& event : events) seen.push_back(event.jti);
        });
        CPPUNIT_ASSERT(own->start().ok());
        std::vector<std::string> expected;
        for (int i = 0; i < 5; ++i) {
            Effect effect = eventOnly(bed);
            expected.push_back(effect.events[0].jti);
            std::promise<std::size_t> seenAtAnswer;
            own->append(effect, [&](const base::Result<Committed>&) { seenAtAnswer.set_value(seen.size()); });
            CPPUNIT_ASSERT_EQUAL(expected.size(), seenAtAnswer.get_future().get());
        }
        CPPUNIT_ASSERT(own->stop(base::seconds(5)).ok());
        CPPUNIT_ASSERT(expected == seen);
    }

    std::int64_t counted(LedgerBed& bed, std::int64_t agent, std::int64_t month) {
        const auto rows = bed.rowsOf(
            plugin::select("token_monthly_counts", {"count"}, {{"agent_num", Compare::Eq, {agent}}, {"month", Compare::Eq, {month}}}));
        return rows.empty() ? -1 : std::get<std::int64_t>(rows.front().front());
    }

    void talliesAreAddedOncePerAgentAndBatch() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        Answers answers;
        bed.gate.close();
        ledger.append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        const auto tallied = [&](std::int64_t agent, std::int64_t month) {
            Effect effect = eventOnly(bed);
            effect.tally = Effect::Tally{agent, month, {}};
            ledger.append(effect, answers.next());
        };
        for (int i = 0; i < 5; ++i) tallied(7, 202611);
        for (int i = 0; i < 2; ++i) tallied(8, 202611);
        tallied(7, 202612);
        bed.gate.open();
        answers.await(9);
        tallied(7, 202611);
        answers.await(10);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{6}, counted(bed, 7, 202611));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, counted(bed, 8, 202611));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, counted(bed, 7, 202612));
    }

    void aTallyOfAFailedEffectDoesNotCount() {
        LedgerBed bed;
        CPPUNIT_ASSERT(bed.append(bed.ledger(), withOp(bed, "x")).ok());
        Effect again = withOp(bed, "x");
        again.tally = Effect::Tally{7, 202611, {}};
        CPPUNIT_ASSERT(!bed.append(bed.ledger(), again).ok());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{-1}, counted(bed, 7, 202611));
        // A commit that is undone takes the row's first insert with it; the next batch must make it again.
        Effect first = eventOnly(bed);
        first.tally = Effect::Tally{7, 202611, {}};
        bed.gate.failWrites = 1;
        CPPUNIT_ASSERT(bed.append(bed.ledger(), first).ok());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, counted(bed, 7, 202611));
    }

    void aLimitIsTheTablesWhoeverCounted() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        Effect limited = eventOnly(bed);
        limited.tally = Effect::Tally{7, 202611, 3};
        CPPUNIT_ASSERT(bed.append(ledger, limited).ok());
        const auto size = ledger.stats().treeSize;
        Answers answers;
        bed.gate.close();
        ledger.append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        std::atomic<int> denied{0};
        for (int i = 0; i < 4; ++i) {
            limited.events = eventOnly(bed).events;
            ledger.append(limited, [&denied, then = answers.next()](base::Result<Committed> committed) {
                if (!committed && committed.error().code == base::Errc::Denied) ++denied;
                then(std::move(committed));
            });
        }
        bed.gate.open();
        answers.await(5);
        CPPUNIT_ASSERT_EQUAL(2, denied.load());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{3}, counted(bed, 7, 202611));
        CPPUNIT_ASSERT_EQUAL(size + 3, ledger.stats().treeSize);
        auto withBoth = withOp(bed, "y");
        withBoth.tally = limited.tally;
        CPPUNIT_ASSERT(bed.append(ledger, withBoth).error().code == base::Errc::Invalid);
    }

    void storageDownFailsTheBatchAndTheNextSucceeds() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        CPPUNIT_ASSERT(bed.append(ledger, eventOnly(bed)).ok());
        bed.storage->setDown(true);
        for (int i = 0; i < 3; ++i) {
            const auto down = bed.append(ledger, i == 1 ? withOp(bed, "x") : eventOnly(bed));
            CPPUNIT_ASSERT(!down.ok());
            CPPUNIT_ASSERT(down.error().code == base::Errc::Unavailable);
        }
        bed.storage->setDown(false);
        const auto up = bed.append(ledger, eventOnly(bed));
        CPPUNIT_ASSERT_MESSAGE(why(up), up.ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, up->firstIndex);
        assertSound(bed);
    }

    void whileTheStorageIsAwayOneBatchTriesAndNobodyWaitsBehindIt() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        bed.storage->setDown(true);
        CPPUNIT_ASSERT(!bed.append(ledger, eventOnly(bed)).ok());
        bed.storage->setDown(false);
        Answers answers;
        bed.gate.close();
        ledger.append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        bool told = false;
        ledger.append(eventOnly(bed),
                      [&](base::Result<Committed> result) { told = !result && result.error().code == base::Errc::Unavailable; });
        CPPUNIT_ASSERT(told);
        bed.gate.open();
        answers.await(1);
        CPPUNIT_ASSERT_MESSAGE(why(answers.at(0)), answers.at(0).ok());
        // It found the storage: the next ones queue up again.
        bed.gate.close();
        ledger.append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        ledger.append(eventOnly(bed), answers.next());
        bed.gate.open();
        answers.await(3);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, treeSize(bed));
        assertSound(bed);
    }

    void anUnsureBatchIsGivenUpAfterBothDeadlines() {
        LedgerBed bed;
        auto own = bed.appender("a", [&bed](LedgerOptions& options) {
            options.unknownTries = 1'000'000;
            options.pause = [&bed](base::milliseconds) { bed.clock.advance(base::seconds(1)); };
        });
        CPPUNIT_ASSERT(own->start().ok());
        bed.storage->failNextCommit(base::Errc::Deadline, FakeOutcome::Durable);
        const int before = bed.gate.writeCalls;
        bed.gate.beforeCommit = [&bed] { bed.gate.failWrites = 1'000'000; };
        Answers answers;
        const auto began = bed.clock.mono();
        own->append(eventOnly(bed), answers.next());
        answers.await(1);
        CPPUNIT_ASSERT(!answers.at(0).ok() && answers.at(0).error().code == base::Errc::Unavailable);
        CPPUNIT_ASSERT(bed.clock.mono() - began <= base::seconds(7));
        CPPUNIT_ASSERT(bed.gate.writeCalls - before > 3);
        bed.gate.beforeCommit = nullptr;
        bed.gate.failWrites = 0;
        CPPUNIT_ASSERT(bed.append(*own, eventOnly(bed)).ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, treeSize(bed));
        CPPUNIT_ASSERT(own->stop(base::seconds(5)).ok());
    }

    void refusedCommitIsRetriedThreeTimesThenFails() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        for (int i = 0; i < 3; ++i) bed.storage->failNextCommit(base::Errc::Conflict);
        CPPUNIT_ASSERT(bed.append(ledger, withOp(bed, "x")).ok());
        for (int i = 0; i < 4; ++i) bed.storage->failNextCommit(base::Errc::Conflict);
        const auto refused = bed.append(ledger, withOp(bed, "y"));
        CPPUNIT_ASSERT(!refused.ok() && refused.error().code == base::Errc::Unavailable);
        CPPUNIT_ASSERT(bed.append(ledger, withOp(bed, "y")).ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, treeSize(bed));
        assertSound(bed);
    }

    void lostAnswerOfADurableCommitIsAcknowledgedOnce() {
        for (const auto code : {base::Errc::Deadline, base::Errc::Unavailable, base::Errc::Internal}) {
            LedgerBed bed;
            auto& ledger = bed.ledger();
            CPPUNIT_ASSERT(bed.append(ledger, eventOnly(bed)).ok());
            bed.storage->failNextCommit(code, FakeOutcome::Durable);
            Effect two = eventOnly(bed);
            two.events.push_back(bed.event());
            const auto done = bed.append(ledger, two);
            CPPUNIT_ASSERT_MESSAGE(why(done), done.ok());
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, done->firstIndex);
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, done->size);
            CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, treeSize(bed));
            CPPUNIT_ASSERT_EQUAL(1, bed.log.count(Message::LEDGER_OUTCOME_UNKNOWN));
            CPPUNIT_ASSERT(bed.append(ledger, eventOnly(bed)).ok());
            bed.fill(300);
            assertSound(bed);
        }
    }

    void lostAnswerOfAnUndoneCommitIsReplayedOnce() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        CPPUNIT_ASSERT(bed.append(ledger, eventOnly(bed)).ok());
        bed.storage->failNextCommit(base::Errc::Deadline, FakeOutcome::Undone);
        const auto done = bed.append(ledger, withOp(bed, "x"));
        CPPUNIT_ASSERT_MESSAGE(why(done), done.ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, treeSize(bed));
        assertSound(bed);
    }

    void lostAnswerOfADurableEffectKeepsItsResults() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        bed.storage->failNextCommit(base::Errc::Unavailable, FakeOutcome::Durable);
        Effect effect = withOp(bed, "x");
        effect.ops.push_back(plugin::select("meta", {"name"}, {}, 10));
        const auto done = bed.append(ledger, effect);
        // Asked again the insert would fail with Exists; the first answer is the one that counts.
        CPPUNIT_ASSERT_MESSAGE(why(done), done.ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, done->results.at(1).rows.size());
        assertSound(bed);
    }

    void giveUpOn(LedgerBed& bed, LedgerAppender& ledger, FakeOutcome outcome) {
        bed.storage->failNextCommit(base::Errc::Unavailable, outcome);
        // The commit passes, its answer is lost, and every question after it too.
        int commits = 0;
        bed.gate.beforeCommit = [&] {
            if (++commits == 1) bed.gate.failWrites = 6;
        };
        const auto lost = bed.append(ledger, eventOnly(bed));
        bed.gate.beforeCommit = {};
        CPPUNIT_ASSERT(!lost.ok());
        CPPUNIT_ASSERT(lost.error().code == base::Errc::Unavailable);
        bed.gate.failWrites = 0;
    }

    void unreachableAfterALostAnswerFailsAndTheNextBatchLearnsItWasDurable() {
        LedgerBed bed;
        auto own = bed.appender();
        std::vector<std::string> seen;
        own->observe([&](std::span<const model::AuditEvent> events) {
            for (const auto& event : events) seen.push_back(event.jti);
        });
        CPPUNIT_ASSERT(own->start().ok());
        CPPUNIT_ASSERT(bed.append(*own, eventOnly(bed)).ok());
        giveUpOn(bed, *own, FakeOutcome::Durable);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, treeSize(bed));
        const auto next = bed.append(*own, eventOnly(bed));
        CPPUNIT_ASSERT_MESSAGE(why(next), next.ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, next->firstIndex);
        CPPUNIT_ASSERT(own->stop(base::seconds(5)).ok());
        // The one that was refused to its caller is in the ledger, and the caches were told.
        CPPUNIT_ASSERT(seen == std::vector<std::string>({"jti-0", "jti-1", "jti-2"}));
        assertSound(bed);
    }

    void unreachableAfterALostAnswerFailsAndTheNextBatchLearnsItWasNot() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        CPPUNIT_ASSERT(bed.append(ledger, eventOnly(bed)).ok());
        giveUpOn(bed, ledger, FakeOutcome::Undone);
        const auto next = bed.append(ledger, eventOnly(bed));
        CPPUNIT_ASSERT_MESSAGE(why(next), next.ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, next->firstIndex);
        assertSound(bed);
    }

    void twoReplicasTakeTurnsOnOneTree() {
        LedgerBed bed;
        auto a = bed.appender("a");
        auto b = bed.appender("b");
        CPPUNIT_ASSERT(a->start().ok());
        CPPUNIT_ASSERT(b->start().ok());
        Answers answers;
        const auto drive = [&](LedgerAppender& ledger, int seed) {
            for (int i = 0; i < 400; ++i) {
                Effect effect;
                model::AuditEvent event;
                event.action = model::Action::TokenIssued;
                event.jti = std::to_string(seed) + "/" + std::to_string(i);
                effect.events.push_back(event);
                if (i % 7 == 0) effect.ops.push_back(insertMeta(event.jti));
                ledger.append(effect, answers.next());
            }
        };
        std::thread one([&] { drive(*a, 1); });
        std::thread two([&] { drive(*b, 2); });
        one.join();
        two.join();
        answers.await(800);
        std::set<std::uint64_t> places;
        for (std::size_t i = 0; i < 800; ++i) {
            CPPUNIT_ASSERT_MESSAGE(why(answers.at(i)), answers.at(i).ok());
            places.insert(answers.at(i)->firstIndex);
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{800}, places.size());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{800}, treeSize(bed));
        assertSound(bed);
    }

    void aSecondProcessUnderTheSameNameHaltsTheFirst() {
        LedgerBed bed;
        auto first = bed.appender("a");
        CPPUNIT_ASSERT(first->start().ok());
        CPPUNIT_ASSERT(bed.append(*first, eventOnly(bed)).ok());
        auto second = bed.appender("a");
        CPPUNIT_ASSERT(second->start().ok());
        const auto refused = bed.append(*first, eventOnly(bed));
        CPPUNIT_ASSERT(!refused.ok());
        CPPUNIT_ASSERT(first->stats().halted.has_value());
        CPPUNIT_ASSERT(bed.append(*second, eventOnly(bed)).ok());
        CPPUNIT_ASSERT(!bed.append(*first, eventOnly(bed)).ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, treeSize(bed));
        assertSound(bed);
    }

    void aTipThatWentBackHalts() {
        LedgerBed bed;
        bed.fill(3, 1);
        const auto old = *readTip(*bed.storage, bed.clock);
        const auto replica = bed.rowsOf(plugin::select("audit_replicas", {"batch", "lseq", "size"}, {}, 1)).front();
        bed.fill(2, 1);
        const auto now = *readTip(*bed.storage, bed.clock);
        bed.attack({moveTip(now.head(), old), plugin::removeFrom("audit_entries", {{"idx", Compare::Ge, {std::int64_t{3}}}}),
                    plugin::update("audit_replicas", {{"batch", replica[0]}, {"lseq", replica[1]}, {"size", replica[2]}}, {})});
        const auto refused = bed.append(bed.ledger(), eventOnly(bed));
        CPPUNIT_ASSERT(!refused.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("audit rollback"), bed.ledger().stats().halted->hint);
        CPPUNIT_ASSERT_EQUAL(1, bed.log.count(Message::LEDGER_HALTED));
        CPPUNIT_ASSERT(!bed.append(bed.ledger(), eventOnly(bed)).ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, treeSize(bed));
    }

    void aTipOfTheSameSizeWithAnotherRootHalts() {
        LedgerBed bed;
        bed.fill(2, 1);
        auto forged = *readTip(*bed.storage, bed.clock);
        const Head before = forged.head();
        Frontier other;
        other.append(leafHash(base::bytesOf("x")));
        other.append(leafHash(base::bytesOf("y")));
        forged.frontier = other;
        forged.root = other.root();
        bed.attack({moveTip(before, forged)});
        CPPUNIT_ASSERT(!bed.append(bed.ledger(), eventOnly(bed)).ok());
        CPPUNIT_ASSERT(bed.ledger().stats().halted.has_value());
    }

    void startRefusesATipThatDoesNotFitItsRows() {
        LedgerBed bed;
        bed.fill(5, 1);
        bed.closeLedger();
        bed.attack({plugin::removeFrom("audit_entries", {{"idx", Compare::Eq, {std::int64_t{4}}}})});
        auto own = bed.appender();
        const auto started = own->start();
        CPPUNIT_ASSERT(!started.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("the audit ledger is damaged"), started.error().hint);
        bed.attack({plugin::removeFrom("audit_tip", {})});
        auto other = bed.appender();
        CPPUNIT_ASSERT(!other->start().ok());
        bool refused = false;
        other->append(eventOnly(bed), [&](const base::Result<Committed>& result) { refused = !result.ok(); });
        CPPUNIT_ASSERT(refused);
    }

    void startTakesTheNextEpochAndNumbersBeginAnew() {
        LedgerBed bed;
        bed.fill(2, 1);
        bed.closeLedger();
        bed.fill(1, 1);
        auto reader = bed.reader();
        const auto records = reader.since(0, 10);
        CPPUNIT_ASSERT(records.ok());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, (*records)[1].entry.epoch);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, (*records)[1].entry.lseq);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, (*records)[2].entry.epoch);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, (*records)[2].entry.lseq);
        CPPUNIT_ASSERT((*records)[2].previousChain == (*records)[1].chain);
        assertSound(bed);
    }

    void tilesAreWhatTheLeavesSayAcrossRestartsAndReplicas() {
        LedgerBed bed;
        auto other = bed.appender("b");
        CPPUNIT_ASSERT(other->start().ok());
        std::mt19937 random(4);
        std::size_t appended = 0;
        while (appended < 1400) {
            Effect effect;
            for (unsigned i = 0; i < 1 + random() % 60; ++i) effect.events.push_back(bed.event());
            appended += effect.events.size();
            if (random() % 9 == 0) bed.closeLedger();
            CPPUNIT_ASSERT(bed.append(random() % 2 == 0 ? *other : bed.ledger(), effect).ok());
        }
        const auto tip = *readTip(*bed.storage, bed.clock);
        TileReader reader(*bed.storage, bed.clock);
        CPPUNIT_ASSERT(*rootAt(reader, tip.frontier.size()) == tip.root);
        const auto tiles = bed.rowsOf(plugin::select("audit_tiles", {"level", "idx", "hashes"}, {}, 100, {{"level"}, {"idx"}}));
        CPPUNIT_ASSERT_EQUAL(static_cast<std::size_t>(tip.frontier.size() / 256 + 1), tiles.size());
        CPPUNIT_ASSERT_EQUAL(static_cast<std::size_t>(tip.frontier.size() / 256 * 32), std::get<base::Bytes>(tiles.back()[2]).size());
        CPPUNIT_ASSERT_EQUAL(0, bed.log.count(Message::LEDGER_EDGE_DAMAGED));
        assertSound(bed);
    }

    void stopWritesWhatIsQueuedAndTakesNothingNew() {
        LedgerBed bed;
        auto own = bed.appender();
        CPPUNIT_ASSERT(own->start().ok());
        Answers answers;
        bed.gate.close();
        for (int i = 0; i < 10; ++i) own->append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        std::thread opener([&] { bed.gate.open(); });
        CPPUNIT_ASSERT(own->stop(base::seconds(10)).ok());
        opener.join();
        answers.await(10);
        for (std::size_t i = 0; i < 10; ++i) CPPUNIT_ASSERT_MESSAGE(why(answers.at(i)), answers.at(i).ok());
        own->append(eventOnly(bed), answers.next());
        CPPUNIT_ASSERT(!answers.at(10).ok() && answers.at(10).error().code == base::Errc::Unavailable);
        CPPUNIT_ASSERT(own->stop(base::seconds(1)).ok());
        CPPUNIT_ASSERT_EQUAL(0, answers.twice());
    }

    void stopWithoutTimeAnswersWhatItCannotWrite() {
        LedgerBed bed;
        auto own = bed.appender();
        CPPUNIT_ASSERT(own->start().ok());
        Answers answers;
        bed.gate.close();
        own->append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        for (int i = 0; i < 5; ++i) own->append(eventOnly(bed), answers.next());
        std::promise<base::Result<void>> stopped;
        std::thread stopper([&] { stopped.set_value(own->stop(base::milliseconds(0))); });
        // stop() gives up at once; only then may the commit in flight end.
        while (own->stats().waiting != 0) {
            bed.gate.open();
            std::this_thread::yield();
        }
        stopper.join();
        answers.await(6);
        CPPUNIT_ASSERT(answers.at(0).ok());
        CPPUNIT_ASSERT_EQUAL(0, answers.twice());
        std::uint64_t written = 0;
        for (std::size_t i = 0; i < 6; ++i) written += answers.at(i).ok() ? 1 : 0;
        CPPUNIT_ASSERT_EQUAL(written, treeSize(bed));
        assertSound(bed);
    }

    void flushWaitsForWhatWasAppendedBefore() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        Answers answers;
        bed.gate.close();
        ledger.append(eventOnly(bed), answers.next());
        bed.gate.awaitCommit();
        const auto early = ledger.flush(base::milliseconds(1));
        CPPUNIT_ASSERT(!early.ok() && early.error().code == base::Errc::Deadline);
        bed.gate.open();
        CPPUNIT_ASSERT(ledger.flush(base::seconds(10)).ok());
        CPPUNIT_ASSERT(answers.at(0).ok());
    }

    void manyThreadsAppendAndEveryAnswerIsOneEntry() {
        LedgerBed bed;
        auto& ledger = bed.ledger();
        Answers answers;
        std::vector<std::thread> threads;
        for (int t = 0; t < 8; ++t) {
            threads.emplace_back([&, t] {
                for (int i = 0; i < 100; ++i) {
                    Effect effect;
                    model::AuditEvent event;
                    event.action = model::Action::TokenIssued;
                    event.jti = std::to_string(t) + "/" + std::to_string(i);
                    effect.events.push_back(event);
                    if (i % 10 == 0) effect.ops.push_back(insertMeta(std::to_string(i)));
                    ledger.append(effect, answers.next());
                }
            });
        }
        for (auto& thread : threads) thread.join();
        answers.await(800);
        std::uint64_t held = 0;
        for (std::size_t i = 0; i < 800; ++i) held += answers.at(i).ok() ? 1 : 0;
        // Of the ten names that all eight threads insert, one of each eight succeeds.
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{800 - 70}, held);
        CPPUNIT_ASSERT_EQUAL(held, treeSize(bed));
        CPPUNIT_ASSERT_EQUAL(0, answers.twice());
        assertSound(bed);
    }

    void anEventWithoutIdOrTimeGetsBoth() {
        LedgerBed bed;
        Effect effect;
        effect.events.emplace_back();
        effect.events[0].action = model::Action::ConfigChanged;
        CPPUNIT_ASSERT(bed.append(bed.ledger(), effect).ok());
        const auto record = bed.reader().at(0, Tenancy::platform());
        CPPUNIT_ASSERT(record.ok());
        CPPUNIT_ASSERT(record->entry.event.timestamp == bed.clock.now());
        CPPUNIT_ASSERT(base::isUuid(record->entry.event.eventId.str()));
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(AppenderTest);
