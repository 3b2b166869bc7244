#include "cli/import/reference_shape.h"

#include <algorithm>

namespace agentidp::cli {

const std::vector<ReferenceTable>& referenceTables() {
    using Need = ReferenceColumn::Need;
    static const std::vector<ReferenceTable> kTables{
        {"organizations",
         {{"id", {"organization_id", "org_id", "id"}, Need::Required},
          {"name", {"name"}},
          {"slug", {"slug"}},
          {"plan", {"plan", "plan_tier"}},
          {"status", {"status"}},
          {"tokensPerMonth", {"max_tokens_per_month"}},
          {"createdAt", {"created_at"}},
          {"updatedAt", {"updated_at"}}},
         {"id"}},
        {"agents",
         {{"id", {"agent_id", "id"}, Need::Required},
          {"organization", {"organization_id", "org_id"}},
          {"email", {"email"}, Need::Required},
          {"type", {"agent_type", "type"}},
          {"version", {"version"}},
          {"capabilities", {"capabilities"}},
          {"scopes", {"scopes"}},
          {"owner", {"owner"}},
          {"env", {"deployment_env", "environment"}},
          {"status", {"status"}},
          {"createdAt", {"created_at"}},
          {"updatedAt", {"updated_at"}}},
         {"id"}},
        {"credentials",
         {{"id", {"credential_id", "id"}, Need::Required},
          {"client", {"client_id", "agent_id"}, Need::Required},
          {"hash", {"secret_hash"}},
          {"vaultPath", {"vault_path"}},
          {"status", {"status"}},
          {"createdAt", {"created_at"}},
          {"expiresAt", {"expires_at"}},
          {"revokedAt", {"revoked_at"}}},
         {"id"}},
        {"token_revocations",
         {{"jti", {"jti"}, Need::Required}, {"expiresAt", {"expires_at"}, Need::Required}, {"revokedAt", {"revoked_at", "created_at"}}},
         {"jti"}},
        {"audit_events",
         {{"id", {"event_id", "id"}, Need::Required},
          {"time", {"timestamp", "created_at"}, Need::Required},
          {"action", {"action"}, Need::Required},
          {"outcome", {"outcome"}},
          {"agent", {"agent_id"}},
          {"organization", {"organization_id", "org_id"}},
          {"ip", {"ip_address"}},
          {"userAgent", {"user_agent"}},
          {"metadata", {"metadata"}},
          {"hash", {"hash"}},
          {"previousHash", {"previous_hash", "prev_hash"}}},
         {"time", "id"}},
    };
    return kTables;
}

const ReferenceTable& referenceTable(std::string_view name) {
    const auto& tables = referenceTables();
    return *std::find_if(tables.begin(), tables.end(), [&](const ReferenceTable& table) { return table.name == name; });
}

std::optional<FoundTable> findTable(const ReferenceTable& table, const TableColumns& there) {
    const auto at = there.find(table.name);
    if (at == there.end()) return std::nullopt;
    FoundTable out;
    std::set<std::string_view> used;
    for (const auto& column : table.columns) {
        const auto name = std::find_if(column.names.begin(), column.names.end(),
                                       [&](std::string_view known) { return at->second.find(known) != at->second.end(); });
        if (name != column.names.end()) {
            out.columns.emplace(column.as, *name);
            used.insert(*name);
        } else if (column.need == ReferenceColumn::Need::Required) {
            out.missing.emplace_back(column.names.front());
        }
    }
    for (const auto& [name, type] : at->second)
        if (!used.contains(name)) out.left.push_back(name);
    return out;
}

}  // namespace agentidp::cli
