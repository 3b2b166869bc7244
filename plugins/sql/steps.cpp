#include "sql/steps.h"

namespace agentidp::sql {

bool appendStep(std::vector<Step>& steps, const AppliedStep& row) {
    auto step = parseStep(row.definition);
    const bool whole = step.ok() && step->number == row.number && step->checksum == row.checksum &&
                       step->number == static_cast<std::int64_t>(steps.size()) + 1;
    if (whole) steps.push_back(std::move(*step));
    return whole;
}

aip::Status agrees(const std::vector<Step>& applied, const std::vector<Step>& wanted) {
    for (std::size_t i = 0; i < applied.size() && i < wanted.size(); ++i)
        if (applied[i].checksum != wanted[i].checksum)
            return aip::conflict("step " + std::to_string(i + 1) + " of the schema is not the one that was applied",
                                 applied[i].name + " " + applied[i].checksum);
    if (applied.size() > wanted.size())
        return aip::conflict("the store is newer than this program: schema " + std::to_string(applied.size()) + ", known " +
                             std::to_string(wanted.size()));
    return {};
}

aip::MigrationStatus statusOf(const std::vector<Step>& applied, const std::vector<Step>& wanted) {
    aip::MigrationStatus status;
    status.current = static_cast<std::int64_t>(applied.size());
    status.wanted = static_cast<std::int64_t>(wanted.size());
    for (std::size_t i = applied.size(); i < wanted.size(); ++i) status.pending.push_back({wanted[i].number, wanted[i].name});
    return status;
}

aip::Outcome<Catalog> catalogOf(const std::vector<Step>& steps) {
    Catalog catalog;
    for (const auto& step : steps)
        if (auto added = catalog.add(step); !added) return added.fail();
    return catalog;
}

}  // namespace agentidp::sql
