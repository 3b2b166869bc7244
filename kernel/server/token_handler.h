#pragma once
/// @file kernel/server/token_handler.h
/// The three OAuth endpoints: what the oauth room decided is signed, written to the ledger, and only then answered.
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "audit/ledger.h"
#include "macp/minted.h"
#include "oauth/introspection.h"
#include "oauth/introspection_tally.h"
#include "oauth/issuer.h"
#include "oauth/revocation.h"
#include "oauth/token_endpoint.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "server/budgets.h"
#include "server/directory.h"
#include "server/exchange.h"
#include "server/last_used.h"
#include "server/request_hooks.h"
#include "server/revocation_set.h"
#include "server/workplaces.h"

namespace agentidp::server {

class TokenHandler {
public:
    struct Rooms {
        const oauth::TokenEndpoint& tokens;
        const oauth::Issuer& issuer;
        const oauth::Introspection& introspection;
        const oauth::Revocation& revocation;
        audit::Ledger& ledger;
        Directory& directory;
        ClientBudgets& budgets;
        RevocationSet& revocations;
        oauth::IntrospectionTally& tally;
        const Workplaces& workplaces;
        const base::Clock& clock;
        observe::Metrics& metrics;
        FailureSink failed;  ///< an authentication failed
        LastUsed& lastUsed;
        const HookSettings& hooks;
        observe::Log& log;
        const macp::Minted* minted = nullptr;  ///< null where the mint is off
        /// A revocation is durable; must not block. May be empty.
        std::function<void(const model::Jti& jti, base::Instant until)> revoked = {};
    };
    TokenHandler(Rooms rooms, oauth::TokenSettings settings);
    /// What a reload changed; requests under way finish with what they began with.
    void configure(oauth::TokenSettings settings);

    void token(const ExchangePtr& exchange);
    void introspect(const ExchangePtr& exchange);
    void revoke(const ExchangePtr& exchange);

private:
    struct Issue;
    void decideToken(const ExchangePtr& exchange);
    /// The signature, and the durable entry: whichever is there last lets the answer go.
    void signToken(const std::shared_ptr<Issue>& issue);
    void finishPart(const std::shared_ptr<Issue>& issue);
    void decideIntrospection(const ExchangePtr& exchange);
    void decideRevocation(const ExchangePtr& exchange);
    void decideMintedRevocation(const ExchangePtr& exchange, const oauth::RevocationRequest& request, oauth::RevocationDecision&& decision);
    /// What is known once `mutation` is durable: the token is dead, whoever said so.
    void revokeThenAnswer(const ExchangePtr& exchange, model::Mutation&& mutation, model::Jti jti, std::int64_t expiresAt);
    void refuse(const ExchangePtr& exchange, const oauth::OauthError& error);
    void append(model::AuditEvent&& event);
    /// Nobody waits for it: should another request have been faster, the ledger says Conflict, and all is well.
    void rehash(model::Mutation&& mutation);
    /// Place::Loop only where everything that `work` reads is in memory. `client`: whom the request says it is from.
    void doAt(Place place, std::string_view client, const ExchangePtr& exchange, void (TokenHandler::*work)(const ExchangePtr&));
    [[nodiscard]] base::ThreadPool::Lane laneOf(std::string_view client, const ExchangePtr& exchange);
    [[nodiscard]] observe::Counter issuedCounter(const std::string& scope);

    [[nodiscard]] std::shared_ptr<const oauth::TokenSettings> settings();

    Rooms rooms_;
    base::Guarded<std::shared_ptr<const oauth::TokenSettings>> settings_;
    base::Guarded<std::unordered_map<std::string, observe::Counter>> issuedByScope_;
};

}  // namespace agentidp::server
