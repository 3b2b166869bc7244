#pragma once
/// @file kernel/server/pipeline.h
/// The way of every request, as one list of named steps with the reason for their order beside it (pipeline.cpp).
#include <atomic>
#include <functional>
#include <memory>

#include "base/thread_pool.h"
#include "http/cors.h"
#include "http/router.h"
#include "oauth/auth_failures.h"
#include "oauth/bearer.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "server/budgets.h"
#include "server/exchange.h"

namespace agentidp::server {

/// Which routes a listener serves.
enum class Surface {
    Everything,
    Public,      ///< all but operations
    Operations,  ///< health, readiness, metrics
};

/// What a reload may change.
struct PipelineSettings {
    http::CorsPolicy cors;
    bool requireTls = false;
    bool logRequests = true;
    std::int64_t auditVerifyPerMinute = 30;
};

class Front {
public:
    struct Rooms {
        const Endpoints& endpoints;
        const oauth::BearerAuth& bearer;
        oauth::AuthFailures& failures;
        ClientBudgets& budgets;
        base::ThreadPool& pool;
        const base::Clock& clock;
        observe::Log& log;
        observe::Metrics& metrics;
        FailureSink failed;
    };
    /// Invalid: the table of routes contradicts itself.
    static base::Result<std::unique_ptr<Front>> make(Rooms rooms, Surface surface, MintRoutes mint, PipelineSettings settings);
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;
    ~Front();

    void handle(http::Request&& request, http::Respond respond) const;
    /// Words a refusal of the listener like every other one of this API, or of the mint.
    [[nodiscard]] static http::Response wordRefusal(int status, std::string_view why, Voice voice);
    void configure(PipelineSettings settings);

private:
    struct Impl;
    explicit Front(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace agentidp::server
