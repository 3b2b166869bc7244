#include <cppunit/extensions/HelperMacros.h>
#include <utime.h>

#include <atomic>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "ledger_bed.h"

using namespace agentidp;
using namespace agentidp::audit;
using observe::Message;
using plugin::Compare;
using tests::LedgerBed;

namespace {

std::string readFile(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

std::size_t notes(LedgerBed& bed) { return bed.rowsOf(plugin::select("audit_checkpoints", {"note"}, {}, 10'000)).size(); }

}  // namespace

class CheckpointerTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(CheckpointerTest);
    CPPUNIT_TEST(signsWhereTheLedgerGrewAndTheIntervalPassed);
    CPPUNIT_TEST(oneReplicaSignsAtATime);
    CPPUNIT_TEST(anotherReplicaMaySignMeanwhile);
    CPPUNIT_TEST(whoAsksAtOnceTakesTurnsWithTheScheduler);
    CPPUNIT_TEST(anchorsEachNoteAndOneFileAnHour);
    CPPUNIT_TEST(aFailingAnchorIsTriedAgain);
    CPPUNIT_TEST(aFailingSignerLeavesTheClockRunning);
    CPPUNIT_TEST(refusesToSignARewrittenTree);
    CPPUNIT_TEST(refusesToSignAShorterTreeThoughStorageForgotItsNotes);
    CPPUNIT_TEST(thinsToOneAnHourAfterADay);
    CPPUNIT_TEST(startPassesWhereNothingWasEverSigned);
    CPPUNIT_TEST(startPassesOnAnUntouchedLedger);
    CPPUNIT_TEST(startPassesBesideAReplicaThatSigns);
    CPPUNIT_TEST(startRefusesAnEmptyStorageThatAnAnchorRemembers);
    CPPUNIT_TEST(startRefusesATreeBehindItsAnchor);
    CPPUNIT_TEST(startRefusesATreeThatContradictsItsAnchor);
    CPPUNIT_TEST(startRefusesAnAnchorOfAnotherKeyOrLedger);
    CPPUNIT_TEST(startRefusesAnAnchorThatIsNoNote);
    CPPUNIT_TEST(aNewOriginNamesTheOldCheckpointAndLetsTheStartPass);
    CPPUNIT_TEST_SUITE_END();

    void signsWhereTheLedgerGrewAndTheIntervalPassed() {
        LedgerBed bed;
        (void)bed.ledger();
        Checkpointer checkpointer(*bed.storage, bed.clock, bed.log, bed.signing());
        bed.clock.advance(base::seconds(10));
        CPPUNIT_ASSERT(checkpointer.tick().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, notes(bed));
        bed.fill(3);
        CPPUNIT_ASSERT(checkpointer.tick().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, notes(bed));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, checkpointer.stats().signedSize);
        bed.fill(2);
        bed.clock.advance(base::seconds(2));
        CPPUNIT_ASSERT(checkpointer.tick().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, notes(bed));
        bed.clock.advance(base::seconds(2));
        CPPUNIT_ASSERT(checkpointer.tick().ok());
        CPPUNIT_ASSERT(checkpointer.stats().unanchoredSeconds >= 2.0 && checkpointer.stats().unanchoredSeconds < 3.0);
        bed.clock.advance(base::seconds(2));
        CPPUNIT_ASSERT(checkpointer.tick().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, notes(bed));
        CPPUNIT_ASSERT_EQUAL(0.0, checkpointer.stats().unanchoredSeconds);
        bed.clock.advance(base::seconds(60));
        CPPUNIT_ASSERT(checkpointer.tick().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, notes(bed));
        const auto last = readLastCheckpoint(*bed.storage, bed.clock, "test.example/audit", {bed.publicKey});
        CPPUNIT_ASSERT(last.ok() && last->has_value());
        CPPUNIT_ASSERT((*last)->checkpoint.head == readTip(*bed.storage, bed.clock)->head());
    }

    void oneReplicaSignsAtATime() {
        LedgerBed bed;
        auto other = bed.signing();
        other.holder = "b";
        Checkpointer one(*bed.storage, bed.clock, bed.log, bed.signing());
        Checkpointer two(*bed.storage, bed.clock, bed.log, other);
        for (int i = 1; i <= 3; ++i) {
            bed.fill(1);
            bed.clock.advance(base::seconds(6));
            CPPUNIT_ASSERT(one.tick().ok());
            CPPUNIT_ASSERT(two.tick().ok());
            CPPUNIT_ASSERT_EQUAL(static_cast<std::size_t>(i), notes(bed));
            CPPUNIT_ASSERT_EQUAL(0.0, two.stats().unanchoredSeconds);
        }
        // The holder is gone: its lease ends by itself.
        bed.fill(1);
        bed.clock.advance(base::seconds(20));
        CPPUNIT_ASSERT(two.tick().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{4}, notes(bed));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, two.stats().signedSize);
    }

    /// Between two reads of one replica the ledger grows and another signs more than the first has seen: that is no rollback.
    void anotherReplicaMaySignMeanwhile() {
        LedgerBed bed;
        auto other = bed.signing();
        other.holder = "b";
        Checkpointer one(bed.gate, bed.clock, bed.log, bed.signing());
        Checkpointer two(*bed.storage, bed.clock, bed.log, other);
        bed.fill(3);
        int reads = 0;
        for (int meanwhile = 1; meanwhile <= 6; ++meanwhile) {
            reads = 0;
            bed.gate.beforeRead = [&](const std::vector<plugin::Op>&) {
                if (++reads != meanwhile) return;
                bed.fill(2);
                CPPUNIT_ASSERT(two.signNow().ok());
            };
            const auto done = one.signNow();
            CPPUNIT_ASSERT_MESSAGE("read " + std::to_string(meanwhile) + ": " + (done ? "" : done.error().hint), done.ok());
            CPPUNIT_ASSERT(!one.stats().refused);
        }
        CPPUNIT_ASSERT_EQUAL(0, bed.log.count(Message::LEDGER_CHECKPOINT_REFUSED));
    }

    /// `agentidp backup` asks for a signature while the scheduler's tick makes one.
    void whoAsksAtOnceTakesTurnsWithTheScheduler() {
        LedgerBed bed;
        bed.fill(1);
        auto options = bed.signing();
        options.interval = base::seconds(0);
        Checkpointer checkpointer(*bed.storage, bed.clock, bed.log, std::move(options));
        std::atomic<bool> over{false};
        std::atomic<int> failed{0};
        std::vector<std::thread> threads;
        threads.emplace_back([&] {
            while (!over) failed += checkpointer.tick().ok() ? 0 : 1;
        });
        threads.emplace_back([&] {
            while (!over) failed += checkpointer.signNow().ok() ? 0 : 1;
        });
        for (int i = 0; i < 100; ++i) bed.fill(2);
        over = true;
        for (auto& thread : threads) thread.join();
        CPPUNIT_ASSERT_EQUAL(0, failed.load());
        CPPUNIT_ASSERT_EQUAL(0, bed.log.count(Message::LEDGER_CHECKPOINT_REFUSED));
    }

    void anchorsEachNoteAndOneFileAnHour() {
        LedgerBed bed;
        bed.fill(2);
        bed.checkpoint();
        bed.fill(2);
        bed.checkpoint();
        const auto latest = openCheckpoint(readFile(bed.folder / "anchor" / "latest"), {bed.publicKey});
        CPPUNIT_ASSERT(latest.ok());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, latest->checkpoint.head.size);
        CPPUNIT_ASSERT(readFile(bed.folder / "state" / "latest") == latest->note);
        std::set<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(bed.folder / "anchor")) names.insert(entry.path().filename());
        // The files' own times are the machine's while the test's clock stands elsewhere: both notes are the first of their hour.
        CPPUNIT_ASSERT(names.contains("latest") && names.contains("checkpoint-00000000000000000002"));
        utimbuf sameHour{};
        sameHour.actime = sameHour.modtime = base::epochSecondsOf(bed.clock.now());
        for (const auto& name : names) CPPUNIT_ASSERT_EQUAL(0, ::utime((bed.folder / "anchor" / name).c_str(), &sameHour));
        bed.fill(2);
        bed.checkpoint();
        CPPUNIT_ASSERT(!std::filesystem::exists(bed.folder / "anchor" / "checkpoint-00000000000000000006"));
        const auto read = readAnchors(bed.signing().anchors);
        CPPUNIT_ASSERT(read.ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{3}, read->size());
    }

    void aFailingAnchorIsTriedAgain() {
        LedgerBed bed;
        bed.fill(2);
        { std::ofstream inTheWay(bed.folder / "anchor"); }
        Checkpointer checkpointer(*bed.storage, bed.clock, bed.log, bed.signing());
        CPPUNIT_ASSERT(!checkpointer.signNow().ok());
        CPPUNIT_ASSERT_EQUAL(1, bed.log.count(Message::LEDGER_CHECKPOINT_FAILED));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, notes(bed));
        std::filesystem::remove(bed.folder / "anchor");
        CPPUNIT_ASSERT(checkpointer.tick().ok());
        CPPUNIT_ASSERT(openCheckpoint(readFile(bed.folder / "anchor" / "latest"), {bed.publicKey}).ok());
    }

    void aFailingSignerLeavesTheClockRunning() {
        LedgerBed bed;
        bed.fill(2);
        auto options = bed.signing();
        bool broken = true;
        options.sign = [&](base::BytesView data) -> base::Result<base::Bytes> {
            if (broken) return base::fail(base::Errc::Unavailable, "", "the signer is away");
            return bed.key.sign(crypto::Algorithm::EdDsa, data);
        };
        Checkpointer checkpointer(*bed.storage, bed.clock, bed.log, options);
        bed.clock.advance(base::seconds(6));
        CPPUNIT_ASSERT(!checkpointer.tick().ok());
        bed.clock.advance(base::seconds(6));
        CPPUNIT_ASSERT(!checkpointer.tick().ok());
        CPPUNIT_ASSERT(checkpointer.stats().unanchoredSeconds >= 6.0);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, notes(bed));
        broken = false;
        bed.clock.advance(base::seconds(6));
        CPPUNIT_ASSERT(checkpointer.tick().ok());
        CPPUNIT_ASSERT_EQUAL(0.0, checkpointer.stats().unanchoredSeconds);
    }

    /// A tip that fits its own frontier and holds other entries than were signed.
    void forgeTip(LedgerBed& bed, std::uint64_t size) {
        Tip tip = *readTip(*bed.storage, bed.clock);
        const Head head = tip.head();
        tip.frontier = Frontier();
        std::vector<plugin::Op> ops{plugin::removeFrom("audit_entries", {{"idx", Compare::Ge, {static_cast<std::int64_t>(size)}}})};
        for (std::uint64_t i = 0; i < size; ++i) {
            const Hash leaf = leafHash(base::bytesOf("forged " + std::to_string(i)));
            tip.frontier.append(leaf);
            ops.push_back(
                plugin::update("audit_entries", {{"leaf", toBytes(leaf)}}, {{"idx", Compare::Eq, {static_cast<std::int64_t>(i)}}}));
        }
        tip.root = tip.frontier.root();
        ops.push_back(moveTip(head, tip));
        bed.attack(std::move(ops));
    }

    void refusesToSignARewrittenTree() {
        LedgerBed bed;
        bed.fill(5);
        bed.checkpoint();
        bed.fill(5);
        bed.closeLedger();
        forgeTip(bed, 10);
        Checkpointer checkpointer(*bed.storage, bed.clock, bed.log, bed.signing());
        bed.clock.advance(base::seconds(6));
        const auto refused = checkpointer.tick();
        CPPUNIT_ASSERT(!refused.ok() && refused.error().code == base::Errc::Conflict);
        CPPUNIT_ASSERT_EQUAL(std::string("audit rollback"), refused.error().hint);
        CPPUNIT_ASSERT(checkpointer.stats().refused.has_value());
        CPPUNIT_ASSERT_EQUAL(1, bed.log.count(Message::LEDGER_CHECKPOINT_REFUSED));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, notes(bed));
    }

    void refusesToSignAShorterTreeThoughStorageForgotItsNotes() {
        LedgerBed bed;
        bed.fill(10);
        Checkpointer checkpointer(*bed.storage, bed.clock, bed.log, bed.signing());
        CPPUNIT_ASSERT(checkpointer.signNow().ok());
        bed.attack({plugin::removeFrom("audit_checkpoints", {})});
        forgeTip(bed, 6);
        const auto refused = checkpointer.signNow();
        CPPUNIT_ASSERT(!refused.ok() && refused.error().code == base::Errc::Conflict);
        CPPUNIT_ASSERT_EQUAL(std::size_t{0}, notes(bed));
    }

    void thinsToOneAnHourAfterADay() {
        LedgerBed bed;
        const auto start = std::chrono::floor<std::chrono::hours>(bed.clock.now()) - std::chrono::hours(30);
        std::vector<plugin::Op> ops;
        std::uint64_t size = 0;
        for (int minute = 0; minute < 30 * 60; minute += 5)
            ops.push_back(insertCheckpoint({{"log", {++size, Hash{}}}, "note"}, start + std::chrono::minutes(minute)));
        bed.attack(std::move(ops));
        Checkpointer checkpointer(*bed.storage, bed.clock, bed.log, bed.signing());
        CPPUNIT_ASSERT(checkpointer.thin().ok());
        // Of 30 hours the first six are older than a day.
        CPPUNIT_ASSERT_EQUAL(std::size_t{6 + 24 * 12}, notes(bed));
        CPPUNIT_ASSERT(checkpointer.thin().ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{6 + 24 * 12}, notes(bed));
    }

    base::Result<void> start(LedgerBed& bed) { return checkStart(*bed.storage, bed.clock, bed.signing().anchors, {bed.publicKey}); }

    void startPassesBesideAReplicaThatSigns() {
        for (int meanwhile = 1; meanwhile <= 4; ++meanwhile) {
            LedgerBed bed;
            bed.fill(3);
            Checkpointer other(*bed.storage, bed.clock, bed.log, bed.signing());
            CPPUNIT_ASSERT(other.signNow().ok());
            int reads = 0;
            bed.gate.beforeRead = [&](const std::vector<plugin::Op>&) {
                if (++reads != meanwhile) return;
                bed.fill(2);
                CPPUNIT_ASSERT(other.signNow().ok());
            };
            const auto started = checkStart(bed.gate, bed.clock, bed.signing().anchors, {bed.publicKey});
            CPPUNIT_ASSERT_MESSAGE("read " + std::to_string(meanwhile) + ": " + (started ? "" : started.error().detail), started.ok());
        }
    }

    void assertRollback(LedgerBed& bed) {
        const auto refused = start(bed);
        CPPUNIT_ASSERT(!refused.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("audit rollback"), refused.error().hint);
        CPPUNIT_ASSERT(!refused.error().detail.empty());
    }

    void startPassesWhereNothingWasEverSigned() {
        LedgerBed bed;
        CPPUNIT_ASSERT(start(bed).ok());
        bed.fill(3);
        CPPUNIT_ASSERT(start(bed).ok());
    }

    void startPassesOnAnUntouchedLedger() {
        LedgerBed bed;
        bed.fill(300);
        bed.checkpoint();
        CPPUNIT_ASSERT(start(bed).ok());
        bed.fill(300);
        CPPUNIT_ASSERT(start(bed).ok());
    }

    void startRefusesAnEmptyStorageThatAnAnchorRemembers() {
        LedgerBed bed;
        bed.fill(3);
        bed.checkpoint();
        bed.closeLedger();
        bed.storage = tests::FakeStorage::migrated(bed.clock);
        assertRollback(bed);
    }

    void startRefusesATreeBehindItsAnchor() {
        LedgerBed bed;
        bed.fill(8);
        bed.checkpoint();
        bed.closeLedger();
        TileReader reader(*bed.storage, bed.clock);
        Tip tip = *readTip(*bed.storage, bed.clock);
        const Head head = tip.head();
        tip.frontier = *frontierAt(reader, 5);
        tip.root = tip.frontier.root();
        bed.attack({moveTip(head, tip), plugin::removeFrom("audit_entries", {{"idx", Compare::Ge, {std::int64_t{5}}}}),
                    plugin::removeFrom("audit_checkpoints", {})});
        assertRollback(bed);
    }

    void startRefusesATreeThatContradictsItsAnchor() {
        LedgerBed bed;
        bed.fill(8);
        bed.checkpoint();
        bed.fill(8);
        bed.closeLedger();
        forgeTip(bed, 16);
        assertRollback(bed);
    }

    void startRefusesAnAnchorOfAnotherKeyOrLedger() {
        LedgerBed bed;
        bed.fill(8);
        bed.checkpoint();
        CPPUNIT_ASSERT(!checkStart(*bed.storage, bed.clock, bed.signing().anchors, {base::Bytes(32, 1)}).ok());
        const auto foreign = bed.signHead({3, leafHash(base::bytesOf("x"))}, "other.example/audit");
        CPPUNIT_ASSERT(writeAnchor(bed.signing().anchors[0], foreign, bed.clock.now()).ok());
        assertRollback(bed);
        const auto later = bed.signHead({3, leafHash(base::bytesOf("x"))}, "test.example/audit/origin-2");
        CPPUNIT_ASSERT(writeAnchor(bed.signing().anchors[0], later, bed.clock.now()).ok());
        assertRollback(bed);
    }

    void startRefusesAnAnchorThatIsNoNote() {
        LedgerBed bed;
        bed.fill(8);
        bed.checkpoint();
        std::ofstream(bed.folder / "state" / "latest") << "garbage";
        assertRollback(bed);
    }

    void aNewOriginNamesTheOldCheckpointAndLetsTheStartPass() {
        LedgerBed bed;
        bed.fill(8);
        bed.checkpoint();
        bed.closeLedger();
        forgeTip(bed, 6);
        assertRollback(bed);
        const std::string old = readFile(bed.folder / "state" / "latest");
        auto effect = openOrigin(*bed.storage, bed.clock, "cli:0", old);
        CPPUNIT_ASSERT(effect.ok());
        CPPUNIT_ASSERT(bed.append(bed.ledger(), *effect).ok());
        CPPUNIT_ASSERT_EQUAL(std::string("test.example/audit/origin-2"), readTip(*bed.storage, bed.clock)->origin);
        const auto result = start(bed);
        CPPUNIT_ASSERT_MESSAGE(result ? "" : result.error().detail, result.ok());
        const auto named = parseEntry(bed.bodyOf(6));
        CPPUNIT_ASSERT(named.ok());
        CPPUNIT_ASSERT(named->event.action == model::Action::AuditOriginOpened);
        CPPUNIT_ASSERT(named->event.metadataJson.find("test.example/audit\\n8\\n") != std::string::npos);
        // The same effect a second time finds the origin moved.
        CPPUNIT_ASSERT(!bed.append(bed.ledger(), *effect).ok());
        bed.checkpoint();
        const auto latest = openCheckpoint(readFile(bed.folder / "state" / "latest"), {bed.publicKey});
        CPPUNIT_ASSERT_EQUAL(std::string("test.example/audit/origin-2"), latest->checkpoint.origin);
        CPPUNIT_ASSERT(start(bed).ok());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(CheckpointerTest);
