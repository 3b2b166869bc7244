/// What somebody with the database's password may do to a ledger, one by one, and the name the verifier gives it.
#include <cppunit/extensions/HelperMacros.h>

#include <set>

#include "base/json.h"
#include "base/text.h"
#include "ledger_bed.h"

using namespace agentidp;
using namespace agentidp::audit;
using plugin::Compare;
using plugin::Op;
using plugin::Value;
using tests::LedgerBed;

namespace {

plugin::Where at(std::uint64_t index) { return {"idx", Compare::Eq, {static_cast<std::int64_t>(index)}}; }

Op setEntry(std::uint64_t index, std::vector<plugin::Assign> set) {
    return plugin::update("audit_entries", std::move(set), {at(index)}, 1);
}

std::string named(const VerifyReport& report) {
    std::set<std::string> names;
    for (const auto& finding : report.findings) names.insert(std::string(nameOf(finding.damage)));
    std::string all;
    for (const auto& name : names) all += (all.empty() ? "" : ",") + name;
    return all;
}

base::Bytes edited(const base::Bytes& body) {
    std::string text(base::textOf(body));
    const auto at = text.find("192.0.2.1");
    CPPUNIT_ASSERT(at != std::string::npos);
    text[at + 8] = '9';
    return {text.begin(), text.end()};
}

const std::vector<std::string_view> kColumns{"idx",     "ts",   "organization_num", "agent_num", "action",
                                             "outcome", "leaf", "chain_hash",       "body"};

Op insertRow(const plugin::Row& row, std::uint64_t index) {
    std::vector<plugin::Assign> set;
    for (std::size_t i = 0; i < kColumns.size(); ++i)
        set.push_back({kColumns[i], i == 0 ? Value(static_cast<std::int64_t>(index)) : row[i]});
    return plugin::insertInto("audit_entries", std::move(set));
}

}  // namespace

class VerifierTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(VerifierTest);
    CPPUNIT_TEST(anUntouchedLedgerIsSoundInEveryModeAndSize);
    CPPUNIT_TEST(anEmptyStorageIsSound);
    CPPUNIT_TEST(incrementalPassesReadOnlyWhatIsNew);
    CPPUNIT_TEST(afterARestartAPassBeginsAtTheLastCheckpoint);
    CPPUNIT_TEST(namesAnEditedBody);
    CPPUNIT_TEST(namesAnEditedBodyInTheUnfinishedTile);
    CPPUNIT_TEST(namesAnEditedLeaf);
    CPPUNIT_TEST(namesABodyAndLeafEditedTogether);
    CPPUNIT_TEST(namesABodyAndLeafEditedTogetherInTheUnfinishedTile);
    CPPUNIT_TEST(namesAnEditedTile);
    CPPUNIT_TEST(namesALostTile);
    CPPUNIT_TEST(namesADeletedTail);
    CPPUNIT_TEST(namesATailCutWithItsTip);
    CPPUNIT_TEST(namesADeletedMiddle);
    CPPUNIT_TEST(namesADeletedMiddleWhoseRestMovedUp);
    CPPUNIT_TEST(namesTwoSwappedEntries);
    CPPUNIT_TEST(namesTwoSwappedEntriesInTheUnfinishedTile);
    CPPUNIT_TEST(namesAnInsertedEntry);
    CPPUNIT_TEST(namesAnInsertedEntryInTheUnfinishedTile);
    CPPUNIT_TEST(namesARewrittenSuffix);
    CPPUNIT_TEST(namesARestoredOldDump);
    CPPUNIT_TEST(namesTwoSigners);
    CPPUNIT_TEST(namesAForgedCheckpoint);
    CPPUNIT_TEST(namesEditedColumns);
    CPPUNIT_TEST(namesAnEntryMovedToAnotherOrganization);
    CPPUNIT_TEST(namesAnEditedChain);
    CPPUNIT_TEST(namesABodyThatNoRetentionExplains);
    CPPUNIT_TEST(namesATipThatIsNotItsTree);
    CPPUNIT_TEST(namesAGapInAWritersNumbers);
    CPPUNIT_TEST(theSweepReachesEveryOldEntry);
    CPPUNIT_TEST(randomProofsFindAnEditedBody);
    CPPUNIT_TEST(reportsAsJson);
    CPPUNIT_TEST_SUITE_END();

    /// 700 entries: two full tiles and 188 entries in the third; checkpoints at 300 and at 700.
    void prepare(LedgerBed& bed) {
        bed.fill(300);
        bed.checkpoint();
        bed.fill(400);
        bed.checkpoint();
    }

    VerifyReport pass(Verifier& verifier, VerifyMode mode) {
        const auto report = verifier.verify(mode);
        CPPUNIT_ASSERT_MESSAGE(report ? "" : report.error().hint + report.error().detail, report.ok());
        return *report;
    }

    /// The alarm must come from a fresh full pass, and from the next periodic pass of a verifier that ran before the attack.
    void expect(LedgerBed& bed, const std::function<void()>& attack, const std::string& name, std::uint64_t firstBad,
                const std::string& periodicName = {}) {
        auto verifier = bed.verifier();
        const auto before = pass(verifier, VerifyMode::Incremental);
        CPPUNIT_ASSERT_MESSAGE(before.json(), before.ok);
        attack();
        auto fresh = bed.verifier();
        const auto full = pass(fresh, VerifyMode::Full);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(full.json(), name, named(full));
        CPPUNIT_ASSERT_MESSAGE(full.json(), !full.ok && full.firstBad.has_value());
        CPPUNIT_ASSERT_EQUAL_MESSAGE(full.json(), firstBad, *full.firstBad);
        const auto periodic = pass(verifier, VerifyMode::Incremental);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(periodic.json(), periodicName.empty() ? name : periodicName, named(periodic));
        CPPUNIT_ASSERT(!periodic.ok);
    }

    void anUntouchedLedgerIsSoundInEveryModeAndSize() {
        LedgerBed bed;
        for (const std::size_t more : {1U, 1U, 253U, 1U, 1U, 255U, 1U, 300U}) {
            bed.fill(more, 100);
            auto verifier = bed.verifier();
            for (const auto mode : {VerifyMode::Full, VerifyMode::Incremental, VerifyMode::Sampled, VerifyMode::Incremental}) {
                const auto report = pass(verifier, mode);
                CPPUNIT_ASSERT_MESSAGE(report.json(), report.ok);
            }
            bed.checkpoint();
        }
        prepare(bed);
        auto verifier = bed.verifier();
        const auto report = pass(verifier, VerifyMode::Full);
        CPPUNIT_ASSERT(report.ok);
        CPPUNIT_ASSERT_EQUAL(report.to, report.entriesHashed);
        CPPUNIT_ASSERT_EQUAL(report.to, report.checkpoint->checkpoint.head.size);
    }

    void anEmptyStorageIsSound() {
        LedgerBed bed;
        auto verifier = bed.verifier();
        CPPUNIT_ASSERT(pass(verifier, VerifyMode::Full).ok);
        (void)bed.ledger();
        CPPUNIT_ASSERT(pass(verifier, VerifyMode::Full).ok);
        CPPUNIT_ASSERT(pass(verifier, VerifyMode::Incremental).ok);
    }

    void incrementalPassesReadOnlyWhatIsNew() {
        LedgerBed bed;
        prepare(bed);
        auto options = bed.verifying();
        options.sweep = 0;
        Verifier verifier(*bed.storage, bed.clock, options);
        CPPUNIT_ASSERT(pass(verifier, VerifyMode::Full).ok);
        bed.fill(50);
        const auto next = pass(verifier, VerifyMode::Incremental);
        CPPUNIT_ASSERT(next.ok);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{512}, next.from);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{750}, next.to);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{238}, next.entriesHashed);
    }

    void afterARestartAPassBeginsAtTheLastCheckpoint() {
        LedgerBed bed;
        prepare(bed);
        auto options = bed.verifying();
        options.sweep = 0;
        Verifier verifier(*bed.storage, bed.clock, options);
        const auto first = pass(verifier, VerifyMode::Incremental);
        CPPUNIT_ASSERT_MESSAGE(first.json(), first.ok);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{512}, first.from);
    }

    void namesAnEditedBody() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed,
            [&] {
                bed.attack({setEntry(77, {{"body", edited(bed.bodyOf(77))}})});
            },
            "body_edited", 77);
    }

    void namesAnEditedBodyInTheUnfinishedTile() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed,
            [&] {
                bed.attack({setEntry(690, {{"body", edited(bed.bodyOf(690))}})});
            },
            "body_edited", 690);
    }

    void namesAnEditedLeaf() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed,
            [&] {
                bed.attack({setEntry(301, {{"leaf", base::Bytes(32, 1)}})});
            },
            "leaf_edited", 301);
    }

    void editTogether(LedgerBed& bed, std::uint64_t index) {
        const auto body = edited(bed.bodyOf(index));
        bed.attack({setEntry(index, {{"body", body}, {"leaf", toBytes(leafHash(body))}})});
    }

    void namesABodyAndLeafEditedTogether() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed, [&] { editTogether(bed, 10); }, "body_and_leaf_edited", 10);
    }

    /// There no tile remembers the leaf: a stranger can only say which tile; a verifier that looked before says which entry.
    void namesABodyAndLeafEditedTogetherInTheUnfinishedTile() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed, [&] { editTogether(bed, 600); }, "body_and_leaf_edited", 512);
    }

    void namesAnEditedTile() {
        LedgerBed bed;
        prepare(bed);
        const auto attack = [&] {
            auto hashes = std::get<base::Bytes>(
                bed.rowsOf(plugin::select("audit_tiles", {"hashes"}, {{"level", Compare::Eq, {std::int64_t{0}}}, at(1)})).front().front());
            hashes[100] ^= 1U;
            bed.attack({plugin::update("audit_tiles", {{"hashes", hashes}}, {{"level", Compare::Eq, {std::int64_t{0}}}, at(1)}, 1)});
        };
        expect(bed, attack, "tile_edited", 256);
    }

    void namesALostTile() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed,
            [&] {
                bed.attack({plugin::removeFrom("audit_tiles", {{"level", Compare::Eq, {std::int64_t{1}}}})});
            },
            "tile_edited", 0);
    }

    void namesADeletedTail() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed,
            [&] {
                bed.attack({plugin::removeFrom("audit_entries", {{"idx", Compare::Ge, {std::int64_t{650}}}})});
            },
            "tail_deleted", 650);
    }

    /// A careful attacker also rewinds tip and tiles. The stored checkpoint is ahead then.
    void namesATailCutWithItsTip() {
        LedgerBed bed;
        prepare(bed);
        const auto attack = [&] {
            TileReader reader(*bed.storage, bed.clock);
            const auto frontier = *frontierAt(reader, 400);
            auto tip = *readTip(*bed.storage, bed.clock);
            const Head head = tip.head();
            tip.frontier = frontier;
            tip.root = frontier.root();
            bed.attack({plugin::removeFrom("audit_entries", {{"idx", Compare::Ge, {std::int64_t{400}}}}), moveTip(head, tip)});
        };
        expect(bed, attack, "tail_deleted", 400);
    }

    void namesADeletedMiddle() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed,
            [&] {
                bed.attack({plugin::removeFrom("audit_entries",
                                               {{"idx", Compare::Ge, {std::int64_t{200}}}, {"idx", Compare::Lt, {std::int64_t{270}}}})});
            },
            "middle_deleted", 200);
    }

    std::vector<plugin::Row> rows(LedgerBed& bed, std::uint64_t from) {
        return bed.rowsOf(
            plugin::select("audit_entries", kColumns, {{"idx", Compare::Ge, {static_cast<std::int64_t>(from)}}}, 10'000, {{"idx"}}));
    }

    void namesADeletedMiddleWhoseRestMovedUp() {
        LedgerBed bed;
        prepare(bed);
        const auto attack = [&] {
            auto stored = rows(bed, 100);
            std::vector<Op> ops{plugin::removeFrom("audit_entries", {{"idx", Compare::Ge, {std::int64_t{100}}}})};
            for (std::size_t i = 1; i < stored.size(); ++i) ops.push_back(insertRow(stored[i], 100 + i - 1));
            bed.attack(std::move(ops));
        };
        expect(bed, attack, "middle_deleted", 100);
    }

    void swap(LedgerBed& bed, std::uint64_t a, std::uint64_t b) {
        const auto one = rows(bed, a).front();
        const auto other = rows(bed, b).front();
        bed.attack(
            {plugin::removeFrom("audit_entries", {{"idx", Compare::In, {static_cast<std::int64_t>(a), static_cast<std::int64_t>(b)}}}),
             insertRow(one, b), insertRow(other, a)});
    }

    void namesTwoSwappedEntries() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed, [&] { swap(bed, 20, 410); }, "swapped", 20);
    }

    void namesTwoSwappedEntriesInTheUnfinishedTile() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed, [&] { swap(bed, 600, 640); }, "swapped", 600);
    }

    void insert(LedgerBed& bed, std::uint64_t place) {
        auto stored = rows(bed, place);
        auto forged = stored.front();
        const auto body = edited(bed.bodyOf(place));
        forged[6] = toBytes(leafHash(body));
        forged[8] = body;
        std::vector<Op> ops{plugin::removeFrom("audit_entries", {{"idx", Compare::Ge, {static_cast<std::int64_t>(place)}}}),
                            insertRow(forged, place)};
        for (std::size_t i = 0; i < stored.size(); ++i) ops.push_back(insertRow(stored[i], place + i + 1));
        bed.attack(std::move(ops));
    }

    void namesAnInsertedEntry() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed, [&] { insert(bed, 50); }, "inserted", 50);
    }

    void namesAnInsertedEntryInTheUnfinishedTile() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed, [&] { insert(bed, 620); }, "inserted", 620);
    }

    /// All entries from `from` on again with other contents, and chain, leaves, tiles, tip and writers' rows made to fit.
    void rewrite(LedgerBed& bed, std::uint64_t from) {
        auto stored = rows(bed, 0);
        Tip tip = *readTip(*bed.storage, bed.clock);
        const Head head = tip.head();
        tip.frontier = Frontier();
        tip.chain = chainStart();
        TileEdge edge;
        std::vector<Op> ops;
        for (std::uint64_t i = 0; i < stored.size(); ++i) {
            base::Bytes body = std::get<base::Bytes>(stored[i][8]);
            if (i >= from) body = edited(body);
            const Hash leaf = leafHash(body);
            tip.chain = chainHash(chainInputOf(parseEntry(body)->event), tip.chain);
            std::vector<Node> completed;
            tip.frontier.append(leaf, &completed);
            edge.append(leaf, completed);
            if (i >= from) ops.push_back(setEntry(i, {{"body", body}, {"leaf", toBytes(leaf)}, {"chain_hash", toBytes(tip.chain)}}));
        }
        for (const auto& tile : edge.takeChanged()) ops.push_back(writeTile(tile));
        tip.root = tip.frontier.root();
        ops.push_back(moveTip(head, tip));
        bed.attack(std::move(ops));
    }

    void namesARewrittenSuffix() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed, [&] { rewrite(bed, 450); }, "suffix_rewritten", 300);
    }

    void namesARestoredOldDump() {
        LedgerBed bed;
        bed.fill(300);
        bed.checkpoint();
        std::vector<std::vector<plugin::Row>> dump;
        const std::vector<std::pair<std::string_view, std::vector<std::string_view>>> tables{
            {"audit_entries", kColumns},
            {"audit_tiles", {"level", "idx", "hashes"}},
            {"audit_tip", {"id", "origin", "size", "root", "frontier", "chain_hash", "updated_at"}},
            {"audit_checkpoints", {"size", "origin", "note", "created_at"}}};
        for (const auto& [table, columns] : tables) dump.push_back(bed.rowsOf(plugin::select(table, columns, {}, 10'000)));
        bed.fill(400);
        bed.checkpoint();
        const auto attack = [&] {
            std::vector<Op> ops;
            for (std::size_t t = 0; t < tables.size(); ++t) {
                ops.push_back(plugin::removeFrom(tables[t].first, {}));
                for (const auto& row : dump[t]) {
                    std::vector<plugin::Assign> set;
                    for (std::size_t c = 0; c < row.size(); ++c) set.push_back({tables[t].second[c], row[c]});
                    ops.push_back(plugin::insertInto(tables[t].first, std::move(set)));
                }
            }
            bed.attack(std::move(ops));
        };
        expect(bed, attack, "rolled_back", 300);
    }

    /// A thief of the key signs another tree: the storage's own notes and the ledger agree, the thief's note does not.
    void namesTwoSigners() {
        LedgerBed bed;
        prepare(bed);
        const auto attack = [&] {
            const auto stolen = bed.signHead({500, leafHash(base::bytesOf("another tree"))});
            std::filesystem::create_directories(bed.folder / "anchor");
            CPPUNIT_ASSERT(writeAnchor({bed.folder / "anchor", AnchorFolder::Keeps::Latest}, stolen, bed.clock.now()).ok());
        };
        expect(bed, attack, "two_signers", 300, "two_signers");
        // The same size twice needs no look at the tree.
        const auto other = bed.signHead({700, leafHash(base::bytesOf("another tree"))});
        CPPUNIT_ASSERT(writeAnchor({bed.folder / "anchor", AnchorFolder::Keeps::Latest}, other, bed.clock.now()).ok());
        auto fresh = bed.verifier();
        CPPUNIT_ASSERT_EQUAL(std::string("two_signers"), named(pass(fresh, VerifyMode::Full)));
    }

    void namesAForgedCheckpoint() {
        LedgerBed bed;
        prepare(bed);
        const auto attack = [&] {
            const auto key = *crypto::PrivateKey::ed25519FromSeed(base::Bytes(32, 77));
            const auto forged = *signCheckpoint({"test.example/audit", {800, leafHash(base::bytesOf("x"))}}, key.publicKey().members().x,
                                                [&](base::BytesView data) { return key.sign(crypto::Algorithm::EdDsa, data); });
            bed.attack({insertCheckpoint(forged, bed.clock.now())});
        };
        expect(bed, attack, "checkpoint_forged", 0);
    }

    void namesEditedColumns() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed,
            [&] {
                bed.attack({setEntry(5, {{"action", static_cast<std::int64_t>(model::Action::ConfigChanged)}})});
            },
            "columns_edited", 5);
    }

    void namesAnEntryMovedToAnotherOrganization() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed,
            [&] {
                bed.attack({setEntry(400, {{"organization_num", std::int64_t{99}}})});
            },
            "columns_edited", 400);
    }

    void namesAnEditedChain() {
        LedgerBed bed;
        prepare(bed);
        // Two hashes do not follow then: the edited one, and the one behind it.
        expect(
            bed,
            [&] {
                bed.attack({setEntry(30, {{"chain_hash", base::Bytes(32, 1)}})});
            },
            "chain_edited", 30);
    }

    void namesABodyThatNoRetentionExplains() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed,
            [&] {
                bed.attack({setEntry(30, {{"body", std::monostate{}}})});
            },
            "body_missing", 30);
    }

    void namesATipThatIsNotItsTree() {
        LedgerBed bed;
        prepare(bed);
        expect(
            bed,
            [&] {
                bed.attack({plugin::update("audit_tip", {{"root", base::Bytes(32, 1)}}, {})});
            },
            "tip_edited", 0);
    }

    /// A writer that loses an event between memory and storage: the numbers say so though every hash fits.
    void namesAGapInAWritersNumbers() {
        LedgerBed bed;
        bed.fill(10);
        bed.attack({plugin::update("audit_replicas", {{"lseq", std::int64_t{2}, plugin::Assign::Mode::Add}}, {})});
        Tip tip = *readTip(*bed.storage, bed.clock);
        const Head head = tip.head();
        auto event = bed.event();
        const auto prepared = prepareEntry(event, {"a", 1}, base::Bytes(16, 1));
        const auto body = prepared.finish(13);
        const Hash leaf = leafHash(body);
        tip.chain = chainHash(prepared.chainInput, tip.chain);
        tip.frontier.append(leaf);
        tip.root = tip.frontier.root();
        bed.attack({plugin::insertInto("audit_entries", {{"idx", std::int64_t{10}},
                                                         {"ts", event.timestamp},
                                                         {"organization_num", event.organizationNum},
                                                         {"agent_num", event.agentNum},
                                                         {"action", static_cast<std::int64_t>(event.action)},
                                                         {"outcome", std::int64_t{0}},
                                                         {"leaf", toBytes(leaf)},
                                                         {"chain_hash", toBytes(tip.chain)},
                                                         {"body", body}}),
                    moveTip(head, tip)});
        auto verifier = bed.verifier();
        const auto report = pass(verifier, VerifyMode::Full);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(report.json(), std::size_t{1}, report.lseqGaps.size());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{10}, report.lseqGaps[0].after);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{13}, report.lseqGaps[0].next);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{10}, *report.firstBad);
        CPPUNIT_ASSERT(report.findings.empty() && !report.ok);
    }

    void theSweepReachesEveryOldEntry() {
        LedgerBed bed;
        prepare(bed);
        auto options = bed.verifying();
        options.sweep = 256;
        Verifier verifier(*bed.storage, bed.clock, options);
        CPPUNIT_ASSERT(pass(verifier, VerifyMode::Incremental).ok);
        bed.attack({setEntry(100, {{"body", edited(bed.bodyOf(100))}})});
        // The first tile was just swept; the pass after the next comes back to it.
        CPPUNIT_ASSERT(pass(verifier, VerifyMode::Incremental).ok);
        const auto found = pass(verifier, VerifyMode::Incremental);
        CPPUNIT_ASSERT_EQUAL(std::string("body_edited"), named(found));
    }

    void randomProofsFindAnEditedBody() {
        LedgerBed bed;
        prepare(bed);
        auto options = bed.verifying();
        options.sweep = 0;
        options.samples = 300;
        std::uint64_t next = 0;
        options.random = [&] { return next++; };
        Verifier verifier(*bed.storage, bed.clock, options);
        CPPUNIT_ASSERT(pass(verifier, VerifyMode::Sampled).ok);
        bed.attack({setEntry(77, {{"body", edited(bed.bodyOf(77))}})});
        next = 0;
        const auto found = pass(verifier, VerifyMode::Sampled);
        CPPUNIT_ASSERT_EQUAL_MESSAGE(found.json(), std::string("body_edited"), named(found));
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{77}, *found.firstBad);
    }

    void reportsAsJson() {
        LedgerBed bed;
        prepare(bed);
        auto verifier = bed.verifier();
        const auto good = base::json::parse(pass(verifier, VerifyMode::Full).json());
        CPPUNIT_ASSERT(good.ok());
        CPPUNIT_ASSERT(*good->find("ok")->asBool());
        CPPUNIT_ASSERT(good->find("firstBad")->isNull());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{700}, good->intOr("to", -1));
        CPPUNIT_ASSERT(openCheckpoint(good->textOr("checkpoint", ""), {bed.publicKey}).ok());
        bed.attack({setEntry(7, {{"body", edited(bed.bodyOf(7))}})});
        const auto bad = base::json::parse(pass(verifier, VerifyMode::Full).json());
        CPPUNIT_ASSERT(bad.ok());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{7}, bad->intOr("firstBad", -1));
        CPPUNIT_ASSERT_EQUAL(std::string("body_edited"), (*bad->find("findings")->asArray())[0].textOr("damage", ""));
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(VerifierTest);
