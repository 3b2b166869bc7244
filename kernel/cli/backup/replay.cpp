#include "cli/backup/replay.h"

#include <map>
#include <utility>

#include "audit/entry.h"
#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::cli {
namespace {

using base::Errc;
using base::fail;
using model::Action;
using plugin::Assign;
using plugin::Compare;

/// How far a writer had come: its epoch, and its number in it.
using Position = std::pair<std::int64_t, std::int64_t>;

base::Result<std::map<std::string, Position>> positions(plugin::Storage& storage, const base::Clock& clock) {
    constexpr std::uint32_t kPage = 10'000;
    std::map<std::string, Position> out;
    std::vector<plugin::Value> after;
    for (;;) {
        auto page = storage.read({plugin::select("audit_replicas", {"replica", "epoch", "lseq"}, {}, kPage, {{"replica", false}}, after)},
                                 plugin::callWithin(clock, store::kReadDeadline));
        if (!page) return std::move(page).error();
        for (const auto& row : page->front().rows) {
            store::RowReader reader(row);
            auto replica = reader.text();
            const auto epoch = reader.integer();
            const auto lseq = reader.integer();
            if (auto verdict = reader.verdict("audit_replicas"); !verdict) return std::move(verdict).error();
            after = {replica};
            out[std::move(replica)] = {epoch, lseq};
        }
        if (page->front().rows.size() < kPage) return out;
    }
}

const Assign kNextVersion{"row_version", std::int64_t{1}, Assign::Mode::Add};

std::vector<Assign> revoked(base::Instant at) {
    return {{"status", std::string("revoked")},   {"revoked_at", at},
            {"previous_mac", std::monostate{}},   {"previous_pepper_id", std::monostate{}},
            {"previous_until", std::monostate{}}, kNextVersion};
}

/// One entry after the other, in the order they happened.
class Planner {
public:
    Planner(Replay& out, base::Instant now) : out_(out), now_(now) {}

    void take(const model::AuditEvent& event) {
        const auto metadata = base::json::parse(event.metadataJson);
        const auto word = [&](std::string_view name) { return metadata ? metadata->textOr(name, "") : std::string(); };
        switch (event.action) {
            case Action::TokenRevoked: return revokeToken(event, metadata ? metadata->intOr("expiresAt", 0) : 0);
            case Action::CredentialRevoked:
                revokeCredential(event, word("credentialId"));
                if (word("tokensEnded") == "true") endTokens(event);
                return;
            case Action::CredentialRotated: revokeCredential(event, word("credentialId")); break;
            case Action::CredentialGenerated: break;
            case Action::AgentSuspended: return setStatus(event, "suspended");
            case Action::AgentReactivated: return setStatus(event, "active");
            case Action::AgentDecommissioned:
                setStatus(event, "decommissioned");
                out_.ops.push_back(
                    plugin::update("credentials", revoked(event.timestamp),
                                   {{"client_id", Compare::Eq, {event.agentId.str()}}, {"status", Compare::Eq, {std::string("active")}}}));
                return;
            case Action::AgentCreated: out_.agentsLost.insert(event.agentId.str()); return;
            case Action::AgentUpdated: out_.agentsOutOfDate.insert(event.agentId.str()); return;
            case Action::OrganizationCreated:
            case Action::OrganizationUpdated: ++out_.organizationsChanged; return;
            case Action::KeyPublished: out_.keysIssued.insert(word("kid")); return;
            case Action::KeyRetired:
                if (const auto* flag = metadata ? metadata->find("compromised") : nullptr; flag != nullptr && flag->asBool() != nullptr)
                    out_.keysCompromised.insert(word("kid"));
                return;
            default: return;
        }
        out_.credentialsLost.insert(word("credentialId"));
    }

private:
    void revokeToken(const model::AuditEvent& event, std::int64_t expiresAt) {
        const base::Instant until{base::seconds(expiresAt)};
        if (until <= now_ || event.jti.empty()) return;
        ++out_.tokensRevoked;
        out_.ops.push_back(plugin::insertInto("token_revocations",
                                              {{"jti", event.jti}, {"expires_at", until}, {"revoked_at", event.timestamp}},
                                              plugin::Op::OnConflict::Ignore));
    }
    void revokeCredential(const model::AuditEvent& event, const std::string& id) {
        out_.credentialsRevoked.insert(id);
        out_.ops.push_back(plugin::update("credentials", revoked(event.timestamp), {{"id", Compare::Eq, {id}}}));
    }
    void setStatus(const model::AuditEvent& event, std::string_view status) {
        if (status == "active") {
            out_.agentsStopped.erase(event.agentId.str());
        } else {
            out_.agentsStopped.insert(event.agentId.str());
            endTokens(event);
        }
        out_.ops.push_back(
            plugin::update("agents", {{"status", std::string(status)}, kNextVersion},
                           {{"id", Compare::Eq, {event.agentId.str()}}, {"status", Compare::Ne, {std::string("decommissioned")}}}));
    }
    void endTokens(const model::AuditEvent& event) {
        out_.ops.push_back(
            plugin::update("agents", {{"tokens_not_before", event.timestamp}, kNextVersion}, {{"id", Compare::Eq, {event.agentId.str()}}}));
    }

    Replay& out_;
    base::Instant now_;
};

base::json::Array listed(const std::set<std::string>& names) {
    base::json::Array out;
    for (const auto& name : names) out.emplace_back(name);
    return out;
}

}  // namespace

base::json::Value Replay::json() const {
    const auto number = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    return base::json::Object{{"entries", number(entries)},
                              {"newer", number(newer)},
                              {"tokensRevoked", number(tokensRevoked)},
                              {"credentialsRevoked", listed(credentialsRevoked)},
                              {"agentsStopped", listed(agentsStopped)},
                              {"agentsLost", listed(agentsLost)},
                              {"credentialsLost", listed(credentialsLost)},
                              {"agentsOutOfDate", listed(agentsOutOfDate)},
                              {"keysIssued", listed(keysIssued)},
                              {"keysCompromised", listed(keysCompromised)},
                              {"organizationsChanged", number(organizationsChanged)}};
}

base::Result<Replay> planReplay(std::istream& archive, plugin::Storage& storage, const base::Clock& clock) {
    auto known = positions(storage, clock);
    if (!known) return std::move(known).error();
    Replay out;
    Planner planner(out, clock.now());
    std::string line;
    while (std::getline(archive, line)) {
        if (line.empty()) continue;
        ++out.entries;
        const auto entry = audit::parseEntry(base::bytesOf(line));
        if (!entry)
            return fail(Errc::Invalid,
                        "line " + std::to_string(out.entries) +
                            " of the archive is no ledger entry; it wants the output of agentidp audit export --format entries");
        const auto writer = known->find(entry->replica);
        if (writer != known->end() && Position(entry->epoch, entry->lseq) <= writer->second) continue;
        ++out.newer;
        planner.take(entry->event);
    }
    if (archive.bad()) return fail(Errc::Unavailable, "the archive cannot be read to its end");
    return out;
}

}  // namespace agentidp::cli
