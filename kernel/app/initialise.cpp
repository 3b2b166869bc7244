#include "app/initialise.h"

#include <future>

#include "base/ids.h"
#include "base/json.h"
#include "oauth/metadata.h"
#include "registry/credentials.h"
#include "registry/number.h"
#include "store/agents.h"
#include "store/credentials.h"
#include "store/organizations.h"

namespace agentidp::app {
namespace {

model::Organization organization(std::string_view slug, std::string_view name, base::Instant now) {
    model::Organization made;
    made.num = registry::allocateNumber(now);
    made.id = model::OrganizationId(base::uuidV4());
    made.slug = slug;
    made.name = name;
    made.createdAt = made.updatedAt = now;
    return made;
}

model::AuditEvent event(model::Action action, const model::Organization& organization, const Initialisation& work, base::Instant now) {
    model::AuditEvent made;
    made.eventId = model::EventId(base::uuidV7(now));
    made.timestamp = now;
    made.action = action;
    made.organizationId = organization.id;
    made.organizationNum = organization.num;
    made.actor = work.actor;
    return made;
}

}  // namespace

std::string FirstAdmin::json() const {
    std::string out;
    base::json::Writer writer(out);
    writer.beginObject().key("organizationId").text(organizationId).key("agentId").text(agentId).key("clientId").text(agentId);
    writer.key("clientSecret").text(secret.text()).key("scopes").beginArray();
    for (const auto& scope : scopes) writer.text(scope);
    writer.endArray().endObject();
    return out;
}

base::Result<bool> isInitialised(plugin::Storage& storage, const base::Clock& clock) {
    const auto found = store::Organizations(storage, clock).findBySlug(model::kSystemSlug);
    if (found) return true;
    if (found.error().code == base::Errc::NotFound) return false;
    return found.error();
}

base::Result<audit::Committed> appendAndWait(audit::Ledger& ledger, audit::Effect effect) {
    std::promise<base::Result<audit::Committed>> promise;
    auto outcome = promise.get_future();
    ledger.append(std::move(effect), [&promise](base::Result<audit::Committed> committed) { promise.set_value(std::move(committed)); });
    return outcome.get();
}

base::Result<FirstAdmin> initialise(Initialisation work) {
    const auto now = work.clock.now();
    const auto system = organization(model::kSystemSlug, "System", now);
    const auto general = organization(model::kDefaultSlug, "Default", now);

    model::Agent agent;
    agent.num = registry::allocateNumber(now);
    agent.id = model::AgentId(base::uuidV4());
    agent.organizationNum = system.num;
    agent.organizationId = system.id;
    agent.email = "admin@system.invalid";
    agent.agentType = "administrator";
    agent.version = "1";
    agent.owner = "operator";
    agent.deploymentEnv = model::DeploymentEnv::Production;
    agent.scopes = oauth::builtInScopes();
    agent.createdAt = agent.updatedAt = now;

    FirstAdmin admin{system.id.str(), agent.id.str(), work.secret ? std::move(*work.secret) : registry::makeClientSecret(), agent.scopes};
    const auto mac = work.peppers.mac(work.peppers.currentId(), admin.secret.view());
    if (!mac) return mac.error();
    model::Credential credential;
    credential.id = model::CredentialId(base::uuidV4());
    credential.agentId = agent.id;
    credential.agentNum = agent.num;
    credential.secretMac.assign(mac->begin(), mac->end());
    credential.pepperId = work.peppers.currentId();
    credential.createdAt = now;

    audit::Effect effect;
    effect.ops = {store::insertOrganization(system), store::insertOrganization(general), store::insertAgent(agent),
                  store::insertCredential(credential)};
    effect.events.push_back(event(model::Action::SystemInitialised, system, work, now));
    effect.events.push_back(event(model::Action::OrganizationCreated, system, work, now));
    effect.events.push_back(event(model::Action::OrganizationCreated, general, work, now));
    for (const auto action : {model::Action::AgentCreated, model::Action::CredentialGenerated}) {
        effect.events.push_back(event(action, system, work, now));
        effect.events.back().agentId = agent.id;
        effect.events.back().agentNum = agent.num;
    }
    if (auto kept = work.keep(admin); !kept) return std::move(kept).error();
    if (auto committed = appendAndWait(work.ledger, std::move(effect)); !committed) {
        if (committed.error().code == base::Errc::Exists && work.discard) work.discard();
        return std::move(committed).error();
    }
    return admin;
}

}  // namespace agentidp::app
