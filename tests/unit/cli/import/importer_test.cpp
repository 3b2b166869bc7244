/// What of an old database is taken, what is refused, and that a second run finds nothing to do.
#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>

#include "base/text.h"
#include "cli/import/importer.h"
#include "crypto/hash.h"
#include "fakes/fake_clock.h"
#include "fakes/fake_ledger.h"
#include "fakes/fake_storage.h"
#include "store/agents.h"
#include "store/credentials.h"
#include "store/organizations.h"

namespace agentidp::cli {
namespace {

using tests::FakeStorage;
using Rows = std::vector<std::map<std::string, std::string>>;

/// A database in memory, by the names of its own columns.
class FakeSource final : public ReferenceSource {
public:
    std::map<std::string, Rows> data;
    TableColumns types;
    std::size_t batches = 0;

    base::Result<TableColumns> tables() override {
        TableColumns out = types;
        for (const auto& [table, rows] : data)
            for (const auto& row : rows)
                for (const auto& [name, value] : row) out[table].emplace(name, "text");
        return out;
    }
    base::Result<std::int64_t> count(const ReferenceTable& table) override {
        return static_cast<std::int64_t>(data[std::string(table.name)].size());
    }
    base::Result<void> read(const ReferenceTable& table, const FoundTable& found, const std::vector<std::string>& after, std::size_t batch,
                            const Take& take) override {
        std::vector<ReferenceRow> out;
        for (const auto& row : data[std::string(table.name)]) {
            ReferenceRow one;
            for (const auto& [as, name] : found.columns)
                if (const auto value = row.find(name); value != row.end()) one.set(as, value->second);
            std::vector<std::string> position;
            for (const auto as : table.order) position.push_back(one.textOr(as));
            if (!after.empty() && position <= after) continue;
            out.push_back(std::move(one));
            if (out.size() < batch) continue;
            ++batches;
            if (auto taken = take(std::exchange(out, {})); !taken) return taken;
        }
        return out.empty() ? base::Result<void>() : take(std::move(out));
    }
};

std::string uuid(int n) {
    const auto digits = std::to_string(n);
    return "00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0') + digits;
}
const std::string kHash = "$2b$10$" + std::string(53, 'a');

}  // namespace

class ImporterTest : public CppUnit::TestFixture {
    CPPUNIT_TEST_SUITE(ImporterTest);
    CPPUNIT_TEST(takesOrganizationsAgentsAndCredentials);
    CPPUNIT_TEST(aSecondRunChangesNothing);
    CPPUNIT_TEST(goesOnAfterAFailure);
    CPPUNIT_TEST(lookingCommitsNothing);
    CPPUNIT_TEST(oneRefusedRowKeepsNobodyElseOut);
    CPPUNIT_TEST(whatIsNotActiveIsNotLetIn);
    CPPUNIT_TEST(opensSealedColumnsWithTheirKeyOnly);
    CPPUNIT_TEST(takesLiveRevocationsOnly);
    CPPUNIT_TEST(auditEventsComeInOrderAndOnce);
    CPPUNIT_TEST(saysWhatItLeavesAndWhatIsMissing);
    CPPUNIT_TEST_SUITE_END();

    tests::FakeClock clock_;
    std::unique_ptr<FakeStorage> storage_ = FakeStorage::migrated(clock_);
    tests::FakeLedger ledger_{*storage_, clock_};
    FakeSource source_;

