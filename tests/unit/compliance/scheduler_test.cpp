/// Jobs: one run at a time among replicas, resumed where it stopped, told about when it fails.
#include <cppunit/extensions/HelperMacros.h>

#include "base/ids.h"
#include "compliance/records.h"
#include "compliance/scheduler.h"
#include "fakes/fake_clock.h"
#include "fakes/fake_ledger.h"
#include "fakes/fake_storage.h"
#include "store/leases.h"

namespace agentidp::compliance {

using base::Errc;

/// Three slices, then done. Can be made to fail at one of them.
class ThreeSlices final : public plugin::Job {
public:
    [[nodiscard]] std::string name() const override { return "three"; }
    [[nodiscard]] base::seconds interval() const override { return base::seconds(3600); }
    base::Result<plugin::JobSlice> run(std::string_view cursor, const plugin::Call&) override {
        cursors.emplace_back(cursor);
        if (cursors.size() == failAt) return base::fail(Errc::Unavailable, "the backend is away");
        const auto next = cursor.empty() ? 1 : std::stoi(std::string(cursor)) + 1;
        return plugin::JobSlice{next == 3 ? "" : std::to_string(next), 10};
    }
    std::vector<std::string> cursors;
    std::size_t failAt = 0;
};

class SchedulerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(SchedulerTest);
    CPPUNIT_TEST(runsSliceAfterSliceAndRemembersTheEnd);
    CPPUNIT_TEST(saysWhyAJobFailed);
    CPPUNIT_TEST(leavesAJobToTheReplicaThatHoldsItsLease);
    CPPUNIT_TEST(knowsNoOtherJob);
    CPPUNIT_TEST(reportsAFindingOnceADay);
    CPPUNIT_TEST(refusesAFindingWithoutASubject);
    CPPUNIT_TEST_SUITE_END();

public:
    void setUp() override { storage_ = tests::FakeStorage::migrated(clock_); }

    void runsSliceAfterSliceAndRemembersTheEnd() {
        ThreeSlices job;
        Scheduler scheduler(*storage_, clock_, {&job}, options());
        const auto run = scheduler.runNow("three");
        CPPUNIT_ASSERT(run.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("ok"), run->outcome);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{30}, run->processed);
        CPPUNIT_ASSERT((job.cursors == std::vector<std::string>{"", "1", "2"}));
        CPPUNIT_ASSERT_EQUAL(std::string("three:ok"), told_);
        const auto status = scheduler.status();
        CPPUNIT_ASSERT(status.ok() && status->size() == 1 && status->front().last.finishedAt.has_value());
    }

    void saysWhyAJobFailed() {
        ThreeSlices job;
        job.failAt = 2;
        Scheduler scheduler(*storage_, clock_, {&job}, options());
        CPPUNIT_ASSERT_EQUAL(std::string("the backend is away"), scheduler.runNow("three")->outcome);
        CPPUNIT_ASSERT_EQUAL(std::string("three:the backend is away"), told_);
        job.failAt = 0;
        CPPUNIT_ASSERT_EQUAL(std::string("ok"), scheduler.runNow("three")->outcome);
    }

    void leavesAJobToTheReplicaThatHoldsItsLease() {
        ThreeSlices job;
        CPPUNIT_ASSERT(*store::takeLease(*storage_, clock_, "job/three", "another", base::seconds(60)) == store::LeaseOutcome::Held);
        Scheduler scheduler(*storage_, clock_, {&job}, options());
        CPPUNIT_ASSERT(scheduler.runNow("three").error().code == Errc::Conflict);
        CPPUNIT_ASSERT(job.cursors.empty());
        clock_.advance(base::seconds(61));
        CPPUNIT_ASSERT(scheduler.runNow("three").ok());
    }

    void knowsNoOtherJob() {
        Scheduler scheduler(*storage_, clock_, {}, options());
        CPPUNIT_ASSERT(scheduler.runNow("three").error().code == Errc::NotFound);
    }

    void reportsAFindingOnceADay() {
        tests::FakeLedger ledger(*storage_, clock_);
        Findings findings(ledger, *storage_, clock_);
        const base::json::Value finding = base::json::Object{{"code", "late"}, {"severity", "warning"}, {"subject", "s1"}};
        CPPUNIT_ASSERT(findings.report("three", finding).ok());
        CPPUNIT_ASSERT(findings.report("three", finding).ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, ledger.events().size());
        CPPUNIT_ASSERT(ledger.events().front().action == model::Action::JobFinding);
        CPPUNIT_ASSERT_EQUAL(std::string("job:three"), ledger.events().front().actor);
        clock_.advance(std::chrono::hours(24));
        CPPUNIT_ASSERT(findings.report("three", finding).ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, ledger.events().size());
    }

    void refusesAFindingWithoutASubject() {
        tests::FakeLedger ledger(*storage_, clock_);
        Findings findings(ledger, *storage_, clock_);
        CPPUNIT_ASSERT(findings.report("three", base::json::Object{{"code", "late"}, {"severity", "warning"}}).error().code ==
                       Errc::Invalid);
        CPPUNIT_ASSERT(findings.report("three", base::json::Object{{"code", "late"}, {"severity", "odd"}, {"subject", "s"}}).error().code ==
                       Errc::Invalid);
        CPPUNIT_ASSERT(ledger.events().empty());
    }

private:
    SchedulerOptions options() {
        SchedulerOptions made;
        made.replica = "this";
        made.onRun = [this](const std::string& job, const std::string& outcome, double) { told_ = job + ":" + outcome; };
        return made;
    }

    tests::FakeClock clock_;
    std::unique_ptr<tests::FakeStorage> storage_;
    std::string told_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(SchedulerTest);

}  // namespace agentidp::compliance
