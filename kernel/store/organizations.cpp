#include "store/organizations.h"

#include "store/reads.h"
#include "store/row_reader.h"

namespace agentidp::store {
namespace {

constexpr std::string_view kTable = "organizations";
const std::vector<std::string_view> kColumns{"num",    "id",     "name",       "slug",       "plan",
                                             "status", "limits", "created_at", "updated_at", "row_version"};

std::string textOf(model::OrganizationStatus status) { return status == model::OrganizationStatus::Active ? "active" : "suspended"; }

std::vector<plugin::Assign> changeable(const model::Organization& organization) {
    return {{"name", organization.name},
            {"slug", organization.slug},
            {"plan", organization.plan},
            {"status", textOf(organization.status)},
            {"limits", plugin::JsonText{organization.limitsJson}},
            {"updated_at", organization.updatedAt}};
}

base::Result<model::Organization> decode(const plugin::Row& row) {
    RowReader reader(row);
    model::Organization organization;
    organization.num = reader.integer();
    organization.id = model::OrganizationId(reader.text());
    organization.name = reader.text();
    organization.slug = reader.text();
    organization.plan = reader.text();
    const auto status = reader.text();
    if (status != "active" && status != "suspended") reader.refuse();
    organization.status = status == "active" ? model::OrganizationStatus::Active : model::OrganizationStatus::Suspended;
    organization.limitsJson = reader.json();
    organization.createdAt = reader.time();
    organization.updatedAt = reader.time();
    organization.version = reader.integer();
    if (auto verdict = reader.verdict(kTable); !verdict) return verdict.error();
    return organization;
}

}  // namespace

plugin::Op insertOrganization(const model::Organization& organization) {
    auto set = changeable(organization);
    set.push_back({"num", organization.num});
    set.push_back({"id", organization.id.str()});
    set.push_back({"created_at", organization.createdAt});
    set.push_back({"row_version", organization.version});
    return plugin::insertInto(kTable, std::move(set));
}

plugin::Op updateOrganization(const model::Organization& organization, std::int64_t expected) {
    auto set = changeable(organization);
    set.push_back({"row_version", expected + 1});
    return plugin::update(kTable, std::move(set),
                          {{"num", plugin::Compare::Eq, {organization.num}}, {"row_version", plugin::Compare::Eq, {expected}}}, 1);
}

base::Result<model::Organization> Organizations::one(std::vector<plugin::Where> where) const {
    return readOne<model::Organization>(storage_, clock_, plugin::select(kTable, kColumns, std::move(where)), decode);
}

base::Result<model::Organization> Organizations::find(const model::OrganizationId& id) const {
    return one({{"id", plugin::Compare::Eq, {id.str()}}});
}

base::Result<model::Organization> Organizations::findByNum(std::int64_t num) const { return one({{"num", plugin::Compare::Eq, {num}}}); }

base::Result<model::Organization> Organizations::findBySlug(std::string_view slug) const {
    return one({{"slug", plugin::Compare::Eq, {std::string(slug)}}});
}

base::Result<std::vector<model::Organization>> Organizations::list(std::optional<std::int64_t> before, std::uint32_t limit) const {
    std::vector<plugin::Where> where;
    if (before) where.push_back({"num", plugin::Compare::Lt, {*before}});
    return readAll<model::Organization>(storage_, clock_, plugin::select(kTable, kColumns, std::move(where), limit, {{"num", true}}),
                                        decode);
}

}  // namespace agentidp::store