    base::Result<ImportReport> run(ImportOptions options = {}) {
        options.actor = "cli:0";
        Importer importer({source_, *storage_, clock_,
                           [this](audit::Effect&& effect) {
                               base::Result<void> out;
                               ledger_.append(std::move(effect), [&](const base::Result<audit::Committed>& done) {
                                   if (!done) out = done.error();
                               });
                               return out;
                           }},
                          std::move(options));
        return importer.run();
    }
    ImportReport done(ImportOptions options = {}) {
        auto report = run(std::move(options));
        CPPUNIT_ASSERT_MESSAGE(report ? "" : report.error().hint + report.error().detail, report.ok());
        return std::move(*report);
    }
    static std::string tally(const ImportReport& report, const std::string& table) {
        const auto& one = report.tables.at(table);
        return std::to_string(one.taken) + " " + std::to_string(one.known) + " " + std::to_string(one.refused);
    }
    void agent(int n, std::map<std::string, std::string> more = {}) {
        more.insert({{"agent_id", uuid(n)}, {"email", "a" + std::to_string(n) + "@example.test"}, {"status", "active"}});
        source_.data["agents"].push_back(std::move(more));
    }
    void credential(int n, int of, std::map<std::string, std::string> more = {}) {
        more.insert({{"credential_id", uuid(1000 + n)}, {"client_id", uuid(of)}, {"secret_hash", kHash}, {"status", "active"}});
        source_.data["credentials"].push_back(std::move(more));
    }
    model::Agent imported(int n) const {
        auto found = store::Agents(*storage_, clock_).find(model::AgentId(uuid(n)));
        CPPUNIT_ASSERT(found.ok());
        return *found;
    }
    model::Credential importedCredential(int n) const {
        auto found = store::Credentials(*storage_, clock_).find(model::CredentialId(uuid(1000 + n)));
        CPPUNIT_ASSERT(found.ok());
        return *found;
    }
    std::size_t events(model::Action action) const {
        const auto all = ledger_.events();
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& event) { return event.action == action; }));
    }

