#include <cppunit/extensions/HelperMacros.h>

#include "audit/retention.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/text.h"
#include "ledger_bed.h"
#include "store/organizations.h"

using namespace agentidp;
using namespace agentidp::audit;
using plugin::Compare;
using tests::LedgerBed;

namespace {

std::vector<std::uint64_t> places(const Page& page) {
    std::vector<std::uint64_t> all;
    for (const auto& record : page.records) all.push_back(record.index);
    return all;
}

}  // namespace

class ReaderTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ReaderTest);
    CPPUNIT_TEST(listsNewestFirstInPages);
    CPPUNIT_TEST(filtersByEverythingAtOnce);
    CPPUNIT_TEST(anOrganizationSeesOnlyItself);
    CPPUNIT_TEST(timesAreInclusive);
    CPPUNIT_TEST(findsEveryEventByItsId);
    CPPUNIT_TEST(findsAnEventWhoseTimeIsNotThatOfItsId);
    CPPUNIT_TEST(chainHashesReachAcrossFilters);
    CPPUNIT_TEST(recordsReadAsTheApiShowsThem);
    CPPUNIT_TEST(provesEveryEntryOfALedger);
    CPPUNIT_TEST(aProofWaitsForItsCheckpoint);
    CPPUNIT_TEST(aProofOfAnEditedBodyIsRefused);
    CPPUNIT_TEST(provesConsistencyBetweenAnySizes);
    CPPUNIT_TEST(servesTilesAndBundlesByTheirPaths);
    CPPUNIT_TEST(rebuildsLostTilesFromEntries);
    CPPUNIT_TEST(retentionDropsOldBodiesAndKeepsProofs);
    CPPUNIT_TEST(retentionFollowsThePlan);
    CPPUNIT_TEST(anEmptyStorageAnswersNothing);
    CPPUNIT_TEST_SUITE_END();

    Page query(LedgerBed& bed, Query query) {
        auto reader = bed.reader();
        auto page = reader.query(query);
        CPPUNIT_ASSERT_MESSAGE(page ? "" : page.error().hint + page.error().detail, page.ok());
        return *page;
    }

    void listsNewestFirstInPages() {
        LedgerBed bed;
        bed.fill(45);
        std::vector<std::uint64_t> seen;
        Query one{Tenancy::platform()};
        for (;;) {
            const auto page = query(bed, one);
            const auto some = places(page);
            seen.insert(seen.end(), some.begin(), some.end());
            if (!page.next) break;
            one.before = page.next;
        }
        CPPUNIT_ASSERT_EQUAL(std::size_t{45}, seen.size());
        for (std::size_t i = 0; i < seen.size(); ++i) CPPUNIT_ASSERT_EQUAL(std::uint64_t{44 - i}, seen[i]);
    }

    void filtersByEverythingAtOnce() {
        LedgerBed bed;
        Effect effect;
        for (int i = 0; i < 30; ++i) {
            auto event = bed.event(i % 5 == 0 ? model::Action::AuthFailed : model::Action::TokenIssued);
            if (i % 10 == 0) event.outcome = model::Outcome::Failure;
            effect.events.push_back(event);
        }
        CPPUNIT_ASSERT(bed.append(bed.ledger(), effect).ok());
        CPPUNIT_ASSERT(places(query(bed, {.tenancy = Tenancy::platform(), .action = model::Action::AuthFailed})) ==
                       std::vector<std::uint64_t>({25, 20, 15, 10, 5, 0}));
        CPPUNIT_ASSERT(places(query(bed, {.tenancy = Tenancy::platform(), .outcome = model::Outcome::Failure})) ==
                       std::vector<std::uint64_t>({20, 10, 0}));
        CPPUNIT_ASSERT(places(query(bed, {.tenancy = Tenancy::platform(), .agentNum = 2, .action = model::Action::AuthFailed})) ==
                       std::vector<std::uint64_t>({25, 10}));
        CPPUNIT_ASSERT(places(query(bed, {.tenancy = Tenancy::organization(2), .agentNum = 2, .action = model::Action::AuthFailed})) ==
                       std::vector<std::uint64_t>({25}));
    }

    void anOrganizationSeesOnlyItself() {
        LedgerBed bed;
        bed.fill(20);
        const auto page = query(bed, {.tenancy = Tenancy::organization(1), .limit = 100});
        CPPUNIT_ASSERT_EQUAL(std::size_t{10}, page.records.size());
        for (const auto& record : page.records) CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, record.entry.event.organizationNum);
        auto reader = bed.reader();
        const auto others = reader.at(1, Tenancy::platform());
        CPPUNIT_ASSERT(others.ok());
        CPPUNIT_ASSERT(!reader.at(1, Tenancy::organization(1)).ok());
        const auto refused = reader.find(others->entry.event.eventId, Tenancy::organization(1));
        CPPUNIT_ASSERT(!refused.ok() && refused.error().code == base::Errc::NotFound);
        CPPUNIT_ASSERT(reader.find(others->entry.event.eventId, Tenancy::organization(2)).ok());
    }

    void timesAreInclusive() {
        LedgerBed bed;
        bed.fill(900);
        auto reader = bed.reader();
        const auto a = reader.at(700, Tenancy::platform())->entry.event.timestamp;
        const auto b = reader.at(704, Tenancy::platform())->entry.event.timestamp;
        CPPUNIT_ASSERT(places(query(bed, {.tenancy = Tenancy::platform(), .from = a, .to = b})) ==
                       std::vector<std::uint64_t>({704, 703, 702, 701, 700}));
        CPPUNIT_ASSERT(query(bed, {.tenancy = Tenancy::platform(), .from = b + std::chrono::hours(1)}).records.empty());
        CPPUNIT_ASSERT(query(bed, {.tenancy = Tenancy::platform(), .to = a - std::chrono::hours(1)}).records.empty());
    }

    void findsEveryEventByItsId() {
        LedgerBed bed;
        // Over several hours, so that the search by time has something to narrow.
        for (int hour = 0; hour < 6; ++hour) {
            bed.fill(400);
            bed.clock.advance(std::chrono::hours(1));
        }
        auto reader = bed.reader();
        for (std::uint64_t i = 0; i < 2400; i += 97) {
            const auto record = reader.at(i, Tenancy::platform());
            const auto found = reader.find(record->entry.event.eventId, Tenancy::platform());
            CPPUNIT_ASSERT(found.ok());
            CPPUNIT_ASSERT_EQUAL(i, found->index);
            CPPUNIT_ASSERT(found->previousChain == record->previousChain);
        }
        CPPUNIT_ASSERT(!reader.find(model::EventId(base::uuidV7(bed.clock.now())), Tenancy::platform()).ok());
        CPPUNIT_ASSERT(!reader.find(model::EventId(base::uuidV4()), Tenancy::platform()).ok());
        CPPUNIT_ASSERT(!reader.find(model::EventId("nonsense"), Tenancy::platform()).ok());
    }

    void findsAnEventWhoseTimeIsNotThatOfItsId() {
        LedgerBed bed;
        bed.fill(600);
        Effect effect;
        effect.events.push_back(bed.event());
        effect.events[0].eventId = model::EventId(base::uuidV7(bed.clock.now() - base::seconds(3)));
        effect.events.push_back(bed.event());
        effect.events[1].eventId = model::EventId(base::uuidV7(bed.clock.now() - base::seconds(200)));
        CPPUNIT_ASSERT(bed.append(bed.ledger(), effect).ok());
        bed.fill(600);
        auto reader = bed.reader();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{600}, reader.find(effect.events[0].eventId, Tenancy::platform())->index);
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{601}, reader.find(effect.events[1].eventId, Tenancy::platform())->index);
    }

    void chainHashesReachAcrossFilters() {
        LedgerBed bed;
        bed.fill(40);
        auto reader = bed.reader();
        const auto all = reader.since(0, 100);
        CPPUNIT_ASSERT((*all)[0].previousChain == chainStart());
        for (std::size_t i = 1; i < all->size(); ++i) {
            CPPUNIT_ASSERT((*all)[i].previousChain == (*all)[i - 1].chain);
            CPPUNIT_ASSERT((*all)[i].chain == chainHash(chainInputOf((*all)[i].entry.event), (*all)[i].previousChain));
        }
        const auto page = query(bed, {.tenancy = Tenancy::organization(2), .limit = 100});
        for (const auto& record : page.records) CPPUNIT_ASSERT(record.previousChain == (*all)[record.index].previousChain);
        const auto some = reader.since(17, 5);
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, some->size());
        CPPUNIT_ASSERT((*some)[0].previousChain == (*all)[16].chain);
    }

    void recordsReadAsTheApiShowsThem() {
        LedgerBed bed;
        bed.fill(2);
        const auto record = bed.reader().at(1, Tenancy::platform());
        const auto json = base::json::parse(record->json());
        CPPUNIT_ASSERT(json.ok());
        for (const auto* name :
             {"eventId", "agentId", "organizationId", "action", "outcome", "ipAddress", "userAgent", "timestamp", "hash", "prevHash"})
            CPPUNIT_ASSERT_MESSAGE(
                name, json->find(name) != nullptr && json->find(name)->asText() != nullptr && !json->find(name)->asText()->empty());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, json->intOr("index", -1));
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, json->find("metadata")->intOr("n", -1));
        // What an auditor of the reference computes.
        const std::string input = json->textOr("eventId", "") + json->textOr("timestamp", "") + json->textOr("action", "") +
                                  json->textOr("outcome", "") + json->textOr("agentId", "") + json->textOr("organizationId", "") +
                                  json->textOr("prevHash", "");
        CPPUNIT_ASSERT_EQUAL(base::hex(crypto::sha256(base::bytesOf(input))), json->textOr("hash", ""));
    }

    void provesEveryEntryOfALedger() {
        LedgerBed bed;
        bed.fill(600);
        bed.checkpoint();
        auto reader = bed.reader();
        for (std::uint64_t i = 0; i < 600; i += 7) {
            const auto proof = reader.prove(i);
            CPPUNIT_ASSERT_MESSAGE(proof ? "" : proof.error().detail, proof.ok());
            CPPUNIT_ASSERT(proof->holds());
            CPPUNIT_ASSERT(leafHash(base::bytesOf(*proof->entry)) == proof->leaf);
            const auto parsed = parseProofText(proof->text());
            CPPUNIT_ASSERT(parsed.ok());
            const auto opened = openCheckpoint(parsed->note, {bed.publicKey});
            CPPUNIT_ASSERT(opened.ok());
            CPPUNIT_ASSERT(verifyInclusion(leafHash(bed.bodyOf(i)), parsed->index, opened->checkpoint.head, parsed->hashes));
        }
        const auto record = reader.at(33, Tenancy::platform());
        const auto byId = reader.prove(record->entry.event.eventId, Tenancy::platform());
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{33}, byId->index);
        const auto json = base::json::parse(byId->json());
        CPPUNIT_ASSERT(json.ok());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{600}, json->intOr("treeSize", -1));
        CPPUNIT_ASSERT_EQUAL(std::string(base::textOf(bed.bodyOf(33))), json->textOr("entry", ""));
        CPPUNIT_ASSERT_EQUAL(byId->hashes.size(), json->find("hashes")->asArray()->size());
    }

    void aProofWaitsForItsCheckpoint() {
        LedgerBed bed;
        bed.fill(3);
        auto reader = bed.reader();
        CPPUNIT_ASSERT(reader.prove(1).error().code == base::Errc::Unavailable);
        CPPUNIT_ASSERT(reader.checkpoint().error().code == base::Errc::NotFound);
        bed.checkpoint();
        CPPUNIT_ASSERT(reader.prove(1).ok());
        bed.fill(1);
        CPPUNIT_ASSERT(reader.prove(3).error().code == base::Errc::Unavailable);
        CPPUNIT_ASSERT(reader.prove(4).error().code == base::Errc::NotFound);
    }

    void aProofOfAnEditedBodyIsRefused() {
        LedgerBed bed;
        bed.fill(3);
        bed.checkpoint();
        bed.attack({plugin::update("audit_entries", {{"body", base::Bytes{'{', '}'}}}, {{"idx", Compare::Eq, {std::int64_t{1}}}})});
        const auto refused = bed.reader().prove(1);
        CPPUNIT_ASSERT(!refused.ok() && refused.error().code == base::Errc::Internal);
        bed.attack({plugin::update("audit_entries", {{"leaf", base::Bytes(32, 1)}}, {{"idx", Compare::Eq, {std::int64_t{2}}}})});
        CPPUNIT_ASSERT(!bed.reader().prove(0).ok());
    }

    void provesConsistencyBetweenAnySizes() {
        LedgerBed bed;
        bed.fill(530);
        auto reader = bed.reader();
        for (const auto& [from, to] :
             std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 530}, {256, 530}, {255, 512}, {511, 513}, {530, 530}, {3, 7}}) {
            const auto proof = reader.consistency(from, to);
            CPPUNIT_ASSERT(proof.ok());
            CPPUNIT_ASSERT(verifyConsistency(proof->from, proof->to, proof->hashes));
            CPPUNIT_ASSERT(base::json::parse(proof->json()).ok());
        }
        for (const auto& [from, to] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 5}, {6, 5}, {5, 531}})
            CPPUNIT_ASSERT(!reader.consistency(from, to).ok());
    }

    void servesTilesAndBundlesByTheirPaths() {
        const auto parsed = TileRequest::parse("0/x001/x234/067");
        CPPUNIT_ASSERT(parsed && parsed->index == 1234067 && parsed->level == 0 && parsed->width == 256 && !parsed->entries);
        const auto partial = TileRequest::parse("entries/003.p/12");
        CPPUNIT_ASSERT(partial && partial->entries && partial->index == 3 && partial->width == 12);
        for (const char* bad : {"", "0", "0/", "0/1", "0/0001", "0/x000/001", "0/001.p/0", "0/001.p/256", "0/001.p/01", "8/000", "-1/000",
                                "00/000", "0/x001", "0/000/x001", "entries", "entries/000.p", "0/000/", "0/../000"})
            CPPUNIT_ASSERT_MESSAGE(bad, !TileRequest::parse(bad));
        LedgerBed bed;
        bed.fill(300);
        auto reader = bed.reader();
        const auto full = reader.tile(*TileRequest::parse("0/000"));
        CPPUNIT_ASSERT(full.ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{8192}, full->size());
        CPPUNIT_ASSERT(std::equal(full->begin() + 32, full->begin() + 64, leafHash(bed.bodyOf(1)).begin()));
        CPPUNIT_ASSERT_EQUAL(std::size_t{44 * 32}, reader.tile(*TileRequest::parse("0/001.p/44"))->size());
        CPPUNIT_ASSERT_EQUAL(std::size_t{32}, reader.tile(*TileRequest::parse("1/000.p/1"))->size());
        for (const char* beyond : {"0/001", "0/001.p/45", "1/000", "1/000.p/2", "2/000.p/1", "entries/002.p/1", "entries/001"})
            CPPUNIT_ASSERT_MESSAGE(beyond, !reader.tile(*TileRequest::parse(beyond)).ok());
        const auto bundle = reader.tile(*TileRequest::parse("entries/001.p/2"));
        CPPUNIT_ASSERT(bundle.ok());
        const auto first = bed.bodyOf(256);
        CPPUNIT_ASSERT_EQUAL(first.size(), static_cast<std::size_t>((*bundle)[0]) << 8U | (*bundle)[1]);
        CPPUNIT_ASSERT(std::equal(first.begin(), first.end(), bundle->begin() + 2));
    }

    void rebuildsLostTilesFromEntries() {
        LedgerBed bed;
        bed.fill(800);
        bed.checkpoint();
        bed.attack({plugin::removeFrom("audit_tiles", {})});
        auto reader = bed.reader();
        const auto proof = reader.prove(5);
        CPPUNIT_ASSERT_MESSAGE(proof ? "" : proof.error().hint, proof.ok());
        CPPUNIT_ASSERT(proof->holds());
    }

    void prune(LedgerBed& bed, RetentionPolicy policy) {
        Retention retention(*bed.storage, bed.clock, std::move(policy));
        for (;;) {
            auto steps = retention.plan();
            CPPUNIT_ASSERT_MESSAGE(steps ? "" : steps.error().hint + steps.error().detail, steps.ok());
            if (steps->empty()) return;
            for (auto& step : *steps) {
                const auto done = bed.append(bed.ledger(), std::move(step.effect));
                CPPUNIT_ASSERT_MESSAGE(done ? "" : done.error().hint, done.ok());
            }
        }
    }

    std::size_t bodies(LedgerBed& bed, std::int64_t organization) {
        return bed
            .rowsOf(plugin::select("audit_entries", {"idx"},
                                   {{"organization_num", Compare::Eq, {organization}}, {"body", Compare::NotNull, {}}}, 10'000))
            .size();
    }

    void addOrganization(LedgerBed& bed, std::int64_t num, const std::string& plan) {
        model::Organization organization;
        organization.num = num;
        organization.id = model::OrganizationId("0190a3c2-0000-7000-8000-0000000000a" + std::to_string(num));
        organization.name = organization.slug = "o" + std::to_string(num);
        organization.plan = plan;
        organization.createdAt = organization.updatedAt = bed.clock.now();
        bed.attack({store::insertOrganization(organization)});
    }

    void retentionDropsOldBodiesAndKeepsProofs() {
        LedgerBed bed;
        addOrganization(bed, 1, "free");
        addOrganization(bed, 2, "free");
        bed.fill(300);
        bed.checkpoint();
        const auto old = bed.reader().at(10, Tenancy::platform())->entry.event.eventId;
        prune(bed, {});
        CPPUNIT_ASSERT_EQUAL(std::size_t{150}, bodies(bed, 1));
        bed.clock.advance(std::chrono::days(91));
        bed.fill(20);
        prune(bed, {});
        CPPUNIT_ASSERT_EQUAL(std::size_t{10 + 1}, bodies(bed, 1));
        CPPUNIT_ASSERT_EQUAL(std::size_t{10 + 1}, bodies(bed, 2));
        bed.checkpoint();
        auto reader = bed.reader();
        CPPUNIT_ASSERT(!reader.find(old, Tenancy::platform()).ok());
        const auto proof = reader.prove(10);
        CPPUNIT_ASSERT(proof.ok());
        CPPUNIT_ASSERT(proof->holds() && !proof->entry);
        CPPUNIT_ASSERT(reader.prove(310)->entry.has_value());
        const auto page = query(bed, {.tenancy = Tenancy::organization(1), .to = bed.clock.now() - std::chrono::days(90)});
        CPPUNIT_ASSERT(page.records.empty());
        CPPUNIT_ASSERT(page.retainedFrom.has_value());
        CPPUNIT_ASSERT(*page.retainedFrom <= bed.clock.now() - std::chrono::days(90));
        const auto said = query(bed, {.tenancy = Tenancy::organization(1), .action = model::Action::AuditPruned});
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, said.records.size());
        CPPUNIT_ASSERT_EQUAL(std::int64_t{150}, base::json::parse(said.records[0].entry.event.metadataJson)->intOr("entries", -1));
        CPPUNIT_ASSERT(!reader.tile({.index = 0, .entries = true}).ok());
        CPPUNIT_ASSERT(reader.tile({.index = 0}).ok());
        for (const auto mode : {VerifyMode::Full, VerifyMode::Incremental, VerifyMode::Sampled}) {
            auto verifier = bed.verifier();
            const auto report = verifier.verify(mode);
            CPPUNIT_ASSERT_MESSAGE(report->json(), report->ok);
        }
        // A year later the same again, and nothing that explains the ledger goes.
        bed.clock.advance(std::chrono::days(365));
        bed.fill(5);
        prune(bed, {});
        CPPUNIT_ASSERT_EQUAL(std::size_t{2},
                             query(bed, {.tenancy = Tenancy::organization(1), .action = model::Action::AuditPruned}).records.size());
        auto verifier = bed.verifier();
        CPPUNIT_ASSERT(verifier.verify(VerifyMode::Full)->ok);
    }

    void retentionFollowsThePlan() {
        LedgerBed bed;
        addOrganization(bed, 1, "free");
        addOrganization(bed, 2, "archive");
        bed.fill(40);
        Effect nobody;
        nobody.events.push_back(bed.event(model::Action::ConfigChanged));
        nobody.events[0].organizationNum = 0;
        nobody.events[0].organizationId = {};
        CPPUNIT_ASSERT(bed.append(bed.ledger(), nobody).ok());
        bed.clock.advance(std::chrono::days(91));
        prune(bed, {.defaultDays = 90, .daysByPlan = {{"archive", 0}}});
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, bodies(bed, 1));
        CPPUNIT_ASSERT_EQUAL(std::size_t{20}, bodies(bed, 2));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, bodies(bed, 0));
        auto verifier = bed.verifier();
        const auto report = verifier.verify(VerifyMode::Full);
        CPPUNIT_ASSERT_MESSAGE(report->json(), report->ok);
    }

    void anEmptyStorageAnswersNothing() {
        LedgerBed bed;
        auto reader = bed.reader();
        CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, *reader.size());
        CPPUNIT_ASSERT(query(bed, {Tenancy::platform()}).records.empty());
        CPPUNIT_ASSERT(reader.prove(0).error().code == base::Errc::NotFound);
        CPPUNIT_ASSERT(!reader.at(0, Tenancy::platform()).ok());
        CPPUNIT_ASSERT(!reader.tile({}).ok());
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ReaderTest);
