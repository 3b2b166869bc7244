#include "cli/import/importer.h"

#include <algorithm>

#include "base/ids.h"
#include "base/text.h"
#include "crypto/bcrypt.h"
#include "crypto/hash.h"
#include "registry/number.h"
#include "store/agents.h"
#include "store/credentials.h"
#include "store/meta.h"
#include "store/organizations.h"
#include "store/reads.h"
#include "store/revocations.h"
#include "store/row_reader.h"

namespace agentidp::cli {
namespace {

using base::Errc;
using base::fail;
using model::Action;
using plugin::Compare;
namespace json = base::json;

constexpr std::size_t kBatch = 200;
/// How far the audit events came: the order columns of the last one taken.
constexpr std::string_view kAuditCursor = "import.sentryagent.audit";
const std::string kImported = R"({"imported":"sentryagent"})";

base::Instant timeOf(const ReferenceRow& row, std::string_view as, base::Instant otherwise) {
    const auto* text = row.find(as);
    return text != nullptr ? base::parseRfc3339(*text).value_or(otherwise) : otherwise;
}

std::optional<base::Instant> timeIn(const ReferenceRow& row, std::string_view as) {
    const auto* text = row.find(as);
    return text != nullptr ? base::parseRfc3339(*text) : std::nullopt;
}

/// [a-z0-9-]{1,63}
std::string slugOf(std::string_view text) {
    std::string out;
    for (const char c : base::lower(text)) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (plain) out += c;
        if (!plain && !out.empty() && out.back() != '-') out += '-';
    }
    while (!out.empty() && out.back() == '-') out.pop_back();
    return out.substr(0, 40);
}

/// A JSON array of strings, or nothing.
std::vector<std::string> textsOf(const ReferenceRow& row, std::string_view as) {
    std::vector<std::string> out;
    const auto* text = row.find(as);
    if (text != nullptr && !store::textsOfJson(*text, out)) out.clear();
    return out;
}

/// JavaScript's Date.toISOString, which the reference hashed.
std::string isoMillis(std::string_view rfc3339Micros) {
    return rfc3339Micros.size() == 27 ? std::string(rfc3339Micros.substr(0, 23)) + "Z" : std::string(rfc3339Micros);
}

}  // namespace

json::Value ImportReport::json() const {
    const auto number = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    const auto list = [](const std::vector<std::string>& lines) {
        json::Array out;
        for (const auto& line : lines) out.emplace_back(line);
        return out;
    };
    json::Object counted;
    for (const auto& [table, tally] : tables)
        counted.emplace_back(table, json::Object{{"taken", number(tally.taken)},
                                                 {"known", number(tally.known)},
                                                 {"refused", number(tally.refused)},
                                                 {"past", number(tally.past)}});
    return json::Object{{"tables", std::move(counted)},
                        {"absent", list(absent)},
                        {"left", list(left)},
                        {"problems", list(problems)},
                        {"secretsInVault", number(inVault)},
                        {"auditHashes", json::Object{{"agree", number(hashesAgree)}, {"differ", number(hashesDiffer)}}}};
}

base::Result<ImportReport> Importer::run() {
    auto there = places_.source.tables();
    if (!there) return std::move(there).error();
    std::map<std::string_view, FoundTable> found;
    for (const auto& table : referenceTables()) {
        auto one = findTable(table, *there);
        if (!one) {
            report_.absent.emplace_back(table.name);
            continue;
        }
        if (!one->missing.empty())
            return fail(Errc::Invalid, "the table " + std::string(table.name) + " has no column " + base::join(one->missing, ", ") +
                                           "; is this the old database, and the right --schema?");
        for (const auto& column : one->left) report_.left.push_back(std::string(table.name) + "." + column);
        found.emplace(table.name, std::move(*one));
    }
    if (!found.contains("agents") || !found.contains("credentials"))
        return fail(Errc::Invalid, "there are no tables agents and credentials; is this the old database, and the right --schema?");
    for (const auto& [name, columns] : *there)
        if (!found.contains(name)) report_.left.push_back(name);
    if (auto learned = learn(); !learned) return std::move(learned).error();

    using Step = base::Result<void> (Importer::*)(const FoundTable&);
    const std::pair<std::string_view, Step> steps[] = {{"organizations", &Importer::organizations},
                                                       {"agents", &Importer::agents},
                                                       {"credentials", &Importer::credentials},
                                                       {"token_revocations", &Importer::revocations},
                                                       {"audit_events", &Importer::auditEvents}};
    for (const auto& [name, step] : steps)
        if (const auto at = found.find(name); at != found.end())
            if (auto done = (this->*step)(at->second); !done) return std::move(done).error();
    return std::move(report_);
}

