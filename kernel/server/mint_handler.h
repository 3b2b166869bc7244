#pragma once
/// @file kernel/server/mint_handler.h
/// The mint's own routes: who asks is let in or not, the request is checked, the token is signed, its event is made durable, and only
/// then it is answered.
#include <functional>
#include <memory>

#include "audit/ledger.h"
#include "macp/gate.h"
#include "macp/mint.h"
#include "oauth/auth_failures.h"
#include "observe/metrics.h"
#include "server/budgets.h"
#include "server/exchange.h"
#include "server/workplaces.h"

namespace agentidp::server {

/// What a reload may change.
struct MintLimits {
    macp::TtlRules ttl;
    std::int64_t perMinute = 0;  ///< a caller's; 0: no limit
};

/// Any thread.
class MintHandler {
public:
    struct Rooms {
        const macp::Gate& gate;
        const macp::Mint& mint;
        audit::Ledger& ledger;
        ClientBudgets& budgets;
        oauth::AuthFailures& failures;
        const Workplaces& workplaces;
        const oauth::Signer& signer;
        observe::Metrics& metrics;
        FailureSink failed;
    };
    MintHandler(Rooms rooms, MintLimits limits);
    void configure(MintLimits limits);
    void bind(Endpoints& endpoints);

private:
    void tokens(const ExchangePtr& exchange);
    void health(const ExchangePtr& exchange) const;
    void decide(const ExchangePtr& exchange);
    [[nodiscard]] macp::MintResult<macp::MintCaller> admit(const ExchangePtr& exchange);
    [[nodiscard]] macp::MintResult<macp::MintedToken> minted(const ExchangePtr& exchange);
    [[nodiscard]] std::shared_ptr<const MintLimits> limits();

    Rooms rooms_;
    observe::Counter count_;
    base::Guarded<std::shared_ptr<const MintLimits>> limits_;
};

}  // namespace agentidp::server
