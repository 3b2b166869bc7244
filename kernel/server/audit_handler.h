#pragma once
/// @file kernel/server/audit_handler.h
/// The ledger for those who may read it: events, proofs, tiles, checkpoints, verification. Everything but the public key may
/// block and runs on the pool.
#include <functional>
#include <map>
#include <string>

#include "audit/reader.h"
#include "base/guarded.h"
#include "base/json.h"
#include "base/thread_pool.h"
#include "registry/cursor.h"
#include "server/directory.h"
#include "server/exchange.h"

namespace agentidp::server {

enum class VerifyMode { SinceLast, Full };

class AuditHandler {
public:
    struct Rooms {
        audit::Reader& reader;
        Directory& directory;
        const registry::Cursors& cursors;
        /// {ok, from, to, checkpoint, entriesHashed, firstBad, lseqGaps}; one at a time.
        std::function<base::Result<base::json::Value>(VerifyMode)> verify;
        std::function<std::string()> origin;
        std::function<std::string()> verifierKey;  ///< the text form of a note key
        const base::Clock& clock;
    };
    explicit AuditHandler(Rooms rooms) : rooms_(std::move(rooms)), jobs_("audit-verify", 1, 4) {}
    void bind(Endpoints& endpoints);

private:
    void list(const ExchangePtr& exchange);
    void read(const ExchangePtr& exchange);
    void verify(const ExchangePtr& exchange);
    void verifyInFull(const ExchangePtr& exchange);
    void job(const ExchangePtr& exchange);
    void checkpoint(const ExchangePtr& exchange);
    void proof(const ExchangePtr& exchange);
    void consistency(const ExchangePtr& exchange);
    void tile(const ExchangePtr& exchange);

    struct Job {
        std::string status = "running";
        base::json::Value result;
    };
    Rooms rooms_;
    base::Guarded<std::map<std::string, Job>> known_;  ///< by id, which is ordered by time; bounded
    base::ThreadPool jobs_;                            ///< last: its work touches the rest
};

}  // namespace agentidp::server