base::Result<void> Importer::learn() {
    auto home = store::Organizations(places_.storage, places_.clock).findBySlug(model::kDefaultSlug);
    if (!home && home.error().code == Errc::NotFound)
        return fail(Errc::Invalid, "there is nothing to import into: run agentidp init, or start agentidpd once");
    if (!home) return std::move(home).error();
    default_ = {home->num, home->id.str()};
    std::vector<plugin::Value> after;
    constexpr std::uint32_t kPage = 10'000;
    std::map<std::int64_t, std::string> organizations;
    for (std::optional<std::int64_t> before;;) {
        auto page = store::Organizations(places_.storage, places_.clock).list(before, 1'000);
        if (!page) return std::move(page).error();
        for (const auto& organization : *page) organizations[organization.num] = organization.id.str();
        if (page->size() < 1'000) break;
        before = page->back().num;
    }
    for (const auto& [num, id] : organizations) homes_[id] = {num, id};
    for (;;) {
        auto page = places_.storage.read({plugin::select("agents", {"num", "id", "organization_num"}, {}, kPage, {{"num", false}}, after)},
                                         plugin::callWithin(places_.clock, base::seconds(30)));
        if (!page) return std::move(page).error();
        for (const auto& row : page->front().rows) {
            store::RowReader reader(row);
            const auto num = reader.integer();
            auto id = reader.text();
            const auto organization = organizations.find(reader.integer());
            if (auto verdict = reader.verdict("agents"); !verdict) return verdict;
            after = {num};
            agents_[std::move(id)] = {num, organization != organizations.end() ? organization->second : default_.id};
        }
        if (page->front().rows.size() < kPage) return {};
    }
}

const Importer::Home& Importer::homeOf(const std::string& organization) const {
    const auto found = homes_.find(organization);
    return found != homes_.end() ? found->second : default_;
}

void Importer::refuse(ImportTally& tally, const std::string& line) {
    ++tally.refused;
    if (report_.problems.size() < ImportReport::kMostProblems) report_.problems.push_back(line);
}

model::AuditEvent Importer::begin(Action action) const {
    model::AuditEvent event;
    event.timestamp = places_.clock.now();
    event.eventId = model::EventId(base::uuidV7(event.timestamp));
    event.action = action;
    event.actor = options_.actor;
    event.metadataJson = kImported;
    return event;
}

base::Result<void> Importer::each(std::string_view table, const FoundTable& found, const std::vector<std::string>& after,
                                  const std::function<base::Result<void>(const std::vector<ReferenceRow>&, ImportTally&)>& take) {
    auto& tally = report_.tables[std::string(table)];
    std::size_t done = 0;
    return places_.source.read(referenceTable(table), found, after, kBatch, [&](std::vector<ReferenceRow>&& rows) -> base::Result<void> {
        if (auto taken = take(rows, tally); !taken) return taken;
        done += rows.size();
        if (options_.progress) options_.progress(std::string(table), done);
        return {};
    });
}

base::Result<std::set<std::string>> Importer::present(std::string_view table, std::string_view column,
                                                      const std::vector<ReferenceRow>& rows, std::string_view as) {
    std::vector<plugin::Value> wanted;
    for (const auto& row : rows) wanted.emplace_back(row.textOr(as));
    auto read = places_.storage.read({plugin::select(table, {column}, {{column, Compare::In, std::move(wanted)}}, 10'000)},
                                     plugin::callWithin(places_.clock, base::seconds(10)));
    if (!read) return std::move(read).error();
    std::set<std::string> out;
    for (const auto& row : read->front().rows) out.insert(store::RowReader(row).text());
    return out;
}

/// All of them at once; where one is refused each by itself, so that it alone stays behind.
base::Result<void> Importer::commit(std::vector<Unit>&& units, ImportTally& tally) {
    if (units.empty()) return {};
    if (options_.mode == ImportMode::Look) {
        tally.taken += units.size();
        return {};
    }
    const auto refused = [](const base::Error& error) {
        return error.code == Errc::Exists || error.code == Errc::Conflict || error.code == Errc::NotFound || error.code == Errc::Invalid;
    };
    audit::Effect all;
    for (const auto& unit : units) {
        all.ops.insert(all.ops.end(), unit.effect.ops.begin(), unit.effect.ops.end());
        all.events.insert(all.events.end(), unit.effect.events.begin(), unit.effect.events.end());
    }
    auto done = places_.commit(std::move(all));
    if (done) tally.taken += units.size();
    if (done || !refused(done.error())) return done;
    for (auto& unit : units) {
        auto alone = places_.commit(std::move(unit.effect));
        if (alone)
            ++tally.taken;
        else if (refused(alone.error()))
            refuse(tally,
                   unit.what + (alone.error().code == Errc::Exists ? ": a unique value of it is taken here" : ": the storage refuses it"));
        else
            return alone;
    }
    return {};
}

base::Result<void> Importer::organizations(const FoundTable& found) {
    return each("organizations", found, {}, [&](const std::vector<ReferenceRow>& rows, ImportTally& tally) -> base::Result<void> {
        std::vector<Unit> units;
        auto num = registry::allocateNumber(places_.clock.now());
        for (const auto& row : rows) {
            const auto id = row.textOr("id");
            if (homes_.contains(id)) {
                ++tally.known;
                continue;
            }
            if (!base::isUuid(id)) {
                refuse(tally, "organization " + id + ": its id is no UUID, so its agents come into `default`");
                continue;
            }
            model::Organization made;
            made.num = num++;
            made.id = model::OrganizationId(id);
            made.name = row.textOr("name", id);
            made.slug = slugOf(row.textOr("slug", made.name));
            // Ours have these names; the old ones keep their id, which is what tokens carry.
            if (made.slug.empty() || made.slug == model::kSystemSlug || made.slug == model::kDefaultSlug)
                made.slug += "-" + id.substr(0, 8);
            if (made.slug.front() == '-') made.slug.erase(0, 1);
            made.plan = row.textOr("plan", "free");
            if (row.textOr("status", "active") != "active") made.status = model::OrganizationStatus::Suspended;
            if (const auto tokens = base::parseInt(row.textOr("tokensPerMonth")); tokens && *tokens > 0)
                made.limitsJson = json::write(json::Object{{"tokensPerMonth", *tokens}});
            made.createdAt = timeOf(row, "createdAt", places_.clock.now());
            made.updatedAt = timeOf(row, "updatedAt", made.createdAt);
            Unit unit{"organization " + id, {}};
            unit.effect.ops.push_back(store::insertOrganization(made));
            unit.effect.events.push_back(begin(Action::OrganizationCreated));
            unit.effect.events.back().organizationId = made.id;
            unit.effect.events.back().organizationNum = made.num;
            homes_[id] = {made.num, id};
            units.push_back(std::move(unit));
        }
        return commit(std::move(units), tally);
    });
}

Importer::Unit Importer::agentOf(const ReferenceRow& row, std::int64_t num) const {
    model::Agent agent;
    const auto& home = homeOf(row.textOr("organization"));
    agent.num = num;
    agent.id = model::AgentId(row.textOr("id"));
    agent.organizationNum = home.num;
    agent.organizationId = model::OrganizationId(home.id);
    agent.email = row.textOr("email");
    agent.agentType = row.textOr("type", "custom");
    agent.version = row.textOr("version", "1");
    agent.capabilities = textsOf(row, "capabilities");
    agent.owner = row.textOr("owner", "unknown");
    const auto env = row.textOr("env");
    agent.deploymentEnv = env == "production" ? model::DeploymentEnv::Production
                          : env == "staging"  ? model::DeploymentEnv::Staging
                                              : model::DeploymentEnv::Development;
    agent.scopes = row.find("scopes") != nullptr ? model::normalised(textsOf(row, "scopes")) : options_.scopes;
    if (!std::all_of(agent.scopes.begin(), agent.scopes.end(), model::isScopeToken)) agent.scopes = options_.scopes;
    const auto status = row.textOr("status", "active");
    // What is not known to be active is not let in.
    agent.status = status == "active"           ? model::AgentStatus::Active
                   : status == "decommissioned" ? model::AgentStatus::Decommissioned
                                                : model::AgentStatus::Suspended;
    agent.createdAt = timeOf(row, "createdAt", places_.clock.now());
    agent.updatedAt = timeOf(row, "updatedAt", agent.createdAt);
    if (agent.status != model::AgentStatus::Active) agent.tokensNotBefore = places_.clock.now();
    Unit unit{"agent " + agent.id.str(), {}};
    auto event = begin(Action::AgentCreated);
    event.agentId = agent.id;
    event.agentNum = agent.num;
    event.organizationId = agent.organizationId;
    event.organizationNum = agent.organizationNum;
    unit.effect.events.push_back(std::move(event));
    unit.effect.ops.push_back(store::insertAgent(agent));
    return unit;
}

base::Result<void> Importer::agents(const FoundTable& found) {
    return each("agents", found, {}, [&](const std::vector<ReferenceRow>& rows, ImportTally& tally) -> base::Result<void> {
        std::vector<Unit> units;
        std::vector<std::pair<std::string, Known>> made;
        auto num = registry::allocateNumber(places_.clock.now());
        for (const auto& row : rows) {
            const auto id = row.textOr("id");
            if (agents_.contains(id)) {
                ++tally.known;
            } else if (!base::isUuid(id) || row.textOr("email").empty()) {
                refuse(tally, "agent " + id + ": its id is no UUID, or it has no email");
            } else {
                units.push_back(agentOf(row, num));
                made.emplace_back(id, Known{num++, homeOf(row.textOr("organization")).id});
            }
        }
        const auto before = tally.refused;
        if (auto done = commit(std::move(units), tally); !done) return done;
        if (tally.refused == before) {
            for (auto& [id, known] : made) agents_.insert_or_assign(id, std::move(known));
            return {};
        }
        // Some stayed behind: only what is here may get credentials.
        auto here = present("agents", "id", rows, "id");
        if (!here) return std::move(here).error();
        for (auto& [id, known] : made)
            if (here->contains(id)) agents_.insert_or_assign(id, std::move(known));
        return {};
    });
}

base::Result<std::optional<Importer::Unit>> Importer::credentialOf(const ReferenceRow& row) {
    auto& tally = report_.tables["credentials"];
    const auto id = row.textOr("id");
    const auto agent = agents_.find(row.textOr("client"));
    if (!base::isUuid(id) || agent == agents_.end()) {
        refuse(tally, "credential " + id + ": its agent was not imported, or its id is no UUID");
        return std::optional<Unit>();
    }
    model::Credential made;
    made.id = model::CredentialId(id);
    made.agentId = model::AgentId(agent->first);
    made.agentNum = agent->second.num;
    made.status = row.textOr("status", "active") == "active" ? model::CredentialStatus::Active : model::CredentialStatus::Revoked;
    made.createdAt = timeOf(row, "createdAt", places_.clock.now());
    made.expiresAt = timeIn(row, "expiresAt");
    made.revokedAt = timeIn(row, "revokedAt");
    if (made.revokedAt) made.status = model::CredentialStatus::Revoked;
    if (made.status == model::CredentialStatus::Active) {
        auto hash = row.textOr("hash");
        if (ColumnCipher::isSealed(hash, options_.form)) {
            if (!options_.cipher)
                return fail(Errc::Invalid,
                            "credentials.secret_hash is encrypted: give the old column key, --column-key env:NAME or file:PATH");
            auto opened = options_.cipher->open(hash);
            hash = opened ? std::string(opened->text()) : std::string();
        }
        if (!crypto::isBcrypt(hash)) {
            const bool vault = row.find("vaultPath") != nullptr;
            if (vault) ++report_.inVault;
            refuse(tally, "credential " + id +
                              (vault ? ": its secret is in Vault; give its agent a new credential"
                                     : ": its secret is no bcrypt hash of a cost up to 14, or does not open with this key"));
            return std::optional<Unit>();
        }
        made.importedHash = std::move(hash);
    }
    Unit unit{"credential " + id, {}};
    auto event = begin(Action::CredentialGenerated);
    event.agentId = made.agentId;
    event.agentNum = made.agentNum;
    const auto& home = homeOf(agent->second.organization);
    event.organizationId = model::OrganizationId(home.id);
    event.organizationNum = home.num;
    event.metadataJson = json::write(json::Object{{"credentialId", id}, {"imported", "sentryagent"}});
    unit.effect.events.push_back(std::move(event));
    unit.effect.ops.push_back(store::insertCredential(made));
    return std::optional(std::move(unit));
}

base::Result<void> Importer::credentials(const FoundTable& found) {
    return each("credentials", found, {}, [&](const std::vector<ReferenceRow>& rows, ImportTally& tally) -> base::Result<void> {
        auto known = present("credentials", "id", rows, "id");
        if (!known) return std::move(known).error();
        std::vector<Unit> units;
        for (const auto& row : rows) {
            if (known->contains(row.textOr("id"))) {
                ++tally.known;
                continue;
            }
            auto unit = credentialOf(row);
            if (!unit) return std::move(unit).error();
            if (*unit) units.push_back(std::move(**unit));
        }
        return commit(std::move(units), tally);
    });
}

base::Result<void> Importer::revocations(const FoundTable& found) {
    return each("token_revocations", found, {}, [&](const std::vector<ReferenceRow>& rows, ImportTally& tally) -> base::Result<void> {
        auto known = present("token_revocations", "jti", rows, "jti");
        if (!known) return std::move(known).error();
        const auto now = places_.clock.now();
        std::vector<Unit> units;
        for (const auto& row : rows) {
            const auto jti = row.textOr("jti");
            const auto until = timeOf(row, "expiresAt", now);
            if (known->contains(jti)) {
                ++tally.known;
                continue;
            }
            if (until <= now || jti.empty()) {
                ++tally.past;
                continue;
            }
            Unit unit{"revocation " + jti, {}};
            unit.effect.ops.push_back(store::insertRevocation({model::Jti(jti), until, timeOf(row, "revokedAt", now)}));
            unit.effect.events.push_back(begin(Action::TokenRevoked));
            unit.effect.events.back().jti = jti;
            unit.effect.events.back().metadataJson =
                json::write(json::Object{{"expiresAt", base::epochSecondsOf(until)}, {"imported", "sentryagent"}});
            units.push_back(std::move(unit));
        }
        return commit(std::move(units), tally);
    });
}

audit::Effect Importer::eventOf(const ReferenceRow& row) {
    const auto time = row.textOr("time");
    const auto previous = row.textOr("previousHash");
    auto event = begin(Action::AuditImported);
    if (const auto agent = agents_.find(row.textOr("agent")); agent != agents_.end()) {
        event.agentId = model::AgentId(agent->first);
        event.agentNum = agent->second.num;
    }
    const auto& home = homeOf(row.textOr("organization"));
    event.organizationId = model::OrganizationId(home.id);
    event.organizationNum = home.num;
    event.outcome = row.textOr("outcome", "success") == "success" ? model::Outcome::Success : model::Outcome::Failure;
    event.ip = row.textOr("ip");
    event.userAgent = row.textOr("userAgent");
    json::Object metadata{{"action", row.textOr("action")}, {"eventId", row.textOr("id")}, {"timestamp", time}};
    if (row.find("agent") != nullptr && event.agentId.empty()) metadata.emplace_back("agentId", row.textOr("agent"));
    if (const auto* hash = row.find("hash"); hash != nullptr && !hash->empty()) {
        metadata.emplace_back("hash", *hash);
        metadata.emplace_back("previousHash", previous);
        const auto input = row.textOr("id") + isoMillis(time) + row.textOr("action") + row.textOr("outcome") + row.textOr("agent") +
                           row.textOr("organization") + previous;
        ++(base::hex(crypto::sha256(base::bytesOf(input))) == *hash ? report_.hashesAgree : report_.hashesDiffer);
    }
    metadata.emplace_back("imported", "sentryagent");
    if (const auto* extra = row.find("metadata"); extra != nullptr && *extra != "{}") metadata.emplace_back("metadata", *extra);
    event.metadataJson = json::write(metadata);
    audit::Effect effect;
    effect.events.push_back(std::move(event));
    return effect;
}

base::Result<void> Importer::auditEvents(const FoundTable& found) {
    auto cursor = store::readMeta(places_.storage, places_.clock, kAuditCursor);
    if (!cursor) return std::move(cursor).error();
    std::vector<std::string> after;
    if (*cursor) after = base::split(**cursor, ' ');
    const bool fresh = after.size() != 2;
    if (fresh) after.clear();
    if (!fresh) {
        auto all = places_.source.count(referenceTable("audit_events"));
        if (!all) return std::move(all).error();
        report_.tables["audit_events"].known = static_cast<std::size_t>(*all);
    }
    auto done = each("audit_events", found, after, [&](const std::vector<ReferenceRow>& rows, ImportTally& tally) -> base::Result<void> {
        audit::Effect effect;
        for (const auto& row : rows) {
            auto one = eventOf(row);
            effect.events.push_back(std::move(one.events.front()));
        }
        const auto& last = rows.back();
        effect.ops.push_back(
            plugin::insertInto("meta", {{"name", std::string(kAuditCursor)}, {"value", last.textOr("time") + " " + last.textOr("id")}},
                               plugin::Op::OnConflict::Replace));
        if (options_.mode == ImportMode::Take)
            if (auto committed = places_.commit(std::move(effect)); !committed) return committed;
        tally.taken += rows.size();
        return {};
    });
    auto& tally = report_.tables["audit_events"];
    if (!fresh) tally.known -= std::min(tally.known, tally.taken);
    return done;
}

}  // namespace agentidp::cli
