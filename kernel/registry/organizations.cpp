#include "registry/organizations.h"

#include "base/ids.h"
#include "registry/access.h"
#include "registry/fields.h"
#include "registry/number.h"
#include "registry/render.h"

namespace agentidp::registry {
namespace {

constexpr std::string_view kRead = "agents:read";
constexpr std::int64_t kMostLimit = 9'007'199'254'740'991;

/// "Équipe Data, EU" -> "quipe-data-eu"; empty where nothing is left.
std::string slugFrom(std::string_view name) {
    std::string slug;
    for (const char c : name) {
        const bool upper = c >= 'A' && c <= 'Z';
        const bool kept = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (kept)
            slug.push_back(upper ? static_cast<char>(c + 32) : c);
        else if (!slug.empty() && slug.back() != '-' && static_cast<std::uint8_t>(c) < 0x80)
            slug.push_back('-');
    }
    slug = slug.substr(0, 63);
    while (!slug.empty() && slug.back() == '-') slug.pop_back();
    return slug;
}

/// {"tokensPerMonth": n, "requestsPerMinute": n}, both optional.
std::optional<std::string> limits(Fields& fields) {
    const auto* value = fields.take("limits");
    if (value == nullptr) return std::nullopt;
    Fields inner(*value);
    inner.integer("tokensPerMonth", 0, kMostLimit);
    inner.integer("requestsPerMinute", 1, 1'000'000'000);
    const auto errors = inner.finish();
    for (const auto& error : errors) fields.fault("/limits" + error.pointer, error.detail);
    if (!errors.empty()) return std::nullopt;
    return base::json::write(*value);
}

model::AuditEvent eventAbout(const model::Organization& organization, const Asker& asker, model::Action action) {
    auto event = model::beginEvent(action, model::Outcome::Success, asker.origin, asker.caller.actor());
    event.organizationId = organization.id;
    event.organizationNum = organization.num;
    return event;
}

model::Decided<model::Organization, Ruling> visible(Organizations& organizations, const Asker& asker, std::string_view id) {
    if (!base::isUuid(id)) return notFound(asker, "organization", id, false);
    auto organization = organizations.find(model::OrganizationId(id));
    if (!organization && organization.error().code == base::Errc::NotFound) return notFound(asker, "organization", id, false);
    if (!organization) return refuse(model::problemOf(organization.error()));
    if (!sameOrganization(asker.caller, organization->num)) return notFound(asker, "organization", id, true);
    return *std::move(organization);
}

Ruling stale() { return refuse(model::problem(model::ProblemCode::PreconditionFailed, "the organization has changed since it was read")); }

Ruling changed(model::Organization organization, const Asker& asker, std::string_view what, int status) {
    organization.updatedAt = asker.origin.at;
    const auto expected = organization.version++;
    auto ruling = status == 204 ? answered(204, {}) : answered(status, organizationJson(organization), etagOf(organization.version));
    auto event = eventAbout(organization, asker, model::Action::OrganizationUpdated);
    event.metadataJson = metadata({{"changed", what}, {"status", wordOf(organization.status)}});
    ruling.mutation.events.push_back(std::move(event));
    ruling.mutation.changes.emplace_back(model::UpdateOrganization{std::move(organization), expected});
    return ruling;
}

Ruling systemStays() {
    return refuse(model::problem(model::ProblemCode::Conflict, "the organization `system` cannot be suspended or deleted"));
}

}  // namespace

Ruling OrganizationRules::create(const Asker& asker, const base::json::Value& body) const {
    if (auto refused = needScope(asker, model::kPlatformScope)) return *std::move(refused);
    model::Organization organization;
    Fields fields(body);
    fields.require("name");
    organization.name = fields.text("name", TextKind::Display).value_or("");
    organization.slug = fields.text("slug", TextKind::Slug).value_or("");
    organization.plan = fields.text("plan", TextKind::Identifier).value_or(organization.plan);
    organization.limitsJson = limits(fields).value_or("{}");
    if (!fields.has("slug")) {
        organization.slug = slugFrom(organization.name);
        if (organization.slug.empty() && !organization.name.empty()) fields.faultAt("slug", "is required, since the name gives none");
    }
    if (auto errors = fields.finish(); !errors.empty()) return refuse(model::invalid(std::move(errors)));
    // Whether it exists yet does not matter: only init makes it.
    if (organization.slug == model::kSystemSlug)
        return refuse(model::problem(model::ProblemCode::Conflict, "a value that must be unique is taken"));
    organization.num = allocateNumber(asker.origin.at);
    organization.id = model::OrganizationId(base::uuidV4());
    organization.createdAt = asker.origin.at;
    organization.updatedAt = asker.origin.at;
    auto ruling = answered(201, organizationJson(organization), etagOf(organization.version));
    std::get<model::Answer>(ruling.outcome).headers.emplace_back("Location", "/api/v1/organizations/" + organization.id.str());
    auto event = eventAbout(organization, asker, model::Action::OrganizationCreated);
    event.metadataJson = metadata({{"slug", organization.slug}, {"plan", organization.plan}});
    ruling.mutation.events.push_back(std::move(event));
    ruling.mutation.changes.emplace_back(model::InsertOrganization{std::move(organization)});
    return ruling;
}

Ruling OrganizationRules::read(const Asker& asker, std::string_view organizationId) const {
    if (!asker.caller.platform())
        if (auto refused = needScope(asker, kRead)) return *std::move(refused);
    auto organization = visible(ports_.organizations, asker, organizationId);
    if (!organization) return std::move(organization).refusal();
    return answered(200, organizationJson(*organization), etagOf(organization->version));
}

Ruling OrganizationRules::list(const Asker& asker, const Query& query) const {
    const bool platform = asker.caller.platform();
    if (!platform)
        if (auto refused = needScope(asker, kRead)) return *std::move(refused);
    const std::string scope = platform ? "organizations" : "organizations/" + asker.caller.organizationId.str();
    auto page = parsePage(query, {}, ports_.cursors, scope);
    if (!page) return refuse(std::move(page).refusal());
    if (!platform) {
        auto own = ports_.organizations.find(asker.caller.organizationId);
        if (!own) return refuse(model::problemOf(own.error()));
        return answered(200, pageBody({organizationJson(*own)}, std::nullopt));
    }
    std::optional<std::int64_t> before;
    if (page->after) before = page->after->number;
    auto organizations = ports_.organizations.list(before, page->limit + 1);
    if (!organizations) return refuse(model::problemOf(organizations.error()));
    std::optional<std::string> cursor;
    if (organizations->size() > page->limit) {
        organizations->resize(page->limit);
        cursor = ports_.cursors.encode({organizations->back().num, {}}, filterKey(scope, *page));
    }
    std::vector<std::string> items;
    for (const auto& organization : *organizations) items.push_back(organizationJson(organization));
    return answered(200, pageBody(items, cursor));
}

Ruling OrganizationRules::update(const Asker& asker, std::string_view organizationId, const base::json::Value& body) const {
    if (auto refused = needScope(asker, model::kPlatformScope)) return *std::move(refused);
    auto found = visible(ports_.organizations, asker, organizationId);
    if (!found) return std::move(found).refusal();
    const auto& before = *found;
    auto organization = before;
    Fields fields(body);
    organization.name = fields.text("name", TextKind::Display).value_or(before.name);
    organization.plan = fields.text("plan", TextKind::Identifier).value_or(before.plan);
    organization.limitsJson = limits(fields).value_or(before.limitsJson);
    if (const auto word = fields.word("status", {"active", "suspended"}))
        organization.status = *word == "active" ? model::OrganizationStatus::Active : model::OrganizationStatus::Suspended;
    if (auto errors = fields.finish(); !errors.empty()) return refuse(model::invalid(std::move(errors)));
    if (!ifMatchHolds(asker.ifMatch, before.version)) return stale();
    if (before.slug == model::kSystemSlug && organization.status != model::OrganizationStatus::Active) return systemStays();
    std::string what;
    const auto note = [&](std::string_view name, bool differs) {
        if (differs) what.append(what.empty() ? "" : ",").append(name);
    };
    note("name", organization.name != before.name);
    note("plan", organization.plan != before.plan);
    note("limits", organization.limitsJson != before.limitsJson);
    note("status", organization.status != before.status);
    if (what.empty()) return answered(200, organizationJson(before), etagOf(before.version));
    return changed(std::move(organization), asker, what, 200);
}

Ruling OrganizationRules::remove(const Asker& asker, std::string_view organizationId) const {
    if (auto refused = needScope(asker, model::kPlatformScope)) return *std::move(refused);
    auto found = visible(ports_.organizations, asker, organizationId);
    if (!found) return std::move(found).refusal();
    auto organization = *std::move(found);
    if (!ifMatchHolds(asker.ifMatch, organization.version)) return stale();
    if (organization.slug == model::kSystemSlug) return systemStays();
    if (organization.status == model::OrganizationStatus::Suspended) return answered(204, {});
    organization.status = model::OrganizationStatus::Suspended;
    return changed(std::move(organization), asker, "status", 204);
}

}  // namespace agentidp::registry
