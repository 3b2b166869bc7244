#pragma once
/// @file kernel/app/initialise.h
/// What an empty installation begins with: the organizations `system` and `default`, and a first administrator in `system`.
#include <functional>
#include <optional>
#include <string>

#include "audit/ledger.h"
#include "base/secret.h"
#include "keys/data_keys.h"
#include "model/scope.h"
#include "plugin/storage.h"

namespace agentidp::app {

struct FirstAdmin {
    std::string organizationId;
    std::string agentId;  ///< also the client id
    base::Secret secret;
    model::ScopeSet scopes;
    /// {organizationId, agentId, clientId, clientSecret, scopes}. The text holds the secret: wipe it.
    [[nodiscard]] std::string json() const;
};

struct Initialisation {
    plugin::Storage& storage;
    audit::Ledger& ledger;
    const keys::Peppers& peppers;
    const base::Clock& clock;
    std::optional<base::Secret> secret;  ///< from bootstrap.secret; absent: a new one is made
    std::string actor;                   ///< "system", "cli:<uid>"
    /// Called with the administrator before anything is committed: if it cannot be kept, nothing happens.
    std::function<base::Result<void>(const FirstAdmin&)> keep;
    /// Takes that back: another replica was first, and this administrator never was. May be empty.
    std::function<void()> discard = {};
};

/// Whether somebody was here before.
[[nodiscard]] base::Result<bool> isInitialised(plugin::Storage& storage, const base::Clock& clock);

/// Errc::Exists: another replica was faster, nothing was changed. Blocks until it is durable.
[[nodiscard]] base::Result<FirstAdmin> initialise(Initialisation work);

/// Appends and waits for durability. Never on the ledger's own thread.
[[nodiscard]] base::Result<audit::Committed> appendAndWait(audit::Ledger& ledger, audit::Effect effect);

}  // namespace agentidp::app
