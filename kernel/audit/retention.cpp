#include "audit/retention.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "store/organizations.h"
#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::audit {
namespace {

using plugin::Compare;
using plugin::Where;

constexpr std::string_view kEntries = "audit_entries";
constexpr std::string_view kTable = "audit_retention";
constexpr std::int64_t kSlice = 20'000;

/// What explains the ledger to those who verify it later is kept for ever.
std::vector<Where> droppable(std::int64_t organizationNum, std::int64_t from, base::Instant cutoff) {
    return {{"organization_num", Compare::Eq, {organizationNum}},
            {"idx", Compare::Ge, {from}},
            {"ts", Compare::Lt, {cutoff}},
            {"body", Compare::NotNull, {}},
            {"action", Compare::Ne, {static_cast<std::int64_t>(model::Action::AuditPruned)}},
            {"action", Compare::Ne, {static_cast<std::int64_t>(model::Action::AuditOriginOpened)}}};
}

}  // namespace

base::Result<std::vector<Retention::Owner>> Retention::owners() {
    constexpr std::uint32_t kPage = 500;
    std::vector<Owner> owners{{0, "", policy_.defaultDays}};
    store::Organizations organizations(storage_, clock_);
    std::optional<std::int64_t> before;
    for (;;) {
        auto page = organizations.list(before, kPage);
        if (!page) return std::move(page).error();
        for (const auto& organization : *page) {
            const auto planned = policy_.daysByPlan.find(organization.plan);
            owners.push_back(
                {organization.num, organization.id.str(), planned == policy_.daysByPlan.end() ? policy_.defaultDays : planned->second});
        }
        if (page->size() < kPage) return owners;
        before = page->back().num;
    }
}

base::Result<std::optional<PruneStep>> Retention::step(const Owner& owner) {
    const base::Instant cutoff = clock_.now() - std::chrono::days(owner.days);
    auto marks = storage_.read({plugin::select(kTable, {"idx"}, {{"organization_num", Compare::Eq, {owner.num}}})},
                               plugin::callWithin(clock_, store::kReadDeadline));
    if (!marks) return std::move(marks).error();
    std::int64_t from = 0;
    if (const auto& rows = marks->front().rows; !rows.empty()) from = store::RowReader(rows.front()).integer();

    // The slice ends behind the last of at most kSlice entries to be dropped, so that one transaction stays short.
    auto found = storage_.read({plugin::select(kEntries, {"idx"}, droppable(owner.num, from, cutoff), 1, {{"idx"}})},
                               plugin::callWithin(clock_, store::kReadDeadline));
    if (!found) return std::move(found).error();
    if (found->front().rows.empty()) return std::optional<PruneStep>();
    const std::int64_t first = store::RowReader(found->front().rows.front()).integer();
    const std::int64_t until = first + kSlice;
    auto where = droppable(owner.num, first, cutoff);
    where.push_back({"idx", Compare::Lt, {until}});
    auto counted = storage_.read({plugin::count(kEntries, where), plugin::select(kEntries, {"idx"}, where, 1, {{"idx", true}}),
                                  plugin::select(kEntries, {"idx"}, droppable(owner.num, until, cutoff), 1, {{"idx"}})},
                                 plugin::callWithin(clock_, store::kReadDeadline));
    if (!counted) return std::move(counted).error();
    const std::int64_t last = store::RowReader(counted->at(1).rows.front()).integer();

    PruneStep step;
    step.entries = static_cast<std::uint64_t>(counted->front().count);
    step.more = !counted->at(2).rows.empty();
    step.effect.ops.push_back(plugin::update(kEntries, {{"body", std::monostate{}}}, where, counted->front().count));
    // Times are only nearly in order: what is younger than the cutoff among these is looked at again, so the mark stays behind it.
    auto kept = where;
    kept[2] = {"ts", Compare::Ge, {cutoff}};
    auto young = storage_.read({plugin::select(kEntries, {"idx"}, kept, 1, {{"idx"}})}, plugin::callWithin(clock_, store::kReadDeadline));
    if (!young) return std::move(young).error();
    const std::int64_t mark = young->front().rows.empty() ? last + 1 : store::RowReader(young->front().rows.front()).integer();
    step.effect.ops.push_back(plugin::insertInto(kTable, {{"organization_num", owner.num}, {"idx", mark}, {"retained_from", cutoff}},
                                                 plugin::Op::OnConflict::Replace));
    model::AuditEvent event;
    event.action = model::Action::AuditPruned;
    event.actor = "system";
    event.organizationId = model::OrganizationId(owner.id);
    event.organizationNum = owner.num;
    event.metadataJson.clear();
    base::json::Writer(event.metadataJson)
        .beginObject()
        .key("before")
        .text(base::rfc3339(cutoff))
        .key("entries")
        .number(counted->front().count)
        .key("first")
        .number(first)
        .key("last")
        .number(last)
        .endObject();
    step.effect.events.push_back(std::move(event));
    return std::optional<PruneStep>(std::move(step));
}

base::Result<std::vector<PruneStep>> Retention::plan() {
    auto all = owners();
    if (!all) return std::move(all).error();
    std::vector<PruneStep> steps;
    for (const auto& owner : *all) {
        if (owner.days == 0) continue;
        auto next = step(owner);
        if (!next) return std::move(next).error();
        if (*next) steps.push_back(std::move(**next));
    }
    return steps;
}

}  // namespace agentidp::audit
