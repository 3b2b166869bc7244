/// The ledger's process is killed at each of its failpoints, again and again over the same database. After every death: what was
/// acknowledged is in the log, its state with it, nothing is there twice, every number follows, and the next start goes on.
#include <cppunit/extensions/HelperMacros.h>
#include <signal.h>

#include <fstream>
#include <set>

#include "audit/reader.h"
#include "audit/verifier.h"
#include "base/text.h"
#include "crypto/key.h"
#include "support/crash_child.h"
#include "support/loaded_plugin.h"
#include "support/skip.h"
#include "support/temp_folder.h"

using namespace agentidp;
using namespace agentidp::audit;

namespace {

using tests::Death;
using tests::kFailpoints;

/// Runs the child over `folder`; what it acknowledged is appended to `acks`.
Death runChild(const tests::TempFolder& folder, const std::string& failpoint, const std::string& effects) {
    return tests::runCrashChild(AGENTIDP_CRASH_CHILD, {folder.path("data"), effects}, failpoint, folder.path("acks"));
}

}  // namespace

class CrashTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CrashTest);
    CPPUNIT_TEST(acknowledgedEventsOutliveAKillAtEveryFailpoint);
    CPPUNIT_TEST_SUITE_END();

    void assertWhole(const tests::TempFolder& folder, const std::string& after) {
        const base::SystemClock clock;
        tests::LoadedPlugin plugin(clock, plugin::wanted(AIP_KIND_STORAGE, "sqlite", {}), folder.path("data"));
        auto& storage = plugin.catalog().storage();
        const auto key = *crypto::PrivateKey::ed25519FromSeed(base::Bytes(32, 9));
        VerifierOptions options;
        options.keys = {key.publicKey().members().x};
        options.anchors = {{folder.path("data") + "/checkpoints", AnchorFolder::Keeps::Hourly}};
        Verifier verifier(storage, clock, options);
        const auto report = verifier.verify(VerifyMode::Full);
        CPPUNIT_ASSERT_MESSAGE(after, report.ok());
        CPPUNIT_ASSERT_MESSAGE(after + report->json(), report->ok);
        std::multiset<std::string> logged;
        Reader reader(storage, clock, options.keys);
        for (std::uint64_t next = 0;;) {
            const auto records = reader.since(next, 1'000);
            CPPUNIT_ASSERT(records.ok());
            for (const auto& record : *records) logged.insert(record.entry.event.eventId.str());
            if (records->size() < 1'000) break;
            next = records->back().index + 1;
        }
        const auto found = storage.read({plugin::select("meta", {"name"}, {}, 10'000)}, plugin::callWithin(clock, base::seconds(5)));
        CPPUNIT_ASSERT(found.ok());
        std::set<std::string> rows;
        for (const auto& row : found->front().rows) rows.insert(std::get<std::string>(row.front()));
        std::ifstream acks(folder.path("acks"));
        std::string line;
        std::size_t acknowledged = 0;
        while (std::getline(acks, line)) {
            const auto words = base::split(line, ' ');
            if (words.size() < 2 || words[0] != "ack") continue;
            ++acknowledged;
            CPPUNIT_ASSERT_EQUAL_MESSAGE(after + ": " + words[1], std::size_t{1}, logged.count(words[1]));
            if (words.size() == 3) CPPUNIT_ASSERT_MESSAGE(after + ": the row of " + words[1], rows.contains(words[1]));
        }
        for (const auto& row : rows) CPPUNIT_ASSERT_EQUAL_MESSAGE(after + ": " + row, std::size_t{1}, logged.count(row));
        CPPUNIT_ASSERT(acknowledged > 0);
    }

    void acknowledgedEventsOutliveAKillAtEveryFailpoint() {
        if (!kFailpoints) return tests::skip("failpoints are not compiled in");
        const tests::TempFolder folder;
        CPPUNIT_ASSERT_EQUAL(0, runChild(folder, "", "25").code);
        for (const std::string name :
             {"before_enqueue", "after_enqueue", "before_lock", "after_lock", "before_insert", "before_tile", "before_tip", "before_commit",
              "after_commit", "before_ack", "after_ack", "before_sign", "before_anchor"}) {
            for (const std::string arrival : {"1", "2", "13"}) {
                const bool rare = name == "before_sign" || name == "before_anchor";
                const std::string point = "ledger." + name + ":" + (rare && arrival == "13" ? "3" : arrival) + ":kill";
                const auto death = runChild(folder, point, "40");
                CPPUNIT_ASSERT_EQUAL_MESSAGE(point, SIGKILL, death.signal);
                assertWhole(folder, point);
            }
        }
        for (const std::string name : {"before_lock", "before_insert", "before_tile", "before_tip", "after_commit"}) {
            const std::string point = "ledger." + name + ":3:error";
            CPPUNIT_ASSERT_EQUAL_MESSAGE(point, 0, runChild(folder, point, "20").code);
            assertWhole(folder, point);
        }
        CPPUNIT_ASSERT_EQUAL(0, runChild(folder, "", "25").code);
        assertWhole(folder, "the end");
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(CrashTest);
