/// What happens to calls that do not come back: the caller goes on, the loss is counted, four wedge, coming back heals.
#include <condition_variable>
#include <thread>

#include "../../broken_plugins/gate.h"
#include "bench.h"

namespace agentidp::plugin {
namespace {

/// Holds calls until the test opens it.
class TestGate {
public:
    TestGate() { table_ = {this, wait, sawCancel}; }
    [[nodiscard]] const tests::Gate* table() const { return &table_; }
    void open() {
        const std::lock_guard hold(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void awaitInside(int calls) {
        std::unique_lock hold(mutex_);
        changed_.wait(hold, [&] { return inside_ >= calls; });
    }
    void awaitCancels(int calls) {
        std::unique_lock hold(mutex_);
        changed_.wait(hold, [&] { return cancels_ >= calls; });
    }

private:
    static TestGate& of(void* self) { return *static_cast<TestGate*>(self); }
    static void wait(void* self) {
        std::unique_lock hold(of(self).mutex_);
        ++of(self).inside_;
        of(self).changed_.notify_all();
        of(self).changed_.wait(hold, [self] { return of(self).open_; });
    }
    static void sawCancel(void* self) {
        const std::lock_guard hold(of(self).mutex_);
        ++of(self).cancels_;
        of(self).changed_.notify_all();
    }
    tests::Gate table_{};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
    int inside_ = 0;
    int cancels_ = 0;
};

}  // namespace

class DeadlineTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(DeadlineTest);
    CPPUNIT_TEST(stopsWaitingAtTheDeadline);
    CPPUNIT_TEST(wedgesAfterFourLostCallsAndHealsWhenTheyComeBack);
    CPPUNIT_TEST(serialPluginIsWedgedByOneLostCall);
    CPPUNIT_TEST(servesManyThreadsAtOnce);
    CPPUNIT_TEST(doesNotEnterPastTheDeadline);
    CPPUNIT_TEST_SUITE_END();

    Bench bench_;
    TestGate gate_;

    void load(Catalog& catalog, const std::string& name) {
        bench_.install(name);
        const auto added = catalog.add(Bench::ratelimit(name));
        CPPUNIT_ASSERT_MESSAGE(added ? "" : added.error().hint, added.ok());
    }
    base::Result<Budget> take(Catalog& catalog, const char* key, base::milliseconds within) {
        return catalog.rateLimiter().take(key, 10, base::seconds(60), 1, callWithin(bench_.clock, within));
    }
    /// The worker counts itself back after the plugin's code has run: until then the answer is still "wedged".
    void awaitHealed(Catalog& catalog) {
        while (!catalog.wedged().empty()) std::this_thread::yield();
    }

    void stopsWaitingAtTheDeadline() {
        bench_.iface = gate_.table();
        Catalog catalog(bench_.settings, bench_.offers());
        load(catalog, "slow");
        CPPUNIT_ASSERT(take(catalog, "wait", base::milliseconds(20)).error().code == base::Errc::Deadline);
        CPPUNIT_ASSERT(take(catalog, "other", base::seconds(20)).ok());
        CPPUNIT_ASSERT(bench_.log.has("PLUGIN_CALL_LOST plugin=ratelimit-slow lost=1"));
        CPPUNIT_ASSERT(catalog.wedged().empty());
        gate_.open();
        gate_.awaitCancels(1);
        while (!bench_.log.has("PLUGIN_CALL_CAME_BACK plugin=ratelimit-slow lost=0")) std::this_thread::yield();
    }
    void wedgesAfterFourLostCallsAndHealsWhenTheyComeBack() {
        bench_.iface = gate_.table();
        Catalog catalog(bench_.settings, bench_.offers());
        load(catalog, "slow");
        for (int i = 0; i < 4; ++i) CPPUNIT_ASSERT(take(catalog, "wait", base::milliseconds(5)).error().code == base::Errc::Deadline);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, catalog.wedged().size());
        CPPUNIT_ASSERT(take(catalog, "other", base::seconds(20)).error().code == base::Errc::Unavailable);
        CPPUNIT_ASSERT(bench_.log.has("PLUGIN_WEDGED plugin=ratelimit-slow lost=4"));
        gate_.open();
        gate_.awaitCancels(4);
        awaitHealed(catalog);
        CPPUNIT_ASSERT(take(catalog, "other", base::seconds(20)).ok());
        while (!bench_.log.has("lost=0")) std::this_thread::yield();
    }
    void serialPluginIsWedgedByOneLostCall() {
        bench_.iface = gate_.table();
        Catalog catalog(bench_.settings, bench_.offers());
        load(catalog, "slowserial");
        CPPUNIT_ASSERT(take(catalog, "wait", base::milliseconds(5)).error().code == base::Errc::Deadline);
        CPPUNIT_ASSERT(take(catalog, "other", base::seconds(20)).error().code == base::Errc::Unavailable);
        gate_.open();
        awaitHealed(catalog);
        CPPUNIT_ASSERT(take(catalog, "other", base::seconds(20)).ok());
    }
    void servesManyThreadsAtOnce() {
        bench_.iface = gate_.table();
        Catalog catalog(bench_.settings, bench_.offers());
        load(catalog, "slow");
        std::vector<std::thread> threads;
        std::atomic<int> good{0};
        for (int i = 0; i < 8; ++i) threads.emplace_back([&] { good += take(catalog, "wait", base::seconds(20)).ok() ? 1 : 0; });
        gate_.awaitInside(8);
        gate_.open();
        for (auto& thread : threads) thread.join();
        CPPUNIT_ASSERT_EQUAL(8, good.load());
    }
    void doesNotEnterPastTheDeadline() {
        Catalog catalog(bench_.settings, bench_.offers());
        load(catalog, "slow");
        Call call = callWithin(bench_.clock, base::milliseconds(-1));
        CPPUNIT_ASSERT(catalog.rateLimiter().take("k", 10, base::seconds(60), 1, call).error().code == base::Errc::Deadline);
        CPPUNIT_ASSERT(!bench_.log.has("PLUGIN_CALL_LOST"));
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(DeadlineTest);

}  // namespace agentidp::plugin