public:
    void setUp() override {
        model::Organization home;
        home.num = 1;
        home.id = model::OrganizationId(uuid(1));
        home.name = home.slug = model::kDefaultSlug;
        plugin::Transaction tx;
        CPPUNIT_ASSERT(
            storage_->apply(tx, {store::insertOrganization(home)}, plugin::ApplyMode::Commit, plugin::callWithin(clock_, base::seconds(5)))
                .ok());
    }

    void takesOrganizationsAgentsAndCredentials() {
        source_.data["organizations"] = {
            {{"org_id", uuid(50)}, {"name", "Acme, Inc."}, {"slug", "system"}, {"max_tokens_per_month", "500"}}};
        agent(1, {{"organization_id", uuid(50)},
                  {"capabilities", R"(["a:b","c:d"])"},
                  {"deployment_env", "production"},
                  {"created_at", "2026-03-01T10:00:00.000000Z"}});
        agent(2);
        credential(1, 1, {{"expires_at", "2099-01-01T00:00:00Z"}});
        ImportOptions options;
        options.scopes = {"audit:read"};
        const auto report = done(std::move(options));
        CPPUNIT_ASSERT_EQUAL(std::string("1 0 0"), tally(report, "organizations"));
        CPPUNIT_ASSERT_EQUAL(std::string("2 0 0"), tally(report, "agents"));
        const auto organization = store::Organizations(*storage_, clock_).find(model::OrganizationId(uuid(50)));
        CPPUNIT_ASSERT(organization.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("system-00000000"), organization->slug);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"tokensPerMonth":500})"), organization->limitsJson);
        CPPUNIT_ASSERT_EQUAL(organization->num, imported(1).organizationNum);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, imported(2).organizationNum);
        CPPUNIT_ASSERT((imported(1).capabilities == std::vector<std::string>{"a:b", "c:d"}));
        CPPUNIT_ASSERT(imported(1).deploymentEnv == model::DeploymentEnv::Production);
        CPPUNIT_ASSERT(imported(1).scopes == std::vector<std::string>{"audit:read"});
        CPPUNIT_ASSERT_EQUAL(std::string("2026-03-01T10:00:00.000000Z"), base::rfc3339(imported(1).createdAt));
        const auto one = importedCredential(1);
        CPPUNIT_ASSERT_EQUAL(kHash, one.importedHash);
        CPPUNIT_ASSERT(one.secretMac.empty() && one.expiresAt);
        CPPUNIT_ASSERT_EQUAL(std::size_t{2}, events(model::Action::AgentCreated));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, events(model::Action::CredentialGenerated));
    }

    void aSecondRunChangesNothing() {
        for (int n = 1; n <= 450; ++n) agent(n), credential(n, n);
        CPPUNIT_ASSERT_EQUAL(std::string("450 0 0"), tally(done(), "agents"));
        CPPUNIT_ASSERT(source_.batches >= 4);
        const auto before = ledger_.events().size();
        const auto again = done();
        CPPUNIT_ASSERT_EQUAL(std::string("0 450 0"), tally(again, "agents"));
        CPPUNIT_ASSERT_EQUAL(std::string("0 450 0"), tally(again, "credentials"));
        CPPUNIT_ASSERT_EQUAL(before, ledger_.events().size());
    }

    void goesOnAfterAFailure() {
        for (int n = 1; n <= 450; ++n) agent(n), credential(n, n);
        CPPUNIT_ASSERT(!run([this] {
                            ImportOptions options;
                            options.progress = [this](const std::string&, std::size_t rows) {
                                if (rows == 200) ledger_.failNext(base::Errc::Unavailable);
                            };
                            return options;
                        }())
                            .ok());
        CPPUNIT_ASSERT_EQUAL(std::size_t{200}, events(model::Action::AgentCreated));
        CPPUNIT_ASSERT_EQUAL(std::string("250 200 0"), tally(done(), "agents"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{450}, events(model::Action::CredentialGenerated));
    }

    void lookingCommitsNothing() {
        agent(1);
        credential(1, 1);
        ImportOptions options;
        options.mode = ImportMode::Look;
        const auto report = done(std::move(options));
        CPPUNIT_ASSERT_EQUAL(std::string("1 0 0"), tally(report, "agents"));
        CPPUNIT_ASSERT_EQUAL(std::string("1 0 0"), tally(report, "credentials"));
        CPPUNIT_ASSERT(ledger_.events().empty());
    }

    void oneRefusedRowKeepsNobodyElseOut() {
        for (int n = 1; n <= 5; ++n) agent(n), credential(n, n);
        source_.data["agents"][2]["email"] = source_.data["agents"][1]["email"];
        source_.data["agents"][3]["agent_id"] = "no uuid";
        credential(6, 1, {{"secret_hash", "plain text"}});
        const auto report = done();
        CPPUNIT_ASSERT_EQUAL(std::string("3 0 2"), tally(report, "agents"));
        CPPUNIT_ASSERT_EQUAL(std::string("3 0 3"), tally(report, "credentials"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{5}, report.problems.size());
    }

    void whatIsNotActiveIsNotLetIn() {
        agent(1, {{"status", "suspended"}});
        agent(2, {{"status", "decommissioned"}});
        agent(3, {{"status", "a word of a later release"}});
        credential(1, 1, {{"status", "rotated"}});
        credential(2, 1, {{"revoked_at", "2026-01-01T00:00:00Z"}});
        (void)done();
        CPPUNIT_ASSERT(imported(1).status == model::AgentStatus::Suspended && imported(1).tokensNotBefore);
        CPPUNIT_ASSERT(imported(2).status == model::AgentStatus::Decommissioned);
        CPPUNIT_ASSERT(imported(3).status == model::AgentStatus::Suspended);
        for (const int n : {1, 2}) {
            CPPUNIT_ASSERT(importedCredential(n).status == model::CredentialStatus::Revoked);
            CPPUNIT_ASSERT(importedCredential(n).importedHash.empty());
        }
    }

    void opensSealedColumnsWithTheirKeyOnly() {
        const std::string iv = "000102030405060708090a0b0c0d0e0f";
        CPPUNIT_ASSERT(ColumnCipher::isSealed(iv + ":035527f27548be0c7e77bc89bf4d0faf39e40e48573b016b10bdd145b62c0188", CipherForm::Hex));
        CPPUNIT_ASSERT(!ColumnCipher::isSealed(kHash, CipherForm::Hex) && !ColumnCipher::isSealed(kHash, CipherForm::Base64));
        CPPUNIT_ASSERT(!ColumnCipher::isSealed(iv + ":0355", CipherForm::Hex));
        agent(1);
        credential(1, 1, {{"secret_hash", iv + ":035527f27548be0c7e77bc89bf4d0faf39e40e48573b016b10bdd145b62c0188"}});
        const auto keyless = run();
        CPPUNIT_ASSERT(!keyless.ok() && keyless.error().code == base::Errc::Invalid);
        for (const auto* bad : {"", "11", "not hexadecimal"})
            CPPUNIT_ASSERT(!ColumnCipher::make(base::Secret::fromText(bad), CipherForm::Hex).ok());
        auto cipher = ColumnCipher::make(base::Secret::fromText(std::string(64, '1')), CipherForm::Hex);
        CPPUNIT_ASSERT(cipher.ok());
        const auto opened = cipher->open(iv + ":035527f27548be0c7e77bc89bf4d0faf39e40e48573b016b10bdd145b62c0188");
        CPPUNIT_ASSERT(opened.ok());
        CPPUNIT_ASSERT_EQUAL(std::string("secret-hash-text"), std::string(opened->text()));
        // It opens, and is no bcrypt hash: refused, not stored.
        ImportOptions options;
        options.cipher.emplace(std::move(*cipher));
        CPPUNIT_ASSERT_EQUAL(std::string("0 0 1"), tally(done(std::move(options)), "credentials"));
    }

    void takesLiveRevocationsOnly() {
        agent(1);
        credential(1, 1);
        source_.data["token_revocations"] = {{{"jti", "live"}, {"expires_at", "2099-01-01T00:00:00Z"}},
                                             {{"jti", "past"}, {"expires_at", "2001-01-01T00:00:00Z"}}};
        const auto report = done();
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, report.tables.at("token_revocations").taken);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, report.tables.at("token_revocations").past);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, events(model::Action::TokenRevoked));
        CPPUNIT_ASSERT_EQUAL(std::string("0 1 0"), tally(done(), "token_revocations"));
    }

    void auditEventsComeInOrderAndOnce() {
        agent(1);
        credential(1, 1);
        std::string previous(64, '0');
        const auto add = [&](int n) {
            const auto ms = std::to_string(1000 + n).substr(1);
            const auto hash = base::hex(
                crypto::sha256(base::bytesOf(uuid(n) + "2026-03-01T00:00:00." + ms + "Ztoken.issuedsuccess" + uuid(1) + previous)));
            source_.data["audit_events"].push_back({{"event_id", uuid(n)},
                                                    {"timestamp", "2026-03-01T00:00:00." + ms + "000Z"},
                                                    {"action", "token.issued"},
                                                    {"outcome", "success"},
                                                    {"agent_id", uuid(1)},
                                                    {"hash", hash},
                                                    {"previous_hash", previous},
                                                    {"metadata", R"({"n":1})"}});
            previous = hash;
        };
        for (int n = 100; n < 350; ++n) add(n);
        source_.data["audit_events"][7]["outcome"] = "failure";
        const auto first = done();
        CPPUNIT_ASSERT_EQUAL(std::string("250 0 0"), tally(first, "audit_events"));
        CPPUNIT_ASSERT_EQUAL(std::size_t{249}, first.hashesAgree);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, first.hashesDiffer);
        CPPUNIT_ASSERT_EQUAL(std::string("0 250 0"), tally(done(), "audit_events"));
        add(400);
        CPPUNIT_ASSERT_EQUAL(std::string("1 250 0"), tally(done(), "audit_events"));
        int n = 100;
        for (const auto& event : ledger_.events()) {
            if (event.action != model::Action::AuditImported) continue;
            const auto metadata = base::json::parse(event.metadataJson);
            CPPUNIT_ASSERT_EQUAL(uuid(n == 350 ? 400 : n), metadata->textOr("eventId", ""));
            CPPUNIT_ASSERT_EQUAL(uuid(1), event.agentId.str());
            ++n;
        }
        CPPUNIT_ASSERT_EQUAL(351, n);
    }

    void saysWhatItLeavesAndWhatIsMissing() {
        const auto nothing = run();
        CPPUNIT_ASSERT(!nothing.ok() && nothing.error().code == base::Errc::Invalid);
        agent(1, {{"did", "did:web:x"}});
        credential(1, 1);
        source_.data["oidc_keys"] = {{{"kid", "k"}}};
        const auto report = done();
        CPPUNIT_ASSERT((report.left == std::vector<std::string>{"agents.did", "oidc_keys"}));
        CPPUNIT_ASSERT((report.absent == std::vector<std::string>{"organizations", "token_revocations", "audit_events"}));
        source_.data["token_revocations"] = {{{"jti", "j"}}};
        const auto incomplete = run();
        CPPUNIT_ASSERT(!incomplete.ok() && incomplete.error().hint.find("expires_at") != std::string::npos);
    }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ImporterTest);

}  // namespace agentidp::cli
