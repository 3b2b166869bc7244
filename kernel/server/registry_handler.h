#pragma once
/// @file kernel/server/registry_handler.h
/// The REST API of agents, credentials and organizations: reads the body, asks the registry's rules, commits what they decided
/// with its events, and answers from the commit. All on pool threads.
#include <functional>
#include <string_view>

#include "audit/ledger.h"
#include "observe/metrics.h"
#include "plugin/storage.h"
#include "registry/agents.h"
#include "registry/credentials.h"
#include "registry/organizations.h"
#include "secrets/client_secrets.h"
#include "server/exchange.h"
#include "server/request_hooks.h"

namespace agentidp::server {

class RegistryHandler {
public:
    struct Rooms {
        const registry::AgentRules& agents;
        const registry::CredentialRules& credentials;
        const registry::OrganizationRules& organizations;
        audit::Ledger& ledger;
        plugin::Storage& storage;
        const base::Clock& clock;
        observe::Metrics& metrics;
        const HookSettings& hooks;
        secrets::ClientSecrets* secrets = nullptr;  ///< null where no ruling names a secret store
    };
    explicit RegistryHandler(Rooms rooms) : rooms_(rooms) {}
    void bind(Endpoints& endpoints);

private:
    using Rule = std::function<registry::Ruling(const registry::Asker&, const base::json::Value& body)>;
    using Read = std::function<registry::Ruling(const registry::Asker&, const registry::Query& query)>;
    void write(const ExchangePtr& exchange, const Rule& rule);
    void create(const ExchangePtr& exchange, const Rule& rule);
    void read(const ExchangePtr& exchange, const Read& rule);
    /// `hooks`: what the rule asked; they see its events too. Null: none.
    void commit(const ExchangePtr& exchange, registry::Ruling&& ruling, std::vector<plugin::Op> more, RequestHooks* hooks = nullptr);
    base::Result<void> keepSecrets(const registry::SecretChanges& changes) const;
    Rooms rooms_;
};

/// The body as JSON; refuses foreign media types (415), and with a pointer-less VALIDATION_ERROR what is not strict JSON. An empty
/// body is `{}`.
[[nodiscard]] model::Decided<base::json::Value, model::Problem> jsonBody(const http::Request& request);

}  // namespace agentidp::server
